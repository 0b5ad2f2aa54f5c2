// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of TDs on the mock TDX module: that the SEAMCALL wrappers make and
 * end a TD, and that the module refuses what a TDX module refuses.
 */
#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/sprintf.h>
#include <linux/string.h>
#include <asm/posted_intr.h>
#include <asm/tdx.h>
#include <asm/vmx.h>

#include "../mock/guest.h"
#include "../mock/td.h"
#include "../tdx.h"
#include "fixture.h"

#define GPA_SCRIPT	0x40000000ULL
#define GPA_DATA	(GPA_SCRIPT | PAGE_SIZE)
/* Nothing is there, but its entry in the secure EPT can be */
#define GPA_NOTHING	(GPA_SCRIPT + 2 * PAGE_SIZE)
#define GPA_SHARED	BIT_ULL(47)

/* Offsets in TD_PARAMS */
#define PARAMS_ATTRIBUTES	0
#define PARAMS_XFAM		8
#define PARAMS_MAX_VCPUS	16
#define PARAMS_EPTP_CONTROLS	24
#define PARAMS_EXEC_CONTROLS	32
#define PARAMS_TSC_FREQUENCY	40
#define PARAMS_MROWNER		128
#define PARAMS_CPUID_CONFIG	256
#define PARAMS_SIZE		1024

/* Offsets in TDREPORT_STRUCT */
#define REPORT_REPORTDATA	128
#define REPORT_ATTRIBUTES	512
#define REPORT_MRTD		528
#define REPORT_MROWNER		624

/* Fields of a TD */
#define FIELD_TSC_OFFSET	((17ULL << 56) | 10)
#define FIELD_TSC_MULTIPLIER	((17ULL << 56) | 11)

/* Fields of a vCPU: the last one is none that the host may know */
#define FIELD_PEND_NMI		((32ULL << 56) | 11)
#define FIELD_STATE_DETAILS	(BIT_ULL(63) | (17ULL << 56) | 0x100)
#define FIELD_APIC_ACCESS_ADDR	0x2014

#define STATUS(_status)		((_status) & TDX_SEAMCALL_STATUS_MASK)

/* How far a TD is built */
enum stage {
	CREATED,
	KEYED,
	TDCS_ADDED,
	INITIALIZED,
	RUNNABLE,
	BLOCKED,
	TORN_DOWN,
	NR_STAGES,
};

struct test_vcpu {
	struct tdx_vp vp;
	struct page *tdcx_pages[MOCK_NR_TDVPS_PAGES];
	struct tdx_module_args args;
};

/* A TD, and all pages that were handed over for it, the TDR not among them */
struct test_td {
	struct kunit *test;
	struct tdx_mock *mock;
	struct tdx_td td;
	struct page *tdcs_pages[MOCK_NR_TDCS_PAGES];
	u16 hkid;
	struct test_vcpu vcpu;
	struct page *script;		/* private, at GPA_SCRIPT */
	struct page *data;		/* private, at GPA_DATA */
	struct page *pages[32];
	unsigned int nr_pages;
	/* Extended error output of the last call that has one */
	u64 entry;
	u64 level_state;
};

/* Have the mock take SEAMCALLs as of another CPU, and of another package */
struct place {
	unsigned int cpu;
	unsigned int package;
};

static bool move_call(struct tdx_mock *mock, struct tdx_mock_call *call, u64 *status)
{
	const struct place *place = tdx_mock_hook_data(mock);

	call->cpu = place->cpu;
	call->package = place->package;
	return false;
}

static struct place *start_moving(struct kunit *test, struct tdx_mock *mock)
{
	struct place *place = kunit_kzalloc(test, sizeof(*place), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, place);
	tdx_mock_set_hook(mock, move_call, place);
	return place;
}

static void free_page_of_test(void *page)
{
	__free_page(page);
}

/* A page, zeroed, until the test case ends */
static struct page *new_page(struct kunit *test)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_page_of_test, page), 0);
	return page;
}

/* A page that the TD is about to get */
static struct page *td_page(struct test_td *t)
{
	struct page *page = new_page(t->test);

	KUNIT_ASSERT_LT(t->test, t->nr_pages, ARRAY_SIZE(t->pages));
	t->pages[t->nr_pages++] = page;
	return page;
}

/* A SEAMCALL for which the kernel has no wrapper, as the trap makes it */
static u64 call_module(struct tdx_mock *mock, u64 leaf, struct tdx_module_args *args)
{
	unsigned long flags;
	u64 status;

	local_irq_save(flags);
	status = tdx_mock_seamcall(mock, 0, 0, true, leaf, args);
	local_irq_restore(flags);
	return status;
}

static u64 seamcall_rcx(struct tdx_mock *mock, u64 leaf, u64 rcx)
{
	struct tdx_module_args args = { .rcx = rcx };

	return call_module(mock, leaf, &args);
}

static struct tdx_mock *ready_mock(struct kunit *test, const char *options)
{
	/* A vCPU stays associated with the CPU that it was used on */
	set_cpus_allowed_ptr(current, cpumask_of(raw_smp_processor_id()));
	return tdx_test_ready_mock(test, options);
}

static void set_default_params(void *params)
{
	*(u64 *)(params + PARAMS_ATTRIBUTES) = TDX_TD_ATTR_SEPT_VE_DISABLE;
	*(u64 *)(params + PARAMS_XFAM) = 7;
	*(u16 *)(params + PARAMS_MAX_VCPUS) = 2;
	*(u64 *)(params + PARAMS_EPTP_CONTROLS) = VMX_EPTP_MT_WB | VMX_EPTP_PWL_4;
	*(u64 *)(params + PARAMS_EXEC_CONTROLS) = BIT_ULL(2);
	*(u16 *)(params + PARAMS_TSC_FREQUENCY) = 40;
	memset(params + PARAMS_MROWNER, 0x5a, SHA384_DIGEST_SIZE);
}

static void create(struct test_td *t)
{
	t->td.tdr_page = new_page(t->test);
	t->td.tdcs_pages = t->tdcs_pages;
	KUNIT_ASSERT_EQ(t->test, tdh_mng_create(&t->td, t->hkid), TDX_SUCCESS);
}

static void add_tdcs(struct test_td *t)
{
	for (unsigned int i = 0; i < MOCK_NR_TDCS_PAGES; i++) {
		t->tdcs_pages[i] = td_page(t);
		KUNIT_ASSERT_EQ(t->test, tdh_mng_addcx(&t->td, t->tdcs_pages[i]), TDX_SUCCESS);
	}
}

static u64 init_td(struct test_td *t, struct page *params)
{
	return tdh_mng_init(&t->td, page_to_phys(params), &t->entry);
}

static void create_vcpu(struct test_td *t, struct test_vcpu *vcpu)
{
	struct tdx_vp *vp = &vcpu->vp;

	vp->tdvpr_page = td_page(t);
	vp->tdvpr_pa = page_to_phys(vp->tdvpr_page);
	vp->tdcx_pages = vcpu->tdcx_pages;
	KUNIT_ASSERT_EQ(t->test, tdh_vp_create(&t->td, vp), TDX_SUCCESS);
	for (unsigned int i = 0; i < MOCK_NR_TDVPS_PAGES; i++) {
		vp->tdcx_pages[i] = td_page(t);
		KUNIT_ASSERT_EQ(t->test, tdh_vp_addcx(vp, vp->tdcx_pages[i]), TDX_SUCCESS);
	}
}

static u64 sept_add(struct test_td *t, u64 gpa, enum pg_level level, struct page *page)
{
	return tdh_mem_sept_add(&t->td, gpa, level, page, &t->entry, &t->level_state);
}

static u64 page_add(struct test_td *t, u64 gpa, struct page *page, struct page *source)
{
	return tdh_mem_page_add(&t->td, gpa, page_to_pfn(page), source, &t->entry,
				&t->level_state);
}

static u64 page_aug(struct test_td *t, u64 gpa, struct page *page)
{
	return tdh_mem_page_aug(&t->td, gpa, PG_LEVEL_4K, page_to_pfn(page), &t->entry,
				&t->level_state);
}

static u64 range_block(struct test_td *t, u64 gpa)
{
	return tdh_mem_range_block(&t->td, gpa, PG_LEVEL_4K, &t->entry, &t->level_state);
}

static u64 page_remove(struct test_td *t, u64 gpa)
{
	return tdh_mem_page_remove(&t->td, gpa, PG_LEVEL_4K, &t->entry, &t->level_state);
}

static u64 mr_extend(struct test_td *t, u64 gpa)
{
	return tdh_mr_extend(&t->td, gpa, &t->entry, &t->level_state);
}

static u64 reclaim(struct page *page)
{
	u64 type, owner, size;

	return tdh_phymem_page_reclaim(page, &type, &owner, &size);
}

static void add_private_memory(struct test_td *t, const struct tdx_mock_step *steps,
			       unsigned int nr_steps)
{
	struct page *source = new_page(t->test);

	for (enum pg_level level = PG_LEVEL_512G; level >= PG_LEVEL_2M; level--)
		KUNIT_ASSERT_EQ(t->test,
				sept_add(t, ALIGN_DOWN(GPA_SCRIPT, 1ULL << (9 * level + 3)), level,
					 td_page(t)),
				TDX_SUCCESS);

	t->script = td_page(t);
	memcpy(page_address(source), steps, nr_steps * sizeof(*steps));
	KUNIT_ASSERT_EQ(t->test, page_add(t, GPA_SCRIPT, t->script, source), TDX_SUCCESS);

	/* A page that is measured has to have something in it */
	t->data = td_page(t);
	for (unsigned int i = 0; i < PAGE_SIZE; i++)
		((u8 *)page_address(source))[i] = i * 7 + (i >> 8);
	KUNIT_ASSERT_EQ(t->test, page_add(t, GPA_DATA, t->data, source), TDX_SUCCESS);
	for (unsigned int i = 0; i < PAGE_SIZE; i += 256)
		KUNIT_ASSERT_EQ(t->test, mr_extend(t, GPA_DATA + i), TDX_SUCCESS);
}

/* Give the KeyID of the TD back */
static void release_hkid(struct test_td *t)
{
	KUNIT_ASSERT_EQ(t->test, tdh_phymem_cache_wb(false), TDX_SUCCESS);
	KUNIT_ASSERT_EQ(t->test, tdh_mng_key_freeid(&t->td), TDX_SUCCESS);
}

static void build(struct test_td *t, enum stage stage, const struct tdx_mock_step *steps,
		  unsigned int nr_steps)
{
	struct page *params;

	create(t);
	if (stage >= KEYED)
		KUNIT_ASSERT_EQ(t->test, tdh_mng_key_config(&t->td), TDX_SUCCESS);
	if (stage >= TDCS_ADDED)
		add_tdcs(t);
	if (stage >= INITIALIZED) {
		params = new_page(t->test);
		set_default_params(page_address(params));
		KUNIT_ASSERT_EQ(t->test, init_td(t, params), TDX_SUCCESS);
		create_vcpu(t, &t->vcpu);
		KUNIT_ASSERT_EQ(t->test, tdh_vp_init(&t->vcpu.vp, GPA_SCRIPT, 0), TDX_SUCCESS);
		add_private_memory(t, steps, nr_steps);
	}
	if (stage >= RUNNABLE)
		KUNIT_ASSERT_EQ(t->test, tdh_mr_finalize(&t->td), TDX_SUCCESS);
	if (stage >= BLOCKED) {
		KUNIT_ASSERT_EQ(t->test, tdh_vp_flush(&t->vcpu.vp), TDX_SUCCESS);
		KUNIT_ASSERT_EQ(t->test, tdh_mng_vpflushdone(&t->td), TDX_SUCCESS);
	}
	if (stage >= TORN_DOWN)
		release_hkid(t);
}

