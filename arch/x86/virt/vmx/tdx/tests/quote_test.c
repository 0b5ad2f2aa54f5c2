// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of quotes made by the TDX module: the list of the buffer's pages,
 * how quoting is brought up, and what becomes of a call whatever the module does.
 */
#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pfn.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/sprintf.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <asm/pgtable_types.h>
#include <asm/tdx.h>

#include "../ext.h"
#include "../mock/td.h"
#include "../quote.h"
#include "../tdx.h"
#include "fixture.h"

/* TDX_FEATURES0 of a module with extensions, bit 39, and of one with quotes, bit 50 */
#define FEATURES_EXT	0x8000140002ULL
#define FEATURES_QUOTE	0x4008000140002ULL

#define LIST_END	0xffffffffffffffffULL

/* HPA_LINKED_LIST */

static void describe_count(const unsigned int *nr_pages, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u pages", *nr_pages);
}

static const unsigned int counts[] = { 1, 2, 26, 510, 511, 512, 1021, 1022, 1023, 4096 };

KUNIT_ARRAY_PARAM(count, counts, describe_count);

static void free_buffer(void *buf)
{
	vfree(buf);
}

static void *make_buffer(struct kunit *test, unsigned int nr_pages)
{
	void *buf = vmalloc(nr_pages * PAGE_SIZE);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_buffer, buf), 0);
	memset(buf, 0x5a, nr_pages * PAGE_SIZE);
	return buf;
}

static void list_names_each_page_in_order(struct kunit *test)
{
	unsigned int nr_pages = *(const unsigned int *)test->param_value;
	unsigned int nr_nodes = (nr_pages + 510) / 511;
	u64 *nodes = make_buffer(test, nr_nodes + 1);
	u8 *buf = make_buffer(test, nr_pages);
	unsigned int nr_seen = 0, nr_wrong = 0;
	u64 hpa;

	hpa = tdx_hpa_linked_list(nodes, buf, nr_pages);
	for (unsigned int n = 0; n < nr_nodes; n++) {
		const u64 *node = phys_to_virt(hpa);

		KUNIT_ASSERT_EQ(test, hpa, slow_virt_to_phys(nodes + n * 512));
		for (unsigned int i = 0; i < 511; i++) {
			u64 expected = LIST_END;

			if (nr_seen < nr_pages)
				expected = slow_virt_to_phys(buf + nr_seen++ * PAGE_SIZE);
			nr_wrong += node[i] != expected;
		}
		hpa = node[511];
	}

	KUNIT_EXPECT_EQ(test, hpa, LIST_END);
	KUNIT_EXPECT_EQ(test, nr_seen, nr_pages);
	KUNIT_EXPECT_EQ(test, nr_wrong, 0);
	/* Neither behind the nodes nor in the buffer has anything been written */
	KUNIT_EXPECT_NULL(test, memchr_inv(nodes + nr_nodes * 512, 0x5a, PAGE_SIZE));
	KUNIT_EXPECT_NULL(test, memchr_inv(buf, 0x5a, nr_pages * PAGE_SIZE));
}

/* TDREPORT_STRUCT, as far as the tests have to know it */
struct tdreport {
	u8 reserved[128];
	u8 report_data[64];
	u8 reserved_2[336];
	u8 mrtd[48];
	u8 reserved_3[448];
};

static_assert(sizeof(struct tdreport) == 1024);
static_assert(offsetof(struct tdreport, mrtd) == 528);

/* A module, and a TD on it */
struct quoting {
	struct tdx_mock *mock;
	struct tdx_td td;
	struct tdreport report;
	unsigned long free_memory;

	/* What the module saw of TDH.QUOTE.GET */
	struct tdx_module_args first;
	unsigned int nr_gets;
	unsigned int nr_other_inputs;
};

static bool has_same_inputs(const struct tdx_module_args *a, const struct tdx_module_args *b)
{
	return a->rcx == b->rcx && a->rdx == b->rdx && a->r8 == b->r8 && a->r9 == b->r9 &&
	       a->r10 == b->r10 && a->r11 == b->r11;
}

static void note_get(struct quoting *quoting, const struct tdx_mock_call *call)
{
	if (call->leaf != TDH_QUOTE_GET)
		return;

	if (!quoting->nr_gets++)
		quoting->first = *call->args;
	quoting->nr_other_inputs += !has_same_inputs(call->args, &quoting->first);
}

