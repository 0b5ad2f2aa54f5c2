// SPDX-License-Identifier: GPL-2.0
/* The mock TDX module: quotes, which it makes of the reports of TDs */
#include <linux/bits.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/string.h>

#include "td.h"

static_assert(TDX_MOCK_MRTD_LEN == SHA384_DIGEST_SIZE);
static_assert(sizeof(struct tdx_mock_quote) + TDX_MOCK_QUOTE_CHECKSUM_LEN <= MOCK_MIN_QUOTE_SIZE);

#define QUOTE_ID_DEFAULT	GENMASK_ULL(47, 32)

/* HPA_LINKED_LIST: the last entry of a node leads to the next one */
#define NODE_PAGES		511
#define LIST_END		U64_MAX

u64 mock_quote_init(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	struct mock_quoting *quoting = &mock->quoting;

	if (!(mock->opt_in & MOCK_FEATURE_QUOTE) || mock->ext.init_required ||
	    mock->ext.nr_missing || quoting->ready)
		return MOCK_OP_STATE_INCORRECT;

	if (quoting->nr_init_calls++ < mock->config.quote_steps)
		return TDX_INTERRUPTED_RESUMABLE;

	quoting->ready = true;
	quoting->key++;
	return TDX_SUCCESS;
}

/* A page through which the host and the module pass data; NULL if it can be none */
static void *shared_page(struct tdx_mock *mock, u64 hpa)
{
	if ((hpa & MOCK_PA_RESERVED) || !mock_in_cmrs(mock, hpa, hpa + PAGE_SIZE) ||
	    (mock_frame(mock, hpa)->flags & MOCK_FRAME_OWNED))
		return NULL;

	return phys_to_virt(hpa);
}

/* The list has exactly so many pages, and nothing behind them */
static bool is_list_of(struct tdx_mock *mock, u64 node_hpa, u64 nr_pages)
{
	do {
		u64 nr_used = min(nr_pages, NODE_PAGES);
		const u64 *node = shared_page(mock, node_hpa);

		if (!node)
			return false;

		for (unsigned int i = 0; i < NODE_PAGES; i++) {
			if (i < nr_used ? !shared_page(mock, node[i]) : node[i] != LIST_END)
				return false;
		}
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
	const void *report = shared_page(mock, args->r8);
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
	if (!is_list_of(mock, args->r10, DIV_ROUND_UP(args->r11, PAGE_SIZE)))
		return mock_operand_invalid(MOCK_OPERAND_R10);
	if (args->r11 < mock->config.quote_size)
		return mock_operand_invalid(MOCK_OPERAND_R11);

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

static bool is_same_call(const struct tdx_module_args *a, const struct tdx_module_args *b)
{
	return a->rcx == b->rcx && a->rdx == b->rdx && a->r8 == b->r8 && a->r9 == b->r9 &&
	       a->r10 == b->r10 && a->r11 == b->r11;
}

u64 mock_quote_get(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	struct mock_quoting *quoting = &mock->quoting;
	bool is_done;
	u64 status;

	if (!quoting->ready)
		return MOCK_OP_STATE_INCORRECT;

	/* An interrupted call is made again as it was, by whomever */
	if (!quoting->in_flight) {
		status = start_quote(mock, call->args);
		if (status)
			return status;
	} else if (!is_same_call(&quoting->inputs, call->args)) {
		return MOCK_INVALID_RESUMPTION;
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
