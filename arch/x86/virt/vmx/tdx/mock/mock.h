/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The mock TDX module: a model of what the TDX module and the P-SEAMLDR do
 * with the SEAMCALLs of a host, and a ledger of the memory they were given.
 *
 * The model is plain C.  It knows nothing of how a SEAMCALL gets to it: the
 * trap (trap.c) brings those that the kernel makes, see trap.h.
 */
#ifndef _X86_VIRT_TDX_MOCK_H
#define _X86_VIRT_TDX_MOCK_H

#include <linux/types.h>
#include <asm/shared/tdx.h>

struct tdx_mock;

#define TDX_MOCK_MAX_CMRS	32
#define TDX_MOCK_MAX_TDMRS	64
#define TDX_MOCK_MAX_RSVD	16
#define TDX_MOCK_MAX_CPUS	64
#define TDX_MOCK_MAX_PACKAGES	8
#define TDX_MOCK_MAX_FAULTS	8
#define TDX_MOCK_MAX_BREACHES	16
#define TDX_MOCK_MAX_LEAVES	64
#define TDX_MOCK_MAX_OBJECTS	4
#define TDX_MOCK_MAX_KEYIDS	1024

/**
 * struct tdx_mock_fault - one line of the fault plan
 * @leaf:	number of the leaf, bit 63 set for a P-SEAMLDR leaf
 * @first:	first call of that leaf to disturb, counted from 1
 * @count:	how many calls to disturb, from @first on
 * @is_output:	the call is made, then one of its output registers is
 *		overwritten; otherwise the call is not made and fails
 * @reg:	the register, as byte offset in struct tdx_module_args
 * @value:	the status to fail with, or the content of the register
 */
struct tdx_mock_fault {
	u64 leaf;
	u32 first;
	u32 count;
	bool is_output;
	u8 reg;
	u64 value;
};

/**
 * struct tdx_mock_config - what kind of module to be
 * @absent:	no module is loaded: SEAMCALLs end in VMfailInvalid
 * @major:	version of the module
 * @minor:	version of the module
 * @update:	version of the module
 * @features0:	content of the metadata field TDX_FEATURES0
 * @max_tdmrs:	TDMRs that TDH.SYS.CONFIG takes
 * @max_rsvd:	reserved areas that a TDMR may have
 * @pamt_entry:	bytes of PAMT for a page of 4 KB, of 2 MB, of 1 GB
 * @tdmr_step:	bytes of a TDMR that one TDH.SYS.TDMR.INIT initializes
 * @hv:		version of the handoff data that the module writes
 * @min_hv:	oldest version of the handoff data that the module reads
 * @nr_keyids:	private KeyIDs, the global one included
 * @updates:	runtime updates that the P-SEAMLDR has room for in its log
 * @opt_in_versions: highest version of TDH.SYS.CONFIG and TDH.SYS.UPDATE; version
 *		1 takes an opt-in bitmap
 * @pool:	pages that the extensions ask for
 * @pool_after:	pages that the extensions ask for after a runtime update
 * @ext_init:	must the extensions be initialized?
 * @ext_old:	does the module know the extensions' metadata by the older ids?
 * @ext_step:	pages that one TDH.EXT.MEM.ADD takes before it is interrupted; 0:
 *		it is not
 * @ext_init_steps: how often TDH.EXT.INIT is interrupted
 * @spdm_pages:	pages that an SPDM object is made of
 * @quote_size:	bytes of a quote
 * @quote_steps: how often TDH.QUOTE.INIT is interrupted, and TDH.QUOTE.GET
 * @wb_steps:	how often TDH.PHYMEM.CACHE.WB is interrupted on a package
 * @nr_faults:	entries of @faults in use
 * @faults:	the fault plan
 */
struct tdx_mock_config {
	bool absent;
	u64 major;
	u64 minor;
	u64 update;
	u64 features0;
	u64 max_tdmrs;
	u64 max_rsvd;
	u64 pamt_entry[TDX_PS_NR];
	u64 tdmr_step;
	u64 hv;
	u64 min_hv;
	u64 nr_keyids;
	u64 updates;
	u64 opt_in_versions;
	u64 pool;
	u64 pool_after;
	u64 ext_init;
	u64 ext_old;
	u64 ext_step;
	u64 ext_init_steps;
	u64 spdm_pages;
	u64 quote_size;
	u64 quote_steps;
	u64 wb_steps;
	unsigned int nr_faults;
	struct tdx_mock_fault faults[TDX_MOCK_MAX_FAULTS];
};

