// SPDX-License-Identifier: GPL-2.0
/*
 * A machine that the bytes of an input describe.  From the front: the module and
 * the memory, then steps.  From the back: how each call is answered, arbitrary
 * nonsense included.  Each input is valid, and what is missing is 0.
 */
#include <linux/array_size.h>

#include "machine.h"
#include "tdx.h"

#define MAX_STEPS	24
#define NR_STEPS	10

static struct {
	const u8 *next, *end;
} input;

static u8 take_front(void)
{
	return input.next < input.end ? *input.next++ : 0;
}

static u8 take_back(void)
{
	return input.next < input.end ? *--input.end : 0;
}

static u64 take_back_many(unsigned int nr_bytes)
{
	u64 value = 0;

	while (nr_bytes--)
		value = value << 8 | take_back();
	return value;
}

/* Statuses that a path of the kernel depends on, and others */
static const u64 statuses[] = {
	TDX_SUCCESS,
	TDX_INTERRUPTED_RESUMABLE,
	TDX_INTERRUPTED_RESUMABLE | 1,
	TDX_RND_NO_ENTROPY,
	TDX_SEAMCALL_VMFAILINVALID,
	TDX_SEAMCALL_GP,
	TDX_SEAMCALL_UD,
	TDX_METADATA_FIELD_ID_INCORRECT,
	TDX_METADATA_FIELD_ID_INCORRECT | 2,
	TDX_OPERAND_INVALID | TDX_OPERAND_ID_RCX,
	TDX_OPERAND_BUSY,
	TDX_SYS_BUSY,
	TDX_PAGE_METADATA_INCORRECT,
	TDX_KEY_CONFIGURED,
	TDX_ERROR,
	~0ULL,
};

static void disturb(u64 leaf, struct host_answer *answer)
{
	u8 kind = take_back();
	u8 detail = kind >> 3;

	switch (kind & 7) {
	case 2:
		answer->dropped = true;
		answer->status = statuses[detail % ARRAY_SIZE(statuses)];
		break;
	case 3:
		answer->lies = true;
		answer->status = statuses[detail % ARRAY_SIZE(statuses)];
		break;
	case 4:
		answer->reg = detail % 6;
		answer->reg_xor = 1ULL << (take_back() & 63);
		break;
	case 5:
		answer->reg = detail % 6;
		answer->reg_keep = 0;
		answer->reg_xor = take_back_many(8);
		break;
	case 6:
		answer->lies = true;
		answer->status = TDX_INTERRUPTED_RESUMABLE;
		answer->reg_keep = ~0xff8ULL;
		answer->reg_xor = take_back_many(2) << 3 & 0xff8;
		break;
	case 7:
		answer->dropped = detail & 1;
		answer->lies = detail & 2;
		answer->status = detail & 3 ? take_back_many(8) : 0;
		answer->aux_entry = detail & 4 ? take_back_many(2) : 0;
		answer->aux_xor = detail & 4 ? 1ULL << (take_back() & 63) : 0;
		break;
	}
}

/* Few are large: what they find is in the sweeps, and they take long */
static const u16 sizes[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 31, 64, 511, 512, 513, 1025 };

static struct machine_setup take_setup(void)
{
	static const u16 steps[] = { 0, 1, 2, 7, 100, 510, 511, 512 };
	static const u16 objects[] = { 1, 2, 3, 4, 5, 6, 9, 512 };
	static const u16 orders[] = { MAX_PAGE_ORDER, 0, 1, 3 };
	static const u16 quotes[] = { 256, 0, 4095, 4096, 4097, 512, 8193, 256 };
	static const u16 spare[] = { 64, 16, 32, 640 };
	u8 first = take_front(), second = take_front(), third = take_front();
	u16 pool = sizes[first & 15];

	return (struct machine_setup) {
		.pool		= pool,
		.max_order	= orders[first >> 4 & 3],
		.memory		= ALIGN(pool, 64) + spare[first >> 6],
		/* A list is gone through once for each interruption */
		.step		= pool <= 64 || !(second & 7) ? steps[second & 7] : 100,
		.init_steps	= second >> 3 & 7,
		.init		= second >> 6 & 1,
		.old		= second >> 7,
		.object_pages	= objects[third & 7],
		.quote_size	= quotes[third >> 3 & 7],
		.quote_steps	= third >> 6,
		.has_extensions	= third != 0xff,
	};
}

static struct machine_setup take_update(void)
{
	u8 byte = take_front();

	return (struct machine_setup) {
		.pool		= byte & 3 ? 0 : sizes[byte >> 4],
		.init_steps	= byte >> 4,
		.init		= byte >> 2 & 1,
		.old		= byte >> 3 & 1,
		.quote_size	= 1 << (8 + (byte >> 5)),
	};
}

static void do_step(unsigned int step, unsigned int n, const struct machine_setup *setup)
{
	struct machine_setup update;
	u8 byte;

	switch (step) {
	case 0:
		machine_boot();
		break;
	case 1:
		update = take_update();
		machine_update(&update);
		break;
	case 2:
		machine_create_array(n, setup->object_pages, false);
		break;
	case 3:
		byte = take_front();
		machine_create_array(n, sizes[byte & 15], byte >> 7);
		break;
	case 4:
		/* All 25 bits that there are, of one byte */
		machine_create_session(n, take_front() * 0x1010101U & 0x1ffffff);
		break;
	case 5:
		machine_delete_session(n, 0);
		break;
	case 6:
		machine_delete_session(n, take_front());
		break;
	case 7:
		machine_release_array(n);
		break;
	case 8:
		machine_get_quote(1024);
		break;
	case 9:
		machine_get_quote(take_front() << 5);
		break;
	}
}

/**
 * host_run_input() - run a machine
 * @bytes:	its description
 * @nr_bytes:	length
 *
 * Does not return if it finds something.
 */
void host_run_input(const u8 *bytes, size_t nr_bytes)
{
	struct machine_setup setup;

	input.next = bytes;
	input.end = bytes + nr_bytes;
	setup = take_setup();
	machine_start(&setup, disturb);
	for (unsigned int i = 0; i < MAX_STEPS && input.next < input.end; i++) {
		u8 step = take_front();

		/* One of the next allocations fails, if there are as many */
		host_task.fail_nth = step & 0x40 ? take_front() : 0;
		do_step((step & 15) % NR_STEPS, step >> 4 & 3, &setup);
	}
	machine_end();
}
