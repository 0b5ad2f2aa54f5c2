// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the SEAMCALL layer: the three assembly entry points, the
 * retry when the module runs out of entropy, and the mapping to errno.
 */
#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/irqflags.h>
#include <linux/smp.h>
#include <linux/sprintf.h>
#include <linux/stop_machine.h>
#include <asm/asm.h>
#include <asm/tdx.h>

#include "../seamcall_internal.h"
#include "../tdx.h"
#include "fixture.h"

/* A leaf that the module does not have, with all that RAX can hold */
#define ANY_LEAF	(BIT_ULL(63) | (0x5aULL << TDX_VERSION_SHIFT) | 0xbeef)
#define ANY_STATUS	0x8765432112345678ULL

/* The status that a module returns for @status, and what is made of it */
struct status_case {
	const char *name;
	u64 status;
	int err;
};

static const struct status_case status_cases[] = {
	{ "success",			TDX_SUCCESS,			0 },
	{ "no module",			TDX_SEAMCALL_VMFAILINVALID,	-ENODEV },
	{ "general protection",		TDX_SEAMCALL_GP,		-EOPNOTSUPP },
	{ "invalid opcode",		TDX_SEAMCALL_UD,		-EACCES },
	{ "out of entropy",		TDX_RND_NO_ENTROPY,		-EIO },
	{ "interrupted",		TDX_INTERRUPTED_RESUMABLE,	-EIO },
	{ "busy",			TDX_SYS_BUSY,			-EIO },
	{ "invalid operand",		TDX_OPERAND_INVALID | 1,	-EIO },
	{ "informational",		TDX_KEY_CONFIGURED,		-EIO },
};

KUNIT_ARRAY_PARAM_DESC(status, status_cases, name);

/* RCX, RDX, R8 to R11: the registers that every entry point passes */
static void copy_common_regs(struct tdx_module_args *to, const struct tdx_module_args *from)
{
	to->rcx = from->rcx;
	to->rdx = from->rdx;
	to->r8  = from->r8;
	to->r9  = from->r9;
	to->r10 = from->r10;
	to->r11 = from->r11;
}

/* What the module saw of the last call, and what it is to answer */
struct exchange {
	bool all_regs;
	struct tdx_module_args *args;	/* of the caller, if to be changed behind its back */
	u64 leaf;
	u8 version;
	unsigned int nr_calls;
	struct tdx_module_args in;
	struct tdx_module_args out;
	u64 status;
};

static bool exchange_registers(struct tdx_mock *mock, struct tdx_mock_call *call, u64 *status)
{
	struct exchange *exchange = tdx_mock_hook_data(mock);

	exchange->leaf = call->leaf;
	exchange->version = call->version;
	exchange->nr_calls++;
	exchange->in = *call->args;
	if (exchange->all_regs)
		*call->args = exchange->out;
	else
		copy_common_regs(call->args, &exchange->out);
	if (exchange->args)
		*exchange->args = exchange->out;
	*status = exchange->status;
	return true;
}

/* Every register is different from every other, and from those of @seed + 1 */
static struct tdx_module_args distinct_registers(u64 seed)
{
	struct tdx_module_args args;
	u64 *regs = (u64 *)&args;

	args.version = 0;
	for (unsigned int i = 0; i < offsetof(struct tdx_module_args, version) / sizeof(*regs); i++)
		regs[i] = (seed << 56) | (0x0102030405ULL * (i + 1));

	return args;
}

static struct exchange *start_exchange(struct kunit *test, bool all_regs)
{
	struct exchange *exchange = kunit_kzalloc(test, sizeof(*exchange), GFP_KERNEL);
	struct tdx_mock *mock = tdx_test_mock(test, "on");

	KUNIT_ASSERT_NOT_NULL(test, exchange);
	exchange->all_regs = all_regs;
	exchange->out = distinct_registers(2);
	exchange->status = ANY_STATUS;
	tdx_mock_set_hook(mock, exchange_registers, exchange);
	return exchange;
}

