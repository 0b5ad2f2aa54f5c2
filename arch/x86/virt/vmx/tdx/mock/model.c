// SPDX-License-Identifier: GPL-2.0
/*
 * The mock TDX module: from a SEAMCALL to the leaf that answers it.
 *
 * Every check that is common to all leaves is here, in the order in which the
 * TDX module makes it.
 */
#include <linux/array_size.h>
#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/limits.h>
#include <linux/lockdep.h>
#include <linux/pfn.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <asm/tdx.h>

#include "../tdx.h"
#include "model.h"

#define LEAF_VERSION_SHIFT	16
#define LEAF_VERSION_MASK	GENMASK_ULL(23, 16)
#define LEAF_NUMBER_MASK	(BIT_ULL(63) | GENMASK_ULL(15, 0))
#define LEAF_SEAMLDR		BIT_ULL(63)

/* Leaf number, name and handler of what the mock does, in numerical order */
static const struct mock_leaf leaves[] = {
	{ TDH_VP_ENTER, "TDH.VP.ENTER", mock_vp_enter },
	{ TDH_MNG_ADDCX, "TDH.MNG.ADDCX", mock_mng_addcx },
	{ TDH_MEM_PAGE_ADD, "TDH.MEM.PAGE.ADD", mock_mem_page_add },
	{ TDH_MEM_SEPT_ADD, "TDH.MEM.SEPT.ADD", mock_mem_sept_add },
	{ TDH_VP_ADDCX, "TDH.VP.ADDCX", mock_vp_addcx },
	{ TDH_MEM_PAGE_AUG, "TDH.MEM.PAGE.AUG", mock_mem_page_aug },
	{ TDH_MEM_RANGE_BLOCK, "TDH.MEM.RANGE.BLOCK", mock_mem_range_block },
	{ TDH_MNG_KEY_CONFIG, "TDH.MNG.KEY.CONFIG", mock_mng_key_config },
	{ TDH_MNG_CREATE, "TDH.MNG.CREATE", mock_mng_create },
	{ TDH_VP_CREATE, "TDH.VP.CREATE", mock_vp_create },
	{ TDH_MNG_RD, "TDH.MNG.RD", mock_mng_rd },
	{ TDH_MR_EXTEND, "TDH.MR.EXTEND", mock_mr_extend },
	{ TDH_MR_FINALIZE, "TDH.MR.FINALIZE", mock_mr_finalize },
	{ TDH_VP_FLUSH, "TDH.VP.FLUSH", mock_vp_flush },
	{ TDH_MNG_VPFLUSHDONE, "TDH.MNG.VPFLUSHDONE", mock_mng_vpflushdone },
	{ TDH_MNG_KEY_FREEID, "TDH.MNG.KEY.FREEID", mock_mng_key_freeid },
	{ TDH_MNG_INIT, "TDH.MNG.INIT", mock_mng_init },
	{ TDH_VP_INIT, "TDH.VP.INIT", mock_vp_init, .max_version = 1 },
	{ TDH_PHYMEM_PAGE_RDMD, "TDH.PHYMEM.PAGE.RDMD", mock_phymem_page_rdmd },
	{ TDH_VP_RD, "TDH.VP.RD", mock_vp_rd },
	{ TDH_PHYMEM_PAGE_RECLAIM, "TDH.PHYMEM.PAGE.RECLAIM", mock_phymem_page_reclaim },
	{ TDH_MEM_PAGE_REMOVE, "TDH.MEM.PAGE.REMOVE", mock_mem_page_remove },
	{
		TDH_SYS_KEY_CONFIG, "TDH.SYS.KEY.CONFIG", mock_sys_key_config,
		.states = MOCK_IN(CONFIGURED),
		.wrong_state = MOCK_SYS_KEY_CONFIG_NOT_PENDING,
		.flags = MOCK_EXCLUSIVE,
	},
	{
		TDH_SYS_INIT, "TDH.SYS.INIT", mock_sys_init,
		.states = MOCK_IN(INIT_PENDING),
		.wrong_state = MOCK_SYS_INIT_NOT_PENDING,
		.flags = MOCK_EXCLUSIVE | MOCK_BEFORE_LP_INIT,
	},
	{
		TDH_SYS_RD, "TDH.SYS.RD", mock_sys_rd,
		.states = MOCK_IN(INIT_DONE) | MOCK_IN(CONFIGURED) | MOCK_IN(READY),
	},
	{
		TDH_SYS_LP_INIT, "TDH.SYS.LP.INIT", mock_sys_lp_init,
		.states = MOCK_IN(INIT_DONE) | MOCK_IN(CONFIGURED) | MOCK_IN(READY),
		.wrong_state = MOCK_SYS_LP_INIT_NOT_PENDING,
		.flags = MOCK_BEFORE_LP_INIT,
	},
	{ TDH_SYS_TDMR_INIT, "TDH.SYS.TDMR.INIT", mock_sys_tdmr_init },
	{ TDH_MEM_TRACK, "TDH.MEM.TRACK", mock_mem_track },
	{ TDH_PHYMEM_CACHE_WB, "TDH.PHYMEM.CACHE.WB", mock_phymem_cache_wb },
	{ TDH_PHYMEM_PAGE_WBINVD, "TDH.PHYMEM.PAGE.WBINVD", mock_phymem_page_wbinvd },
	{ TDH_VP_WR, "TDH.VP.WR", mock_vp_wr },
	{
		TDH_SYS_CONFIG, "TDH.SYS.CONFIG", mock_sys_config,
		.max_version = 1,
		.states = MOCK_IN(INIT_DONE),
		.wrong_state = MOCK_SYS_CONFIG_NOT_PENDING,
		.flags = MOCK_EXCLUSIVE,
	},
	{
		TDH_SYS_SHUTDOWN, "TDH.SYS.SHUTDOWN", mock_sys_shutdown,
		.flags = MOCK_EXCLUSIVE,
	},
	{
		TDH_SYS_UPDATE, "TDH.SYS.UPDATE", mock_sys_update,
		.max_version = 1,
		.states = MOCK_IN(INIT_DONE),
		.wrong_state = MOCK_SYS_STATE_INCORRECT,
		.flags = MOCK_EXCLUSIVE,
	},
	{
		TDH_EXT_INIT, "TDH.EXT.INIT", mock_ext_init,
		.feature = MOCK_FEATURE_EXT,
	},
	{
		TDH_EXT_MEM_ADD, "TDH.EXT.MEM.ADD", mock_ext_mem_add,
		.feature = MOCK_FEATURE_EXT,
	},
	{
		TDH_SYS_DISABLE, "TDH.SYS.DISABLE", mock_sys_disable,
		.states = MOCK_IN_ANY & ~MOCK_IN(DISABLED),
		.flags = MOCK_EXCLUSIVE | MOCK_BEFORE_LP_INIT,
	},
	{
		TDH_QUOTE_GET, "TDH.QUOTE.GET", mock_quote_get,
		.feature = MOCK_FEATURE_QUOTE,
	},
	{
		TDH_QUOTE_INIT, "TDH.QUOTE.INIT", mock_quote_init,
		.feature = MOCK_FEATURE_QUOTE,
	},
	{
		TDH_SPDM_CREATE, "TDH.SPDM.CREATE", mock_spdm_create,
		.feature = MOCK_FEATURE_CONNECT,
	},
	{
		TDH_SPDM_DELETE, "TDH.SPDM.DELETE", mock_spdm_delete,
		.feature = MOCK_FEATURE_CONNECT,
	},
	{ P_SEAMLDR_INFO, "SEAMLDR.INFO", mock_seamldr_info },
	{ P_SEAMLDR_INSTALL, "SEAMLDR.INSTALL", mock_seamldr_install },
};