static struct test_td *new_td(struct kunit *test, struct tdx_mock *mock)
{
	struct test_td *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->test = test;
	t->mock = mock;
	t->hkid = mock->global_keyid + 1;
	return t;
}

static struct test_td *build_td(struct kunit *test, enum stage stage,
				const struct tdx_mock_step *steps, unsigned int nr_steps)
{
	struct test_td *t = new_td(test, ready_mock(test, "on"));

	build(t, stage, steps, nr_steps);
	return t;
}

/* A runnable TD with a script */
#define run_td(_test, ...)						\
({									\
	const struct tdx_mock_step steps[] = { __VA_ARGS__ };		\
									\
	build_td(_test, RUNNABLE, steps, ARRAY_SIZE(steps));		\
})

/* The TD loses all pages, and nothing is left of it */
static void reclaim_all(struct test_td *t)
{
	for (unsigned int i = 0; i < t->nr_pages; i++)
		KUNIT_EXPECT_EQ(t->test, reclaim(t->pages[i]), TDX_SUCCESS);
	t->nr_pages = 0;
	KUNIT_EXPECT_EQ(t->test, reclaim(t->td.tdr_page), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(t->test,
			tdh_phymem_page_wbinvd_hkid(t->mock->global_keyid,
						    page_to_pfn(t->td.tdr_page)),
			TDX_SUCCESS);
}

static void expect_usage(struct kunit *test, struct tdx_mock *mock, unsigned int nr_tds,
			 unsigned int nr_vcpus, unsigned int nr_hkids)
{
	struct tdx_mock_td_usage usage;

	tdx_mock_td_usage(mock, &usage);
	KUNIT_EXPECT_EQ(test, usage.nr_tds, nr_tds);
	KUNIT_EXPECT_EQ(test, usage.nr_vcpus, nr_vcpus);
	KUNIT_EXPECT_EQ(test, usage.nr_hkids, nr_hkids);
}

static u64 enter(struct test_td *t)
{
	u64 status;

	preempt_disable();
	status = tdh_vp_enter(&t->vcpu.vp, &t->vcpu.args);
	preempt_enable();
	return status;
}

static void expect_done(struct test_td *t, u64 value)
{
	const struct tdx_module_args *args = &t->vcpu.args;

	KUNIT_EXPECT_EQ(t->test, enter(t), EXIT_REASON_TDCALL);
	KUNIT_EXPECT_EQ(t->test, args->r10, 0);
	KUNIT_EXPECT_EQ(t->test, args->r11, EXIT_REASON_IO_INSTRUCTION);
	KUNIT_EXPECT_EQ(t->test, args->r12, 4);
	KUNIT_EXPECT_EQ(t->test, args->r13, 1);
	KUNIT_EXPECT_EQ(t->test, args->r14, TDX_MOCK_DONE_PORT);
	KUNIT_EXPECT_EQ(t->test, args->r15, value);
}

static void expect_triple_fault(struct test_td *t)
{
	KUNIT_EXPECT_EQ(t->test, enter(t), TDX_NON_RECOVERABLE_VCPU | EXIT_REASON_TRIPLE_FAULT);
	KUNIT_EXPECT_EQ(t->test, STATUS(enter(t)), MOCK_VCPU_STATE_INCORRECT);
}

static void expect_ept_violation(struct test_td *t, u64 gpa, u64 qualification, u64 extended)
{
	KUNIT_EXPECT_EQ(t->test, enter(t), EXIT_REASON_EPT_VIOLATION);
	KUNIT_EXPECT_EQ(t->test, t->vcpu.args.rcx, qualification);
	KUNIT_EXPECT_EQ(t->test, t->vcpu.args.rdx, extended);
	KUNIT_EXPECT_EQ(t->test, t->vcpu.args.r8, gpa);
}

/* The last breach in the ledger, of which there are to be @nr */
static void expect_breaches(struct test_td *t, unsigned int nr, enum tdx_mock_breach_kind kind,
			    struct page *page)
{
	struct tdx_mock_breach breaches[TDX_MOCK_MAX_BREACHES] = {};
	unsigned int found = tdx_mock_ledger_audit(t->mock, breaches, ARRAY_SIZE(breaches));

	KUNIT_ASSERT_EQ(t->test, found, nr);
	KUNIT_EXPECT_EQ(t->test, breaches[nr - 1].kind, kind);
	KUNIT_EXPECT_EQ(t->test, breaches[nr - 1].pa, page_to_phys(page));
}

static void td_lives_and_dies(struct kunit *test)
{
	struct test_td *t = run_td(test, { TDX_MOCK_DONE, .arg = { 0x1234 } });

	expect_usage(test, t->mock, 1, 1, 1);
	expect_done(t, 0x1234);
	expect_done(t, 0x1234);

	KUNIT_EXPECT_EQ(test, tdh_vp_flush(&t->vcpu.vp), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, tdh_mng_vpflushdone(&t->td), TDX_SUCCESS);
	release_hkid(t);
	reclaim_all(t);
	expect_usage(test, t->mock, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, tdx_mock_pages_owned(t->mock), 0);
	tdx_test_expect_clean_ledger(test, t->mock);
}

/*
 * SHA-384, computed elsewhere, of: a record "MEM.PAGE.ADD" for each of the two
 * pages, then 16 times a record "MR.EXTEND" and 256 bytes of the second one.
 */
static const u8 expected_mrtd[SHA384_DIGEST_SIZE] = {
	0x4f, 0xb3, 0x00, 0x00, 0xb7, 0x27, 0x7d, 0xb5,
	0x52, 0x43, 0x84, 0x8f, 0x16, 0xe0, 0x12, 0xbd,
	0xa0, 0x42, 0x7c, 0x37, 0x8d, 0x7a, 0x3b, 0x35,
	0xa3, 0xcb, 0x80, 0x99, 0x7a, 0x69, 0x03, 0x60,
	0x3d, 0x8e, 0x3f, 0xf9, 0x34, 0x56, 0x48, 0xb7,
	0x4f, 0xae, 0x25, 0x86, 0x6c, 0x29, 0xd7, 0xf9,
};

static void td_is_measured(struct kunit *test)
{
	struct test_td *t = run_td(test,
				   { TDX_MOCK_REPORT, .arg = { GPA_DATA, 1, 2, 3, 4 } },
				   { TDX_MOCK_DONE });
	const u64 reportdata[8] = { 1, 2, 3, 4 };
	u8 mrowner[SHA384_DIGEST_SIZE];
	const void *report;

	memset(mrowner, 0x5a, sizeof(mrowner));
	expect_done(t, 0);

	report = page_address(t->data);
	KUNIT_EXPECT_MEMEQ(test, report + REPORT_MRTD, expected_mrtd, sizeof(expected_mrtd));
	KUNIT_EXPECT_MEMEQ(test, report + REPORT_MROWNER, mrowner, sizeof(mrowner));
	KUNIT_EXPECT_MEMEQ(test, report + REPORT_REPORTDATA, reportdata, sizeof(reportdata));
	KUNIT_EXPECT_EQ(test, *(u64 *)(report + REPORT_ATTRIBUTES), TDX_TD_ATTR_SEPT_VE_DISABLE);
}

/* The status for an operand, or a field of TD_PARAMS, that is not valid */
#define INVALID(_id)	(TDX_OPERAND_INVALID | (_id))

/* A TD_PARAMS with 8 bytes changed */
struct params_case {
	const char *name;
	unsigned int offset;
	u64 value;
	u64 status;
};

static const struct params_case params_cases[] = {
	{ "debug",		PARAMS_ATTRIBUTES,	TDX_TD_ATTR_DEBUG,	TDX_SUCCESS },
	{ "perfmon",		PARAMS_ATTRIBUTES,	TDX_TD_ATTR_PERFMON,	INVALID(64) },
	{ "no SSE",		PARAMS_XFAM,		1,			INVALID(65) },
	{ "PKRU",		PARAMS_XFAM,		0x203,			INVALID(65) },
	{ "half of AVX-512",	PARAMS_XFAM,		0x27,			INVALID(65) },
	{ "AVX-512, no AVX",	PARAMS_XFAM,		0xe3,			INVALID(65) },
	{ "AVX-512",		PARAMS_XFAM,		0xe7,			TDX_SUCCESS },
	{ "no vCPU",		PARAMS_MAX_VCPUS,	0,			INVALID(68) },
	{ "too many vCPUs",	PARAMS_MAX_VCPUS,	65,			INVALID(68) },
	{ "reserved 0",		PARAMS_MAX_VCPUS,	BIT_ULL(63) | 1,	INVALID(2) },
	{ "uncached EPT",	PARAMS_EPTP_CONTROLS,	VMX_EPTP_PWL_4,		INVALID(67) },
	{ "EPT of 3 levels",	PARAMS_EPTP_CONTROLS,	0x16,			INVALID(67) },
	{ "EPT of 5 levels",	PARAMS_EPTP_CONTROLS,	0x26,			TDX_SUCCESS },
	{ "52 bits, 4 levels",	PARAMS_EXEC_CONTROLS,	BIT_ULL(0),		INVALID(67) },
	{ "unknown control",	PARAMS_EXEC_CONTROLS,	BIT_ULL(3),		INVALID(66) },
	{ "slow TSC",		PARAMS_TSC_FREQUENCY,	3,			INVALID(70) },
	{ "fast TSC",		PARAMS_TSC_FREQUENCY,	401,			INVALID(70) },
	{ "reserved 1",		PARAMS_TSC_FREQUENCY + 32, 1,			INVALID(2) },
	{ "reserved 2",		PARAMS_CPUID_CONFIG - 8, 1,			INVALID(2) },
	{ "CPUID EAX",		PARAMS_CPUID_CONFIG,	48 << 16,		INVALID(69) },
	{ "WBNOINVD",		PARAMS_CPUID_CONFIG,	BIT_ULL(32 + 9),	TDX_SUCCESS },
	{ "CPUID EDX",		PARAMS_CPUID_CONFIG + 8, BIT_ULL(63),		INVALID(69) },
	{ "reserved 3",		PARAMS_SIZE - 8,	1,			INVALID(2) },
};

KUNIT_ARRAY_PARAM_DESC(params, params_cases, name);

static void td_params_are_checked(struct kunit *test)
{
	const struct params_case *param = test->param_value;
	struct test_td *t = build_td(test, TDCS_ADDED, NULL, 0);
	struct page *params = new_page(test);
	u64 unaligned_pa = page_to_phys(params) + PARAMS_SIZE / 2;

	set_default_params(page_address(params));
	*(u64 *)(page_address(params) + param->offset) = param->value;
	KUNIT_EXPECT_EQ(test, init_td(t, params), param->status);
	KUNIT_EXPECT_EQ(test, t->entry,
			param->status == INVALID(69) ? 0x80000008 : 0);

	/* A TD that was refused can still be initialized */
	if (param->status) {
		KUNIT_EXPECT_EQ(test, tdh_mng_init(&t->td, unaligned_pa, &t->entry), INVALID(2));
		set_default_params(memset(page_address(params), 0, PAGE_SIZE));
		KUNIT_EXPECT_EQ(test, init_td(t, params), TDX_SUCCESS);
	}
	KUNIT_EXPECT_EQ(test, STATUS(init_td(t, params)), MOCK_OP_STATE_INCORRECT);
}

/* With 5 levels the shared bit is bit 51, or 47 as before */
static void td_has_5_levels(struct kunit *test)
{
	struct test_td *t = build_td(test, TDCS_ADDED, NULL, 0);
	struct page *params = new_page(test);

	set_default_params(page_address(params));
	*(u64 *)(page_address(params) + PARAMS_EPTP_CONTROLS) = VMX_EPTP_MT_WB | VMX_EPTP_PWL_5;
	*(u64 *)(page_address(params) + PARAMS_EXEC_CONTROLS) = BIT_ULL(0);
	KUNIT_ASSERT_EQ(test, init_td(t, params), TDX_SUCCESS);

	KUNIT_EXPECT_EQ(test, STATUS(sept_add(t, BIT_ULL(51), PG_LEVEL_256T, td_page(t))),
			TDX_OPERAND_INVALID);
	KUNIT_EXPECT_EQ(test, sept_add(t, BIT_ULL(50), PG_LEVEL_256T, td_page(t)), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, sept_add(t, BIT_ULL(50), PG_LEVEL_512G, td_page(t)), TDX_SUCCESS);
}

/* A leaf, the stages after which it may be called, and what it answers after the others */
struct leaf_case {
	const char *name;
	u64 (*call)(struct test_td *t);
	unsigned int stages;
	const u64 *status;
};

static const u64 lifecycle_status[NR_STAGES] = {
	[0 ... NR_STAGES - 1]	= MOCK_LIFECYCLE_STATE_INCORRECT,
};

static const u64 op_state_status[NR_STAGES] = {
	[CREATED]		= MOCK_TD_KEYS_NOT_CONFIGURED,
	[KEYED]			= MOCK_TDCS_NOT_ALLOCATED,
	[TDCS_ADDED ... RUNNABLE] = MOCK_OP_STATE_INCORRECT,
	[BLOCKED ... TORN_DOWN]	= MOCK_TD_KEYS_NOT_CONFIGURED,
};

static const u64 addcx_status[NR_STAGES] = {
	[CREATED]		= MOCK_TD_KEYS_NOT_CONFIGURED,
	[TDCS_ADDED ... RUNNABLE] = MOCK_TDCX_NUM_INCORRECT,
	[BLOCKED ... TORN_DOWN]	= MOCK_TD_KEYS_NOT_CONFIGURED,
};

static u64 call_key_config(struct test_td *t)
{
	return tdh_mng_key_config(&t->td);
}

static u64 call_mng_addcx(struct test_td *t)
{
	return tdh_mng_addcx(&t->td, td_page(t));
}

static u64 call_mng_init(struct test_td *t)
{
	struct page *params = new_page(t->test);

	set_default_params(page_address(params));
	return init_td(t, params);
}

static u64 call_mng_rd(struct test_td *t)
{
	u64 value;

	return tdh_mng_rd(&t->td, FIELD_TSC_OFFSET, &value);
}

static u64 call_vp_create(struct test_td *t)
{
	struct tdx_vp vp = { .tdvpr_page = td_page(t) };

	vp.tdvpr_pa = page_to_phys(vp.tdvpr_page);
	return tdh_vp_create(&t->td, &vp);
}

static u64 call_sept_add(struct test_td *t)
{
	return sept_add(t, 0, PG_LEVEL_1G, td_page(t));
}

static u64 call_page_add(struct test_td *t)
{
	return page_add(t, GPA_NOTHING, td_page(t), new_page(t->test));
}

static u64 call_page_aug(struct test_td *t)
{
	return page_aug(t, GPA_NOTHING, td_page(t));
}

static u64 call_range_block(struct test_td *t)
{
	return range_block(t, GPA_DATA);
}

static u64 call_track(struct test_td *t)
{
	return tdh_mem_track(&t->td);
}

static u64 call_page_remove(struct test_td *t)
{
	u64 status = range_block(t, GPA_DATA);

	if (!status)
		status = tdh_mem_track(&t->td);
	return status ?: page_remove(t, GPA_DATA);
}

static u64 call_mr_extend(struct test_td *t)
{
	return mr_extend(t, GPA_DATA);
}

static u64 call_mr_finalize(struct test_td *t)
{
	return tdh_mr_finalize(&t->td);
}

static u64 call_vpflushdone(struct test_td *t)
{
	if (t->vcpu.vp.tdvpr_pa)
		tdh_vp_flush(&t->vcpu.vp);
	return tdh_mng_vpflushdone(&t->td);
}

static u64 call_key_freeid(struct test_td *t)
{
	tdh_phymem_cache_wb(false);
	return tdh_mng_key_freeid(&t->td);
}

static u64 call_reclaim_tdr(struct test_td *t)
{
	for (unsigned int i = 0; i < t->nr_pages; i++)
		reclaim(t->pages[i]);
	return reclaim(t->td.tdr_page);
}

#define IN_USE		(BIT(INITIALIZED) | BIT(RUNNABLE))

static const struct leaf_case leaf_cases[] = {
	{ "MNG.KEY.CONFIG",	call_key_config,   BIT(CREATED),     lifecycle_status },
	{ "MNG.ADDCX",		call_mng_addcx,	   BIT(KEYED),	     addcx_status },
	{ "MNG.INIT",		call_mng_init,	   BIT(TDCS_ADDED),  op_state_status },
	{ "MNG.RD",		call_mng_rd,	   IN_USE,	     op_state_status },
	{ "VP.CREATE",		call_vp_create,	   BIT(INITIALIZED), op_state_status },
	{ "MEM.SEPT.ADD",	call_sept_add,	   IN_USE,	     op_state_status },
	{ "MEM.PAGE.ADD",	call_page_add,	   BIT(INITIALIZED), op_state_status },
	{ "MEM.PAGE.AUG",	call_page_aug,	   BIT(RUNNABLE),    op_state_status },
	{ "MEM.RANGE.BLOCK",	call_range_block,  IN_USE,	     op_state_status },
	{ "MEM.TRACK",		call_track,	   IN_USE,	     op_state_status },
	{ "MEM.PAGE.REMOVE",	call_page_remove,  IN_USE,	     op_state_status },
	{ "MR.EXTEND",		call_mr_extend,	   BIT(INITIALIZED), op_state_status },
	{ "MR.FINALIZE",	call_mr_finalize,  BIT(INITIALIZED), op_state_status },
	{ "MNG.VPFLUSHDONE",	call_vpflushdone,  GENMASK(RUNNABLE, CREATED), lifecycle_status },
	{ "MNG.KEY.FREEID",	call_key_freeid,   BIT(BLOCKED),     lifecycle_status },
	{ "PHYMEM.PAGE.RECLAIM", call_reclaim_tdr, BIT(TORN_DOWN),   lifecycle_status },
};

KUNIT_ARRAY_PARAM_DESC(leaf, leaf_cases, name);

static void leaf_has_its_time(struct kunit *test)
{
	const struct leaf_case *param = test->param_value;
	static const struct tdx_mock_step done = { TDX_MOCK_DONE };
	struct tdx_mock *mock = ready_mock(test, "on");

	for (enum stage stage = CREATED; stage < NR_STAGES; stage++) {
		u64 expected = param->stages & BIT(stage) ? TDX_SUCCESS : param->status[stage];
		struct test_td *t = new_td(test, mock);

		t->hkid += stage;
		build(t, stage, &done, 1);
		KUNIT_EXPECT_EQ_MSG(test, STATUS(param->call(t)), expected, "stage %d", stage);
	}
	tdx_test_expect_clean_ledger(test, mock);
}

/* vCPU leaves look at the TD, too */
static void vcpu_has_its_time(struct kunit *test)
{
	static const struct tdx_mock_step done = { TDX_MOCK_DONE };
	struct test_td *t = build_td(test, INITIALIZED, &done, 1);
	struct test_vcpu *spare = kunit_kzalloc(test, sizeof(*spare), GFP_KERNEL);
	struct test_vcpu *third = kunit_kzalloc(test, sizeof(*third), GFP_KERNEL);
	u64 value;

	KUNIT_ASSERT_NOT_NULL(test, spare);
	KUNIT_ASSERT_NOT_NULL(test, third);

	/* A TD that is not finalized has no vCPU that runs */
	KUNIT_EXPECT_EQ(test, STATUS(enter(t)), MOCK_OP_STATE_INCORRECT);
	KUNIT_EXPECT_EQ(test, STATUS(tdh_vp_addcx(&t->vcpu.vp, td_page(t))),
			MOCK_VCPU_STATE_INCORRECT);
	KUNIT_EXPECT_EQ(test, STATUS(tdh_vp_init(&t->vcpu.vp, 0, 0)), MOCK_VCPU_STATE_INCORRECT);

	spare->vp.tdvpr_page = td_page(t);
	spare->vp.tdvpr_pa = page_to_phys(spare->vp.tdvpr_page);
	KUNIT_ASSERT_EQ(test, tdh_vp_create(&t->td, &spare->vp), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, STATUS(tdh_vp_init(&spare->vp, 0, 0)), MOCK_TDCX_NUM_INCORRECT);
	KUNIT_EXPECT_EQ(test, STATUS(tdh_vp_rd(&spare->vp, FIELD_PEND_NMI, &value)),
			MOCK_VCPU_STATE_INCORRECT);
	KUNIT_EXPECT_EQ(test, tdh_vp_flush(&spare->vp), TDX_VCPU_NOT_ASSOCIATED);
	for (unsigned int i = 0; i < MOCK_NR_TDVPS_PAGES; i++)
		KUNIT_ASSERT_EQ(test, tdh_vp_addcx(&spare->vp, td_page(t)), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, STATUS(tdh_vp_addcx(&spare->vp, td_page(t))),
			MOCK_TDCX_NUM_INCORRECT);
	KUNIT_EXPECT_EQ(test, tdh_vp_init(&spare->vp, GPA_SCRIPT, 1), TDX_SUCCESS);

	/* The parameters allow for two */
	create_vcpu(t, third);
	KUNIT_EXPECT_EQ(test, STATUS(tdh_vp_init(&third->vp, 0, 2)), MOCK_MAX_VCPUS_EXCEEDED);

	KUNIT_ASSERT_EQ(test, tdh_mr_finalize(&t->td), TDX_SUCCESS);
	expect_done(t, 0);
	t->vcpu.vp = third->vp;
	KUNIT_EXPECT_EQ(test, STATUS(enter(t)), MOCK_VCPU_STATE_INCORRECT);
}

static void td_without_vcpu_is_not_finalized(struct kunit *test)
{
	struct test_td *t = build_td(test, TDCS_ADDED, NULL, 0);

	KUNIT_ASSERT_EQ(test, call_mng_init(t), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, tdh_mr_finalize(&t->td), MOCK_NO_VCPUS);
}

static void expect_page(struct test_td *t, struct page *page, u8 type, u64 owner)
{
	struct tdx_module_args args = { .rcx = page_to_phys(page) };

	KUNIT_EXPECT_EQ(t->test, call_module(t->mock, TDH_PHYMEM_PAGE_RDMD, &args), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(t->test, args.rcx, type);
	KUNIT_EXPECT_EQ(t->test, args.rdx, owner);
	KUNIT_EXPECT_EQ(t->test, args.r8, TDX_PS_4K);
}

static void pages_have_types(struct kunit *test)
{
	struct test_td *t = run_td(test, { TDX_MOCK_DONE });
	u64 tdr_pa = page_to_phys(t->td.tdr_page);

	expect_page(t, t->td.tdr_page, 4, 0);
	expect_page(t, t->tdcs_pages[0], 5, tdr_pa);
	expect_page(t, t->vcpu.vp.tdvpr_page, 6, tdr_pa);
	expect_page(t, t->vcpu.tdcx_pages[0], 5, tdr_pa);
	expect_page(t, t->script, 3, tdr_pa);
	expect_page(t, t->pages[MOCK_NR_TDCS_PAGES + 1 + MOCK_NR_TDVPS_PAGES], 8, tdr_pa);
	expect_page(t, new_page(test), 0, 0);
}

/* Pages that are not what a leaf takes them for */
static void wrong_pages_are_refused(struct kunit *test)
{
	struct test_td *t = run_td(test, { TDX_MOCK_DONE });
	struct tdx_td no_td = { .tdr_page = t->vcpu.vp.tdvpr_page };
	struct tdx_vp no_vp = { .tdvpr_pa = page_to_phys(t->td.tdr_page) };
	struct page *page = new_page(test);

	KUNIT_EXPECT_EQ(test, tdh_mem_track(&no_td), TDX_PAGE_METADATA_INCORRECT | 1);
	KUNIT_EXPECT_EQ(test, tdh_mng_key_config(&no_td), TDX_PAGE_METADATA_INCORRECT | 1);
	KUNIT_EXPECT_EQ(test, tdh_mng_addcx(&no_td, page), TDX_PAGE_METADATA_INCORRECT | 2);
	KUNIT_EXPECT_EQ(test, tdh_vp_flush(&no_vp), TDX_PAGE_METADATA_INCORRECT | 1);
	KUNIT_EXPECT_EQ(test, tdh_vp_addcx(&no_vp, page), TDX_PAGE_METADATA_INCORRECT | 2);

	/* Addresses that are not aligned, and not in memory */
	no_vp.tdvpr_pa = t->vcpu.vp.tdvpr_pa | 8;
	KUNIT_EXPECT_EQ(test, tdh_vp_flush(&no_vp), INVALID(1));
	no_vp.tdvpr_pa = BIT_ULL(45);
	KUNIT_EXPECT_EQ(test, tdh_vp_flush(&no_vp), MOCK_OPERAND_ADDR_RANGE_ERROR | 1);
	KUNIT_EXPECT_EQ(test, seamcall_rcx(t->mock, TDH_PHYMEM_PAGE_RDMD, BIT_ULL(45)),
			MOCK_OPERAND_ADDR_RANGE_ERROR | 1);
	tdx_test_expect_clean_ledger(test, t->mock);

	/* A page that a TD has */
	KUNIT_EXPECT_EQ(test, page_aug(t, GPA_NOTHING, t->data), TDX_PAGE_METADATA_INCORRECT | 8);
	expect_breaches(t, 1, TDX_MOCK_PAGE_GIVEN_TWICE, t->data);
	KUNIT_EXPECT_EQ(test, tdh_mng_create(&no_td, t->hkid + 1), TDX_PAGE_METADATA_INCORRECT | 1);
	expect_breaches(t, 2, TDX_MOCK_PAGE_GIVEN_TWICE, t->vcpu.vp.tdvpr_page);
	/* The KeyID of a TD that was not created is free */
	expect_usage(test, t->mock, 1, 1, 1);
}

static void page_add_source_is_not_private(struct kunit *test)
{
	static const struct tdx_mock_step done = { TDX_MOCK_DONE };
	struct test_td *t = build_td(test, INITIALIZED, &done, 1);

	KUNIT_EXPECT_EQ(test, page_add(t, GPA_NOTHING, new_page(test), t->data),
			INVALID(9));
	tdx_test_expect_clean_ledger(test, t->mock);
}

/* Nor is a page of the module's a place for parameters */
static void td_params_are_not_private(struct kunit *test)
{
	struct test_td *t = build_td(test, TDCS_ADDED, NULL, 0);

	set_default_params(page_address(t->tdcs_pages[0]));
	KUNIT_EXPECT_EQ(test, init_td(t, t->tdcs_pages[0]), INVALID(2));
	/* And where there is no memory there are none */
	KUNIT_EXPECT_EQ(test, tdh_mng_init(&t->td, -(u64)PARAMS_SIZE, &t->entry), INVALID(2));
	expect_breaches(t, 1, TDX_MOCK_OWNED_PAGE_WRITTEN, t->tdcs_pages[0]);
}

static void td_takes_a_free_keyid(struct kunit *test)
{
	struct tdx_mock *mock = ready_mock(test, "keyids=4");
	struct test_td *a = new_td(test, mock), *b = new_td(test, mock);
	struct tdx_td td = { .tdr_page = new_page(test) };

	KUNIT_EXPECT_EQ(test, tdh_mng_create(&td, mock->global_keyid), MOCK_HKID_NOT_FREE | 2);
	KUNIT_EXPECT_EQ(test, tdh_mng_create(&td, mock->global_keyid + 4), INVALID(2));
	create(a);
	KUNIT_EXPECT_EQ(test, tdh_mng_create(&td, a->hkid), MOCK_HKID_NOT_FREE | 2);
	b->hkid++;
	create(b);
	expect_usage(test, mock, 2, 0, 2);

	/* A KeyID is in use until it is freed, whatever becomes of the TD */
	KUNIT_ASSERT_EQ(test, tdh_mng_vpflushdone(&a->td), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, tdh_mng_create(&td, a->hkid), MOCK_HKID_NOT_FREE | 2);
	release_hkid(a);
	KUNIT_EXPECT_EQ(test, tdh_mng_create(&td, a->hkid), TDX_SUCCESS);
	expect_usage(test, mock, 3, 0, 2);
}

static void keys_are_per_package(struct kunit *test)
{
	struct tdx_mock *mock = ready_mock(test, "on");
	struct place *place = start_moving(test, mock);
	struct test_td *t = new_td(test, mock);

	mock->platform.nr_packages = 2;
	create(t);
	KUNIT_EXPECT_EQ(test, tdh_mng_key_config(&t->td), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, tdh_mng_key_config(&t->td), TDX_KEY_CONFIGURED);
	KUNIT_EXPECT_EQ(test, tdh_mng_addcx(&t->td, new_page(test)), MOCK_TD_KEYS_NOT_CONFIGURED);
	place->package = 1;
	KUNIT_EXPECT_EQ(test, tdh_mng_key_config(&t->td), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, tdh_mng_addcx(&t->td, td_page(t)), TDX_SUCCESS);

	/* And so are caches */
	KUNIT_EXPECT_EQ(test, tdh_phymem_cache_wb(false), TDX_NO_HKID_READY_TO_WBCACHE);
	KUNIT_EXPECT_EQ(test, tdh_mng_vpflushdone(&t->td), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, tdh_mng_key_freeid(&t->td), MOCK_WBCACHE_NOT_COMPLETE);
	KUNIT_EXPECT_EQ(test, tdh_phymem_cache_wb(false), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, tdh_phymem_cache_wb(false), TDX_NO_HKID_READY_TO_WBCACHE);
	KUNIT_EXPECT_EQ(test, tdh_mng_key_freeid(&t->td), MOCK_WBCACHE_NOT_COMPLETE);
	place->package = 0;
	KUNIT_EXPECT_EQ(test, tdh_phymem_cache_wb(false), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, tdh_mng_key_freeid(&t->td), TDX_SUCCESS);
	reclaim_all(t);
	expect_usage(test, mock, 0, 0, 0);
}

static void cache_wb_is_interrupted(struct kunit *test)
{
	struct test_td *t = new_td(test, ready_mock(test, "wb_steps=2"));

	create(t);
	KUNIT_ASSERT_EQ(test, tdh_mng_vpflushdone(&t->td), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, tdh_phymem_cache_wb(true), MOCK_INVALID_RESUMPTION);
	KUNIT_EXPECT_EQ(test, tdh_phymem_cache_wb(false), TDX_INTERRUPTED_RESUMABLE);
	KUNIT_EXPECT_EQ(test, tdh_phymem_cache_wb(true), TDX_INTERRUPTED_RESUMABLE);
	KUNIT_EXPECT_EQ(test, tdh_mng_key_freeid(&t->td), MOCK_WBCACHE_NOT_COMPLETE);
	KUNIT_EXPECT_EQ(test, tdh_phymem_cache_wb(true), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, tdh_mng_key_freeid(&t->td), TDX_SUCCESS);
}

/* What is flushed in the middle of a write-back takes another one */
static void cache_wb_does_not_see_what_comes_later(struct kunit *test)
{
	struct tdx_mock *mock = ready_mock(test, "wb_steps=1");
	struct test_td *early = new_td(test, mock), *late = new_td(test, mock);

	late->hkid++;
	create(early);
	create(late);
	KUNIT_ASSERT_EQ(test, tdh_mng_vpflushdone(&early->td), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, tdh_phymem_cache_wb(false), TDX_INTERRUPTED_RESUMABLE);
	KUNIT_ASSERT_EQ(test, tdh_mng_vpflushdone(&late->td), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, tdh_phymem_cache_wb(true), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, tdh_mng_key_freeid(&early->td), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, tdh_mng_key_freeid(&late->td), MOCK_WBCACHE_NOT_COMPLETE);

	KUNIT_EXPECT_EQ(test, tdh_phymem_cache_wb(false), TDX_INTERRUPTED_RESUMABLE);
	KUNIT_EXPECT_EQ(test, tdh_phymem_cache_wb(true), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, tdh_mng_key_freeid(&late->td), TDX_SUCCESS);
}

static void vcpu_is_associated(struct kunit *test)
{
	struct test_td *t = run_td(test, { TDX_MOCK_DONE });
	struct place *place = start_moving(test, t->mock);
	u64 value;

	/* The CPU that has called TDH.VP.INIT has it */
	place->cpu = raw_smp_processor_id() + 1;
	KUNIT_EXPECT_EQ(test, STATUS(enter(t)), MOCK_VCPU_ASSOCIATED);
	KUNIT_EXPECT_EQ(test, STATUS(tdh_vp_rd(&t->vcpu.vp, FIELD_PEND_NMI, &value)),
			MOCK_VCPU_ASSOCIATED);
	KUNIT_EXPECT_EQ(test, STATUS(tdh_vp_wr(&t->vcpu.vp, FIELD_PEND_NMI, 1, 1)),
			MOCK_VCPU_ASSOCIATED);
	KUNIT_EXPECT_EQ(test, tdh_vp_flush(&t->vcpu.vp), TDX_VCPU_NOT_ASSOCIATED);
	KUNIT_EXPECT_EQ(test, tdh_mng_vpflushdone(&t->td), TDX_FLUSHVP_NOT_DONE);

	place->cpu--;
	KUNIT_EXPECT_EQ(test, tdh_vp_flush(&t->vcpu.vp), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, tdh_vp_flush(&t->vcpu.vp), TDX_VCPU_NOT_ASSOCIATED);

	place->cpu++;
	expect_done(t, 0);
	KUNIT_EXPECT_EQ(test, tdh_mng_vpflushdone(&t->td), TDX_FLUSHVP_NOT_DONE);
	place->cpu--;
	KUNIT_EXPECT_EQ(test, STATUS(enter(t)), MOCK_VCPU_ASSOCIATED);
	place->cpu++;
	KUNIT_EXPECT_EQ(test, tdh_vp_flush(&t->vcpu.vp), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, tdh_mng_vpflushdone(&t->td), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, STATUS(enter(t)), MOCK_TD_KEYS_NOT_CONFIGURED);
}

/* The extended error output names the entry at which it did not go on */
static void expect_entry(struct test_td *t, u64 status, u64 expected, unsigned int level,
			 enum mock_sept_state state)
{
	KUNIT_EXPECT_EQ(t->test, status, expected | 1);
	KUNIT_EXPECT_EQ(t->test, t->level_state, level | state << 8);
	KUNIT_EXPECT_EQ(t->test, !(t->entry & VMX_EPT_RWX_MASK), state != MOCK_SEPT_PRESENT);
}

static void secure_ept_is_walked(struct kunit *test)
{
	struct test_td *t = run_td(test, { TDX_MOCK_DONE });
	const u64 walk_failed = TDX_EPT_WALK_FAILED, wrong_state = TDX_EPT_ENTRY_STATE_INCORRECT;
	struct page *page = new_page(test);

	expect_entry(t, page_aug(t, BIT_ULL(46), page), walk_failed, 3, MOCK_SEPT_FREE);
	expect_entry(t, page_aug(t, 2 * GPA_SCRIPT, page), walk_failed, 2, MOCK_SEPT_FREE);
	expect_entry(t, page_aug(t, GPA_SCRIPT | SZ_2M, page), walk_failed, 1, MOCK_SEPT_FREE);
	expect_entry(t, range_block(t, 2 * GPA_SCRIPT), walk_failed, 2, MOCK_SEPT_FREE);
	expect_entry(t, sept_add(t, 2 * GPA_SCRIPT, PG_LEVEL_2M, page), walk_failed, 2,
		     MOCK_SEPT_FREE);

	expect_entry(t, page_aug(t, GPA_DATA, page), wrong_state, 0, MOCK_SEPT_PRESENT);
	KUNIT_EXPECT_EQ(test, t->entry & GENMASK_ULL(51, 12), page_to_phys(t->data));
	expect_entry(t, sept_add(t, GPA_SCRIPT, PG_LEVEL_2M, page), wrong_state, 1,
		     MOCK_SEPT_PRESENT);
	expect_entry(t, range_block(t, GPA_NOTHING), wrong_state, 0, MOCK_SEPT_FREE);
	expect_entry(t, page_remove(t, GPA_DATA), wrong_state, 0, MOCK_SEPT_PRESENT);

	/* GPAs that are shared, too wide, not aligned; a level that is not there */
	KUNIT_EXPECT_EQ(test, page_aug(t, GPA_NOTHING | GPA_SHARED, page), INVALID(1));
	KUNIT_EXPECT_EQ(test, page_aug(t, GPA_NOTHING | BIT_ULL(48), page), INVALID(1));
	KUNIT_EXPECT_EQ(test, page_aug(t, GPA_NOTHING | 8, page), INVALID(1));
	KUNIT_EXPECT_EQ(test, sept_add(t, GPA_DATA, PG_LEVEL_2M, page), INVALID(1));
	KUNIT_EXPECT_EQ(test, sept_add(t, GPA_DATA, PG_LEVEL_4K, page), INVALID(1));
	KUNIT_EXPECT_EQ(test, sept_add(t, 0, PG_LEVEL_256T, page), INVALID(1));
	KUNIT_EXPECT_EQ(test, t->entry | t->level_state, 0);

	/* None of all that has taken the page */
	KUNIT_EXPECT_EQ(test, page_aug(t, GPA_NOTHING, page), TDX_SUCCESS);
	expect_entry(t, page_aug(t, GPA_NOTHING, new_page(test)), wrong_state, 0,
		     MOCK_SEPT_PENDING);
	tdx_test_expect_clean_ledger(test, t->mock);
}

static void page_is_added_at_run_time(struct kunit *test)
{
	struct test_td *t = run_td(test,
				   { TDX_MOCK_ACCEPT, .arg = { GPA_NOTHING } },
				   { TDX_MOCK_EXPECT, .arg = { ~0ULL, 0, true } },
				   { TDX_MOCK_READ, .arg = { GPA_NOTHING } },
				   { TDX_MOCK_EXPECT, .arg = { ~0ULL, 0 } },
				   { TDX_MOCK_WRITE, .arg = { GPA_NOTHING + 8, 77 } },
				   { TDX_MOCK_ACCEPT, .arg = { GPA_NOTHING } },
				   { TDX_MOCK_EXPECT,
				     .arg = { ~0ULL, MOCK_PAGE_ALREADY_ACCEPTED, true } },
				   { TDX_MOCK_READ, .arg = { GPA_NOTHING + 8 } },
				   { TDX_MOCK_DONE, .flags = 1 });
	struct page *page = td_page(t);

	memset(page_address(page), 0xff, PAGE_SIZE);
	expect_ept_violation(t, GPA_NOTHING, EPT_VIOLATION_ACC_WRITE, 1);
	expect_ept_violation(t, GPA_NOTHING, EPT_VIOLATION_ACC_WRITE, 1);
	KUNIT_EXPECT_EQ(test, page_aug(t, GPA_NOTHING, page), TDX_SUCCESS);
	expect_done(t, 77);
	tdx_test_expect_clean_ledger(test, t->mock);
}

static void pending_page_is_not_accessed(struct kunit *test)
{
	struct test_td *t = run_td(test,
				   { TDX_MOCK_READ, .arg = { GPA_NOTHING + 8 } },
				   { TDX_MOCK_DONE });

	expect_ept_violation(t, GPA_NOTHING, EPT_VIOLATION_ACC_READ, 0);
	KUNIT_EXPECT_EQ(test, page_aug(t, GPA_NOTHING, td_page(t)), TDX_SUCCESS);
	expect_ept_violation(t, GPA_NOTHING, EPT_VIOLATION_ACC_READ, 6);

	/* Blocked, it is gone for the TD, and comes back as nothing else */
	KUNIT_EXPECT_EQ(test, range_block(t, GPA_NOTHING), TDX_SUCCESS);
	expect_ept_violation(t, GPA_NOTHING, EPT_VIOLATION_ACC_READ, 0);
	expect_entry(t, range_block(t, GPA_NOTHING), TDX_EPT_ENTRY_STATE_INCORRECT, 0,
		     MOCK_SEPT_PENDING_BLOCKED);
}

static void page_is_blocked_tracked_removed(struct kunit *test)
{
	struct test_td *t = run_td(test,
				   { TDX_MOCK_READ, .arg = { GPA_DATA } },
				   { TDX_MOCK_DONE });
	u64 pfn = page_to_pfn(t->data);

	KUNIT_EXPECT_EQ(test, range_block(t, GPA_DATA), TDX_SUCCESS);
	expect_entry(t, page_remove(t, GPA_DATA), MOCK_TLB_TRACKING_NOT_DONE, 0, MOCK_SEPT_BLOCKED);
	expect_ept_violation(t, GPA_DATA, EPT_VIOLATION_ACC_READ, 0);
	KUNIT_EXPECT_EQ(test, tdh_mem_track(&t->td), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, page_remove(t, GPA_DATA), TDX_SUCCESS);
	expect_page(t, t->data, 0, 0);
	tdx_test_expect_clean_ledger(test, t->mock);

	/* It was written with the KeyID of the TD: no other helps */
	KUNIT_EXPECT_EQ(test, tdh_phymem_page_wbinvd_hkid(t->mock->global_keyid, pfn), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, page_aug(t, GPA_DATA, t->data), TDX_PAGE_METADATA_INCORRECT | 8);
	expect_breaches(t, 1, TDX_MOCK_PAGE_NOT_FLUSHED, t->data);
	KUNIT_EXPECT_EQ(test, tdh_phymem_page_wbinvd_hkid(t->hkid, pfn), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, page_aug(t, GPA_DATA, t->data), TDX_SUCCESS);
}

/* A page of the TD that was used without a flush, written or freed */
static void removed_page_is_flushed(struct kunit *test)
{
	struct test_td *t = run_td(test, { TDX_MOCK_DONE });

	KUNIT_EXPECT_EQ(test, call_page_remove(t), TDX_SUCCESS);
	memset(page_address(t->data), 0, PAGE_SIZE);
	expect_breaches(t, 1, TDX_MOCK_PAGE_NOT_FLUSHED, t->data);
}

/* A flush does not make good what was done to the page before */
static void late_flush_is_found(struct kunit *test)
{
	struct test_td *t = run_td(test, { TDX_MOCK_DONE });
	u64 pfn = page_to_pfn(t->data);

	KUNIT_EXPECT_EQ(test, call_page_remove(t), TDX_SUCCESS);
	memset(page_address(t->data), 0, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, tdh_phymem_page_wbinvd_hkid(t->hkid, pfn), TDX_SUCCESS);
	expect_breaches(t, 1, TDX_MOCK_PAGE_NOT_FLUSHED, t->data);
}

/* Nor does TDH.PHYMEM.CACHE.WB */
static void late_cache_wb_is_found(struct kunit *test)
{
	struct test_td *t = run_td(test, { TDX_MOCK_DONE });

	KUNIT_EXPECT_EQ(test, call_page_remove(t), TDX_SUCCESS);
	memset(page_address(t->data), 0, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, call_vpflushdone(t), TDX_SUCCESS);
	release_hkid(t);
	expect_breaches(t, 1, TDX_MOCK_PAGE_NOT_FLUSHED, t->data);
}

/* What was written back with the KeyID as a whole needs no flush of the page */
static void cache_wb_flushes_pages(struct kunit *test)
{
	struct test_td *t = run_td(test, { TDX_MOCK_DONE });

	KUNIT_EXPECT_EQ(test, call_page_remove(t), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, call_vpflushdone(t), TDX_SUCCESS);
	release_hkid(t);
	memset(page_address(t->data), 0, PAGE_SIZE);
	tdx_test_expect_clean_ledger(test, t->mock);
}

static void pages_are_removed_untracked_before_finalize(struct kunit *test)
{
	static const struct tdx_mock_step done = { TDX_MOCK_DONE };
	struct test_td *t = build_td(test, INITIALIZED, &done, 1);

	KUNIT_EXPECT_EQ(test, range_block(t, GPA_DATA), TDX_SUCCESS);
	expect_entry(t, mr_extend(t, GPA_DATA), TDX_EPT_ENTRY_STATE_INCORRECT, 0,
		     MOCK_SEPT_BLOCKED);
	KUNIT_EXPECT_EQ(test, page_remove(t, GPA_DATA), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, mr_extend(t, GPA_SCRIPT + 8), INVALID(1));
	KUNIT_EXPECT_EQ(test, mr_extend(t, GPA_SCRIPT | GPA_SHARED), INVALID(1));
}

static void tdr_is_reclaimed_last(struct kunit *test)
{
	static const struct tdx_mock_step done = { TDX_MOCK_DONE };
	struct test_td *t = build_td(test, TORN_DOWN, &done, 1);
	struct page *last = t->pages[--t->nr_pages];
	u64 type, owner, size;

	for (unsigned int i = 0; i < t->nr_pages; i++)
		KUNIT_EXPECT_EQ(test, reclaim(t->pages[i]), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, reclaim(t->td.tdr_page), MOCK_TD_ASSOCIATED_PAGES_EXIST);
	KUNIT_EXPECT_EQ(test, tdh_phymem_page_reclaim(last, &type, &owner, &size), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, type, 3);
	KUNIT_EXPECT_EQ(test, owner, page_to_phys(t->td.tdr_page));
	KUNIT_EXPECT_EQ(test, size, TDX_PS_4K);
	KUNIT_EXPECT_EQ(test, reclaim(last), MOCK_PAGE_ALREADY_FREE);
	KUNIT_EXPECT_EQ(test, reclaim(t->td.tdr_page), TDX_SUCCESS);

	/* What the TD had was written back with its KeyID, the TDR was not */
	tdx_test_expect_clean_ledger(test, t->mock);
	memset(page_address(t->script), 0, PAGE_SIZE);
	tdx_test_expect_clean_ledger(test, t->mock);
	memset(page_address(t->td.tdr_page), 0, PAGE_SIZE);
	expect_breaches(t, 1, TDX_MOCK_PAGE_NOT_FLUSHED, t->td.tdr_page);
}

/* The host writes where it must not */
static void written_pages_are_found(struct kunit *test)
{
	struct test_td *t = run_td(test, { TDX_MOCK_DONE });
	struct page *sept_page = t->pages[MOCK_NR_TDCS_PAGES + 1 + MOCK_NR_TDVPS_PAGES];

	clear_page(page_address(t->tdcs_pages[0]));
	expect_breaches(t, 1, TDX_MOCK_OWNED_PAGE_WRITTEN, t->tdcs_pages[0]);
	clear_page(page_address(sept_page));
	expect_triple_fault(t);
	expect_breaches(t, 2, TDX_MOCK_OWNED_PAGE_WRITTEN, sept_page);
	KUNIT_EXPECT_EQ(test, page_aug(t, GPA_NOTHING, new_page(test)),
			TDX_NON_RECOVERABLE_TD_NON_ACCESSIBLE);
	clear_page(page_address(t->vcpu.vp.tdvpr_page));
	KUNIT_EXPECT_EQ(test, enter(t), TDX_NON_RECOVERABLE_VCPU);
	clear_page(page_address(t->td.tdr_page));
	KUNIT_EXPECT_EQ(test, tdh_mem_track(&t->td), TDX_NON_RECOVERABLE_TD_NON_ACCESSIBLE);
	expect_breaches(t, 4, TDX_MOCK_OWNED_PAGE_WRITTEN, t->td.tdr_page);
}

static u64 freed_pfn;

static bool is_freed(u64 pfn)
{
	return pfn == freed_pfn;
}

/* The host frees memory that a TD has */
static void freed_pages_are_found(struct kunit *test)
{
	struct test_td *t = run_td(test, { TDX_MOCK_DONE });

	t->mock->platform.page_is_free = is_freed;
	freed_pfn = page_to_pfn(t->data);
	expect_breaches(t, 1, TDX_MOCK_OWNED_PAGE_FREED, t->data);
}

/* Also if it gets them back from the TD afterwards */
static void pages_freed_early_are_found(struct kunit *test)
{
	struct test_td *t = run_td(test, { TDX_MOCK_DONE });

	t->mock->platform.page_is_free = is_freed;
	freed_pfn = page_to_pfn(t->data);
	KUNIT_EXPECT_EQ(test, call_page_remove(t), TDX_SUCCESS);
	freed_pfn = page_to_pfn(t->script);
	KUNIT_EXPECT_EQ(test, call_vpflushdone(t), TDX_SUCCESS);
	release_hkid(t);
	KUNIT_EXPECT_EQ(test, reclaim(t->script), TDX_SUCCESS);
	freed_pfn = 0;
	expect_breaches(t, 2, TDX_MOCK_OWNED_PAGE_FREED, t->script);
}

/* A TDMR of nothing but @page, with its PAMT in a page that is returned */
static struct page *add_tdmr(struct kunit *test, struct tdx_mock *mock, struct page *page)
{
	struct page *pamt = new_page(test);
	struct mock_tdmr *tdmr = &mock->tdmrs[mock->nr_tdmrs++];
	u64 pa = page_to_phys(page), pamt_pa = page_to_phys(pamt);

	tdmr->mem = (struct mock_range) { pa, pa + PAGE_SIZE };
	tdmr->next = pa;
	for (unsigned int level = 0; level < TDX_PS_NR; level++)
		tdmr->pamt[level] = (struct mock_range) { pamt_pa, pamt_pa + PAGE_SIZE };
	mock_own_pages(mock, pamt_pa, pamt_pa + PAGE_SIZE, PT_RSVD);
	return pamt;
}

/* What the host has freed the module does not write to, nor does it look there in silence */
static void freed_pamt_is_found(struct kunit *test)
{
	struct test_td *t = run_td(test, { TDX_MOCK_DONE });
	struct page *page = td_page(t);
	struct page *pamt = add_tdmr(test, t->mock, page);

	t->mock->platform.page_is_free = is_freed;
	freed_pfn = page_to_pfn(pamt);
	KUNIT_EXPECT_EQ(test, seamcall_rcx(t->mock, TDH_SYS_TDMR_INIT, page_to_phys(page)),
			MOCK_INVALID_PAMT);
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(pamt), 0, PAGE_SIZE));
	expect_breaches(t, 1, TDX_MOCK_CALL_WITHOUT_PAMT, pamt);

	freed_pfn = 0;
	KUNIT_EXPECT_EQ(test, seamcall_rcx(t->mock, TDH_SYS_TDMR_INIT, page_to_phys(page)),
			TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, page_aug(t, GPA_NOTHING, page), TDX_SUCCESS);
	expect_breaches(t, 1, TDX_MOCK_CALL_WITHOUT_PAMT, pamt);
}

