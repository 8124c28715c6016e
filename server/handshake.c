/* Hello and Welcome. On the connection's worker. Nothing is allocated for a client before its
 * hello proved good. */
#include "server/handshake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "server/conn.h"
#include "server/export.h"
#include "server/server_impl.h"
#include "server/session.h"
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

static int agree(const struct server *server, const struct hello *hello, struct session **session,
		 char *text)
{
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
	if (!hello->session_id.len)
		err = session_new(server->sessions, export, session);
	else
		err = session_join(server->sessions, export, hello->session_id.data,
				   hello->session_key.data, session);
	if (err)
		snprintf(text, TEXT_MAX, "%s", err == -ESTALE ? "no such session" : strerror(-err));
	return err;
}

static uint32_t inflight_of(const struct server *server, const struct hello *hello)
{
	uint32_t most = server->max_inflight;

	return hello->max_inflight && hello->max_inflight < most ? hello->max_inflight : most;
}

static int enter(struct conn *conn, const struct hello *hello, char *text)
{
	struct session *session;
	int err = agree(conn->worker->server, hello, &session, text);

	if (err)
		return err;
	err = conn_activate(conn, session, inflight_of(conn->worker->server, hello));
	if (err) {
		session_put(session);
		snprintf(text, TEXT_MAX, "the server is out of memory");
		return err;
	}
	conn->features = hello->features & FEATURES;
	return 0;
}

static void fill_welcome(const struct conn *conn, struct welcome *welcome)
{
	const uint8_t *id = session_id(conn->session), *key = session_key(conn->session);

	welcome->version = PROTO_VERSION;
	welcome->features = conn->features;
	welcome->session_id = (struct bytes){.data = id, .len = SESSION_ID_SIZE};
	welcome->session_key = (struct bytes){.data = key, .len = SESSION_KEY_SIZE};
	welcome->boot_id = conn->worker->server->boot_id;
	welcome->max_inflight = conn->max_inflight;
	welcome->max_regions = REGIONS_MAX;
	welcome->max_files = FILES_MAX;
	welcome->export_flags = conn->export->read_only ? EXPORT_READ_ONLY : 0;
}

int handshake_hello(struct conn *conn, const struct message *msg)
{
	const struct hello *hello = &msg->hello;
	struct greeting *greeting = calloc(1, sizeof(*greeting));
	struct welcome *welcome;

	if (!greeting)
		return -ENOMEM;
	welcome = &greeting->out.msg.welcome;
	greeting->out.release = greeting_release;
	greeting->out.msg.type = MSG_WELCOME;
	welcome->server = bytes_of("usrbio-server " USRBIO_VERSION);
	welcome->status = enter(conn, hello, greeting->text);
	welcome->text = bytes_of(greeting->text);
	if (welcome->status) {
		log_info("%s: refused: %s", conn->peer, greeting->text);
		conn->state = CONN_REFUSED;
	} else {
		fill_welcome(conn, welcome);
		log_info("%s: client \"%s\" uses export \"%s\"", conn->peer,
			 (const char *)hello->client.data, conn->export->name);
	}
	outbox_message(&conn->outbox, &greeting->out);
	conn_touch(conn);
	return 0;
}
