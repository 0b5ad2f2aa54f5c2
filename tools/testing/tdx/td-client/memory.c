// SPDX-License-Identifier: GPL-2.0
/* The memory of a TD: measured, added later, converted and back */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/kvm_para.h>

#include "kvm.h"
#include "module.h"
#include "test.h"

/* TDREPORT_STRUCT: 1024 bytes, of which these are the offsets */
#define REPORT_SIZE		1024
#define REPORT_DATA		128
#define REPORT_ATTRIBUTES	512
#define REPORT_XFAM		520
#define REPORT_MRTD		528
#define REPORT_MRCONFIGID	576
#define REPORT_MROWNER		624
#define REPORT_MROWNERCONFIG	672

#define FIRST_WORD		0xda7a000000000000	/* of td_data_page() */

/* A TD reports itself: what it was made of, and what the client computes of that */
static void report(void)
{
	static struct script script;
	const uint64_t data[4] = { 0x1111, 0x2222, 0x3333, 0x4444 };
	uint8_t mrtd[SHA384_BYTES];
	const uint8_t *found;
	struct params params;
	struct sha384 hash;
	struct td td;

	step(&script, TDX_MOCK_REPORT, TD_SHARED | GPA_SHARED, data[0], data[1], data[2], data[3]);

	td_create(&td);
	td_default_params(&td, &params);
	check_eq(td_init(&td, &params), 0);
	td_add_slot(&td);
	check_eq(td_create_vcpu(&td, 0), 0);
	check_eq(td_init_vcpu(&td, 0, GPA_SCRIPT), 0);
	check_eq(td_set_private(&td, 0, GPA_SHARED, true), 0);
	check_eq(td_add_page(&td, GPA_DATA, td_data_page(), true), 0);
	check_eq(td_add_page(&td, GPA_DATA + PAGE, td_data_page(), false), 0);
	check_eq(td_add_page(&td, GPA_SCRIPT, script.step, true), 0);
	check_eq(td_finalize(&td), 0);
	td_run_to_end(&td, 0);

	sha384_start(&hash);
	module_measure_page(&hash, GPA_DATA, td_data_page(), true);
	module_measure_page(&hash, GPA_DATA + PAGE, td_data_page(), false);
	module_measure_page(&hash, GPA_SCRIPT, script.step, true);
	sha384_end(&hash, mrtd);

	found = td.shared + GPA_SHARED;
	check(!memcmp(found + REPORT_MRTD, mrtd, sizeof(mrtd)));
	check(!memcmp(found + REPORT_DATA, data, sizeof(data)));
	check(!memcmp(found + REPORT_ATTRIBUTES, &params.vm.attributes, 8));
	check(!memcmp(found + REPORT_XFAM, &params.vm.xfam, 8));
	check(!memcmp(found + REPORT_MRCONFIGID, params.vm.mrconfigid, SHA384_BYTES));
	check(!memcmp(found + REPORT_MROWNER, params.vm.mrowner, SHA384_BYTES));
	check(!memcmp(found + REPORT_MROWNERCONFIG, params.vm.mrownerconfig, SHA384_BYTES));
}

/* The TD has the pages that it was given, and what it writes stays there */
static void initial(void)
{
	struct script script = {};
	struct td td;

	step(&script, TDX_MOCK_READ, GPA_DATA);
	expect_value(&script, FIRST_WORD);
	step(&script, TDX_MOCK_READ, GPA_DATA + 511 * 8);
	expect_value(&script, FIRST_WORD + 511);
	step(&script, TDX_MOCK_WRITE, GPA_DATA, 0x77);
	step(&script, TDX_MOCK_READ, GPA_DATA);
	expect_value(&script, 0x77);
	td_build(&td, &script, 1);
	td_run_to_end(&td, 0);
	/* The host's page at the same GPA is another one */
	check_eq(*(uint64_t *)(td.shared + GPA_DATA), 0);
}

static void shared(void)
{
	struct script script = {};
	struct td td;

	step(&script, TDX_MOCK_READ, TD_SHARED | GPA_SHARED);
	expect_value(&script, 0x1234);
	step(&script, TDX_MOCK_WRITE, TD_SHARED | (GPA_SHARED + 8), 0x5678);
	/* A page that the host has not touched yet */
	step(&script, TDX_MOCK_WRITE, TD_SHARED | (GPA_SHARED + PAGE), 0x9abc);
	td_build(&td, &script, 1);
	*(uint64_t *)(td.shared + GPA_SHARED) = 0x1234;
	td_run_to_end(&td, 0);
	check_eq(*(uint64_t *)(td.shared + GPA_SHARED + 8), 0x5678);
	check_eq(*(uint64_t *)(td.shared + GPA_SHARED + PAGE), 0x9abc);
}

/* Memory that comes when the TD accepts it, and is zero then */
static void added_later(void)
{
	struct script script = {};
	struct td td;

	for (uint64_t gpa = GPA_LATER; gpa < GPA_LATER + 8 * PAGE; gpa += PAGE) {
		step(&script, TDX_MOCK_ACCEPT, gpa, 0);
		expect_status(&script, 0);
		step(&script, TDX_MOCK_READ, gpa);
		expect_value(&script, 0);
		step(&script, TDX_MOCK_WRITE, gpa, gpa);
	}
	step(&script, TDX_MOCK_READ, GPA_LATER);
	expect_value(&script, GPA_LATER);
	td_build(&td, &script, 1);
	td_run_to_end(&td, 0);
}

