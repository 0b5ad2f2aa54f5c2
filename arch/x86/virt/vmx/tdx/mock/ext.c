// SPDX-License-Identifier: GPL-2.0
/*
 * The mock TDX module: extensions, the pool of memory that they live on, and
 * objects that are made of a list of pages.
 */
#include <linux/bitfield.h>
#include <linux/bitops.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/pfn.h>
#include <linux/string.h>
#include <asm/page.h>
#include <asm/tdx.h>

#include "../tdx.h"
#include "model.h"

/* HPA_LIST_INFO and HPA_ARRAY_T: the frame, and the fields around it */
#define LIST_FIRST_ENTRY	GENMASK_ULL(11, 3)
#define LIST_FRAME		GENMASK_ULL(51, 12)
#define LIST_LAST_ENTRY		GENMASK_ULL(63, 55)
#define LIST_INFO_RESERVED	(~(LIST_FIRST_ENTRY | LIST_FRAME | LIST_LAST_ENTRY))
#define ARRAY_RESERVED		(~(LIST_FRAME | LIST_LAST_ENTRY))

/* TDISP function id: BDF, segment, segment valid */
#define FUNCTION_ID_RESERVED	(~GENMASK_ULL(24, 0))

/*
 * Take neighbours, @hpa and those behind it, as long as @list goes on with them
 * and nobody has them.  Returns how many of the @nr were taken.
 */
static unsigned int take_run(struct mock_frame *frame, const u64 *list, unsigned int nr, u64 hpa,
			     u8 type)
{
	const struct mock_frame untaken = { .type = PT_NDA, .flags = MOCK_FRAME_CONVERTIBLE };
	const struct mock_frame taken = {
		.type	= type,
		.flags	= MOCK_FRAME_CONVERTIBLE | MOCK_FRAME_OWNED,
	};
	unsigned int i;

	for (i = 0; i < nr && list[i] == hpa && frame[i].both == untaken.both; i++) {
		frame[i].both = taken.both;
		hpa += PAGE_SIZE;
	}

	return i;
}

/*
 * Take @nr pages of @list, which @operand holds.  TDX_SUCCESS, or why the first page that could not
 * be taken could not; *@taken is how many were.
 *
 * Lists are long and mostly of neighbours, and what is spent on them counts for
 * the kernel's benchmark.  A host takes back all of a PAMT or nothing, so that
 * one look at it is enough.
 */
static u64 take_pages(struct tdx_mock *mock, unsigned int operand, const u64 *list,
		      unsigned int nr, u8 type, unsigned int *taken)
{
	if (nr)
		mock_need_pamt(mock, *list);

	for (*taken = 0; *taken < nr; ) {
		u64 hpa = list[*taken];
		struct mock_frame *frame;
		unsigned int nr_run;
		u64 end;

		frame = hpa & MOCK_PA_RESERVED ? NULL : mock_frame_run(mock, hpa, &end);
		nr_run = frame ? take_run(frame, list + *taken,
					  min(nr - *taken, PHYS_PFN(end - hpa)), hpa, type) : 0;
		if (!nr_run)
			return mock_check_page(mock, operand, hpa);
		*taken += nr_run;
	}

	return TDX_SUCCESS;
}

static void return_pages(struct tdx_mock *mock, const struct mock_object *object)
{
	for (unsigned int i = 0; i < object->nr_pages; i++)
		mock_dirty_page(mock, object->hpas[i], mock->global_keyid);
}

/**
 * mock_list_checksum() - checksum of a list of pages
 * @sum:	checksum of what comes before in the list, 0 for nothing
 * @list:	a page of the list
 * @first:	index of the first entry that counts
 * @last:	index of the last one
 *
 * Return: the checksum, by which the module sees that a list has changed.
 */
u64 mock_list_checksum(u64 sum, const u64 *list, unsigned int first, unsigned int last)
{
	for (unsigned int i = first; i <= last; i++)
		sum = rol64(sum, 5) ^ list[i];

	return sum;
}

u64 mock_ext_mem_add(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	struct mock_ext *ext = &mock->ext;
	u64 info = call->args->rcx;
	unsigned int first = FIELD_GET(LIST_FIRST_ENTRY, info);
	unsigned int last = FIELD_GET(LIST_LAST_ENTRY, info);
	unsigned int nr, taken;
	const u64 *list;
	u64 status;

	if (!mock_memory_initialized(mock))
		return MOCK_SYS_NOT_READY;

	list = mock_operand(mock, info & LIST_FRAME, PAGE_SIZE, PAGE_SIZE);
	if (!list || (info & LIST_INFO_RESERVED) || first > last)
		return mock_operand_invalid(MOCK_OPERAND_RCX);

	/* An interrupted call goes on where it was, with what it had */
	if (ext->resume_info) {
		if (info != ext->resume_info)
			return MOCK_INVALID_RESUMPTION;
		if (mock_list_checksum(0, list, first, last) != ext->resume_checksum)
			mock_breach(mock, TDX_MOCK_LIST_CHANGED, info & LIST_FRAME);
	} else if (first) {
		return mock_operand_invalid(MOCK_OPERAND_RCX);
	} else if (last >= ext->nr_missing) {
		mock_breach(mock, TDX_MOCK_TOO_MANY_PAGES, list[ext->nr_missing]);
	}
	ext->resume_info = 0;

	nr = min(last - first + 1, mock->config.ext_step ?: U32_MAX);
	/* What was not asked for is not taken, and no error for the module */
	nr = min(nr, ext->nr_missing);
	status = take_pages(mock, MOCK_OPERAND_RCX, list + first, nr, MOCK_PT_POOL, &taken);
	ext->nr_missing -= taken;
	if (status)
		return status;

	if (first + nr > last || !ext->nr_missing)
		return TDX_SUCCESS;

	info = (info & ~LIST_FIRST_ENTRY) | FIELD_PREP(LIST_FIRST_ENTRY, first + nr);
	ext->resume_info = info;
	ext->resume_checksum = mock_list_checksum(0, list, first + nr, last);
	call->args->rcx = info;
	return TDX_INTERRUPTED_RESUMABLE;
}