static bool note_call(struct tdx_mock *mock, struct tdx_mock_call *call, u64 *status)
{
	note_get(tdx_mock_hook_data(mock), call);
	return false;
}

static void free_tdr(void *page)
{
	__free_page(page);
}

/* A TD that runs, without what there is to it besides the TDR */
static void make_td(struct kunit *test, struct tdx_mock *mock, struct tdx_td *td)
{
	struct mock_td *mock_td;
	u64 tdr_pa;

	td->tdr_page = alloc_page(GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, td->tdr_page);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_tdr, td->tdr_page), 0);

	tdr_pa = page_to_phys(td->tdr_page);
	mock_own_td_page(mock, tdr_pa, MOCK_PT_TDR, 0);
	mock_stamp_page(mock, tdr_pa);
	mock_td = mock_page_content(tdr_pa);
	*mock_td = (struct mock_td) { .pa = tdr_pa, .state = MOCK_TD_RUNNABLE };
	memcpy(mock_td->mrtd, &tdr_pa, sizeof(tdr_pa));
}

/* What TDG.MR.REPORT gives the TD */
static void make_report(const struct tdx_td *td, struct tdreport *report)
{
	u8 data[sizeof(report->report_data)];

	for (unsigned int i = 0; i < sizeof(data); i++)
		data[i] = i + page_to_pfn(td->tdr_page);
	mock_make_report(mock_page_content(page_to_phys(td->tdr_page)), data, report);
}

/* Nobody is to take the module of a test case for the machine's */
static void __init forget_module(void *unused)
{
	tdx_ext_init(0);
	tdx_quote_init(0);
}

/* A module with @options that waits for the extensions to be initialized */
static __init struct quoting *make_module(struct kunit *test, const char *options)
{
	struct quoting *quoting = kunit_kzalloc(test, sizeof(*quoting), GFP_KERNEL);
	char all_options[160];

	KUNIT_ASSERT_NOT_NULL(test, quoting);
	snprintf(all_options, sizeof(all_options), "features=%#llx,ext_init=1%s%s",
		 FEATURES_QUOTE, *options ? "," : "", options);
	quoting->mock = tdx_test_ready_mock(test, all_options);
	make_td(test, quoting->mock, &quoting->td);
	make_report(&quoting->td, &quoting->report);
	tdx_mock_set_hook(quoting->mock, note_call, quoting);
	quoting->free_memory = tdx_test_free_memory();
	return quoting;
}

/* The same, with quoting brought up, for better or worse */
static __init struct quoting *start(struct kunit *test, const char *options)
{
	struct quoting *quoting = make_module(test, options);

	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, forget_module, NULL), 0);
	tdx_ext_init(FEATURES_QUOTE);
	tdx_quote_init(FEATURES_QUOTE);
	return quoting;
}

static void *get_quote_of(struct quoting *quoting, const void *report, size_t report_len,
			  size_t *len)
{
	quoting->nr_gets = 0;
	return tdx_quote_get(&quoting->td, report, report_len, len);
}

static void *get_quote(struct quoting *quoting, size_t *len)
{
	return get_quote_of(quoting, &quoting->report, sizeof(quoting->report), len);
}

/* No call has lost memory, nor gone on with other inputs than it started with */
static void expect_no_loss(struct kunit *test, struct quoting *quoting)
{
	KUNIT_EXPECT_EQ(test, quoting->nr_other_inputs, 0);
	tdx_test_expect_clean_ledger(test, quoting->mock);
	tdx_test_expect_free_memory(test, quoting->free_memory);
}

static void expect_error(struct kunit *test, struct quoting *quoting, int error)
{
	size_t len;
	void *quote = get_quote(quoting, &len);

	KUNIT_EXPECT_TRUE(test, IS_ERR(quote));
	if (IS_ERR(quote))
		KUNIT_EXPECT_EQ(test, PTR_ERR(quote), error);
	else
		vfree(quote);
	expect_no_loss(test, quoting);
}

