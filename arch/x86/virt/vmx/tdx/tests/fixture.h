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
 * @hpas:	their physical addresses
 */
struct tdx_test_pages {
	unsigned int nr_pages;
	unsigned int max_pages;
	u64 hpas[];
};

struct tdx_test_pages *tdx_test_watch(struct kunit *test, unsigned int max_pages);
void tdx_test_watch_list(struct tdx_test_pages *pages, const u64 *hpas, unsigned int nr_pages);
void tdx_test_expect_kept(struct kunit *test, struct tdx_mock *mock, struct tdx_test_pages *pages,
			  unsigned int first, unsigned int nr_kept);

unsigned long tdx_test_free_memory(void);
void tdx_test_expect_free_memory(struct kunit *test, unsigned long before);

void tdx_test_allow_failures(struct kunit *test);
void tdx_test_fail_allocation(unsigned int nth);
bool tdx_test_allocation_failed(void);
void tdx_test_fragment_memory(struct kunit *test, unsigned int max_order);

#endif /* _X86_VIRT_TDX_TESTS_FIXTURE_H */
