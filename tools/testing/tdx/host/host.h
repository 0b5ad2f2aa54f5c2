/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of the host program share */
#ifndef _TDX_HOST_HOST_H
#define _TDX_HOST_HOST_H

#include "kernel.h"

struct tdx_mock;
struct tdx_module_args;

/* memory.c: physical memory, and the allocators on top */

/* Pages of the machine of the KUnit suites, and at most of that of sweeps and fuzzer */
#define HOST_ALL_PAGES		81920
#define HOST_FEW_PAGES		3072

/* And of vmalloc(), at most and for most of them */
#define HOST_VMALLOC_PAGES	4352
#define HOST_FEW_VMALLOC_PAGES	64

void host_set_memory(unsigned long nr_pages, unsigned long nr_vmalloc_pages);
void host_limit_order(unsigned int max_order);
bool host_page_is_free(u64 pfn);
unsigned long host_used_pages(void);
unsigned long host_used_objects(void);
void host_forget_memory(void);
phys_addr_t host_memory_start(void);
phys_addr_t host_pages_start(void);
phys_addr_t host_memory_end(void);

/* Called for each page that is given up, if set */
extern void (*host_page_freed)(phys_addr_t pa);

/* seamcall.c: SEAMCALLs, from the kernel's wrappers to the mock */

typedef u64 (*host_seamcall_t)(u64 fn, struct tdx_module_args *regs);

/* Stands between the kernel and the module, if set */
extern host_seamcall_t host_seamcall_filter;
u64 host_module(u64 fn, struct tdx_module_args *regs);

#define HOST_PHYS_BITS		46
#define HOST_KEYID		32

/* kunit.c: the KUnit suites of the series */

/* Cases that were run, each parameter counted */
extern unsigned int host_nr_cases;

unsigned int host_nr_suites(void);
void host_run_suites(void);

/* report.c: what is wrong, and where */

__printf(3, 4) void __attribute__((__noreturn__))
host_die(const char *file, int line, const char *fmt, ...);

/* Says what was going on, if set */
extern void (*host_on_death)(void);

#define host_check(_cond, ...)						\
do {									\
	if (!(_cond))							\
		host_die(__FILE__, __LINE__, __VA_ARGS__);		\
} while (0)

void host_clear_log(void);
__printf(1, 2) bool host_has_logged(const char *fmt, ...);

/* Warnings of the kernel; those that are expected are not shown */
extern unsigned long host_nr_warnings;
extern bool host_warnings_expected;

/* sweep.c: everything that can go wrong, one after the other */

unsigned int host_nr_sweeps(void);
unsigned long host_run_sweeps(void);

/* main.c: results */

__printf(2, 3) void host_result(bool good, const char *fmt, ...);

/* fuzz.c: a machine that some bytes describe */

void host_run_input(const u8 *bytes, size_t nr_bytes);

#endif /* _TDX_HOST_HOST_H */