static void expect_good_quote(struct kunit *test, const u8 *quote, size_t len,
			      const struct tdreport *report, u64 key)
{
	const struct tdx_mock_quote *header = (const void *)quote;
	size_t checksum_at = len - TDX_MOCK_QUOTE_CHECKSUM_LEN;
	u64 checksum = TDX_MOCK_CHECKSUM_START;
	size_t nr_wrong = 0;

	KUNIT_EXPECT_EQ(test, header->magic, TDX_MOCK_QUOTE_MAGIC);
	KUNIT_EXPECT_EQ(test, header->version, TDX_MOCK_QUOTE_VERSION);
	KUNIT_EXPECT_EQ(test, header->len, len);
	KUNIT_EXPECT_EQ(test, header->key, key);
	KUNIT_EXPECT_MEMEQ(test, header->mrtd, report->mrtd, sizeof(report->mrtd));
	KUNIT_EXPECT_MEMEQ(test, header->report_data, report->report_data,
			   sizeof(report->report_data));

	for (size_t i = sizeof(*header); i < checksum_at; i++)
		nr_wrong += quote[i] != tdx_mock_quote_filler(i);
	for (size_t i = 0; i < checksum_at; i++)
		checksum = tdx_mock_checksum(checksum, quote[i]);
	KUNIT_EXPECT_EQ(test, nr_wrong, 0);
	KUNIT_EXPECT_MEMEQ(test, quote + checksum_at, (u8 *)&checksum, sizeof(checksum));
}

static void expect_quote(struct kunit *test, struct quoting *quoting, size_t size, u64 key)
{
	size_t len = 0;
	u8 *quote = get_quote(quoting, &len);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, quote);
	KUNIT_EXPECT_EQ(test, len, size);
	if (len == size)
		expect_good_quote(test, quote, len, &quoting->report, key);
	/* Nothing of the host behind it */
	KUNIT_EXPECT_NULL(test, memchr_inv(quote + len, 0, PAGE_ALIGN(len) - len));
	vfree(quote);
	expect_no_loss(test, quoting);
}

static const struct quote_case {
	unsigned int size;
	unsigned int steps;
} quote_cases[] = {
	{ 256 },
	{ 4096 },
	{ 4097 },
	{ 100 * SZ_1K },
	{ 100 * SZ_1K, 1 },
	{ 100 * SZ_1K, 26 },
	{ 100 * SZ_1K, 999 },
	{ 511 * SZ_4K, 3 },
	{ 511 * SZ_4K + 1, 3 },
	{ 3 * 511 * SZ_4K - 1, 2 },
	{ SZ_16M },
};

static void describe_quote(const struct quote_case *param, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u bytes, %u steps", param->size, param->steps);
}

KUNIT_ARRAY_PARAM(quote, quote_cases, describe_quote);

static void __init quote_is_made(struct kunit *test)
{
	const struct quote_case *param = test->param_value;
	u64 nr_pages = PFN_UP(param->size);
	struct quoting *quoting;
	char options[64];

	snprintf(options, sizeof(options), "quote_size=%u,quote_steps=%u", param->size,
		 param->steps);
	quoting = start(test, options);
	KUNIT_EXPECT_EQ(test, tdx_quote_max_size(), param->size);
	KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(quoting->mock, TDH_QUOTE_INIT), param->steps + 1);

	expect_quote(test, quoting, param->size, 1);
	KUNIT_EXPECT_EQ(test, quoting->nr_gets, param->steps + 1);
	/* Quote id in bits 47:32, the default one; all pages of the buffer */
	KUNIT_EXPECT_EQ(test, quoting->first.rcx, page_to_phys(quoting->td.tdr_page));
	KUNIT_EXPECT_EQ(test, quoting->first.rdx, 0xffff00000000);
	KUNIT_EXPECT_EQ(test, quoting->first.r9, sizeof(quoting->report));
	KUNIT_EXPECT_EQ(test, quoting->first.r11, nr_pages * PAGE_SIZE);
}

static void __init entropy_comes_back(struct kunit *test)
{
	struct quoting *quoting = start(test,
					"quote_steps=2,fault=TDH.QUOTE.GET:2:RND_NO_ENTROPY:3");

	expect_quote(test, quoting, 100 * SZ_1K, 1);
	KUNIT_EXPECT_EQ(test, quoting->nr_gets, 6);
}

