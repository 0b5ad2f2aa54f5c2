// SPDX-License-Identifier: GPL-2.0
/* What the kernel has to say, and what its environment holds against it */
#include <stdarg.h>

#include "host.h"

void (*host_on_death)(void);
unsigned long host_nr_warnings;
bool host_warnings_expected;

/**
 * host_die() - the kernel has done what it must not
 * @file:	where that was found
 * @line:	where that was found
 * @fmt:	what it was
 */
void host_die(const char *file, int line, const char *fmt, ...)
{
	va_list args;

	printf("# %s:%d: ", file, line);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	if (host_on_death)
		host_on_death();
	printf("Bail out!\n");
	fflush(stdout);
	abort();
}

bool host_warn(bool cond, const char *file, int line)
{
	host_nr_warnings += cond;
	if (cond && !host_warnings_expected)
		printf("# warning at %s:%d\n", file, line);

	return cond;
}

static char log_text[2048];
static size_t log_len;

/* What does not fit is not kept.  HOST_LOG=1 shows all. */
void host_printk(const char *fmt, ...)
{
	static int shown = -1;
	va_list args;

	va_start(args, fmt);
	log_len += vscnprintf(log_text + log_len, sizeof(log_text) - log_len, fmt, args);
	va_end(args);

	if (shown < 0)
		shown = !!getenv("HOST_LOG");
	if (!shown)
		return;

	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
}

void host_clear_log(void)
{
	log_len = 0;
	log_text[0] = 0;
}

/* Has the kernel logged this since? */
bool host_has_logged(const char *fmt, ...)
{
	char text[128];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return strstr(log_text, text);
}

/* What the C library has not, or not as the kernel has it */

ssize_t strscpy(char *dst, const char *src, size_t size)
{
	size_t len = strnlen(src, size);

	if (!size)
		return -E2BIG;

	memcpy(dst, src, min(len, size - 1));
	dst[min(len, size - 1)] = 0;
	return len < size ? (ssize_t)len : -E2BIG;
}

void *memchr_inv(const void *start, int c, size_t bytes)
{
	for (const u8 *p = start; p < (const u8 *)start + bytes; p++) {
		if (*p != (u8)c)
			return (void *)p;
	}

	return NULL;
}

unsigned long long memparse(const char *text, char **end)
{
	unsigned long long value = strtoull(text, end, 0);
	const char *suffixes = "KMGT";
	const char *suffix = **end ? strchr(suffixes, toupper((unsigned char)**end)) : NULL;

	if (!suffix)
		return value;

	(*end)++;
	return value << 10 * (suffix - suffixes + 1);
}

int kstrtou64(const char *text, unsigned int base, u64 *value)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;

	errno = 0;
	*value = strtoull(text, &end, base);
	if (errno)
		return -ERANGE;

	return *end ? -EINVAL : 0;
}
