// SPDX-License-Identifier: GPL-2.0
/*
 * The mock TDX module: how the SEAMCALLs of the kernel get to it.
 *
 * On a CPU without SEAM the SEAMCALL instruction raises #UD.  The trap runs
 * the model on the registers of the interrupted code and steps over the
 * instruction, so that the code that makes the SEAMCALL is the one that runs
 * on real hardware, down to the instruction.
 */
#include <linux/bug.h>
#include <linux/context_tracking_state.h>
#include <linux/cpumask.h>
#include <linux/kdebug.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/processor.h>
#include <linux/ptrace.h>
#include <linux/rcupdate.h>
#include <linux/smp.h>
#include <linux/topology.h>
#include <linux/uaccess.h>
#include <asm/e820/api.h>
#include <asm/extable.h>
#include <asm/msr.h>
#include <asm/tdx.h>
#include <asm/trapnr.h>
#include <asm/tsc.h>

#include "trap.h"

static const u8 seamcall_insn[] = { 0x66, 0x0f, 0x01, 0xcf };

/* The CPU has SEAM range registers */
#define MSR_IA32_MTRRCAP	0xfe
#define MTRRCAP_SEAMRR		BIT_ULL(15)

/* What a machine with 31 KeyIDs for shared memory reports as first private one */
#define FIRST_PRIVATE_KEYID	32

static struct tdx_mock *trapping_mock;

static u64 run_model(struct tdx_mock *mock, struct pt_regs *regs)
{
	unsigned int cpu = smp_processor_id();
	struct tdx_module_args args = {
		.rcx = regs->cx,
		.rdx = regs->dx,
		.r8  = regs->r8,
		.r9  = regs->r9,
		.r10 = regs->r10,
		.r11 = regs->r11,
		.r12 = regs->r12,
		.r13 = regs->r13,
		.r14 = regs->r14,
		.r15 = regs->r15,
		.rbx = regs->bx,
		.rdi = regs->di,
		.rsi = regs->si,
	};
	u64 status;

	status = tdx_mock_seamcall(mock, cpu, topology_logical_package_id(cpu), !in_nmi(),
				   regs->ax, &args);

	/* None of these three has got as far as an output register */
	if (status == TDX_SEAMCALL_VMFAILINVALID || status == TDX_SEAMCALL_GP ||
	    status == TDX_SEAMCALL_UD)
		return status;

	regs->ax  = status;
	regs->cx  = args.rcx;
	regs->dx  = args.rdx;
	regs->r8  = args.r8;
	regs->r9  = args.r9;
	regs->r10 = args.r10;
	regs->r11 = args.r11;
	regs->r12 = args.r12;
	regs->r13 = args.r13;
	regs->r14 = args.r14;
	regs->r15 = args.r15;
	regs->bx  = args.rbx;
	regs->di  = args.rdi;
	regs->si  = args.rsi;
	return status;
}

static int trap_seamcall(struct notifier_block *nb, unsigned long event, void *data)
{
	struct tdx_mock *mock = READ_ONCE(trapping_mock);
	const struct die_args *die = data;
	struct pt_regs *regs = die->regs;
	u8 insn[sizeof(seamcall_insn)];
	unsigned long flags;
	u64 status;

	if (!mock || event != DIE_TRAP || die->trapnr != X86_TRAP_UD || user_mode(regs))
		return NOTIFY_DONE;

	if (copy_from_kernel_nofault(insn, (void *)regs->ip, sizeof(insn)) ||
	    memcmp(insn, seamcall_insn, sizeof(insn)))
		return NOTIFY_DONE;

	/* A CPU is in the TDX module from SEAMCALL to SEAMRET, undisturbed */
	local_irq_save(flags);
	status = run_model(mock, regs);
	local_irq_restore(flags);

	/* Let the exception take its usual way, through the exception table */
	if (status == TDX_SEAMCALL_UD)
		return NOTIFY_DONE;
	if (status == TDX_SEAMCALL_GP)
		return fixup_exception(regs, X86_TRAP_GP, 0, 0) ? NOTIFY_STOP : NOTIFY_DONE;

	if (status == TDX_SEAMCALL_VMFAILINVALID)
		regs->flags |= X86_EFLAGS_CF;
	else
		regs->flags &= ~X86_EFLAGS_CF;
	regs->ip += sizeof(seamcall_insn);

	return NOTIFY_STOP;
}

