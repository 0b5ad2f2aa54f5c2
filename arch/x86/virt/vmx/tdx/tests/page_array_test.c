// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of arrays of pages for the TDX module: what is in them, how they
 * look to the module, and where their pages go in the end.
 */
#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/bitops.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/limits.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sprintf.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <asm/pgtable_types.h>
#include <asm/tdx.h>

#include "../page_array.h"
#include "../tdx.h"
#include "fixture.h"

static void describe_count(const unsigned int *nr_pages, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u pages", *nr_pages);
}

static const unsigned int counts[] = { 1, 2, 511, 512, 513, 1024, 12800, 65536 };

KUNIT_ARRAY_PARAM(count, counts, describe_count);

/* Those that one SEAMCALL takes as HPA_ARRAY_T */
static const unsigned int small_counts[] = { 1, 2, 3, 511, 512 };

KUNIT_ARRAY_PARAM(small_count, small_counts, describe_count);

static struct tdx_page_array *create_array(struct kunit *test, unsigned int nr_pages)
{
	struct tdx_page_array *array = tdx_page_array_create(nr_pages);

	KUNIT_ASSERT_NOT_NULL(test, array);
	KUNIT_ASSERT_EQ(test, array->nr_pages, nr_pages);
	return array;
}

/* As many pages as asked for, whole, the array's alone, no two of them the same */
static void expect_distinct_pages(struct kunit *test, const struct tdx_page_array *array)
{
	unsigned long *seen = vzalloc(BITS_TO_LONGS(max_pfn) * sizeof(*seen));
	unsigned int nr_unaligned = 0, nr_foreign = 0, nr_twice = 0;

	KUNIT_ASSERT_NOT_NULL(test, seen);
	for (unsigned int i = 0; i < array->nr_pages; i++) {
		u64 hpa = array->hpas[i];

		nr_unaligned += !!(hpa & 0xfff);
		if (hpa >> 12 < max_pfn) {
			nr_twice += __test_and_set_bit(hpa >> 12, seen);
			nr_foreign += page_count(pfn_to_page(hpa >> 12)) != 1;
		} else {
			nr_foreign++;
		}
	}
	vfree(seen);

	KUNIT_EXPECT_EQ(test, nr_unaligned, 0);
	KUNIT_EXPECT_EQ(test, nr_foreign, 0);
	KUNIT_EXPECT_EQ(test, nr_twice, 0);
}

/* Each page is looked at: memory as a whole does not tell a few that are lost */
static void release_and_expect_free(struct kunit *test, struct tdx_page_array *array,
				    struct tdx_test_pages *pages)
{
	tdx_test_watch_list(pages, array->hpas, array->nr_pages);
	tdx_page_array_release(array);
	tdx_test_expect_kept(test, NULL, pages, 0, 0);
}

static void create_gets_distinct_pages(struct kunit *test)
{
	unsigned int nr_pages = *(const unsigned int *)test->param_value;
	struct tdx_test_pages *pages = tdx_test_watch(test, nr_pages);
	unsigned long free_memory = tdx_test_free_memory();
	struct tdx_page_array *array = create_array(test, nr_pages);

	expect_distinct_pages(test, array);
	release_and_expect_free(test, array, pages);
	tdx_test_expect_free_memory(test, free_memory);
}

/* Fragmented memory has no blocks, or small ones only */
static void create_gets_along_with_small_blocks(struct kunit *test)
{
	static const unsigned int max_orders[] = { 0, 3 };
	unsigned int nr_pages = *(const unsigned int *)test->param_value;
	struct tdx_test_pages *pages = tdx_test_watch(test, nr_pages);
	unsigned long free_memory = tdx_test_free_memory();

	for (unsigned int i = 0; i < ARRAY_SIZE(max_orders); i++) {
		struct tdx_page_array *array;

		tdx_test_fragment_memory(test, max_orders[i]);
		KUNIT_ASSERT_NULL(test, alloc_pages(GFP_KERNEL | __GFP_NOWARN, max_orders[i] + 1));

		array = create_array(test, nr_pages);
		expect_distinct_pages(test, array);
		release_and_expect_free(test, array, pages);
	}
	tdx_test_expect_free_memory(test, free_memory);
}

static void create_refuses_impossible_counts(struct kunit *test)
{
	unsigned long free_memory = tdx_test_free_memory();

	KUNIT_EXPECT_NULL(test, tdx_page_array_create(0));
	KUNIT_EXPECT_NULL(test, tdx_page_array_create(UINT_MAX));
	KUNIT_EXPECT_NULL(test, tdx_page_array_alloc(0));
	KUNIT_EXPECT_NULL(test, tdx_page_array_alloc(UINT_MAX));
	tdx_test_expect_free_memory(test, free_memory);
}

