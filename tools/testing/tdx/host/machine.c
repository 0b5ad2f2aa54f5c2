// SPDX-License-Identifier: GPL-2.0
/*
 * A machine, from boot to its end, as a series of steps: what the rest of the
 * kernel would do with the product, in any order that the product allows.
 */
#include <linux/array_size.h>
#include <linux/err.h>
#include <linux/sizes.h>

#include "ext.h"
#include "mock/quote.h"
#include "mock/td.h"
#include "mock/trap.h"
#include "quote.h"
#include "tdx.h"
#include "machine.h"
#include "page_array.h"

#define REPORT_LEN	1024

#define SEAMLDR_INSTALL	0x8000000000000001ULL

static struct {
	struct tdx_mock *module;
	u64 features;
	struct tdx_td td;
	struct mock_td *mock_td;
	bool has_report;
	u64 report[PAGE_SIZE / sizeof(u64)];	/* and zeroes behind it */
	struct machine_setup setup;	/* as the module is now */
	bool asks_for_quotes;
	bool has_booted;
	bool is_mixed_up;		/* a session was deleted by the id of another one */
	unsigned int nr_cpus;		/* that the module runs on */
	unsigned int nr_sessions;	/* that it has */
	unsigned long nr_warnings, quarantined_before, nr_given;

	struct machine_array {
		struct tdx_page_array *array;
		u64 session;
		bool has_session;
		bool was_returned;
	} arrays[HOST_ARRAYS];
} machine;

static void describe_module(struct tdx_mock_config *config, const struct machine_setup *setup)
{
	config->features0 |= TDX_FEATURES0_EXT | TDX_FEATURES0_QUOTE |
			     BIT_ULL(6) /* TDX Connect */;
	config->pool = setup->pool;
	config->ext_init = setup->init;
	config->ext_old = setup->old;
	config->ext_step = setup->step;
	config->ext_init_steps = setup->init_steps;
	config->spdm_pages = setup->object_pages;
	config->quote_size = setup->quote_size ?: PAGE_SIZE;
	config->quote_steps = setup->quote_steps;
}

/* A TD that runs, without what there is to it besides the TDR */
static void make_td(void)
{
	phys_addr_t tdr_pa;

	machine.td.tdr_page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	tdr_pa = page_to_phys(machine.td.tdr_page);
	mock_own_td_page(machine.module, tdr_pa, MOCK_PT_TDR, 0);
	mock_stamp_page(machine.module, tdr_pa);
	machine.mock_td = mock_page_content(tdr_pa);
	*machine.mock_td = (struct mock_td) { .pa = tdr_pa, .state = MOCK_TD_RUNNABLE };
}

/* Not before it is needed: it takes longer than anything else that a machine does */
static const void *report(void)
{
	static const u8 report_data[TDX_MOCK_REPORT_DATA_LEN];

	if (!machine.has_report)
		mock_make_report(machine.mock_td, report_data, machine.report);
	machine.has_report = true;
	return machine.report;
}

/**
 * machine_start() - a machine, its module just initialized
 * @setup:	what kind of machine
 * @disturb:	see oracle_start()
 */
void machine_start(const struct machine_setup *setup, oracle_disturb_t disturb)
{
	struct tdx_mock_platform platform;
	struct tdx_mock_config config;

	memset(&machine, 0, sizeof(machine));
	host_check(setup->memory <= HOST_FEW_PAGES, "more memory than the oracle knows of");
	host_set_memory(setup->memory, setup->vmalloc ?: HOST_FEW_VMALLOC_PAGES);
	tdx_mock_default_config(&config);
	describe_module(&config, setup);
	tdx_mock_this_machine(&platform);

	machine.setup = *setup;
	machine.asks_for_quotes = setup->quote_size;
	machine.nr_cpus = TDX_MOCK_MAX_CPUS;
	machine.features = config.features0;
	machine.module = tdx_mock_create(&config, &platform);
	tdx_mock_make_ready(machine.module);
	make_td();
	tdx_mock_trap(machine.module);
	machine.nr_warnings = host_nr_warnings;
	machine.quarantined_before = tdx_quarantined_pages();
	host_limit_order(setup->max_order);
	oracle_start(page_to_phys(machine.td.tdr_page), disturb);
}

