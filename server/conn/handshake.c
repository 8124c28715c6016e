/*
 * The handshake: Hello, Challenge, Proof and Welcome, and what a session reports to its connections
 * later. The connection owns its handshake. Its worker's thread runs all of this except notify().
 * Before a client has proved its key, or needs none, nothing is allocated for it except the
 * connection and the handshake.
 */
#include "server/conn/handshake_auth.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "proto/seal.h"
#include "server/conn/conn.h"
#include "server/conn/handshake.h"
#include "server/conn/handshake_enter.h"
#include "server/session/export.h"
#include "server/worker/server_impl.h"
#include "server/session/session.h"
#include "server/worker/worker.h"

#define FEATURES (FEATURE_IMM | FEATURE_COUNTERS)

/* Overwrite and free a handshake, because it and its claim hold keys. */
static void handshake_free(struct handshake *handshake)
{
	explicit_bzero(handshake, sizeof(*handshake));
	free(handshake);
}

static void welcome_release(struct outgoing *out)
{
	handshake_free(container_of(out, struct handshake, welcome));
}

int handshake_open(struct server_conn *conn)
{
	conn->handshake = calloc(1, sizeof(*conn->handshake));
	return conn->handshake ? 0 : -ENOMEM;
}

void handshake_close(struct server_conn *conn)
{
	if (conn->handshake)
		handshake_free(conn->handshake);
}

static struct bytes bytes_of(const char *text)
{
	return (struct bytes){.data = (const uint8_t *)text, .len = strlen(text)};
}

static uint32_t inflight_of(const struct server *server, const struct hello *hello)
{
	uint32_t most = server->max_inflight;

	return hello->max_inflight && hello->max_inflight < most ? hello->max_inflight : most;
}

static void fill_welcome(const struct server_conn *conn, struct welcome *welcome)
{
	const struct server_session *session = conn->peer->member.session;

	welcome->version = PROTO_VERSION;
	welcome->features = conn->peer->features;
	welcome->session_id = (struct bytes){session_id(session), SESSION_ID_SIZE};
	if (!handshake_has_key(conn))
		welcome->session_key = (struct bytes){session_key(session), SESSION_KEY_SIZE};
	welcome->boot_id = conn->worker->server->boot_id;
	welcome->host = session_export(session)->host;
	welcome->max_inflight = conn->pipeline.max_inflight;
	welcome->max_regions = REGIONS_MAX;
	welcome->max_files = session_max_files(session);
	welcome->export_flags = (conn->peer->read_only ? EXPORT_READ_ONLY : 0) |
				(session_export(session)->store->sync ? EXPORT_SYNC : 0);
	welcome->verifier = verifier_get(&session_export(session)->verifier);
}

/* Refuse a connection. It leaves its session at once, before the refusal has arrived. */
static void refuse(struct server_conn *conn, struct handshake *handshake)
{
	log_info("%s: refused: %s", conn->peer->name, handshake->text);
	/* Nobody knows of a session that was made for the connection. */
	if (conn->peer->member.session && !handshake->claim.session_id)
		session_over(&conn->peer->member);
	handshake_leave(conn);
	conn->state = CONN_REFUSED;
	conn->since_ns = conn->worker->now_ns;
	list_move_tail(&conn->worker->handshakes, &conn->timed);
}

/*
 * Send a Welcome: status 0 admits the connection, -errno refuses it. From now on the Welcome owns
 * the handshake, which is freed when the Welcome has been sent.
 */
static void answer(struct server_conn *conn, int status)
{
	struct handshake *handshake = conn->handshake;
	struct message *msg = &handshake->welcome.msg;
	struct welcome *welcome = &msg->welcome;

	if (!status) {
		status = conn_activate(conn);
		if (status == -EUSERS) {
			handshake_explain(conn, status);
		} else if (status) {
			worker_log_limited(conn->worker, conn->peer->name, status,
					   "no memory for the connection within --memory");
			snprintf(handshake->text, TEXT_MAX, "the server is out of memory");
		}
	}
	conn->handshake = NULL;
	handshake->welcome.release = welcome_release;
	msg->type = MSG_WELCOME;
	welcome->server = bytes_of("usrbio-server " USRBIO_VERSION);
	welcome->status = status;
	welcome->text = bytes_of(handshake->text);
	if (status)
		refuse(conn, handshake);
	else
		fill_welcome(conn, welcome);
	if (handshake->proved) {
		welcome->mac = (struct bytes){handshake->macs[1], MAC_SIZE};
		status = seal_sign(&handshake->exchange, msg, AUTH_SERVER, handshake->macs[1]);
		if (status)
			conn_end(conn, status, "its Welcome cannot be signed");
	}
	outbox_message(&conn->peer->outbox, &handshake->welcome);
	peer_touch(conn->peer);
}

/* Wait until older connections of the session, here or at other workers, have ended. */
static void wait_for_older(struct server_conn *conn)
{
	conn->state = CONN_FENCING;
	list_move_tail(&conn->worker->fencing, &conn->timed);
}

/* The connection has to make room for another id, which has less. */
static void evict(struct server_conn *conn)
{
	char why[ACCOUNT_NAME_MAX + 96];

	snprintf(
		why, sizeof(why),
		"evicted: \"%s\" has the most connections, sessions or memory, and another id needs "
		"room",
		conn->peer->account->name);
	conn_end(conn, -EUSERS, why);
}

