// SPDX-License-Identifier: GPL-2.0
/*
 * What the extensions cost: a benchmark in the shape of a KUnit suite, for
 * tools/testing/tdx/bench.  Under an emulator that has the TSC count
 * instructions, the figures are the same each time.
 */
#define pr_fmt(fmt)	"tdx_bench: " fmt

#include <kunit/test.h>
#include <linux/init.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <asm/msr.h>
#include <asm/tdx.h>

#include "../ext.h"
#include "../page_array.h"
#include "../seamcall_internal.h"
#include "../tdx.h"
#include "fixture.h"

/* 50 MB: the pool that one feature wants */
#define NR_PAGES	12800
#define MODULE		"features=0x8000140002,pool=12800,ext_init=1"

#define NR_SEAMCALLS	100

/* When SEAMCALLs reached the module */
struct timeline {
	u64 first_mem_add;
	u64 ext_init;
};

static bool note_time(struct tdx_mock *mock, struct tdx_mock_call *call, u64 *status)
{
	struct timeline *timeline = tdx_mock_hook_data(mock);

	if (call->leaf == TDH_EXT_MEM_ADD && !timeline->first_mem_add)
		timeline->first_mem_add = rdtsc_ordered();
	if (call->leaf == TDH_EXT_INIT)
		timeline->ext_init = rdtsc_ordered();

	return false;
}

/*
 * The module gets its pages between the two points in time that are noted:
 * nothing in the product takes any for the benchmark's sake.  The module keeps
 * the pages, thus the memory is lost until the next boot.
 */
static void __init bench_pool(struct kunit *test)
{
	struct tdx_mock *mock = tdx_test_ready_mock(test, MODULE);
	struct timeline timeline = {};
	struct tdx_page_array *array;
	struct tdx_ext_info info;
	u64 start, created;

	tdx_mock_set_hook(mock, note_time, &timeline);
	start = rdtsc_ordered();
	tdx_ext_init(TDX_FEATURES0_EXT);
	tdx_mock_set_hook(mock, NULL, NULL);

	tdx_ext_get_info(&info);
	KUNIT_ASSERT_EQ(test, info.state, TDX_EXT_READY);
	KUNIT_ASSERT_EQ(test, info.pool_pages, NR_PAGES);
	tdx_test_expect_clean_ledger(test, mock);

	pr_info("pages %u alloc_cycles %llu handover_cycles %llu calls %llu\n", NR_PAGES,
		timeline.first_mem_add - start, timeline.ext_init - timeline.first_mem_add,
		tdx_mock_nr_calls(mock, TDH_EXT_MEM_ADD));

	/* The way out if the module refuses the first page */
	array = tdx_page_array_create(NR_PAGES);
	KUNIT_ASSERT_NOT_NULL(test, array);
	created = rdtsc_ordered();
	tdx_page_array_release(array);
	pr_info("pages %u release_cycles %llu\n", NR_PAGES, rdtsc_ordered() - created);
}

static bool answer(struct tdx_mock *mock, struct tdx_mock_call *call, u64 *status)
{
	*status = TDX_SUCCESS;
	return true;
}

/* A SEAMCALL that is trapped, answered at once and returned from */
static void __init bench_seamcall(struct kunit *test)
{
	struct tdx_mock *mock = tdx_test_ready_mock(test, MODULE);
	struct tdx_module_args args = {};
	u64 start;

	tdx_mock_set_hook(mock, answer, NULL);
	start = rdtsc_ordered();
	for (unsigned int i = 0; i < NR_SEAMCALLS; i++)
		seamcall_ret(TDH_SYS_RD, &args);
	pr_info("seamcalls %u cycles %llu\n", NR_SEAMCALLS, rdtsc_ordered() - start);
}

/* Memory is lost, and time: not in a run of all suites */
static int __init skip_unless_asked(struct kunit *test)
{
	const char *glob = kunit_filter_glob();

	if (!glob || !strstarts(glob, "tdx_bench"))
		kunit_skip(test, "runs with kunit.filter_glob=tdx_bench only");

	return 0;
}

static struct kunit_case __refdata bench_cases[] = {
	KUNIT_CASE_SLOW(bench_pool),
	KUNIT_CASE_SLOW(bench_seamcall),
	{}
};

static struct kunit_suite __refdata bench_suite = {
	.name = "tdx_bench",
	.init = skip_unless_asked,
	.test_cases = bench_cases,
};

kunit_test_init_section_suite(bench_suite);
