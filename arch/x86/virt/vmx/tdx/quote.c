// SPDX-License-Identifier: GPL-2.0
/*
 * Quotes made by the TDX module: what a TD shows to prove what it is.
 *
 * Quoting lives on the TDX module extensions, and like these it is optional.
 * Without it, user space has quotes made for its TDs.
 */
#define pr_fmt(fmt)	"virt/tdx: " fmt

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/kvm_types.h>
#include <linux/math.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pfn.h>
#include <linux/printk.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <asm/tdx.h>

#include "ext.h"
#include "quote.h"
#include "seamcall_internal.h"
#include "tdx.h"

/* Global metadata field, valid after TDH.QUOTE.INIT */
#define MAX_QUOTE_SIZE_FIELD	0x2300000200000002ULL

/* A quote is about 100 KB.  A module that asks for more than this is not to be served. */
#define QUOTE_SIZE_LIMIT	SZ_16M

/* TDH.QUOTE.GET: a quote in the format that the module prefers */
#define QUOTE_ID_DEFAULT	GENMASK_ULL(47, 32)

/* HPA_LINKED_LIST: no page, no further node */
#define LIST_END		U64_MAX

/* Bytes of the largest quote, 0 while there are none.  An update changes it. */
static u32 max_quote_size;

/*
 * The module has the state of an interrupted call, and refuses to go on with
 * another one.  It does not say whether that is one state for each TD, so there
 * is one call at a time.  None is under way while the module is updated.
 */
DEFINE_MUTEX(tdx_quote_lock);

/**
 * tdx_quote_max_size() - how large do quotes of the TDX module get?
 *
 * Context: any.  A runtime update of the module changes the answer.
 * Return: bytes; 0 if the module makes no quotes.
 */
u32 tdx_quote_max_size(void)
{
	return READ_ONCE(max_quote_size);
}
EXPORT_SYMBOL_FOR_MODULES(tdx_quote_max_size, "kvm-intel,tdx-host");

static int init_quoting(u32 *max_size)
{
	struct tdx_module_args args = {};
	int ret;

	ret = seamcall_errno(TDH_QUOTE_INIT, tdx_ext_seamcall(TDH_QUOTE_INIT, &args));
	if (ret)
		return ret;

	args = (struct tdx_module_args) { .rdx = MAX_QUOTE_SIZE_FIELD };
	ret = seamcall_prerr_ret(TDH_SYS_RD, &args);
	if (ret)
		return ret;

	if (!args.r8 || args.r8 > QUOTE_SIZE_LIMIT) {
		pr_err("quotes of up to %llu bytes are out of proportion\n", args.r8);
		return -EIO;
	}

	*max_size = args.r8;
	return 0;
}

/**
 * tdx_quote_init() - have the TDX module make quotes
 * @features: bits of TDX_FEATURES0 that the module was asked for; none of a
 *	      module that is shut down
 *
 * Failure is logged.  It is neither one of TDX nor one of the extensions.
 *
 * Context: process, after tdx_ext_init(), tdx_ext_stop() or tdx_ext_update().
 * Nobody gets a quote meanwhile: at boot, or with tdx_quote_lock held.
 */
void tdx_quote_init(u64 features)
{
	struct tdx_ext_info ext;
	u32 max_size = 0;
	int ret;

	tdx_ext_get_info(&ext);
	if ((features & TDX_FEATURES0_QUOTE) && ext.state != TDX_EXT_FAILED) {
		ret = init_quoting(&max_size);
		if (ret)
			pr_err("quotes failed (%d), TDX goes on without them\n", ret);
		else
			pr_info("quotes ready, up to %u KB each\n", DIV_ROUND_UP(max_size, SZ_1K));
	}

	/* Not 0 in between: a TD that is created then is to have its quotes from the module */
	WRITE_ONCE(max_quote_size, max_size);
}

static u64 page_hpa(const void *vaddr)
{
	return PFN_PHYS(vmalloc_to_pfn(vaddr));
}

/**
 * tdx_hpa_linked_list() - HPA_LINKED_LIST of a buffer
 * @nodes:	out: the list, a page for every 511 pages of the buffer; vmalloc()ed
 * @buf:	the buffer, vmalloc()ed
 * @nr_pages:	4 KB pages of the buffer, at least one
 *
 * The list as the TDX module ABI defines it: 511 addresses of pages in a node,
 * then the address of the next node.  What is not used is all ones.
 *
 * Return: physical address of the first node.
 */
