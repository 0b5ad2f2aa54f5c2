/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _X86_VIRT_TDX_TESTS_FIXTURE_H
#define _X86_VIRT_TDX_TESTS_FIXTURE_H

#include <kunit/test.h>
#include <linux/types.h>

#include "../mock/mock.h"

struct tdx_mock *tdx_test_mock(struct kunit *test, const char *options);
struct tdx_mock *tdx_test_ready_mock(struct kunit *test, const char *options);
void tdx_test_expect_clean_ledger(struct kunit *test, struct tdx_mock *mock);

/**
 * struct tdx_test_pages - pages whose fate a test case follows
 * @nr_pages:	how many
 * @max_pages:	how many there is room for
 * @nr_flushed:	how often one of them was flushed in time, by tdx_test_note_flush()
 * @hpas:	their physical addresses
 */
struct tdx_test_pages {
	unsigned int nr_pages;
	unsigned int max_pages;
	unsigned int nr_flushed;
	u64 hpas[];
};

struct tdx_test_pages *tdx_test_watch(struct kunit *test, unsigned int max_pages);
void tdx_test_watch_list(struct tdx_test_pages *pages, const u64 *hpas, unsigned int nr_pages);
void tdx_test_note_flush(struct tdx_test_pages *pages, struct tdx_mock *mock,
			 const struct tdx_mock_call *call);
void tdx_test_expect_kept(struct kunit *test, struct tdx_mock *mock, struct tdx_test_pages *pages,
			  unsigned int first, unsigned int nr_kept);

unsigned long tdx_test_free_memory(void);
void tdx_test_expect_free_memory(struct kunit *test, unsigned long before);

void tdx_test_allow_failures(struct kunit *test);
void tdx_test_fail_allocation(unsigned int nth);
bool tdx_test_allocation_failed(void);
void tdx_test_fragment_memory(struct kunit *test, unsigned int max_order);

#endif /* _X86_VIRT_TDX_TESTS_FIXTURE_H */
