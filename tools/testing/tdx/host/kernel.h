/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What kernel code finds in the headers of the kernel, for a program in user
 * space.  The Makefile has the names of headers that stand for this one; all
 * others are those of the kernel tree.
 */
#ifndef _TDX_HOST_KERNEL_H
#define _TDX_HOST_KERNEL_H

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "types.h"

/* The compiler */

#define __init
#define __initconst
#define __refdata
#define at_least			static
#define DECLARE_FLEX_ARRAY(_type, _name) _type _name[0]

#include <linux/kconfig.h>
#include <linux/compiler.h>
#include <linux/args.h>

/* As of the kernel, not of tools/ */
#undef __always_inline
#define __always_inline			inline __attribute__((__always_inline__))
#define auto				__auto_type
#define __UNIQUE_ID(_prefix)		CONCATENATE(__unique_##_prefix, __COUNTER__)

#include <linux/kernel.h>

#undef static_assert
#define static_assert(_expr, ...)	_Static_assert(_expr, #_expr)

#undef min
#undef max
#undef min_t
#undef max_t
#undef clamp
#undef clamp_t
#define statically_true(_x)		(__builtin_constant_p(_x) && (_x))
#include <linux/minmax.h>

#include <linux/align.h>
#include <linux/bitops.h>
#include <linux/kconfig.h>
#include <linux/overflow.h>
#include <linux/pfn.h>
#include <linux/sizes.h>

#define MODULE_DESCRIPTION(_text)	_Static_assert(true, "")
#define MODULE_LICENSE(_text)		_Static_assert(true, "")
#define EXPORT_SYMBOL_GPL(_name)
#define EXPORT_SYMBOL_FOR_MODULES(_name, _modules)
#define EXPORT_SYMBOL_FOR_KVM(_name)	_Static_assert(true, "")

/* Output */

__printf(1, 2) void host_printk(const char *fmt, ...);

#ifndef pr_fmt
#define pr_fmt(_fmt)			_fmt
#endif
#define pr_err(_fmt, ...)		host_printk(pr_fmt(_fmt), ##__VA_ARGS__)
#define pr_warn(_fmt, ...)		host_printk(pr_fmt(_fmt), ##__VA_ARGS__)
#define pr_info(_fmt, ...)		host_printk(pr_fmt(_fmt), ##__VA_ARGS__)
#define pr_err_ratelimited		pr_err
#define pr_info_ratelimited		pr_info

/* The kernel complains about what it took to be impossible */
bool host_warn(bool cond, const char *file, int line);

#undef READ_ONCE
#undef WRITE_ONCE
#define READ_ONCE(_x)			(*(const volatile typeof(_x) *)&(_x))
#define WRITE_ONCE(_x, _value)		(*(volatile typeof(_x) *)&(_x) = (_value))

#undef WARN_ON_ONCE
#define WARN_ON_ONCE(_cond)		host_warn(!!(_cond), __FILE__, __LINE__)

/* CPUs are there as many as threads, which take turns: see thread.c */

extern __thread unsigned int host_preempt_count;

#define TASK_RUNNING			0
#define TASK_KILLABLE			1
#define TASK_DEAD			2

struct task_struct {
	unsigned int fail_nth;		/* this allocation fails, counted from 1 */
	bool make_it_fail;
	bool is_killed;

	unsigned int __state;
	int (*fn)(void *data);
	void *data;
	pthread_t thread;
	sem_t turn;
};

extern struct task_struct host_task;
#define current				(&host_task)

struct completion { bool done; };

struct task_struct *kthread_create(int (*fn)(void *data), void *data, const char *name);
void wake_up_process(struct task_struct *task);
void put_task_struct(struct task_struct *task);
int host_wait(const bool *held);
void wait_for_completion(struct completion *completion);