static void begin(struct oracle_step step)
{
	oracle_next_step(step);
	host_clear_log();
	host_warnings_expected = true;
}

static void begin_step(void)
{
	begin((struct oracle_step) { .array = NO_ARRAY });
}

static void begin_step_with(unsigned int n, u64 rcx)
{
	begin((struct oracle_step) { n, machine.arrays[n].array->nr_pages, rcx });
}

/* Each page in use is the module's maybe, or somebody's who knows of it; no page is both or none */
static void check_pages(void)
{
	unsigned long nr_live = 1 /* that of the TD */, nr_lent = 0, nr_claimed, nr_lost;

	for (unsigned int n = 0; n < HOST_ARRAYS; n++) {
		const struct tdx_page_array *array = machine.arrays[n].array;

		if (!array)
			continue;
		nr_live += array->nr_pages - oracle_nr_lent(n) + !!array->aux;
		nr_lent += oracle_nr_lent(n);
	}

	nr_claimed = oracle_nr_claimed();
	nr_lost = tdx_quarantined_pages() - machine.quarantined_before;
	host_check(host_used_pages() == nr_live + nr_claimed, "%lu pages used, not %lu + %lu",
		   host_used_pages(), nr_live, nr_claimed);
	host_check(nr_lost + machine.nr_given + nr_lent == nr_claimed,
		   "quarantined %lu, given %lu, lent %lu, but claimed %lu", nr_lost,
		   machine.nr_given, nr_lent, nr_claimed);
}

/* Who has told the kernel that a page is free has no claim on it */
static void check_ledger(void)
{
	struct tdx_mock_breach breaches[TDX_MOCK_MAX_BREACHES];
	unsigned int nr_breaches;

	nr_breaches = tdx_mock_ledger_audit(machine.module, breaches, ARRAY_SIZE(breaches));
	for (unsigned int i = 0; i < min(nr_breaches, ARRAY_SIZE(breaches)); i++)
		host_check(oracle_is_disputed(breaches[i].pa) ||
			   (breaches[i].kind == TDX_MOCK_TOO_MANY_PAGES &&
			    !oracle_is_undisturbed()), "ledger: %#llx %s", breaches[i].pa,
			   tdx_mock_breach_name(breaches[i].kind));
}

static void end_step(void)
{
	host_warnings_expected = false;
	host_check(!host_preempt_count, "preemption is off");
	host_check(machine.nr_warnings == host_nr_warnings, "warning");
	check_pages();
	check_ledger();
}

/* What is @possible has to be done, unless somebody is in the way */
static void check_success(bool possible, int ret)
{
	host_check(!ret || !possible || !oracle_is_undisturbed(), "%d for no reason", ret);
}

static int errno_of(u64 status)
{
	switch (status) {
	case TDX_SUCCESS:		 return 0;
	case TDX_SEAMCALL_VMFAILINVALID: return -ENODEV;
	case TDX_SEAMCALL_GP:		 return -EOPNOTSUPP;
	case TDX_SEAMCALL_UD:		 return -EACCES;
	default:			 return -EIO;
	}
}

static bool is_initialized(void)
{
	struct tdx_ext_info info;

	tdx_ext_get_info(&info);
	return !machine.setup.init || (machine.has_booted && info.state == TDX_EXT_READY);
}

