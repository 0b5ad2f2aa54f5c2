// SPDX-License-Identifier: GPL-2.0
/* The mock TDX module: quotes, which it makes of the reports of TDs */
#include <linux/align.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/io.h>
#include <linux/limits.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "td.h"

static_assert(TDX_MOCK_MRTD_LEN == SHA384_DIGEST_SIZE);
static_assert(sizeof(struct tdx_mock_quote) + TDX_MOCK_QUOTE_CHECKSUM_LEN <= MOCK_MIN_QUOTE_SIZE);

#define QUOTE_ID_DEFAULT	GENMASK_ULL(47, 32)

/* HPA_LINKED_LIST: the last entry of a node leads to the next one */
#define NODE_PAGES		511
#define LIST_END		U64_MAX

/* What fits into a list that does not bite its own tail */
#define MAX_BUFFER		SZ_4G

u64 mock_quote_init(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	struct mock_quoting *quoting = &mock->quoting;

	if (!mock_memory_initialized(mock))
		return MOCK_SYS_NOT_READY;
	if (!(mock->opt_in & MOCK_FEATURE_QUOTE) || mock->ext.init_required ||
	    mock->ext.nr_missing || quoting->ready)
		return MOCK_OP_STATE_INCORRECT;

	if (quoting->nr_init_calls++ < mock->config.quote_steps)
		return TDX_INTERRUPTED_RESUMABLE;

	quoting->ready = true;
	quoting->key++;
	return TDX_SUCCESS;
}

/*
 * The list has exactly as many pages as the buffer, all of them the host's, and
 * nothing behind them.  Also tells a checksum of its nodes.
 */
static bool read_list(struct tdx_mock *mock, const struct tdx_module_args *args, u64 *checksum)
{
	u64 nr_pages = DIV_ROUND_UP(args->r11, PAGE_SIZE);
	u64 node_hpa = args->r10;

	*checksum = 0;
	do {
		u64 nr_used = min(nr_pages, NODE_PAGES);
		const u64 *node = mock_operand(mock, node_hpa, PAGE_SIZE, PAGE_SIZE);

		if (!node)
			return false;

		for (unsigned int i = 0; i < NODE_PAGES; i++) {
			if (i >= nr_used && node[i] != LIST_END)
				return false;
			if (i < nr_used && !mock_operand(mock, node[i], PAGE_SIZE, PAGE_SIZE))
				return false;
		}
		*checksum = mock_list_checksum(*checksum, node, 0, NODE_PAGES);
		nr_pages -= nr_used;
		node_hpa = node[NODE_PAGES];
	} while (nr_pages);

	return node_hpa == LIST_END;
}

static u8 *list_page(u64 node_hpa, u64 nth)
{
	const u64 *node = phys_to_virt(node_hpa);

	for (; nth >= NODE_PAGES; nth -= NODE_PAGES)
		node = phys_to_virt(node[NODE_PAGES]);

	return phys_to_virt(node[nth]);
}

static u64 start_quote(struct tdx_mock *mock, const struct tdx_module_args *args)
{
	struct mock_quoting *quoting = &mock->quoting;
	const void *report = mock_operand(mock, args->r8, PAGE_SIZE, PAGE_SIZE);
	struct mock_td *td;
	u64 status;

	status = mock_find_td_in(mock, MOCK_OPERAND_RCX, args->rcx, MOCK_TD_IN(RUNNABLE), &td);
	if (status)
		return status;
	if (args->rdx != QUOTE_ID_DEFAULT)
		return mock_operand_invalid(MOCK_OPERAND_RDX);
	if (!report)
		return mock_operand_invalid(MOCK_OPERAND_R8);
	if (args->r9 != MOCK_REPORT_SIZE)
		return mock_operand_invalid(MOCK_OPERAND_R9);
	if (args->r11 < mock->config.quote_size || args->r11 > MAX_BUFFER)
		return mock_operand_invalid(MOCK_OPERAND_R11);
	if (!read_list(mock, args, &quoting->list_checksum))
		return mock_operand_invalid(MOCK_OPERAND_R10);

	quoting->inputs = *args;
	quoting->nr_get_calls = 0;
	quoting->nr_written = 0;
	quoting->checksum = TDX_MOCK_CHECKSUM_START;
	quoting->quote = (struct tdx_mock_quote) {
		.magic		= TDX_MOCK_QUOTE_MAGIC,
		.version	= TDX_MOCK_QUOTE_VERSION,
		.len		= mock->config.quote_size,
		.key		= quoting->key,
	};
	memcpy(quoting->quote.mrtd, td->mrtd, sizeof(td->mrtd));
	if (!mock_check_report(td, report, quoting->quote.report_data))
		return mock_operand_invalid(MOCK_OPERAND_R8);

	return TDX_SUCCESS;
}

