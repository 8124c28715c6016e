/*
 * The calls of a connection. A call is copied from its frame, queued, run on a thread of the
 * export, and answered. The connection owns its calls. All of this runs on its worker's thread,
 * except call_job() and call_return(); while a call runs, the worker does not change it.
 */
#include "server/calls/calls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/session/export.h"
#include "server/session/file.h"
#include "server/worker/server_impl.h"
#include "server/session/session.h"
#include "server/worker/worker.h"

void calls_init(struct server_calls *calls, struct server_peer *peer)
{
	calls->peer = peer;
	list_init(&calls->open);
}

static size_t beyond_free(size_t bytes)
{
	return bytes > CALLS_FREE_BYTES ? bytes - CALLS_FREE_BYTES : 0;
}

/* Charge memory for a call. The calls of a connection may take no more than they leave free. */
static bool charge(struct server_calls *calls, size_t bytes)
{
	size_t before = beyond_free(calls->bytes), now = beyond_free(calls->bytes + bytes);

	if (now > before && !budget_take(&calls->peer->worker->server->budget, now - before, now))
		return false;
	calls->bytes += bytes;
	return true;
}

static void uncharge(struct server_calls *calls, size_t bytes)
{
	size_t before = beyond_free(calls->bytes), now = beyond_free(calls->bytes - bytes);

	calls->bytes -= bytes;
	if (now < before)
		budget_give(&calls->peer->worker->server->budget, before - now);
}

static void put_file(struct server_file *file)
{
	if (file)
		file_unref(file, 1);
}

static void call_release(struct outgoing *out)
{
	struct pending_call *pending = container_of(out, struct pending_call, out);

	uncharge(pending->calls, pending->bytes);
	pending->peer->nr_calls--;
	put_file(pending->file);
	put_file(pending->at);
	put_file(pending->at2);
	free(pending->names);
	free(pending->query.rows);
	free(pending->ids);
	free(pending);
}

/* The call is neither queued nor run any more. */
static void forget(struct pending_call *pending)
{
	pending->calls->nr_open--;
	list_del(&pending->node);
}

static void call_back(struct ev *ev, int32_t res)
{
	struct pending_call *pending = container_of(ev, struct pending_call, back);
	struct server_calls *calls = pending->calls;

	(void)res;
	forget(pending);
	outbox_message(&calls->peer->outbox, &pending->out);
	peer_touch(calls->peer);
}

/* Send a call that has been done back to the worker of its connection. Any thread. */
static void call_return(struct pending_call *pending)
{
	pending->back.fn = call_back;
	evloop_post(pending->peer->worker->loop, &pending->back, 0);
}

static void call_job(struct job *job)
{
	struct pending_call *pending = container_of(job, struct pending_call, job);
	struct server_calls *calls = pending->calls;

	atomic_store_explicit(&pending->begun, true, memory_order_relaxed);
	if (atomic_load_explicit(&calls->leaving, memory_order_relaxed))
		pending->out.msg.reply.status = -ECANCELED;
	else
		call_run(pending);
	call_return(pending);
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
 * What touches no file system must not wait for one, and needs no thread of the export. Closing
 * only forgets a handle: the last user of the file has the file closed.
 */
static void begin(struct pending_call *pending)
{
	struct server_peer *peer = pending->peer;

	if (pending->call.op == CALL_COUNTERS) {
		ask_counters(pending);
	} else if (pending->call.op == CALL_CLOSE) {
		call_run_here(pending);
		call_return(pending);
	} else {
		job_threads_run(peer->export->calls, session_jobs(peer->member.session),
				&pending->job);
	}
}

static struct bytes copy_bytes(uint8_t **at, struct bytes in)
{
	struct bytes out = {.data = *at, .len = in.len};

	memcpy(*at, in.data, in.len + 1); /* includes the zero byte behind it */
	*at += in.len + 1;
	return out;
}

/* The bytes that the strings and ranges of a call take. */
static size_t size_of(const struct call *call)
{
	return 2 * call->nr_ranges * sizeof(*call->range) + call->path.len + 1 + call->path2.len +
	       1 + call->persistent.len + 1;
}

/* The bytes that a call takes with its answer. */
static size_t bytes_of(const struct call *call)
{
	size_t answer = call->op == CALL_READDIR     ? sizeof(struct names)
			: call->op == CALL_COUNTERS  ? COUNTERS_BYTES
			: call->op == CALL_ANCESTORS ? ANCESTORS_MAX * 2 * sizeof(uint64_t)
						     : 0;

	return sizeof(struct pending_call) + size_of(call) + answer;
}

/* Take a reference to the file of a handle, if it is not 0. *file is NULL if there is none. */
static void get_file(struct server_calls *calls, uint64_t handle, struct server_file **file)
{
	if (handle)
		session_get_files(calls->peer->member.session, 1, &handle, file);
}

/* Copy a call whose bytes have been charged. NULL: there is no memory. */
static struct pending_call *pending_new(struct server_calls *calls, const struct call *call)
{
	size_t ranges = 2 * call->nr_ranges * sizeof(*call->range);
	struct pending_call *pending = calloc(1, sizeof(*pending) + size_of(call));
	uint8_t *at;

	if (!pending)
		return NULL;
	pending->bytes = bytes_of(call);
	at = (uint8_t *)pending->data;
	pending->call = *call;
	pending->call.range = pending->data;
	if (ranges)
		memcpy(at, call->range, ranges);
	at += ranges;
	pending->call.path = copy_bytes(&at, call->path);
	pending->call.path2 = copy_bytes(&at, call->path2);
	pending->call.persistent = copy_bytes(&at, call->persistent);
	pending->calls = calls;
	pending->peer = calls->peer;
	pending->since_ns = calls->peer->worker->now_ns;
	pending->job.run = call_job;
	pending->out.release = call_release;
	pending->out.msg = (struct message){.type = MSG_REPLY, .reply = {.tag = call->tag}};
	get_file(calls, call->file, &pending->file);
	get_file(calls, call->at, &pending->at);
	get_file(calls, call->at2, &pending->at2);
	return pending;
}

int calls_start(struct server_calls *calls, const struct call *call)
{
	struct pending_call *pending;

	if (calls->peer->nr_calls == CALLS_MAX)
		return -ENOBUFS;
	if (call->op == CALL_COUNTERS && !(calls->peer->features & FEATURE_COUNTERS))
		return -EPROTO;
	if (!charge(calls, bytes_of(call)))
		return -EAGAIN;
	pending = pending_new(calls, call);
	if (!pending) {
		uncharge(calls, bytes_of(call));
		return -ENOMEM;
	}
	calls->peer->nr_calls++;
	calls->peer->count.n[COUNT_CALLS]++;
	calls->nr_open++;
	list_add_tail(&calls->open, &pending->node);
	begin(pending);
	return 0;
}

void calls_abandon(struct server_calls *calls)
{
	const struct export *export = calls->peer->export;

	atomic_store(&calls->leaving, true);
	list_for_each_safe (it, &calls->open) {
		struct pending_call *pending = container_of(it, struct pending_call, node);

		if (job_threads_withdraw(export->calls, &pending->job)) {
			forget(pending);
			call_release(&pending->out);
		}
	}
}
