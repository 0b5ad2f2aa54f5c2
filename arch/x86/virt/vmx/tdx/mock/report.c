// SPDX-License-Identifier: GPL-2.0
/*
 * The mock TDX module: what it has seen, for people and for test scripts.
 *
 * /sys/kernel/debug/tdx_mock/ while the machine runs, and a line in the kernel
 * log after the last SEAMCALL of a machine that goes down.
 */
#define pr_fmt(fmt)	"tdx_mock: " fmt

#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/printk.h>
#include <linux/seq_file.h>
#include <linux/sprintf.h>
#include <linux/syscore_ops.h>
#include "mock.h"

#include "report.h"

static struct tdx_mock *reported_mock;

static u64 total_calls(struct tdx_mock *mock)
{
	unsigned int pos = 0;
	const char *name;
	u64 total = 0;
	u64 nr_calls;

	while (tdx_mock_next_leaf(mock, &pos, &name, &nr_calls))
		total += nr_calls;

	return total;
}

static int calls_show(struct seq_file *m, void *unused)
{
	unsigned int pos = 0;
	const char *name;
	u64 nr_calls;

	while (tdx_mock_next_leaf(reported_mock, &pos, &name, &nr_calls)) {
		if (nr_calls)
			seq_printf(m, "%s %llu\n", name, nr_calls);
	}

	return 0;
}
DEFINE_SHOW_ATTRIBUTE(calls);

/* What the ledger holds against the host, to @m; to the kernel log if that is NULL */
static void tell_breaches(struct seq_file *m, const struct tdx_mock_breach *breaches,
			  unsigned int nr_breaches)
{
	char line[128];

	for (unsigned int i = 0; i < min(nr_breaches, TDX_MOCK_MAX_BREACHES); i++) {
		snprintf(line, sizeof(line), "page at %#llx: %s\n", breaches[i].pa,
			 tdx_mock_breach_name(breaches[i].kind));
		if (m)
			seq_puts(m, line);
		else
			pr_err("%s", line);
	}
}

static int ledger_show(struct seq_file *m, void *unused)
{
	struct tdx_mock_breach breaches[TDX_MOCK_MAX_BREACHES];
	unsigned int nr_breaches = tdx_mock_ledger_audit(reported_mock, breaches,
							 ARRAY_SIZE(breaches));

	if (!nr_breaches)
		seq_puts(m, "clean\n");
	else
		seq_printf(m, "%u breaches\n", nr_breaches);
	tell_breaches(m, breaches, nr_breaches);

	return 0;
}
DEFINE_SHOW_ATTRIBUTE(ledger);

static int module_show(struct seq_file *m, void *unused)
{
	const struct tdx_mock_config *config = tdx_mock_config(reported_mock);
	struct tdx_mock_td_usage usage;

	tdx_mock_td_usage(reported_mock, &usage);
	seq_printf(m, "state %s\n", tdx_mock_state_name(reported_mock));
	seq_printf(m, "version %llu.%llu.%02llu\n", config->major, config->minor,
		   config->update);
	seq_printf(m, "features %#llx\n", config->features0);
	seq_printf(m, "owned_kb %llu\n", tdx_mock_pages_owned(reported_mock) * PAGE_SIZE / SZ_1K);
	seq_printf(m, "tds %u\n", usage.nr_tds);
	seq_printf(m, "vcpus %u\n", usage.nr_vcpus);
	seq_printf(m, "hkids %u\n", usage.nr_hkids);

	return 0;
}
DEFINE_SHOW_ATTRIBUTE(module);

static int __init create_debugfs(void)
{
	struct dentry *dir;

	if (!reported_mock)
		return 0;

	dir = debugfs_create_dir("tdx_mock", NULL);
	debugfs_create_file("calls", 0400, dir, NULL, &calls_fops);
	debugfs_create_file("ledger", 0400, dir, NULL, &ledger_fops);
	debugfs_create_file("module", 0400, dir, NULL, &module_fops);
	return 0;
}
late_initcall(create_debugfs);

static void report_shutdown(void *unused)
{
	struct tdx_mock_breach breaches[TDX_MOCK_MAX_BREACHES];
	unsigned int nr_breaches = tdx_mock_ledger_audit(reported_mock, breaches,
							 ARRAY_SIZE(breaches));

	if (nr_breaches)
		pr_err("module %s after %llu SEAMCALLs, %u breaches\n",
		       tdx_mock_state_name(reported_mock), total_calls(reported_mock),
		       nr_breaches);
	else
		pr_info("module %s after %llu SEAMCALLs, ledger clean\n",
			tdx_mock_state_name(reported_mock), total_calls(reported_mock));

	tell_breaches(NULL, breaches, nr_breaches);
}

static const struct syscore_ops report_syscore_ops = {
	.shutdown = report_shutdown,
};

static struct syscore report_syscore = {
	.ops = &report_syscore_ops,
};

/**
 * tdx_mock_report_start() - report on a module from now on
 * @mock: the module; it stays for as long as the machine runs
 *
 * To be called before the kernel registers its own shutdown of TDX: what is
 * registered last is shut down first.
 *
 * Context: boot.
 */
void __init tdx_mock_report_start(struct tdx_mock *mock)
{
	reported_mock = mock;
	register_syscore(&report_syscore);
}
