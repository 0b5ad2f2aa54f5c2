/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of the mock TDX module share among themselves */
#ifndef _X86_VIRT_TDX_MOCK_MODEL_H
#define _X86_VIRT_TDX_MOCK_MODEL_H

#include <linux/bitmap.h>
#include <linux/bits.h>

#include "mock.h"
#include "quote.h"

/*
 * Status codes of the TDX module that no part of the kernel looks for.  The
 * others are in <asm/shared/tdx_errno.h>.
 */
#define MOCK_OPERAND_ADDR_RANGE_ERROR	0xC000010100000000ULL
#define MOCK_INVALID_RESUMPTION		0xC000000600000000ULL
#define MOCK_PAGE_ALREADY_FREE		0x0000030100000000ULL
#define MOCK_TD_ASSOCIATED_PAGES_EXIST	0xC000040000000000ULL
#define MOCK_SYS_INIT_NOT_PENDING	0xC000050000000000ULL
#define MOCK_SYS_LP_INIT_NOT_DONE	0xC000050200000000ULL
#define MOCK_SYS_LP_INIT_DONE		0xC000050300000000ULL
#define MOCK_SYS_NOT_READY		0xC000050500000000ULL
#define MOCK_SYS_SHUTDOWN		0xC000050600000000ULL
#define MOCK_SYS_KEY_CONFIG_NOT_PENDING	0xC000050700000000ULL
#define MOCK_SYS_STATE_INCORRECT	0xC000050800000000ULL
#define MOCK_SYS_INVALID_HANDOFF	0xC000050900000000ULL
#define MOCK_SYS_LP_INIT_NOT_PENDING	0xC000050B00000000ULL
#define MOCK_SYS_CONFIG_NOT_PENDING	0xC000050C00000000ULL
#define MOCK_TDCS_NOT_ALLOCATED		0xC000060600000000ULL
#define MOCK_LIFECYCLE_STATE_INCORRECT	0xC000060700000000ULL
#define MOCK_OP_STATE_INCORRECT		0xC000060800000000ULL
#define MOCK_NO_VCPUS			0xC000060900000000ULL
#define MOCK_TDCX_NUM_INCORRECT		0xC000061000000000ULL
#define MOCK_VCPU_STATE_INCORRECT	0xC000070000000000ULL
#define MOCK_VCPU_ASSOCIATED		0x8000070100000000ULL
#define MOCK_MAX_VCPUS_EXCEEDED		0xC000070500000000ULL
#define MOCK_TD_KEYS_NOT_CONFIGURED	0x8000081000000000ULL
#define MOCK_WBCACHE_NOT_COMPLETE	0x8000081700000000ULL
#define MOCK_HKID_NOT_FREE		0xC000082000000000ULL
#define MOCK_INVALID_TDMR		0xC0000A0000000000ULL
#define MOCK_NON_ORDERED_TDMR		0xC0000A0100000000ULL
#define MOCK_TDMR_OUTSIDE_CMRS		0xC0000A0200000000ULL
#define MOCK_TDMR_ALREADY_INITIALIZED	0x00000A0300000000ULL
#define MOCK_INVALID_PAMT		0xC0000A1000000000ULL
#define MOCK_PAMT_OUTSIDE_CMRS		0xC0000A1100000000ULL
#define MOCK_PAMT_OVERLAP		0xC0000A1200000000ULL
#define MOCK_INVALID_RESERVED_IN_TDMR	0xC0000A2000000000ULL
#define MOCK_NON_ORDERED_RESERVED	0xC0000A2100000000ULL
#define MOCK_TLB_TRACKING_NOT_DONE	0xC0000B0800000000ULL
#define MOCK_PAGE_ALREADY_ACCEPTED	0x00000B0A00000000ULL
#define MOCK_METADATA_FIELD_ID_INCORRECT 0xC0000C0000000000ULL
#define MOCK_METADATA_FIELD_NOT_WRITABLE 0xC0000C0100000000ULL
#define MOCK_METADATA_VALUE_NOT_VALID	0xC0000C0300000000ULL