static struct notifier_block trap_nb = {
	.notifier_call = trap_seamcall,
};

/**
 * tdx_mock_trap_possible() - may SEAMCALLs be trapped on this machine?
 *
 * Not where SEAMCALL is a working instruction, so that a mock TDX module can
 * never stand in front of a real one.  And not where the kernel tracks user
 * context, as on CPUs of nohz_full=: RCU does not watch then while TDH.VP.ENTER
 * is made, and an exception from the kernel does not change that.
 *
 * Return: true if so.  Early in the boot the kernel does not know yet whether it
 * will track user context.
 */
bool tdx_mock_trap_possible(void)
{
	u64 mtrrcap;

	if (context_tracking_enabled())
		return false;

	if (rdmsrq_safe(MSR_IA32_MTRRCAP, &mtrrcap))
		return true;

	return !(mtrrcap & MTRRCAP_SEAMRR);
}

/**
 * tdx_mock_trap() - direct SEAMCALLs to a module
 * @mock: the module that answers from now on; NULL: SEAMCALLs raise #UD
 *
 * Where no SEAMCALL can be trapped, which callers know from
 * tdx_mock_trap_possible(), nothing is done.
 *
 * Context: may sleep.  SEAMCALLs that are under way have been answered in the
 * end, be it by the former module.
 * Return: the module that has answered up to now, NULL if there was none.
 */
struct tdx_mock *tdx_mock_trap(struct tdx_mock *mock)
{
	struct tdx_mock *former = trapping_mock;

	if (WARN_ON_ONCE(!tdx_mock_trap_possible()))
		return former;

	if (!former && mock)
		register_die_notifier(&trap_nb);
	WRITE_ONCE(trapping_mock, mock);

	/* Both wait for those who have still seen the former module */
	if (former && !mock)
		unregister_die_notifier(&trap_nb);
	else if (former)
		synchronize_rcu();

	return former;
}

static bool page_is_free(u64 pfn)
{
	return !page_count(pfn_to_page(pfn));
}

/**
 * tdx_mock_this_machine() - what a module would find on this machine
 * @platform: out
 *
 * The convertible memory is what the firmware reports as RAM from 1 MB on, as
 * on real machines.  It does not come from the kernel's own memory map, which
 * is what it serves to check.
 */
void tdx_mock_this_machine(struct tdx_mock_platform *platform)
{
	*platform = (struct tdx_mock_platform) {
		.keyid_start	= FIRST_PRIVATE_KEYID,
		.phys_bits	= boot_cpu_data.x86_phys_bits,
		.tsc_khz	= tsc_khz,
		.nr_cpus	= nr_cpu_ids,
		.nr_packages	= topology_max_packages(),
		.page_is_free	= page_is_free,
	};

	for (unsigned int i = 0; i < e820_table_firmware->nr_entries; i++) {
		const struct e820_entry *entry = &e820_table_firmware->entries[i];
		u64 start = max_t(u64, PAGE_ALIGN(entry->addr), SZ_1M);
		u64 end = PAGE_ALIGN_DOWN(entry->addr + entry->size);

		if (entry->type != E820_TYPE_RAM || start >= end ||
		    platform->nr_cmrs == TDX_MOCK_MAX_CMRS)
			continue;

		platform->cmrs[platform->nr_cmrs].start = start;
		platform->cmrs[platform->nr_cmrs].end = end;
		platform->nr_cmrs++;
	}
}
