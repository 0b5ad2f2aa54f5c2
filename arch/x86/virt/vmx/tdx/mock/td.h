/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of the mock TDX module know of a TD */
#ifndef _X86_VIRT_TDX_MOCK_TD_H
#define _X86_VIRT_TDX_MOCK_TD_H

#include <linux/bits.h>
#include <linux/io.h>
#include <crypto/sha2.h>
#include <asm/page.h>
#include <asm/tdx.h>

#include "model.h"

/* Pages of a TD's control structure, and those of a vCPU besides the TDVPR */
#define MOCK_NR_TDCS_PAGES	4
#define MOCK_NR_TDVPS_PAGES	5

/* Which page of the TDCS is the root of the secure EPT */
#define MOCK_TDCS_SEPT_ROOT	3

#define MOCK_MAX_VCPUS		TDX_MOCK_MAX_CPUS

/* What a TD may be, as TDH.SYS.RD tells it and TDH.MNG.INIT checks it */
#define MOCK_ATTRIBUTES_FIXED0	(TDX_TD_ATTR_DEBUG | TDX_TD_ATTR_SEPT_VE_DISABLE)
#define MOCK_ATTRIBUTES_FIXED1	0ULL
#define MOCK_XFAM_FIXED0	0x00000000000000e7ULL
#define MOCK_XFAM_FIXED1	0x0000000000000003ULL

/*
 * The CPUID leaf that KVM configures in every TD, without sub-leaves.  What a
 * TD may have of it: WBNOINVD.
 */
#define MOCK_CPUID_CONFIG_LEAF	0x80000008
#define MOCK_CPUID_CONFIG_EBX	BIT(9)

/* Bytes of a TDREPORT_STRUCT, which is also its alignment */
#define MOCK_REPORT_SIZE	1024

/* A field of a TD or a vCPU is named by these bits, and whatever the others say */
#define MOCK_FIELD_CLASS	GENMASK_ULL(61, 56)
#define MOCK_FIELD_IGNORED	(BIT_ULL(63) | GENMASK_ULL(54, 52) | GENMASK_ULL(33, 32))

/*
 * How far a TD has come.  From MOCK_TD_UNALLOCATED to MOCK_TD_RUNNABLE these are
 * operation states of a TD with a working KeyID, the others are of its lifecycle.
 */
enum mock_td_state {
	MOCK_TD_HKID_ASSIGNED,
	MOCK_TD_UNALLOCATED,	/* the TDCS lacks pages */
	MOCK_TD_UNINITIALIZED,
	MOCK_TD_INITIALIZED,
	MOCK_TD_RUNNABLE,
	MOCK_TD_BLOCKED,	/* no vCPU runs again */
	MOCK_TD_TEARDOWN,	/* the KeyID is free, pages can be reclaimed */
};

#define MOCK_TD_IN(_state)	BIT(MOCK_TD_##_state)
/* The TD is there to be filled and used */
#define MOCK_TD_IN_USE		(MOCK_TD_IN(INITIALIZED) | MOCK_TD_IN(RUNNABLE))

/*
 * A TD, in its TDR behind the stamp.  Whoever writes there can break the TD and
 * nothing else: all addresses are looked up in the ledger before they are used.
 */
struct mock_td {
	u64 pa;				/* of the TDR */
	enum mock_td_state state;
	u16 keyid;
	u8 packages;			/* that have the key, bit per package */
	unsigned int nr_pages;		/* of the TD, the TDR not counted */
	unsigned int nr_tdcs_pages;
	u64 sept_root;
	unsigned int nr_levels;		/* of the EPTs */
	unsigned int shared_bit;	/* of a GPA; private GPAs end there */
	unsigned int nr_vcpus;
	unsigned int nr_associated;
	u32 epoch;

	u64 attributes;
	u64 xfam;
	u16 max_vcpus;
	u64 tsc_multiplier;
	u32 cpuid[4];			/* of MOCK_CPUID_CONFIG_LEAF */
	u64 mrconfigid[6];
	u64 mrowner[6];
	u64 mrownerconfig[6];

	struct sha384_ctx mrtd_ctx;
	u8 mrtd[SHA384_DIGEST_SIZE];
};

enum mock_vcpu_state {
	MOCK_VCPU_UNINITIALIZED,
	MOCK_VCPU_READY,
	MOCK_VCPU_DISABLED,
};

/* A vCPU, in its TDVPR behind the stamp */
struct mock_vcpu {
	enum mock_vcpu_state state;
	unsigned int nr_tdcx_pages;
	bool is_associated;
	unsigned int cpu;		/* that it is associated with */

	/* What the host may write */
	u64 pin_controls;
	u64 notification_vector;
	u64 pi_desc_pa;
	u64 shared_eptp;
	u64 pend_nmi;

	/* The guest */
	u64 script;			/* GPA of the first step */
	u64 step;
	u64 last_value;
	u64 last_status;
	bool in_tdvmcall;		/* what it returns is in the next TDH.VP.ENTER */
};

static_assert(sizeof(struct mock_stamp) + sizeof(struct mock_td) <= PAGE_SIZE);
static_assert(sizeof(struct mock_stamp) + sizeof(struct mock_vcpu) <= PAGE_SIZE);

/* What the module keeps in a page that it has put its stamp on */
static inline void *mock_page_content(u64 pa)
{
	return phys_to_virt(pa) + sizeof(struct mock_stamp);
}

/* States of an entry of the secure EPT, as the extended error output tells them */
enum mock_sept_state {
	MOCK_SEPT_FREE,
	MOCK_SEPT_BLOCKED,
	MOCK_SEPT_PENDING,
	MOCK_SEPT_PENDING_BLOCKED,
	MOCK_SEPT_PRESENT,
};

/* An entry of the secure EPT, and its level: 0 maps 4 KB, 1 maps 2 MB or a table */
struct mock_sept_walk {
	u64 *entry;
	unsigned int level;
};

u64 mock_find_page(struct tdx_mock *mock, unsigned int operand, u64 pa, u8 type,
		   const struct mock_frame **frame);
u64 mock_find_td(struct tdx_mock *mock, unsigned int operand, u64 pa, struct mock_td **td);
u64 mock_find_td_in(struct tdx_mock *mock, unsigned int operand, u64 pa, unsigned int states,
		    struct mock_td **td);
void mock_add_td_page(struct tdx_mock *mock, struct mock_td *td, u64 pa, u8 type);
u64 mock_assign_hkid(struct tdx_mock *mock, u64 keyid);
bool mock_is_private_gpa(const struct mock_td *td, u64 gpa);
void mock_sept_start(struct tdx_mock *mock, u64 pa);
bool mock_sept_walk(struct tdx_mock *mock, const struct mock_td *td, u64 gpa, unsigned int level,
		    struct mock_sept_walk *walk);
enum mock_sept_state mock_sept_state(const struct mock_sept_walk *walk);
u64 mock_sept_error(const struct mock_sept_walk *walk, u64 status, struct tdx_module_args *args);
void *mock_sept_page(const struct mock_sept_walk *walk);
void mock_sept_accept(const struct mock_sept_walk *walk);
void mock_measure_page_add(struct mock_td *td, u64 gpa);
void mock_make_report(const struct mock_td *td, const void *data, void *report);
bool mock_check_report(const struct mock_td *td, const void *report, void *data);
u64 mock_run_guest(struct tdx_mock *mock, struct mock_td *td, struct mock_vcpu *vcpu,
		   struct tdx_module_args *args);

#endif /* _X86_VIRT_TDX_MOCK_TD_H */