static void write_pool_page(struct tdx_mock *mock, struct mock_frame *frame, u64 pa, void *data)
{
	if (frame->type != MOCK_PT_POOL)
		return;

	/* After a runtime update the module has written there before */
	mock_audit_page(mock, pa);
	mock_stamp_page(mock, pa);
}

u64 mock_ext_init(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	struct mock_ext *ext = &mock->ext;

	if (!mock_memory_initialized(mock))
		return MOCK_SYS_NOT_READY;
	if (!ext->init_required || ext->nr_missing)
		return MOCK_OP_STATE_INCORRECT;

	if (ext->nr_init_calls++ < mock->config.ext_init_steps)
		return TDX_INTERRUPTED_RESUMABLE;

	/* From here on the pool is in use */
	mock_walk_frames(mock, write_pool_page, NULL);
	ext->init_required = false;
	return TDX_SUCCESS;
}

/* The pages of an HPA_ARRAY_T; NULL if it is none */
static const u64 *array_pages(struct tdx_mock *mock, const u64 *array, unsigned int *nr)
{
	*nr = FIELD_GET(LIST_LAST_ENTRY, *array) + 1;
	if (*array & ARRAY_RESERVED)
		return NULL;

	/* A single page stands for itself, and can not be had in a list */
	return *nr == 1 ? array : mock_operand(mock, *array & LIST_FRAME, PAGE_SIZE, PAGE_SIZE);
}

u64 mock_spdm_create(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	struct mock_object *object;
	unsigned int nr, taken, id;
	const u64 *list;
	u64 status;

	if (mock->ext.init_required)
		return MOCK_OP_STATE_INCORRECT;
	if (call->args->rcx & FUNCTION_ID_RESERVED)
		return mock_operand_invalid(MOCK_OPERAND_RCX);

	list = array_pages(mock, &call->args->rdx, &nr);
	if (!list || nr != mock->config.spdm_pages)
		return mock_operand_invalid(MOCK_OPERAND_RDX);

	for (id = 0; id < TDX_MOCK_MAX_OBJECTS; id++) {
		if (!mock->objects[id].nr_pages)
			break;
	}
	if (id == TDX_MOCK_MAX_OBJECTS)
		return TDX_OPERAND_BUSY | MOCK_OPERAND_RCX;

	object = &mock->objects[id];
	status = take_pages(mock, MOCK_OPERAND_RDX, list, nr, MOCK_PT_SPDM, &taken);
	memcpy(object->hpas, list, taken * sizeof(u64));
	object->nr_pages = taken;
	if (status) {
		/* Such a call has no effect */
		for (unsigned int i = 0; i < taken; i++)
			mock_disown_page(mock, list[i]);
		object->nr_pages = 0;
		return status;
	}

	for (unsigned int i = 0; i < nr; i++)
		mock_stamp_page(mock, object->hpas[i]);

	call->args->rcx = id;
	return TDX_SUCCESS;
}

u64 mock_spdm_delete(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	struct tdx_module_args *args = call->args;
	struct mock_object *object;
	u64 *aux = NULL;

	if (args->rcx >= TDX_MOCK_MAX_OBJECTS || !mock->objects[args->rcx].nr_pages)
		return mock_operand_invalid(MOCK_OPERAND_RCX);
	object = &mock->objects[args->rcx];

	if (object->nr_pages > 1) {
		aux = mock_operand(mock, args->rdx, PAGE_SIZE, PAGE_SIZE);
		if (!aux)
			return mock_operand_invalid(MOCK_OPERAND_RDX);
	} else if (args->rdx) {
		return mock_operand_invalid(MOCK_OPERAND_RDX);
	}

	return_pages(mock, object);
	if (aux) {
		memset(aux, 0, PAGE_SIZE);
		memcpy(aux, object->hpas, object->nr_pages * sizeof(u64));
		args->rcx = args->rdx | FIELD_PREP(LIST_LAST_ENTRY, object->nr_pages - 1);
	} else {
		args->rcx = object->hpas[0];
	}
	object->nr_pages = 0;
	return TDX_SUCCESS;
}
