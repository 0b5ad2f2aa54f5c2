// SPDX-License-Identifier: GPL-2.0
/* Runs the KUnit suites of the series, and says in KTAP what came of it */
#include <setjmp.h>
#include <stdarg.h>

#include "host.h"
#include "kunit.h"

#define MAX_ACTIONS	1024

static struct {
	struct kunit test;
	jmp_buf end;
	bool failed;
	unsigned int nr_actions;
	struct {
		void (*action)(void *data);
		void *data;
	} actions[MAX_ACTIONS];
} run;

static struct kunit_suite *suites;
unsigned int host_nr_cases;

void kunit_register(struct kunit_suite *suite)
{
	struct kunit_suite **link = &suites;

	/* In order, whatever the linker makes of it */
	while (*link && strcmp((*link)->name, suite->name) < 0)
		link = &(*link)->next;
	suite->next = *link;
	*link = suite;
}

struct kunit *kunit_get_current_test(void)
{
	return &run.test;
}

void kunit_fail(const char *file, int line, bool end, const char *fmt, ...)
{
	va_list args;

	printf("    # %s:%d: expected ", file, line);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");

	run.failed = true;
	if (end)
		longjmp(run.end, 1);
}

int kunit_add_action_or_reset(struct kunit *test, void (*action)(void *), void *data)
{
	host_check(run.nr_actions < MAX_ACTIONS, "too many actions");
	run.actions[run.nr_actions].action = action;
	run.actions[run.nr_actions].data = data;
	run.nr_actions++;
	return 0;
}

static void free_object(void *object)
{
	kfree(object);
}

void *kunit_kzalloc(struct kunit *test, size_t size, gfp_t gfp)
{
	void *object = kzalloc(size, gfp);

	kunit_add_action_or_reset(test, free_object, object);
	return object;
}

char *kunit_kstrdup(struct kunit *test, const char *text, gfp_t gfp)
{
	return strcpy(kunit_kzalloc(test, strlen(text) + 1, gfp), text);
}

bool kunit_suppress_warnings(bool suppress)
{
	static unsigned long before;

	if (suppress)
		before = host_nr_warnings;
	else
		host_nr_warnings = before;
	host_warnings_expected = suppress;
	return suppress;
}

static void run_case(const struct kunit_suite *suite, const struct kunit_case *kcase,
		     const void *param)
{
	unsigned long nr_warnings = host_nr_warnings;

	host_nr_cases++;
	run.test = (struct kunit) { .param_value = param };
	if (!setjmp(run.end)) {
		if (suite->init)
			KUNIT_ASSERT_EQ(&run.test, suite->init(&run.test), 0);
		kcase->run_case(&run.test);
	}
	host_warnings_expected = false;

	while (run.nr_actions) {
		run.nr_actions--;
		run.actions[run.nr_actions].action(run.actions[run.nr_actions].data);
	}

	/* The program goes on, but nothing must be left of the test case */
	if (!setjmp(run.end)) {
		KUNIT_ASSERT_EQ(&run.test, host_preempt_count, 0U);
		KUNIT_ASSERT_EQ(&run.test, host_nr_warnings, nr_warnings);
		KUNIT_ASSERT_EQ(&run.test, host_used_pages(), 0UL);
		KUNIT_ASSERT_EQ(&run.test, host_used_objects(), 0UL);
	}
	host_forget_memory();
}

static bool run_cases(const struct kunit_suite *suite, const struct kunit_case *kcase,
		      unsigned int number)
{
	char desc[KUNIT_PARAM_DESC_SIZE] = "";
	unsigned int nr_params = 0;
	const void *param = NULL;

	run.failed = false;
	if (!kcase->generate_params)
		run_case(suite, kcase, NULL);

	while (kcase->generate_params) {
		bool failed_before = run.failed;

		param = kcase->generate_params(&run.test, param, desc);
		if (!param)
			break;
		nr_params++;
		run_case(suite, kcase, param);
		if (run.failed && !failed_before)
			printf("    # with %s\n", desc);
	}

	run.failed |= kcase->generate_params && !nr_params;
	printf("    %s %u %s", run.failed ? "not ok" : "ok", number, kcase->name);
	if (kcase->generate_params)
		printf(" # %u parameters", nr_params);
	printf("\n");
	return !run.failed;
}

/**
 * host_run_suites() - run the KUnit suites, a result each
 *
 * Here is all that the suites want: one that is skipped has failed.
 */
void host_run_suites(void)
{
	host_check(suites, "no KUnit suites");
	for (const struct kunit_suite *suite = suites; suite; suite = suite->next) {
		unsigned int nr_cases = 0, number = 0;
		bool good;

		while (suite->test_cases[nr_cases].name)
			nr_cases++;
		good = nr_cases;
		printf("    KTAP version 1\n    # Subtest: %s\n    1..%u\n", suite->name, nr_cases);
		for (const struct kunit_case *kcase = suite->test_cases; kcase->name; kcase++)
			good &= run_cases(suite, kcase, ++number);
		host_result(good, "%s", suite->name);
	}
}

unsigned int host_nr_suites(void)
{
	unsigned int nr_suites = 0;

	for (const struct kunit_suite *suite = suites; suite; suite = suite->next)
		nr_suites++;
	return nr_suites;
}
