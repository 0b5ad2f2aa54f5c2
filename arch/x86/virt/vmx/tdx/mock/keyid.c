// SPDX-License-Identifier: GPL-2.0
/*
 * The mock TDX module: KeyIDs of TDs, from TDH.MNG.CREATE, which takes a free
 * one, until no cache holds anything of it.
 */
#include <linux/array_size.h>
#include <linux/bitops.h>
#include <linux/bits.h>

#include "td.h"

static struct mock_hkid *hkid_of(struct tdx_mock *mock, u16 keyid)
{
	return &mock->hkids[keyid - mock->platform.keyid_start];
}

/**
 * mock_assign_hkid() - a TD is created with a KeyID
 * @mock:	the module
 * @keyid:	operand of TDH.MNG.CREATE
 *
 * Return: TDX_SUCCESS, or the status to answer.
 */
u64 mock_assign_hkid(struct tdx_mock *mock, u64 keyid)
{
	struct mock_hkid *hkid;

	if (!mock_is_private_keyid(mock, keyid))
		return mock_operand_invalid(MOCK_OPERAND_RDX);

	hkid = hkid_of(mock, keyid);
	if (keyid == mock->global_keyid || hkid->state != MOCK_HKID_FREE)
		return MOCK_HKID_NOT_FREE | MOCK_OPERAND_RDX;

	hkid->state = MOCK_HKID_ASSIGNED;
	return TDX_SUCCESS;
}

u64 mock_mng_key_config(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	struct mock_td *td;
	u64 status;

	status = mock_find_td(mock, MOCK_OPERAND_RCX, call->args->rcx, &td);
	if (status)
		return status;
	if (td->state != MOCK_TD_HKID_ASSIGNED)
		return MOCK_LIFECYCLE_STATE_INCORRECT;
	if (td->packages & BIT(call->package))
		return TDX_KEY_CONFIGURED;

	td->packages |= BIT(call->package);
	if (hweight8(td->packages) == mock->platform.nr_packages)
		td->state = MOCK_TD_UNALLOCATED;
	return TDX_SUCCESS;
}

u64 mock_mng_vpflushdone(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	struct mock_hkid *hkid;
	struct mock_td *td;
	u64 status;

	status = mock_find_td(mock, MOCK_OPERAND_RCX, call->args->rcx, &td);
	if (status)
		return status;
	if (td->state >= MOCK_TD_BLOCKED)
		return MOCK_LIFECYCLE_STATE_INCORRECT;
	if (td->nr_associated)
		return TDX_FLUSHVP_NOT_DONE;

	hkid = hkid_of(mock, td->keyid);
	hkid->state = MOCK_HKID_FLUSHED;
	hkid->packages = GENMASK(mock->platform.nr_packages - 1, 0);
	td->state = MOCK_TD_BLOCKED;
	return TDX_SUCCESS;
}

static bool has_hkid_to_write_back(struct tdx_mock *mock, unsigned int package)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(mock->hkids); i++) {
		if (mock->hkids[i].packages & BIT(package))
			return true;
	}

	return false;
}

/* A KeyID that is flushed from now on may be in lines that were written back before */
static void start_write_back(struct tdx_mock *mock, unsigned int package)
{
	mock->nr_wb_steps[package] = 0;
	for (unsigned int i = 0; i < ARRAY_SIZE(mock->hkids); i++) {
		struct mock_hkid *hkid = &mock->hkids[i];

		hkid->writing_back &= ~BIT(package);
		hkid->writing_back |= hkid->packages & BIT(package);
	}
}

static void end_write_back(struct tdx_mock *mock, unsigned int package)
{
	mock->nr_wb_steps[package] = 0;
	for (unsigned int i = 0; i < ARRAY_SIZE(mock->hkids); i++) {
		struct mock_hkid *hkid = &mock->hkids[i];

		hkid->packages &= ~(hkid->writing_back & BIT(package));
	}
}

/* Write the caches of a package back, for all KeyIDs that no vCPU will use again */
u64 mock_phymem_cache_wb(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	u32 *nr_steps = &mock->nr_wb_steps[call->package];
	u64 resume = call->args->rcx;

	if (resume > 1)
		return mock_operand_invalid(MOCK_OPERAND_RCX);
	if (resume && !*nr_steps)
		return MOCK_INVALID_RESUMPTION;
	if (!has_hkid_to_write_back(mock, call->package))
		return TDX_NO_HKID_READY_TO_WBCACHE;

	if (!resume)
		start_write_back(mock, call->package);
	if (*nr_steps < mock->config.wb_steps) {
		(*nr_steps)++;
		return TDX_INTERRUPTED_RESUMABLE;
	}

	end_write_back(mock, call->package);
	return TDX_SUCCESS;
}

static void clean_page(struct tdx_mock *mock, struct mock_frame *frame, u64 pa, void *keyid)
{
	if ((frame->flags & MOCK_FRAME_DIRTY) && frame->keyid == *(u16 *)keyid)
		mock_disown_page(mock, pa);
}

u64 mock_mng_key_freeid(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	struct mock_hkid *hkid;
	struct mock_td *td;
	u64 status;

	status = mock_find_td(mock, MOCK_OPERAND_RCX, call->args->rcx, &td);
	if (status)
		return status;
	if (td->state != MOCK_TD_BLOCKED)
		return MOCK_LIFECYCLE_STATE_INCORRECT;

	hkid = hkid_of(mock, td->keyid);
	if (hkid->packages)
		return MOCK_WBCACHE_NOT_COMPLETE;

	/* The caches were written back as a whole, with the pages that the TD had lost */
	mock_walk_frames(mock, clean_page, &td->keyid);
	hkid->state = MOCK_HKID_FREE;
	td->state = MOCK_TD_TEARDOWN;
	return TDX_SUCCESS;
}
