// SPDX-License-Identifier: GPL-2.0
/*
 * The mock TDX module: the TDH.SYS leaves, which bring the module up, take it
 * through a runtime update and end it.
 */
#include <linux/align.h>
#include <linux/bitmap.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <asm/tdx.h>

#include "../tdx.h"
#include "model.h"

u64 mock_sys_init(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	if (call->args->rcx)
		return mock_operand_invalid(MOCK_OPERAND_RCX);

	mock->state = MOCK_INIT_DONE;
	return TDX_SUCCESS;
}

u64 mock_sys_lp_init(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	if (test_and_set_bit(call->cpu, mock->lps))
		return MOCK_SYS_LP_INIT_DONE;

	return TDX_SUCCESS;
}

/* Is all of [@start, @end) in reserved areas of @tdmr? */
static bool is_reserved(const struct mock_tdmr *tdmr, u64 start, u64 end)
{
	for (unsigned int i = 0; i < tdmr->nr_rsvd && start < end; i++) {
		if (start >= tdmr->rsvd[i].start && start < tdmr->rsvd[i].end)
			start = tdmr->rsvd[i].end;
	}

	return start >= end;
}

static u64 take_reserved_areas(struct tdx_mock *mock, const struct tdmr_info *info,
			       struct mock_tdmr *tdmr)
{
	u64 last_end = tdmr->mem.start;

	for (unsigned int i = 0; i < mock->config.max_rsvd; i++) {
		u64 offset = info->reserved_areas[i].offset;
		u64 size = info->reserved_areas[i].size;
		struct mock_range *rsvd = &tdmr->rsvd[i];

		/* An empty entry ends the list */
		if (!size)
			break;

		rsvd->start = tdmr->mem.start + offset;
		rsvd->end = rsvd->start + size;
		if (!PAGE_ALIGNED(offset) || !PAGE_ALIGNED(size) ||
		    rsvd->end > tdmr->mem.end || rsvd->end < rsvd->start)
			return MOCK_INVALID_RESERVED_IN_TDMR;
		if (rsvd->start < last_end)
			return MOCK_NON_ORDERED_RESERVED;

		last_end = rsvd->end;
		tdmr->nr_rsvd = i + 1;
	}

	return TDX_SUCCESS;
}

/* All memory of a TDMR that is not in a reserved area must be convertible */
static u64 check_convertible(struct tdx_mock *mock, const struct mock_tdmr *tdmr)
{
	u64 start = tdmr->mem.start;

	for (unsigned int i = 0; i < tdmr->nr_rsvd; i++) {
		if (!mock_in_cmrs(mock, start, tdmr->rsvd[i].start))
			return MOCK_TDMR_OUTSIDE_CMRS;
		start = tdmr->rsvd[i].end;
	}

	if (!mock_in_cmrs(mock, start, tdmr->mem.end))
		return MOCK_TDMR_OUTSIDE_CMRS;

	return TDX_SUCCESS;
}

static u64 take_pamts(struct tdx_mock *mock, const struct tdmr_info *info,
		      struct mock_tdmr *tdmr)
{
	const struct {
		u64 base, size, page_size;
	} pamts[TDX_PS_NR] = {
		[TDX_PS_4K] = { info->pamt_4k_base, info->pamt_4k_size, SZ_4K },
		[TDX_PS_2M] = { info->pamt_2m_base, info->pamt_2m_size, SZ_2M },
		[TDX_PS_1G] = { info->pamt_1g_base, info->pamt_1g_size, SZ_1G },
	};

	for (unsigned int i = 0; i < TDX_PS_NR; i++) {
		u64 nr_entries = info->size / pamts[i].page_size;

		if (!PAGE_ALIGNED(pamts[i].base) || !PAGE_ALIGNED(pamts[i].size) ||
		    pamts[i].size < nr_entries * mock->config.pamt_entry[i])
			return MOCK_INVALID_PAMT;

		tdmr->pamt[i].start = pamts[i].base;
		tdmr->pamt[i].end = pamts[i].base + pamts[i].size;
		if (!mock_in_cmrs(mock, tdmr->pamt[i].start, tdmr->pamt[i].end))
			return MOCK_PAMT_OUTSIDE_CMRS;
	}