/* Each call that has to do with a page of the host's */
static u64 call_with_page_aug(struct test_td *t, struct page *page)
{
	return page_aug(t, GPA_NOTHING, page);
}

static u64 call_with_rdmd(struct test_td *t, struct page *page)
{
	return seamcall_rcx(t->mock, TDH_PHYMEM_PAGE_RDMD, page_to_phys(page));
}

static u64 call_with_reclaim(struct test_td *t, struct page *page)
{
	return seamcall_rcx(t->mock, TDH_PHYMEM_PAGE_RECLAIM, page_to_phys(page));
}

static const struct pamt_case {
	const char *name;
	u64 (*call)(struct test_td *t, struct page *page);
	u64 status;
} pamt_cases[] = {
	{ "MEM.PAGE.AUG",	 call_with_page_aug,	TDX_SUCCESS },
	{ "PHYMEM.PAGE.RDMD",	 call_with_rdmd,	TDX_SUCCESS },
	{ "PHYMEM.PAGE.RECLAIM", call_with_reclaim,	MOCK_PAGE_ALREADY_FREE },
};

KUNIT_ARRAY_PARAM_DESC(pamt, pamt_cases, name);

static void call_needs_pamt(struct kunit *test)
{
	const struct pamt_case *param = test->param_value;
	struct test_td *t = run_td(test, { TDX_MOCK_DONE });
	struct page *page = td_page(t);
	struct page *pamt = add_tdmr(test, t->mock, page);

	KUNIT_ASSERT_EQ(test, seamcall_rcx(t->mock, TDH_SYS_TDMR_INIT, page_to_phys(page)),
			TDX_SUCCESS);
	tdx_test_expect_clean_ledger(test, t->mock);
	memset(page_address(pamt), 0, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, param->call(t, page), param->status);
	expect_breaches(t, 1, TDX_MOCK_CALL_WITHOUT_PAMT, pamt);
}

