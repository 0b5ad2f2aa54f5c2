// SPDX-License-Identifier: GPL-2.0
/* The entry of libFuzzer */
#include "host.h"

const char *__asan_default_options(void);

/* What is freed may be used again soon: else the caches see nothing of it twice */
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=1:detect_stack_use_after_return=0";
}

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t nr_bytes);

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t nr_bytes)
{
	host_run_input(bytes, nr_bytes);
	return 0;
}