	return TDX_SUCCESS;
}

static u64 take_tdmr(struct tdx_mock *mock, u64 info_pa, struct mock_tdmr *tdmr)
{
	size_t info_size = struct_size_t(struct tdmr_info, reserved_areas, mock->config.max_rsvd);
	const struct tdmr_info *info = mock_operand(mock, info_pa, info_size, TDMR_INFO_ALIGNMENT);
	u64 status;

	if (!info)
		return MOCK_INVALID_TDMR;

	if (!info->size || !IS_ALIGNED(info->base, SZ_1G) || !IS_ALIGNED(info->size, SZ_1G) ||
	    info->base + info->size < info->base)
		return MOCK_INVALID_TDMR;

	*tdmr = (struct mock_tdmr) {
		.mem.start	= info->base,
		.mem.end	= info->base + info->size,
		.next		= info->base,
	};

	status = take_reserved_areas(mock, info, tdmr);
	if (!status)
		status = check_convertible(mock, tdmr);
	if (!status)
		status = take_pamts(mock, info, tdmr);

	return status;
}

/* A TDMR has a PAMT for each page size */
static const struct mock_range *nth_pamt(struct tdx_mock *mock, unsigned int n)
{
	return &mock->tdmrs[n / TDX_PS_NR].pamt[n % TDX_PS_NR];
}

/* A PAMT may overlap neither another one nor memory that a TD could be given */
static u64 check_pamt_overlap(struct tdx_mock *mock, unsigned int nr_tdmrs)
{
	for (unsigned int a = 0; a < nr_tdmrs * TDX_PS_NR; a++) {
		const struct mock_range *pamt = nth_pamt(mock, a);

		for (unsigned int b = 0; b < a; b++) {
			if (mock_ranges_overlap(pamt, nth_pamt(mock, b)))
				return MOCK_PAMT_OVERLAP;
		}

		for (unsigned int i = 0; i < nr_tdmrs; i++) {
			const struct mock_tdmr *tdmr = &mock->tdmrs[i];

			if (!is_reserved(tdmr, max(pamt->start, tdmr->mem.start),
					 min(pamt->end, tdmr->mem.end)))
				return MOCK_PAMT_OVERLAP;
		}
	}

	return TDX_SUCCESS;
}

static u64 take_tdmrs(struct tdx_mock *mock, const u64 *info_pas, unsigned int nr_tdmrs)
{
	u64 last_end = 0;

	for (unsigned int i = 0; i < nr_tdmrs; i++) {
		struct mock_tdmr *tdmr = &mock->tdmrs[i];
		u64 status = take_tdmr(mock, info_pas[i], tdmr);

		/* The status says which TDMR it is about */
		if (status)
			return status | i;
		if (tdmr->mem.start < last_end)
			return MOCK_NON_ORDERED_TDMR | i;
		last_end = tdmr->mem.end;
	}

	return check_pamt_overlap(mock, nr_tdmrs);
}

/* The opt-in bitmap exists from version 1 of TDH.SYS.CONFIG and .UPDATE on */
static u64 opt_in_bits(const struct tdx_mock_call *call)
{
	return call->version ? call->args->r9 : 0;
}

static u64 check_opt_in(struct tdx_mock *mock, const struct tdx_mock_call *call)
{
	if (opt_in_bits(call) & ~mock->config.features0)
		return mock_operand_invalid(MOCK_OPERAND_R9);
	if (call->version && call->args->r10)
		return mock_operand_invalid(MOCK_OPERAND_R10);
	if (call->version && call->args->r11)
		return mock_operand_invalid(MOCK_OPERAND_R11);

	return TDX_SUCCESS;
}