#define get_task_struct(_task)		((void)(_task))
#define allow_signal(_signal)		do { } while (0)
#define send_sig(_signal, _task, _priv)	((_task)->is_killed = true, wake_up_process(_task))
#define fsleep(_us)			((void)(_us))
#define init_completion(_completion)	((_completion)->done = false)
#define complete(_completion)		((_completion)->done = true)
#define completion_done(_completion)	((_completion)->done)

#define preempt_disable()		(host_preempt_count++)
#define preempt_enable()		(host_preempt_count--)
#define lockdep_assert_irqs_disabled()	do { } while (0)
#define lockdep_assert_preemption_disabled() assert(host_preempt_count)

extern bool cache_state_incoherent;
#define this_cpu_write(_var, _value)	((_var) = (_value))

#define for_each_online_cpu(_cpu)	for ((_cpu) = 0; (_cpu) < 1; (_cpu)++)

/* Nobody may with preemption off */
void host_might_sleep(void);

typedef struct raw_spinlock { bool held; } raw_spinlock_t;
struct mutex { bool held; };

#define DEFINE_MUTEX(_name)		struct mutex _name
#define raw_spin_lock_init(_lock)	((_lock)->held = false)

static inline void host_set_held(bool *held, bool now)
{
	if (now)
		host_wait(held);
	assert(*held != now);
	*held = now;
}

static inline void raw_spin_lock(raw_spinlock_t *lock)
{
	host_set_held(&lock->held, true);
	preempt_disable();
}

static inline void raw_spin_unlock(raw_spinlock_t *lock)
{
	preempt_enable();
	host_set_held(&lock->held, false);
}

static inline void mutex_lock(struct mutex *mutex)
{
	host_might_sleep();
	host_set_held(&mutex->held, true);
}

static inline void mutex_unlock(struct mutex *mutex)
{
	host_set_held(&mutex->held, false);
}

/* A free lock is taken, also by a task that was killed */
static inline int mutex_lock_killable(struct mutex *mutex)
{
	host_might_sleep();
	if (host_wait(&mutex->held))
		return -EINTR;

	mutex_lock(mutex);
	return 0;
}

static inline bool raw_spin_trylock(raw_spinlock_t *lock)
{
	if (lock->held)
		return false;

	raw_spin_lock(lock);
	return true;
}

static inline void host_unlock_raw_spinlock_irqsave(raw_spinlock_t **lock)
{
	raw_spin_unlock(*lock);
}

#define guard(_kind)			host_guard_##_kind
#define host_guard(_begin, _end, _lock)					\
	typeof(_lock) __UNIQUE_ID(guard) __attribute__((__cleanup__(_end), __unused__)) = \
		({ typeof(_lock) __lock = (_lock); _begin(__lock); __lock; })
#define host_guard_raw_spinlock_irqsave(_lock)				\
	host_guard(raw_spin_lock, host_unlock_raw_spinlock_irqsave, _lock)

static inline long atomic_long_read(const atomic_long_t *v)
{
	return v->counter;
}

static inline void atomic_long_add(long n, atomic_long_t *v)
{
	v->counter += n;
}

#undef clear_bit
#define atomic64_or(_bits, _v)		((void)((_v)->counter |= (_bits)))
#define xchg(_p, _new)			__sync_lock_test_and_set(_p, _new)

#define test_and_set_bit		__test_and_set_bit
#define test_and_clear_bit		__test_and_clear_bit
#define clear_bit			__clear_bit

static inline u64 div_u64(u64 dividend, u32 divisor)
{
	return dividend / divisor;
}

static inline u64 ror64(u64 word, unsigned int shift)
{
	return word >> (shift & 63) | word << (-shift & 63);
}

static inline u64 rol64(u64 word, unsigned int shift)
{
	return word << (shift & 63) | word >> (-shift & 63);
}

#define struct_size_t(_type, _member, _n) struct_size((_type *)NULL, _member, _n)

/* The CPU */

#define RDRAND_RETRY_LOOPS		10
#define boot_cpu_has(_feature)		true

#include <asm/msr-index.h>

/* Strings */

