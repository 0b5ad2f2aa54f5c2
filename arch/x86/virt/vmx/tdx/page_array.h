/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _X86_VIRT_TDX_PAGE_ARRAY_H
#define _X86_VIRT_TDX_PAGE_ARRAY_H

#include <linux/bits.h>
#include <linux/types.h>
#include <asm/page.h>

struct page;

/* Physical addresses in a root page: as many pages can one SEAMCALL take */
#define TDX_PAGES_PER_ROOT	(PAGE_SIZE / sizeof(u64))

/* HPA_LIST_INFO: where an interrupted call goes on, and where the list ends */
#define TDX_HPA_LIST_FIRST_ENTRY	GENMASK_ULL(11, 3)
#define TDX_HPA_LIST_LAST_ENTRY		GENMASK_ULL(63, 55)

/* Whose the lent pages of an array are */
enum tdx_page_owner {
	TDX_PAGES_LENT,		/* maybe the module's */
	TDX_PAGES_GIVEN,	/* the module's for good */
	TDX_PAGES_RETURNED,	/* the host's, but for private cache lines */
};

/**
 * struct tdx_page_array - pages for the TDX module
 * @nr_pages:	pages in the array
 * @max_pages:	pages that there is room for
 * @nr_lent:	the first @nr_lent pages have been handed to the module, the
 *		others are the host's
 * @owner:	of the first @nr_lent pages
 * @hpas:	physical addresses of the pages, in as many whole pages as it
 *		takes.  Each of these is a ready-made root page, so that this
 *		is the kernel's record and the module's operand at once.  The
 *		module only reads it.
 * @aux:	the page in which the module reports what it gives back; NULL
 *		for a single page, and where the module gives nothing back
 */
struct tdx_page_array {
	unsigned int nr_pages;
	unsigned int max_pages;
	unsigned int nr_lent;
	enum tdx_page_owner owner;
	u64 *hpas;
	struct page *aux;
};

struct tdx_page_array *tdx_page_array_alloc(unsigned int max_pages);
int tdx_page_array_populate(struct tdx_page_array *array);

u64 tdx_hpa_list_info(const struct tdx_page_array *array, unsigned int root);
u64 tdx_hpa_array(const struct tdx_page_array *array);
u64 tdx_hpa_array_aux(const struct tdx_page_array *array);

void tdx_page_array_lend(struct tdx_page_array *array, unsigned int nr_pages);
void tdx_page_array_give(struct tdx_page_array *array);
int tdx_page_array_add_aux(struct tdx_page_array *array);
int tdx_page_array_take_back(struct tdx_page_array *array, u64 released);

unsigned long tdx_quarantined_pages(void);

#endif /* _X86_VIRT_TDX_PAGE_ARRAY_H */
