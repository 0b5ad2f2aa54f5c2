// SPDX-License-Identifier: GPL-2.0
/*
 * Faults one after the other, all that there are: each allocation fails, each
 * call fails in each way, is interrupted at each page, or its answer is wrong in
 * some bit.  And two faults at a time, where calls are few.
 *
 * What is to be seen in each of these scenarios is what machine.c and oracle.c
 * check in any.  One counts only if the kernel has seen its faults: an answer
 * that is the honest one, or wrong in what the kernel does not look at, is none.
 */
#include <linux/array_size.h>

#include "machine.h"
#include "tdx.h"

#define MAX_FAULTS	2
#define MAX_CALLS	64
#define MAX_LEAVES	256

/* The @nth call of @leaf in a run, counted from 1 */
struct call {
	u64 leaf;
	unsigned int nth;
};

static struct {
	const char *script;
	struct machine_setup setup;
	unsigned int nr_pages, report_len, flags;

	unsigned int nr_faults;
	struct fault {
		struct call call;
		unsigned int count;	/* this call, and those of the leaf that follow */
		struct host_answer answer;
		bool has_fired;
	} faults[MAX_FAULTS];
	unsigned int fail_nth;

	/* What there was to disturb */
	struct call calls[MAX_CALLS];
	unsigned int nr_calls, nr_calls_of[MAX_LEAVES];
	bool fail_done;
	bool took_long;
} run;

/* Those of the sweep, and how many of them had faults that the kernel has seen */
static unsigned long nr_scenarios, nr_with_faults;

static void disturb(u64 leaf, struct host_answer *answer)
{
	unsigned int nth;

	host_check(leaf < MAX_LEAVES, "leaf %#llx", leaf);
	nth = ++run.nr_calls_of[leaf];
	if (run.nr_calls < MAX_CALLS)
		run.calls[run.nr_calls] = (struct call) { leaf, nth };
	run.nr_calls++;

	for (unsigned int i = 0; i < run.nr_faults; i++) {
		struct fault *fault = &run.faults[i];

		if (fault->call.leaf != leaf || nth - fault->call.nth >= fault->count)
			continue;
		*answer = fault->answer;
		fault->has_fired = true;
	}
}

static void describe_run(void)
{
	const struct machine_setup *setup = &run.setup;

	printf("# %s: %u pages, flags %#x\n", run.script, run.nr_pages, run.flags);
	printf("# memory %u order %u, pool %u step %u, init %u steps %u, old %u\n", setup->memory,
	       setup->max_order, setup->pool, setup->step, setup->init, setup->init_steps,
	       setup->old);
	printf("# quotes of %u bytes in %u steps\n", setup->quote_size, setup->quote_steps);
	if (run.fail_nth)
		printf("# allocation %u fails\n", run.fail_nth);
	for (unsigned int i = 0; i < run.nr_faults; i++) {
		const struct fault *fault = &run.faults[i];

		printf("# call %u (%u) of leaf %llu: dropped %u lies %u status %#llx\n",
		       fault->call.nth, fault->count, fault->call.leaf, fault->answer.dropped,
		       fault->answer.lies, fault->answer.status);
		printf("#   register %u & %#llx ^ %#llx, aux %u ^ %#llx\n", fault->answer.reg,
		       fault->answer.reg_keep, fault->answer.reg_xor, fault->answer.aux_entry,
		       fault->answer.aux_xor);
	}
}

/* Scripts.  Each is complete, and one of them is run in each scenario. */

enum {
	TRY_AGAIN = 1,
	IN_STEPS = 2,

	UPDATE = 1,
};

static void boot_script(void)
{
	run.took_long = machine_boot();
}

static void update_script(void)
{
	struct machine_setup next = run.setup;

	machine_boot();
	next.pool = run.flags;
	machine_update(&next);
	next.pool = 0;
	machine_update(&next);
}

static void session_script(void)
{
	unsigned int nr_tries = run.flags & TRY_AGAIN ? 2 : 1;

	machine_create_array(0, run.nr_pages, run.flags & IN_STEPS);
	/* Steps that are not possible, because it did the first time, are none */
	for (unsigned int i = 0; i < nr_tries; i++)
		machine_create_session(0, 0x15a1234);
	for (unsigned int i = 0; i < nr_tries; i++)
		machine_delete_session(0, 0);
	machine_release_array(0);
}

