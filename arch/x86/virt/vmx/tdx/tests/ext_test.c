// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the TDX module extensions: the pool that they are given, how
 * they are initialized, at boot and after a runtime update, and what is left
 * when that fails.
 */
#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sprintf.h>
#include <linux/string.h>
#include <asm/archrandom.h>
#include <asm/tdx.h>

#include "../ext.h"
#include "../page_array.h"
#include "../tdx.h"
#include "fixture.h"

/* TDX_FEATURES0 of a module with extensions, bit 39, and of one without */
#define FEATURES_EXT	0x8000140002ULL
#define FEATURES_PLAIN	0x140002ULL

/* A module, and what it was offered for its pool */
struct ext {
	struct tdx_mock *mock;
	struct tdx_test_pages *pages;
	unsigned long quarantined;
	unsigned long free_memory;

	u64 last_operand;
	unsigned int nr_mem_add;
	unsigned int nr_bad_operands;
	unsigned int pool;
};

/*
 * Note the pages of each new list, whatever becomes of the call.  HPA_LIST_INFO:
 * first entry in bits 11:3, frame in 51:12, last entry in 63:55.
 */
static void note_list(struct ext *ext, u64 operand)
{
	unsigned int nr_left = ext->pool - ext->pages->nr_pages;

	ext->nr_mem_add++;
	/* Going on where it was, or out of entropy */
	if ((operand & 0xff8) || operand == ext->last_operand)
		return;

	ext->last_operand = operand;
	if ((operand & 0xfff0000000000fff) != (min(nr_left, 512) - 1ULL) << 55)
		ext->nr_bad_operands++;
	tdx_test_watch_list(ext->pages, phys_to_virt(operand & 0x000ffffffffff000),
			    (operand >> 55) + 1);
}

static bool note_call(struct tdx_mock *mock, struct tdx_mock_call *call, u64 *status)
{
	if (call->leaf == TDH_EXT_MEM_ADD)
		note_list(tdx_mock_hook_data(mock), call->args->rcx);
	return false;
}

/* Nobody is to take the module of a test case for the machine's */
static void __init forget_module(void *unused)
{
	tdx_ext_init(FEATURES_PLAIN);
}

static __init struct ext *start(struct kunit *test, unsigned int pool, const char *options)
{
	struct ext *ext = kunit_kzalloc(test, sizeof(*ext), GFP_KERNEL);
	char all_options[160];

	KUNIT_ASSERT_NOT_NULL(test, ext);
	snprintf(all_options, sizeof(all_options), "features=%#llx,pool=%u%s%s", FEATURES_EXT,
		 pool, *options ? "," : "", options);
	ext->mock = tdx_test_ready_mock(test, all_options);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, forget_module, NULL), 0);
	ext->pool = pool;
	ext->pages = tdx_test_watch(test, min(pool, 65536));
	ext->quarantined = tdx_quarantined_pages();
	ext->free_memory = tdx_test_free_memory();
	tdx_mock_set_hook(ext->mock, note_call, ext);
	return ext;
}

/* State, and the first so many pages of the pool given or lost */
static void expect_outcome(struct kunit *test, struct ext *ext, enum tdx_ext_state state,
			   unsigned int nr_given, unsigned int nr_lost)
{
	struct tdx_ext_info info;

	tdx_ext_get_info(&info);
	KUNIT_EXPECT_EQ(test, info.state, state);
	KUNIT_EXPECT_EQ(test, info.pool_pages, nr_given);
	KUNIT_EXPECT_EQ(test, info.quarantined_pages, ext->quarantined + nr_lost);
	KUNIT_EXPECT_EQ(test, ext->nr_bad_operands, 0);
	KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(ext->mock, TDH_PHYMEM_PAGE_WBINVD), 0);

	tdx_test_expect_kept(test, ext->mock, ext->pages, 0, nr_given + nr_lost);
	/* And the rest is free, be it that no call has ever told the module of it */
	tdx_test_expect_free_memory(test, ext->free_memory);
}

/* What a module may want, and how often it is interrupted meanwhile */
struct need {
	unsigned int pool;
	bool init;
	unsigned int step;
	unsigned int init_steps;
	bool old;
};

