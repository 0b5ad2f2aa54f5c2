// SPDX-License-Identifier: GPL-2.0
/* vCPUs of tasks that move from one CPU to another, with which the module associates them */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "kvm.h"
#include "module.h"
#include "test.h"

/* Without KVM's flush about every second TD fails: with this many one does */
#define LIVES		8
#define MOVES		50

static void move(pid_t task, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	check_eq(sched_setaffinity(task, sizeof(set), &set), 0);
}

struct mover {
	pthread_t thread;
	pid_t task;
	atomic_bool stop;
	unsigned int moves;
};

/* The kernel moves a task that runs at once, whatever it is doing */
static void *keep_moving(void *data)
{
	struct mover *mover = data;

	while (!atomic_load(&mover->stop))
		move(mover->task, mover->moves++ % 2);
	return NULL;
}

/* A vCPU is initialized in several SEAMCALLs, the first of which associates it */
static void init(void)
{
	static const struct script nothing;
	struct mover mover = { .task = gettid() };
	struct td td;

	check_eq(pthread_create(&mover.thread, NULL, keep_moving, &mover), 0);
	for (int i = 0; i < LIVES; i++) {
		td_build(&td, &nothing, TD_MAX_VCPUS);
		for (unsigned int id = 0; id < TD_MAX_VCPUS; id++)
			td_run_to_end(&td, id);
		td_destroy(&td);
	}
	atomic_store(&mover.stop, true);
	check_eq(pthread_join(mover.thread, NULL), 0);

	test_note("moved %u times", mover.moves);
	check(mover.moves > LIVES);
}

/* Each run on the other CPU, for which the vCPU is flushed once on the last one */
static void run(void)
{
	struct script script = {};
	struct td td;
	int flushes;

	move(0, 1);

	for (int i = 0; i < MOVES; i++)
		tdvmcall(&script, EXIT_IO, 4, 1, 0x10, i);
	td_build(&td, &script, 1);
	flushes = module_number("calls", "TDH.VP.FLUSH");
	for (int i = 0; i < MOVES; i++) {
		move(0, i % 2);
		td_run_to_port(&td, 0, 0x10);
	}
	check_eq(module_number("calls", "TDH.VP.FLUSH") - flushes, MOVES);
	td_run_to_end(&td, 0);
}

const struct test migration_tests[] = {
	{ "migration-init", init },
	{ "migration-run", run },
	{ }
};
