// SPDX-License-Identifier: GPL-2.0
/* A mock TDX module of a test's own */
#include <kunit/resource.h>
#include <kunit/test.h>
#include <linux/bits.h>
#include <linux/cpufeature.h>
#include <linux/debugfs.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/overflow.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/vmstat.h>

#include "../mock/model.h"
#include "../mock/trap.h"
#include "../tdx.h"
#include "fixture.h"

struct mock_fixture {
	struct tdx_mock *mock;
	struct tdx_mock *former;
};

static void end_mock(void *data)
{
	struct mock_fixture *fixture = data;

	tdx_mock_trap(fixture->former);
	tdx_mock_destroy(fixture->mock);
}

/**
 * tdx_test_mock() - have a module answer SEAMCALLs until the test case ends
 * @test:	the test case; skipped on a machine with a real TDX module, and on one
 *		that is not for the mock
 * @options:	configuration as tdx_mock= takes it
 *
 * The module of a machine that was booted on the mock is put aside meanwhile.
 *
 * Context: a test case, from its own thread.
 * Return: the module, waiting for TDH.SYS.INIT.
 */
struct tdx_mock *tdx_test_mock(struct kunit *test, const char *options)
{
	struct tdx_mock_platform *platform = kunit_kzalloc(test, sizeof(*platform), GFP_KERNEL);
	struct mock_fixture *fixture = kunit_kzalloc(test, sizeof(*fixture), GFP_KERNEL);
	struct tdx_mock_config *config = kunit_kzalloc(test, sizeof(*config), GFP_KERNEL);
	char *text = kunit_kstrdup(test, options, GFP_KERNEL);
	const char *bad = "";

	if (!tdx_mock_trap_possible())
		kunit_skip(test, "no SEAMCALL can be trapped on this machine");

	KUNIT_ASSERT_NOT_NULL(test, platform);
	KUNIT_ASSERT_NOT_NULL(test, fixture);
	KUNIT_ASSERT_NOT_NULL(test, config);
	KUNIT_ASSERT_NOT_NULL(test, text);

	tdx_mock_default_config(config);
	KUNIT_ASSERT_EQ_MSG(test, tdx_mock_parse_config(config, text, &bad), 0, "%s", bad);

	tdx_mock_this_machine(platform);
	if (!tdx_mock_has_room(platform))
		kunit_skip(test, "too many CPUs or packages");
	/* A kernel that has no KeyIDs takes 0 for the global one */
	if (!boot_cpu_has(X86_FEATURE_TDX_HOST_PLATFORM))
		platform->keyid_start = 0;
	fixture->mock = tdx_mock_create(config, platform);
	KUNIT_ASSERT_NOT_NULL(test, fixture->mock);

	fixture->former = tdx_mock_trap(fixture->mock);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, end_mock, fixture), 0);

	return fixture->mock;
}

/**
 * tdx_test_ready_mock() - have a module that is up answer SEAMCALLs
 * @test:	the test case; skipped on a machine with a real TDX module
 * @options:	configuration as tdx_mock= takes it
 *
 * Context: a test case, from its own thread.
 * Return: the module, until the test case ends.
 */
struct tdx_mock *tdx_test_ready_mock(struct kunit *test, const char *options)
{
	struct tdx_mock *mock = tdx_test_mock(test, options);

	tdx_mock_make_ready(mock);
	return mock;
}

/**
 * tdx_test_expect_clean_ledger() - the host has kept its hands off
 * @test:	the test case
 * @mock:	the module whose ledger it is
 */
void tdx_test_expect_clean_ledger(struct kunit *test, struct tdx_mock *mock)
{
	struct tdx_mock_breach breach = {};
	unsigned int nr_breaches = tdx_mock_ledger_audit(mock, &breach, 1);

	KUNIT_EXPECT_EQ_MSG(test, nr_breaches, 0, "page at %#llx: %s", breach.pa,
			    tdx_mock_breach_name(breach.kind));
}

/**
 * tdx_test_watch() - be ready to follow what becomes of pages
 * @test:	the test case
 * @max_pages:	how many pages
 *
 * Context: a test case, from its own thread.
 * Return: no pages yet, for tdx_test_watch_list() and tdx_test_expect_kept().
 */
struct tdx_test_pages *tdx_test_watch(struct kunit *test, unsigned int max_pages)
{
	struct tdx_test_pages *pages;

	pages = kunit_kzalloc(test, struct_size(pages, hpas, max_pages), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, pages);
	pages->max_pages = max_pages;
	return pages;
}