/* The state follows from what the module wants, and whether it was told that it got it */
static void check_state(bool has_memory)
{
	enum tdx_ext_state expected = TDX_EXT_NONE;
	struct tdx_ext_info info;
	int err;

	check_success(true, oracle_last_status());
	if (machine.setup.has_extensions && oracle_is_undisturbed())
		host_check(oracle_pool_size() == machine.setup.pool &&
			   oracle_wants_init() == machine.setup.init, "other needs were read");
	if (!machine.setup.has_extensions) {
		host_check(!oracle_nr_calls(0), "calls for extensions that are not there");
	} else if (oracle_last_status() || (oracle_pool_size() && !has_memory)) {
		expected = TDX_EXT_FAILED;
		err = errno_of(oracle_last_status()) ?:
		      (oracle_pool_size() > SZ_1G / PAGE_SIZE ? -EIO : -ENOMEM);
		host_check(host_has_logged("extensions failed (%d)", err), "failed, and no word");
	} else {
		host_check(!!oracle_nr_calls(TDH_EXT_INIT) == oracle_wants_init(),
			   "initialized %u times", oracle_nr_calls(TDH_EXT_INIT));
		if (machine.nr_given || oracle_wants_init())
			expected = TDX_EXT_READY;
	}
	host_check(host_has_logged("extensions ready, %lu KB\n", machine.nr_given * 4) ==
		   (expected == TDX_EXT_READY), "state %u and the log do not agree", expected);

	tdx_ext_get_info(&info);
	host_check(info.state == expected, "state %u, not %u", info.state, expected);
	host_check(info.pool_pages == machine.nr_given, "%lu pages in the pool", info.pool_pages);
	host_check(info.quarantined_pages == tdx_quarantined_pages(), "%lu pages quarantined",
		   info.quarantined_pages);
}

/* Quotes are made if all calls were successful and the size is of this world */
static void init_quotes(void)
{
	struct tdx_ext_info info;
	bool expected;

	begin_step();
	tdx_quote_init(machine.asks_for_quotes ? TDX_FEATURES0_QUOTE : 0);
	tdx_ext_get_info(&info);
	host_check(!oracle_nr_calls(TDH_QUOTE_INIT) ==
		   (!machine.asks_for_quotes || info.state == TDX_EXT_FAILED),
		   "%u calls for quotes", oracle_nr_calls(TDH_QUOTE_INIT));
	check_success(machine.setup.has_extensions, oracle_last_status());
	if (oracle_nr_calls(TDH_QUOTE_INIT) && !oracle_last_status() && oracle_is_undisturbed())
		host_check(oracle_quote_size() == machine.setup.quote_size, "other quotes");

	expected = !oracle_last_status() && oracle_quote_size() && oracle_quote_size() <= SZ_16M;
	host_check(tdx_quote_max_size() == (expected ? oracle_quote_size() : 0),
		   "quotes of up to %u bytes", tdx_quote_max_size());
	host_check(host_has_logged("quotes ready") == expected, "the log and quotes do not agree");
	if (oracle_nr_calls(TDH_QUOTE_INIT) && !expected)
		host_check(host_has_logged("quotes failed (%d)",
					   errno_of(oracle_last_status()) ?: -EIO),
			   "no quotes, and no word of it");
	end_step();
}

/**
 * machine_boot() - bring the extensions up, as tdx_init() does
 *
 * Nothing is done the second time.
 *
 * Return: did the kernel say that it takes long?
 */
bool machine_boot(void)
{
	unsigned long nr_free = host_free_pages();
	bool may_fail = host_task.fail_nth;
	bool has_memory, took_long;

	if (machine.has_booted)
		return false;

	machine.has_booted = true;
	begin_step();
	tdx_ext_init(machine.setup.has_extensions ? TDX_FEATURES0_EXT : 0);

	has_memory = oracle_nr_calls(TDH_EXT_MEM_ADD);
	may_fail |= oracle_last_status() || oracle_pool_size() > nr_free;
	host_check(has_memory || may_fail || !oracle_pool_size(), "no pool");
	if (has_memory && (!oracle_last_status() || oracle_nr_calls(TDH_EXT_INIT)))
		machine.nr_given = oracle_pool_size();
	end_step();
	check_state(has_memory);
	took_long = host_has_logged("SEAMCALL (0x%016x) takes long", TDH_EXT_INIT);
	init_quotes();
	return took_long;
}