/* More than the machine has, by a list that is easily had */
static void create_survives_lack_of_memory(struct kunit *test)
{
	unsigned long free_memory = tdx_test_free_memory();

	KUNIT_EXPECT_NULL(test, tdx_page_array_create(totalram_pages() + 1));
	tdx_test_expect_free_memory(test, free_memory);
}

/* 1023 pages end with a single one, for which there is no smaller block */
static const unsigned int failing_counts[] = { 1, 2, 513, 1023, 1024 };

KUNIT_ARRAY_PARAM(failing_count, failing_counts, describe_count);

static void create_survives_failing_allocations(struct kunit *test)
{
	unsigned int nr_pages = *(const unsigned int *)test->param_value;
	unsigned int nr_refused = 0, nr_incomplete = 0, nth = 0;
	unsigned long free_memory;
	bool failed;

	tdx_test_allow_failures(test);
	free_memory = tdx_test_free_memory();
	do {
		struct tdx_page_array *array;

		tdx_test_fail_allocation(++nth);
		array = tdx_page_array_create(nr_pages);
		failed = tdx_test_allocation_failed();

		nr_refused += !array;
		nr_incomplete += array && array->nr_pages != nr_pages;
		if (!failed)
			KUNIT_EXPECT_NOT_NULL(test, array);
		tdx_page_array_release(array);
	} while (failed && nth < 100);

	/* The container, its list, the only page: nothing comes without these */
	KUNIT_EXPECT_GE(test, nr_refused, nr_pages & 1 ? 3 : 2);
	KUNIT_EXPECT_EQ(test, nr_incomplete, 0);
	KUNIT_EXPECT_LT(test, nth, 100);
	tdx_test_expect_free_memory(test, free_memory);
}

static void release_takes_anything(struct kunit *test)
{
	unsigned long free_memory = tdx_test_free_memory();
	unsigned long quarantined = tdx_quarantined_pages();
	struct tdx_page_array *array;

	tdx_page_array_release(NULL);

	/* Without pages, with pages, with an aux page */
	tdx_page_array_release(tdx_page_array_alloc(65536));
	tdx_page_array_release(create_array(test, 1024));
	for (unsigned int i = 0; i < 2 * 64; i++) {
		array = create_array(test, 2);
		KUNIT_ASSERT_EQ(test, tdx_page_array_add_aux(array), 0);
		tdx_page_array_release(array);
	}

	KUNIT_EXPECT_EQ(test, tdx_quarantined_pages(), quarantined);
	tdx_test_expect_free_memory(test, free_memory);
}

/* HPA_LIST_INFO: first entry in bits 11:3, frame in 51:12, last entry in 63:55 */
static void hpa_list_info_describes_each_root(struct kunit *test)
{
	unsigned int nr_pages = *(const unsigned int *)test->param_value;
	struct tdx_page_array *array = create_array(test, nr_pages);
	unsigned int nr_bad_operands = 0, nr_bad_lists = 0;

	for (unsigned int first = 0; first < nr_pages; first += 512) {
		u64 nr_entries = min(nr_pages - first, 512);
		u64 root = slow_virt_to_phys(array->hpas + first);
		u64 operand = tdx_hpa_list_info(array, first / 512);

		if (operand != (root | (nr_entries - 1) << 55) || (root & 0xfff))
			nr_bad_operands++;
		if (memcmp(phys_to_virt(operand & 0x000ffffffffff000), array->hpas + first,
			   nr_entries * 8))
			nr_bad_lists++;
	}

	KUNIT_EXPECT_EQ(test, nr_bad_operands, 0);
	KUNIT_EXPECT_EQ(test, nr_bad_lists, 0);
	tdx_page_array_release(array);
}

/* HPA_ARRAY_T: frame in bits 51:12, size less one in 63:55; a single page is its own */
static void hpa_array_describes_pages(struct kunit *test)
{
	u64 nr_pages = *(const unsigned int *)test->param_value;
	struct tdx_page_array *array = create_array(test, nr_pages);
	u64 operand = tdx_hpa_array(array);

	if (nr_pages == 1) {
		KUNIT_EXPECT_EQ(test, operand, array->hpas[0]);
	} else {
		KUNIT_EXPECT_EQ(test, operand,
				slow_virt_to_phys(array->hpas) | (nr_pages - 1) << 55);
		KUNIT_EXPECT_MEMEQ(test, phys_to_virt(operand & 0x000ffffffffff000), array->hpas,
				   nr_pages * 8);
	}
	tdx_page_array_release(array);
}

