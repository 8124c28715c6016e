/*
 * The jobs that wait for the threads of one export: a flow for each session, below a flow for each
 * owner of sessions, below the root. Owners are served in turns, and so are the sessions of each.
 * Jobs of no session wait in the root itself. The caller serialises.
 */
#ifndef USRBIO_SERVER_BASE_JOB_QUEUE_H
#define USRBIO_SERVER_BASE_JOB_QUEUE_H

#include "server/base/job_flow.h"

struct job_queue {
	struct job_flow root;
	struct list owners; /* struct job_owner */
};

/* The flow of one session. */
struct job_session {
	struct job_flow flow;
	struct job_owner *owner;
	bool closed; /* it is freed when its last job has ended */
};

/* The memory that a session takes here, at most: its flow, and that of its owner. */
#define JOB_SESSION_BYTES 512

void job_queue_init(struct job_queue *queue);
/* Add a session of this owner. NULL: no memory. */
struct job_session *job_queue_add_session(struct job_queue *queue, const char *owner);
/* Free a session when the jobs that it has still have ended. */
void job_queue_close_session(struct job_session *session);
/* A job that came from this flow has run. */
void job_queue_end(struct job_queue *queue, struct job_flow *flow);

#endif
