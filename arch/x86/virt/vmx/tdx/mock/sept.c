// SPDX-License-Identifier: GPL-2.0
/*
 * The mock TDX module: the secure EPT, which maps the private memory of a TD.
 *
 * Its tables are the pages that the host gives for them, its root is one of the
 * pages of the TDCS.  Private memory is mapped in pages of 4 KB.
 */
#include <linux/align.h>
#include <linux/bitfield.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/string.h>
#include <asm/vmx.h>

#include "td.h"

/* An entry: as in an EPT, and the state in bits that the CPU ignores */
#define ENTRY_PA		GENMASK_ULL(51, 12)
#define ENTRY_LEAF		BIT_ULL(7)
#define ENTRY_STATE		GENMASK_ULL(58, 56)

#define NR_ENTRIES		(PAGE_SIZE / sizeof(u64))
#define INDEX_BITS		9

/* RCX of leaves that name a GPA, and the extended error output in RDX */
#define GPA_LEVEL		GENMASK_ULL(2, 0)
#define GPA_RESERVED		GENMASK_ULL(11, 3)
#define ERROR_STATE		GENMASK_ULL(15, 8)

static u64 make_entry(u64 pa, enum mock_sept_state state, bool is_leaf)
{
	return MOCK_SEPT_SUPPRESS_VE | FIELD_PREP(ENTRY_STATE, state) | pa |
	       (is_leaf ? ENTRY_LEAF : 0) |
	       (state == MOCK_SEPT_PRESENT ? VMX_EPT_RWX_MASK : 0);
}

static void set_state(u64 *entry, enum mock_sept_state state)
{
	*entry = make_entry(*entry & ENTRY_PA, state, true);
}

/**
 * mock_sept_start() - make a page a table that maps nothing
 * @mock:	the module
 * @pa:		physical address of a page of the TD
 */
void mock_sept_start(struct tdx_mock *mock, u64 pa)
{
	u64 *entries = phys_to_virt(pa);

	for (unsigned int i = 0; i < NR_ENTRIES; i++)
		entries[i] = make_entry(0, MOCK_SEPT_FREE, false);
	mock_frame(mock, pa)->flags |= MOCK_FRAME_TABLE;
}

static unsigned int level_shift(unsigned int level)
{
	return PAGE_SHIFT + level * INDEX_BITS;
}

/**
 * mock_sept_state() - state of an entry
 * @walk: from mock_sept_walk()
 *
 * Return: the state.
 */
enum mock_sept_state mock_sept_state(const struct mock_sept_walk *walk)
{
	return FIELD_GET(ENTRY_STATE, *walk->entry);
}

/* Is this a table of @td, with nothing in the entry that the host has written? */
static bool is_table(struct tdx_mock *mock, const struct mock_td *td, u64 pa, unsigned int index)
{
	const struct mock_frame *frame = mock_frame(mock, pa);
	const u64 *entries = phys_to_virt(pa);

	if (!frame || !(frame->flags & MOCK_FRAME_TABLE) || PFN_PHYS(frame->owner) != td->pa)
		return false;
	if (entries[index] & MOCK_SEPT_SUPPRESS_VE)
		return true;

	mock_audit_page(mock, pa);
	return false;
}

/**
 * mock_sept_walk() - find the entry of a private GPA
 * @mock:	the module
 * @td:		whose memory it is
 * @gpa:	the GPA
 * @level:	of the entry that is wanted, 0 for that of a 4 KB page
 * @walk:	out: the entry, or the one at which the walk came to its end; no
 *		entry if the host has written to the tables
 *
 * Return: true if @walk is what is wanted.
 */
bool mock_sept_walk(struct tdx_mock *mock, const struct mock_td *td, u64 gpa, unsigned int level,
		    struct mock_sept_walk *walk)
{
	u64 table = td->sept_root;

	for (walk->level = td->nr_levels - 1; ; walk->level--) {
		unsigned int index = gpa >> level_shift(walk->level) & (NR_ENTRIES - 1);

		walk->entry = NULL;
		if (!is_table(mock, td, table, index))
			return false;

		walk->entry = (u64 *)phys_to_virt(table) + index;
		if (walk->level == level)
			return true;
		if (mock_sept_state(walk) != MOCK_SEPT_PRESENT)
			return false;
		table = *walk->entry & ENTRY_PA;
	}
}