/* A page that is not the list: the module destroys what is there */
static void aux_page_is_apart(struct kunit *test)
{
	unsigned int nr_pages = *(const unsigned int *)test->param_value;
	struct tdx_page_array *array = create_array(test, nr_pages);
	u64 aux;

	KUNIT_EXPECT_EQ(test, tdx_page_array_add_aux(array), 0);
	aux = tdx_hpa_array_aux(array);
	/* Asked for again it is the same */
	KUNIT_EXPECT_EQ(test, tdx_page_array_add_aux(array), 0);
	KUNIT_EXPECT_EQ(test, tdx_hpa_array_aux(array), aux);

	if (nr_pages == 1) {
		KUNIT_EXPECT_EQ(test, aux, 0);
	} else {
		KUNIT_EXPECT_NE(test, aux, 0);
		KUNIT_EXPECT_EQ(test, aux & 0xfff, 0);
		KUNIT_EXPECT_NE(test, aux, slow_virt_to_phys(array->hpas));
		for (unsigned int i = 0; i < nr_pages; i++)
			KUNIT_ASSERT_NE(test, aux, array->hpas[i]);
	}
	tdx_page_array_release(array);
}

static void aux_page_is_for_one_root(struct kunit *test)
{
	struct tdx_page_array *array = create_array(test, 513);

	KUNIT_EXPECT_EQ(test, tdx_page_array_add_aux(array), -EINVAL);
	KUNIT_EXPECT_EQ(test, tdx_hpa_array_aux(array), 0);
	tdx_page_array_release(array);
}

/* An array whose pages do not go back to the allocator unseen */
struct watched_array {
	struct tdx_mock *mock;
	struct tdx_page_array *array;
	struct tdx_test_pages *pages;
	unsigned long quarantined;
};

static struct watched_array create_watched_array(struct kunit *test, unsigned int nr_pages)
{
	struct watched_array watched = {
		.mock		= tdx_test_ready_mock(test, "on"),
		.array		= create_array(test, nr_pages),
		.pages		= tdx_test_watch(test, nr_pages),
		.quarantined	= tdx_quarantined_pages(),
	};

	tdx_test_watch_list(watched.pages, watched.array->hpas, nr_pages);
	return watched;
}

/* Of what was handed over, and may have been taken, nothing is used again */
static void release_quarantines_lent_pages(struct kunit *test)
{
	static const unsigned int nrs_lent[] = { 0, 1, 3, 5 };

	for (unsigned int i = 0; i < ARRAY_SIZE(nrs_lent); i++) {
		struct watched_array watched = create_watched_array(test, 5);

		tdx_page_array_lend(watched.array, nrs_lent[i]);
		tdx_page_array_release(watched.array);
		KUNIT_EXPECT_EQ(test, tdx_quarantined_pages(), watched.quarantined + nrs_lent[i]);
		tdx_test_expect_kept(test, watched.mock, watched.pages, 0, nrs_lent[i]);
		KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(watched.mock, TDH_PHYMEM_PAGE_WBINVD), 0);
	}
}

/* The call has not reached the module after all */
static void release_frees_pages_lent_in_vain(struct kunit *test)
{
	struct watched_array watched = create_watched_array(test, 5);

	tdx_page_array_lend(watched.array, 5);
	tdx_page_array_lend(watched.array, 2);
	tdx_page_array_release(watched.array);
	KUNIT_EXPECT_EQ(test, tdx_quarantined_pages(), watched.quarantined + 2);
	tdx_test_expect_kept(test, watched.mock, watched.pages, 0, 2);
}

/* Given pages are in use, not quarantined, and as little the allocator's */
static void release_leaves_given_pages_alone(struct kunit *test)
{
	struct watched_array watched = create_watched_array(test, 5);

	tdx_page_array_lend(watched.array, 5);
	tdx_page_array_give(watched.array);
	tdx_page_array_release(watched.array);
	KUNIT_EXPECT_EQ(test, tdx_quarantined_pages(), watched.quarantined);
	tdx_test_expect_kept(test, watched.mock, watched.pages, 0, 5);
	KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(watched.mock, TDH_PHYMEM_PAGE_WBINVD), 0);
}

