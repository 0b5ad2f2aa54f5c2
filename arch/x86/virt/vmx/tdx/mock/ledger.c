// SPDX-License-Identifier: GPL-2.0
/*
 * The mock TDX module: which memory there is, which of it the module holds,
 * and whether the host kept its hands off.
 */
#include <linux/align.h>
#include <linux/cleanup.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/string.h>
#include <asm/tdx.h>

#include "../tdx.h"
#include "model.h"

/*
 * Real private memory cannot be read back; a host that writes there destroys it
 * all the same.  That is what the stamp is for.
 */
#define STAMP_MAGIC	0x4d4f434b54445821ULL

/**
 * mock_in_cmrs() - is this convertible memory?
 * @mock:	the module
 * @start:	physical address, in bytes
 * @end:	first address behind the range
 *
 * Return: true if all of the range is, and if it is empty.
 */
bool mock_in_cmrs(struct tdx_mock *mock, u64 start, u64 end)
{
	for (unsigned int i = 0; i < mock->platform.nr_cmrs && start < end; i++) {
		if (start >= mock->platform.cmrs[i].start && start < mock->platform.cmrs[i].end)
			start = mock->platform.cmrs[i].end;
	}

	return start >= end;
}

/**
 * mock_frame_run() - what the module knows of a page, and of those behind it
 * @mock:	the module
 * @pa:		physical address in the page
 * @end:	out: the page has neighbours in the ledger up to this address
 *
 * Return: its entry in the ledger, NULL outside of all CMRs.
 */
struct mock_frame *mock_frame_run(struct tdx_mock *mock, u64 pa, u64 *end)
{
	for (unsigned int i = 0; i < mock->platform.nr_cmrs; i++) {
		u64 start = mock->platform.cmrs[i].start;

		*end = mock->platform.cmrs[i].end;
		if (pa >= start && pa < *end)
			return &mock->frames[i][PHYS_PFN(pa - start)];
	}

	return NULL;
}

/**
 * mock_frame() - what the module knows of a page
 * @mock:	the module
 * @pa:		physical address in the page
 *
 * Return: its entry in the ledger, NULL outside of all CMRs.
 */
struct mock_frame *mock_frame(struct tdx_mock *mock, u64 pa)
{
	u64 end;

	return mock_frame_run(mock, pa, &end);
}

/**
 * mock_operand() - memory that the host passes data in
 * @mock:	the module
 * @pa:		physical address, without KeyID
 * @size:	bytes
 * @align:	alignment that the ABI asks for, in bytes
 *
 * Return: the memory; NULL if the operand is invalid, or not the host's.
 */
void *mock_operand(struct tdx_mock *mock, u64 pa, u64 size, u64 align)
{
	/* No bit that would make the end of the range overflow, and wrap around */
	if (!IS_ALIGNED(pa, align) || (pa & ~MOCK_PA_BITS) || !mock_in_cmrs(mock, pa, pa + size))
		return NULL;

	for (u64 at = PAGE_ALIGN_DOWN(pa); at < pa + size; at += PAGE_SIZE) {
		if (mock_frame(mock, at)->flags & MOCK_FRAME_OWNED)
			return NULL;
	}

	return phys_to_virt(pa);
}

/**
 * mock_breach() - enter what the host did wrong
 * @mock:	the module
 * @kind:	what it did
 * @pa:		physical address of the page it did it to
 */
void mock_breach(struct tdx_mock *mock, enum tdx_mock_breach_kind kind, u64 pa)
{
	if (mock->nr_breaches < TDX_MOCK_MAX_BREACHES)
		mock->breaches[mock->nr_breaches] = (struct tdx_mock_breach) { kind, pa };
	mock->nr_breaches++;
}

/* The same, unless the page is in the list already */
static void breach_once(struct tdx_mock *mock, enum tdx_mock_breach_kind kind, u64 pa)
{
	struct mock_frame *frame = mock_frame(mock, pa);

	if (frame->flags & MOCK_FRAME_REPORTED)
		return;

	frame->flags |= MOCK_FRAME_REPORTED;
	mock_breach(mock, kind, pa);
}

/**
 * mock_need_pamt() - the module looks into the PAMT of a TDMR: it must be there
 * @mock:	the module
 * @pa:		physical address of the page that the module wants to know of
 *
 * If the host has taken the PAMT back, the ledger has it then.
 *
 * Return: true if @pa is in the part of a TDMR that is initialized.
 */