static void describe_need(const struct need *need, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u pages, %u at a time, %s, %u interruptions%s",
		 need->pool, need->step ?: 512, need->init ? "init" : "no init",
		 need->init_steps, need->old ? ", old ids" : "");
}

static const struct need needs[] = {
	/* Nothing, one of both, both */
	{ 0 },
	{ 0, .old = true },
	{ 512 },
	{ 512, .old = true },
	{ 0, .init = true },
	{ 0, .init = true, .old = true },
	{ 512, .init = true },
	{ 512, .init = true, .old = true },
	/* Pools that end before, with and after a list */
	{ 1, .init = true },
	{ 2, .init = true },
	{ 511, .init = true },
	{ 513, .init = true },
	{ 1024, .init = true },
	{ 12800, .init = true },
	{ 65535, .init = true, .old = true },
	{ 65536, .init = true },
	/* Interrupted at every page, at some, just before the end of a list, there */
	{ 1, .init = true, .step = 1 },
	{ 5, .init = true, .step = 1 },
	{ 512, .init = true, .step = 1 },
	{ 513, .init = true, .step = 1 },
	{ 1025, .init = true, .step = 7 },
	{ 1024, .init = true, .step = 511 },
	{ 1024, .init = true, .step = 512 },
	{ 12800, .init = true, .step = 100 },
	{ 0, .init = true, .init_steps = 1 },
	{ 3, .init = true, .step = 2, .init_steps = 1000 },
};

KUNIT_ARRAY_PARAM(need, needs, describe_need);

static void __init init_meets_needs(struct kunit *test)
{
	const struct need *need = test->param_value;
	unsigned int nr_lists = need->pool / 512, nr_rest = need->pool % 512;
	unsigned int step = need->step ?: 512;
	struct ext *ext;
	char options[64];

	snprintf(options, sizeof(options), "ext_init=%d,ext_step=%u,ext_init_steps=%u,ext_old=%d",
		 need->init, need->step, need->init_steps, need->old);
	ext = start(test, need->pool, options);

	tdx_ext_init(FEATURES_EXT);

	KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(ext->mock, TDH_SYS_RD), need->old ? 4 : 2);
	KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(ext->mock, TDH_EXT_MEM_ADD),
			nr_lists * DIV_ROUND_UP(512, step) + DIV_ROUND_UP(nr_rest, step));
	KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(ext->mock, TDH_EXT_INIT),
			need->init ? need->init_steps + 1 : 0);
	KUNIT_EXPECT_EQ(test, tdx_mock_pages_owned(ext->mock), need->pool);
	expect_outcome(test, ext, need->pool || need->init ? TDX_EXT_READY : TDX_EXT_NONE,
		       need->pool, 0);
}

static bool count_calls(struct tdx_mock *mock, struct tdx_mock_call *call, u64 *status)
{
	(*(unsigned int *)tdx_mock_hook_data(mock))++;
	return false;
}

/* A module without extensions is not even asked */
static void __init module_without_extensions_is_left_alone(struct kunit *test)
{
	struct ext *ext = start(test, 512, "ext_init=1");
	unsigned int nr_calls = 0;

	tdx_mock_set_hook(ext->mock, count_calls, &nr_calls);
	tdx_ext_init(FEATURES_PLAIN);
	tdx_ext_update();
	KUNIT_EXPECT_EQ(test, nr_calls, 0);
	expect_outcome(test, ext, TDX_EXT_NONE, 0, 0);
}

/*
 * Each call of a bring-up, with a pool of three lists: the lists that the module
 * has begun before it are of @nr_before pages, those that it has begun with it
 * of @nr_offered.
 */
static const struct site {
	const char *name;
	const char *leaf;
	unsigned int nth;
	unsigned int nr_before;
	unsigned int nr_offered;
	const char *options;
	bool is_init, was_interrupted;
} sites[] = {
	{ "first field",	"TDH.SYS.RD",		1, 0,	0,	"ext_init=1" },
	{ "second field",	"TDH.SYS.RD",		2, 0,	0,	"ext_init=1" },
	{ "old first field",	"TDH.SYS.RD",		2, 0,	0,	"ext_init=1,ext_old=1" },
	{ "old second field",	"TDH.SYS.RD",		4, 0,	0,	"ext_init=1,ext_old=1" },
	{ "first list",		"TDH.EXT.MEM.ADD",	1, 0,	512,	"ext_init=1" },
	{ "middle list",	"TDH.EXT.MEM.ADD",	2, 512,	1024,	"ext_init=1" },
	{ "last list",		"TDH.EXT.MEM.ADD",	3, 1024, 1025,	"ext_init=1" },
	{ "rest of a list",	"TDH.EXT.MEM.ADD",	5, 1024, 1024,	"ext_init=1,ext_step=200" },
	{ "init",		"TDH.EXT.INIT",		1, 1025, 1025,	"ext_init=1", true },
	{ "init, interrupted",	"TDH.EXT.INIT",		3, 1025, 1025,
	  "ext_init=1,ext_init_steps=2", true, true },
};