static_assert(ARRAY_SIZE(leaves) <= TDX_MOCK_MAX_LEAVES);

static const char *const state_names[] = {
	[MOCK_INIT_PENDING]	= "init-pending",
	[MOCK_INIT_DONE]	= "init-done",
	[MOCK_CONFIGURED]	= "configured",
	[MOCK_READY]		= "ready",
	[MOCK_SHUTDOWN]		= "shutdown",
	[MOCK_UNLOADED]		= "unloaded",
	[MOCK_DISABLED]		= "disabled",
};

static const struct mock_leaf *find_leaf(u64 number)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(leaves); i++) {
		if (leaves[i].number == number)
			return &leaves[i];
	}

	return NULL;
}

/**
 * tdx_mock_leaf_by_name() - number of a leaf function
 * @name: as the specification writes it, "TDH.SYS.INIT"
 *
 * Return: the number, with bit 63 for a P-SEAMLDR leaf; U64_MAX if the mock
 * has no such leaf.
 */
u64 tdx_mock_leaf_by_name(const char *name)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(leaves); i++) {
		if (!strcmp(leaves[i].name, name))
			return leaves[i].number;
	}

	return U64_MAX;
}

/**
 * tdx_mock_has_room() - is the machine one that the model can deal with?
 * @platform: the machine
 *
 * Return: false if it has more CPUs or packages than the model has room for.
 */
bool tdx_mock_has_room(const struct tdx_mock_platform *platform)
{
	return platform->nr_cpus <= TDX_MOCK_MAX_CPUS &&
	       platform->nr_packages <= TDX_MOCK_MAX_PACKAGES;
}