/**
 * mock_sept_error() - refuse a call, and say at which entry
 * @walk:	from mock_sept_walk()
 * @status:	why
 * @args:	registers of the call: gets the extended error output
 *
 * Return: the status to answer.
 */
u64 mock_sept_error(const struct mock_sept_walk *walk, u64 status, struct tdx_module_args *args)
{
	if (!walk->entry)
		return TDX_NON_RECOVERABLE_TD_NON_ACCESSIBLE;

	args->rcx = *walk->entry;
	args->rdx = walk->level | FIELD_PREP(ERROR_STATE, mock_sept_state(walk));
	return status | MOCK_OPERAND_RCX;
}

/**
 * mock_sept_page() - the page that an entry maps
 * @walk: from mock_sept_walk()
 *
 * Return: the page, or NULL if the entry maps none.
 */
void *mock_sept_page(const struct mock_sept_walk *walk)
{
	return *walk->entry & ENTRY_LEAF ? phys_to_virt(*walk->entry & ENTRY_PA) : NULL;
}

/**
 * mock_sept_accept() - the TD takes a page that the host has added
 * @walk: an entry that is pending
 */
void mock_sept_accept(const struct mock_sept_walk *walk)
{
	memset(mock_sept_page(walk), 0, PAGE_SIZE);
	set_state(walk->entry, MOCK_SEPT_PRESENT);
}

/**
 * mock_is_private_gpa() - is this GPA in the private half?
 * @td:		the TD
 * @gpa:	the GPA
 *
 * Return: false if it is shared, and if it is beyond the width of a GPA.
 */
bool mock_is_private_gpa(const struct mock_td *td, u64 gpa)
{
	return !(gpa >> td->shared_bit);
}

/*
 * The operands of leaves that do something to a range of a TD's memory: TDR in
 * RDX, GPA and level in RCX.  Both registers are output as well, and 0 unless
 * there is an entry to complain of.
 */
static u64 open_range(struct tdx_mock *mock, struct tdx_mock_call *call, unsigned int states,
		      struct mock_td **td, u64 *gpa, unsigned int *level)
{
	struct tdx_module_args *args = call->args;
	u64 range = args->rcx, tdr_pa = args->rdx;
	u64 status;

	args->rcx = 0;
	args->rdx = 0;
	status = mock_find_td_in(mock, MOCK_OPERAND_RDX, tdr_pa, states, td);
	if (status)
		return status;

	*level = FIELD_GET(GPA_LEVEL, range);
	*gpa = range & ~GPA_LEVEL;
	if ((range & GPA_RESERVED) || !mock_is_private_gpa(*td, *gpa) ||
	    *level >= (*td)->nr_levels || !IS_ALIGNED(*gpa, BIT_ULL(level_shift(*level))))
		return mock_operand_invalid(MOCK_OPERAND_RCX);

	return TDX_SUCCESS;
}

/* The same, for a page of 4 KB, and its entry */
static u64 open_page(struct tdx_mock *mock, struct tdx_mock_call *call, unsigned int states,
		     struct mock_td **td, u64 *gpa, struct mock_sept_walk *walk)
{
	unsigned int level;
	u64 status;

	status = open_range(mock, call, states, td, gpa, &level);
	if (status)
		return status;
	if (level)
		return mock_operand_invalid(MOCK_OPERAND_RCX);

	if (!mock_sept_walk(mock, *td, *gpa, 0, walk))
		return mock_sept_error(walk, TDX_EPT_WALK_FAILED, call->args);

	return TDX_SUCCESS;
}

u64 mock_mem_sept_add(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	u64 pa = call->args->r8;
	struct mock_sept_walk walk;
	unsigned int level;
	struct mock_td *td;
	u64 gpa, status;

	status = open_range(mock, call, MOCK_TD_IN_USE, &td, &gpa, &level);
	if (status)
		return status;
	if (!level)
		return mock_operand_invalid(MOCK_OPERAND_RCX);

	if (!mock_sept_walk(mock, td, gpa, level, &walk))
		return mock_sept_error(&walk, TDX_EPT_WALK_FAILED, call->args);
	if (mock_sept_state(&walk) != MOCK_SEPT_FREE)
		return mock_sept_error(&walk, TDX_EPT_ENTRY_STATE_INCORRECT, call->args);

	status = mock_check_page(mock, MOCK_OPERAND_R8, pa);
	if (status)
		return status;

	mock_add_td_page(mock, td, pa, MOCK_PT_EPT);
	mock_sept_start(mock, pa);
	*walk.entry = make_entry(pa, MOCK_SEPT_PRESENT, false);
	return TDX_SUCCESS;
}