/* How a SEAMCALL fails, whether it was the module that failed it, and not for long */
static const struct failure {
	const char *name;
	const char *status;
	unsigned int count;
	bool reaches_module, is_recoverable;
} failures[] = {
	{ "operand invalid",	"0xC000010000000001",	1,			true },
	{ "operand busy",	"OPERAND_BUSY",		1,			true, true },
	{ "page metadata",	"0xC000030000000001",	1,			true },
	{ "no entropy",		"RND_NO_ENTROPY",	RDRAND_RETRY_LOOPS,	true, true },
	{ "no module",		"VMFAILINVALID",	1 },
	{ "general protection",	"GP",			1 },
	{ "invalid opcode",	"UD",			1 },
};

/* Every call with every failure: the parameter is an element of this */
static const u8 failed_calls[ARRAY_SIZE(sites) * ARRAY_SIZE(failures)];

static const struct site *site_of(const void *param)
{
	return &sites[((const u8 *)param - failed_calls) / ARRAY_SIZE(failures)];
}

static const struct failure *failure_of(const void *param)
{
	return &failures[((const u8 *)param - failed_calls) % ARRAY_SIZE(failures)];
}

static const void *failed_call_gen_params(struct kunit *test, const void *prev, char *desc)
{
	const u8 *next = prev ? (const u8 *)prev + 1 : failed_calls;

	if (next == failed_calls + ARRAY_SIZE(failed_calls))
		return NULL;

	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s: %s", site_of(next)->name,
		 failure_of(next)->name);
	return next;
}

static void __init failed_call_loses_what_the_module_may_have(struct kunit *test)
{
	const struct failure *failure = failure_of(test->param_value);
	const struct site *site = site_of(test->param_value);
	bool seen_through = site->is_init && site->was_interrupted && failure->is_recoverable;
	unsigned int nr_given = 0, nr_lost = 0;
	struct ext *ext;
	char options[96];

	snprintf(options, sizeof(options), "%s,fault=%s:%u:%s:%u", site->options, site->leaf,
		 site->nth, failure->status, failure->count);
	ext = start(test, 1025, options);

	tdx_ext_init(FEATURES_EXT);

	/* The pool is the module's for good as soon as it has all of it */
	if (site->is_init)
		nr_given = 1025;
	else
		nr_lost = failure->reaches_module ? site->nr_offered : site->nr_before;
	KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(ext->mock, tdx_mock_leaf_by_name(site->leaf)),
			site->nth + failure->count - 1 + seen_through);
	KUNIT_EXPECT_LE(test, tdx_mock_pages_owned(ext->mock), nr_given + nr_lost);
	if (!site->is_init)
		KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(ext->mock, TDH_EXT_INIT), 0);
	expect_outcome(test, ext, seen_through ? TDX_EXT_READY : TDX_EXT_FAILED, nr_given, nr_lost);
}

/* A module that interrupts each call, and says in RCX how far it has got */
struct interruption {
	u64 first_entry;
	u64 rcx_xor;
};

static const struct nonsense {
	const char *name;
	unsigned int nr_calls;
	struct interruption interruptions[4];
} nonsenses[] = {
	{ "standing still",		1, { { 0 } } },
	{ "standing still later on",	2, { { 50 }, { 50 } } },
	{ "going back",			3, { { 10 }, { 50 }, { 49 } } },
	{ "starting all over",		2, { { 50 }, { 0 } } },
	{ "behind the last entry",	1, { { 100 } } },
	{ "end of the root page",	2, { { 99 }, { 511 } } },
	{ "other root page",		1, { { 50, 0x0000000000001000 } } },
	{ "far root page",		1, { { 50, 0x0008000000000000 } } },
	{ "more entries",		1, { { 50, 0x0e00000000000000 } } },
	{ "fewer entries",		1, { { 50, 0x0080000000000000 } } },
	{ "reserved bit",		1, { { 50, 0x0010000000000000 } } },
	{ "low bit",			1, { { 50, 0x0000000000000001 } } },
};