static void quote_script(void)
{
	machine_boot();
	if (run.flags & UPDATE)
		machine_update(&run.setup);
	machine_get_quote(run.report_len);
	machine_get_quote(1024);
}

static void start_run(void)
{
	/* What there is has to be looked at, so there is not much more than it takes */
	run.setup.memory = ALIGN(run.setup.pool + 2 * run.nr_pages + 16, 64);
	run.nr_calls = 0;
	memset(run.nr_calls_of, 0, sizeof(run.nr_calls_of));
	for (unsigned int i = 0; i < run.nr_faults; i++)
		run.faults[i].has_fired = false;
}

/* A fault that lasts is another one only if there was a second call for it */
static bool has_seen_faults(void)
{
	unsigned int nr_wanted = run.nr_faults;

	if (nr_wanted == 1 && run.faults[0].count > 1)
		nr_wanted = 2;
	return run.fail_nth ? run.fail_done : oracle_nr_disturbed() >= nr_wanted;
}

static void run_script(void (*script)(void))
{
	start_run();
	machine_start(&run.setup, disturb);
	host_task.fail_nth = run.fail_nth;
	script();
	run.fail_done = run.fail_nth && !host_task.fail_nth;
	machine_end();

	for (unsigned int i = 0; i < run.nr_faults; i++)
		host_check(run.faults[i].has_fired, "call %u of leaf %llu is not made",
			   run.faults[i].call.nth, run.faults[i].call.leaf);
	if (!has_seen_faults())
		return;
	nr_scenarios++;
	nr_with_faults += run.nr_faults || run.fail_nth;
}

/* How a call can fail, or an answer be wrong */

#define DROP(_status)	{ .dropped = true, .status = (_status), .reg_keep = ~0ULL }
#define LIE(_status)	{ .lies = true, .status = (_status), .reg_keep = ~0ULL }

static const struct host_answer failures[] = {
	DROP(TDX_OPERAND_INVALID | TDX_OPERAND_ID_RCX),
	DROP(TDX_OPERAND_BUSY),
	DROP(TDX_SYS_BUSY),
	DROP(TDX_PAGE_METADATA_INCORRECT | 2),
	DROP(TDX_METADATA_FIELD_ID_INCORRECT),
	DROP(TDX_INTERRUPTED_RESUMABLE),
	DROP(TDX_RND_NO_ENTROPY),
	DROP(TDX_SEAMCALL_VMFAILINVALID),
	DROP(TDX_SEAMCALL_GP),
	DROP(TDX_SEAMCALL_UD),
	/* Of the success class, and yet not what was asked for */
	DROP(TDX_KEY_CONFIGURED),
	DROP(~0ULL),
	DROP(TDX_SUCCESS),
	LIE(TDX_OPERAND_INVALID | TDX_OPERAND_ID_RCX),
	LIE(TDX_OPERAND_BUSY),
	LIE(TDX_METADATA_FIELD_ID_INCORRECT | 1),
	LIE(TDX_INTERRUPTED_RESUMABLE),
	LIE(TDX_INTERRUPTED_RESUMABLE | 1),
	LIE(TDX_SUCCESS),
};

static void disturb_calls(unsigned int n, struct call call, unsigned int count,
			  const struct host_answer *answer)
{
	run.faults[n] = (struct fault) { .call = call, .count = count, .answer = *answer };
	run.nr_faults = n + 1;
}

static void disturb_call(unsigned int n, struct call call, const struct host_answer *answer)
{
	disturb_calls(n, call, 1, answer);
}

static void undisturbed(void)
{
	run.nr_faults = 0;
	run.fail_nth = 0;
}

static void fail_each_allocation(void (*script)(void))
{
	do {
		run.fail_nth++;
		run_script(script);
	} while (run.fail_done);
	undisturbed();
}

/* Run @script with the faults that there are, and return the calls that it makes */
static unsigned int list_calls(void (*script)(void), struct call *calls)
{
	run_script(script);
	host_check(run.nr_calls <= MAX_CALLS, "more calls than are looked at");
	memcpy(calls, run.calls, run.nr_calls * sizeof(*calls));
	return run.nr_calls;
}

