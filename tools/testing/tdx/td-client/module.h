/* SPDX-License-Identifier: GPL-2.0 */
/* The mock TDX module as its neighbours see it: what it measures, what it reports */
#ifndef TD_CLIENT_MODULE_H
#define TD_CLIENT_MODULE_H

#include <stdbool.h>
#include <stdint.h>

#include "sha384.h"

void module_measure_page(struct sha384 *hash, uint64_t gpa, const void *page, bool content);
int module_number(const char *report, const char *name);

#endif /* TD_CLIENT_MODULE_H */
