// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of SPDM sessions: pages that the TDX module has for a while */
#include <kunit/test-bug.h>
#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/sprintf.h>
#include <linux/string.h>
#include <asm/archrandom.h>
#include <asm/pgtable_types.h>
#include <asm/tdx.h>

#include "../page_array.h"
#include "../tdx.h"
#include "fixture.h"

/* Segment 0x5a, which is valid, and a BDF */
#define FUNCTION_ID	0x15a1234

/* What the module saw of the last call of each leaf, and the pages that it saw flushed */
struct spdm_log {
	struct tdx_module_args create;
	struct tdx_module_args delete;
	struct tdx_test_pages *pages;
};

/* A module, and pages for a session */
struct spdm {
	struct tdx_mock *mock;
	struct tdx_page_array *array;
	struct tdx_test_pages *pages;
	struct spdm_log *log;
	unsigned int nr_pages;
	unsigned long quarantined;
	u64 id;
};

static bool log_call(struct tdx_mock *mock, struct tdx_mock_call *call, u64 *status)
{
	struct spdm_log *log = tdx_mock_hook_data(mock);

	if (call->leaf == TDH_SPDM_CREATE)
		log->create = *call->args;
	if (call->leaf == TDH_SPDM_DELETE)
		log->delete = *call->args;
	tdx_test_note_flush(log->pages, mock, call);
	return false;
}

/* A module whose sessions are of @nr_pages pages, and disturbed by @fault if any */
static struct spdm start(struct kunit *test, unsigned int nr_pages, const char *fault)
{
	struct spdm spdm = { .nr_pages = nr_pages, .id = U64_MAX };
	char options[128];

	/* TDX Connect is bit 6 */
	snprintf(options, sizeof(options), "features=0x140042,spdm_pages=%u%s%s",
		 min(nr_pages, 512), fault ? ",fault=" : "", fault ?: "");
	spdm.mock = tdx_test_ready_mock(test, options);
	spdm.log = kunit_kzalloc(test, sizeof(*spdm.log), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, spdm.log);

	spdm.array = tdx_page_array_create(nr_pages);
	KUNIT_ASSERT_NOT_NULL(test, spdm.array);
	spdm.pages = tdx_test_watch(test, nr_pages);
	tdx_test_watch_list(spdm.pages, spdm.array->hpas, nr_pages);
	spdm.log->pages = spdm.pages;
	tdx_mock_set_hook(spdm.mock, log_call, spdm.log);
	spdm.quarantined = tdx_quarantined_pages();
	return spdm;
}

/* Pages @first and following are not free after the release, and no others */
static void release_and_expect_lost(struct kunit *test, struct spdm *spdm, unsigned int first,
				    unsigned int nr_lost)
{
	tdx_page_array_release(spdm->array);
	KUNIT_EXPECT_EQ(test, tdx_quarantined_pages(), spdm->quarantined + nr_lost);
	tdx_test_expect_kept(test, spdm->mock, spdm->pages, first, nr_lost);
}

static void create_session(struct kunit *test, struct spdm *spdm)
{
	KUNIT_ASSERT_EQ(test, tdh_spdm_create(FUNCTION_ID, spdm->array, &spdm->id), 0);
	KUNIT_EXPECT_LT(test, spdm->id, 4);
	KUNIT_EXPECT_EQ(test, tdx_mock_pages_owned(spdm->mock), spdm->nr_pages);
}

static void describe_count(const unsigned int *nr_pages, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u pages", *nr_pages);
}

static const unsigned int counts[] = { 1, 2, 4, 511, 512 };

KUNIT_ARRAY_PARAM(count, counts, describe_count);

