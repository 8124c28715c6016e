/*
 * The memory of a call, and what it holds. Its connection owns it; once it is detached, the thread
 * that runs it does. This runs on the worker's thread, except pending_free_detached().
 */
#include "server/calls/calls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/session/export.h"
#include "server/session/file.h"
#include "server/session/session.h"
#include "server/worker/server_impl.h"
#include "server/worker/worker.h"

static size_t beyond_free(size_t bytes)
{
	return bytes > CALLS_FREE_BYTES ? bytes - CALLS_FREE_BYTES : 0;
}

/* Charge memory for a call. The calls of a connection may take no more than they leave free. */
static bool charge(struct server_calls *calls, size_t bytes)
{
	size_t before = beyond_free(calls->bytes), now = beyond_free(calls->bytes + bytes);

	if (now > before && !budget_id_take(&calls->peer->account->memory, now - before, now))
		return false;
	calls->bytes += bytes;
	return true;
}

static void uncharge(struct server_calls *calls, size_t bytes)
{
	size_t before = beyond_free(calls->bytes), now = beyond_free(calls->bytes - bytes);

	calls->bytes -= bytes;
	if (now < before)
		budget_id_give(&calls->peer->account->memory, before - now);
}

static void put_file(struct server_file *file)
{
	if (file)
		file_unref(file, 1);
}

static void pending_free(struct pending_call *pending)
{
	put_file(pending->file);
	put_file(pending->at);
	put_file(pending->at2);
	session_unref(pending->session);
	barrier_put(pending->fence.met);
	free(pending->names);
	free(pending->query.rows);
	free(pending->ids);
	free(pending->target);
	free(pending->value);
	free(pending->rows);
	free(pending);
}

static void call_release(struct outgoing *out)
{
	struct pending_call *pending = container_of(out, struct pending_call, out);

	uncharge(pending->calls, pending->bytes);
	pending->peer->nr_calls--;
	pending_free(pending);
}

/*
 * The lists and counts of the connection are changed first, because the thread may free the call
 * as soon as it is given up. A call for which the budget has no room is not counted while it is
 * detached: there are no more of them than threads.
 */
bool pending_detach(struct pending_call *pending)
{
	struct server_calls *calls = pending->calls;
	size_t bytes = pending->bytes;

	pending->bytes_kept = budget_id_take(pending->memory, bytes, 0) ? bytes : 0;
	list_del(&pending->node);
	if (!fence_give_up(&pending->fence)) {
		list_add_head(&calls->open, &pending->node);
		budget_id_give(pending->memory, pending->bytes_kept);
		pending->bytes_kept = 0;
		return false;
	}
	calls->nr_open--;
	calls->peer->nr_calls--;
	uncharge(calls, bytes);
	return true;
}

/*
 * A run of its own began with a number. Otherwise a repetition may have an earlier run of the same
 * call, which may be over.
 */
void pending_give_up(struct pending_call *pending)
{
	struct replies *replies = session_replies(pending->session);
	const struct reply *reply = &pending->out.msg.reply;
	uint64_t file = 0;

	if (pending->run.number) {
		file = reply->status ? 0 : reply->file;
		replies_forget(replies, &pending->run);
	} else if (pending->call.replay) {
		file = replies_give_up(replies, pending->channel, pending->call.op,
				       pending->call.tag);
	}
	if (file)
		session_close_file(pending->session, file);
}

void pending_free_detached(struct pending_call *pending)
{
	if (pending->aborted || pending->unwanted)
		pending_give_up(pending);
	budget_id_give(pending->memory, pending->bytes_kept);
	pending_free(pending);
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
	       1 + call->persistent.len + 1 + call->target.len + 1 + call->name.len + 1 +
	       call->value.len + 1 + call->names.len + 1;
}

/* The bytes of the memory of an answer. */
static size_t answer_bytes_of(const struct call *call)
{
	switch (call->op) {
	case CALL_READDIR:
		return sizeof(struct names);
	case CALL_COUNTERS:
		return COUNTERS_BYTES;
	case CALL_ANCESTORS:
		return ANCESTORS_MAX * 2 * sizeof(uint64_t);
	case CALL_READLINK:
		return TARGET_BYTES;
	case CALL_GETXATTR:
	case CALL_LISTXATTR:
		return XATTR_VALUE_MAX;
	case CALL_STATS:
		return call->nr_names * sizeof(struct attr_row);
	default:
		return 0;
	}
}

/* The bytes that a call takes with its answer. */
static size_t bytes_of(const struct call *call)
{
	return sizeof(struct pending_call) + size_of(call) + answer_bytes_of(call);
}

/* Take a reference to the file of a handle, if it is not 0. *file is NULL if there is none. */
static void get_file(struct server_calls *calls, uint64_t handle, struct server_file **file)
{
	if (handle)
		session_get_files(calls->peer->member.session, 1, &handle, file);
}

/* What the call needs beside its connection. */
static void hold(struct pending_call *pending, const struct server_peer *peer)
{
	pending->session = peer->member.session;
	session_ref(pending->session);
	pending->export = peer->export;
	pending->memory = &peer->account->memory;
	pending->owner = (struct persistent_owner){.key = &peer->worker->server->names,
						   .export = peer->export,
						   .permit = peer->permit};
	strcpy(pending->owner.id, peer->key.id);
	pending->read_only = peer->read_only;
	pending->channel = peer->member.channel;
	pending->msg_max = peer->tp->msg_max;
}

/* Copy a call whose bytes have been charged. NULL: there is no memory. */
static struct pending_call *copy(struct server_calls *calls, const struct call *call)
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
	pending->call.target = copy_bytes(&at, call->target);
	pending->call.name = copy_bytes(&at, call->name);
	pending->call.value = copy_bytes(&at, call->value);
	pending->call.names = copy_bytes(&at, call->names);
	return pending;
}

struct pending_call *pending_new(struct server_calls *calls, const struct call *call, int *err)
{
	struct pending_call *pending;

	*err = -EAGAIN;
	if (!charge(calls, bytes_of(call)))
		return NULL;
	pending = copy(calls, call);
	if (!pending) {
		uncharge(calls, bytes_of(call));
		*err = -ENOMEM;
		return NULL;
	}
	pending->calls = calls;
	pending->peer = calls->peer;
	pending->since_ns = calls->peer->worker->now_ns;
	pending->out.release = call_release;
	pending->out.msg = (struct message){.type = MSG_REPLY, .reply = {.tag = call->tag}};
	hold(pending, calls->peer);
	get_file(calls, call->file, &pending->file);
	get_file(calls, call->at, &pending->at);
	get_file(calls, call->at2, &pending->at2);
	return pending;
}