static void vcpu_fields_are_written(struct kunit *test)
{
	struct test_td *t = run_td(test, { TDX_MOCK_DONE });
	struct tdx_vp *vp = &t->vcpu.vp;
	u64 value = ~0ULL;

	KUNIT_EXPECT_EQ(test, tdh_vp_rd(vp, FIELD_STATE_DETAILS, &value), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, value, 0);
	KUNIT_EXPECT_EQ(test, tdh_vp_wr(vp, FIELD_PEND_NMI, 1, 0xff), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, tdh_vp_rd(vp, FIELD_PEND_NMI, &value), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, value, 1);
	expect_done(t, 0);
	KUNIT_EXPECT_EQ(test, tdh_vp_rd(vp, FIELD_PEND_NMI, &value), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, value, 0);

	KUNIT_EXPECT_EQ(test, tdh_vp_wr(vp, POSTED_INTR_NV, 0xf2, 0xffff), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, tdh_vp_wr(vp, POSTED_INTR_NV, 0x1f2, 0xffff),
			MOCK_METADATA_VALUE_NOT_VALID | 8);
	KUNIT_EXPECT_EQ(test, tdh_vp_wr(vp, PIN_BASED_VM_EXEC_CONTROL, PIN_BASED_POSTED_INTR,
					PIN_BASED_POSTED_INTR), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, tdh_vp_wr(vp, PIN_BASED_VM_EXEC_CONTROL, 0, PIN_BASED_EXT_INTR_MASK),
			MOCK_METADATA_FIELD_NOT_WRITABLE | 2);
	KUNIT_EXPECT_EQ(test, tdh_vp_wr(vp, SHARED_EPT_POINTER, 0x1008, ~0ULL),
			MOCK_METADATA_VALUE_NOT_VALID | 8);
	KUNIT_EXPECT_EQ(test, tdh_vp_wr(vp, FIELD_STATE_DETAILS, 0, 1),
			MOCK_METADATA_FIELD_NOT_WRITABLE | 2);
	KUNIT_EXPECT_EQ(test, tdh_vp_wr(vp, FIELD_APIC_ACCESS_ADDR, 0, ~0ULL),
			MOCK_METADATA_FIELD_ID_INCORRECT | 2);
	KUNIT_EXPECT_EQ(test, tdh_vp_rd(vp, FIELD_APIC_ACCESS_ADDR, &value),
			MOCK_METADATA_FIELD_ID_INCORRECT | 2);
	KUNIT_EXPECT_EQ(test, value, 0);
	KUNIT_EXPECT_EQ(test, tdh_vp_rd(vp, POSTED_INTR_NV, &value), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, value, 0xf2);
}

