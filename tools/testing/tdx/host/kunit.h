/* SPDX-License-Identifier: GPL-2.0 */
/* KUnit, as far as the suites of the series use it */
#ifndef _TDX_HOST_KUNIT_H
#define _TDX_HOST_KUNIT_H

#include "kernel.h"

#define KUNIT_PARAM_DESC_SIZE	128

struct kunit {
	const void *param_value;
};

struct kunit_case {
	const char *name;
	void (*run_case)(struct kunit *test);
	const void *(*generate_params)(struct kunit *test, const void *prev, char *desc);
};

struct kunit_suite {
	const char *name;
	int (*init)(struct kunit *test);
	struct kunit_case *test_cases;
	struct kunit_suite *next;
};

void kunit_register(struct kunit_suite *suite);
struct kunit *kunit_get_current_test(void);
__printf(4, 5) void kunit_fail(const char *file, int line, bool end, const char *fmt, ...);
void *kunit_kzalloc(struct kunit *test, size_t size, gfp_t gfp);
char *kunit_kstrdup(struct kunit *test, const char *text, gfp_t gfp);
int kunit_add_action_or_reset(struct kunit *test, void (*action)(void *), void *data);
bool kunit_suppress_warnings(bool suppress);

#define kunit_kmalloc		kunit_kzalloc
#define kunit_skip(_test, ...)	kunit_fail(__FILE__, __LINE__, true, "no skip: " __VA_ARGS__)

#define kunit_warning_suppress(_test)					\
	for (bool __on = kunit_suppress_warnings(true); __on;		\
	     __on = kunit_suppress_warnings(false))

#define kunit_test_suite(_suite)					\
	static void __attribute__((__constructor__)) __UNIQUE_ID(register)(void) \
	{								\
		kunit_register(&(_suite));				\
	}								\
	_Static_assert(true, "")

#define kunit_test_init_section_suites(_suite)	kunit_test_suite(*(_suite))

#define KUNIT_CASE(_case)		{ .name = #_case, .run_case = _case }
#define KUNIT_CASE_PARAM(_case, _gen)					\
	{ .name = #_case, .run_case = _case, .generate_params = _gen }

#define KUNIT_ARRAY_PARAM(_name, _array, _describe)			\
static const void *_name##_gen_params(struct kunit *test, const void *prev, char *desc) \
{									\
	const typeof((_array)[0]) *next = prev ? (typeof(next))prev + 1 : (_array); \
									\
	if (next == (_array) + ARRAY_SIZE(_array))			\
		return NULL;						\
	(_describe)(next, desc);					\
	return next;							\
}									\
_Static_assert(true, "")

#define KUNIT_ARRAY_PARAM_DESC(_name, _array, _member)			\
static void _name##_describe(const typeof((_array)[0]) *param, char *desc) \
{									\
	strscpy(desc, param->_member, KUNIT_PARAM_DESC_SIZE);		\
}									\
KUNIT_ARRAY_PARAM(_name, _array, _name##_describe)

#define kunit_check(_end, _cond, ...)					\
do {									\
	if (!(_cond))							\
		kunit_fail(__FILE__, __LINE__, _end, __VA_ARGS__);	\
} while (0)

#define kunit_compare(_end, _a, _op, _b)				\
do {									\
	typeof(_a) __a = (_a);						\
	typeof(_b) __b = (_b);						\
									\
	kunit_check(_end, __a _op __b, "%s (%#llx) " #_op " %s (%#llx)", #_a, \
		    (unsigned long long)__a, #_b, (unsigned long long)__b); \
} while (0)

#define KUNIT_EXPECT_EQ(_test, _a, _b)		kunit_compare(false, _a, ==, _b)
#define KUNIT_EXPECT_NE(_test, _a, _b)		kunit_compare(false, _a, !=, _b)
#define KUNIT_EXPECT_LT(_test, _a, _b)		kunit_compare(false, _a, <, _b)
#define KUNIT_EXPECT_LE(_test, _a, _b)		kunit_compare(false, _a, <=, _b)
#define KUNIT_EXPECT_GT(_test, _a, _b)		kunit_compare(false, _a, >, _b)
#define KUNIT_EXPECT_GE(_test, _a, _b)		kunit_compare(false, _a, >=, _b)
#define KUNIT_EXPECT_TRUE(_test, _cond)		kunit_check(false, _cond, "%s", #_cond)
#define KUNIT_EXPECT_FALSE(_test, _cond)	kunit_check(false, !(_cond), "not %s", #_cond)
#define KUNIT_EXPECT_NULL(_test, _p)		kunit_check(false, !(_p), "%s is NULL", #_p)
#define KUNIT_EXPECT_NOT_NULL(_test, _p)	kunit_check(false, _p, "%s is not NULL", #_p)
#define KUNIT_EXPECT_MEMEQ(_test, _a, _b, _size)			\
	kunit_check(false, !memcmp(_a, _b, _size), "%s holds %s", #_a, #_b)
#define KUNIT_EXPECT_EQ_MSG(_test, _a, _b, ...)	kunit_check(false, (_a) == (_b), __VA_ARGS__)
#define KUNIT_ASSERT_EQ(_test, _a, _b)		kunit_compare(true, _a, ==, _b)
#define KUNIT_ASSERT_NE(_test, _a, _b)		kunit_compare(true, _a, !=, _b)
#define KUNIT_ASSERT_NULL(_test, _p)		kunit_check(true, !(_p), "%s is NULL", #_p)
#define KUNIT_ASSERT_NOT_NULL(_test, _p)	kunit_check(true, _p, "%s is not NULL", #_p)
#define KUNIT_ASSERT_NOT_NULL_MSG(_test, _p, ...) kunit_check(true, _p, __VA_ARGS__)
#define KUNIT_ASSERT_NOT_ERR_OR_NULL(_test, _p)				\
	kunit_check(true, (_p) && (unsigned long)(_p) < -4095UL, "%s is no error", #_p)
#define KUNIT_ASSERT_EQ_MSG(_test, _a, _b, ...)	kunit_check(true, (_a) == (_b), __VA_ARGS__)

#endif /* _TDX_HOST_KUNIT_H */
