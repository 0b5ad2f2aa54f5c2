// SPDX-License-Identifier: GPL-2.0
/* One TD, step by step, for people to look at */
#include <stdio.h>

#include "kvm.h"
#include "test.h"

/* Offset of MRTD in a TDREPORT_STRUCT, and its size */
#define REPORT_MRTD	528
#define MRTD_BYTES	48

#define GREETING	0x0f7d

static void show_mrtd(const uint8_t *report)
{
	char text[2 * MRTD_BYTES + 1];

	for (int i = 0; i < MRTD_BYTES; i++)
		sprintf(text + 2 * i, "%02x", report[REPORT_MRTD + i]);
	test_note("MRTD %.48s", text);
	test_note("     %s", text + MRTD_BYTES);
}

static void show(void)
{
	static struct script script;
	const struct kvm_run *run;
	struct td td;

	step(&script, TDX_MOCK_REPORT, TD_SHARED | GPA_SHARED);
	tdvmcall(&script, EXIT_IO, 4, 1, 0x10, GREETING);

	td_create(&td);
	test_note("VM created");
	check_eq(td_init(&td, NULL), 0);
	test_note("TD initialized, it has a KeyID");
	td_add_slot(&td);
	check_eq(td_set_private(&td, 0, GPA_SHARED, true), 0);
	check_eq(td_create_vcpu(&td, 0), 0);
	check_eq(td_init_vcpu(&td, 0, GPA_SCRIPT), 0);
	test_note("vCPU created");
	check_eq(td_add_page(&td, GPA_SCRIPT, script.step, true), 0);
	check_eq(td_add_page(&td, GPA_DATA, td_data_page(), true), 0);
	test_note("8 KB of private memory added and measured");
	check_eq(td_finalize(&td), 0);
	test_note("TD finalized");

	check_eq(td_run(&td, 0), KVM_EXIT_IO);
	run = td.vcpu[0].run;
	check_eq(run->io.port, 0x10);
	show_mrtd(td.shared + GPA_SHARED);
	test_note("the TD ran and wrote %#x to port %#x",
		  *(const uint32_t *)((const uint8_t *)run + run->io.data_offset), run->io.port);
	td_destroy(&td);
	test_note("TD destroyed");
}

const struct test demo[] = {
	{ "demo", show },
	{ }
};