/**
 * tdx_mock_create() - a module, loaded and waiting for TDH.SYS.INIT
 * @config:	what kind of module; copied
 * @platform:	the machine it is on, for which tdx_mock_has_room(); copied
 *
 * Context: may sleep.
 * Return: the module, for tdx_mock_destroy(); NULL if there is no memory.
 */
struct tdx_mock *tdx_mock_create(const struct tdx_mock_config *config,
				 const struct tdx_mock_platform *platform)
{
	struct tdx_mock *mock = kzalloc_obj(*mock);

	if (!mock)
		return NULL;

	raw_spin_lock_init(&mock->lock);
	mock->config = *config;
	mock->platform = *platform;

	for (unsigned int i = 0; i < platform->nr_cmrs; i++) {
		u64 nr_frames = PHYS_PFN(platform->cmrs[i].end - platform->cmrs[i].start);

		mock->frames[i] = vcalloc(nr_frames, sizeof(*mock->frames[i]));
		if (!mock->frames[i]) {
			tdx_mock_destroy(mock);
			return NULL;
		}
	}

	return mock;
}

/**
 * tdx_mock_destroy() - end of a module
 * @mock: from tdx_mock_create(); no SEAMCALL may be on its way to it
 *
 * Context: may sleep.
 */
void tdx_mock_destroy(struct tdx_mock *mock)
{
	for (unsigned int i = 0; i < mock->platform.nr_cmrs; i++)
		vfree(mock->frames[i]);
	kfree(mock);
}

/* The line of the fault plan that disturbs call number @nth of @leaf */
static const struct tdx_mock_fault *find_fault(struct tdx_mock *mock, u64 leaf, u64 nth)
{
	for (unsigned int i = 0; i < mock->config.nr_faults; i++) {
		const struct tdx_mock_fault *fault = &mock->config.faults[i];

		if (fault->leaf == leaf && nth >= fault->first &&
		    nth - fault->first < fault->count)
			return fault;
	}

	return NULL;
}

/* Is this a good moment for @leaf?  TDX_SUCCESS, or the status to answer */
static u64 check_state(struct tdx_mock *mock, const struct mock_leaf *leaf,
		       struct tdx_mock_call *call)
{
	/* The P-SEAMLDR is there whatever becomes of the module */
	if (leaf->number & LEAF_SEAMLDR)
		return TDX_SUCCESS;

	if (mock->config.absent || mock->state == MOCK_UNLOADED)
		return TDX_SEAMCALL_VMFAILINVALID;

	if (!((leaf->states ?: MOCK_IN(READY)) & BIT(mock->state))) {
		if (mock->state == MOCK_SHUTDOWN || mock->state == MOCK_DISABLED)
			return MOCK_SYS_SHUTDOWN;
		return leaf->wrong_state ?: MOCK_SYS_NOT_READY;
	}

	if (!(leaf->flags & MOCK_BEFORE_LP_INIT) && !test_bit(call->cpu, mock->lps))
		return MOCK_SYS_LP_INIT_NOT_DONE;

	return TDX_SUCCESS;
}

static u64 answer(struct tdx_mock *mock, u64 fn, const struct mock_leaf *leaf,
		  struct tdx_mock_call *call)
{
	const struct tdx_mock_fault *fault;
	u64 status;

	fault = find_fault(mock, call->leaf, ++mock->nr_calls[leaf - leaves]);
	if (fault && !fault->is_output) {
		if (call->leaf == TDH_QUOTE_GET)
			mock_quote_fail(mock, call->args, fault->value);
		return fault->value;
	}

	if ((fn & ~(LEAF_NUMBER_MASK | LEAF_VERSION_MASK)) || call->version > leaf->max_version)
		return mock_operand_invalid(MOCK_OPERAND_RAX);

	status = check_state(mock, leaf, call);
	if (status)
		return status;

	if (leaf->feature & ~mock->config.features0)
		return mock_operand_invalid(MOCK_OPERAND_RAX);

	status = leaf->handle(mock, call);
	if (fault)
		*(u64 *)((u8 *)call->args + fault->reg) = fault->value;

	return status;
}

/*
 * The TDX module never waits for another CPU: it refuses a call that needs
 * what another one holds.  So does the model for leaves that need all of the
 * module, and for a call that has interrupted another one.  All other calls
 * take turns, those that the TDX module would let run side by side and those of
 * which it would refuse one, for the same TD for instance.
 */
static bool enter(struct tdx_mock *mock, const struct mock_leaf *leaf, bool may_wait)
{
	if (!may_wait || (leaf->flags & MOCK_EXCLUSIVE))
		return raw_spin_trylock(&mock->lock);

	raw_spin_lock(&mock->lock);
	return true;
}