/**
 * struct tdx_mock_platform - the machine that the module finds itself on
 * @keyid_start:	first private KeyID
 * @phys_bits:		width of a physical address, without the KeyID
 * @tsc_khz:		frequency of the TSC; 0: not known
 * @nr_cpus:		logical processors, those included that may come later
 * @nr_packages:	physical packages, likewise
 * @nr_cmrs:		entries of @cmrs in use
 * @cmrs:		convertible memory, ascending, [start, end) in bytes
 * @page_is_free:	is the page of this frame number back in the allocator?
 */
struct tdx_mock_platform {
	u32 keyid_start;
	u32 phys_bits;
	u32 tsc_khz;
	u32 nr_cpus;
	u32 nr_packages;
	unsigned int nr_cmrs;
	struct {
		u64 start;
		u64 end;
	} cmrs[TDX_MOCK_MAX_CMRS];
	bool (*page_is_free)(u64 pfn);
};

/* What the host did to memory that is not its own, as the ledger tells it */
enum tdx_mock_breach_kind {
	TDX_MOCK_OWNED_PAGE_FREED,
	TDX_MOCK_OWNED_PAGE_WRITTEN,
	TDX_MOCK_CALL_WITHOUT_PAMT,
	TDX_MOCK_PAGE_GIVEN_TWICE,
	TDX_MOCK_PAGE_NOT_FLUSHED,
	TDX_MOCK_LIST_CHANGED,
	TDX_MOCK_OWNED_PAGE_SHARED,
	TDX_MOCK_TOO_MANY_PAGES,
};

/**
 * struct tdx_mock_breach - an entry of the ledger's list of breaches
 * @kind:	what happened
 * @pa:		physical address of the page
 */
struct tdx_mock_breach {
	enum tdx_mock_breach_kind kind;
	u64 pa;
};

/**
 * struct tdx_mock_call - a SEAMCALL on its way through the model
 * @leaf:	leaf number, bit 63 set for a P-SEAMLDR leaf
 * @version:	version of the leaf, from RAX
 * @cpu:	logical processor that makes the call
 * @package:	physical package of @cpu
 * @args:	registers in, registers out
 */
struct tdx_mock_call {
	u64 leaf;
	u8 version;
	unsigned int cpu;
	unsigned int package;
	struct tdx_module_args *args;
};

/*
 * A test may put itself in front of the model: a hook that returns true has
 * answered the call, with @status and the registers in @call.
 */
typedef bool (*tdx_mock_hook_t)(struct tdx_mock *mock, struct tdx_mock_call *call, u64 *status);

void tdx_mock_default_config(struct tdx_mock_config *config);
int tdx_mock_parse_config(struct tdx_mock_config *config, char *text, const char **bad);
u64 tdx_mock_leaf_by_name(const char *name);

bool tdx_mock_has_room(const struct tdx_mock_platform *platform);
struct tdx_mock *tdx_mock_create(const struct tdx_mock_config *config,
				 const struct tdx_mock_platform *platform);
void tdx_mock_make_ready(struct tdx_mock *mock);
void tdx_mock_destroy(struct tdx_mock *mock);
u64 tdx_mock_seamcall(struct tdx_mock *mock, unsigned int cpu, unsigned int package,
		      bool may_wait, u64 fn, struct tdx_module_args *args);
void tdx_mock_set_hook(struct tdx_mock *mock, tdx_mock_hook_t hook, void *hook_data);
void *tdx_mock_hook_data(struct tdx_mock *mock);
u64 tdx_mock_nr_calls(struct tdx_mock *mock, u64 leaf);
bool tdx_mock_next_leaf(struct tdx_mock *mock, unsigned int *pos, const char **name,
			u64 *nr_calls);
const char *tdx_mock_state_name(struct tdx_mock *mock);
const struct tdx_mock_config *tdx_mock_config(struct tdx_mock *mock);

unsigned int tdx_mock_ledger_audit(struct tdx_mock *mock, struct tdx_mock_breach *breaches,
				   unsigned int max_breaches);
const char *tdx_mock_breach_name(enum tdx_mock_breach_kind kind);
u64 tdx_mock_pages_owned(struct tdx_mock *mock);

/**
 * struct tdx_mock_td_usage - what there is of TDs
 * @nr_tds:	TDs, from TDH.MNG.CREATE until the TDR is reclaimed
 * @nr_vcpus:	virtual CPUs of all TDs, from TDH.VP.CREATE until the TDVPR is
 *		reclaimed
 * @nr_hkids:	KeyIDs that are not free, the global one not counted
 */
struct tdx_mock_td_usage {
	unsigned int nr_tds;
	unsigned int nr_vcpus;
	unsigned int nr_hkids;
};

void tdx_mock_td_usage(struct tdx_mock *mock, struct tdx_mock_td_usage *usage);

#endif /* _X86_VIRT_TDX_MOCK_H */
