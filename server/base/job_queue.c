/*
 * Sessions and their owners in the tree of flows. job_threads owns the queue and serialises. An
 * owner is there while it has sessions.
 */
#include "server/base/job_queue.h"

#include <stdlib.h>
#include <string.h>

struct job_owner {
	struct job_flow flow;
	struct list node; /* queue->owners */
	unsigned nr_sessions;
	char name[];
};

_Static_assert(sizeof(struct job_session) + sizeof(struct job_owner) + 128 <= JOB_SESSION_BYTES,
	       "with a name and the overhead of malloc");

void job_queue_init(struct job_queue *queue)
{
	job_flow_init(&queue->root, NULL);
	list_init(&queue->owners);
}

static struct job_owner *find_owner(struct job_queue *queue, const char *name)
{
	list_for_each (it, &queue->owners) {
		struct job_owner *owner = container_of(it, struct job_owner, node);

		if (!strcmp(owner->name, name))
			return owner;
	}
	return NULL;
}

static struct job_owner *get_owner(struct job_queue *queue, const char *name)
{
	struct job_owner *owner = find_owner(queue, name);

	if (!owner) {
		owner = calloc(1, sizeof(*owner) + strlen(name) + 1);
		if (!owner)
			return NULL;
		strcpy(owner->name, name);
		job_flow_init(&owner->flow, &queue->root);
		list_add_tail(&queue->owners, &owner->node);
	}
	owner->nr_sessions++;
	return owner;
}

static void put_owner(struct job_owner *owner)
{
	if (--owner->nr_sessions)
		return;
	list_del(&owner->node);
	free(owner);
}

struct job_session *job_queue_add_session(struct job_queue *queue, const char *owner)
{
	struct job_session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	session->owner = get_owner(queue, owner);
	if (!session->owner) {
		free(session);
		return NULL;
	}
	job_flow_init(&session->flow, &session->owner->flow);
	return session;
}

static void free_if_over(struct job_session *session)
{
	if (!session->closed || !job_flow_idle(&session->flow))
		return;
	put_owner(session->owner);
	free(session);
}

void job_queue_close_session(struct job_session *session)
{
	session->closed = true;
	free_if_over(session);
}

void job_queue_end(struct job_queue *queue, struct job_flow *flow)
{
	job_flow_end(flow);
	if (flow != &queue->root)
		free_if_over(container_of(flow, struct job_session, flow));
}
