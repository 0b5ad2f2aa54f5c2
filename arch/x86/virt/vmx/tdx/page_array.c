// SPDX-License-Identifier: GPL-2.0
/*
 * Pages lent to the TDX module, and who owns them.
 *
 * The module is given pages by SEAMCALLs that take a list of physical
 * addresses.  A page belongs to the host, then to the module from the moment
 * such a SEAMCALL is issued, because one that fails may have taken some pages.
 * What the module gives back is the host's again once the private cache lines
 * are flushed.
 *
 * Only the wrappers of SEAMCALLs move pages from one owner to the other.  All
 * others release an array when they are done with it, whatever has happened.
 * What the module may still own then is quarantined: never used again.
 */
#define pr_fmt(fmt)	"virt/tdx: " fmt

#include <linux/atomic.h>
#include <linux/bitfield.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <asm/tdx.h>

#include "page_array.h"

/* HPA_ARRAY_T: number of pages, less one */
#define HPA_ARRAY_SIZE	GENMASK_ULL(63, 55)

static atomic_long_t nr_quarantined;

/**
 * tdx_quarantined_pages() - memory that the TDX module may own for no use
 *
 * Return: number of 4 KB pages that are lost until the next boot, because a
 * SEAMCALL left it open whether the TDX module owns them.
 */
unsigned long tdx_quarantined_pages(void)
{
	return atomic_long_read(&nr_quarantined);
}

/**
 * tdx_page_array_alloc() - make room for pages
 * @max_pages: number of 4 KB pages
 *
 * Context: may sleep.
 * Return: an array without pages, for tdx_page_array_release().  NULL for no
 * pages at all, and if there is no memory.
 */
struct tdx_page_array *tdx_page_array_alloc(unsigned int max_pages)
{
	size_t nr_roots = DIV_ROUND_UP((size_t)max_pages, TDX_PAGES_PER_ROOT);
	struct tdx_page_array *array;

	if (!max_pages)
		return NULL;

	array = kzalloc_obj(*array);
	if (!array)
		return NULL;

	/* The roots need not be neighbours: each goes into an operand alone */
	array->hpas = __vmalloc(nr_roots * PAGE_SIZE, GFP_KERNEL | __GFP_NOWARN);
	if (!array->hpas) {
		kfree(array);
		return NULL;
	}

	array->max_pages = max_pages;
	return array;
}

/**
 * tdx_page_array_populate() - put pages in an array
 * @array: from tdx_page_array_alloc()
 *
 * Pages come in the largest blocks that the allocator has.  Pages that the
 * module keeps for good, tens of MB, thus do not fragment the rest.
 *
 * Context: may sleep.
 * Return: 0, or -ENOMEM with some pages in the array.
 */
int tdx_page_array_populate(struct tdx_page_array *array)
{
	unsigned int order = MAX_PAGE_ORDER;

	while (array->nr_pages < array->max_pages) {
		unsigned int nr_missing = array->max_pages - array->nr_pages;
		u64 *hpas = &array->hpas[array->nr_pages];
		struct page *block;
		phys_addr_t start;

		/* No memory is an answer, even for a single page: kill nobody for it */
		order = min_t(unsigned int, order, ilog2(nr_missing));
		block = alloc_pages(GFP_KERNEL | __GFP_NOWARN |
				    (order ? __GFP_NORETRY : __GFP_RETRY_MAYFAIL), order);
		if (!block) {
			if (!order)
				return -ENOMEM;
			order--;
			continue;
		}

		split_page(block, order);
		start = page_to_phys(block);
		for (unsigned int i = 0; i < 1U << order; i++)
			hpas[i] = start + i * PAGE_SIZE;
		array->nr_pages += 1U << order;
	}

	return 0;
}

/**
 * tdx_page_array_create() - an array with pages
 * @nr_pages: number of 4 KB pages
 *
 * Context: may sleep.
 * Return: an array for tdx_page_array_release().  NULL for no pages at all,
 * and if there is no memory.
 */
struct tdx_page_array *tdx_page_array_create(unsigned int nr_pages)
{
	struct tdx_page_array *array = tdx_page_array_alloc(nr_pages);

	if (array && tdx_page_array_populate(array)) {
		tdx_page_array_release(array);
		return NULL;
	}

	return array;
}
EXPORT_SYMBOL_FOR_MODULES(tdx_page_array_create, "tdx-host");

/*
 * The TDX module has used the page with the global KeyID.  What the caches hold
 * of that must not be written back over what the page holds next.
 */
static bool flush_page(struct page *page)
{
	return !tdh_phymem_page_wbinvd_global(page);
}

/* Can the page go back to the allocator? */
static bool is_hosts(const struct tdx_page_array *array, unsigned int n)
{
	if (n >= array->nr_lent)
		return true;

	return array->owner == TDX_PAGES_RETURNED && flush_page(phys_to_page(array->hpas[n]));
}

/**
 * tdx_page_array_release() - be done with an array
 * @array: the array, with or without pages, lent or not; NULL is fine
 *
 * Pages of the host go back to the allocator, those that the TDX module has
 * returned after a flush.  Pages that the module may still own do not: they
 * are quarantined until the next boot.
 *
 * Context: may sleep.
 */