/* What the extensions lack in a module that was just configured, or updated */
static void start_extensions(struct tdx_mock *mock, u64 nr_missing)
{
	mock->ext = (struct mock_ext) {
		.nr_missing	= nr_missing,
		.init_required	= mock->config.ext_init,
	};
	mock->quoting = (struct mock_quoting) { .key = mock->quoting.key };
}

u64 mock_sys_config(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	u64 nr_tdmrs = call->args->rdx;
	const u64 *info_pas;
	u64 status;

	if (call->version > mock->config.opt_in_versions)
		return mock_operand_invalid(MOCK_OPERAND_RAX);

	if (!nr_tdmrs || nr_tdmrs > mock->config.max_tdmrs)
		return mock_operand_invalid(MOCK_OPERAND_RDX);

	info_pas = mock_operand(mock, call->args->rcx, nr_tdmrs * sizeof(u64),
				TDMR_INFO_PA_ARRAY_ALIGNMENT);
	if (!info_pas)
		return mock_operand_invalid(MOCK_OPERAND_RCX);

	if (!mock_is_private_keyid(mock, call->args->r8))
		return mock_operand_invalid(MOCK_OPERAND_R8);

	status = check_opt_in(mock, call);
	if (!status)
		status = take_tdmrs(mock, info_pas, nr_tdmrs);
	if (status)
		return status;

	for (unsigned int i = 0; i < nr_tdmrs; i++) {
		for (unsigned int level = 0; level < TDX_PS_NR; level++)
			mock_own_pages(mock, mock->tdmrs[i].pamt[level].start,
				       mock->tdmrs[i].pamt[level].end, PT_RSVD);
	}

	mock->global_keyid = call->args->r8;
	start_extensions(mock, mock->config.pool);
	mock->nr_tdmrs = nr_tdmrs;
	mock->opt_in = opt_in_bits(call);
	mock->state = MOCK_CONFIGURED;
	return TDX_SUCCESS;
}

u64 mock_sys_key_config(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	if (test_and_set_bit(call->package, mock->packages))
		return TDX_KEY_CONFIGURED;

	if (bitmap_weight(mock->packages, TDX_MOCK_MAX_PACKAGES) == mock->platform.nr_packages)
		mock->state = MOCK_READY;

	return TDX_SUCCESS;
}

/*
 * The module writes the PAMT of what it initializes: from here on it is private.
 * Returns false if the host has taken the PAMT back: it is not the module's to
 * write to.
 */
static bool write_pamt(struct tdx_mock *mock, const struct mock_tdmr *tdmr, u64 start, u64 end)
{
	static const u64 page_sizes[TDX_PS_NR] = { SZ_4K, SZ_2M, SZ_1G };

	for (unsigned int level = 0; level < TDX_PS_NR; level++) {
		u64 entry = mock->config.pamt_entry[level];
		u64 first = (start - tdmr->mem.start) / page_sizes[level] * entry;
		u64 last = (end - 1 - tdmr->mem.start) / page_sizes[level] * entry + entry - 1;

		for (u64 offset = ALIGN_DOWN(first, SZ_4K); offset <= last; offset += SZ_4K) {
			u64 pa = tdmr->pamt[level].start + offset;

			if (mock->platform.page_is_free(PHYS_PFN(pa))) {
				mock_breach(mock, TDX_MOCK_CALL_WITHOUT_PAMT, pa);
				return false;
			}

			/* Entries of what was initialized before may be in the same page */
			mock_audit_page(mock, pa);
			mock_stamp_page(mock, pa);
		}
	}

	return true;
}

/* What is not reserved can be handed to the module from now on */
static void open_memory(struct tdx_mock *mock, const struct mock_tdmr *tdmr, u64 start, u64 end)
{
	for (unsigned int i = 0; i <= tdmr->nr_rsvd; i++) {
		u64 open_end = i < tdmr->nr_rsvd ? tdmr->rsvd[i].start : tdmr->mem.end;

		for (u64 pa = start; pa < min(open_end, end); pa += PAGE_SIZE)
			mock_frame(mock, pa)->flags |= MOCK_FRAME_CONVERTIBLE;
		if (i < tdmr->nr_rsvd)
			start = max(start, tdmr->rsvd[i].end);
	}
}