static void posted_interrupts_are_taken(struct kunit *test)
{
	struct test_td *t = run_td(test, { TDX_MOCK_DONE });
	struct page *page = new_page(test);
	struct pi_desc *pi = page_address(page);
	struct tdx_vp *vp = &t->vcpu.vp;

	KUNIT_EXPECT_EQ(test, tdh_vp_wr(vp, POSTED_INTR_DESC_ADDR, page_to_phys(page), ~0ULL),
			TDX_SUCCESS);
	pi_test_and_set_pir(0x31, pi);
	pi_test_and_set_on(pi);
	expect_done(t, 0);
	KUNIT_EXPECT_TRUE(test, pi_test_on(pi));

	KUNIT_EXPECT_EQ(test, tdh_vp_wr(vp, PIN_BASED_VM_EXEC_CONTROL, PIN_BASED_POSTED_INTR,
					PIN_BASED_POSTED_INTR), TDX_SUCCESS);
	expect_done(t, 0);
	KUNIT_EXPECT_FALSE(test, pi_test_on(pi));
	KUNIT_EXPECT_TRUE(test, pi_is_pir_empty(pi));
}

/* The identifier of a field of CPUID_VALUES */
static u64 cpuid_field(u32 leaf, int subleaf, unsigned int element)
{
	u64 field = 0x9410000300000000ULL | (leaf >> 31 << 16) | ((leaf & 0x7f) << 9) | element;

	return field | (subleaf < 0 ? 0x1fe : subleaf << 1);
}