/* HPA_ARRAY_T and the aux operand, with the short form of a single page */
static void session_gives_all_pages_back(struct kunit *test)
{
	u64 nr_pages = *(const unsigned int *)test->param_value;
	struct spdm spdm = start(test, nr_pages, NULL);

	create_session(test, &spdm);
	KUNIT_EXPECT_EQ(test, spdm.log->create.rcx, FUNCTION_ID);
	if (nr_pages == 1)
		KUNIT_EXPECT_EQ(test, spdm.log->create.rdx, spdm.array->hpas[0]);
	else
		KUNIT_EXPECT_EQ(test, spdm.log->create.rdx,
				slow_virt_to_phys(spdm.array->hpas) | (nr_pages - 1) << 55);

	KUNIT_EXPECT_EQ(test, tdh_spdm_delete(spdm.id, spdm.array), 0);
	KUNIT_EXPECT_EQ(test, spdm.log->delete.rcx, spdm.id);
	if (nr_pages == 1)
		KUNIT_EXPECT_EQ(test, spdm.log->delete.rdx, 0);
	else
		KUNIT_EXPECT_EQ(test, spdm.log->delete.rdx, page_to_phys(spdm.array->aux));
	KUNIT_EXPECT_EQ(test, tdx_mock_pages_owned(spdm.mock), 0);

	release_and_expect_lost(test, &spdm, 0, 0);
	KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(spdm.mock, TDH_PHYMEM_PAGE_WBINVD), nr_pages);
	KUNIT_EXPECT_EQ(test, spdm.pages->nr_flushed, nr_pages);
	KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(spdm.mock, TDH_SPDM_CREATE), 1);
	KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(spdm.mock, TDH_SPDM_DELETE), 1);
}

static void session_that_is_not_ended_keeps_its_pages(struct kunit *test)
{
	unsigned int nr_pages = *(const unsigned int *)test->param_value;
	struct spdm spdm = start(test, nr_pages, NULL);

	create_session(test, &spdm);
	release_and_expect_lost(test, &spdm, 0, nr_pages);
	KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(spdm.mock, TDH_PHYMEM_PAGE_WBINVD), 0);
}

/* A page of a session that the host has written to is found, though the session ends */
static void session_does_not_forgive(struct kunit *test)
{
	struct spdm spdm = start(test, 4, NULL);
	struct tdx_mock_breach breach = {};

	create_session(test, &spdm);
	memset(phys_to_virt(spdm.array->hpas[2]), 0, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, tdh_spdm_delete(spdm.id, spdm.array), 0);
	KUNIT_EXPECT_EQ(test, tdx_mock_ledger_audit(spdm.mock, &breach, 1), 1);
	KUNIT_EXPECT_EQ(test, breach.kind, TDX_MOCK_OWNED_PAGE_WRITTEN);
	KUNIT_EXPECT_EQ(test, breach.pa, spdm.array->hpas[2]);
	tdx_page_array_release(spdm.array);
	tdx_test_expect_kept(test, NULL, spdm.pages, 0, 0);
}

static void sessions_do_not_mix(struct kunit *test)
{
	static const unsigned int order[] = { 2, 0, 1 };
	struct spdm spdm = start(test, 4, NULL);
	struct tdx_page_array *arrays[3];
	u64 ids[3];

	for (unsigned int i = 0; i < ARRAY_SIZE(arrays); i++) {
		arrays[i] = tdx_page_array_create(4);
		KUNIT_ASSERT_NOT_NULL(test, arrays[i]);
		KUNIT_ASSERT_EQ(test, tdh_spdm_create(FUNCTION_ID + i, arrays[i], &ids[i]), 0);
		KUNIT_EXPECT_TRUE(test, !i || ids[i] != ids[i - 1]);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(order); i++) {
		KUNIT_EXPECT_EQ(test, tdh_spdm_delete(ids[order[i]], arrays[order[i]]), 0);
		tdx_page_array_release(arrays[order[i]]);
		KUNIT_EXPECT_EQ(test, tdx_mock_pages_owned(spdm.mock), 4 * (2 - i));
	}
	release_and_expect_lost(test, &spdm, 0, 0);
}