/* Bit of a status: there is no use in making the call again */
#define MOCK_NON_RECOVERABLE		BIT_ULL(62)

/* The kernel does not tell the error codes of the P-SEAMLDR apart */
#define MOCK_SEAMLDR_EBADPARAM		0x8000000000010000ULL
#define MOCK_SEAMLDR_EBADCALL		0x8000000000010003ULL

/* Bits of TDX_FEATURES0 */
#define MOCK_FEATURE_CONNECT		BIT_ULL(6)
#define MOCK_FEATURE_EXT		BIT_ULL(39)
#define MOCK_FEATURE_QUOTE		BIT_ULL(50)

/* Operand ids, the detail of TDX_OPERAND_INVALID and its like */
#define MOCK_OPERAND_RAX		0
#define MOCK_OPERAND_RCX		1
#define MOCK_OPERAND_RDX		2
#define MOCK_OPERAND_R8			8
#define MOCK_OPERAND_R9			9
#define MOCK_OPERAND_R10		10
#define MOCK_OPERAND_R11		11
#define MOCK_OPERAND_ATTRIBUTES		64
#define MOCK_OPERAND_XFAM		65
#define MOCK_OPERAND_EXEC_CONTROLS	66
#define MOCK_OPERAND_EPTP_CONTROLS	67
#define MOCK_OPERAND_MAX_VCPUS		68
#define MOCK_OPERAND_CPUID_CONFIG	69
#define MOCK_OPERAND_TSC_FREQUENCY	70

enum mock_state {
	MOCK_INIT_PENDING,
	MOCK_INIT_DONE,
	MOCK_CONFIGURED,
	MOCK_READY,
	MOCK_SHUTDOWN,
	MOCK_UNLOADED,		/* the P-SEAMLDR is at work */
	MOCK_DISABLED,
};

/* The leaf may be called in these states (bit per enum mock_state) */
#define MOCK_IN(_state)		BIT(MOCK_##_state)
#define MOCK_IN_ANY		GENMASK(MOCK_DISABLED, 0)

/* The leaf needs all of the module to itself: contention is TDX_SYS_BUSY */
#define MOCK_EXCLUSIVE		BIT(0)
/* The leaf may run on a CPU that has not seen TDH.SYS.LP.INIT */
#define MOCK_BEFORE_LP_INIT	BIT(1)

struct mock_leaf {
	u64 number;
	const char *name;
	u64 (*handle)(struct tdx_mock *mock, struct tdx_mock_call *call);
	u8 max_version;
	u8 states;		/* 0: MOCK_READY alone */
	u8 flags;
	u64 feature;		/* bit of TDX_FEATURES0 without which there is no such leaf */
	u64 wrong_state;	/* 0: TDX_SYS_NOT_READY */
};

/* P-SEAMLDR leaf functions */
#define P_SEAMLDR_INFO		0x8000000000000000ULL
#define P_SEAMLDR_INSTALL	0x8000000000000001ULL

/* Page types besides those in tdx.h */
#define MOCK_PT_REG		0x3
#define MOCK_PT_TDR		0x4
#define MOCK_PT_TDCX		0x5
#define MOCK_PT_TDVPR		0x6
#define MOCK_PT_EPT		0x8

/* Page types of the mock's own: the ABI does not name them */
#define MOCK_PT_POOL		0x20
#define MOCK_PT_SPDM		0x21

/* The module holds the page: the host must neither write nor free it */
#define MOCK_FRAME_OWNED	BIT(0)
/* The module has written its stamp into the page */
#define MOCK_FRAME_STAMPED	BIT(1)
/* A breach of the page is in the list already */
#define MOCK_FRAME_REPORTED	BIT(2)
/* The page is in an initialized TDMR and not in a reserved area */
#define MOCK_FRAME_CONVERTIBLE	BIT(3)
/* The module has returned the page, the host has not flushed it since */
#define MOCK_FRAME_DIRTY	BIT(4)
/* The page is a table of the secure EPT, with entries from the first byte on */
#define MOCK_FRAME_TABLE	BIT(5)

