// SPDX-License-Identifier: GPL-2.0
/*
 * TDX modules that fail: user space gets an error, and KVM, the machine and
 * other TDs live on. What fails is up to the options of the mock.
 */
#include <errno.h>

#include "kvm.h"
#include "module.h"
#include "test.h"

/* One more than the mock takes faults */
#define LIVES		9

static struct script script;

static int init(struct td *td)
{
	return td_init(td, NULL);
}

static int create_vcpu(struct td *td)
{
	return td_create_vcpu(td, 0);
}

static int init_vcpu(struct td *td)
{
	return td_init_vcpu(td, 0, GPA_SCRIPT);
}

static int add_pages(struct td *td)
{
	return td_add_page(td, GPA_SCRIPT, script.step, true) ?:
	       td_add_page(td, GPA_DATA, td_data_page(), true);
}

static int run_until(struct td *td, int wanted)
{
	int reason = td_run(td, 0);

	return reason == wanted ? 0 : reason;
}

static int run(struct td *td)
{
	return run_until(td, KVM_EXIT_HYPERCALL);
}

static int convert(struct td *td)
{
	return td_set_private(td, GPA_DATA, PAGE, false);
}

/* Has the guest accept memory, by which it is added to the TD */
static int run_again(struct td *td)
{
	return run_until(td, KVM_EXIT_IO);
}

static const struct {
	const char *name;
	int (*go)(struct td *td);
} steps[] = {
	{ "init", init },
	{ "create-vcpu", create_vcpu },
	{ "init-vcpu", init_vcpu },
	{ "add-pages", add_pages },
	{ "finalize", td_finalize },
	{ "run", run },
	{ "convert", convert },
	{ "run-again", run_again },
};

/* What the module holds of TDs */
static int held(const char *what)
{
	int number = module_number("module", what);

	check(number >= 0);
	return number;
}

/* One TD as far as it gets. Return whether that was to its end */
static bool live(int life, int owned_kb)
{
	const char *name = "none";
	struct td td;
	int err = 0;

	td_create(&td);
	td_add_slot(&td);
	check_eq(td_set_private(&td, 0, GPA_SHARED, true), 0);
	for (size_t i = 0; !err && i < sizeof(steps) / sizeof(steps[0]); i++) {
		err = steps[i].go(&td);
		if (err)
			name = steps[i].name;
	}
	td_destroy(&td);

	test_note("life %d: failed in %s, %s %d, module keeps %d TDs %d KeyIDs %d KB", life, name,
		  err > 0 ? "exit" : "error", err, held("tds"), held("hkids"),
		  held("owned_kb") - owned_kb);
	return !err;
}

static void write_script(void)
{
	tdvmcall(&script, TDVMCALL_MAP_GPA, TD_SHARED | GPA_DATA, PAGE);
	step(&script, TDX_MOCK_ACCEPT, GPA_LATER, 0);
}

static void one_life(void)
{
	write_script();
	live(1, held("owned_kb"));
}

/* With faults that strike once each, life after life comes one further */
static void lives(void)
{
	int owned_kb = held("owned_kb");
	bool good = false;

	write_script();
	for (int life = 1; life <= LIVES; life++)
		good = live(life, owned_kb);
	check(good);
}

/* No error of KVM's, but something that it does not know */
static void unknown_exit(void)
{
	struct td td;

	step(&script, TDX_MOCK_EXIT, 0x77);
	td_build(&td, &script, 1);
	check_eq(td_run(&td, 0), KVM_EXIT_INTERNAL_ERROR);
	check_eq(td.vcpu[0].run->internal.suberror, KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON);
}

const struct test failure_tests[] = {
	{ "fail-life", one_life },
	{ "fail-lives", lives },
	{ "fail-unknown-exit", unknown_exit },
	{ }
};