/* Once, and for as long as the kernel tries again where there is no entropy */
static void fail_each_call(void (*script)(void))
{
	static const unsigned int counts[] = { 1, RDRAND_RETRY_LOOPS };
	struct call calls[MAX_CALLS];
	unsigned int nr_calls = list_calls(script, calls);

	for (unsigned int n = 0; n < nr_calls; n++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(failures); i++) {
			for (unsigned int k = 0; k < ARRAY_SIZE(counts); k++) {
				disturb_calls(0, calls[n], counts[k], &failures[i]);
				run_script(script);
			}
		}
	}
	undisturbed();
}

/* A call and one of those that follow then, which may be others than without */
static void fail_two_calls(void (*script)(void), unsigned int first)
{
	struct call calls[MAX_CALLS];
	unsigned int nr_calls = list_calls(script, calls);

	for (unsigned int n = first + 1; n < nr_calls; n++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(failures); i++) {
			disturb_call(1, calls[n], &failures[i]);
			run_script(script);
		}
	}
}

static void fail_each_two_calls(void (*script)(void))
{
	struct call calls[MAX_CALLS];
	unsigned int nr_calls = list_calls(script, calls);

	for (unsigned int n = 0; n < nr_calls; n++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(failures); i++) {
			disturb_call(0, calls[n], &failures[i]);
			fail_two_calls(script, n);
		}
	}
	undisturbed();
}

static void spoil_call(void (*script)(void), struct call call, struct host_answer answer)
{
	disturb_call(0, call, &answer);
	run_script(script);
	/* And as what may or may not be progress */
	answer.lies = true;
	answer.status = TDX_INTERRUPTED_RESUMABLE;
	disturb_call(0, call, &answer);
	run_script(script);
}

static void spoil_each_register(void (*script)(void), struct call call)
{
	for (unsigned int reg = 0; reg < 6; reg++) {
		for (unsigned int all = 0; all < 2; all++) {
			struct host_answer answer = { .reg = reg, .reg_xor = -(u64)all };

			/* In a register that has no output that is no fault: all is as ever */
			disturb_call(0, call, &answer);
			run_script(script);
		}
		for (unsigned int bit = 0; bit < 64 && reg == oracle_output(call.leaf); bit++) {
			struct host_answer answer = oracle_honest;

			answer.reg = reg;
			answer.reg_xor = 1ULL << bit;
			spoil_call(script, call, answer);
		}
	}
}

static void spoil_each_aux_entry(void (*script)(void), struct call call)
{
	for (unsigned int i = 0; i < run.nr_pages && run.nr_pages > 1; i++) {
		struct host_answer answer = oracle_honest;

		answer.aux_entry = i;
		answer.aux_xor = 1ULL << i % 64;
		disturb_call(0, call, &answer);
		run_script(script);
	}
}

static void spoil_each_answer(void (*script)(void))
{
	struct call calls[MAX_CALLS];
	unsigned int nr_calls = list_calls(script, calls);

	for (unsigned int n = 0; n < nr_calls; n++) {
		spoil_each_register(script, calls[n]);
		if (calls[n].leaf == TDH_SPDM_DELETE)
			spoil_each_aux_entry(script, calls[n]);
	}
	undisturbed();
}

/* Sweeps, each with what it is about */

static const unsigned int pools[] = { 0, 1, 2, 3, 511, 512, 513, 1023, 1024, 1025, 1536 };
static const unsigned int orders[] = { MAX_PAGE_ORDER, 3, 0 };
static const unsigned int objects[] = { 1, 2, 3, 4, 5, 7, 511, 512, 513 };

static void allocations_of_boot(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(pools) * ARRAY_SIZE(orders); i++) {
		run.setup.init = true;
		run.setup.pool = pools[i / ARRAY_SIZE(orders)];
		run.setup.max_order = orders[i % ARRAY_SIZE(orders)];
		/* Page for page is for those that end soon */
		if (run.setup.max_order || run.setup.pool <= 513)
			fail_each_allocation(boot_script);
	}
}

static void allocations_of_sessions(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(objects); i++) {
		for (run.flags = 0; run.flags < 4; run.flags++) {
			run.nr_pages = objects[i];
			run.setup.object_pages = min(run.nr_pages, 512);
			fail_each_allocation(session_script);
		}
	}
}

static void set_needs(unsigned int n)
{
	run.setup.init = n & 1;
	run.setup.old = n & 2;
	run.setup.init_steps = n & 4 ? 2 : 0;
}

static void calls_of_boot(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(pools) * 8; i++) {
		run.setup.pool = pools[i / 8];
		set_needs(i % 8);
		fail_each_call(boot_script);
	}
}