static void expect_one_call(struct kunit *test, const struct exchange *exchange)
{
	KUNIT_EXPECT_EQ(test, exchange->nr_calls, 1);
	KUNIT_EXPECT_EQ(test, exchange->leaf, BIT_ULL(63) | 0xbeef);
	KUNIT_EXPECT_EQ(test, exchange->version, 0x5a);
}

/* Registers that an entry point does not pass may hold anything */
static void expect_common_regs_passed(struct kunit *test, const struct exchange *exchange,
				      const struct tdx_module_args *args)
{
	struct tdx_module_args passed = exchange->in;

	copy_common_regs(&passed, args);
	KUNIT_EXPECT_MEMEQ(test, &passed, &exchange->in, sizeof(passed));
}

static void seamcall_passes_inputs_only(struct kunit *test)
{
	struct exchange *exchange = start_exchange(test, false);
	const struct tdx_module_args before = distinct_registers(1);
	struct tdx_module_args args = before;

	KUNIT_EXPECT_EQ(test, __seamcall(ANY_LEAF, &args), ANY_STATUS);

	expect_one_call(test, exchange);
	expect_common_regs_passed(test, exchange, &before);
	KUNIT_EXPECT_MEMEQ(test, &args, &before, sizeof(args));
}

static void seamcall_ret_passes_outputs(struct kunit *test)
{
	struct exchange *exchange = start_exchange(test, false);
	const struct tdx_module_args before = distinct_registers(1);
	struct tdx_module_args after = before;
	struct tdx_module_args args = before;

	KUNIT_EXPECT_EQ(test, __seamcall_ret(ANY_LEAF, &args), ANY_STATUS);

	expect_one_call(test, exchange);
	expect_common_regs_passed(test, exchange, &before);
	copy_common_regs(&after, &exchange->out);
	KUNIT_EXPECT_MEMEQ(test, &args, &after, sizeof(args));
}

static void seamcall_saved_ret_passes_all_registers(struct kunit *test)
{
	struct exchange *exchange = start_exchange(test, true);
	const struct tdx_module_args before = distinct_registers(1);
	struct tdx_module_args args = before;

	KUNIT_EXPECT_EQ(test, __seamcall_saved_ret(ANY_LEAF, &args), ANY_STATUS);

	expect_one_call(test, exchange);
	KUNIT_EXPECT_MEMEQ(test, &exchange->in, &before, sizeof(before));
	KUNIT_EXPECT_MEMEQ(test, &args, &exchange->out, sizeof(args));
}

/* The version goes to the module, and stays in the arguments */
static void seamcall_passes_version(struct kunit *test)
{
	struct exchange *exchange = start_exchange(test, false);
	struct tdx_module_args args = { .version = 3 };

	exchange->status = TDX_SUCCESS;

	KUNIT_EXPECT_EQ(test, seamcall(TDH_VP_INIT, &args), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, exchange->leaf, TDH_VP_INIT);
	KUNIT_EXPECT_EQ(test, exchange->version, 3);
	KUNIT_EXPECT_EQ(test, seamcall_ret(TDH_VP_INIT, &args), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, exchange->version, 3);
	KUNIT_EXPECT_EQ(test, seamcall_saved_ret(TDH_VP_INIT, &args), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, exchange->version, 3);
	KUNIT_EXPECT_EQ(test, args.version, 3);

	args.version = 0;
	KUNIT_EXPECT_EQ(test, seamcall(TDH_VP_INIT, &args), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, exchange->leaf, TDH_VP_INIT);
	KUNIT_EXPECT_EQ(test, exchange->version, 0);
}