/* Map the page in R8 where there is none yet */
static u64 map_page(struct tdx_mock *mock, struct tdx_mock_call *call, unsigned int states,
		    enum mock_sept_state state, struct mock_td **td, u64 *gpa)
{
	u64 pa = call->args->r8;
	struct mock_sept_walk walk;
	u64 status;

	status = open_page(mock, call, states, td, gpa, &walk);
	if (status)
		return status;
	if (mock_sept_state(&walk) != MOCK_SEPT_FREE)
		return mock_sept_error(&walk, TDX_EPT_ENTRY_STATE_INCORRECT, call->args);

	status = mock_check_page(mock, MOCK_OPERAND_R8, pa);
	if (status)
		return status;

	mock_add_td_page(mock, *td, pa, MOCK_PT_REG);
	*walk.entry = make_entry(pa, state, true);
	return TDX_SUCCESS;
}

u64 mock_mem_page_add(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	const void *source = mock_operand(mock, call->args->r9, PAGE_SIZE, PAGE_SIZE);
	u64 pa = call->args->r8;
	struct mock_td *td;
	u64 gpa, status;

	if (!source)
		return mock_operand_invalid(MOCK_OPERAND_R9);

	status = map_page(mock, call, MOCK_TD_IN(INITIALIZED), MOCK_SEPT_PRESENT, &td, &gpa);
	if (status)
		return status;

	memmove(phys_to_virt(pa), source, PAGE_SIZE);
	mock_measure_page_add(td, gpa);
	return TDX_SUCCESS;
}

u64 mock_mem_page_aug(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	struct mock_td *td;
	u64 gpa;

	return map_page(mock, call, MOCK_TD_IN(RUNNABLE), MOCK_SEPT_PENDING, &td, &gpa);
}

u64 mock_mem_range_block(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	struct mock_sept_walk walk;
	struct mock_td *td;
	u64 gpa, status;

	status = open_page(mock, call, MOCK_TD_IN_USE, &td, &gpa, &walk);
	if (status)
		return status;

	switch (mock_sept_state(&walk)) {
	case MOCK_SEPT_PRESENT:
		set_state(walk.entry, MOCK_SEPT_BLOCKED);
		break;
	case MOCK_SEPT_PENDING:
		set_state(walk.entry, MOCK_SEPT_PENDING_BLOCKED);
		break;
	default:
		return mock_sept_error(&walk, TDX_EPT_ENTRY_STATE_INCORRECT, call->args);
	}

	mock_frame(mock, *walk.entry & ENTRY_PA)->epoch = td->epoch;
	return TDX_SUCCESS;
}

/*
 * A new epoch.  What was blocked in the one before may still be in the TLB of a
 * vCPU that has not left the TD since.  In the model every one has: it runs for
 * as long as TDH.VP.ENTER takes, and the next call waits for it.
 */
u64 mock_mem_track(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	struct mock_td *td;
	u64 status;

	status = mock_find_td_in(mock, MOCK_OPERAND_RCX, call->args->rcx, MOCK_TD_IN_USE, &td);
	if (status)
		return status;

	td->epoch++;
	return TDX_SUCCESS;
}

u64 mock_mem_page_remove(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	struct mock_sept_walk walk;
	enum mock_sept_state state;
	struct mock_td *td;
	u64 gpa, pa, status;

	status = open_page(mock, call, MOCK_TD_IN_USE, &td, &gpa, &walk);
	if (status)
		return status;

	state = mock_sept_state(&walk);
	if (state != MOCK_SEPT_BLOCKED && state != MOCK_SEPT_PENDING_BLOCKED)
		return mock_sept_error(&walk, TDX_EPT_ENTRY_STATE_INCORRECT, call->args);

	/* Before a vCPU can run there is no TLB to track */
	pa = *walk.entry & ENTRY_PA;
	if (td->state == MOCK_TD_RUNNABLE && mock_frame(mock, pa)->epoch == td->epoch)
		return mock_sept_error(&walk, MOCK_TLB_TRACKING_NOT_DONE, call->args);

	*walk.entry = make_entry(0, MOCK_SEPT_FREE, false);
	td->nr_pages--;
	mock_dirty_page(mock, pa, td->keyid);
	return TDX_SUCCESS;
}