/* How quoting fails to come up */
static const struct no_quotes_case {
	const char *name;
	const char *options;
	enum tdx_ext_state ext_state;
	unsigned int nr_inits;
} no_quotes_cases[] = {
	{ "init refused", "fault=TDH.QUOTE.INIT:1:OPERAND_BUSY", TDX_EXT_READY, 1 },
	{ "init refused when resumed", "quote_steps=9,fault=TDH.QUOTE.INIT:3:0xC000060800000000",
	  TDX_EXT_READY, 3 },
	{ "init without module", "fault=TDH.QUOTE.INIT:1:VMFAILINVALID", TDX_EXT_READY, 1 },
	{ "init without SEAM", "fault=TDH.QUOTE.INIT:1:UD", TDX_EXT_READY, 1 },
	{ "init without end", "quote_steps=0xffffffff", TDX_EXT_READY, 262144 },
	{ "no size", "fault=TDH.SYS.RD:3:SYS_BUSY", TDX_EXT_READY, 1 },
	{ "size 0", "fault=TDH.SYS.RD:3:r8=0", TDX_EXT_READY, 1 },
	{ "a byte too many", "quote_size=0x1000001", TDX_EXT_READY, 1 },
	{ "4 GB", "quote_size=0xffffffff", TDX_EXT_READY, 1 },
	{ "more than 4 bytes", "fault=TDH.SYS.RD:3:r8=0x100001000", TDX_EXT_READY, 1 },
	{ "all ones", "fault=TDH.SYS.RD:3:r8=0xffffffffffffffff", TDX_EXT_READY, 1 },
	{ "extensions failed", "fault=TDH.EXT.INIT:1:OPERAND_BUSY", TDX_EXT_FAILED, 0 },
};

KUNIT_ARRAY_PARAM_DESC(no_quotes, no_quotes_cases, name);

static void __init failed_init_leaves_no_quotes(struct kunit *test)
{
	const struct no_quotes_case *param = test->param_value;
	struct quoting *quoting = start(test, param->options);
	struct tdx_ext_info info;

	tdx_ext_get_info(&info);
	KUNIT_EXPECT_EQ(test, info.state, param->ext_state);
	KUNIT_EXPECT_EQ(test, tdx_quote_max_size(), 0);
	KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(quoting->mock, TDH_QUOTE_INIT), param->nr_inits);

	expect_error(test, quoting, -ENODEV);
	KUNIT_EXPECT_EQ(test, quoting->nr_gets, 0);
}

/* No call is made for a feature that the module was not asked for */
static void __init unasked_module_is_left_alone(struct kunit *test)
{
	struct quoting *quoting = start(test, "");
	u64 nr_reads = tdx_mock_nr_calls(quoting->mock, TDH_SYS_RD);

	tdx_quote_init(FEATURES_EXT);
	KUNIT_EXPECT_EQ(test, tdx_quote_max_size(), 0);
	KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(quoting->mock, TDH_QUOTE_INIT), 1);
	KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(quoting->mock, TDH_SYS_RD), nr_reads);
	expect_error(test, quoting, -ENODEV);
}

/* A call of three parts, each of them with each failure: what becomes of the call then */
static const struct get_failure {
	const char *name;
	const char *status;
	unsigned int count;
	int error;
	enum { ENDS, GOES_ON, HANGS } call;
} get_failures[] = {
	{ "operand invalid",	"0xC000010000000008",	1,	-EIO },
	{ "operand busy",	"0x8000020000000001",	1,	-EBUSY,		GOES_ON },
	{ "module busy",	"SYS_BUSY",		1,	-EBUSY,		GOES_ON },
	{ "resumption",		"0xC000000600000000",	1,	-EIO },
	{ "buffer too small",	"0xC00001000000000b",	1,	-EIO },
	{ "no entropy",		"RND_NO_ENTROPY",	10,	-EBUSY,		GOES_ON },
	{ "no module",		"VMFAILINVALID",	1,	-ENODEV,	HANGS },
	{ "general protection",	"GP",			1,	-EOPNOTSUPP,	HANGS },
	{ "invalid opcode",	"UD",			1,	-EACCES,	HANGS },
};

#define NR_PARTS	3