static void call_module(unsigned int cpu, u64 fn, u64 rcx, u64 r9)
{
	struct tdx_module_args regs = { .rcx = rcx, .r9 = r9 };
	u64 status = tdx_mock_seamcall(machine.module, cpu, 0, true, fn, &regs);

	host_check(!status, "update: call %#llx: %#llx", fn, status);
}

/* What is in the pages of a module image, see the mock's seamldr.c */
static void install_image(void)
{
	const struct machine_setup *setup = &machine.setup;
	struct page *params = alloc_page(GFP_KERNEL | __GFP_ZERO);
	struct page *image = alloc_page(GFP_KERNEL | __GFP_ZERO);
	u32 *params_words = page_address(params);
	u64 *params_pas = page_address(params);

	snprintf(page_address(image), PAGE_SIZE,
		 "TDX-MOCK-MODULE\npool_after=%u,ext_init=%d,ext_old=%d,ext_init_steps=%u,"
		 "quote_size=%u,quote_steps=%u,updates=9", setup->pool, setup->init, setup->old,
		 setup->init_steps, setup->quote_size, setup->quote_steps);
	params_words[1] = 1;
	params_pas[1] = page_to_phys(image);
	params_pas[15] = 1;
	params_pas[16] = page_to_phys(image);

	call_module(0, SEAMLDR_INSTALL, page_to_phys(params), 0);
	__free_page(params);
	__free_page(image);
}

static void replace_module(void)
{
	call_module(0, TDH_SYS_SHUTDOWN, 1, 0);
	install_image();
	for (unsigned int cpu = 1; cpu < machine.nr_cpus; cpu++)
		call_module(cpu, SEAMLDR_INSTALL, 0, 0);
	machine.nr_cpus = 1;
	call_module(0, TDH_SYS_INIT, 0, 0);
	call_module(0, TDH_SYS_LP_INIT, 0, 0);
	/* Version 1 is told for which features */
	call_module(0, TDH_SYS_UPDATE | 1 << TDX_VERSION_SHIFT, 0, machine.features);
}

/**
 * machine_update() - replace the module by another one
 * @setup: what the new one is like, as far as modules differ after an update
 *
 * No memory can be had for it.  Nothing is done before the machine has booted.
 */
void machine_update(const struct machine_setup *setup)
{
	unsigned int fail_nth = host_task.fail_nth;

	if (!machine.has_booted || host_free_pages() < 2)
		return;

	machine.setup.pool = setup->pool;
	machine.setup.init = setup->init;
	machine.setup.old = setup->old;
	machine.setup.init_steps = setup->init_steps;
	machine.setup.quote_size = setup->quote_size ?: PAGE_SIZE;
	machine.setup.quote_steps = setup->quote_steps;

	/* Whose memory the image is in does not matter here */
	host_task.fail_nth = 0;
	replace_module();
	host_task.fail_nth = fail_nth;
	begin_step();
	tdx_ext_update();
	host_check(!oracle_nr_calls(TDH_EXT_MEM_ADD), "memory given in an update");
	end_step();
	check_state(false);
	init_quotes();
}

/**
 * machine_create_array() - have pages for the module
 * @n:		number of the array; nothing is done if it is there
 * @nr_pages:	number of 4 KB pages
 * @in_steps:	first room for the pages, then the pages, which may be some only
 */