/**
 * tdx_mock_seamcall() - answer a SEAMCALL
 * @mock:	the module
 * @cpu:	logical processor that makes the call
 * @package:	physical package of @cpu
 * @may_wait:	false where the call may have interrupted one on the same CPU
 * @fn:		RAX: leaf number and version
 * @args:	the other registers, in and out
 *
 * Context: any, with interrupts off unless @may_wait is false.
 * Return: RAX.  TDX_SEAMCALL_VMFAILINVALID stands for CF = 1;
 * TDX_SEAMCALL_GP and TDX_SEAMCALL_UD stand for the exceptions.
 */
u64 tdx_mock_seamcall(struct tdx_mock *mock, unsigned int cpu, unsigned int package,
		      bool may_wait, u64 fn, struct tdx_module_args *args)
{
	struct tdx_mock_call call = {
		.leaf		= fn & LEAF_NUMBER_MASK,
		.version	= (fn & LEAF_VERSION_MASK) >> LEAF_VERSION_SHIFT,
		.cpu		= cpu,
		.package	= package,
		.args		= args,
	};
	bool is_seamldr = fn & LEAF_SEAMLDR;
	const struct mock_leaf *leaf;
	u64 status;

	/* Else the trap could interrupt this CPU, and wait for it */
	if (may_wait)
		lockdep_assert_irqs_disabled();

	if (mock->hook && mock->hook(mock, &call, &status))
		return status;

	leaf = find_leaf(call.leaf);
	if (!leaf)
		return mock_operand_invalid(MOCK_OPERAND_RAX);

	/* Only one CPU at a time is let into the P-SEAMLDR */
	if (is_seamldr && test_and_set_bit(0, &mock->seamldr_busy))
		return TDX_SEAMCALL_VMFAILINVALID;

	if (enter(mock, leaf, may_wait)) {
		status = answer(mock, fn, leaf, &call);
		raw_spin_unlock(&mock->lock);
	} else {
		status = TDX_SYS_BUSY;
	}

	if (is_seamldr)
		clear_bit(0, &mock->seamldr_busy);

	return status;
}

/**
 * tdx_mock_set_hook() - put a test in front of the model
 * @mock:	the module; no SEAMCALL may be on its way to it
 * @hook:	sees every call first and may answer it; NULL: none
 * @hook_data:	what tdx_mock_hook_data() gives the hook
 */
void tdx_mock_set_hook(struct tdx_mock *mock, tdx_mock_hook_t hook, void *hook_data)
{
	mock->hook_data = hook_data;
	mock->hook = hook;
}

/**
 * tdx_mock_hook_data() - what the test has left for its hook
 * @mock: the module
 *
 * Return: the pointer given to tdx_mock_set_hook().
 */
void *tdx_mock_hook_data(struct tdx_mock *mock)
{
	return mock->hook_data;
}

/**
 * tdx_mock_nr_calls() - how often a leaf was called
 * @mock: the module
 * @leaf: leaf number, bit 63 set for a P-SEAMLDR leaf
 *
 * Return: the number of calls since tdx_mock_create(), those that failed
 * included.  Not included are those that a hook answered, and those that did not
 * get in because another CPU was in the module or in the P-SEAMLDR.
 */
u64 tdx_mock_nr_calls(struct tdx_mock *mock, u64 leaf)
{
	const struct mock_leaf *found = find_leaf(leaf);

	return found ? READ_ONCE(mock->nr_calls[found - leaves]) : 0;
}

/**
 * tdx_mock_next_leaf() - step of a loop over all leaves
 * @mock:	the module
 * @pos:	0 at first, then left alone
 * @name:	out: name of the leaf
 * @nr_calls:	out: how often it was called
 *
 * Return: false behind the last leaf.
 */
bool tdx_mock_next_leaf(struct tdx_mock *mock, unsigned int *pos, const char **name,
			u64 *nr_calls)
{
	if (*pos >= ARRAY_SIZE(leaves))
		return false;

	*name = leaves[*pos].name;
	*nr_calls = READ_ONCE(mock->nr_calls[*pos]);
	(*pos)++;
	return true;
}

/**
 * tdx_mock_state_name() - how far the module has come
 * @mock: the module
 *
 * Return: "init-pending", "init-done", "configured", "ready", "shutdown",
 * "unloaded" or "disabled".
 */
const char *tdx_mock_state_name(struct tdx_mock *mock)
{
	return state_names[READ_ONCE(mock->state)];
}

/**
 * tdx_mock_config() - what kind of module is running
 * @mock: the module
 *
 * Return: its configuration; after a runtime update that of the new module.
 */
const struct tdx_mock_config *tdx_mock_config(struct tdx_mock *mock)
{
	return &mock->config;
}