static const u8 failed_gets[ARRAY_SIZE(get_failures) * NR_PARTS];

static const void *failed_get_gen_params(struct kunit *test, const void *prev, char *desc)
{
	const u8 *next = prev ? (const u8 *)prev + 1 : failed_gets;
	size_t n = next - failed_gets;

	if (n == ARRAY_SIZE(failed_gets))
		return NULL;

	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "part %zu: %s", n % NR_PARTS + 1,
		 get_failures[n / NR_PARTS].name);
	return next;
}

/*
 * The module may have the call after @nr_gets SEAMCALLs.  With the same buffer, which
 * the next quote is likely to get, it would go on with it.
 */
static void __init expect_end_of_quotes(struct kunit *test, struct quoting *quoting,
					unsigned int nr_gets)
{
	expect_error(test, quoting, -ENODEV);
	KUNIT_EXPECT_EQ(test, quoting->nr_gets, nr_gets);
	KUNIT_EXPECT_EQ(test, tdx_quote_max_size(), 0);
	expect_error(test, quoting, -ENODEV);
	KUNIT_EXPECT_EQ(test, quoting->nr_gets, 0);
}

static void __init failed_call_ends_well(struct kunit *test)
{
	size_t n = (const u8 *)test->param_value - failed_gets;
	const struct get_failure *failure = &get_failures[n / NR_PARTS];
	unsigned int part = n % NR_PARTS + 1;
	bool seen_through = part > 1 && failure->call == GOES_ON;
	struct quoting *quoting;
	char options[80];

	snprintf(options, sizeof(options), "quote_steps=%u,fault=TDH.QUOTE.GET:%u:%s:%u",
		 NR_PARTS - 1, part, failure->status, failure->count);
	quoting = start(test, options);
	if (seen_through) {
		expect_quote(test, quoting, 100 * SZ_1K, 1);
		KUNIT_EXPECT_EQ(test, quoting->nr_gets, NR_PARTS + failure->count);
		return;
	}

	if (part > 1 && failure->call == HANGS) {
		expect_end_of_quotes(test, quoting, part);
		return;
	}

	/* One TD's bad luck is not the end of quoting: the next call is a new one */
	expect_error(test, quoting, failure->error);
	KUNIT_EXPECT_EQ(test, quoting->nr_gets, part + failure->count - 1);
	expect_quote(test, quoting, 100 * SZ_1K, 1);
}

/* So does the initialization: it is interrupted, and then the module is busy for a while */
static void __init interrupted_init_is_seen_through(struct kunit *test)
{
	struct quoting *quoting = start(test,
					"quote_steps=2,fault=TDH.QUOTE.INIT:2:OPERAND_BUSY:5");

	KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(quoting->mock, TDH_QUOTE_INIT), 3 + 5);
	expect_quote(test, quoting, 100 * SZ_1K, 1);
}

static void __init endless_call_is_given_up(struct kunit *test)
{
	struct quoting *quoting = start(test, "fault=TDH.QUOTE.GET:1:INTERRUPTED_RESUMABLE:300000");

	expect_end_of_quotes(test, quoting, 262144);
}

static void __init module_that_stays_busy_is_given_up(struct kunit *test)
{
	struct quoting *quoting = start(test,
					"quote_steps=1,fault=TDH.QUOTE.GET:2:OPERAND_BUSY:300000");

	expect_end_of_quotes(test, quoting, 262144);
}

/* What the module says of a quote of 5000 bytes, in a buffer of two pages */
static const struct length_case {
	const char *name;
	u64 length;
	bool is_possible;
} length_cases[] = {
	{ "0",			0 },
	{ "1",			1,			true },
	{ "all of the buffer",	2 * SZ_4K,		true },
	{ "a byte more",	2 * SZ_4K + 1 },
	{ "2 GB",		0x80000000 },
	{ "4 GB and a bit",	0x100001000 },
	{ "negative",		0xfffffffffffff000 },
	{ "all ones",		0xffffffffffffffff },
};

KUNIT_ARRAY_PARAM_DESC(length, length_cases, name);

