// SPDX-License-Identifier: GPL-2.0
/*
 * The mock TDX module: booting a machine on it, as "tdx_mock=" says.
 *
 * The hooks give the kernel what SEAMCALL is not part of: KeyIDs, and VMX
 * operation where the CPU has no VMX.
 */
#define pr_fmt(fmt)	"tdx_mock: " fmt

#include <linux/cpufeature.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/panic.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <asm/setup.h>
#include <asm/tdx_mock.h>

#include "report.h"
#include "trap.h"

static struct tdx_mock_config boot_config __initdata;
static bool boot_on_mock __initdata;
static bool keyids_from_mock __initdata;
static bool mock_on __ro_after_init;

static int __init parse_tdx_mock(char *text)
{
	static char options[COMMAND_LINE_SIZE] __initdata;
	const char *bad;

	if (!text || strscpy(options, text, sizeof(options)) < 0)
		return -EINVAL;

	boot_on_mock = false;
	if (!tdx_mock_trap_possible()) {
		pr_err("this CPU has SEAM, the mock stays off\n");
		return 0;
	}

	tdx_mock_default_config(&boot_config);
	if (tdx_mock_parse_config(&boot_config, options, &bad)) {
		pr_err("bad option or value: '%s' in '%s', the mock stays off\n", bad, text);
		return 0;
	}

	boot_on_mock = true;
	return 0;
}
early_param("tdx_mock", parse_tdx_mock);

/* Whether the machine is one for the mock is not known when options are parsed */
static bool __init may_boot_on_mock(void)
{
	struct tdx_mock_platform platform;

	if (!boot_on_mock)
		return false;

	tdx_mock_this_machine(&platform);
	if (!tdx_mock_has_room(&platform)) {
		pr_err("more than %d CPUs or %d packages, the mock stays off\n",
		       TDX_MOCK_MAX_CPUS, TDX_MOCK_MAX_PACKAGES);
		boot_on_mock = false;
	} else if (!tdx_mock_trap_possible()) {
		pr_err("user context is tracked (nohz_full=), the mock stays off\n");
		boot_on_mock = false;
	}

	return boot_on_mock;
}

/**
 * tdx_mock_keyids() - private KeyIDs of a machine that has none
 * @start:	out: the first one
 * @nr:		out: how many
 *
 * Return: 0, or -ENODEV if the machine does not boot on the mock.
 */
int __init tdx_mock_keyids(u32 *start, u32 *nr)
{
	struct tdx_mock_platform platform;

	if (!may_boot_on_mock())
		return -ENODEV;

	tdx_mock_this_machine(&platform);
	*start = platform.keyid_start;
	*nr = boot_config.nr_keyids;
	keyids_from_mock = true;
	return 0;
}

/**
 * tdx_mock_replaces_vmx() - is VMX operation to be taken for granted?
 *
 * Return: true if the machine boots on the mock and its CPUs have no VMX.
 */
bool __init tdx_mock_replaces_vmx(void)
{
	return may_boot_on_mock() && !boot_cpu_has(X86_FEATURE_VMX);
}

/**
 * tdx_mock_on() - does the mock take the SEAMCALLs of this machine?
 *
 * Return: true if so, from early_initcall() on.
 */
bool tdx_mock_on(void)
{
	return mock_on;
}
EXPORT_SYMBOL_FOR_MODULES(tdx_mock_on, "kvm,kvm-intel");

static int __init start_tdx_mock(void)
{
	struct tdx_mock_platform platform;
	struct tdx_mock *mock;

	if (!boot_on_mock)
		return 0;

	/* tdx_mock_keyids() is asked only where the CPU has no KeyIDs */
	if (!keyids_from_mock) {
		pr_err("this CPU has private KeyIDs, the mock stays off\n");
		return 0;
	}

	tdx_mock_this_machine(&platform);
	mock = tdx_mock_create(&boot_config, &platform);
	if (!mock)
		return -ENOMEM;

	/*
	 * The mock P-SEAMLDR leaves the current VMCS alone.  No code has been
	 * patched for that bug, so it is not too late, as setup_clear_cpu_cap()
	 * would have it.
	 */
	clear_bit(X86_BUG_SEAMRET_INVD_VMCS, (unsigned long *)boot_cpu_data.x86_capability);

	add_taint(TAINT_TEST, LOCKDEP_STILL_OK);
	mock_on = true;
	tdx_mock_trap(mock);
	tdx_mock_report_start(mock);
	pr_info("a mock TDX module takes the SEAMCALLs, nothing is protected\n");
	return 0;
}
early_initcall(start_tdx_mock);