/* A session that is gone can not be ended; its pages are not the kernel's to judge */
static void wrong_session_is_refused(struct kunit *test)
{
	struct spdm spdm = start(test, 4, NULL);

	create_session(test, &spdm);
	KUNIT_EXPECT_EQ(test, tdh_spdm_delete(spdm.id + 1, spdm.array), -EIO);
	KUNIT_EXPECT_EQ(test, tdx_mock_pages_owned(spdm.mock), 4);
	KUNIT_EXPECT_EQ(test, tdh_spdm_delete(spdm.id, spdm.array), 0);
	release_and_expect_lost(test, &spdm, 0, 0);
}

static void more_pages_than_a_list_holds_are_refused(struct kunit *test)
{
	struct spdm spdm = start(test, 513, NULL);

	KUNIT_EXPECT_EQ(test, tdh_spdm_create(FUNCTION_ID, spdm.array, &spdm.id), -EINVAL);
	KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(spdm.mock, TDH_SPDM_CREATE), 0);
	release_and_expect_lost(test, &spdm, 0, 0);
}

/* No aux page, no session: else there would be no way to end it */
static void lack_of_memory_comes_before_the_call(struct kunit *test)
{
	struct spdm spdm = start(test, 4, NULL);
	int ret;

	tdx_test_allow_failures(test);
	tdx_test_fail_allocation(1);
	ret = tdh_spdm_create(FUNCTION_ID, spdm.array, &spdm.id);
	KUNIT_EXPECT_TRUE(test, tdx_test_allocation_failed());
	KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
	KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(spdm.mock, TDH_SPDM_CREATE), 0);

	/* And ending it takes no memory */
	create_session(test, &spdm);
	tdx_test_fail_allocation(1);
	ret = tdh_spdm_delete(spdm.id, spdm.array);
	tdx_page_array_release(spdm.array);
	KUNIT_EXPECT_FALSE(test, tdx_test_allocation_failed());
	KUNIT_EXPECT_EQ(test, ret, 0);
	tdx_test_expect_kept(test, spdm.mock, spdm.pages, 0, 0);
}

static void single_page_takes_no_memory(struct kunit *test)
{
	struct spdm spdm = start(test, 1, NULL);
	int ret;

	tdx_test_allow_failures(test);
	tdx_test_fail_allocation(1);
	ret = tdh_spdm_create(FUNCTION_ID, spdm.array, &spdm.id);
	KUNIT_EXPECT_FALSE(test, tdx_test_allocation_failed());
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, tdh_spdm_delete(spdm.id, spdm.array), 0);
	release_and_expect_lost(test, &spdm, 0, 0);
}

/* How a SEAMCALL fails, and whether the module may have taken pages by then */
struct failure {
	const char *name;
	const char *status;
	unsigned int count;
	int err;
	bool reaches_module;
};

static const struct failure failures[] = {
	{ "operand invalid",	"0xC000010000000002",	1,			-EIO, true },
	{ "operand busy",	"OPERAND_BUSY",		1,			-EIO, true },
	{ "page metadata",	"0xC000030000000002",	1,			-EIO, true },
	{ "no entropy",		"RND_NO_ENTROPY",	RDRAND_RETRY_LOOPS,	-EIO, true },
	{ "no module",		"VMFAILINVALID",	1,			-ENODEV },
	{ "general protection",	"GP",			1,			-EOPNOTSUPP },
	{ "invalid opcode",	"UD",			1,			-EACCES },
};

KUNIT_ARRAY_PARAM_DESC(failure, failures, name);

static struct spdm start_with_failure(struct kunit *test, const char *leaf, unsigned int nth)
{
	const struct failure *failure = test->param_value;
	char fault[64];

	snprintf(fault, sizeof(fault), "%s:%u:%s:%u", leaf, nth, failure->status, failure->count);
	return start(test, 4, fault);
}