KUNIT_ARRAY_PARAM_DESC(nonsense, nonsenses, name);

struct nonsense_run {
	struct ext *ext;
	const struct nonsense *nonsense;
};

static bool talk_nonsense(struct tdx_mock *mock, struct tdx_mock_call *call, u64 *status)
{
	struct nonsense_run *run = tdx_mock_hook_data(mock);
	const struct interruption *interruption;
	unsigned int nth = run->ext->nr_mem_add;

	if (call->leaf != TDH_EXT_MEM_ADD)
		return false;

	note_list(run->ext, call->args->rcx);
	interruption = &run->nonsense->interruptions[min(nth, run->nonsense->nr_calls - 1)];
	call->args->rcx = (call->args->rcx & ~0xff8ULL) | interruption->first_entry << 3;
	call->args->rcx ^= interruption->rcx_xor;
	*status = TDX_INTERRUPTED_RESUMABLE;
	return true;
}

static void __init module_without_progress_is_given_up(struct kunit *test)
{
	struct nonsense_run run = { .nonsense = test->param_value };

	run.ext = start(test, 100, "ext_init=1");
	tdx_mock_set_hook(run.ext->mock, talk_nonsense, &run);
	tdx_ext_init(FEATURES_EXT);

	KUNIT_EXPECT_EQ(test, run.ext->nr_mem_add, run.nonsense->nr_calls);
	KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(run.ext->mock, TDH_EXT_INIT), 0);
	expect_outcome(test, run.ext, TDX_EXT_FAILED, 0, 100);
}

/* One entry ahead with each call: as many calls as entries, and no more */
static bool crawl(struct tdx_mock *mock, struct tdx_mock_call *call, u64 *status)
{
	struct ext *ext = tdx_mock_hook_data(mock);

	if (call->leaf != TDH_EXT_MEM_ADD)
		return false;

	note_list(ext, call->args->rcx);
	call->args->rcx += 8;
	*status = TDX_INTERRUPTED_RESUMABLE;
	return true;
}

static void __init progress_ends_with_the_list(struct kunit *test)
{
	struct ext *ext = start(test, 512 + 100, "ext_init=1");

	tdx_mock_set_hook(ext->mock, crawl, ext);
	tdx_ext_init(FEATURES_EXT);
	KUNIT_EXPECT_EQ(test, ext->nr_mem_add, 512);
	expect_outcome(test, ext, TDX_EXT_FAILED, 0, 512);
}

/* There is no progress to see: patience for a module that works, but not for ever */
static void __init endless_init_is_given_up(struct kunit *test)
{
	struct ext *ext = start(test, 2, "ext_init=1,ext_init_steps=0xffffffff");

	tdx_ext_init(FEATURES_EXT);
	KUNIT_EXPECT_GT(test, tdx_mock_nr_calls(ext->mock, TDH_EXT_INIT), 100000);
	expect_outcome(test, ext, TDX_EXT_FAILED, 2, 0);
}

/* From nonsense to what is just more than there is */
static void __init pool_beyond_all_memory_fails(struct kunit *test)
{
	const unsigned int pools[] = { 0xffffffff, 0x80000000, 0x40001, totalram_pages() + 1 };

	for (unsigned int i = 0; i < ARRAY_SIZE(pools); i++) {
		struct ext *ext = start(test, pools[i], "ext_init=1");

		tdx_ext_init(FEATURES_EXT);
		KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(ext->mock, TDH_EXT_MEM_ADD), 0);
		KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(ext->mock, TDH_EXT_INIT), 0);
		expect_outcome(test, ext, TDX_EXT_FAILED, 0, 0);
	}
}