/* A TD may leave anything in the registers that C code expects to be kept */
static void seamcall_saved_ret_keeps_callee_saved_regs(struct kunit *test)
{
	struct exchange *exchange = start_exchange(test, true);
	struct tdx_module_args args = distinct_registers(1);
	u64 fn = ANY_LEAF;
	void *ptr = &args;
	u64 changed;

	/* The differences of all five, or-ed together */
	asm volatile("mov $0x1b, %%ebx\n\t"
		     "mov $0x12, %%r12d\n\t"
		     "mov $0x13, %%r13d\n\t"
		     "mov $0x14, %%r14d\n\t"
		     "mov $0x15, %%r15d\n\t"
		     "call __seamcall_saved_ret\n\t"
		     "xor %%edx, %%edx\n\t"
		     "sub $0x1b, %%rbx\n\t"
		     "or %%rbx, %%rdx\n\t"
		     "sub $0x12, %%r12\n\t"
		     "or %%r12, %%rdx\n\t"
		     "sub $0x13, %%r13\n\t"
		     "or %%r13, %%rdx\n\t"
		     "sub $0x14, %%r14\n\t"
		     "or %%r14, %%rdx\n\t"
		     "sub $0x15, %%r15\n\t"
		     "or %%r15, %%rdx\n\t"
		     : "=&d" (changed), "+D" (fn), "+S" (ptr), ASM_CALL_CONSTRAINT
		     :
		     : "rax", "rbx", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
		       "r15", "cc", "memory");

	KUNIT_EXPECT_EQ(test, exchange->nr_calls, 1);
	KUNIT_EXPECT_EQ(test, changed, 0);
}

/*
 * Nothing has come back from the module: no output is to be believed.  Registers
 * hold what the caller has put there, so that storing them would not show, were it
 * not for the changes to the arguments in memory meanwhile.
 */
static void failed_seamcall_leaves_args_alone(struct kunit *test)
{
	static const u64 failures[] = {
		TDX_SEAMCALL_VMFAILINVALID, TDX_SEAMCALL_GP, TDX_SEAMCALL_UD,
	};
	struct exchange *exchange = start_exchange(test, true);
	u64 (*const seamcalls[])(u64 fn, struct tdx_module_args *args) = {
		__seamcall, __seamcall_ret, __seamcall_saved_ret,
	};
	struct tdx_module_args args;

	exchange->args = &args;
	for (unsigned int i = 0; i < ARRAY_SIZE(failures); i++) {
		exchange->status = failures[i];
		for (unsigned int n = 0; n < ARRAY_SIZE(seamcalls); n++) {
			args = distinct_registers(1);
			KUNIT_EXPECT_EQ(test, seamcalls[n](ANY_LEAF, &args), failures[i]);
			KUNIT_EXPECT_MEMEQ(test, &args, &exchange->out, sizeof(args));
		}
	}
	KUNIT_EXPECT_EQ(test, exchange->nr_calls, ARRAY_SIZE(failures) * ARRAY_SIZE(seamcalls));
}

static void seamcall_works_with_irqs_off(struct kunit *test)
{
	struct exchange *exchange = start_exchange(test, false);
	struct tdx_module_args args = {};
	unsigned long flags;
	bool stayed_off;
	u64 status;

	local_irq_save(flags);
	status = __seamcall(ANY_LEAF, &args);
	stayed_off = irqs_disabled();
	local_irq_restore(flags);
	KUNIT_EXPECT_EQ(test, status, ANY_STATUS);
	KUNIT_EXPECT_TRUE(test, stayed_off);
	KUNIT_EXPECT_FALSE(test, irqs_disabled());
	KUNIT_EXPECT_EQ(test, exchange->nr_calls, 1);
}

static int seamcall_in_stop_machine(void *nr_ok)
{
	struct tdx_module_args args = {};

	if (__seamcall_ret(ANY_LEAF, &args) == ANY_STATUS)
		atomic_inc(nr_ok);
	return 0;
}

static void seamcall_in_ipi(void *nr_ok)
{
	seamcall_in_stop_machine(nr_ok);
}

/* As the runtime update does, and the setup of KeyIDs */
static void seamcall_works_on_all_cpus(struct kunit *test)
{
	atomic_t nr_ok = ATOMIC_INIT(0);

	start_exchange(test, false);
	KUNIT_EXPECT_EQ(test, stop_machine(seamcall_in_stop_machine, &nr_ok, cpu_online_mask), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_ok), num_online_cpus());
	on_each_cpu(seamcall_in_ipi, &nr_ok, 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_ok), 2 * num_online_cpus());
}