static void calls_of_update(void)
{
	for (unsigned int i = 0; i < 8; i++) {
		set_needs(i);
		for (run.flags = 0; run.flags < 2; run.flags++) {
			run.setup.pool = 3;
			fail_each_call(update_script);
			run.setup.pool = 0;
			fail_each_call(update_script);
		}
	}
}

static void calls_of_sessions(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(objects) - 3; i++) {
		for (run.flags = 0; run.flags < 4; run.flags++) {
			run.nr_pages = objects[i];
			run.setup.object_pages = run.nr_pages;
			fail_each_call(session_script);
		}
	}
}

static void two_calls(void)
{
	run.setup.pool = 3;
	run.setup.step = 2;
	run.setup.init = true;
	run.setup.init_steps = 1;
	fail_each_two_calls(boot_script);

	run.setup.pool = 0;
	run.setup.step = 0;
	run.setup.init_steps = 0;
	run.setup.quote_size = 4097;
	run.setup.quote_steps = 1;
	fail_each_two_calls(quote_script);

	run.setup.init = false;
	for (run.nr_pages = 1; run.nr_pages <= 3; run.nr_pages++) {
		run.setup.object_pages = run.nr_pages;
		run.flags = TRY_AGAIN;
		fail_each_two_calls(session_script);
	}
}

/* The list is interrupted after each number of pages, and then fails */
static void interruptions(void)
{
	static const unsigned int sizes[] = { 2, 3, 64, 511, 512, 513 };
	const struct call goes_on = { TDH_EXT_MEM_ADD, 2 };

	run.setup.init = true;
	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		run.setup.pool = sizes[i];
		for (run.setup.step = 1; run.setup.step < min(sizes[i], 512); run.setup.step++) {
			run_script(boot_script);
			for (unsigned int k = 0; k < ARRAY_SIZE(failures); k++) {
				disturb_call(0, goes_on, &failures[k]);
				run_script(boot_script);
			}
			undisturbed();
		}
	}
}

/* Each first entry that an interrupted call can come back with */
static void claims_of_progress(void)
{
	struct host_answer answer = LIE(TDX_INTERRUPTED_RESUMABLE);

	answer.reg_keep = ~0xff8ULL;
	run.setup.pool = 520;
	disturb_call(0, (struct call) { TDH_EXT_MEM_ADD, 1 }, &answer);
	run_script(boot_script);
	for (unsigned int first = 1; first < 512; first++) {
		for (unsigned int i = max(first, 2) - 2; i < min(first + 3, 512); i++) {
			answer.reg_xor = first << 3;
			disturb_call(0, (struct call) { TDH_EXT_MEM_ADD, 1 }, &answer);
			answer.reg_xor = i << 3;
			disturb_call(1, (struct call) { TDH_EXT_MEM_ADD, 2 }, &answer);
			run_script(boot_script);
		}
	}
	undisturbed();
}

static void answers_of_boot(void)
{
	run.setup.init = true;
	run.setup.init_steps = 1;
	run.setup.pool = 3;
	spoil_each_answer(boot_script);
	run.setup.step = 2;
	run.setup.old = true;
	spoil_each_answer(boot_script);
	run.setup.pool = 513;
	run.setup.step = 300;
	spoil_each_answer(boot_script);
}

static void answers_of_sessions(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(objects) - 3; i++) {
		run.nr_pages = objects[i];
		run.setup.object_pages = run.nr_pages;
		spoil_each_answer(session_script);
	}
	run.nr_pages = 512;
	run.setup.object_pages = run.nr_pages;
	spoil_each_aux_entry(session_script, (struct call) { TDH_SPDM_DELETE, 1 });
	undisturbed();
}

static const unsigned int quote_sizes[] = { 0, 256, 4096, 4097, 20480 };

static void set_quotes(unsigned int n)
{
	run.setup.init = true;
	run.setup.quote_size = quote_sizes[n % ARRAY_SIZE(quote_sizes)];
	run.setup.quote_steps = n / ARRAY_SIZE(quote_sizes);
}

static void allocations_of_quotes(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(quote_sizes); i++) {
		for (run.flags = 0; run.flags <= UPDATE; run.flags++) {
			set_quotes(i);
			fail_each_allocation(quote_script);
		}
	}
}

