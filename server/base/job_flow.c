/*
 * Flows of jobs, in a tree. job_threads owns them and serialises; job_flow.h says which turns they
 * take.
 */
#include "server/base/job_flow.h"

#include <stddef.h>

void job_flow_init(struct job_flow *flow, struct job_flow *parent)
{
	*flow = (struct job_flow){.parent = parent};
	list_init(&flow->node);
	list_init(&flow->ready);
	list_init(&flow->jobs);
}

bool job_flow_idle(const struct job_flow *flow)
{
	return !flow->nr_waiting && !flow->nr_running;
}

void job_flow_add(struct job_flow *flow, struct job *job)
{
	job->flow = flow;
	list_add_tail(&flow->jobs, &job->node);
	for (; flow; flow = flow->parent)
		if (!flow->nr_waiting++ && flow->parent)
			list_add_tail(&flow->parent->ready, &flow->node);
}

struct job_flow *job_flow_next(struct job_flow *flow, unsigned nr_free)
{
	if (!nr_free)
		return NULL;
	if (!list_empty(&flow->jobs))
		return flow;
	list_for_each (it, &flow->ready) {
		struct job_flow *below = container_of(it, struct job_flow, node);
		struct job_flow *next =
			below->nr_running < nr_free ? job_flow_next(below, nr_free) : NULL;

		if (next)
			return next;
	}
	return NULL;
}

/* One job less waits here: take the flow off its parent's list after the last one. */
static void count_out(struct job_flow *flow)
{
	flow->nr_waiting--;
	if (!flow->nr_waiting)
		list_del(&flow->node);
}

struct job *job_flow_begin(struct job_flow *flow)
{
	struct job *job = container_of(list_pop(&flow->jobs), struct job, node);

	job->flow = NULL;
	for (; flow; flow = flow->parent) {
		count_out(flow);
		flow->nr_running++;
		/* It has had its turn. */
		if (flow->nr_waiting && flow->parent)
			list_move_tail(&flow->parent->ready, &flow->node);
	}
	return job;
}

void job_flow_end(struct job_flow *flow)
{
	for (; flow; flow = flow->parent)
		flow->nr_running--;
}

void job_flow_remove(struct job *job)
{
	struct job_flow *flow = job->flow;

	list_del(&job->node);
	job->flow = NULL;
	for (; flow; flow = flow->parent)
		count_out(flow);
}