static void td_fields_are_read(struct kunit *test)
{
	struct test_td *t = run_td(test, { TDX_MOCK_DONE });
	u64 value, khz = t->mock->platform.tsc_khz ?: 1000 * 1000;

	KUNIT_EXPECT_EQ(test, tdh_mng_rd(&t->td, FIELD_TSC_OFFSET, &value), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, value, 0);

	/* 1 GHz for the TD: 40 times 25 MHz */
	KUNIT_EXPECT_EQ(test, tdh_mng_rd(&t->td, FIELD_TSC_MULTIPLIER, &value), TDX_SUCCESS);
	KUNIT_EXPECT_GE(test, (value >> 16) * khz >> 32, 1000 * 1000 - 1);
	KUNIT_EXPECT_LE(test, (value >> 16) * khz >> 32, 1000 * 1000);

	KUNIT_EXPECT_EQ(test, tdh_mng_rd(&t->td, cpuid_field(0, -1, 0), &value), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, (u32)value, 0x21);
	KUNIT_EXPECT_MEMEQ(test, (u8 *)&value + 4, (const u8 *)"Genu", 4);
	KUNIT_EXPECT_EQ(test, tdh_mng_rd(&t->td, cpuid_field(0x21, 0, 0), &value), TDX_SUCCESS);
	KUNIT_EXPECT_MEMEQ(test, (u8 *)&value + 4, (const u8 *)"Inte", 4);
	KUNIT_EXPECT_EQ(test, tdh_mng_rd(&t->td, cpuid_field(0x21, 0, 1), &value), TDX_SUCCESS);
	KUNIT_EXPECT_MEMEQ(test, (u8 *)&value, (const u8 *)"    lTDX", 8);
	KUNIT_EXPECT_EQ(test, tdh_mng_rd(&t->td, cpuid_field(0x80000008, -1, 0), &value),
			TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, (value >> 16) & 0xff, 48);

	KUNIT_EXPECT_EQ(test, tdh_mng_rd(&t->td, cpuid_field(0x21, 1, 0), &value),
			MOCK_METADATA_FIELD_ID_INCORRECT | 2);
	KUNIT_EXPECT_EQ(test, tdh_mng_rd(&t->td, cpuid_field(5, -1, 0), &value),
			MOCK_METADATA_FIELD_ID_INCORRECT | 2);
	KUNIT_EXPECT_EQ(test, value, 0);
}

