// SPDX-License-Identifier: GPL-2.0
/* Runs all tests of the core in user space.  The results are a KTAP document. */
#include <stdarg.h>

#include "host.h"

static struct {
	unsigned int results, failed;
	unsigned long scenarios;
} totals;

void host_result(bool good, const char *fmt, ...)
{
	va_list args;

	printf("%s %u ", good ? "ok" : "not ok", ++totals.results);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	totals.failed += !good;
}

/* For a page of results */
static bool write_results(const char *path)
{
	FILE *file = fopen(path, "w");

	if (!file)
		return false;

	fprintf(file, "{\"tests\": %u, \"failed\": %u, \"fault_scenarios\": %lu}\n",
		totals.results + host_nr_cases, totals.failed, totals.scenarios);
	return !fclose(file);
}

int main(int argc, char **argv)
{
	if (argc > 2) {
		fprintf(stderr, "Usage: %s [RESULTS.json]\n", argv[0]);
		return 2;
	}

	printf("KTAP version 1\n1..%u\n", host_nr_suites() + host_nr_sweeps());
	host_run_suites();
	totals.scenarios = host_run_sweeps();
	printf("# %lu fault scenarios\n", totals.scenarios);

	if (argc == 2 && !write_results(argv[1])) {
		perror(argv[1]);
		return 1;
	}
	return !!totals.failed;
}
