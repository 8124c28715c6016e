/*
 * The calls of a connection. A call is copied from its frame, queued, run on a thread of the
 * export, and answered. The connection owns its calls until they are detached. All of this runs on
 * its worker's thread, except call_job() and call_return(); while a call runs, the worker only
 * gives it up.
 */
#include "server/calls/calls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"
#include "proto/call_op.h"
#include "server/base/identity.h"
#include "server/session/export.h"
#include "server/session/file.h"
#include "server/session/session.h"
#include "server/worker/worker.h"

#define NAME_SHOWN 200 /* bytes of a name in a message */

void calls_init(struct server_calls *calls, struct server_peer *peer)
{
	calls->peer = peer;
	list_init(&calls->open);
}

/* The call is neither queued nor run any more. */
static void forget(struct pending_call *pending)
{
	pending->calls->nr_open--;
	list_del(&pending->node);
}

/* The call is over: send its reply. */
static void answer(struct pending_call *pending)
{
	struct server_peer *peer = pending->peer;

	forget(pending);
	outbox_message(&peer->outbox, &pending->out);
	peer_touch(peer);
}

/* The call ends before anything was done, at least by this run of it. */
static void cancel(struct pending_call *pending)
{
	if (pending->aborted)
		pending_give_up(pending);
	pending->out.msg.reply = (struct reply){.tag = pending->call.tag, .status = -ECANCELED};
	answer(pending);
}

/* Send a call that has been done back to the worker of its connection. Any thread. */
static void call_return(struct pending_call *pending)
{
	evloop_post(pending->peer->worker->loop, &pending->back, 0);
}

static void call_describe(const struct job *job, char *text, size_t size)
{
	const struct pending_call *pending = container_of(job, struct pending_call, job);
	char name[NAME_SHOWN] = "";

	if (pending->file)
		store_describe(pending->file->store_file, name, sizeof(name));
	else if (pending->call.path.len)
		snprintf(name, sizeof(name), "%s", (const char *)pending->call.path.data);
	text_mask(name, strlen(name)); /* a client chose it */
	snprintf(text, size, "call %s \"%s\"", call_op_name(pending->call.op), name);
}

static void call_job(struct job *job)
{
	struct pending_call *pending = container_of(job, struct pending_call, job);

	atomic_store_explicit(&pending->begun, true, memory_order_relaxed);
	fence_begin(&pending->fence);
	call_run(pending);
	job_threads_hide(pending->export->calls, job);
	if (!fence_end(&pending->fence)) {
		call_return(pending);
		return;
	}
	/* Files are closed now, and only the server itself may start a thread for that. */
	identity_become(NULL);
	pending_free_detached(pending);
}

/* Have a thread of the export do the call from its beginning. */
static void queue(struct pending_call *pending)
{
	barrier_put(pending->fence.met);
	pending->fence = (struct fence){.since_ns = pending->since_ns};
	pending->repeated = false;
	atomic_store_explicit(&pending->begun, false, memory_order_relaxed);
	pending->place = PENDING_AT_THREAD;
	job_threads_run(pending->export->calls, session_jobs(pending->session), &pending->job);
}

/* What a call waited for is over. */
static void proceed(struct pending_call *pending)
{
	if (pending->aborted || pending->calls->leaving)
		cancel(pending);
	else
		queue(pending);
}

static void barrier_down(struct ev *ev, int32_t res)
{
	(void)res;
	proceed(container_of(ev, struct pending_call, barred.ev));
}

static void first_run_over(struct ev *ev, int32_t res)
{
	(void)res;
	proceed(container_of(ev, struct pending_call, repeats.ev));
}

/* The call could not begin: it waits, without a thread, and then runs again. */
static void park(struct pending_call *pending)
{
	struct evloop *loop = pending->peer->worker->loop;
	bool waits;

	atomic_store_explicit(&pending->begun, false, memory_order_relaxed);
	pending->place = pending->repeated ? PENDING_REPEATED : PENDING_BARRED;
	if (pending->repeated) {
		pending->repeats = (struct reply_waiter){.loop = loop, .ev.fn = first_run_over};
		waits = replies_wait(session_replies(pending->session), pending->channel,
				     &pending->call, &pending->repeats);
	} else {
		pending->barred = (struct barrier_waiter){
			.until_ns = pending->since_ns, .loop = loop, .ev.fn = barrier_down};
		waits = barrier_wait(pending->fence.met, &pending->barred);
	}
	if (!waits)
		queue(pending);
}

static void call_back(struct ev *ev, int32_t res)
{
	struct pending_call *pending = container_of(ev, struct pending_call, back);

	(void)res;
	if (!pending->repeated && !pending->fence.met)
		answer(pending);
	else if (pending->aborted || pending->calls->leaving)
		cancel(pending);
	else
		park(pending);
}

static void counted(struct counters_query *query)
{
	call_return(container_of(query, struct pending_call, query));
}