struct mock_frame {
	union {
		struct {
			u8 type;	/* as TDH.PHYMEM.PAGE.RDMD tells it */
			u8 flags;
		};
		u16 both;
	};
	u16 keyid;	/* with which a dirty page was written */
	u32 owner;	/* frame number of the TDR of the page's TD; 0: no TD's */
	u32 epoch;	/* of the TD, in which the page was blocked */
};

/* At the start of each page that the module has written, but for tables */
struct mock_stamp {
	u64 magic;
	u64 pa;
};

/* An entry of the secure EPT has this bit set, whatever its state */
#define MOCK_SEPT_SUPPRESS_VE	BIT_ULL(63)

struct mock_range {
	u64 start;
	u64 end;
};

struct mock_tdmr {
	struct mock_range mem;
	struct mock_range pamt[TDX_PS_NR];
	struct mock_range rsvd[TDX_MOCK_MAX_RSVD];
	unsigned int nr_rsvd;
	u64 next;		/* the part below is initialized */
};

struct mock_ext {
	u32 nr_missing;		/* pages that the pool lacks */
	bool init_required;
	u32 nr_init_calls;
	u64 resume_info;	/* operand that TDH.EXT.MEM.ADD goes on with, or 0 */
	u64 resume_checksum;	/* of the entries that are still to come */
};

/* Header, checksum, and a bit of filler */
#define MOCK_MIN_QUOTE_SIZE	256

struct mock_quoting {
	bool ready;
	u32 nr_init_calls;
	u64 key;

	/* Of a TDH.QUOTE.GET that was interrupted */
	bool in_flight;
	struct tdx_module_args inputs;
	u64 list_checksum;
	u32 nr_get_calls;
	struct tdx_mock_quote quote;
	u32 nr_written;		/* bytes */
	u64 checksum;		/* of these */
};

enum mock_hkid_state {
	MOCK_HKID_FREE,
	MOCK_HKID_ASSIGNED,
	MOCK_HKID_FLUSHED,	/* no vCPU runs with it, the caches may hold it */
};

struct mock_hkid {
	u8 state;
	u8 packages;		/* whose caches may hold it, bit per package */
	u8 writing_back;	/* and that are writing it back */
};

static_assert(TDX_MOCK_MAX_PACKAGES <= BITS_PER_BYTE);

/* Something that was created of a list of pages */
struct mock_object {
	unsigned int nr_pages;	/* 0: no object */
	u64 hpas[PAGE_SIZE / sizeof(u64)];
};

struct tdx_mock {
	struct tdx_mock_platform platform;
	struct mock_frame *frames[TDX_MOCK_MAX_CMRS];

	/* Held by the call that the module is working on */
	raw_spinlock_t lock;
	unsigned long seamldr_busy;

	tdx_mock_hook_t hook;
	void *hook_data;

	struct tdx_mock_config config;
	enum mock_state state;
	u64 opt_in;
	u64 global_keyid;
	DECLARE_BITMAP(lps, TDX_MOCK_MAX_CPUS);
	DECLARE_BITMAP(packages, TDX_MOCK_MAX_PACKAGES);
	struct mock_tdmr tdmrs[TDX_MOCK_MAX_TDMRS];
	unsigned int nr_tdmrs;

	struct mock_hkid hkids[TDX_MOCK_MAX_KEYIDS];
	/* How often TDH.PHYMEM.CACHE.WB was interrupted, since it was last done */
	u32 nr_wb_steps[TDX_MOCK_MAX_PACKAGES];

	struct mock_ext ext;
	struct mock_quoting quoting;
	struct mock_object objects[TDX_MOCK_MAX_OBJECTS];

	/* Of a runtime update in progress */
	struct tdx_mock_config next_config;
	DECLARE_BITMAP(lps_to_install, TDX_MOCK_MAX_CPUS);
	bool has_handoff;
	u16 handoff_hv;