/* With each allocation failing: no pool or all of it */
static void __init lack_of_memory_comes_before_the_pool(struct kunit *test)
{
	unsigned int nr_failed = 0, nth = 0;
	bool failed;

	tdx_test_allow_failures(test);
	do {
		struct ext *ext = start(test, 513, "ext_init=1");
		struct tdx_ext_info info;

		tdx_test_fail_allocation(++nth);
		tdx_ext_init(FEATURES_EXT);
		failed = tdx_test_allocation_failed();

		tdx_ext_get_info(&info);
		if (info.state == TDX_EXT_FAILED) {
			nr_failed++;
			KUNIT_EXPECT_TRUE(test, failed);
			KUNIT_EXPECT_EQ(test, ext->nr_mem_add, 0);
			expect_outcome(test, ext, TDX_EXT_FAILED, 0, 0);
		} else {
			expect_outcome(test, ext, TDX_EXT_READY, 513, 0);
		}
	} while (failed && nth < 100);

	/* The container, its list, the odd page */
	KUNIT_EXPECT_GE(test, nr_failed, 3);
	KUNIT_EXPECT_LT(test, nth, 100);
}

/* What boots, what the module is like after an update, and the state then */
static const struct update_case {
	const char *name;
	unsigned int pool;
	const char *before;
	unsigned int missing;
	const char *after;
	unsigned int nr_inits;
	enum tdx_ext_state state;
} update_cases[] = {
	{ "init again",		3, "ext_init=1",  0, "ext_init=1", 1, TDX_EXT_READY },
	{ "interrupted",	3, "ext_init=1",  0, "ext_init=1,ext_init_steps=9", 10,
	  TDX_EXT_READY },
	{ "older module",	3, "ext_init=1",  0, "ext_init=1,ext_old=1", 1, TDX_EXT_READY },
	{ "newer module",	3, "ext_init=1,ext_old=1", 0, "ext_init=1", 1, TDX_EXT_READY },
	{ "no init",		3, "ext_init=0",  0, "ext_init=0", 0, TDX_EXT_READY },
	{ "no longer init",	3, "ext_init=1",  0, "ext_init=0", 0, TDX_EXT_READY },
	{ "init only",		0, "ext_init=1",  0, "ext_init=1", 1, TDX_EXT_READY },
	{ "from nothing",	0, "ext_init=0",  0, "ext_init=1", 1, TDX_EXT_READY },
	{ "still nothing",	0, "ext_init=0",  0, "ext_init=0", 0, TDX_EXT_NONE },
	{ "more memory",	3, "ext_init=1",  1, "ext_init=1", 0, TDX_EXT_FAILED },
	{ "first memory",	0, "ext_init=0",  1, "ext_init=0", 0, TDX_EXT_FAILED },
	{ "much memory",	3, "ext_init=1",  0xffffffff, "ext_init=1", 0, TDX_EXT_FAILED },
	{ "no first field",	3, "ext_init=1",  0, "ext_init=1,fault=TDH.SYS.RD:1:SYS_BUSY", 0,
	  TDX_EXT_FAILED },
	{ "no second field",	3, "ext_init=1",  0, "ext_init=1,fault=TDH.SYS.RD:2:SYS_BUSY", 0,
	  TDX_EXT_FAILED },
	{ "init refused",	3, "ext_init=1",  0,
	  "ext_init=1,fault=TDH.EXT.INIT:1:OPERAND_BUSY", 1, TDX_EXT_FAILED },
	{ "init without module", 3, "ext_init=1", 0,
	  "ext_init=1,fault=TDH.EXT.INIT:1:VMFAILINVALID", 1, TDX_EXT_FAILED },
	{ "init without SEAM",	3, "ext_init=1",  0, "ext_init=1,fault=TDH.EXT.INIT:1:UD", 1,
	  TDX_EXT_FAILED },
	{ "init refused when resumed", 3, "ext_init=1", 0,
	  "ext_init=1,ext_init_steps=5,fault=TDH.EXT.INIT:3:0xC000060800000000", 3,
	  TDX_EXT_FAILED },
	{ "no entropy for long", 3, "ext_init=1",  0,
	  "ext_init=1,ext_init_steps=5,fault=TDH.EXT.INIT:3:RND_NO_ENTROPY:10", 16,
	  TDX_EXT_READY },
};

KUNIT_ARRAY_PARAM_DESC(update, update_cases, name);