static void tdvmcall_goes_to_the_host_and_back(struct kunit *test)
{
	struct test_td *t = run_td(test,
				   { TDX_MOCK_TDVMCALL, .arg = { 10, 11, 12, 13, 14, 15 } },
				   { TDX_MOCK_EXPECT, .arg = { 0xff, 0x34 } },
				   { TDX_MOCK_EXPECT, .arg = { ~0ULL, 0x5678, true } },
				   { TDX_MOCK_DONE, .flags = 1 });
	struct tdx_module_args *args = &t->vcpu.args;

	/* Nothing of what the host has in the other registers goes to the guest or back */
	memset(args, 0xff, offsetof(struct tdx_module_args, version));
	KUNIT_EXPECT_EQ(test, enter(t), EXIT_REASON_TDCALL);
	KUNIT_EXPECT_EQ(test, args->rcx, 0xfc00);
	KUNIT_EXPECT_EQ(test, args->r10, 10);
	KUNIT_EXPECT_EQ(test, args->r11, 11);
	KUNIT_EXPECT_EQ(test, args->r12, 12);
	KUNIT_EXPECT_EQ(test, args->r13, 13);
	KUNIT_EXPECT_EQ(test, args->r14, 14);
	KUNIT_EXPECT_EQ(test, args->r15, 15);
	KUNIT_EXPECT_EQ(test, args->rdx | args->r8 | args->r9, 0);
	KUNIT_EXPECT_EQ(test, args->rbx | args->rdi | args->rsi, 0);

	args->r10 = 0x5678;
	args->r11 = 0x1234;
	expect_done(t, 0x1234);
}

static void wrong_expectation_is_fatal(struct kunit *test)
{
	struct test_td *t = run_td(test,
				   { TDX_MOCK_READ, .arg = { GPA_DATA } },
				   { TDX_MOCK_EXPECT, .arg = { ~0ULL, 1 } },
				   { TDX_MOCK_DONE });

	/* Whatever the host answers */
	for (unsigned int i = 0; i < 2; i++) {
		t->vcpu.args.r11 = i;
		KUNIT_EXPECT_EQ(test, enter(t), EXIT_REASON_TDCALL);
		KUNIT_EXPECT_EQ(test, t->vcpu.args.r10, 0);
		KUNIT_EXPECT_EQ(test, t->vcpu.args.r11, TDVMCALL_REPORT_FATAL_ERROR);
		KUNIT_EXPECT_EQ(test, t->vcpu.args.r12, 1);
	}
}

static void guest_is_interrupted(struct kunit *test)
{
	struct test_td *t = run_td(test,
				   { TDX_MOCK_EXIT,
				     .arg = { TDX_SW_ERROR | EXIT_REASON_EXCEPTION_NMI, 5, 6 } },
				   { TDX_MOCK_JUMP, .arg = { 2 } },
				   { TDX_MOCK_JUMP, .arg = { 1 } });

	/* The script has no say in what is not the exit reason */
	KUNIT_EXPECT_EQ(test, enter(t), EXIT_REASON_EXCEPTION_NMI);
	KUNIT_EXPECT_EQ(test, t->vcpu.args.rcx, 5);
	KUNIT_EXPECT_EQ(test, t->vcpu.args.r9, 6);
	/* No script keeps the CPU for good */
	KUNIT_EXPECT_EQ(test, enter(t), EXIT_REASON_OTHER_SMI);
	KUNIT_EXPECT_EQ(test, enter(t), EXIT_REASON_OTHER_SMI);
}

/* Steps that a guest does not survive */
static const struct tdx_mock_step deadly_steps[] = {
	{ TDX_MOCK_EXIT,	.arg = { EXIT_REASON_TRIPLE_FAULT } },
	{ TDX_MOCK_EXIT + 1 },
	{ TDX_MOCK_DONE,	.flags = 8 },
	{ TDX_MOCK_READ,	.arg = { GPA_DATA + 4 } },
	{ TDX_MOCK_READ,	.arg = { BIT_ULL(48) } },
	{ TDX_MOCK_JUMP,	.arg = { GPA_SHARED / sizeof(struct tdx_mock_step) } },
};

static void describe_step(const struct tdx_mock_step *step, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "op %u", step->op);
}

KUNIT_ARRAY_PARAM(deadly, deadly_steps, describe_step);

static void guest_loses_its_way(struct kunit *test)
{
	struct test_td *t = build_td(test, RUNNABLE, test->param_value, 1);

	expect_triple_fault(t);
}

/* The GPA of a script that the host has taken away */
static void script_is_fetched_from_private_memory(struct kunit *test)
{
	struct test_td *t = run_td(test,
				   { TDX_MOCK_JUMP,
				     .arg = { 2 * PAGE_SIZE / sizeof(struct tdx_mock_step) } });

	expect_ept_violation(t, GPA_NOTHING, EPT_VIOLATION_ACC_INSTR, 0);
}

/* A shared EPT with one entry that maps something, at GPA_SHARED. Returns the entry. */
static u64 *add_shared_ept(struct test_td *t, struct page *page, int leaf_level, u64 flags)
{
	struct page *table = new_page(t->test);

	KUNIT_ASSERT_EQ(t->test,
			tdh_vp_wr(&t->vcpu.vp, SHARED_EPT_POINTER, page_to_phys(table), ~0ULL),
			TDX_SUCCESS);
	for (int level = 3; ; level--) {
		u64 *entries = page_address(table);
		u64 *entry = &entries[(GPA_SHARED >> (12 + 9 * level)) & 511];

		for (unsigned int i = 0; i < 512; i++)
			entries[i] = VMX_EPT_SUPPRESS_VE_BIT;
		if (level == leaf_level) {
			*entry = page_to_phys(page) | flags;
			return entry;
		}

		table = new_page(t->test);
		*entry = page_to_phys(table) | VMX_EPT_RWX_MASK;
	}
}

static void shared_memory_is_accessed(struct kunit *test)
{
	struct test_td *t = run_td(test,
				   { TDX_MOCK_READ, .arg = { GPA_SHARED + 16 } },
				   { TDX_MOCK_WRITE, .flags = 2, .arg = { GPA_SHARED + 24 } },
				   { TDX_MOCK_READ, .arg = { GPA_SHARED + PAGE_SIZE } },
				   { TDX_MOCK_DONE });
	struct page *page = new_page(test);
	u64 *data = page_address(page), *entry;

	/* As long as there is no shared EPT it cannot be right */
	KUNIT_EXPECT_EQ(test, enter(t), EXIT_REASON_EPT_MISCONFIG);

	entry = add_shared_ept(t, page, 0, VMX_EPT_READABLE_MASK);
	data[2] = 0x1234;
	expect_ept_violation(t, GPA_SHARED + 24,
			     EPT_VIOLATION_ACC_WRITE | EPT_VIOLATION_PROT_READ, 0);
	KUNIT_EXPECT_TRUE(test, *entry & VMX_EPT_ACCESS_BIT);
	KUNIT_EXPECT_FALSE(test, *entry & VMX_EPT_DIRTY_BIT);

	*entry |= VMX_EPT_WRITABLE_MASK;
	expect_ept_violation(t, GPA_SHARED | PAGE_SIZE, EPT_VIOLATION_ACC_READ, 0);
	KUNIT_EXPECT_EQ(test, data[3], 0x1234);
	KUNIT_EXPECT_TRUE(test, *entry & VMX_EPT_DIRTY_BIT);

	/* Where #VE is not suppressed the guest gets that */
	entry[1] = 0;
	expect_triple_fault(t);
	tdx_test_expect_clean_ledger(test, t->mock);
}

static void free_large_page(void *page)
{
	__free_pages(page, PMD_ORDER);
}

static void large_shared_page_is_accessed(struct kunit *test)
{
	struct test_td *t = run_td(test,
				   { TDX_MOCK_READ, .arg = { GPA_SHARED + SZ_1M + 8 } },
				   { TDX_MOCK_DONE, .flags = 1 });
	struct page *page = alloc_pages(GFP_KERNEL, PMD_ORDER);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_large_page, page), 0);
	((u64 *)(page_address(page) + SZ_1M))[1] = 99;
	add_shared_ept(t, page, 1, VMX_EPT_RWX_MASK | BIT_ULL(7));
	expect_done(t, 99);
}

static void private_page_is_not_shared(struct kunit *test)
{
	struct test_td *t = run_td(test,
				   { TDX_MOCK_WRITE, .arg = { GPA_SHARED, 1 } },
				   { TDX_MOCK_DONE });
	u8 first = *(u8 *)page_address(t->data);

	add_shared_ept(t, t->data, 0, VMX_EPT_RWX_MASK);
	expect_triple_fault(t);
	expect_breaches(t, 1, TDX_MOCK_OWNED_PAGE_SHARED, t->data);
	KUNIT_EXPECT_EQ(test, *(u8 *)page_address(t->data), first);
}

/* Pages that the module does not want are the host's mistake, of which it does not hear */
static void surplus_pages_are_found(struct kunit *test)
{
	struct test_td *t = new_td(test, ready_mock(test, "features=0x8000140002,pool=2"));
	struct page *root = new_page(test), *pages[3];
	u64 *list = page_address(root);

	for (unsigned int i = 0; i < ARRAY_SIZE(pages); i++) {
		pages[i] = new_page(test);
		list[i] = page_to_phys(pages[i]);
	}
	/* HPA_LIST_INFO: index of the last entry in bits 63:55 */
	KUNIT_EXPECT_EQ(test, seamcall_rcx(t->mock, TDH_EXT_MEM_ADD,
					   page_to_phys(root) | 2ULL << 55), TDX_SUCCESS);
	KUNIT_EXPECT_EQ(test, tdx_mock_pages_owned(t->mock), 2);
	expect_breaches(t, 1, TDX_MOCK_TOO_MANY_PAGES, pages[2]);
}

