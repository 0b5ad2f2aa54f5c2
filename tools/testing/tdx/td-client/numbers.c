// SPDX-License-Identifier: GPL-2.0
/* Many TDs: at once, and one after the other */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kvm.h"
#include "test.h"

/* More than any machine for tests has KeyIDs */
#define MAX_TDS		128

/* Return the free memory in KB */
static long free_kb(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	char line[128];
	long kb = -1;

	check(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "MemFree: %ld kB", &kb) == 1)
			break;
	}
	fclose(file);
	check(kb >= 0);
	return kb;
}

/* As many as there are KeyIDs, then an error, then one more for one less */
static void limit(void)
{
	static struct td tds[MAX_TDS];
	int count = 0, err;

	do {
		check(count < MAX_TDS);
		td_create(&tds[count]);
		err = td_init(&tds[count], NULL);
	} while (!err && ++count);

	test_note("%d TDs at once", count);
	check(count >= 2);
	check_eq(err, -ENOSPC);
	check_eq(tds[count].hw_error, 0);

	td_destroy(&tds[count / 2]);
	check_eq(td_init(&tds[count], NULL), 0);
}

static void at_once(void)
{
	struct script script = {};
	struct td tds[4];

	tdvmcall(&script, EXIT_IO, 4, 1, 0x10, 0);
	for (int i = 0; i < 4; i++)
		td_build(&tds[i], &script, 1);
	for (int i = 0; i < 4; i++)
		check_eq(td_run(&tds[i], 0), KVM_EXIT_IO);
	for (int i = 3; i >= 0; i--)
		td_run_to_end(&tds[i], 0);
}

static void lives(int count)
{
	struct script script = {};
	struct td td;

	step(&script, TDX_MOCK_ACCEPT, GPA_LATER, 0);
	step(&script, TDX_MOCK_WRITE, TD_SHARED | GPA_SHARED, 1);
	for (int i = 0; i < count; i++) {
		td_build(&td, &script, 1);
		td_run_to_end(&td, 0);
		td_destroy(&td);
	}
}

/* Some of a VM's memory is freed only after RCU: wait until there comes no more */
static long settled_free_kb(void)
{
	long kb = free_kb(), last;

	do {
		last = kb;
		usleep(500 * 1000);
		kb = free_kb();
	} while (kb > last);
	return kb;
}

/* A page lost by each TD would show */
static void no_growth(void)
{
	const int count = 64;
	long before, lost;

	lives(count / 4);
	before = settled_free_kb();
	lives(count);
	lost = before - settled_free_kb();
	test_note("%d TDs later there are %ld KB less", count, lost);
	check(lost < count * (long)PAGE / 1024);
}

const struct test number_tests[] = {
	{ "number-limit", limit },
	{ "number-at-once", at_once },
	{ "number-no-growth", no_growth },
	{ }
};
