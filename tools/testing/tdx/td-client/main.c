// SPDX-License-Identifier: GPL-2.0
/* Tests of KVM's TDs by plain user space. Output is KTAP. */
#include <errno.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#define EXIT_FAILED	1
#define EXIT_SKIPPED	4

/*
 * Of the machine's own time, which an emulator does not keep. With sanitizers in the
 * kernel a test takes more than 120 of them.
 */
#define TIMEOUT_SECONDS	600

static const struct test *const topics[] = {
	capability_tests, creation_tests, memory_tests, exit_tests,
	migration_tests, number_tests, kill_tests, failure_tests, quote_tests, quote_race_tests, demo,
};

/* Begins the names of tests that want a TDX module of a certain kind, or a reader */
static const char *const special[] = { "fail-", "quote-", "update-", "demo" };

#define for_each_test(_topic, _test)						\
	for (size_t _topic = 0; _topic < ARRAY_SIZE(topics); _topic++)	\
		for (const struct test *_test = topics[_topic]; _test->name; _test++)

void test_note(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	printf("# ");
	vprintf(fmt, args);
	printf("\n");
	va_end(args);
	fflush(stdout);
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	printf("# %s:%d: ", file, line);
	vprintf(fmt, args);
	printf("\n");
	va_end(args);
	fflush(stdout);
	_exit(EXIT_FAILED);
}

void test_skip(const char *why)
{
	printf("# %s\n", why);
	fflush(stdout);
	_exit(EXIT_SKIPPED);
}

static int run(const struct test *test)
{
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		alarm(TIMEOUT_SECONDS);
		test->run();
		fflush(stdout);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		printf("# cannot run: %s\n", strerror(errno));
		return EXIT_FAILED;
	}
	if (WIFSIGNALED(status)) {
		printf("# ended by signal %d\n", WTERMSIG(status));
		return EXIT_FAILED;
	}
	return WEXITSTATUS(status);
}

static int is_special(const char *name)
{
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
		if (!strncmp(name, special[i], strlen(special[i])))
			return 1;
	}
	return 0;
}

static int wanted(const char *name, char **patterns)
{
	if (!*patterns)
		return !is_special(name);

	for (; *patterns; patterns++) {
		if (!fnmatch(*patterns, name, 0))
			return 1;
	}
	return 0;
}

static int usage(FILE *to)
{
	fprintf(to,
		"Usage: td-client [NAME...]\n\n"
		"Run the tests of these names, which may contain * and ?; without names all but\n"
		"those with a TDX module that fails, fail-*, that makes quotes, quote-*, or that\n"
		"is updated, update-*, and the demonstration, demo.\n\n");
	for_each_test(i, test)
		fprintf(to, "  %s\n", test->name);
	return to == stderr;
}

int main(int argc, char **argv)
{
	int count = 0, number = 0, failed = 0;

	if (argc > 1 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help")))
		return usage(stdout);

	for_each_test(i, test)
		count += wanted(test->name, argv + 1);
	if (!count)
		return usage(stderr);

	printf("KTAP version 1\n1..%d\n", count);
	for_each_test(i, test) {
		int result;

		if (!wanted(test->name, argv + 1))
			continue;
		result = run(test);
		failed += result && result != EXIT_SKIPPED;
		printf("%sok %d %s%s\n", result && result != EXIT_SKIPPED ? "not " : "",
		       ++number, test->name, result == EXIT_SKIPPED ? " # SKIP" : "");
	}
	return failed ? EXIT_FAILED : 0;
}