bool mock_need_pamt(struct tdx_mock *mock, u64 pa)
{
	for (unsigned int i = 0; i < mock->nr_tdmrs; i++) {
		const struct mock_tdmr *tdmr = &mock->tdmrs[i];
		u64 entry;

		if (pa < tdmr->mem.start || pa >= tdmr->next)
			continue;

		entry = tdmr->pamt[TDX_PS_4K].start +
			PHYS_PFN(pa - tdmr->mem.start) * mock->config.pamt_entry[TDX_PS_4K];
		if (!mock_page_is_intact(mock, PAGE_ALIGN_DOWN(entry)))
			breach_once(mock, TDX_MOCK_CALL_WITHOUT_PAMT, PAGE_ALIGN_DOWN(entry));
		return true;
	}

	return false;
}

/**
 * mock_check_page() - may the host hand this page to the module?
 * @mock:	the module
 * @operand:	id of the operand that holds @pa
 * @pa:		physical address of the page, as the host gives it
 *
 * Return: TDX_SUCCESS, or the status to answer; what the host did wrong to the
 * page before is in the ledger then.
 */
u64 mock_check_page(struct tdx_mock *mock, unsigned int operand, u64 pa)
{
	const struct mock_frame *frame;

	if (pa & MOCK_PA_RESERVED)
		return mock_operand_invalid(operand);

	frame = mock_frame(mock, pa);
	if (!frame)
		return MOCK_OPERAND_ADDR_RANGE_ERROR | operand;

	mock_need_pamt(mock, pa);
	if (frame->flags & MOCK_FRAME_OWNED)
		mock_breach(mock, TDX_MOCK_PAGE_GIVEN_TWICE, pa);
	if (frame->flags & MOCK_FRAME_DIRTY)
		mock_breach(mock, TDX_MOCK_PAGE_NOT_FLUSHED, pa);
	if (frame->type != PT_NDA || frame->flags != MOCK_FRAME_CONVERTIBLE)
		return TDX_PAGE_METADATA_INCORRECT | operand;

	return TDX_SUCCESS;
}

/**
 * mock_own_td_page() - the host has handed a page to a TD
 * @mock:	the module
 * @pa:		physical address of a page that mock_check_page() has let pass
 * @type:	page type, as TDH.PHYMEM.PAGE.RDMD tells it
 * @tdr_pa:	physical address of the TDR of the TD; 0 for the TDR itself
 */
void mock_own_td_page(struct tdx_mock *mock, u64 pa, u8 type, u64 tdr_pa)
{
	*mock_frame(mock, pa) = (struct mock_frame) {
		.type	= type,
		.flags	= MOCK_FRAME_CONVERTIBLE | MOCK_FRAME_OWNED,
		.owner	= PHYS_PFN(tdr_pa),
	};
}

/**
 * mock_disown_page() - the module has done with a page, and no cache holds it
 * @mock:	the module
 * @pa:		physical address of the page
 *
 * What the host did to the page up to now goes into the ledger.
 */
void mock_disown_page(struct tdx_mock *mock, u64 pa)
{
	mock_audit_page(mock, pa);
	*mock_frame(mock, pa) = (struct mock_frame) {
		.type	= PT_NDA,
		.flags	= MOCK_FRAME_CONVERTIBLE,
	};
}

/**
 * mock_dirty_page() - the module returns a page, of which caches may hold lines
 * @mock:	the module
 * @pa:		physical address of the page
 * @keyid:	with which the module has written to the page
 *
 * What the host did to the page up to now goes into the ledger.
 */
void mock_dirty_page(struct tdx_mock *mock, u64 pa, u16 keyid)
{
	mock_audit_page(mock, pa);
	mock_stamp_page(mock, pa);
	*mock_frame(mock, pa) = (struct mock_frame) {
		.type	= PT_NDA,
		.flags	= MOCK_FRAME_CONVERTIBLE | MOCK_FRAME_DIRTY | MOCK_FRAME_STAMPED,
		.keyid	= keyid,
	};
}

/**
 * mock_own_pages() - the host has handed pages to the module
 * @mock:	the module
 * @start:	physical address of the first page, in a CMR
 * @end:	physical address behind the last page
 * @type:	page type, as TDH.PHYMEM.PAGE.RDMD tells it
 */