/**
 * tdx_test_watch_list() - follow what becomes of the pages in a list
 * @pages:	from tdx_test_watch()
 * @hpas:	physical addresses of pages that are allocated
 * @nr_pages:	how many
 *
 * The pages get a reference more, so that the allocator gives none of them to
 * somebody else before tdx_test_expect_kept() has looked at them.
 *
 * Context: any.
 */
void tdx_test_watch_list(struct tdx_test_pages *pages, const u64 *hpas, unsigned int nr_pages)
{
	for (unsigned int i = 0; i < nr_pages && pages->nr_pages < pages->max_pages; i++) {
		get_page(phys_to_page(hpas[i]));
		pages->hpas[pages->nr_pages++] = hpas[i];
	}
}

/**
 * tdx_test_note_flush() - count a flush, if it is of a page that is still the host's
 * @pages:	the pages whose flushes count
 * @mock:	the module
 * @call:	from the hook of a test: only TDH.PHYMEM.PAGE.WBINVD counts
 *
 * A page that went back to the allocator before it is flushed is somebody else's by
 * then, who may have written to it.
 *
 * Context: any.
 */
void tdx_test_note_flush(struct tdx_test_pages *pages, struct tdx_mock *mock,
			 const struct tdx_mock_call *call)
{
	u64 hpa = call->args->rcx & GENMASK_ULL(mock->platform.phys_bits - 1, 0);

	if (call->leaf != TDH_PHYMEM_PAGE_WBINVD)
		return;

	for (unsigned int i = 0; i < pages->nr_pages; i++) {
		if (pages->hpas[i] == hpa && page_count(phys_to_page(hpa)) > 1)
			pages->nr_flushed++;
	}
}

/**
 * tdx_test_expect_kept() - these pages and no others did not go back
 * @test:	the test case
 * @mock:	the module, whose ledger is to be clean; NULL: whatever it says
 * @pages:	the pages; they are no longer watched, and all free, in the end
 * @first:	index of the first page that the host is to keep from the
 *		allocator
 * @nr_kept:	how many, from @first on
 */
void tdx_test_expect_kept(struct kunit *test, struct tdx_mock *mock, struct tdx_test_pages *pages,
			  unsigned int first, unsigned int nr_kept)
{
	unsigned int nr_freed_early = 0, nr_kept_too = 0;

	for (unsigned int i = 0; i < pages->nr_pages; i++) {
		struct page *page = phys_to_page(pages->hpas[i]);
		bool expected = i >= first && i - first < nr_kept;
		bool kept = page_count(page) > 1;

		nr_freed_early += expected && !kept;
		nr_kept_too += kept && !expected;
		put_page(page);
		if (!kept)
			pages->hpas[i] = 0;
	}

	KUNIT_EXPECT_EQ(test, nr_freed_early, 0);
	KUNIT_EXPECT_EQ(test, nr_kept_too, 0);
	KUNIT_EXPECT_GE(test, pages->nr_pages, first + nr_kept);
	if (mock)
		tdx_test_expect_clean_ledger(test, mock);

	for (unsigned int i = 0; i < pages->nr_pages; i++) {
		if (pages->hpas[i])
			__free_page(phys_to_page(pages->hpas[i]));
	}
	pages->nr_pages = 0;
}

/**
 * tdx_test_free_memory() - memory that nobody uses
 *
 * Pages that a CPU keeps at hand count, too.
 *
 * Context: any.
 * Return: number of 4 KB pages, for tdx_test_expect_free_memory().
 */
unsigned long tdx_test_free_memory(void)
{
	unsigned long nr_pages = 0;
	struct zone *zone;
	int cpu;

	for_each_populated_zone(zone) {
		nr_pages += zone_page_state_snapshot(zone, NR_FREE_PAGES);
		for_each_online_cpu(cpu)
			nr_pages += per_cpu_ptr(zone->per_cpu_pageset, cpu)->count;
	}

	return nr_pages;
}

/**
 * tdx_test_expect_free_memory() - no memory was lost
 * @test:	the test case
 * @before:	tdx_test_free_memory() of some time ago
 */
void tdx_test_expect_free_memory(struct kunit *test, unsigned long before)
{
	/* What page tables, slabs and the rest of the kernel may take meanwhile */
	unsigned long noise = 64;

	/* KASAN does not give back at once what was freed, see mm/kasan/quarantine.c */
	if (IS_ENABLED(CONFIG_KASAN_GENERIC))
		noise += totalram_pages() / 32;

	KUNIT_EXPECT_GE(test, tdx_test_free_memory() + noise, before);
}

#if defined(CONFIG_FAULT_INJECTION_DEBUG_FS) && defined(CONFIG_FAILSLAB) && \
	defined(CONFIG_FAIL_PAGE_ALLOC)

