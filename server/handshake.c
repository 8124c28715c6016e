/*
 * Hello and Welcome, and what a session says to its connections later. On the connection's worker,
 * but for notify(). Nothing is allocated for a client before its hello proved good.
 */
#include "server/handshake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "server/conn.h"
#include "server/export.h"
#include "server/server_impl.h"
#include "server/worker.h"

#define FEATURES (FEATURE_IMM | FEATURE_COUNTERS)

struct greeting {
	struct outgoing out;
	char text[TEXT_MAX];
};

static void greeting_release(struct outgoing *out)
{
	free(container_of(out, struct greeting, out));
}

static struct bytes bytes_of(const char *text)
{
	return (struct bytes){.data = (const uint8_t *)text, .len = strlen(text)};
}

static int agree(struct conn *conn, const struct hello *hello, char *text)
{
	const struct server *server = conn->worker->server;
	struct export *export = exports_find(&server->exports, hello->export);
	int err;

	if (hello->version_min > PROTO_VERSION || hello->version_max < PROTO_VERSION) {
		snprintf(text, TEXT_MAX,
			 "the client speaks protocol versions %u to %u, the server %u",
			 hello->version_min, hello->version_max, PROTO_VERSION);
		return -EPROTONOSUPPORT;
	}
	if (!export) {
		snprintf(text, TEXT_MAX, "no export is named \"%s\"",
			 (const char *)hello->export.data);
		return -ENOENT;
	}
	err = session_enter(server->sessions, export, hello, &conn->member);
	if (err == -ESTALE)
		snprintf(text, TEXT_MAX, "no such session, or that life of it is over");
	else if (err && err != -EAGAIN)
		snprintf(text, TEXT_MAX, "%s", strerror(-err));
	return err;
}

static uint32_t inflight_of(const struct server *server, const struct hello *hello)
{
	uint32_t most = server->max_inflight;

	return hello->max_inflight && hello->max_inflight < most ? hello->max_inflight : most;
}

static void fill_welcome(const struct conn *conn, struct welcome *welcome)
{
	const struct session *session = conn->member.session;

	welcome->version = PROTO_VERSION;
	welcome->features = conn->features;
	welcome->session_id = (struct bytes){session_id(session), SESSION_ID_SIZE};
	welcome->session_key = (struct bytes){session_key(session), SESSION_KEY_SIZE};
	welcome->boot_id = conn->worker->server->boot_id;
	welcome->max_inflight = conn->max_inflight;
	welcome->max_regions = REGIONS_MAX;
	welcome->max_files = conn->worker->server->max_files;
	welcome->export_flags = conn->export->read_only ? EXPORT_READ_ONLY : 0;
}

/* The session cannot wait for a refusal to arrive. */
static void refuse(struct conn *conn, struct greeting *greeting)
{
	log_info("%s: refused: %s", conn->peer, greeting->text);
	handshake_leave(conn);
	conn->state = CONN_REFUSED;
	conn->since_ns = conn->worker->now_ns;
	list_move_tail(&conn->worker->greeting, &conn->timed);
}

/* Let it in, or with a status refuse it. */
static void answer(struct conn *conn, struct greeting *greeting, int status)
{
	struct welcome *welcome = &greeting->out.msg.welcome;

	if (!status) {
		status = conn_activate(conn);
		if (status) {
			worker_complain(conn->worker, conn, status, "no room for it");
			snprintf(greeting->text, TEXT_MAX, "the server is out of memory");
		}
	}
	greeting->out.release = greeting_release;
	greeting->out.msg.type = MSG_WELCOME;
	welcome->server = bytes_of("usrbio-server " USRBIO_VERSION);
	welcome->status = status;
	welcome->text = bytes_of(greeting->text);
	if (status)
		refuse(conn, greeting);
	else
		fill_welcome(conn, welcome);
	outbox_message(&conn->outbox, &greeting->out);
	conn_touch(conn);
}

/* Older connections of its session are left, here or at other workers. */
static void wait_for_older(struct conn *conn)
{
	conn->state = CONN_FENCING;
	list_move_tail(&conn->worker->fencing, &conn->timed);
}

/* There is something to ask the session. */
static void fence(struct ev *ev, int32_t res)
{
	struct conn *conn = container_of(ev, struct conn, fence);
	struct greeting *greeting;
	int status;

	(void)res;
	conn->fence_posted = false;
	conn_touch(conn);
	if (!conn->member.session || conn->state == CONN_CLOSING)
		return;
	status = session_check(&conn->member);
	if (conn->state != CONN_FENCING) {
		if (status)
			conn_end(conn, 0, "its client resumed the session");
		return;
	}
	if (status == -EAGAIN)
		return;
	greeting = calloc(1, sizeof(*greeting));
	if (!greeting) {
		conn_end(conn, -ENOMEM, "no memory for a Welcome");
		return;
	}
	if (status)
		snprintf(greeting->text, TEXT_MAX, "that life of the session is over");
	answer(conn, greeting, status);
}

/* From whichever thread changed the session, under its lock. */
static void notify(struct member *member)
{
	struct conn *conn = container_of(member, struct conn, member);

	conn->fence_posted = true;
	evloop_post(conn->worker->loop, &conn->fence, 0);
}

int handshake_hello(struct conn *conn, const struct message *msg)
{
	const struct hello *hello = &msg->hello;
	struct greeting *greeting = calloc(1, sizeof(*greeting));
	int status;

	if (!greeting)
		return -ENOMEM;
	conn->features = hello->features & FEATURES;
	conn->max_inflight = inflight_of(conn->worker->server, hello);
	conn->fence.fn = fence;
	conn->member.notify = notify;
	status = agree(conn, hello, greeting->text);
	if (!status || status == -EAGAIN)
		log_info("%s: client \"%s\" %s export \"%s\"", conn->peer,
			 (const char *)hello->client.data, hello->epoch ? "resumes" : "uses",
			 (const char *)hello->export.data);
	if (status == -EAGAIN) {
		free(greeting);
		wait_for_older(conn);
	} else {
		answer(conn, greeting, status);
	}
	return 0;
}

void handshake_leave(struct conn *conn)
{
	struct worker *worker = conn->worker;
	uint64_t due;

	if (!conn->member.session)
		return;
	due = session_leave(&conn->member, conn->silent, worker->now_ns);
	conn->member.session = NULL;
	if (due < worker->session_ns)
		worker->session_ns = due;
	worker_rare(worker, due);
}