void mock_own_pages(struct tdx_mock *mock, u64 start, u64 end, u8 type)
{
	const struct mock_frame owned = { .type = type, .flags = MOCK_FRAME_OWNED };

	for (u64 pa = start; pa < end; pa += PAGE_SIZE)
		*mock_frame(mock, pa) = owned;
}

/**
 * mock_walk_frames() - look at each page that the module has something to do with
 * @mock:	the module
 * @fn:		called for pages that the module holds, and for those that it has
 *		returned and that are not flushed
 * @data:	for @fn
 */
void mock_walk_frames(struct tdx_mock *mock,
		      void (*fn)(struct tdx_mock *mock, struct mock_frame *frame, u64 pa,
				 void *data), void *data)
{
	for (unsigned int i = 0; i < mock->platform.nr_cmrs; i++) {
		u64 start = mock->platform.cmrs[i].start;
		u64 nr_frames = PHYS_PFN(mock->platform.cmrs[i].end - start);

		for (u64 n = 0; n < nr_frames; n++) {
			if (mock->frames[i][n].flags & (MOCK_FRAME_OWNED | MOCK_FRAME_DIRTY))
				fn(mock, &mock->frames[i][n], start + PFN_PHYS(n), data);
		}
	}
}

static void disown(struct tdx_mock *mock, struct mock_frame *frame, u64 pa, void *data)
{
	*frame = (struct mock_frame) {};
}

/**
 * mock_disown_all() - the module is gone, and its claims with it
 * @mock: the module
 */
void mock_disown_all(struct tdx_mock *mock)
{
	mock_walk_frames(mock, disown, NULL);
}

/**
 * mock_stamp_page() - the module writes to a page that it holds
 * @mock:	the module
 * @pa:		physical address of the page
 */
void mock_stamp_page(struct tdx_mock *mock, u64 pa)
{
	struct mock_stamp *stamp = phys_to_virt(pa);

	*stamp = (struct mock_stamp) { STAMP_MAGIC, pa };
	mock_frame(mock, pa)->flags |= MOCK_FRAME_STAMPED;
}

static bool has_stamp(u64 pa)
{
	const struct mock_stamp *stamp = phys_to_virt(pa);

	return stamp->magic == STAMP_MAGIC && stamp->pa == pa;
}

/**
 * mock_page_is_intact() - is there still what the module has written?
 * @mock:	the module
 * @pa:		physical address of a page that mock_stamp_page() has seen
 *
 * Return: false if the host has freed the page or written to it.
 */
bool mock_page_is_intact(struct tdx_mock *mock, u64 pa)
{
	return !mock->platform.page_is_free(PHYS_PFN(pa)) && has_stamp(pa);
}

/**
 * mock_table_is_intact() - are there only entries that the module has written?
 * @pa: physical address of a table of the secure EPT
 *
 * Return: false if the host has written to the page, zeros for instance.
 */
bool mock_table_is_intact(u64 pa)
{
	const u64 *entries = phys_to_virt(pa);

	for (unsigned int i = 0; i < PAGE_SIZE / sizeof(*entries); i++) {
		if (!(entries[i] & MOCK_SEPT_SUPPRESS_VE))
			return false;
	}

	return true;
}

static void audit_page(struct tdx_mock *mock, struct mock_frame *frame, u64 pa, void *unused)
{
	enum tdx_mock_breach_kind kind;

	if (frame->flags & MOCK_FRAME_DIRTY) {
		if (mock_page_is_intact(mock, pa))
			return;
		kind = TDX_MOCK_PAGE_NOT_FLUSHED;
	} else if (mock->platform.page_is_free(PHYS_PFN(pa))) {
		kind = TDX_MOCK_OWNED_PAGE_FREED;
	} else if (((frame->flags & MOCK_FRAME_STAMPED) && !has_stamp(pa)) ||
		   ((frame->flags & MOCK_FRAME_TABLE) && !mock_table_is_intact(pa))) {
		kind = TDX_MOCK_OWNED_PAGE_WRITTEN;
	} else {
		return;
	}

	breach_once(mock, kind, pa);
}