/* The session has changed: ask it whether the connection may begin or go on. */
static void fence(struct ev *ev, int32_t res)
{
	struct server_conn *conn = container_of(ev, struct server_conn, fence);
	int status;

	(void)res;
	conn->fence_posted = false;
	peer_touch(conn->peer);
	if (!conn->peer->member.session || conn->state == CONN_CLOSING)
		return;
	status = session_check(&conn->peer->member);
	if (conn->state != CONN_FENCING) {
		if (status == -EUSERS)
			evict(conn);
		else if (status)
			conn_end(conn, 0, "its client resumed or ended the session");
		return;
	}
	if (status == -EAGAIN)
		return;
	if (status == -EUSERS)
		snprintf(conn->handshake->text, TEXT_MAX,
			 "another id needed the room, and this one has more");
	else if (status)
		handshake_explain(conn, status);
	answer(conn, status);
}

/* The thread that changed the session calls this, under the registry's lock. */
static void notify(struct member *member)
{
	struct server_conn *conn = container_of(member, struct server_conn, pipeline.peer.member);

	conn->fence_posted = true;
	evloop_post(conn->worker->loop, &conn->fence, 0);
}

static void refuse_key(struct server_conn *conn)
{
	worker_log_limited(conn->worker, conn->peer->name, -EKEYREJECTED,
			   "has not proved a key of the keyring");
	snprintf(conn->handshake->text, TEXT_MAX, "this server knows no such key");
	answer(conn, -EKEYREJECTED);
}

/* Enter the session, for a client that has proved its key or needs none. */
static void let_in(struct server_conn *conn)
{
	int status = handshake_enter(conn);

	if (status == -EAGAIN)
		wait_for_older(conn);
	else if (status == -EKEYREJECTED)
		refuse_key(conn);
	else
		answer(conn, status);
}

static void copy_text(char *to, size_t size, struct bytes text)
{
	snprintf(to, size, "%.*s", (int)text.len, (const char *)text.data);
}

/* Copy what is needed of a Hello, because its frame does not stay. */
static void keep(struct server_conn *conn, const struct hello *hello)
{
	struct handshake *handshake = conn->handshake;
	struct claim *claim = &handshake->claim;

	conn->peer->features = hello->features & FEATURES;
	conn->pipeline.max_inflight = inflight_of(conn->worker->server, hello);
	copy_text(handshake->export, sizeof(handshake->export), hello->export);
	copy_text(handshake->client, sizeof(handshake->client), hello->client);
	copy_text(conn->peer->key.id, sizeof(conn->peer->key.id), hello->key_id);
	memcpy(conn->peer->key.tag, hello->key_tag.data, hello->key_tag.len);
	*claim = (struct claim){
		.id = conn->peer->key.id, .epoch = hello->epoch, .channel = hello->channel};
	if (hello->session_id.len) {
		memcpy(handshake->session_id, hello->session_id.data, SESSION_ID_SIZE);
		claim->session_id = handshake->session_id;
	}
	if (hello->session_key.len)
		memcpy(claim->key, hello->session_key.data, SESSION_KEY_SIZE);
}

static int on_hello(struct server_conn *conn, const struct hello *hello, const void *frame,
		    size_t len)
{
	struct handshake *handshake = conn->handshake;

	conn->fence.fn = fence;
	conn->peer->member.notify = notify;
	if (hello->version_min > PROTO_VERSION || hello->version_max < PROTO_VERSION) {
		snprintf(handshake->text, TEXT_MAX,
			 "the client speaks protocol versions %u to %u, the server %u",
			 hello->version_min, hello->version_max, PROTO_VERSION);
		answer(conn, -EPROTONOSUPPORT);
		return 0;
	}
	keep(conn, hello);
	if (handshake_has_key(conn))
		return handshake_challenge(conn, hello, frame, len);
	if (conn->worker->server->keyring)
		refuse_key(conn);
	else
		let_in(conn);
	return 0;
}

static int on_proof(struct server_conn *conn, const struct proof *proof, const void *frame,
		    size_t len)
{
	int err = handshake_check_proof(conn, proof, frame, len);

	if (err && err != -EKEYREJECTED)
		return err;
	if (err)
		refuse_key(conn);
	else
		let_in(conn);
	return 0;
}

int handshake_message(struct server_conn *conn, const void *frame, size_t len,
		      const struct message *msg)
{
	return msg->type == MSG_HELLO ? on_hello(conn, &msg->hello, frame, len)
				      : on_proof(conn, &msg->proof, frame, len);
}

/* True if the id may not use the session any more, or is not the user for whom it was opened. */
static bool is_revoked(const struct server_conn *conn, int err, const struct permit *now)
{
	const struct permit *before = &conn->peer->permit;
	const char *export = session_export(conn->peer->member.session)->name;

	/* The id may have another key for the same session. */
	if (err)
		return !keyring_knows(conn->worker->server->keyring, conn->peer->key.id, export);
	return now->as_user != before->as_user || now->uid != before->uid ||
	       now->gid != before->gid;
}

/*
 * End the connection unless its key permits exactly the same as before. A client that may do more
 * or less now connects again.
 */
void handshake_review(struct server_conn *conn)
{
	const struct permit *before = &conn->peer->permit;
	struct permit permit;
	int err;

	if (!handshake_has_key(conn) || !conn->peer->member.session)
		return;
	err = handshake_permits(conn, session_export(conn->peer->member.session)->name, &permit);
	if (!err && keyring_permit_equal(&permit, before))
		return;
	if (is_revoked(conn, err, &permit))
		session_over(&conn->peer->member);
	conn_end(conn, -EKEYREJECTED, "its key was revoked, or its permissions changed");
}

void handshake_leave(struct server_conn *conn)
{
	struct worker *worker = conn->worker;
	uint64_t due;

	if (!conn->peer->member.session)
		return;
	due = session_leave(&conn->peer->member, worker->now_ns);
	conn->peer->member.session = NULL;
	if (due < worker->session_ns)
		worker->session_ns = due;
	worker_slow_timers(worker, due);
}
