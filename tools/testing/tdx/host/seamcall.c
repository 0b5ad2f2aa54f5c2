// SPDX-License-Identifier: GPL-2.0
/*
 * What is assembly in the kernel, and that part of tdx.c which page arrays call:
 * SEAMCALLs that end in the mock TDX module.
 */
#include <asm/tdx.h>

#include "mock/trap.h"
#include "seamcall_internal.h"
#include "host.h"

static struct tdx_mock *module;
host_seamcall_t host_seamcall_filter;
bool cache_state_incoherent;
__thread unsigned int host_preempt_count;

/* The front end of the mock, as trap.c is one in the kernel */

bool tdx_mock_trap_possible(void)
{
	return true;
}

struct tdx_mock *tdx_mock_trap(struct tdx_mock *mock)
{
	struct tdx_mock *former = module;

	module = mock;
	return former;
}

void tdx_mock_this_machine(struct tdx_mock_platform *platform)
{
	*platform = (struct tdx_mock_platform) {
		.keyid_start	= HOST_KEYID,
		.phys_bits	= HOST_PHYS_BITS,
		.nr_packages	= 1,
		.nr_cmrs	= 1,
		.cmrs		= { { host_memory_start(), host_memory_end() } },
		.page_is_free	= host_page_is_free,
	};
}

/**
 * host_module() - have the module answer
 * @fn:		RAX
 * @regs:	the other registers, in and out
 *
 * Return: RAX.
 */
u64 host_module(u64 fn, struct tdx_module_args *regs)
{
	host_check(module, "SEAMCALL %#llx, and no module", fn);
	return tdx_mock_seamcall(module, 0, 0, true, fn, regs);
}

static u64 instruction(u64 fn, struct tdx_module_args *regs)
{
	host_check(cache_state_incoherent, "private lines in caches that nobody will flush");
	return host_seamcall_filter ? host_seamcall_filter(fn, regs) : host_module(fn, regs);
}

u64 __seamcall(u64 fn, struct tdx_module_args *args)
{
	struct tdx_module_args regs = *args;

	return instruction(fn, &regs);
}

u64 __seamcall_ret(u64 fn, struct tdx_module_args *args)
{
	struct tdx_module_args regs = *args;
	u64 status = instruction(fn, &regs);

	args->rcx = regs.rcx;
	args->rdx = regs.rdx;
	args->r8 = regs.r8;
	args->r9 = regs.r9;
	args->r10 = regs.r10;
	args->r11 = regs.r11;
	return status;
}

u64 __seamcall_saved_ret(u64 fn, struct tdx_module_args *args)
{
	u64 version = args->version;
	u64 status = instruction(fn, args);

	args->version = version;
	return status;
}

u64 tdh_phymem_page_wbinvd_global(struct page *page)
{
	struct tdx_module_args args = {
		.rcx = page_to_phys(page) | (u64)HOST_KEYID << HOST_PHYS_BITS,
	};

	return seamcall(TDH_PHYMEM_PAGE_WBINVD, &args);
}