static void __init expect_update(struct kunit *test, unsigned int missing, const char *options,
				 unsigned int nr_inits, enum tdx_ext_state state)
{
	struct ext *ext = start(test, missing, options);
	struct tdx_ext_info before, after;

	tdx_ext_get_info(&before);
	tdx_ext_update();
	tdx_ext_get_info(&after);

	KUNIT_EXPECT_EQ(test, after.state, state);
	KUNIT_EXPECT_EQ(test, after.pool_pages, before.pool_pages);
	KUNIT_EXPECT_EQ(test, after.quarantined_pages, before.quarantined_pages);
	KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(ext->mock, TDH_EXT_MEM_ADD), 0);
	KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(ext->mock, TDH_EXT_INIT), nr_inits);
	tdx_test_expect_clean_ledger(test, ext->mock);
	tdx_test_expect_free_memory(test, ext->free_memory);
}

static void __init update_brings_extensions_up_again(struct kunit *test)
{
	const struct update_case *param = test->param_value;
	struct ext *ext = start(test, param->pool, param->before);
	enum tdx_ext_state booted = TDX_EXT_READY;

	if (!param->pool && !strcmp(param->before, "ext_init=0"))
		booted = TDX_EXT_NONE;
	tdx_ext_init(FEATURES_EXT);
	expect_outcome(test, ext, booted, param->pool, 0);

	expect_update(test, param->missing, param->after, param->nr_inits, param->state);
	/* One that fails is not the end: the next may be better, and the one after that not */
	expect_update(test, 0, "ext_init=1", 1, TDX_EXT_READY);
	expect_update(test, 1, "ext_init=1", 0, TDX_EXT_FAILED);
	expect_update(test, 0, "ext_init=1", 1, TDX_EXT_READY);
}

/* Until an update has brought them up again, or for good if there is none */
static void __init shutdown_ends_extensions(struct kunit *test)
{
	struct ext *ext = start(test, 3, "ext_init=1");

	tdx_ext_init(FEATURES_EXT);
	tdx_ext_stop();
	expect_outcome(test, ext, TDX_EXT_FAILED, 3, 0);

	ext = start(test, 0, "ext_init=0");
	tdx_ext_init(FEATURES_EXT);
	tdx_ext_stop();
	expect_outcome(test, ext, TDX_EXT_NONE, 0, 0);
}

/* A pool that is in part in the module is no pool: an update changes nothing about it */
static void __init update_does_not_forget_what_was_lost(struct kunit *test)
{
	struct ext *ext = start(test, 600, "ext_init=1,fault=TDH.EXT.MEM.ADD:2:OPERAND_BUSY");

	tdx_ext_init(FEATURES_EXT);
	expect_outcome(test, ext, TDX_EXT_FAILED, 0, 600);
	expect_update(test, 88, "ext_init=1", 0, TDX_EXT_FAILED);
}

/* These test cases would make the kernel forget what the machine's module has */
static int __init skip_on_machine_with_extensions(struct kunit *test)
{
	struct tdx_ext_info info;

	tdx_ext_get_info(&info);
	if (info.state != TDX_EXT_NONE)
		kunit_skip(test, "the extensions are in use");
	return 0;
}

static struct kunit_case __refdata ext_cases[] = {
	KUNIT_CASE_PARAM(init_meets_needs, need_gen_params),
	KUNIT_CASE(module_without_extensions_is_left_alone),
	KUNIT_CASE_PARAM(failed_call_loses_what_the_module_may_have, failed_call_gen_params),
	KUNIT_CASE_PARAM(module_without_progress_is_given_up, nonsense_gen_params),
	KUNIT_CASE(progress_ends_with_the_list),
	KUNIT_CASE(endless_init_is_given_up),
	KUNIT_CASE(pool_beyond_all_memory_fails),
	KUNIT_CASE(lack_of_memory_comes_before_the_pool),
	KUNIT_CASE_PARAM(update_brings_extensions_up_again, update_gen_params),
	KUNIT_CASE(shutdown_ends_extensions),
	KUNIT_CASE(update_does_not_forget_what_was_lost),
	{}
};

static struct kunit_suite __refdata ext_suite = {
	.name = "tdx_ext",
	.init = skip_on_machine_with_extensions,
	.test_cases = ext_cases,
};

kunit_test_init_section_suites(&ext_suite);
