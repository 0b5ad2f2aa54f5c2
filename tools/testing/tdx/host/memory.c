// SPDX-License-Identifier: GPL-2.0
/*
 * Physical memory of a machine that there is not, and the kernel's allocators
 * on top of it.
 *
 * All memory is mapped once as the kernel maps it, and some frames a second time,
 * last one first: vmalloc() gets its memory there, so that nobody can take
 * neighbours in such an area for neighbours in physical memory.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "host.h"

#ifndef __has_feature
#define __has_feature(_feature)	0
#endif

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(_start, _size)	((void)(_start), (void)(_size))
#define ASAN_UNPOISON_MEMORY_REGION(_start, _size)	((void)(_start), (void)(_size))
#endif

/* Not at 0, so that a physical address is no offset; blocks of all orders are aligned */
#define START_PFN	0xa40000UL

/* Frames: first those of vmalloc(), then those of the page allocator */
#define NR_VMALLOC	HOST_VMALLOC_PAGES
#define NR_FRAMES	(NR_VMALLOC + HOST_ALL_PAGES)

/* @tail: not the first page of a block that was not split */
struct page {
	int count;
	u8 order;
	bool tail;
};

static struct page frames[NR_FRAMES];
static struct page *const pages = frames + NR_VMALLOC;
static char *direct_map, *vmalloc_area;
static u16 vmalloc_sizes[NR_VMALLOC + 1];	/* of the area that starts here */

static unsigned long nr_pages, nr_vmalloc;
static unsigned long nr_used, nr_objects;
static unsigned long cursor;

void (*host_page_freed)(phys_addr_t pa);
unsigned long max_pfn;
struct task_struct host_task;
static struct host_pageset no_pageset;
struct zone host_zone = { &no_pageset };

static void *map(void *where, int file, unsigned long first, unsigned long nr)
{
	void *addr = mmap(where, nr * PAGE_SIZE, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_NORESERVE | (where ? MAP_FIXED : 0), file,
			  first * PAGE_SIZE);

	host_check(addr != MAP_FAILED, "no memory for the simulated machine");
	return addr;
}

static void __attribute__((__constructor__)) make_memory(void)
{
	int file = memfd_create("memory", MFD_CLOEXEC);

	host_check(file >= 0 && !ftruncate(file, NR_FRAMES * PAGE_SIZE), "no simulated memory");
	direct_map = map(NULL, file, 0, NR_FRAMES);
	/* A page more, which is never used: behind each area is one that is not */
	vmalloc_area = map(NULL, file, 0, NR_VMALLOC + 1);
	for (unsigned long i = 0; i < NR_VMALLOC; i++)
		map(vmalloc_area + i * PAGE_SIZE, file, NR_VMALLOC - 1 - i, 1);
	close(file);

	ASAN_POISON_MEMORY_REGION(page_address(pages), HOST_ALL_PAGES * PAGE_SIZE);
	ASAN_POISON_MEMORY_REGION(vmalloc_area, (NR_VMALLOC + 1) * PAGE_SIZE);
	host_set_memory(HOST_ALL_PAGES, HOST_VMALLOC_PAGES);
}

/**
 * host_set_memory() - have as much memory
 * @nr: number of 4 KB pages, up to HOST_ALL_PAGES; none is in use
 * @nr_for_vmalloc: number of those that vmalloc() has besides, up to HOST_VMALLOC_PAGES
 */
void host_set_memory(unsigned long nr, unsigned long nr_for_vmalloc)
{
	host_check(!nr_used, "memory is in use");
	host_check(nr <= HOST_ALL_PAGES && nr_for_vmalloc <= NR_VMALLOC, "there is less memory");
	nr_pages = nr;
	nr_vmalloc = nr_for_vmalloc;
	max_pfn = START_PFN + NR_VMALLOC + nr;
	cursor = 0;
}

/**
 * host_forget_memory() - all pages are free again, whoever has them
 *
 * For pages that were quarantined, which nobody gives back.
 */
void host_forget_memory(void)
{
	for (unsigned long i = 0; nr_used && i < nr_pages; i++) {
		if (pages[i].count) {
			ASAN_POISON_MEMORY_REGION(page_address(&pages[i]), PAGE_SIZE);
			nr_used--;
		}
		pages[i] = (struct page) {};
	}
	cursor = 0;
}

/* Where memory starts and ends, and the pages of the allocator start, in bytes */
phys_addr_t host_memory_start(void)
{
	return PFN_PHYS(START_PFN + NR_VMALLOC - nr_vmalloc);
}

phys_addr_t host_pages_start(void)
{
	return PFN_PHYS(START_PFN + NR_VMALLOC);
}

phys_addr_t host_memory_end(void)
{
	return PFN_PHYS(max_pfn);
}

unsigned long host_used_pages(void)
{
	return nr_used;
}

unsigned long host_used_objects(void)
{
	return nr_objects;
}

