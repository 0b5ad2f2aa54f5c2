// SPDX-License-Identifier: GPL-2.0
/* Many TDs: at once, and one after the other */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kvm.h"
#include "test.h"

/* More than any machine for tests has KeyIDs */
#define MAX_TDS		128

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	check(file);
	check(fputs(text, file) >= 0);
	check_eq(fclose(file), 0);
}

/* Return the free memory in KB, with that which a CPU keeps for itself */
static long free_kb(void)
{
	FILE *file;
	char line[128];
	long pages = 0, value;

	/* A VM's memory is freed only after RCU, and counted by each CPU first */
	write_file("/sys/module/rcutree/parameters/do_rcu_barrier", "1");
	write_file("/proc/sys/vm/stat_refresh", "1");

	file = fopen("/proc/zoneinfo", "r");
	check(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, " pages free %ld", &value) == 1 ||
		    sscanf(line, " count: %ld", &value) == 1)
			pages += value;
	}
	fclose(file);
	check(pages);
	return pages * (PAGE / 1024);
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

/*
 * Caches fill up at first. If TDs lose memory they do so each time: a page per
 * TD is twice of what is let pass.
 */
static void no_growth(void)
{
	const int count = 40;
	long lost = 0;

	for (int round = 0; round < 4; round++) {
		long before = free_kb();

		lives(count);
		lost = before - free_kb();
		test_note("%d TDs later there are %ld KB less", count, lost);
		if (lost < count * (long)PAGE / 1024 / 2)
			return;
	}
	test_fail(__FILE__, __LINE__, "memory is lost");
}

const struct test number_tests[] = {
	{ "number-limit", limit },
	{ "number-at-once", at_once },
	{ "number-no-growth", no_growth },
	{ }
};