static void failed_create_loses_what_the_module_may_have(struct kunit *test)
{
	const struct failure *failure = test->param_value;
	struct spdm spdm = start_with_failure(test, "TDH.SPDM.CREATE", 1);

	KUNIT_EXPECT_EQ(test, tdh_spdm_create(FUNCTION_ID, spdm.array, &spdm.id), failure->err);
	KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(spdm.mock, TDH_SPDM_CREATE), failure->count);
	release_and_expect_lost(test, &spdm, 0, failure->reaches_module ? 4 : 0);
	KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(spdm.mock, TDH_PHYMEM_PAGE_WBINVD), 0);
}

static void create_may_be_tried_again(struct kunit *test)
{
	const struct failure *failure = test->param_value;
	struct spdm spdm = start_with_failure(test, "TDH.SPDM.CREATE", 1);

	KUNIT_EXPECT_EQ(test, tdh_spdm_create(FUNCTION_ID, spdm.array, &spdm.id), failure->err);
	create_session(test, &spdm);
	KUNIT_EXPECT_EQ(test, tdh_spdm_delete(spdm.id, spdm.array), 0);
	release_and_expect_lost(test, &spdm, 0, 0);
}

static void failed_delete_loses_all_pages(struct kunit *test)
{
	const struct failure *failure = test->param_value;
	struct spdm spdm = start_with_failure(test, "TDH.SPDM.DELETE", 1);

	create_session(test, &spdm);
	KUNIT_EXPECT_EQ(test, tdh_spdm_delete(spdm.id, spdm.array), failure->err);
	KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(spdm.mock, TDH_SPDM_DELETE), failure->count);
	release_and_expect_lost(test, &spdm, 0, 4);
}

static void delete_may_be_tried_again(struct kunit *test)
{
	const struct failure *failure = test->param_value;
	struct spdm spdm = start_with_failure(test, "TDH.SPDM.DELETE", 1);

	create_session(test, &spdm);
	KUNIT_EXPECT_EQ(test, tdh_spdm_delete(spdm.id, spdm.array), failure->err);
	KUNIT_EXPECT_EQ(test, tdh_spdm_delete(spdm.id, spdm.array), 0);
	release_and_expect_lost(test, &spdm, 0, 0);
}

/* The first try may have left the module with pages, the second has not changed that */
static void create_tried_again_in_vain_loses_all_pages(struct kunit *test)
{
	static const char *const faults =
		"TDH.SPDM.CREATE:1:OPERAND_BUSY,fault=TDH.SPDM.CREATE:2:VMFAILINVALID";
	struct spdm spdm = start(test, 4, faults);

	KUNIT_EXPECT_EQ(test, tdh_spdm_create(FUNCTION_ID, spdm.array, &spdm.id), -EIO);
	KUNIT_EXPECT_EQ(test, tdh_spdm_create(FUNCTION_ID, spdm.array, &spdm.id), -ENODEV);
	release_and_expect_lost(test, &spdm, 0, 4);
}

/* A page whose private cache lines are still about is lost, no other one is */
static void failed_flush_loses_one_page(struct kunit *test)
{
	struct spdm spdm = start_with_failure(test, "TDH.PHYMEM.PAGE.WBINVD", 3);

	create_session(test, &spdm);
	KUNIT_EXPECT_EQ(test, tdh_spdm_delete(spdm.id, spdm.array), 0);
	release_and_expect_lost(test, &spdm, 2, 1);
}

/* What is wrong in what the module reports: bits of RCX and of the list */
struct wrong_report {
	const char *name;
	unsigned int nr_pages;
	u64 rcx_xor;
	unsigned int entry;
	u64 entry_xor;
};

static const struct wrong_report wrong_reports[] = {
	{ "frame of the list",		4,	0x0000000000001000 },
	{ "one page less",		4,	0x0080000000000000 },
	{ "one page more",		5,	0x0080000000000000 },
	{ "no count",			4,	0x0180000000000000 },
	{ "low bit",			4,	0x0000000000000001 },
	{ "reserved bit",		4,	0x0010000000000000 },
	{ "other single page",		1,	0x0000000000001000 },
	{ "list for a single page",	1,	0x0080000000000000 },
	{ "first entry",		4,	0,	0,	0x1000 },
	{ "last entry",			4,	0,	3,	0x1000 },
	{ "last entry of 512",		512,	0,	511,	0x1000 },
	{ "low bit of an entry",	4,	0,	2,	0x1 },
};

