// SPDX-License-Identifier: GPL-2.0
/*
 * Threads of the kernel that take turns: one runs from when it is woken until it
 * waits for something or is done, while who has woken it stands still.
 */
#include "host.h"

/* The thread that this is; NULL: the program's own, which never waits for a lock */
static __thread struct task_struct *this_thread;

/* The one that waits for a lock */
static struct task_struct *waiting;
static sem_t turn_is_over;

static void *run_thread(void *data)
{
	struct task_struct *task = data;

	this_thread = task;
	sem_wait(&task->turn);
	task->fn(task->data);
	task->__state = TASK_DEAD;
	sem_post(&turn_is_over);
	return NULL;
}

struct task_struct *kthread_create(int (*fn)(void *), void *data, const char *name)
{
	struct task_struct *task = kzalloc_obj(*task);

	task->fn = fn;
	task->data = data;
	task->__state = TASK_KILLABLE;
	sem_init(&task->turn, 0, 0);
	host_check(!pthread_create(&task->thread, NULL, run_thread, task), "no thread %s", name);
	return task;
}

void put_task_struct(struct task_struct *task)
{
	host_check(task->__state == TASK_DEAD, "a thread is left behind");
	pthread_join(task->thread, NULL);
	sem_destroy(&task->turn);
	kfree(task);
}

void wake_up_process(struct task_struct *task)
{
	task->__state = TASK_RUNNING;
	sem_post(&task->turn);
	sem_wait(&turn_is_over);
}

/* Wait until @held is false, or the task is killed */
int host_wait(const bool *held)
{
	while (*held) {
		host_check(this_thread, "waits for itself");
		waiting = this_thread;
		this_thread->__state = TASK_KILLABLE;
		sem_post(&turn_is_over);
		sem_wait(&this_thread->turn);
		if (this_thread->is_killed)
			return -EINTR;
	}

	return 0;
}

void wait_for_completion(struct completion *completion)
{
	while (!completion->done) {
		host_check(waiting, "waits for nobody");
		wake_up_process(waiting);
	}
	waiting = NULL;
}