unsigned long host_free_pages(void)
{
	return nr_pages - nr_used;
}

unsigned long totalram_pages(void)
{
	return nr_pages;
}

/* Frames and pages */

struct page *pfn_to_page(unsigned long pfn)
{
	host_check(pfn >= START_PFN && pfn < max_pfn, "no page at frame %#lx", pfn);
	return &frames[pfn - START_PFN];
}

unsigned long page_to_pfn(const struct page *page)
{
	return START_PFN + (page - frames);
}

void *page_address(const struct page *page)
{
	return direct_map + (page - frames) * PAGE_SIZE;
}

/* As in the kernel a matter of arithmetic: whether memory is there is not asked */
void *phys_to_virt(phys_addr_t pa)
{
	return (void *)((unsigned long)direct_map + (pa - PFN_PHYS(START_PFN)));
}

phys_addr_t virt_to_phys(const void *addr)
{
	unsigned long offset = (const char *)addr - direct_map;

	host_check(offset < NR_FRAMES * PAGE_SIZE, "not in the direct map");
	return PFN_PHYS(START_PFN) + offset;
}

static bool is_vmalloc(const void *addr)
{
	return (unsigned long)((const char *)addr - vmalloc_area) < NR_VMALLOC * PAGE_SIZE;
}

unsigned long vmalloc_to_pfn(const void *addr)
{
	host_check(is_vmalloc(addr), "not in the vmalloc area");
	return START_PFN + NR_VMALLOC - 1 - ((const char *)addr - vmalloc_area) / PAGE_SIZE;
}

phys_addr_t slow_virt_to_phys(void *addr)
{
	if (!is_vmalloc(addr))
		return virt_to_phys(addr);

	return PFN_PHYS(vmalloc_to_pfn(addr)) + (unsigned long)addr % PAGE_SIZE;
}

/**
 * host_page_is_free() - is the page the allocator's?
 * @pfn: frame number
 *
 * Return: true if it is free, or there is no such page.
 */
bool host_page_is_free(u64 pfn)
{
	if (pfn < START_PFN || pfn >= max_pfn)
		return true;

	return !frames[pfn - START_PFN].count && !frames[pfn - START_PFN].tail;
}

/* Failures, as the kernel's fault injection has them made */

static struct knob {
	const char *injector;
	const char *name;
	unsigned long value;
} knobs[] = {
	{ "failslab",		"verbose" },
	{ "failslab",		"ignore-gfp-wait" },
	{ "fail_page_alloc",	"verbose" },
	{ "fail_page_alloc",	"ignore-gfp-wait" },
	{ "fail_page_alloc",	"ignore-gfp-highmem" },
	{ "fail_page_alloc",	"task-filter" },
	{ "fail_page_alloc",	"times" },
	{ "fail_page_alloc",	"probability" },
	{ "fail_page_alloc",	"min-order" },
};

static unsigned long *const min_order = &knobs[ARRAY_SIZE(knobs) - 1].value;

/**
 * host_limit_order() - have no larger blocks
 * @max_order: order of the largest block; MAX_PAGE_ORDER: no limit
 */
void host_limit_order(unsigned int max_order)
{
	host_task.make_it_fail = true;
	*min_order = max_order + 1;
}

/* A directory is its first file */
struct dentry *debugfs_lookup(const char *name, struct dentry *dir)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(knobs); i++) {
		if (dir && strcmp(knobs[i].injector, ((struct knob *)dir)->injector))
			continue;
		if (!strcmp(dir ? knobs[i].name : knobs[i].injector, name))
			return (struct dentry *)&knobs[i];
	}

	return NULL;
}

struct inode *d_inode(struct dentry *dentry)
{
	static struct inode inode;

	inode.i_private = &((struct knob *)dentry)->value;
	return &inode;
}

static bool fails(gfp_t gfp)
{
	host_check(gfp & (GFP_KERNEL | GFP_ATOMIC), "may it sleep?");
	if (gfp & GFP_KERNEL)
		host_might_sleep();
	return host_task.fail_nth && !--host_task.fail_nth;
}

void host_might_sleep(void)
{
	host_check(!host_preempt_count, "sleeps where it may not");
}

/* Pages */

static bool is_free_block(unsigned long first, unsigned long nr)
{
	for (unsigned long i = first; i < first + nr; i++) {
		if (pages[i].count || pages[i].tail)
			return false;
	}

	return true;
}

/* From where the last one was on, so that nothing freed is soon used again */
static long find_block(unsigned int order)
{
	unsigned long nr = 1UL << order;
	unsigned long start = ALIGN(cursor, nr);

	for (unsigned long i = 0; i < nr_pages / nr + 1; i++, start += nr) {
		if (start + nr > nr_pages)
			start = 0;
		if (is_free_block(start, nr))
			return start;
	}

	return -1;
}

struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	unsigned long nr = 1UL << order;
	long first;

	if (fails(gfp) || order > MAX_PAGE_ORDER || nr > host_free_pages())
		return NULL;
	if (host_task.make_it_fail && order >= *min_order)
		return NULL;

	first = find_block(order);
	if (first < 0)
		return NULL;

	for (unsigned long i = 0; i < nr; i++)
		pages[first + i] = (struct page) { .tail = i };
	pages[first].count = 1;
	pages[first].order = order;
	nr_used += nr;
	cursor = first + nr;

	ASAN_UNPOISON_MEMORY_REGION(page_address(&pages[first]), nr * PAGE_SIZE);
	if (gfp & __GFP_ZERO)
		memset(page_address(&pages[first]), 0, nr * PAGE_SIZE);
	return &pages[first];
}

void split_page(struct page *block, unsigned int order)
{
	host_check(block->count && !block->tail && block->order == order, "split of no such block");
	for (unsigned long i = 0; i < 1UL << order; i++)
		block[i] = (struct page) { .count = 1 };
}

void get_page(struct page *page)
{
	host_check(page->count, "reference to a free page");
	page->count++;
}

int page_count(const struct page *page)
{
	return page->count;
}

void __free_pages(struct page *block, unsigned int order)
{
	unsigned long nr = 1UL << order;

	host_check(block >= pages, "not from the page allocator");
	host_check(block->count, "freed twice");
	host_check(!block->tail && block->order == order, "freed in part");
	if (host_page_freed)
		host_page_freed(page_to_phys(block));
	if (--block->count)
		return;

	memset(block, 0, nr * sizeof(*block));
	nr_used -= nr;
	ASAN_POISON_MEMORY_REGION(page_address(block), nr * PAGE_SIZE);
}

void put_page(struct page *page)
{
	__free_pages(page, 0);
}

/* Objects, with their own redzones where there is a sanitizer */

void *kmalloc(size_t size, gfp_t gfp)
{
	void *object;

	if (fails(gfp))
		return NULL;

	object = gfp & __GFP_ZERO ? calloc(1, size) : malloc(size);
	host_check(object, "the host has no memory");
	nr_objects++;
	return object;
}

void kfree(const void *object)
{
	host_check(!is_vmalloc(object), "kfree() of an area");
	nr_objects -= !!object;
	free((void *)object);
}

/* Memory of which nobody asks where it is */
void *vcalloc(size_t n, size_t size)
{
	return kmalloc(size_mul(n, size), GFP_KERNEL | __GFP_ZERO);
}

static struct page *vmalloc_page(unsigned long n)
{
	return pfn_to_page(vmalloc_to_pfn(vmalloc_area + n * PAGE_SIZE));
}

/* At the start of the page behind an area, for who has no sanitizer */
#define CANARY		0xdeadbeefdeadbeefULL

static void __attribute__((__no_sanitize__("address"))) set_canary(void *page)
{
	*(u64 *)page = CANARY;
}

static void __attribute__((__no_sanitize__("address"))) check_canary(const void *page)
{
	host_check(*(const u64 *)page == CANARY, "written behind an area");
}

void *__vmalloc(size_t size, gfp_t gfp)
{
	unsigned long nr = DIV_ROUND_UP(size, PAGE_SIZE);
	unsigned long nr_free = 0;
	char *area;

	if (!size || nr > nr_vmalloc)
		return NULL;

	/* An object for the area, one for its list of pages, the pages */
	for (unsigned long i = 0; i < nr + 2; i++) {
		if (fails(gfp))
			return NULL;
	}

	for (unsigned long end = 0; end < nr_vmalloc; end++) {
		/* And a page between two areas */
		nr_free = vmalloc_page(end)->count ? 0 : nr_free + 1;
		if (nr_free < nr + 2)
			continue;

		area = vmalloc_area + (end - nr) * PAGE_SIZE;
		vmalloc_sizes[end - nr] = nr;
		for (unsigned long i = end - nr; i < end; i++)
			vmalloc_page(i)->count = 1;
		nr_objects++;
		ASAN_UNPOISON_MEMORY_REGION(area, size);
		if (gfp & __GFP_ZERO)
			memset(area, 0, size);
		set_canary(area + nr * PAGE_SIZE);
		return area;
	}

	return NULL;
}

void vfree(const void *area)
{
	unsigned long first = ((const char *)area - vmalloc_area) / PAGE_SIZE;

	host_might_sleep();
	if (!is_vmalloc(area)) {
		kfree(area);
		return;
	}

	host_check(vmalloc_sizes[first], "vfree() of no area");
	check_canary(area + vmalloc_sizes[first] * PAGE_SIZE);
	ASAN_POISON_MEMORY_REGION(area, vmalloc_sizes[first] * PAGE_SIZE);
	while (vmalloc_sizes[first])
		vmalloc_page(first + --vmalloc_sizes[first])->count = 0;
	nr_objects--;
}