#define memzero_explicit(_start, _size)	memset(_start, 0, _size)

ssize_t strscpy(char *dst, const char *src, size_t size);
void *memchr_inv(const void *start, int c, size_t bytes);
unsigned long long memparse(const char *text, char **end);
int kstrtou64(const char *text, unsigned int base, u64 *value);

/* Memory: see memory.c */

#define PAGE_SHIFT			12
#define PAGE_SIZE			(1UL << PAGE_SHIFT)
#define PAGE_MASK			(~(PAGE_SIZE - 1))
#define PAGE_ALIGN_DOWN(_size)		ALIGN_DOWN(_size, PAGE_SIZE)
#define offset_in_page(_addr)		((unsigned long)(_addr) & ~PAGE_MASK)
#define PAGE_ALIGN(_size)		ALIGN(_size, PAGE_SIZE)
#define PAGE_ALIGNED(_addr)		IS_ALIGNED((unsigned long)(_addr), PAGE_SIZE)
#define MAX_PAGE_ORDER			10

#define GFP_KERNEL			0x01U
#define GFP_ATOMIC			0x02U
#define __GFP_ZERO			0x04U
#define __GFP_NOWARN			0x08U
#define __GFP_NORETRY			0x10U
#define __GFP_RETRY_MAYFAIL		0x20U
#define GFP_KERNEL_ACCOUNT		GFP_KERNEL

enum pg_level { PG_LEVEL_4K = 1, PG_LEVEL_2M, PG_LEVEL_1G };

struct page;

struct page *alloc_pages(gfp_t gfp, unsigned int order);
void split_page(struct page *block, unsigned int order);
void get_page(struct page *page);
void put_page(struct page *page);
void __free_pages(struct page *block, unsigned int order);
int page_count(const struct page *page);

struct page *pfn_to_page(unsigned long pfn);
unsigned long page_to_pfn(const struct page *page);
void *page_address(const struct page *page);
void *phys_to_virt(phys_addr_t pa);
phys_addr_t virt_to_phys(const void *addr);
unsigned long vmalloc_to_pfn(const void *addr);
phys_addr_t slow_virt_to_phys(void *addr);

#define alloc_page(_gfp)		alloc_pages(_gfp, 0)
#define __free_page(_page)		__free_pages(_page, 0)
#define phys_to_page(_pa)		pfn_to_page(PHYS_PFN(_pa))
#define page_to_phys(_page)		PFN_PHYS(page_to_pfn(_page))

void *kmalloc(size_t size, gfp_t gfp);
void kfree(const void *object);
void *__vmalloc(size_t size, gfp_t gfp);
void *vcalloc(size_t n, size_t size);
void vfree(const void *area);

#define kzalloc(_size, _gfp)		kmalloc(_size, (_gfp) | __GFP_ZERO)
#define kzalloc_obj(_object, ...)	((typeof(&(_object)))kzalloc(sizeof(_object), GFP_KERNEL))
#define vmalloc(_size)			__vmalloc(_size, GFP_KERNEL)
#define vzalloc(_size)			vcalloc(1, _size)

extern unsigned long max_pfn;
unsigned long totalram_pages(void);

/* One zone, nothing of which is at hand of a CPU */
struct zone {
	struct host_pageset { int count; } *per_cpu_pageset;
};

extern struct zone host_zone;
unsigned long host_free_pages(void);
#define for_each_populated_zone(_zone)	for ((_zone) = &host_zone; (_zone); (_zone) = NULL)
#define zone_page_state_snapshot(_zone, _item) host_free_pages()
#define per_cpu_ptr(_pointer, _cpu)	(_pointer)

/* The knobs of the kernel's fault injection, which are files in debugfs */
struct dentry;
struct inode { void *i_private; };
struct dentry *debugfs_lookup(const char *name, struct dentry *dir);
struct inode *d_inode(struct dentry *dentry);
#define dput(_dentry)			((void)(_dentry))

#endif /* _TDX_HOST_KERNEL_H */
