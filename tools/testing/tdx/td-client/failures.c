// SPDX-License-Identifier: GPL-2.0
/*
 * A TDX module that fails a SEAMCALL: user space gets an error, whatever it is,
 * and KVM, the machine and other TDs live on.
 */
#include <errno.h>

#include "kvm.h"
#include "test.h"

static const struct script nothing;

/* All steps in the life of a TD, and the first that failed. Return how many went well */
static int whole_life(struct td *td, int *err)
{
	static struct script script;
	int good = 0;

	script.count = 0;
	tdvmcall(&script, TDVMCALL_MAP_GPA, TD_SHARED | GPA_DATA, PAGE);
	step(&script, TDX_MOCK_ACCEPT, GPA_LATER, 0);

	td_create(td);
	td_add_slot(td);
	check_eq(td_set_private(td, 0, GPA_SHARED, true), 0);
#define try(_step)								\
do {										\
	*err = _step;								\
	if (*err)								\
		return good;							\
	good++;									\
} while (0)
	try(td_init(td, NULL));
	try(td_create_vcpu(td, 0));
	try(td_init_vcpu(td, 0, GPA_SCRIPT));
	try(td_add_page(td, GPA_SCRIPT, script.step, true));
	try(td_add_page(td, GPA_DATA, td_data_page(), true));
	try(td_finalize(td));
	try(td_run(td, 0) == KVM_EXIT_HYPERCALL ? 0 : -EIO);
	try(td_set_private(td, GPA_DATA, PAGE, false));
	try(td_run(td, 0) == KVM_EXIT_IO ? 0 : -EIO);
#undef try
	return good;
}

#define LAST_STEP	9

/* A fault in the first TD's life, then a TD to which nothing happens */
static void once(void)
{
	struct td td;
	int err, good;

	good = whole_life(&td, &err);
	test_note("%d of %d steps, error %d", good, LAST_STEP, err);
	td_destroy(&td);

	td_build(&td, &nothing, 1);
	td_run_to_end(&td, 0);
}

/* As above, where the fault is one that the life of the TD must show */
static void seen(void)
{
	struct td td;
	int err, good;

	good = whole_life(&td, &err);
	test_note("%d of %d steps, error %d", good, LAST_STEP, err);
	check(good < LAST_STEP);
	td_destroy(&td);

	td_build(&td, &nothing, 1);
	td_run_to_end(&td, 0);
}

const struct test failure_tests[] = {
	{ "fail-seen", seen },
	{ "fail-unseen", once },
	{ }
};