/* kexec flushes the caches of the CPUs that have let the module dirty them */
static void seamcall_marks_cache_incoherent(struct kunit *test)
{
	struct tdx_module_args args = {};

	start_exchange(test, false);
	migrate_disable();
	this_cpu_write(cache_state_incoherent, false);
	seamcall(ANY_LEAF, &args);
	KUNIT_EXPECT_TRUE(test, this_cpu_read(cache_state_incoherent));
	migrate_enable();
}

static void seamcall_retries_until_there_is_entropy(struct kunit *test)
{
	struct tdx_module_args args = {};
	struct tdx_mock *mock;
	char options[64];

	snprintf(options, sizeof(options), "fault=TDH.SYS.INIT:1:RND_NO_ENTROPY:%d",
		 RDRAND_RETRY_LOOPS - 1);
	mock = tdx_test_mock(test, options);
	KUNIT_EXPECT_EQ(test, seamcall(TDH_SYS_INIT, &args), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(mock, TDH_SYS_INIT), RDRAND_RETRY_LOOPS);
}

static void seamcall_gives_up_without_entropy(struct kunit *test)
{
	struct tdx_mock *mock = tdx_test_mock(test, "fault=TDH.SYS.INIT:1:RND_NO_ENTROPY:1000");
	struct tdx_module_args args = {};

	KUNIT_EXPECT_EQ(test, seamcall(TDH_SYS_INIT, &args), TDX_RND_NO_ENTROPY);
	KUNIT_EXPECT_EQ(test, tdx_mock_nr_calls(mock, TDH_SYS_INIT), RDRAND_RETRY_LOOPS);
}

static void seamcall_maps_status_to_errno(struct kunit *test)
{
	const struct status_case *param = test->param_value;
	struct exchange *exchange = start_exchange(test, false);
	unsigned int calls = param->status == TDX_RND_NO_ENTROPY ? RDRAND_RETRY_LOOPS : 1;
	struct tdx_module_args args = {};

	exchange->status = param->status;
	KUNIT_EXPECT_EQ(test, seamcall_prerr(ANY_LEAF, &args), param->err);
	KUNIT_EXPECT_EQ(test, exchange->nr_calls, calls);
	KUNIT_EXPECT_EQ(test, seamcall_prerr_ret(ANY_LEAF, &args), param->err);
	KUNIT_EXPECT_EQ(test, exchange->nr_calls, 2 * calls);
}

static void seamcall_saved_ret_retries(struct kunit *test)
{
	struct exchange *exchange = start_exchange(test, true);
	struct tdx_module_args args = {};

	exchange->status = TDX_RND_NO_ENTROPY;
	KUNIT_EXPECT_EQ(test, seamcall_saved_ret(ANY_LEAF, &args), TDX_RND_NO_ENTROPY);
	KUNIT_EXPECT_EQ(test, exchange->nr_calls, RDRAND_RETRY_LOOPS);
}

static struct kunit_case seamcall_cases[] = {
	KUNIT_CASE(seamcall_passes_inputs_only),
	KUNIT_CASE(seamcall_ret_passes_outputs),
	KUNIT_CASE(seamcall_saved_ret_passes_all_registers),
	KUNIT_CASE(seamcall_passes_version),
	KUNIT_CASE(seamcall_saved_ret_keeps_callee_saved_regs),
	KUNIT_CASE(failed_seamcall_leaves_args_alone),
	KUNIT_CASE(seamcall_works_with_irqs_off),
	KUNIT_CASE(seamcall_works_on_all_cpus),
	KUNIT_CASE(seamcall_marks_cache_incoherent),
	KUNIT_CASE(seamcall_retries_until_there_is_entropy),
	KUNIT_CASE(seamcall_gives_up_without_entropy),
	KUNIT_CASE_PARAM(seamcall_maps_status_to_errno, status_gen_params),
	KUNIT_CASE(seamcall_saved_ret_retries),
	{}
};

static struct kunit_suite seamcall_suite = {
	.name = "tdx_seamcall",
	.test_cases = seamcall_cases,
};

kunit_test_suite(seamcall_suite);