u64 tdx_hpa_linked_list(u64 *nodes, const void *buf, unsigned int nr_pages)
{
	u64 *entry = nodes;

	for (unsigned int i = 0; i < nr_pages; i++) {
		/* A node is full: its last entry leads to the next one */
		if (i && !(i % TDX_PAGES_PER_NODE)) {
			*entry = page_hpa(entry + 1);
			entry++;
		}
		*entry++ = page_hpa(buf + i * PAGE_SIZE);
	}

	while (!PAGE_ALIGNED(entry))
		*entry++ = LIST_END;

	return page_hpa(nodes);
}

/* TDs bring this about as often as they like */
static void quote_err(u64 fn, u64 status, struct tdx_module_args *args)
{
	pr_err_ratelimited("SEAMCALL (0x%016llx) failed: 0x%016llx\n", fn, status);
}

/*
 * The module has the state of a call that it has not finished, and goes on with
 * it when the same buffer is used again, for whatever quote.
 */
static void give_up_quotes(void)
{
	WRITE_ONCE(max_quote_size, 0);
	pr_err("a quote was not finished, TDX goes on without quotes\n");
}

static int tdh_quote_get(struct tdx_module_args *args)
{
	u64 status = tdx_ext_seamcall(TDH_QUOTE_GET, args);

	if (status == TDX_INTERRUPTED_RESUMABLE) {
		give_up_quotes();
		return -ENODEV;
	}

	/* It has something else to do, or no entropy: no failure, and not worth a log */
	if (seamcall_reached_module(status) && !tdx_ext_is_over(status))
		return -EBUSY;

	return sc_errno(quote_err, TDH_QUOTE_GET, status, args);
}

static void *get_quote(struct tdx_td *td, const void *report, size_t report_len, size_t *quote_len)
{
	unsigned int nr_pages = PFN_UP(tdx_quote_max_size());
	unsigned int nr_nodes = DIV_ROUND_UP(nr_pages, TDX_PAGES_PER_NODE);
	struct tdx_module_args args;
	void *buf, *input, *nodes;
	int ret;

	if (!nr_pages)
		return ERR_PTR(-ENODEV);

	/*
	 * The report does not share a page with the quote, so that it is there
	 * still when an interrupted call goes on.  Zeroed: whatever length the
	 * module tells, the quote shows nothing of the host.
	 */
	buf = __vmalloc((nr_pages + 1 + nr_nodes) * PAGE_SIZE,
			GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN);
	if (!buf)
		return ERR_PTR(-ENOMEM);

	input = buf + nr_pages * PAGE_SIZE;
	nodes = input + PAGE_SIZE;
	memcpy(input, report, report_len);
	args = (struct tdx_module_args) {
		.rcx = page_to_phys(td->tdr_page),
		.rdx = QUOTE_ID_DEFAULT,
		.r8  = page_hpa(input),
		.r9  = report_len,
		.r10 = tdx_hpa_linked_list(nodes, buf, nr_pages),
		.r11 = nr_pages * PAGE_SIZE,
	};

	ret = tdh_quote_get(&args);
	*quote_len = args.rcx;
	if (!ret && (!*quote_len || *quote_len > nr_pages * PAGE_SIZE)) {
		pr_err_ratelimited("a quote of %zu bytes makes no sense\n", *quote_len);
		ret = -EIO;
	}
	if (!ret)
		return buf;

	vfree(buf);
	return ERR_PTR(ret);
}

/**
 * tdx_quote_get() - have the TDX module make a quote
 * @td:		whose quote
 * @report:	the TDREPORT that the TD has got from the module
 * @report_len:	bytes of @report, at most a page
 * @quote_len:	out: bytes of the quote
 *
 * TDH.QUOTE.GET.  Each call has a buffer of its own, as large as the largest
 * quote of the module.
 *
 * Context: may sleep, for as long as the module takes for some quotes: one is
 * made after the other, and none during a runtime update.
 * Return: the quote, for vfree(); ERR_PTR() of -EINVAL for an impossible
 * @report_len, -EINTR if the caller was killed, -ENODEV if the module makes no
 * quotes, -ENOMEM, -EBUSY if the module can not do it now, -EIO if it refuses or
 * makes nonsense, and the other errors of a SEAMCALL.
 */
void *tdx_quote_get(struct tdx_td *td, const void *report, size_t report_len, size_t *quote_len)
{
	void *quote;

	if (!report_len || report_len > PAGE_SIZE)
		return ERR_PTR(-EINVAL);

	if (mutex_lock_killable(&tdx_quote_lock))
		return ERR_PTR(-EINTR);

	quote = get_quote(td, report, report_len, quote_len);
	mutex_unlock(&tdx_quote_lock);

	return quote;
}
EXPORT_SYMBOL_FOR_KVM(tdx_quote_get);