static void __init impossible_length_is_refused(struct kunit *test)
{
	const struct length_case *param = test->param_value;
	struct quoting *quoting;
	char options[80];
	size_t len;
	u8 *quote;

	snprintf(options, sizeof(options), "quote_size=5000,fault=TDH.QUOTE.GET:1:rcx=%#llx",
		 param->length);
	quoting = start(test, options);
	if (!param->is_possible) {
		expect_error(test, quoting, -EIO);
		return;
	}

	quote = get_quote(quoting, &len);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, quote);
	KUNIT_EXPECT_EQ(test, len, param->length);
	if (len > 5000)
		KUNIT_EXPECT_NULL(test, memchr_inv(quote + 5000, 0, len - 5000));
	vfree(quote);
	expect_no_loss(test, quoting);
}

/* A module whose quotes are larger than it has said does not get to write them */
static void __init quote_is_never_cut_short(struct kunit *test)
{
	struct quoting *quoting = start(test, "fault=TDH.SYS.RD:3:r8=0x1000");

	KUNIT_EXPECT_EQ(test, tdx_quote_max_size(), 4096);
	expect_error(test, quoting, -EIO);
	KUNIT_EXPECT_EQ(test, quoting->first.r11, 4096);
}

static void __init wrong_report_is_refused(struct kunit *test)
{
	static const size_t lens[] = { 1, 1023, 1025, PAGE_SIZE };
	struct quoting *quoting = start(test, "");
	struct tdx_td other = {};
	u8 *page = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	size_t len;

	KUNIT_ASSERT_NOT_NULL(test, page);
	memcpy(page, &quoting->report, sizeof(quoting->report));
	quoting->free_memory = tdx_test_free_memory();

	/* By the kernel, if it can see that */
	KUNIT_EXPECT_EQ(test, PTR_ERR(get_quote_of(quoting, page, 0, &len)), -EINVAL);
	KUNIT_EXPECT_EQ(test, quoting->nr_gets, 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR(get_quote_of(quoting, page, PAGE_SIZE + 1, &len)), -EINVAL);
	KUNIT_EXPECT_EQ(test, quoting->nr_gets, 0);

	for (unsigned int i = 0; i < ARRAY_SIZE(lens); i++) {
		KUNIT_EXPECT_EQ(test, PTR_ERR(get_quote_of(quoting, page, lens[i], &len)), -EIO);
		KUNIT_EXPECT_EQ(test, quoting->nr_gets, 1);
	}

	/* Of another TD */
	make_td(test, quoting->mock, &other);
	make_report(&other, &quoting->report);
	expect_error(test, quoting, -EIO);

	/* Forged: its data are not those that the module has seen */
	make_report(&quoting->td, &quoting->report);
	expect_quote(test, quoting, 100 * SZ_1K, 1);
	quoting->report.report_data[0]++;
	expect_error(test, quoting, -EIO);
}

/* With each allocation failing: no call or a quote */
static void __init lack_of_memory_comes_before_the_call(struct kunit *test)
{
	struct quoting *quoting = start(test, "quote_size=20000");
	unsigned int nr_failed = 0, nth = 0;
	bool failed;

	tdx_test_allow_failures(test);
	do {
		size_t len;
		void *quote;

		tdx_test_fail_allocation(++nth);
		quote = get_quote(quoting, &len);
		failed = tdx_test_allocation_failed();
		if (IS_ERR(quote)) {
			nr_failed++;
			KUNIT_EXPECT_TRUE(test, failed);
			KUNIT_EXPECT_EQ(test, PTR_ERR(quote), -ENOMEM);
			KUNIT_EXPECT_EQ(test, quoting->nr_gets, 0);
		} else {
			KUNIT_EXPECT_EQ(test, len, 20000);
			vfree(quote);
		}
	} while (failed && nth < 100);

	/* The area, its list of pages, and of these at least one */
	KUNIT_EXPECT_GE(test, nr_failed, 3);
	KUNIT_EXPECT_LT(test, nth, 100);
	expect_no_loss(test, quoting);
}

/* The rest of a runtime update: quotes wait for all of it */
static void update_locked(void)
{
	tdx_ext_update();
	tdx_quote_init(FEATURES_QUOTE);
}

