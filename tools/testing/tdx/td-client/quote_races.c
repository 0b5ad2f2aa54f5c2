// SPDX-License-Identifier: GPL-2.0
/* Quotes, and what happens while they are made */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "quote.h"
#include "quote_guest.h"
#include "test.h"

/* One vCPU, in a thread of its own */
struct runner {
	struct guest *guest;
	unsigned int id;
	unsigned int seed;
	pthread_t thread;
	int exit;			/* what td_run() has returned */
};

#define ROUNDS		3

/* As many tries to do something while a quote is being made */
#define MAX_ROUNDS	10

static void *run_rounds(void *data)
{
	const struct runner *runner = data;
	struct message *message = runner->guest->message[runner->id];

	for (int i = 0; i < ROUNDS; i++) {
		guest_make_message(runner->guest, runner->id);
		guest_run(runner->guest, runner->id);
		check_quote(runner->guest, message, runner->seed);
	}
	td_run_to_end(&runner->guest->td, runner->id);
	return NULL;
}

static void *run_once(void *data)
{
	struct runner *runner = data;

	runner->exit = td_run(&runner->guest->td, runner->id);
	return NULL;
}

static void start(struct runner *runner, void *(*function)(void *))
{
	check_eq(pthread_create(&runner->thread, NULL, function, runner), 0);
}

static void join(struct runner *runner)
{
	check_eq(pthread_join(runner->thread, NULL), 0);
}

/* Several TDs, each with as many vCPUs as there can be */
static void at_once(void)
{
	struct runner runners[3][TD_MAX_VCPUS];
	struct guest guests[3];
	unsigned int seed = 16;

	for (int i = 0; i < 3; i++) {
		struct script script = {};

		for (unsigned int id = 0; id < TD_MAX_VCPUS; id++) {
			runners[i][id] = (struct runner){
				.guest = &guests[i], .id = id, .seed = seed,
			};
			script_start(&script, id, seed++);
			for (int round = 0; round < ROUNDS; round++)
				script_good_request(&script, id, TDVMCALL_SUCCESS);
			step(&script, TDX_MOCK_DONE, 0);
		}
		guest_build(&guests[i], &script, TD_MAX_VCPUS);
	}
	for (int i = 0; i < 3; i++)
		for (unsigned int id = 0; id < TD_MAX_VCPUS; id++)
			start(&runners[i][id], run_rounds);
	for (int i = 0; i < 3; i++)
		for (unsigned int id = 0; id < TD_MAX_VCPUS; id++)
			join(&runners[i][id]);
}

static uint64_t quote_key(const struct message *message)
{
	return ((const struct tdx_mock_quote *)message->data)->key;
}

/* A quote that is being made, by a module that lets itself be interrupted */
struct unfinished {
	struct runner runner;
	int first_call, calls;
	uint64_t key;			/* of the quote before */
};

/* The guest has one quote made, and is in the middle of the next one */
static void start_unfinished(struct unfinished *unfinished, struct guest *guest)
{
	int calls = quote_calls();

	guest_run(guest, 0);
	check_eq(guest->message[0]->status, STATUS_SUCCESS);
	unfinished->key = quote_key(guest->message[0]);
	guest_make_message(guest, 0);
	unfinished->first_call = quote_calls();
	unfinished->calls = unfinished->first_call - calls;
	check(unfinished->calls >= 10);

	unfinished->runner = (struct runner){ .guest = guest };
	start(&unfinished->runner, run_once);
	while (quote_calls() == unfinished->first_call)
		;
}

static bool is_unfinished(const struct unfinished *unfinished)
{
	return quote_calls() - unfinished->first_call < unfinished->calls;
}

/*
 * What is done while a quote is being made can come too late, when the CPU of the
 * vCPU is the faster one. A @round returns whether it came in time.
 */
static void repeat(bool (*round)(void))
{
	for (int i = 0; i < MAX_ROUNDS; i++) {
		if (round())
			return;
		test_note("the quote was there first");
	}
	test_fail(__FILE__, __LINE__, "%d quotes were there first", MAX_ROUNDS);
}

/* Nobody who takes memory away from a VM has to wait for a quote */
static bool delete_slot(void)
{
	struct unfinished unfinished;
	struct script script = {};
	struct guest guest;
	bool in_time;

	script_start(&script, 0, 6);
	script_good_request(&script, 0, TDVMCALL_SUCCESS);
	script_good_request(&script, 0, TDVMCALL_INVALID);
	script_good_request(&script, 0, TDVMCALL_SUCCESS);
	guest_build(&guest, &script, 1);

	start_unfinished(&unfinished, &guest);
	set_slot(&guest.td, SLOT_MESSAGE(0), GPA_MESSAGE(0), 0, NULL);
	in_time = is_unfinished(&unfinished);
	join(&unfinished.runner);
	if (in_time) {
		check_eq(unfinished.runner.exit, KVM_EXIT_IO);
		check_failed(guest.message[0], NOT_ANSWERED);
		set_slot(&guest.td, SLOT_MESSAGE(0), GPA_MESSAGE(0), message_bytes(),
			 guest.message[0]);
		guest_run(&guest, 0);
		check_quote(&guest, guest.message[0], 6);
	}
	td_destroy(&guest.td);
	return in_time;
}

static void slot_deleted(void)
{
	repeat(delete_slot);
}