u64 mock_sys_tdmr_init(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	for (unsigned int i = 0; i < mock->nr_tdmrs; i++) {
		struct mock_tdmr *tdmr = &mock->tdmrs[i];
		u64 end;

		if (tdmr->mem.start != call->args->rcx)
			continue;

		if (tdmr->next == tdmr->mem.end)
			return MOCK_TDMR_ALREADY_INITIALIZED;

		end = min(tdmr->next + mock->config.tdmr_step, tdmr->mem.end);
		if (!write_pamt(mock, tdmr, tdmr->next, end))
			return MOCK_INVALID_PAMT;
		open_memory(mock, tdmr, tdmr->next, end);
		tdmr->next = end;
		call->args->rdx = end;
		return TDX_SUCCESS;
	}

	return mock_operand_invalid(MOCK_OPERAND_RCX);
}

/* Has every TDMR been initialized, so that the module could hold TDs? */
bool mock_memory_initialized(struct tdx_mock *mock)
{
	for (unsigned int i = 0; i < mock->nr_tdmrs; i++) {
		if (mock->tdmrs[i].next != mock->tdmrs[i].mem.end)
			return false;
	}

	return mock->nr_tdmrs;
}

/**
 * tdx_mock_make_ready() - take a module through its bring-up
 * @mock: a module that waits for TDH.SYS.INIT
 *
 * For tests of what comes after the bring-up.  All convertible memory can be
 * handed to the module, which holds no PAMT, and the extensions have what
 * TDH.SYS.CONFIG would have given them to a host that asks for all features.
 */
void tdx_mock_make_ready(struct tdx_mock *mock)
{
	for (unsigned int i = 0; i < mock->platform.nr_cmrs; i++) {
		u64 start = mock->platform.cmrs[i].start;

		for (u64 pa = start; pa < mock->platform.cmrs[i].end; pa += PAGE_SIZE)
			mock_frame(mock, pa)->flags |= MOCK_FRAME_CONVERTIBLE;
	}

	bitmap_fill(mock->lps, TDX_MOCK_MAX_CPUS);
	bitmap_fill(mock->packages, mock->platform.nr_packages);
	/* One TDMR, of no size: it is initialized */
	mock->nr_tdmrs = 1;
	mock->global_keyid = mock->platform.keyid_start;
	mock->opt_in = mock->config.features0;
	start_extensions(mock, mock->config.pool);
	mock->state = MOCK_READY;
}

static bool takes_handoff(const struct tdx_mock *mock, u64 hv)
{
	return hv >= mock->config.min_hv && hv <= mock->config.hv;
}

u64 mock_sys_shutdown(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	u64 hv = call->args->rcx;

	if (!takes_handoff(mock, hv))
		return mock_operand_invalid(MOCK_OPERAND_RCX);

	mock->handoff_hv = hv;
	mock->state = MOCK_SHUTDOWN;
	return TDX_SUCCESS;
}

u64 mock_sys_update(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	u64 status;

	if (call->version > mock->config.opt_in_versions)
		return mock_operand_invalid(MOCK_OPERAND_RAX);

	if (!mock->has_handoff || !takes_handoff(mock, mock->handoff_hv))
		return MOCK_SYS_INVALID_HANDOFF;

	status = check_opt_in(mock, call);
	if (status)
		return status;
	if (opt_in_bits(call) != mock->opt_in)
		return mock_operand_invalid(MOCK_OPERAND_R9);

	/* TDs and memory are where the old module has left them */
	mock->has_handoff = false;
	start_extensions(mock, mock->config.pool_after);
	mock->state = MOCK_READY;
	return TDX_SUCCESS;
}

u64 mock_sys_disable(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	mock_audit(mock);
	mock_disown_all(mock);
	memset(mock->hkids, 0, sizeof(mock->hkids));
	mock->state = MOCK_DISABLED;
	return TDX_SUCCESS;
}
