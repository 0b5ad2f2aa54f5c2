// SPDX-License-Identifier: GPL-2.0
/* The mock TDX module: what becomes of single pages */
#include <linux/bits.h>
#include <linux/mm.h>
#include <linux/pfn.h>

#include "../tdx.h"
#include "td.h"

static void tell_page(const struct mock_frame *frame, struct tdx_module_args *args)
{
	args->rcx = frame->type;
	args->rdx = PFN_PHYS(frame->owner);
	args->r8 = TDX_PS_4K;
}

u64 mock_phymem_page_rdmd(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	static const struct mock_frame reserved = { .type = PT_RSVD };
	u64 pa = call->args->rcx;
	const struct mock_frame *frame = mock_frame(mock, pa);
	bool is_open = frame && (frame->flags & MOCK_FRAME_CONVERTIBLE);

	if (!PAGE_ALIGNED(pa))
		return mock_operand_invalid(MOCK_OPERAND_RCX);
	if (!mock_need_pamt(mock, pa) && !is_open)
		return MOCK_OPERAND_ADDR_RANGE_ERROR | MOCK_OPERAND_RCX;

	tell_page(is_open ? frame : &reserved, call->args);
	return TDX_SUCCESS;
}

u64 mock_phymem_page_reclaim(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	u64 pa = call->args->rcx;
	const struct mock_frame *frame = mock_frame(mock, pa);
	struct mock_td *td;
	u64 status;

	if (!frame || !PAGE_ALIGNED(pa))
		return mock_operand_invalid(MOCK_OPERAND_RCX);

	mock_need_pamt(mock, pa);
	tell_page(frame, call->args);
	if (frame->type == PT_NDA)
		return MOCK_PAGE_ALREADY_FREE;
	/* Neither the pool nor the pages of an object are ever reclaimed */
	if (frame->type != MOCK_PT_TDR && !frame->owner)
		return TDX_PAGE_METADATA_INCORRECT | MOCK_OPERAND_RCX;

	status = mock_find_td(mock, MOCK_OPERAND_RCX,
			      frame->type == MOCK_PT_TDR ? pa : PFN_PHYS(frame->owner), &td);
	if (status)
		return status;
	if (td->state != MOCK_TD_TEARDOWN)
		return MOCK_LIFECYCLE_STATE_INCORRECT;

	if (frame->type != MOCK_PT_TDR) {
		/* TDH.PHYMEM.CACHE.WB has seen to its cache lines */
		mock_disown_page(mock, pa);
		td->nr_pages--;
		return TDX_SUCCESS;
	}

	if (td->nr_pages)
		return MOCK_TD_ASSOCIATED_PAGES_EXIST;

	/* The TDR alone was not written with the KeyID of the TD */
	mock_dirty_page(mock, pa, mock->global_keyid);
	return TDX_SUCCESS;
}

u64 mock_phymem_page_wbinvd(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	u64 pa_mask = GENMASK_ULL(mock->platform.phys_bits - 1, 0);
	u64 keyid = call->args->rcx >> mock->platform.phys_bits;
	u64 pa = call->args->rcx & pa_mask;
	struct mock_frame *frame = mock_frame(mock, pa);

	if (!frame || !PAGE_ALIGNED(pa) || !mock_is_private_keyid(mock, keyid))
		return mock_operand_invalid(MOCK_OPERAND_RCX);

	/* Only what was written with this KeyID is written back */
	if ((frame->flags & MOCK_FRAME_DIRTY) && frame->keyid == keyid)
		mock_disown_page(mock, pa);
	return TDX_SUCCESS;
}