KUNIT_ARRAY_PARAM_DESC(wrong_report, wrong_reports, name);

/* A module that deletes a session, and errs in what it reports */
static bool report_wrongly(struct tdx_mock *mock, struct tdx_mock_call *call, u64 *status)
{
	struct spdm *spdm = tdx_mock_hook_data(mock);
	const struct wrong_report *wrong = kunit_get_current_test()->param_value;
	u64 nr_pages = spdm->nr_pages;
	u64 *aux = phys_to_virt(call->args->rdx);

	if (call->leaf != TDH_SPDM_DELETE)
		return false;

	if (nr_pages == 1) {
		call->args->rcx = spdm->array->hpas[0];
	} else {
		memcpy(aux, spdm->array->hpas, nr_pages * 8);
		aux[wrong->entry] ^= wrong->entry_xor;
		call->args->rcx = call->args->rdx | (nr_pages - 1) << 55;
	}
	call->args->rcx ^= wrong->rcx_xor;
	*status = TDX_SUCCESS;
	return true;
}

static void wrong_report_loses_all_pages(struct kunit *test)
{
	const struct wrong_report *wrong = test->param_value;
	struct spdm spdm = start(test, wrong->nr_pages, NULL);

	create_session(test, &spdm);
	tdx_mock_set_hook(spdm.mock, report_wrongly, &spdm);
	kunit_warning_suppress(test)
		KUNIT_EXPECT_EQ(test, tdh_spdm_delete(spdm.id, spdm.array), -EIO);
	tdx_mock_set_hook(spdm.mock, NULL, NULL);
	release_and_expect_lost(test, &spdm, 0, wrong->nr_pages);
	KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(spdm.mock, TDH_PHYMEM_PAGE_WBINVD), 0);
}

/* The model itself, with a word of its answer changed */
static void wrong_answer_loses_all_pages(struct kunit *test)
{
	struct spdm spdm = start(test, 2, "TDH.SPDM.DELETE:1:rcx=0");

	create_session(test, &spdm);
	kunit_warning_suppress(test)
		KUNIT_EXPECT_EQ(test, tdh_spdm_delete(spdm.id, spdm.array), -EIO);
	release_and_expect_lost(test, &spdm, 0, 2);
}

static struct kunit_case spdm_cases[] = {
	KUNIT_CASE_PARAM(session_gives_all_pages_back, count_gen_params),
	KUNIT_CASE_PARAM(session_that_is_not_ended_keeps_its_pages, count_gen_params),
	KUNIT_CASE(session_does_not_forgive),
	KUNIT_CASE(sessions_do_not_mix),
	KUNIT_CASE(wrong_session_is_refused),
	KUNIT_CASE(more_pages_than_a_list_holds_are_refused),
	KUNIT_CASE(lack_of_memory_comes_before_the_call),
	KUNIT_CASE(single_page_takes_no_memory),
	KUNIT_CASE_PARAM(failed_create_loses_what_the_module_may_have, failure_gen_params),
	KUNIT_CASE_PARAM(create_may_be_tried_again, failure_gen_params),
	KUNIT_CASE_PARAM(failed_delete_loses_all_pages, failure_gen_params),
	KUNIT_CASE_PARAM(delete_may_be_tried_again, failure_gen_params),
	KUNIT_CASE(create_tried_again_in_vain_loses_all_pages),
	KUNIT_CASE_PARAM(failed_flush_loses_one_page, failure_gen_params),
	KUNIT_CASE_PARAM(wrong_report_loses_all_pages, wrong_report_gen_params),
	KUNIT_CASE(wrong_answer_loses_all_pages),
	{}
};

static struct kunit_suite spdm_suite = {
	.name = "tdx_spdm",
	.test_cases = spdm_cases,
};

kunit_test_suite(spdm_suite);