/**
 * mock_audit_page() - see what the host has done to a page, up to now
 * @mock:	the module
 * @pa:		physical address of a page that the module holds, or has returned
 *
 * To be called before the module writes to the page again, and before it is no
 * longer the module's: afterwards nobody could see what the host did to it.
 */
void mock_audit_page(struct tdx_mock *mock, u64 pa)
{
	audit_page(mock, mock_frame(mock, pa), pa, NULL);
}

/**
 * mock_audit() - look at every page that the module holds
 * @mock: the module
 *
 * A host whose TDX bring-up fails takes the PAMTs back from a module that it
 * will not call again.  That is no breach; if it does call, that is one.
 */
void mock_audit(struct tdx_mock *mock)
{
	if (mock_memory_initialized(mock))
		mock_walk_frames(mock, audit_page, NULL);
}

/**
 * tdx_mock_ledger_audit() - what has the host done wrong up to now?
 * @mock:		the module
 * @breaches:		out: the first of the breaches
 * @max_breaches:	how many there is room for in @breaches
 *
 * Context: any but a SEAMCALL.
 * Return: the number of breaches, which may be more than @max_breaches.
 */
unsigned int tdx_mock_ledger_audit(struct tdx_mock *mock, struct tdx_mock_breach *breaches,
				   unsigned int max_breaches)
{
	guard(raw_spinlock_irqsave)(&mock->lock);

	mock_audit(mock);
	memcpy(breaches, mock->breaches,
	       min3(mock->nr_breaches, max_breaches, TDX_MOCK_MAX_BREACHES) * sizeof(*breaches));

	return mock->nr_breaches;
}

/**
 * tdx_mock_breach_name() - a breach in words
 * @kind: what happened
 *
 * Return: a phrase for "the page at ... : PHRASE".
 */
const char *tdx_mock_breach_name(enum tdx_mock_breach_kind kind)
{
	switch (kind) {
	case TDX_MOCK_OWNED_PAGE_FREED:
		return "held by the module, back in the allocator";
	case TDX_MOCK_OWNED_PAGE_WRITTEN:
		return "held by the module, written by the host";
	case TDX_MOCK_CALL_WITHOUT_PAMT:
		return "PAMT taken back by the host, needed for a SEAMCALL";
	case TDX_MOCK_PAGE_GIVEN_TWICE:
		return "held by the module, handed to it again";
	case TDX_MOCK_PAGE_NOT_FLUSHED:
		return "returned by the module, used without a flush";
	case TDX_MOCK_LIST_CHANGED:
		return "list page, changed while a SEAMCALL was interrupted";
	case TDX_MOCK_OWNED_PAGE_SHARED:
		return "held by the module, mapped by the host as shared memory of a TD";
	case TDX_MOCK_TOO_MANY_PAGES:
		return "handed to the module, which has not asked for that many";
	}

	return "unknown";
}

static void count_page(struct tdx_mock *mock, struct mock_frame *frame, u64 pa, void *data)
{
	if (frame->flags & MOCK_FRAME_OWNED)
		(*(u64 *)data)++;
}

/**
 * tdx_mock_pages_owned() - how much does the module hold?
 * @mock: the module
 *
 * Return: the number of 4 KB pages.
 */
u64 tdx_mock_pages_owned(struct tdx_mock *mock)
{
	u64 nr_pages = 0;

	guard(raw_spinlock_irqsave)(&mock->lock);
	mock_walk_frames(mock, count_page, &nr_pages);
	return nr_pages;
}

static void count_td(struct tdx_mock *mock, struct mock_frame *frame, u64 pa, void *data)
{
	struct tdx_mock_td_usage *usage = data;

	usage->nr_tds += frame->type == MOCK_PT_TDR;
	usage->nr_vcpus += frame->type == MOCK_PT_TDVPR;
}

/**
 * tdx_mock_td_usage() - what there is of TDs
 * @mock:	the module
 * @usage:	out
 */
void tdx_mock_td_usage(struct tdx_mock *mock, struct tdx_mock_td_usage *usage)
{
	*usage = (struct tdx_mock_td_usage) {};

	guard(raw_spinlock_irqsave)(&mock->lock);
	mock_walk_frames(mock, count_td, usage);
	for (unsigned int i = 0; i < TDX_MOCK_MAX_KEYIDS; i++)
		usage->nr_hkids += mock->hkids[i].state != MOCK_HKID_FREE;
}