void machine_create_array(unsigned int n, unsigned int nr_pages, bool in_steps)
{
	struct machine_array *array = &machine.arrays[n];
	bool may_fail = host_task.fail_nth || nr_pages > host_free_pages();
	int ret = 0;

	if (array->array)
		return;

	oracle_new_array(n);
	begin_step();
	if (in_steps) {
		array->array = tdx_page_array_alloc(nr_pages);
		if (array->array)
			ret = tdx_page_array_populate(array->array);
	} else {
		array->array = tdx_page_array_create(nr_pages);
	}
	host_check(!ret || ret == -ENOMEM, "%d, not -ENOMEM", ret);
	host_check(may_fail || !nr_pages || (array->array && !ret), "no array");
	host_check(!array->array || ret || array->array->nr_pages == nr_pages, "%u pages, not %u",
		   array->array->nr_pages, nr_pages);
	end_step();
}

/**
 * machine_create_session() - give the pages of an array for a session
 * @n:			number of the array; nothing is done if it can not be
 * @function_id:	TDISP function id
 */
void machine_create_session(unsigned int n, u32 function_id)
{
	struct machine_array *array = &machine.arrays[n];
	bool may_fail = host_task.fail_nth || host_free_pages() == 0;
	bool possible;
	int ret;

	if (!array->array || !array->array->nr_pages || array->has_session || array->was_returned)
		return;

	possible = array->array->nr_pages == machine.setup.object_pages && is_initialized() &&
		   !machine.is_mixed_up && machine.nr_sessions < TDX_MOCK_MAX_OBJECTS;
	begin_step_with(n, function_id);
	ret = tdh_spdm_create(function_id, array->array, &array->session);
	check_success(possible && !may_fail, ret);
	if (oracle_nr_calls(TDH_SPDM_CREATE))
		host_check(ret == errno_of(oracle_last_status()), "%d for %#llx", ret,
			   oracle_last_status());
	else if (array->array->nr_pages > TDX_PAGES_PER_ROOT)
		host_check(ret == -EINVAL, "%d for too many pages", ret);
	else
		host_check(may_fail && ret == -ENOMEM, "%d without a call", ret);
	array->has_session = !ret;
	machine.nr_sessions += !ret;
	end_step();
}

/**
 * machine_delete_session() - get the pages of a session back
 * @n:		number of the array; nothing is done if it has no session
 * @id_xor:	bits that are wrong in the id of the session
 */
void machine_delete_session(unsigned int n, u64 id_xor)
{
	struct machine_array *array = &machine.arrays[n];
	int expected, ret;

	if (!array->has_session)
		return;

	begin_step_with(n, array->session ^ id_xor);
	ret = tdh_spdm_delete(array->session ^ id_xor, array->array);
	check_success(!id_xor && !machine.is_mixed_up, ret);
	/* Of another session it reports other pages, here or where its id is used again */
	machine.is_mixed_up |= id_xor && !oracle_last_status();
	expected = errno_of(oracle_last_status()) ?: (oracle_has_good_report() ? 0 : -EIO);
	host_check(ret == expected, "%d for %#llx, report %s", ret, oracle_last_status(),
		   oracle_has_good_report() ? "good" : "bad");
	/* A wrong report deserves a warning, and nothing else does */
	machine.nr_warnings += ret && !oracle_last_status();
	if (!ret) {
		machine.nr_sessions--;
		array->has_session = false;
		array->was_returned = true;
	}
	end_step();
}

/**
 * machine_release_array() - be done with an array
 * @n: number of the array; nothing is done if there is none
 */
void machine_release_array(unsigned int n)
{
	struct tdx_page_array *array = machine.arrays[n].array;
	unsigned long nr_lost = tdx_quarantined_pages();

	if (!array)
		return;

	begin_step_with(n, 0);
	tdx_page_array_release(array);
	check_success(true, oracle_last_status());
	machine.arrays[n] = (struct machine_array) {};
	nr_lost = tdx_quarantined_pages() - nr_lost;
	host_check(host_has_logged("quarantined") == !!nr_lost, "%lu pages lost, the log differs",
		   nr_lost);
	host_check(!nr_lost || host_has_logged(": %lu KB quarantined", nr_lost * 4),
		   "not %lu pages lost, as the log says", nr_lost);
	end_step();
}

