// SPDX-License-Identifier: GPL-2.0
/* Runs all tests of the core in user space.  The results are a KTAP document. */
#include <stdarg.h>

#include "host.h"

static struct {
	unsigned int results, failed, inputs;
	unsigned long scenarios;
} totals;

static const char *current_line;

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

/* An input a line, in hex */
static bool replay(const char *path, unsigned int *nr_inputs)
{
	FILE *file = fopen(path, "r");
	char line[8192];
	u8 bytes[sizeof(line) / 2];

	*nr_inputs = 0;
	if (!file) {
		printf("# no %s\n", path);
		return false;
	}

	while (fgets(line, sizeof(line), file)) {
		size_t nr_bytes = 0;

		if (line[0] == '#')
			continue;
		while (sscanf(line + 2 * nr_bytes, "%2hhx", &bytes[nr_bytes]) == 1)
			nr_bytes++;
		current_line = line;
		host_run_input(bytes, nr_bytes);
		(*nr_inputs)++;
	}
	fclose(file);
	return true;
}

static void name_input(void)
{
	printf("# input %s", current_line);
}

static void replay_corpus(const char *path)
{
	bool good;

	host_on_death = name_input;
	good = replay(path, &totals.inputs);
	host_on_death = NULL;
	host_result(good, "inputs that the fuzzer has found # %u inputs", totals.inputs);
}

/* For a page of results */
static bool write_results(const char *path)
{
	FILE *file = fopen(path, "w");

	if (!file)
		return false;

	fprintf(file, "{\"tests\": %u, \"failed\": %u, \"fault_scenarios\": %lu, \"inputs\": %u}\n",
		totals.results + host_nr_cases, totals.failed, totals.scenarios, totals.inputs);
	return !fclose(file);
}

int main(int argc, char **argv)
{
	if (argc != 2 && argc != 3) {
		fprintf(stderr, "Usage: %s CORPUS [RESULTS.json]\n", argv[0]);
		return 2;
	}

	/* Who reads along may want to end it early */
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n1..%u\n", host_nr_suites() + host_nr_sweeps() + 1);
	host_run_suites();
	totals.scenarios = host_run_sweeps();
	replay_corpus(argv[1]);
	printf("# %lu fault scenarios\n", totals.scenarios);

	if (argc == 3 && !write_results(argv[2])) {
		perror(argv[2]);
		return 1;
	}
	return !!totals.failed;
}