/* KVM looks at the message once */
static bool change(void)
{
	struct unfinished unfinished;
	struct message *message;
	struct guest guest;
	bool in_time;

	guest_build_good(&guest, 7, 2);
	message = guest.message[0];
	start_unfinished(&unfinished, &guest);
	memset(message, 0xff, PAGE);
	in_time = is_unfinished(&unfinished);
	join(&unfinished.runner);
	check_eq(unfinished.runner.exit, KVM_EXIT_IO);
	if (in_time) {
		check_eq(message->version, ~0ULL);
		check_eq(message->in_len, ~0U);
		check_quote(&guest, message, 7);
	}
	td_destroy(&guest.td);
	return in_time;
}

static void changed(void)
{
	repeat(change);
}

static void on_signal(int signal)
{
	(void)signal;
}

/* The quote is there, but user space gets to see the signal before the guest goes on */
static bool send_signal(void)
{
	const struct sigaction action = { .sa_handler = on_signal };
	struct unfinished unfinished;
	struct guest guest;
	bool in_time;

	check_eq(sigaction(SIGUSR1, &action, NULL), 0);
	guest_build_good(&guest, 8, 2);
	start_unfinished(&unfinished, &guest);
	check_eq(pthread_kill(unfinished.runner.thread, SIGUSR1), 0);
	in_time = is_unfinished(&unfinished);
	join(&unfinished.runner);
	if (in_time) {
		check_eq(unfinished.runner.exit, -EINTR);
		check_quote(&guest, guest.message[0], 8);
		guest_run(&guest, 0);
	}
	td_destroy(&guest.td);
	return in_time;
}

static void signalled(void)
{
	repeat(send_signal);
}

static void live_until_killed(void)
{
	struct guest guest;

	guest_build_good(&guest, 8, 20);
	for (int i = 0; i < 20; i++) {
		guest_make_message(&guest, 0);
		guest_run(&guest, 0);
	}
	pause();
}

/* Two processes, while the quotes of one are made and the other one waits for its turn */
static void killed(void)
{
	struct guest guest;
	int calls, status;
	pid_t pids[2];

	for (int round = 0; round < 3; round++) {
		calls = quote_calls();
		for (int i = 0; i < 2; i++) {
			pids[i] = fork();
			check(pids[i] >= 0);
			if (!pids[i])
				live_until_killed();
		}
		while (quote_calls() == calls)
			;
		usleep(round * 100 * 1000);
		for (int i = 0; i < 2; i++)
			check_eq(kill(pids[i], SIGKILL), 0);
		for (int i = 0; i < 2; i++) {
			check_eq(waitpid(pids[i], &status, 0), pids[i]);
			check(WIFSIGNALED(status));
		}
	}

	guest_build_good(&guest, 9, 1);
	guest_run(&guest, 0);
	check_quote(&guest, guest.message[0], 9);
}

/* Not by system(), which blocks SIGCHLD here, so that it interrupts vCPUs in other threads */
static void update(void)
{
	pid_t pid = fork();
	int status;

	check(pid >= 0);
	if (!pid) {
		execlp("upload", "upload", "/image", NULL);
		_exit(1);
	}
	check_eq(waitpid(pid, &status, 0), pid);
	check_eq(status, 0);
}

/* The old module ends the quote that it is at, and the new one signs the next with its own key */
static void updated(void)
{
	struct unfinished unfinished;
	struct message *message;
	struct guest guest;

	guest_build_good(&guest, 10, 3);
	message = guest.message[0];
	start_unfinished(&unfinished, &guest);
	update();
	join(&unfinished.runner);
	check_eq(unfinished.runner.exit, KVM_EXIT_IO);
	check_eq(quote_calls() - unfinished.first_call, unfinished.calls);
	check_quote(&guest, message, 10);
	check_eq(quote_key(message), unfinished.key);

	guest_make_message(&guest, 0);
	guest_run(&guest, 0);
	check_quote(&guest, message, 10);
	check_eq(quote_key(message), unfinished.key + 1);
}

/* Who makes the quotes of a TD does not change */
static void lost(void)
{
	struct script script = {};
	struct message *message;
	struct guest guest;
	struct td td;
	uint64_t key;

	guest_build_good(&guest, 11, 3);
	message = guest.message[0];
	guest_run(&guest, 0);
	check_quote(&guest, message, 11);
	key = quote_key(message);

	update();
	check_eq(max_quote_kb(), 0);
	guest_make_message(&guest, 0);
	guest_run(&guest, 0);
	check_failed(message, STATUS_UNAVAILABLE);

	for (int i = 0; i < 2; i++) {
		tdvmcall(&script, TDVMCALL_GET_QUOTE, TD_SHARED | GPA_SHARED, PAGE);
		expect_status(&script, TDVMCALL_UNSUPPORTED);
	}
	td_build(&td, &script, 1);
	check_eq(td_run(&td, 0), KVM_EXIT_TDX);
	check_events_offered(&td, true);

	update();
	check_eq(td_run(&td, 0), KVM_EXIT_TDX);
	check_events_offered(&td, true);
	td_run_to_end(&td, 0);

	guest_make_message(&guest, 0);
	guest_run(&guest, 0);
	check_quote(&guest, message, 11);
	check_eq(quote_key(message), key + 1);
	check_events_offered(&guest.td, false);
}

const struct test quote_race_tests[] = {
	{ "quote-at-once", at_once },
	{ "quote-slot-deleted", slot_deleted },
	{ "quote-changed", changed },
	{ "quote-signalled", signalled },
	{ "quote-killed", killed },
	{ "update-quote", updated },
	{ "update-loses-quotes", lost },
	{ }
};
