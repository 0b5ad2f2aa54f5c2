// SPDX-License-Identifier: GPL-2.0
/* A process that ends with SIGKILL, wherever it is in the life of its TD */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kvm.h"
#include "test.h"

static struct td td;

static void phase_create(void)
{
	td_create(&td);
}

static void phase_init(void)
{
	check_eq(td_init(&td, NULL), 0);
}

static void phase_memory(void)
{
	td_add_slot(&td);
	check_eq(td_set_private(&td, 0, GPA_SHARED, true), 0);
}

static void phase_vcpu(void)
{
	check_eq(td_create_vcpu(&td, 0), 0);
}

static void phase_vcpu_init(void)
{
	check_eq(td_init_vcpu(&td, 0, GPA_SCRIPT), 0);
}

static void phase_pages(void)
{
	static struct script script;

	step(&script, TDX_MOCK_ACCEPT, GPA_LATER, 0);
	step(&script, TDX_MOCK_WRITE, TD_SHARED | GPA_SHARED, 1);
	step(&script, TDX_MOCK_JUMP, 2);
	check_eq(td_add_page(&td, GPA_SCRIPT, script.step, true), 0);
	check_eq(td_add_page(&td, GPA_DATA, td_data_page(), true), 0);
}

static void phase_finalize(void)
{
	check_eq(td_finalize(&td), 0);
}

/* Does not return: the script is a loop */
static void phase_run(void)
{
	td_run(&td, 0);
}

static void (*const phases[])(void) = {
	phase_create, phase_init, phase_memory, phase_vcpu, phase_vcpu_init,
	phase_pages, phase_finalize, phase_run,
};

#define NR_PHASES	((int)(sizeof(phases) / sizeof(phases[0])))

/* Go as far as to phase number @last, tell by a byte to @pipe before that, wait */
static void live(int last, int pipe)
{
	for (int i = 0; i <= last; i++) {
		if (i == last)
			check_eq(write(pipe, "", 1), 1);
		phases[i]();
	}
	for (;;)
		pause();
}

/* Kill a process that goes to phase number @last, @delay nanoseconds after it came there */
static void kill_in(int last, long delay)
{
	const struct timespec time = { .tv_nsec = delay };
	int fds[2], status;
	pid_t pid;
	char byte;

	check_eq(pipe(fds), 0);
	pid = fork();
	check(pid >= 0);
	if (!pid)
		live(last, fds[1]);

	close(fds[1]);
	check_eq(read(fds[0], &byte, 1), 1);
	close(fds[0]);
	nanosleep(&time, NULL);
	check_eq(kill(pid, SIGKILL), 0);
	check_eq(waitpid(pid, &status, 0), pid);
	check(WIFSIGNALED(status));
	check_eq(WTERMSIG(status), SIGKILL);
}

/* Long enough for a phase to end, or to run the guest for a while */
static void after_phases(void)
{
	for (int last = 0; last < NR_PHASES; last++)
		kill_in(last, 100 * 1000 * 1000);
}

/* Delays that hit a phase somewhere in it */
static void in_phases(void)
{
	for (int last = 0; last < NR_PHASES; last++) {
		for (long delay = 0; delay < 4000 * 1000; delay += 1000 * 1000)
			kill_in(last, delay);
	}
}

const struct test kill_tests[] = {
	{ "kill-after-phases", after_phases },
	{ "kill-in-phases", in_phases },
	{ }
};