/* What comes of a call that was made, or of one that was not */
static int expected_quote(size_t report_len)
{
	u64 room = PAGE_ALIGN(tdx_quote_max_size());

	if (oracle_nr_calls(TDH_QUOTE_GET)) {
		bool is_possible = oracle_last_rcx() && oracle_last_rcx() <= room;
		u64 status = oracle_last_status();

		if (!room) {
			host_check(oracle_nr_calls(TDH_QUOTE_GET) > 1 && status >> 62 == 2,
				   "a call is given up that is over: %#llx", status);
			return -ENODEV;
		}
		if (status >> 62 == 2 && errno_of(status) == -EIO)
			return -EBUSY;
		return errno_of(status) ?: (is_possible ? 0 : -EIO);
	}

	if (!report_len || report_len > PAGE_SIZE)
		return -EINVAL;
	return room ? -ENOMEM : -ENODEV;
}

/* The checksum is right only if all pages of the list are where they belong in the quote */
static void check_quote(const u8 *bytes, size_t len)
{
	const struct tdx_mock_quote *quote = (const void *)bytes;
	size_t checksum_at = len - TDX_MOCK_QUOTE_CHECKSUM_LEN;
	u64 checksum = TDX_MOCK_CHECKSUM_START;

	host_check(len == machine.setup.quote_size && len == quote->len, "quote of %zu bytes", len);
	for (size_t i = 0; i < checksum_at; i++)
		checksum = tdx_mock_checksum(checksum, bytes[i]);
	host_check(!memcmp(&checksum, bytes + checksum_at, sizeof(checksum)), "damaged quote");
}

/**
 * machine_get_quote() - have a quote made
 * @report_len: bytes of the report; the module wants 1024
 */
void machine_get_quote(size_t report_len)
{
	bool may_fail = host_task.fail_nth ||
			(!machine.setup.vmalloc && tdx_quote_max_size() > 8 * PAGE_SIZE);
	bool possible = tdx_quote_max_size() && report_len == REPORT_LEN && !may_fail &&
			!oracle_has_quote_in_flight();
	size_t quote_len = 0;
	int expected, ret;
	void *quote;

	begin_step();
	quote = tdx_quote_get(&machine.td, report(), report_len, &quote_len);
	ret = IS_ERR(quote) ? PTR_ERR(quote) : 0;
	expected = expected_quote(report_len);
	host_check(ret == expected, "%d, not %d, for %#llx", ret, expected, oracle_last_status());
	host_check(ret != -ENOMEM || may_fail, "memory has run out");
	check_success(possible, ret);
	if (!ret) {
		/* Nor is this the end of a quote that was begun for somebody else */
		if (oracle_is_undisturbed() && possible)
			check_quote(quote, quote_len);
		host_check(quote_len == oracle_last_rcx(), "%zu bytes, not %llu", quote_len,
			   oracle_last_rcx());
		vfree(quote);
	}
	end_step();
}

/**
 * machine_end() - release all that is left, and forget what is lost
 */
void machine_end(void)
{
	for (unsigned int n = 0; n < HOST_ARRAYS; n++)
		machine_release_array(n);

	host_check(tdx_mock_pages_owned(machine.module) <=
		   oracle_nr_claimed() + oracle_nr_disputed() + 1, "lost a page");
	host_task.fail_nth = 0;
	oracle_stop();
	tdx_quote_init(0);
	tdx_mock_trap(NULL);
	tdx_mock_destroy(machine.module);
	host_check(!host_used_objects(), "%lu objects are left", host_used_objects());
	host_forget_memory();
	host_limit_order(MAX_PAGE_ORDER);
	host_set_memory(HOST_ALL_PAGES, HOST_VMALLOC_PAGES);
}