static void prefault(void)
{
	struct kvm_pre_fault_memory range = { .gpa = GPA_LATER, .size = 4 * PAGE };
	struct script script = {};
	struct td td;

	step(&script, TDX_MOCK_ACCEPT, GPA_LATER + PAGE, 0);
	expect_status(&script, 0);
	td_build(&td, &script, 1);
	check_eq(ioctl(td.vcpu[0].fd, KVM_PRE_FAULT_MEMORY, &range), 0);
	check_eq(range.size, 0);
	td_run_to_end(&td, 0);
}

/* KVM takes a TD that reads before it accepts for broken */
static void not_accepted(void)
{
	struct script script = {};
	struct td td;

	step(&script, TDX_MOCK_READ, GPA_LATER);
	td_build(&td, &script, 1);
	check_eq(td_run(&td, 0), -EIO);
	check_eq(td_run(&td, 0), -EIO);
}

/* Private to the TD, but not to KVM: user space has to say which it is */
static void disagree(void)
{
	struct script script = {};
	const struct kvm_run *run;
	struct td td;

	step(&script, TDX_MOCK_ACCEPT, GPA_SHARED, 0);
	expect_status(&script, 0);
	td_build(&td, &script, 1);
	run = td.vcpu[0].run;

	check_eq(td_run(&td, 0), KVM_EXIT_MEMORY_FAULT);
	check_eq(run->memory_fault.flags, KVM_MEMORY_EXIT_FLAG_PRIVATE);
	check_eq(run->memory_fault.gpa, GPA_SHARED);
	check_eq(run->memory_fault.size, PAGE);
	check_eq(td_set_private(&td, GPA_SHARED, PAGE, true), 0);
	td_run_to_end(&td, 0);
}

static void convert(struct td *td, uint64_t gpa, bool private)
{
	const struct kvm_run *run = td->vcpu[0].run;

	check_eq(td_run(td, 0), KVM_EXIT_HYPERCALL);
	check_eq(run->hypercall.args[0], gpa);
	check_eq(!!(run->hypercall.args[2] & KVM_MAP_GPA_RANGE_ENCRYPTED), private);
	check_eq(td_set_private(td, gpa, run->hypercall.args[1] * PAGE, private), 0);
}


static void conversion(void)
{
	struct script script = {};
	struct td td;

	for (int round = 0; round < 2; round++) {
		tdvmcall(&script, TDVMCALL_MAP_GPA, TD_SHARED | GPA_DATA, PAGE);
		expect_status(&script, TDVMCALL_SUCCESS);
		step(&script, TDX_MOCK_READ, TD_SHARED | GPA_DATA);
		expect_value(&script, 0x5ed + round);
		step(&script, TDX_MOCK_WRITE, TD_SHARED | GPA_DATA, 0xa0 + round);
		tdvmcall(&script, TDVMCALL_MAP_GPA, GPA_DATA, PAGE);
		expect_status(&script, TDVMCALL_SUCCESS);
		step(&script, TDX_MOCK_ACCEPT, GPA_DATA, 0);
		expect_status(&script, 0);
		/* Not what it was, nor what it was shared */
		step(&script, TDX_MOCK_READ, GPA_DATA);
		expect_value(&script, 0);
		step(&script, TDX_MOCK_WRITE, GPA_DATA, 0x1234);
	}
	td_build(&td, &script, 1);

	for (int round = 0; round < 2; round++) {
		convert(&td, GPA_DATA, false);
		*(uint64_t *)(td.shared + GPA_DATA) = 0x5ed + round;
		convert(&td, GPA_DATA, true);
		check_eq(*(uint64_t *)(td.shared + GPA_DATA), 0xa0 + round);
	}
	td_run_to_end(&td, 0);
}

/* The host takes the memory away, as a balloon does, and gives it back */
static void taken_away(void)
{
	struct script script = {};
	struct td td;

	tdvmcall(&script, EXIT_IO, 4, 1, 0x10, 0);
	step(&script, TDX_MOCK_ACCEPT, GPA_DATA, 0);
	expect_status(&script, 0);
	step(&script, TDX_MOCK_READ, GPA_DATA);
	expect_value(&script, 0);
	td_build(&td, &script, 1);
	check_eq(td_run(&td, 0), KVM_EXIT_IO);
	check_eq(td_set_private(&td, GPA_DATA, PAGE, false), 0);
	check_eq(td_set_private(&td, GPA_DATA, PAGE, true), 0);
	td_run_to_end(&td, 0);
}

const struct test memory_tests[] = {
	{ "memory-report", report },
	{ "memory-initial", initial },
	{ "memory-shared", shared },
	{ "memory-added-later", added_later },
	{ "memory-prefault", prefault },
	{ "memory-not-accepted", not_accepted },
	{ "memory-disagree", disagree },
	{ "memory-conversion", conversion },
	{ "memory-taken-away", taken_away },
	{ }
};
