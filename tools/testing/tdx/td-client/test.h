/* SPDX-License-Identifier: GPL-2.0 */
/* Tests of the TD client: tables of them, and what they check with */
#ifndef TD_CLIENT_TEST_H
#define TD_CLIENT_TEST_H

#define ARRAY_SIZE(_array)	(sizeof(_array) / sizeof((_array)[0]))

/* A test runs in a process of its own, whose end closes what it has opened */
struct test {
	const char *name;
	void (*run)(void);
};

/* By topic; a NULL name ends a table */
extern const struct test capability_tests[];
extern const struct test creation_tests[];
extern const struct test exit_tests[];
extern const struct test failure_tests[];
extern const struct test kill_tests[];
extern const struct test memory_tests[];
extern const struct test migration_tests[];
extern const struct test number_tests[];
extern const struct test quote_tests[];
extern const struct test quote_race_tests[];
extern const struct test demo[];

void test_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 3, 4)));
void test_skip(const char *why) __attribute__((noreturn));
void test_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#define check(_cond)								\
do {										\
	if (!(_cond))								\
		test_fail(__FILE__, __LINE__, "%s", #_cond);			\
} while (0)

/* Both are integers; the values are shown if they differ */
#define check_eq(_a, _b)							\
do {										\
	long long a_ = (long long)(_a), b_ = (long long)(_b);			\
										\
	if (a_ != b_)								\
		test_fail(__FILE__, __LINE__, "%s is %lld (%#llx), not %s, %lld (%#llx)", \
			  #_a, a_, a_, #_b, b_, b_);				\
} while (0)

#endif /* TD_CLIENT_TEST_H */