static void calls_of_quotes(void)
{
	for (unsigned int i = 0; i < 3 * ARRAY_SIZE(quote_sizes); i++) {
		for (run.flags = 0; run.flags <= UPDATE; run.flags++) {
			set_quotes(i);
			fail_each_call(quote_script);
		}
	}
}

static void answers_of_quotes(void)
{
	run.flags = UPDATE;
	set_quotes(ARRAY_SIZE(quote_sizes) - 1);
	spoil_each_answer(quote_script);
	set_quotes(ARRAY_SIZE(quote_sizes) + 3);
	spoil_each_answer(quote_script);
}

/* Lists of one node, of two and of three, each just full or more than that */
static void lists_of_quotes(void)
{
	static const unsigned int sizes[] = { 510, 511, 512, 1022, 1023 };
	const struct call goes_on = { TDH_QUOTE_GET, 2 };

	run.setup.vmalloc = HOST_VMALLOC_PAGES;
	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		run.setup.quote_size = sizes[i] * PAGE_SIZE;
		run.setup.quote_steps = 0;
		run_script(quote_script);
		run.setup.quote_steps = 1;
		run_script(quote_script);
		for (unsigned int k = 0; k < ARRAY_SIZE(failures); k++) {
			disturb_call(0, goes_on, &failures[k]);
			run_script(quote_script);
		}
		undisturbed();
	}
}

/* Reports that can be none, and those that only the module finds wrong */
static void lengths_of_reports(void)
{
	set_quotes(3);
	for (run.report_len = 0; run.report_len <= PAGE_SIZE + 1; run.report_len++)
		run_script(quote_script);
}

/* Somebody who waits is told so, and not who need not wait */
static void patience(void)
{
	run.setup.init = true;
	for (run.setup.init_steps = 4094; run.setup.init_steps < 4098; run.setup.init_steps++) {
		run_script(boot_script);
		host_check(run.took_long == (run.setup.init_steps > 4095), "impatient");
	}
}

/* Fewer scenarios than @minimum: something is no longer looked at */
static const struct {
	const char *name;
	void (*sweep)(void);
	unsigned long minimum;
} sweeps[] = {
	{ "each allocation of a boot fails",	allocations_of_boot,		2500 },
	{ "each allocation of a session fails",	allocations_of_sessions,	250 },
	{ "each call of a boot fails",		calls_of_boot,			10000 },
	{ "each call of an update fails",	calls_of_update,		11500 },
	{ "each call of a session fails",	calls_of_sessions,		4000 },
	{ "each two calls fail",		two_calls,			9000 },
	{ "each page of a list is an interruption",	interruptions,			30000 },
	{ "each claim of progress",		claims_of_progress,		2500 },
	{ "each bit of an answer to a boot",	answers_of_boot,		1500 },
	{ "each bit of an answer to a session",	answers_of_sessions,		2000 },
	{ "each allocation of a quote fails",	allocations_of_quotes,		50 },
	{ "each call of a quote fails",		calls_of_quotes,		7500 },
	{ "each bit of an answer to a quote",	answers_of_quotes,		1800 },
	{ "each length of a list of a quote",	lists_of_quotes,		100 },
	{ "each length of a report",		lengths_of_reports,		4098 },
	{ "each length of a wait",		patience,			4 },
};

unsigned int host_nr_sweeps(void)
{
	return ARRAY_SIZE(sweeps);
}

/**
 * host_run_sweeps() - run all fault scenarios
 *
 * One that finds something is the last one.
 * Return: how many there were with faults that the kernel has seen.
 */
unsigned long host_run_sweeps(void)
{
	unsigned long nr_faulty = 0;

	host_on_death = describe_run;
	for (unsigned int i = 0; i < ARRAY_SIZE(sweeps); i++) {
		memset(&run, 0, sizeof(run));
		run.script = sweeps[i].name;
		run.setup.has_extensions = true;
		run.setup.object_pages = 4;
		run.setup.max_order = MAX_PAGE_ORDER;
		nr_scenarios = 0;
		nr_with_faults = 0;
		sweeps[i].sweep();
		host_result(nr_scenarios >= sweeps[i].minimum,
			    "%s # %lu scenarios, %lu with faults", run.script, nr_scenarios,
			    nr_with_faults);
		nr_faulty += nr_with_faults;
	}
	host_on_death = NULL;
	return nr_faulty;
}