/* What the module would report of @array, were it in order */
static u64 report_all(const struct tdx_page_array *array)
{
	u64 nr_pages = array->nr_pages;

	if (nr_pages == 1)
		return array->hpas[0];

	memcpy(page_address(array->aux), array->hpas, nr_pages * 8);
	return page_to_phys(array->aux) | (nr_pages - 1) << 55;
}

static bool note_flush(struct tdx_mock *mock, struct tdx_mock_call *call, u64 *status)
{
	tdx_test_note_flush(tdx_mock_hook_data(mock), mock, call);
	return false;
}

static void returned_pages_are_flushed_and_freed(struct kunit *test)
{
	unsigned int nr_pages = *(const unsigned int *)test->param_value;
	struct watched_array watched = create_watched_array(test, nr_pages);

	KUNIT_ASSERT_EQ(test, tdx_page_array_add_aux(watched.array), 0);
	tdx_page_array_lend(watched.array, nr_pages);
	KUNIT_EXPECT_EQ(test, tdx_page_array_take_back(watched.array, report_all(watched.array)),
			0);
	KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(watched.mock, TDH_PHYMEM_PAGE_WBINVD), 0);

	tdx_mock_set_hook(watched.mock, note_flush, watched.pages);
	tdx_page_array_release(watched.array);
	KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(watched.mock, TDH_PHYMEM_PAGE_WBINVD), nr_pages);
	KUNIT_EXPECT_EQ(test, watched.pages->nr_flushed, nr_pages);
	KUNIT_EXPECT_EQ(test, tdx_quarantined_pages(), watched.quarantined);
	tdx_test_expect_kept(test, watched.mock, watched.pages, 0, 0);
}

/* Each bit that can be wrong in what the module reports */
static void reports_that_do_not_agree_are_refused(struct kunit *test)
{
	unsigned int nr_pages = *(const unsigned int *)test->param_value;
	struct watched_array watched = create_watched_array(test, nr_pages);
	unsigned int nr_believed = 0;
	u64 *list, report;

	KUNIT_ASSERT_EQ(test, tdx_page_array_add_aux(watched.array), 0);
	tdx_page_array_lend(watched.array, nr_pages);
	report = report_all(watched.array);

	kunit_warning_suppress(test) {
		for (unsigned int bit = 0; bit < 64; bit++)
			nr_believed += !tdx_page_array_take_back(watched.array,
								 report ^ 1ULL << bit);

		list = watched.array->aux ? page_address(watched.array->aux) : NULL;
		for (unsigned int i = 0; list && i < nr_pages; i++) {
			list[i] ^= 1ULL << (i & 63);
			nr_believed += !tdx_page_array_take_back(watched.array, report);
			list[i] ^= 1ULL << (i & 63);
		}
	}
	KUNIT_EXPECT_EQ(test, nr_believed, 0);

	tdx_page_array_release(watched.array);
	KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(watched.mock, TDH_PHYMEM_PAGE_WBINVD), 0);
	KUNIT_EXPECT_EQ(test, tdx_quarantined_pages(), watched.quarantined + nr_pages);
	tdx_test_expect_kept(test, watched.mock, watched.pages, 0, nr_pages);
}

static struct kunit_case page_array_cases[] = {
	KUNIT_CASE_PARAM(create_gets_distinct_pages, count_gen_params),
	KUNIT_CASE_PARAM(create_gets_along_with_small_blocks, failing_count_gen_params),
	KUNIT_CASE(create_refuses_impossible_counts),
	KUNIT_CASE(create_survives_lack_of_memory),
	KUNIT_CASE_PARAM(create_survives_failing_allocations, failing_count_gen_params),
	KUNIT_CASE(release_takes_anything),
	KUNIT_CASE_PARAM(hpa_list_info_describes_each_root, count_gen_params),
	KUNIT_CASE_PARAM(hpa_array_describes_pages, small_count_gen_params),
	KUNIT_CASE_PARAM(aux_page_is_apart, small_count_gen_params),
	KUNIT_CASE(aux_page_is_for_one_root),
	KUNIT_CASE(release_quarantines_lent_pages),
	KUNIT_CASE(release_frees_pages_lent_in_vain),
	KUNIT_CASE(release_leaves_given_pages_alone),
	KUNIT_CASE_PARAM(returned_pages_are_flushed_and_freed, small_count_gen_params),
	KUNIT_CASE_PARAM(reports_that_do_not_agree_are_refused, small_count_gen_params),
	{}
};

static struct kunit_suite page_array_suite = {
	.name = "tdx_page_array",
	.test_cases = page_array_cases,
};

kunit_test_suite(page_array_suite);