/* After an update the module is asked for what it was asked for before, if it has that */
static void update_checks_features(struct kunit *test)
{
	struct tdx_mock *mock = ready_mock(test, "features=0x4008000140002");
	const struct tdx_module_args good = { .r9 = mock->opt_in };
	const u64 update_v1 = TDH_SYS_UPDATE | 1ULL << TDX_VERSION_SHIFT;
	struct tdx_module_args args = good;

	mock->state = MOCK_INIT_DONE;
	mock->has_handoff = true;
	args.r9 &= args.r9 - 1;
	KUNIT_EXPECT_EQ(test, call_module(mock, update_v1, &args), INVALID(9));
	args = good;
	args.r10 = 1;
	KUNIT_EXPECT_EQ(test, call_module(mock, update_v1, &args), INVALID(10));
	args = good;
	args.r11 = 1;
	KUNIT_EXPECT_EQ(test, call_module(mock, update_v1, &args), INVALID(11));

	args = good;
	mock->config.features0 = 0x140002;
	KUNIT_EXPECT_EQ(test, call_module(mock, update_v1, &args), INVALID(9));
	mock->config.features0 = 0x4008000140002;
	KUNIT_EXPECT_EQ(test, call_module(mock, update_v1, &args), TDX_SUCCESS);
}

/* A TD, and TDH.QUOTE.GET with a buffer of two pages */
struct quoting {
	struct test_td *t;
	struct tdx_module_args args;
	struct page *pages[3];		/* the third one is spare */
	struct page *node;
	u64 *list;
};

static struct quoting start_quoting(struct kunit *test, const char *fault)
{
	static const struct tdx_mock_step done = { TDX_MOCK_DONE };
	const u8 data[TDX_MOCK_REPORT_DATA_LEN] = {};
	struct page *report = new_page(test);
	struct quoting q = { .node = new_page(test) };
	char options[128];

	snprintf(options, sizeof(options),
		 "features=0x4008000140002,quote_size=5000,quote_steps=2%s", fault);
	q.t = new_td(test, ready_mock(test, options));
	build(q.t, RUNNABLE, &done, 1);
	while (seamcall_rcx(q.t->mock, TDH_QUOTE_INIT, 0) == TDX_INTERRUPTED_RESUMABLE)
		;

	/* HPA_LINKED_LIST: all ones end it */
	q.list = page_address(q.node);
	memset(q.list, 0xff, PAGE_SIZE);
	for (unsigned int i = 0; i < ARRAY_SIZE(q.pages); i++)
		q.pages[i] = new_page(test);
	for (unsigned int i = 0; i < 2; i++)
		q.list[i] = page_to_phys(q.pages[i]);

	mock_make_report(mock_page_content(page_to_phys(q.t->td.tdr_page)), data,
			 page_address(report));
	q.args = (struct tdx_module_args) {
		.rcx = page_to_phys(q.t->td.tdr_page),
		.rdx = 0xffff00000000,
		.r8  = page_to_phys(report),
		.r9  = 1024,
		.r10 = page_to_phys(q.node),
		.r11 = 2 * PAGE_SIZE,
	};
	return q;
}

static u64 get_quote(const struct quoting *q)
{
	struct tdx_module_args args = q->args;

	return call_module(q->t->mock, TDH_QUOTE_GET, &args);
}

/* Through a list that has changed the module writes nothing, and does not go on */
static void changed_list_ends_quote(struct kunit *test)
{
	struct quoting q = start_quoting(test, "");

	KUNIT_ASSERT_EQ(test, get_quote(&q), TDX_INTERRUPTED_RESUMABLE);
	q.list[0] = page_to_phys(q.pages[2]);
	KUNIT_EXPECT_EQ(test, get_quote(&q), INVALID(10));
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(q.pages[2]), 0, PAGE_SIZE));
	expect_breaches(q.t, 1, TDX_MOCK_LIST_CHANGED, q.node);

	/* A page of the TD is even less a place for a quote */
	KUNIT_ASSERT_EQ(test, get_quote(&q), TDX_INTERRUPTED_RESUMABLE);
	q.list[1] = page_to_phys(q.t->data);
	KUNIT_EXPECT_EQ(test, get_quote(&q), INVALID(10));
	expect_breaches(q.t, 2, TDX_MOCK_LIST_CHANGED, q.node);
	KUNIT_EXPECT_EQ(test, get_quote(&q), INVALID(10));
	q.list[1] = page_to_phys(q.pages[1]);
	KUNIT_EXPECT_EQ(test, get_quote(&q), TDX_INTERRUPTED_RESUMABLE);
	expect_breaches(q.t, 2, TDX_MOCK_LIST_CHANGED, q.node);
}

/* No list is that long, unless it bites its own tail */
static void endless_list_is_refused(struct kunit *test)
{
	struct quoting q = start_quoting(test, "");

	for (unsigned int i = 0; i < 511; i++)
		q.list[i] = page_to_phys(q.pages[0]);
	q.list[511] = page_to_phys(q.node);
	q.args.r11 = ~0ULL;
	KUNIT_EXPECT_EQ(test, get_quote(&q), INVALID(11));
	q.args.r11 = -(u64)PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, get_quote(&q), INVALID(11));
	q.args.r11 = SZ_1G;
	KUNIT_EXPECT_EQ(test, get_quote(&q), INVALID(10));
	tdx_test_expect_clean_ledger(test, q.t->mock);
}

/* How the second part of a quote fails, and whether that is its end */
static const struct quote_fault {
	const char *name;
	u64 status;
	bool is_end;
} quote_faults[] = {
	{ "OPERAND_BUSY",	TDX_OPERAND_BUSY },
	{ "RND_NO_ENTROPY",	TDX_RND_NO_ENTROPY },
	{ "SYS_BUSY",		TDX_SYS_BUSY },
	{ "VMFAILINVALID",	TDX_SEAMCALL_VMFAILINVALID },
	{ "GP",			TDX_SEAMCALL_GP },
	{ "UD",			TDX_SEAMCALL_UD },
	{ "OPERAND_INVALID",	TDX_OPERAND_INVALID,		true },
	{ "0xC000000600000000",	MOCK_INVALID_RESUMPTION,	true },
};

KUNIT_ARRAY_PARAM_DESC(quote_fault, quote_faults, name);

static void failed_quote_can_be_resumed_or_not(struct kunit *test)
{
	const struct quote_fault *fault = test->param_value;
	struct quoting q, other;
	char option[64];

	snprintf(option, sizeof(option), ",fault=TDH.QUOTE.GET:2:%s", fault->name);
	q = start_quoting(test, option);
	other = q;
	other.args.r11 += PAGE_SIZE;

	KUNIT_ASSERT_EQ(test, get_quote(&q), TDX_INTERRUPTED_RESUMABLE);
	KUNIT_EXPECT_EQ(test, get_quote(&q), fault->status);
	/* As long as the call is interrupted there is no other one, not even a wrong one */
	KUNIT_EXPECT_EQ(test, get_quote(&other),
			fault->is_end ? INVALID(10) : MOCK_INVALID_RESUMPTION);
	KUNIT_EXPECT_EQ(test, get_quote(&q), TDX_INTERRUPTED_RESUMABLE);
	if (fault->is_end)
		KUNIT_EXPECT_EQ(test, get_quote(&q), TDX_INTERRUPTED_RESUMABLE);
	KUNIT_EXPECT_EQ(test, get_quote(&q), TDX_SUCCESS);
	tdx_test_expect_clean_ledger(test, q.t->mock);
}

#define MANY_TDS	8

static void many_tds_live_side_by_side(struct kunit *test)
{
	static const struct tdx_mock_step done = { TDX_MOCK_DONE };
	struct tdx_mock *mock = ready_mock(test, "on");
	struct test_td *tds[MANY_TDS];

	for (unsigned int i = 0; i < MANY_TDS; i++) {
		struct tdx_mock_step step = done;

		tds[i] = new_td(test, mock);
		tds[i]->hkid += i;
		step.arg[0] = i;
		build(tds[i], RUNNABLE, &step, 1);
	}
	expect_usage(test, mock, MANY_TDS, MANY_TDS, MANY_TDS);

	for (unsigned int i = 0; i < MANY_TDS; i++) {
		expect_done(tds[i], i);
		KUNIT_EXPECT_EQ(test, call_vpflushdone(tds[i]), TDX_SUCCESS);
	}
	/* One write-back does for all of them */
	KUNIT_EXPECT_EQ(test, tdh_phymem_cache_wb(false), TDX_SUCCESS);
	for (unsigned int i = 0; i < MANY_TDS; i++) {
		KUNIT_EXPECT_EQ(test, tdh_mng_key_freeid(&tds[i]->td), TDX_SUCCESS);
		reclaim_all(tds[i]);
	}
	expect_usage(test, mock, 0, 0, 0);
	tdx_test_expect_clean_ledger(test, mock);
}

static struct kunit_case td_cases[] = {
	KUNIT_CASE(td_lives_and_dies),
	KUNIT_CASE(td_is_measured),
	KUNIT_CASE_PARAM(td_params_are_checked, params_gen_params),
	KUNIT_CASE(td_has_5_levels),
	KUNIT_CASE_PARAM(leaf_has_its_time, leaf_gen_params),
	KUNIT_CASE(vcpu_has_its_time),
	KUNIT_CASE(td_without_vcpu_is_not_finalized),
	KUNIT_CASE(pages_have_types),
	KUNIT_CASE(wrong_pages_are_refused),
	KUNIT_CASE(page_add_source_is_not_private),
	KUNIT_CASE(td_params_are_not_private),
	KUNIT_CASE(td_takes_a_free_keyid),
	KUNIT_CASE(keys_are_per_package),
	KUNIT_CASE(cache_wb_is_interrupted),
	KUNIT_CASE(cache_wb_does_not_see_what_comes_later),
	KUNIT_CASE(vcpu_is_associated),
	KUNIT_CASE(secure_ept_is_walked),
	KUNIT_CASE(page_is_added_at_run_time),
	KUNIT_CASE(pending_page_is_not_accessed),
	KUNIT_CASE(page_is_blocked_tracked_removed),
	KUNIT_CASE(removed_page_is_flushed),
	KUNIT_CASE(late_flush_is_found),
	KUNIT_CASE(late_cache_wb_is_found),
	KUNIT_CASE(cache_wb_flushes_pages),
	KUNIT_CASE(pages_are_removed_untracked_before_finalize),
	KUNIT_CASE(tdr_is_reclaimed_last),
	KUNIT_CASE(written_pages_are_found),
	KUNIT_CASE(freed_pages_are_found),
	KUNIT_CASE(pages_freed_early_are_found),
	KUNIT_CASE(freed_pamt_is_found),
	KUNIT_CASE_PARAM(call_needs_pamt, pamt_gen_params),
	KUNIT_CASE(vcpu_fields_are_written),
	KUNIT_CASE(posted_interrupts_are_taken),
	KUNIT_CASE(td_fields_are_read),
	KUNIT_CASE(tdvmcall_goes_to_the_host_and_back),
	KUNIT_CASE(wrong_expectation_is_fatal),
	KUNIT_CASE(guest_is_interrupted),
	KUNIT_CASE_PARAM(guest_loses_its_way, deadly_gen_params),
	KUNIT_CASE(script_is_fetched_from_private_memory),
	KUNIT_CASE(shared_memory_is_accessed),
	KUNIT_CASE(large_shared_page_is_accessed),
	KUNIT_CASE(private_page_is_not_shared),
	KUNIT_CASE(surplus_pages_are_found),
	KUNIT_CASE(update_checks_features),
	KUNIT_CASE(changed_list_ends_quote),
	KUNIT_CASE(endless_list_is_refused),
	KUNIT_CASE_PARAM(failed_quote_can_be_resumed_or_not, quote_fault_gen_params),
	KUNIT_CASE(many_tds_live_side_by_side),
	{}
};

static struct kunit_suite td_suite = {
	.name = "tdx_td",
	.test_cases = td_cases,
};

kunit_test_suite(td_suite);
