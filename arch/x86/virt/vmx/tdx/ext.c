// SPDX-License-Identifier: GPL-2.0
/*
 * TDX module extensions: services that run resumably inside the TDX module, on
 * a pool of memory that they are given once.
 *
 * TDs do not need the extensions.  When these fail, the module is up and owns
 * the PAMTs: to give up TDX then would be the riskier way.  So nothing in here
 * fails TDX.
 */
#define pr_fmt(fmt)	"virt/tdx: " fmt

#include <linux/bitfield.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/sizes.h>
#include <linux/types.h>
#include <asm/tdx.h>

#include "ext.h"
#include "page_array.h"
#include "seamcall_internal.h"
#include "tdx.h"

/* Global metadata fields: the id, and the one that older modules have for it */
static const u64 memory_pool_required_pages[] = { 0x3100000200000000, 0x3100000100000000 };
static const u64 ext_required[] = { 0x3100000000000001, 0x3100000100000001 };

/* It is about 50 MB for a feature.  A module that asks for more than this is not to be served. */
#define POOL_LIMIT	SZ_1G

/*
 * What runs in the extensions does not tell how far it has got.  Each call ends
 * with an interrupt that is pending, so the first number takes seconds, and the
 * second one minutes on a module that works.
 */
#define MANY_CALLS	4096
#define MAX_CALLS	262144

static struct tdx_ext_info ext_info;
static bool has_extensions;

/**
 * tdx_ext_get_info() - state and cost of the extensions
 * @info: out
 *
 * Context: any.  A runtime update changes the state.
 */
void tdx_ext_get_info(struct tdx_ext_info *info)
{
	info->state = READ_ONCE(ext_info.state);
	info->pool_pages = ext_info.pool_pages;
	info->quarantined_pages = tdx_quarantined_pages();
}
EXPORT_SYMBOL_FOR_MODULES(tdx_ext_get_info, "tdx-host");

/* What the module wants of the host before it offers its extensions */
struct ext_needs {
	u32 pool_pages;
	bool init;
};

static int read_field(const u64 ids[2], u64 *value)
{
	u64 status;

	for (unsigned int i = 0; i < 2; i++) {
		struct tdx_module_args args = { .rdx = ids[i] };

		status = seamcall_ret(TDH_SYS_RD, &args);
		*value = args.r8;

		/* For an older module not to know the id is no error, nor worth a log */
		if ((status & TDX_SEAMCALL_STATUS_MASK) != TDX_METADATA_FIELD_ID_INCORRECT)
			break;
	}

	return seamcall_errno(TDH_SYS_RD, status);
}

static int read_needs(struct ext_needs *needs)
{
	u64 value;
	int ret;

	ret = read_field(memory_pool_required_pages, &value);
	if (ret)
		return ret;
	if (value > POOL_LIMIT / PAGE_SIZE) {
		pr_err("a pool of %llu MB is out of proportion\n", value / (SZ_1M / PAGE_SIZE));
		return -EIO;
	}
	needs->pool_pages = value;

	ret = read_field(ext_required, &value);
	needs->init = value;
	return ret;
}

/* Has an interrupted TDH.EXT.MEM.ADD got ahead, on the same list? */
static __init bool has_advanced(u64 before, u64 after)
{
	u64 first = FIELD_GET(TDX_HPA_LIST_FIRST_ENTRY, after);

	return (before | TDX_HPA_LIST_FIRST_ENTRY) == (after | TDX_HPA_LIST_FIRST_ENTRY) &&
	       first > FIELD_GET(TDX_HPA_LIST_FIRST_ENTRY, before) &&
	       first <= FIELD_GET(TDX_HPA_LIST_LAST_ENTRY, after);
}

/* Add the pages of one root page to the pool */
static __init int tdh_ext_mem_add(struct tdx_page_array *pool, unsigned int root)
{
	struct tdx_module_args args = { .rcx = tdx_hpa_list_info(pool, root) };
	unsigned int first = root * TDX_PAGES_PER_ROOT;
	u64 list_info, status;

	tdx_page_array_lend(pool, min_t(unsigned int, pool->nr_pages, first + TDX_PAGES_PER_ROOT));
	do {
		list_info = args.rcx;

		/* Feed RCX back as it came: it tells where the module goes on */
		status = seamcall_ret(TDH_EXT_MEM_ADD, &args);
	} while (status == TDX_INTERRUPTED_RESUMABLE && has_advanced(list_info, args.rcx));

	/* Not even the first call has reached the module: it has none of these pages */
	if (!seamcall_reached_module(status) && !FIELD_GET(TDX_HPA_LIST_FIRST_ENTRY, list_info))
		tdx_page_array_lend(pool, first);

	return seamcall_errno(TDH_EXT_MEM_ADD, status);
}