/* A knob of the kernel's fault injection, and what it is to be set to */
struct fault_option {
	const char *injector;
	const char *name;
	size_t size;
	unsigned long value;
};

/* There is no way to the knobs but the files in debugfs that stand for them */
static void *find_option(const char *injector, const char *name)
{
	struct dentry *dir = debugfs_lookup(injector, NULL);
	struct dentry *file = dir ? debugfs_lookup(name, dir) : NULL;
	void *option = file ? d_inode(file)->i_private : NULL;

	dput(file);
	dput(dir);
	return option;
}

/* Done twice it is undone */
static void swap_options(void *data)
{
	for (struct fault_option *option = data; option->name; option++) {
		void *knob = find_option(option->injector, option->name);
		unsigned long former = 0;

		memcpy(&former, knob, option->size);
		memcpy(knob, &option->value, option->size);
		option->value = former;
	}
}

static void set_options(struct kunit *test, const struct fault_option *options, size_t size)
{
	struct fault_option *copy = kunit_kmalloc(test, size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, copy);
	memcpy(copy, options, size);
	for (struct fault_option *option = copy; option->name; option++)
		KUNIT_ASSERT_NOT_NULL_MSG(test, find_option(option->injector, option->name),
					  "%s/%s", option->injector, option->name);

	swap_options(copy);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, swap_options, copy), 0);
}

/**
 * tdx_test_allow_failures() - prepare for tdx_test_fail_allocation()
 * @test: the test case; skipped in a kernel without fault injection
 *
 * Context: a test case, from its own thread.
 */
void tdx_test_allow_failures(struct kunit *test)
{
	static const struct fault_option options[] = {
		{ "failslab",		"verbose",		sizeof(unsigned long),	0 },
		{ "failslab",		"ignore-gfp-wait",	sizeof(bool),		false },
		{ "fail_page_alloc",	"verbose",		sizeof(unsigned long),	0 },
		{ "fail_page_alloc",	"ignore-gfp-wait",	sizeof(bool),		false },
		{ "fail_page_alloc",	"ignore-gfp-highmem",	sizeof(bool),		false },
		{ "fail_page_alloc",	"min-order",		sizeof(u32),		0 },
		{}
	};

	set_options(test, options, sizeof(options));
}

/**
 * tdx_test_fail_allocation() - have an allocation of this thread fail
 * @nth: the first, the second, ... of slab objects and pages from now on
 *
 * Context: a test case after tdx_test_allow_failures(), from its own thread.
 * Nothing but the code to be tested up to tdx_test_allocation_failed().
 */
void tdx_test_fail_allocation(unsigned int nth)
{
	current->fail_nth = nth;
}

/**
 * tdx_test_allocation_failed() - has it come to the allocation that fails?
 *
 * Return: false if there were fewer allocations.  None fails from here on.
 */
bool tdx_test_allocation_failed(void)
{
	bool failed = !current->fail_nth;

	current->fail_nth = 0;
	return failed;
}

static void spare_thread(void *unused)
{
	current->make_it_fail = 0;
}

/**
 * tdx_test_fragment_memory() - have no large blocks until the test case ends
 * @test:	the test case; skipped in a kernel without fault injection
 * @max_order:	order of the largest blocks that this thread is to get
 *
 * Context: a test case, from its own thread.
 */
void tdx_test_fragment_memory(struct kunit *test, unsigned int max_order)
{
	const struct fault_option options[] = {
		{ "fail_page_alloc",	"verbose",		sizeof(unsigned long),	0 },
		{ "fail_page_alloc",	"ignore-gfp-wait",	sizeof(bool),		false },
		{ "fail_page_alloc",	"min-order",		sizeof(u32),	max_order + 1 },
		{ "fail_page_alloc",	"times",		sizeof(atomic_t),	-1 },
		{ "fail_page_alloc",	"task-filter",		sizeof(bool),		true },
		{ "fail_page_alloc",	"probability",		sizeof(unsigned long),	100 },
		{}
	};

	set_options(test, options, sizeof(options));
	current->make_it_fail = 1;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, spare_thread, NULL), 0);
}

#else

void tdx_test_allow_failures(struct kunit *test)
{
	kunit_skip(test, "no fault injection in this kernel");
}

void tdx_test_fail_allocation(unsigned int nth)
{
}

bool tdx_test_allocation_failed(void)
{
	return false;
}

void tdx_test_fragment_memory(struct kunit *test, unsigned int max_order)
{
	kunit_skip(test, "no fault injection in this kernel");
}

#endif