/* The size of quotes before, what the module is like after an update, and the size then */
static const struct update_case {
	const char *name;
	const char *before;
	const char *after;
	unsigned int size_after;
} update_cases[] = {
	{ "same size", "", "", 100 * SZ_1K },
	{ "interrupted", "", "quote_steps=9", 100 * SZ_1K },
	{ "larger quotes", "", "quote_size=300K", 300 * SZ_1K },
	{ "smaller quotes", "", "quote_size=1K", SZ_1K },
	{ "huge quotes", "", "quote_size=64M", 0 },
	{ "no quotes", "", "fault=TDH.QUOTE.INIT:1:OPERAND_BUSY", 0 },
	{ "no extensions", "", "fault=TDH.EXT.INIT:1:OPERAND_BUSY", 0 },
	{ "quotes at last", "fault=TDH.QUOTE.INIT:1:OPERAND_BUSY", "", 100 * SZ_1K },
};

KUNIT_ARRAY_PARAM_DESC(update, update_cases, name);

static void __init update_brings_quoting_up_again(struct kunit *test)
{
	const struct update_case *param = test->param_value;
	struct quoting *before = start(test, param->before);
	struct quoting *after;

	if (*param->before)
		expect_error(test, before, -ENODEV);
	else
		expect_quote(test, before, 100 * SZ_1K, 1);

	after = make_module(test, param->after);
	mutex_lock(&tdx_quote_lock);
	update_locked();
	mutex_unlock(&tdx_quote_lock);
	KUNIT_EXPECT_EQ(test, tdx_quote_max_size(), param->size_after);
	if (param->size_after)
		expect_quote(test, after, param->size_after, 1);
	else
		expect_error(test, after, -ENODEV);
}

/* A second TD asks for a quote while the call of the first one is interrupted */
struct rivals {
	struct quoting *quoting;
	struct tdx_td td;
	struct tdreport report;
	struct task_struct *task;
	struct completion done;
	void *quote;
	size_t len;
	bool is_in_flight;
	/* What happens once the second one waits: the first call is lost, or the task killed */
	bool is_lost, is_killed;
	unsigned int nr_collisions;
};

static int get_rival_quote(void *data)
{
	struct rivals *rivals = data;

	allow_signal(SIGKILL);
	rivals->quote = tdx_quote_get(&rivals->td, &rivals->report, sizeof(rivals->report),
				      &rivals->len);
	complete(&rivals->done);
	return 0;
}

/* Interrupt the first call until the second one is made, or waits */
static bool let_rival_try(struct tdx_mock *mock, struct tdx_mock_call *call, u64 *status)
{
	struct rivals *rivals = tdx_mock_hook_data(mock);

	if (call->leaf != TDH_QUOTE_GET)
		return false;

	if (call->args->rcx == page_to_phys(rivals->td.tdr_page)) {
		rivals->nr_collisions += READ_ONCE(rivals->is_in_flight);
		return false;
	}

	*status = TDX_INTERRUPTED_RESUMABLE;
	if (!READ_ONCE(rivals->is_in_flight)) {
		WRITE_ONCE(rivals->is_in_flight, true);
		wake_up_process(rivals->task);
		return true;
	}
	if (READ_ONCE(rivals->task->__state) == TASK_RUNNING && !rivals->nr_collisions)
		return true;

	if (rivals->is_killed && !completion_done(&rivals->done)) {
		send_sig(SIGKILL, rivals->task, 1);
		return true;
	}

	WRITE_ONCE(rivals->is_in_flight, false);
	*status = TDX_SEAMCALL_VMFAILINVALID;
	return rivals->is_lost;
}

static void __init make_rival(struct kunit *test, struct rivals *rivals)
{
	init_completion(&rivals->done);
	rivals->task = kthread_create(get_rival_quote, rivals, "tdx_quote_rival");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, rivals->task);
	get_task_struct(rivals->task);
}

static void __init make_rivals(struct kunit *test, struct rivals *rivals)
{
	rivals->quoting = start(test, "");
	make_td(test, rivals->quoting->mock, &rivals->td);
	make_report(&rivals->td, &rivals->report);
	make_rival(test, rivals);
	tdx_mock_set_hook(rivals->quoting->mock, let_rival_try, rivals);
}

static void __init end_rivals(struct kunit *test, struct rivals *rivals)
{
	wait_for_completion(&rivals->done);
	tdx_mock_set_hook(rivals->quoting->mock, NULL, NULL);
	put_task_struct(rivals->task);
	KUNIT_EXPECT_EQ(test, rivals->nr_collisions, 0);
}