static __init int fill_pool(unsigned int nr_pages)
{
	struct tdx_page_array *pool = tdx_page_array_create(nr_pages);
	int ret = 0;

	if (!pool)
		return -ENOMEM;

	for (unsigned int root = 0; root * TDX_PAGES_PER_ROOT < nr_pages && !ret; root++)
		ret = tdh_ext_mem_add(pool, root);

	if (!ret) {
		tdx_page_array_give(pool);
		ext_info.pool_pages = nr_pages;
	}

	tdx_page_array_release(pool);
	return ret;
}

/**
 * tdx_ext_seamcall() - make a SEAMCALL that runs in the extensions
 * @fn:		number of the leaf
 * @args:	in: the inputs; out: registers after the last call
 *
 * The module keeps what it has done of an interrupted call, and goes on with it
 * when the call is made again with the same inputs.  Output registers have
 * taken their place by then.
 *
 * A call that was interrupted is seen through, also if the module is busy for a
 * moment or out of entropy: left where it is, it would stand in the way of
 * those after it.
 *
 * Context: process.  With interrupts off the module might get nowhere.
 * Return: the status of a call that is over.  TDX_INTERRUPTED_RESUMABLE if the
 * call was begun and the module gets to no end, or can not be reached any more.
 */
u64 tdx_ext_seamcall(u64 fn, struct tdx_module_args *args)
{
	const struct tdx_module_args inputs = *args;
	unsigned int nr_calls = 0;
	bool interrupted = false;
	u64 status;

	do {
		if (nr_calls == MANY_CALLS)
			pr_info_ratelimited("SEAMCALL (0x%016llx) takes long\n", fn);
		*args = inputs;
		status = seamcall_ret(fn, args);
		interrupted |= status == TDX_INTERRUPTED_RESUMABLE;
		if (!interrupted || tdx_ext_is_over(status))
			return status;
	} while (seamcall_reached_module(status) && ++nr_calls < MAX_CALLS);

	return TDX_INTERRUPTED_RESUMABLE;
}

static int tdh_ext_init(void)
{
	struct tdx_module_args args = {};

	return seamcall_errno(TDH_EXT_INIT, tdx_ext_seamcall(TDH_EXT_INIT, &args));
}

/* State of the extensions after @err, with @needs met if there is none */
static void set_state(int err, const struct ext_needs *needs)
{
	enum tdx_ext_state state = TDX_EXT_NONE;

	if (err)
		state = TDX_EXT_FAILED;
	else if (needs->init || ext_info.pool_pages)
		state = TDX_EXT_READY;
	WRITE_ONCE(ext_info.state, state);

	if (state == TDX_EXT_FAILED)
		pr_err("extensions failed (%d), TDX goes on without them\n", err);
	else if (state == TDX_EXT_READY)
		pr_info("extensions ready, %lu KB\n", ext_info.pool_pages * (PAGE_SIZE / SZ_1K));
}

/**
 * tdx_ext_init() - bring the extensions up as far as the module wants it
 * @features0: TDX_FEATURES0 of the module
 *
 * Failure is logged and shows in the state.  It is none of TDX.
 *
 * Context: boot, with the TDMRs initialized.  May sleep.
 */
void __init tdx_ext_init(u64 features0)
{
	struct ext_needs needs = {};
	int ret;

	ext_info = (struct tdx_ext_info) {};
	has_extensions = features0 & TDX_FEATURES0_EXT;
	if (!has_extensions)
		return;

	/* Memory and initialization are independent of each other */
	ret = read_needs(&needs);
	if (!ret && needs.pool_pages)
		ret = fill_pool(needs.pool_pages);
	if (!ret && needs.init)
		ret = tdh_ext_init();

	set_state(ret, &needs);
}

/**
 * tdx_ext_stop() - the module that the extensions run in is shut down
 *
 * Extensions that were up have failed, until an update brings them up again.
 *
 * Context: any, after an update that has left no module behind.
 */
void tdx_ext_stop(void)
{
	if (ext_info.state == TDX_EXT_READY)
		WRITE_ONCE(ext_info.state, TDX_EXT_FAILED);
}

/**
 * tdx_ext_update() - bring the extensions up again in an updated module
 *
 * The pool stays with the module.  A compatible update does not ask for more
 * memory, so what fills the pool is not kept after boot.  If the new module does
 * ask, the extensions have failed.  TDs go on.
 *
 * Context: process, after the update and not in the middle of it: the other CPUs
 * are not to wait for what runs in the extensions.
 */
void tdx_ext_update(void)
{
	struct ext_needs needs = {};
	int ret;

	if (!has_extensions)
		return;

	ret = read_needs(&needs);
	if (!ret && needs.pool_pages)
		ret = -ENOMEM;
	if (!ret && needs.init)
		ret = tdh_ext_init();

	set_state(ret, &needs);
}
