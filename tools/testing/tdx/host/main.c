// SPDX-License-Identifier: GPL-2.0
/* Runs all tests of the core in user space.  The results are a KTAP document. */
#include <stdarg.h>

#include "host.h"

#define MAX_LINE	8192

static struct {
	unsigned int results, failed, inputs;
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

static const char *current_line;

/* False for a line that is no input: what is in the way may be one that is lost */
static bool replay_line(const char *line)
{
	static const char digits[] = "0123456789abcdef";
	size_t nr_digits = strspn(line, digits);
	u8 bytes[MAX_LINE / 2];

	if (!nr_digits || nr_digits % 2 || strcmp(line + nr_digits, "\n"))
		return false;

	for (size_t i = 0; i < nr_digits / 2; i++)
		sscanf(line + 2 * i, "%2hhx", &bytes[i]);
	host_run_input(bytes, nr_digits / 2);
	totals.inputs++;
	return true;
}

/* An input a line, in hex */
static bool replay(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[MAX_LINE];
	bool good = true;

	if (!file) {
		printf("# no %s\n", path);
		return false;
	}

	current_line = line;
	while (good && fgets(line, sizeof(line), file))
		good = line[0] == '#' || replay_line(line);
	if (!good)
		printf("# no input: %s\n", line);
	fclose(file);
	return good && totals.inputs;
}

static void name_input(void)
{
	printf("# input %s", current_line);
}

static void replay_corpus(const char *path)
{
	bool good;

	host_on_death = name_input;
	good = replay(path);
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