static void __init calls_take_turns(struct kunit *test)
{
	struct rivals rivals = {};

	make_rivals(test, &rivals);
	expect_quote(test, rivals.quoting, 100 * SZ_1K, 1);
	end_rivals(test, &rivals);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, rivals.quote);
	expect_good_quote(test, rivals.quote, rivals.len, &rivals.report, 1);
	vfree(rivals.quote);
}

/* The one that waits for a call which is then given up makes none */
static void __init waiting_call_ends_with_the_quotes(struct kunit *test)
{
	struct rivals rivals = { .is_lost = true };

	make_rivals(test, &rivals);
	expect_error(test, rivals.quoting, -ENODEV);
	end_rivals(test, &rivals);
	KUNIT_EXPECT_EQ(test, PTR_ERR(rivals.quote), -ENODEV);
}

static void __init killed_task_does_not_wait(struct kunit *test)
{
	struct rivals rivals = { .is_killed = true };

	make_rivals(test, &rivals);
	expect_quote(test, rivals.quoting, 100 * SZ_1K, 1);
	end_rivals(test, &rivals);
	KUNIT_EXPECT_EQ(test, PTR_ERR(rivals.quote), -EINTR);
}

/* A call that waits for the end of an update gets a quote of the size that they are of then */
static void __init call_waits_for_update(struct kunit *test)
{
	struct rivals rivals = {};

	rivals.quoting = start(test, "quote_size=1K");
	make_rival(test, &rivals);

	mutex_lock(&tdx_quote_lock);
	wake_up_process(rivals.task);
	while (READ_ONCE(rivals.task->__state) == TASK_RUNNING)
		fsleep(1000);
	rivals.quoting = make_module(test, "quote_size=300K");
	rivals.td = rivals.quoting->td;
	rivals.report = rivals.quoting->report;
	update_locked();
	mutex_unlock(&tdx_quote_lock);

	end_rivals(test, &rivals);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, rivals.quote);
	KUNIT_EXPECT_EQ(test, rivals.len, 300 * SZ_1K);
	expect_good_quote(test, rivals.quote, rivals.len, &rivals.report, 1);
	vfree(rivals.quote);
}

/* These test cases would make the kernel forget what the machine's module has */
static int __init skip_on_machine_with_extensions(struct kunit *test)
{
	struct tdx_ext_info info;

	tdx_ext_get_info(&info);
	if (info.state != TDX_EXT_NONE || tdx_quote_max_size())
		kunit_skip(test, "the extensions are in use");
	return 0;
}

static struct kunit_case __refdata quote_cases_to_run[] = {
	KUNIT_CASE_PARAM(list_names_each_page_in_order, count_gen_params),
	KUNIT_CASE_PARAM(quote_is_made, quote_gen_params),
	KUNIT_CASE(entropy_comes_back),
	KUNIT_CASE_PARAM(failed_init_leaves_no_quotes, no_quotes_gen_params),
	KUNIT_CASE(unasked_module_is_left_alone),
	KUNIT_CASE_PARAM(failed_call_ends_well, failed_get_gen_params),
	KUNIT_CASE(interrupted_init_is_seen_through),
	KUNIT_CASE(endless_call_is_given_up),
	KUNIT_CASE(module_that_stays_busy_is_given_up),
	KUNIT_CASE_PARAM(impossible_length_is_refused, length_gen_params),
	KUNIT_CASE(quote_is_never_cut_short),
	KUNIT_CASE(wrong_report_is_refused),
	KUNIT_CASE(lack_of_memory_comes_before_the_call),
	KUNIT_CASE_PARAM(update_brings_quoting_up_again, update_gen_params),
	KUNIT_CASE(calls_take_turns),
	KUNIT_CASE(waiting_call_ends_with_the_quotes),
	KUNIT_CASE(killed_task_does_not_wait),
	KUNIT_CASE(call_waits_for_update),
	{}
};

static struct kunit_suite __refdata quote_suite = {
	.name = "tdx_quote",
	.init = skip_on_machine_with_extensions,
	.test_cases = quote_cases_to_run,
};

kunit_test_init_section_suites(&quote_suite);