	u64 nr_calls[TDX_MOCK_MAX_LEAVES];
	struct tdx_mock_breach breaches[TDX_MOCK_MAX_BREACHES];
	unsigned int nr_breaches;
};

static inline u64 mock_operand_invalid(unsigned int operand)
{
	return TDX_OPERAND_INVALID | operand;
}

/* Bits of a physical address, and those in which the address of a page has nothing */
#define MOCK_PA_BITS		GENMASK_ULL(51, 0)
#define MOCK_PA_RESERVED	(~GENMASK_ULL(51, 12))

static inline bool mock_is_private_keyid(const struct tdx_mock *mock, u64 keyid)
{
	return keyid >= mock->platform.keyid_start &&
	       keyid - mock->platform.keyid_start < mock->config.nr_keyids;
}

static inline bool mock_ranges_overlap(const struct mock_range *a, const struct mock_range *b)
{
	return a->start < b->end && b->start < a->end;
}

u64 mock_ext_init(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_ext_mem_add(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_mem_page_add(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_mem_page_aug(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_mem_page_remove(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_mem_range_block(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_mem_sept_add(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_mem_track(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_mng_addcx(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_mng_create(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_mng_init(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_mng_key_config(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_mng_key_freeid(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_mng_rd(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_mng_vpflushdone(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_mr_extend(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_mr_finalize(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_phymem_cache_wb(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_phymem_page_rdmd(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_phymem_page_reclaim(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_phymem_page_wbinvd(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_quote_get(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_quote_init(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_spdm_create(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_spdm_delete(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_sys_config(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_sys_disable(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_sys_init(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_sys_key_config(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_sys_lp_init(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_sys_rd(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_sys_shutdown(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_sys_tdmr_init(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_sys_update(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_vp_addcx(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_vp_create(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_vp_enter(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_vp_flush(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_vp_init(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_vp_rd(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_vp_wr(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_seamldr_info(struct tdx_mock *mock, struct tdx_mock_call *call);
u64 mock_seamldr_install(struct tdx_mock *mock, struct tdx_mock_call *call);

bool mock_in_cmrs(struct tdx_mock *mock, u64 start, u64 end);
void *mock_operand(struct tdx_mock *mock, u64 pa, u64 size, u64 align);
struct mock_frame *mock_frame(struct tdx_mock *mock, u64 pa);
struct mock_frame *mock_frame_run(struct tdx_mock *mock, u64 pa, u64 *end);
void mock_walk_frames(struct tdx_mock *mock,
		      void (*fn)(struct tdx_mock *mock, struct mock_frame *frame, u64 pa,
				 void *data), void *data);
bool mock_need_pamt(struct tdx_mock *mock, u64 pa);
u64 mock_check_page(struct tdx_mock *mock, unsigned int operand, u64 pa);
void mock_own_pages(struct tdx_mock *mock, u64 start, u64 end, u8 type);
void mock_own_td_page(struct tdx_mock *mock, u64 pa, u8 type, u64 tdr_pa);
void mock_disown_page(struct tdx_mock *mock, u64 pa);
void mock_dirty_page(struct tdx_mock *mock, u64 pa, u16 keyid);
void mock_disown_all(struct tdx_mock *mock);
void mock_stamp_page(struct tdx_mock *mock, u64 pa);
bool mock_page_is_intact(struct tdx_mock *mock, u64 pa);
bool mock_table_is_intact(u64 pa);
void mock_breach(struct tdx_mock *mock, enum tdx_mock_breach_kind kind, u64 pa);
void mock_audit_page(struct tdx_mock *mock, u64 pa);
void mock_audit(struct tdx_mock *mock);
bool mock_memory_initialized(struct tdx_mock *mock);
u64 mock_list_checksum(u64 sum, const u64 *list, unsigned int first, unsigned int last);
bool mock_has_same_inputs(const struct tdx_module_args *a, const struct tdx_module_args *b);
void mock_quote_fail(struct tdx_mock *mock, const struct tdx_module_args *args, u64 status);

#endif /* _X86_VIRT_TDX_MOCK_MODEL_H */
