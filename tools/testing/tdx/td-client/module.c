// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "kvm.h"
#include "module.h"
#include "test.h"

/* What TDH.MR.EXTEND measures in one call */
#define EXTEND		256

static void measure_record(struct sha384 *hash, const char *name, uint64_t gpa)
{
	uint8_t record[128] = {};

	memcpy(record, name, strlen(name));
	memcpy(record + 16, &gpa, sizeof(gpa));
	sha384_add(hash, record, sizeof(record));
}

/**
 * module_measure_page() - add a page to a measurement, as the module does to MRTD
 * @hash:	the measurement
 * @gpa:	where the page is added
 * @page:	its content
 * @content:	whether the content is measured
 */
void module_measure_page(struct sha384 *hash, uint64_t gpa, const void *page, bool content)
{
	measure_record(hash, "MEM.PAGE.ADD", gpa);
	for (size_t at = 0; content && at < PAGE; at += EXTEND) {
		measure_record(hash, "MR.EXTEND", gpa + at);
		sha384_add(hash, (const uint8_t *)page + at, EXTEND);
	}
}

/**
 * module_number() - look something up in what the mock reports on itself
 * @report:	a file in debugfs: calls, module
 * @name:	the line's first word
 *
 * Return: the number in the line, -1 without one.
 */
int module_number(const char *report, const char *name)
{
	char path[64], line[64], found[64];
	int number = -1, value;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/debug/tdx_mock/%s", report);
	file = fopen(path, "r");
	check(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63s %d", found, &value) == 2 && !strcmp(found, name))
			number = value;
	}
	fclose(file);
	return number;
}