/* The host may have taken the TD away meanwhile, or the buffer */
static u64 resume_quote(struct tdx_mock *mock, const struct tdx_module_args *args)
{
	struct mock_td *td;
	u64 checksum;
	u64 status;

	status = mock_find_td_in(mock, MOCK_OPERAND_RCX, args->rcx, MOCK_TD_IN(RUNNABLE), &td);
	if (status)
		return status;

	if (!read_list(mock, args, &checksum) || checksum != mock->quoting.list_checksum) {
		mock_breach(mock, TDX_MOCK_LIST_CHANGED, args->r10);
		return mock_operand_invalid(MOCK_OPERAND_R10);
	}

	return TDX_SUCCESS;
}

/* The byte that comes next */
static u8 quote_byte(struct mock_quoting *quoting)
{
	u32 checksum_at = quoting->quote.len - TDX_MOCK_QUOTE_CHECKSUM_LEN;
	u32 at = quoting->nr_written++;
	u8 byte;

	if (at >= checksum_at)
		return quoting->checksum >> (BITS_PER_BYTE * (at - checksum_at));

	byte = at < sizeof(quoting->quote) ? ((u8 *)&quoting->quote)[at] :
	       tdx_mock_quote_filler(at);
	quoting->checksum = tdx_mock_checksum(quoting->checksum, byte);
	return byte;
}

static void write_quote(struct mock_quoting *quoting, u32 end)
{
	while (quoting->nr_written < end) {
		u8 *page = list_page(quoting->inputs.r10, PHYS_PFN(quoting->nr_written));
		u32 page_end = min(end, ALIGN(quoting->nr_written + 1, PAGE_SIZE));

		while (quoting->nr_written < page_end) {
			u32 offset = offset_in_page(quoting->nr_written);

			page[offset] = quote_byte(quoting);
		}
	}
}

/* Equal parts, as many as there are calls */
static u32 part_end(struct tdx_mock *mock)
{
	return div_u64((u64)mock->quoting.quote.len * mock->quoting.nr_get_calls,
		       mock->config.quote_steps + 1);
}

/**
 * mock_has_same_inputs() - are these the inputs of the same TDH.QUOTE.GET?
 * @a: registers of a call
 * @b: registers of another call
 *
 * Return: true if the module takes one call for the other one, resumed.
 */
bool mock_has_same_inputs(const struct tdx_module_args *a, const struct tdx_module_args *b)
{
	return a->rcx == b->rcx && a->rdx == b->rdx && a->r8 == b->r8 && a->r9 == b->r9 &&
	       a->r10 == b->r10 && a->r11 == b->r11;
}

/**
 * mock_quote_fail() - TDH.QUOTE.GET fails, as the fault plan has it
 * @mock:	the module
 * @args:	registers of the call
 * @status:	what it fails with
 *
 * An error that is not recoverable is the end of a call that was interrupted.
 * After others it can be resumed still, and so it can if the call has not
 * reached the module.
 */
void mock_quote_fail(struct tdx_mock *mock, const struct tdx_module_args *args, u64 status)
{
	if ((status & MOCK_NON_RECOVERABLE) && mock_has_same_inputs(&mock->quoting.inputs, args))
		mock->quoting.in_flight = false;
}

u64 mock_quote_get(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	struct mock_quoting *quoting = &mock->quoting;
	bool is_done;
	u64 status;

	if (!quoting->ready)
		return MOCK_OP_STATE_INCORRECT;

	/* An interrupted call is made again as it was, by whomever */
	if (quoting->in_flight && !mock_has_same_inputs(&quoting->inputs, call->args))
		return MOCK_INVALID_RESUMPTION;

	status = quoting->in_flight ? resume_quote(mock, call->args) :
				      start_quote(mock, call->args);
	if (status) {
		quoting->in_flight = false;
		return status;
	}

	quoting->nr_get_calls++;
	write_quote(quoting, part_end(mock));
	is_done = quoting->nr_written == quoting->quote.len;
	quoting->in_flight = !is_done;

	/* What was in the registers is gone, whatever comes of the call */
	call->args->rcx = is_done ? quoting->quote.len : 0;
	call->args->rdx = 0;
	call->args->r8 = 0;
	call->args->r9 = 0;
	call->args->r10 = 0;
	call->args->r11 = 0;
	return is_done ? TDX_SUCCESS : TDX_INTERRUPTED_RESUMABLE;
}
