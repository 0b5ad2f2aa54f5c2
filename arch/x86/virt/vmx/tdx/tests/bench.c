// SPDX-License-Identifier: GPL-2.0
/*
 * What the extensions and quotes cost: a benchmark in the shape of a KUnit suite, for
 * tools/testing/tdx/bench.  Under an emulator that has the TSC count
 * instructions, the figures are the same each time.
 */
#define pr_fmt(fmt)	"tdx_bench: " fmt

#include <kunit/test.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/sizes.h>
#include <linux/sprintf.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <asm/tdx.h>
#include <asm/tsc.h>

#include "../ext.h"
#include "../page_array.h"
#include "../quote.h"
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

struct quote_bench {
	struct tdx_td td;
	u32 size;
};

/* The module makes the quote in no time: what is left is what it costs the kernel */
static bool answer_with_quote(struct tdx_mock *mock, struct tdx_mock_call *call, u64 *status)
{
	const struct quote_bench *bench = tdx_mock_hook_data(mock);

	call->args->rcx = bench->size;
	*status = TDX_SUCCESS;
	return true;
}

static void get_quote(struct kunit *test, struct quote_bench *bench, bool may_fail)
{
	static const u8 report[SZ_1K];
	size_t len;
	void *quote = tdx_quote_get(&bench->td, report, sizeof(report), &len);

	if (may_fail && IS_ERR(quote))
		return;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, quote);
	vfree(quote);
}

/* How often is the allocator asked?  As often as it can fail. */
static unsigned int count_allocations(struct kunit *test, struct quote_bench *bench)
{
	unsigned int nth = 0;

	do {
		tdx_test_fail_allocation(++nth);
		get_quote(test, bench, true);
	} while (tdx_test_allocation_failed());

	return nth - 1;
}

static void __init forget_quotes(void *page)
{
	tdx_quote_init(0);
	__free_page(page);
}

static void __init bench_quote(struct kunit *test)
{
	static const u32 sizes[] = { SZ_4K, 100 * SZ_1K, SZ_1M };
	struct quote_bench bench = { .td.tdr_page = alloc_page(GFP_KERNEL) };

	KUNIT_ASSERT_NOT_NULL(test, bench.td.tdr_page);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, forget_quotes, bench.td.tdr_page),
			0);
	tdx_test_allow_failures(test);

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct tdx_mock *mock;
		char options[64];
		u64 start, cycles;

		bench.size = sizes[i];
		snprintf(options, sizeof(options), "features=0x4008000140002,quote_size=%u",
			 bench.size);
		mock = tdx_test_ready_mock(test, options);
		tdx_quote_init(TDX_FEATURES0_QUOTE);
		tdx_mock_set_hook(mock, answer_with_quote, &bench);

		/* The first time the caches of the allocator are filled */
		get_quote(test, &bench, false);
		start = rdtsc_ordered();
		get_quote(test, &bench, false);
		cycles = rdtsc_ordered() - start;
		pr_info("quote_kb %u cycles %llu allocations %u\n", bench.size / SZ_1K, cycles,
			count_allocations(test, &bench));
	}
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
	KUNIT_CASE_SLOW(bench_quote),
	{}
};

static struct kunit_suite __refdata bench_suite = {
	.name = "tdx_bench",
	.init = skip_unless_asked,
	.test_cases = bench_cases,
};

kunit_test_init_section_suite(bench_suite);