static void ask_counters(struct pending_call *pending)
{
	pending->query = (struct counters_query){
		.asker = pending->peer,
		.cursor = pending->call.off,
		.reply = &pending->out.msg.reply,
		.done = counted,
	};
	call_counters_ask(&pending->query);
}

/*
 * What touches no file system must not wait for one, and needs no thread of the export; nor does
 * what the store has in memory. Closing only forgets a handle: the last user of the file has the
 * file closed.
 */
static void begin(struct pending_call *pending)
{
	pending->back.fn = call_back;
	pending->job.run = call_job;
	pending->job.describe = call_describe;
	if (pending->call.op == CALL_COUNTERS) {
		ask_counters(pending);
	} else if (call_run_cached(pending)) {
		answer(pending);
	} else if (pending->call.op == CALL_CLOSE) {
		call_run_here(pending);
		call_return(pending);
	} else {
		queue(pending);
	}
}

int calls_start(struct server_calls *calls, const struct call *call)
{
	struct pending_call *pending;
	int err;

	if (calls->peer->nr_calls == CALLS_MAX)
		return -ENOBUFS;
	if (call->op == CALL_COUNTERS && !(calls->peer->features & FEATURE_COUNTERS))
		return -EPROTO;
	pending = pending_new(calls, call, &err);
	if (!pending)
		return err;
	calls->peer->nr_calls++;
	calls->peer->count.n[COUNT_CALLS]++;
	calls->nr_open++;
	list_add_tail(&calls->open, &pending->node);
	begin(pending);
	return 0;
}

/* Take the call out of where it waits. False: it does not wait, or its event is on its way. */
static bool withdraw(struct pending_call *pending)
{
	switch (pending->place) {
	case PENDING_AT_THREAD:
		return job_threads_withdraw(pending->export->calls, &pending->job);
	case PENDING_BARRED:
		return barrier_cancel(&pending->barred);
	case PENDING_REPEATED:
		return replies_cancel(session_replies(pending->session), &pending->repeats);
	case PENDING_AT_WORKER:
		break;
	}
	return false;
}

/* The answer to a call that was detached when it was aborted. */
struct aborted {
	struct outgoing out;
	struct server_peer *peer;
};

static void aborted_release(struct outgoing *out)
{
	struct aborted *aborted = container_of(out, struct aborted, out);

	aborted->peer->nr_calls--;
	free(aborted);
}

static int abort_running(struct pending_call *pending)
{
	struct server_peer *peer = pending->peer;
	struct aborted *aborted = calloc(1, sizeof(*aborted));

	_Static_assert(sizeof(*aborted) + 16 <= ANSWER_BYTES,
		       "an answer fits what its connection is charged for");
	if (!aborted)
		return -ENOMEM;
	aborted->peer = peer;
	aborted->out.release = aborted_release;
	aborted->out.msg = (struct message){
		.type = MSG_REPLY, .reply = {.tag = pending->call.tag, .status = -ECANCELED}};
	if (!pending_detach(pending)) {
		free(aborted);
		return 0;
	}
	peer->nr_calls++;
	outbox_message(&peer->outbox, &aborted->out);
	peer_touch(peer);
	return 0;
}

static int abort_one(struct pending_call *pending)
{
	if (pending->place == PENDING_AT_WORKER)
		return 0; /* it is answered soon */
	pending->aborted = true;
	if (withdraw(pending))
		cancel(pending);
	else if (pending->place == PENDING_AT_THREAD)
		return abort_running(pending);
	return 0;
}

static int compare_tags(const void *a, const void *b)
{
	uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;

	return one < other ? -1 : one > other;
}

int calls_abort(struct server_calls *calls, const uint32_t *tags, size_t n)
{
	uint32_t sorted[ABORT_MAX];
	int err = 0;

	if (!n)
		return 0;
	memcpy(sorted, tags, n * sizeof(*tags));
	qsort(sorted, n, sizeof(*sorted), compare_tags);
	list_for_each_safe (it, &calls->open) {
		struct pending_call *pending = container_of(it, struct pending_call, node);

		if (!err && !pending->aborted &&
		    bsearch(&pending->call.tag, sorted, n, sizeof(*sorted), compare_tags))
			err = abort_one(pending);
	}
	return err;
}

void calls_give_up_former(struct server_calls *calls, const uint32_t *tags, size_t n)
{
	const struct member *member = &calls->peer->member;

	for (size_t i = 0; i < n; i++) {
		uint64_t file = replies_give_up(session_replies(member->session), member->channel,
						0, tags[i]);

		if (file)
			session_close_file(member->session, file);
	}
}

void calls_abandon(struct server_calls *calls)
{
	calls->leaving = true;
	list_for_each_safe (it, &calls->open) {
		struct pending_call *pending = container_of(it, struct pending_call, node);

		if (withdraw(pending)) {
			forget(pending);
			pending->out.release(&pending->out);
		} else if (pending->place == PENDING_AT_THREAD) {
			pending_detach(pending);
		}
	}
}