void tdx_page_array_release(struct tdx_page_array *array)
{
	unsigned int nr_lost = 0;
	unsigned int i = 0;

	if (!array)
		return;

	/* The module's for good: neither free nor lost */
	if (array->owner == TDX_PAGES_GIVEN)
		i = array->nr_lent;

	for (; i < array->nr_pages; i++) {
		if (is_hosts(array, i))
			__free_page(phys_to_page(array->hpas[i]));
		else
			nr_lost++;
	}

	if (nr_lost) {
		atomic_long_add(nr_lost, &nr_quarantined);
		pr_warn("%lu KB quarantined, the TDX module may own them\n",
			nr_lost * (PAGE_SIZE / 1024));
	}

	if (array->aux)
		__free_page(array->aux);
	vfree(array->hpas);
	kfree(array);
}
EXPORT_SYMBOL_FOR_MODULES(tdx_page_array_release, "tdx-host");

/**
 * tdx_hpa_list_info() - HPA_LIST_INFO of some pages of an array
 * @array:	the array
 * @root:	which pages: the @root-th group of 512
 *
 * Return: the operand as the TDX module ABI defines it: first entry 0, frame of
 * the root page, index of the last entry.
 */
u64 tdx_hpa_list_info(const struct tdx_page_array *array, unsigned int root)
{
	unsigned int first = root * TDX_PAGES_PER_ROOT;
	unsigned int nr_entries = min(array->nr_pages - first, TDX_PAGES_PER_ROOT);
	u64 root_hpa = PFN_PHYS(vmalloc_to_pfn(&array->hpas[first]));

	return root_hpa | FIELD_PREP(TDX_HPA_LIST_LAST_ENTRY, nr_entries - 1);
}

/* A single page has no root page: it stands for itself */
static u64 hpa_array(const struct tdx_page_array *array, phys_addr_t root_hpa)
{
	if (array->nr_pages == 1)
		return array->hpas[0];

	return root_hpa | FIELD_PREP(HPA_ARRAY_SIZE, array->nr_pages - 1);
}

/**
 * tdx_hpa_array() - HPA_ARRAY_T of an array
 * @array: an array of up to 512 pages
 *
 * Return: the operand as the TDX module ABI defines it: frame of the root page
 * and number of pages less one, or the frame of a single page.
 */
u64 tdx_hpa_array(const struct tdx_page_array *array)
{
	return hpa_array(array, PFN_PHYS(vmalloc_to_pfn(array->hpas)));
}

/**
 * tdx_hpa_array_aux() - where the module is to report what it gives back
 * @array: an array of up to 512 pages, with an aux page unless it is one page
 *
 * Return: the operand as the TDX module ABI defines it: address of a page, 0
 * for a single page.
 */
u64 tdx_hpa_array_aux(const struct tdx_page_array *array)
{
	return array->aux ? page_to_phys(array->aux) : 0;
}

/**
 * tdx_page_array_lend() - pages are about to be handed to the TDX module
 * @array:	the array
 * @nr_pages:	the module may own the first @nr_pages pages from now on
 *
 * For SEAMCALL wrappers, before the call.
 */
void tdx_page_array_lend(struct tdx_page_array *array, unsigned int nr_pages)
{
	array->nr_lent = nr_pages;
	array->owner = TDX_PAGES_LENT;
}

/**
 * tdx_page_array_give() - the TDX module has taken the lent pages for good
 * @array: the array
 *
 * For SEAMCALL wrappers, after a call whose pages no SEAMCALL gives back.
 */
void tdx_page_array_give(struct tdx_page_array *array)
{
	array->owner = TDX_PAGES_GIVEN;
}

/**
 * tdx_page_array_add_aux() - prepare an array for being returned
 * @array: an array of up to 512 pages
 *
 * To be done before the pages are lent, so that no lack of memory can keep
 * them from being given back.
 *
 * Context: may sleep.
 * Return: 0, -EINVAL for more pages than one operand can hold, -ENOMEM.
 */
int tdx_page_array_add_aux(struct tdx_page_array *array)
{
	if (array->nr_pages > TDX_PAGES_PER_ROOT)
		return -EINVAL;

	if (array->nr_pages == 1 || array->aux)
		return 0;

	array->aux = alloc_page(GFP_KERNEL);
	return array->aux ? 0 : -ENOMEM;
}

/**
 * tdx_page_array_take_back() - the TDX module says that it has returned pages
 * @array:	the array, all of it lent
 * @released:	HPA_ARRAY_T that the module returned
 *
 * For SEAMCALL wrappers, after a call with tdx_hpa_array_aux() as operand.  The
 * module has to give back what it was given: its report is compared with the
 * kernel's own record, which it can not write.
 *
 * Return: 0; -EIO if the report does not agree, so that all pages remain lent.
 */
int tdx_page_array_take_back(struct tdx_page_array *array, u64 released)
{
	if (released != hpa_array(array, tdx_hpa_array_aux(array)) ||
	    (array->aux && memcmp(page_address(array->aux), array->hpas,
				  array->nr_pages * sizeof(u64)))) {
		WARN_ON_ONCE(1);
		return -EIO;
	}

	array->owner = TDX_PAGES_RETURNED;
	return 0;
}
