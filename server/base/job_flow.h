/*
 * Flows: queues of jobs that are served in turns. Flows form a tree: the root serves the flows
 * below it in turn, each of these serves those below it, and the jobs of one flow run in order. So
 * a flow with a thousand jobs delays a job of another flow by no more than one turn.
 *
 * job_threads owns the tree and its lock; the caller of each function holds that lock.
 */
#ifndef USRBIO_SERVER_BASE_JOB_FLOW_H
#define USRBIO_SERVER_BASE_JOB_FLOW_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/list.h"

struct job_flow {
	struct job_flow *parent; /* NULL: this is the root */
	struct list node;	 /* of parent->ready, while jobs wait here or below */
	struct list ready;	 /* the flows below with jobs that wait; the next to serve first */
	struct list jobs;	 /* that wait in this flow itself */
	unsigned nr_waiting;	 /* jobs, here and below */
	unsigned nr_running;	 /* the same */
};

/* One job, embedded in the object that it is about. run() may reuse or free it. */
struct job {
	void (*run)(struct job *job);
	/*
	 * Say what it does, for job_threads_show(); NULL: nothing. Called while it runs, by any
	 * thread under the lock of the threads, until run() has called job_threads_hide(). It does
	 * not block.
	 */
	void (*describe)(const struct job *job, char *text, size_t size);
	struct list node;      /* flow->jobs, while it waits */
	struct job_flow *flow; /* in which it waits; NULL: it does not */
};

/* parent: NULL for a root. */
void job_flow_init(struct job_flow *flow, struct job_flow *parent);
/* True if nothing waits or runs in the flow and below it. */
bool job_flow_idle(const struct job_flow *flow);
/* Add a job to the end of a flow. */
void job_flow_add(struct job_flow *flow, struct job *job);
/*
 * The flow whose first job is to run next, if `nr_free` threads are free; NULL: none. A flow gets
 * no thread while it has as many as are free: alone it gets half of them, and whatever hangs in
 * some flows, there is a thread for the next one.
 */
struct job_flow *job_flow_next(struct job_flow *root, unsigned nr_free);
/* Take the first job of this flow, which then runs. */
struct job *job_flow_begin(struct job_flow *flow);
/* A job of this flow has run. */
void job_flow_end(struct job_flow *flow);
/* Remove a job that waits. */
void job_flow_remove(struct job *job);

#endif
