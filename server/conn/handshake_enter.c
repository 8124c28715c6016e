/*
 * How a client enters its session: what its key permits, and how many connections it may have. The
 * connection owns its handshake, and only its worker's thread runs this.
 */
#include "server/conn/handshake_enter.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "server/conn/conn.h"
#include "server/conn/handshake_auth.h"
#include "server/session/export.h"
#include "server/worker/server_impl.h"
#include "server/worker/worker.h"

bool handshake_has_key(const struct server_conn *conn)
{
	return *conn->peer->key.id;
}

int handshake_permits(const struct server_conn *conn, const char *export, struct permit *permit)
{
	struct keyring *keyring = conn->worker->server->keyring;

	*permit = (struct permit){0};
	return keyring ? keyring_permits(keyring, &conn->peer->key, export, permit) : 0;
}

/*
 * True if the client wants more connections than its key ever allows. Waiting would change nothing,
 * as it does when other connections of that key are in the way.
 */
static bool never_fits(const struct server_conn *conn)
{
	uint32_t max = conn->peer->permit.max_connections;

	return max && conn->handshake->claim.channel >= max;
}

/* The name of the account: the id of the key, or the client's address without its port. */
static void name_account(const struct server_conn *conn, char *name, size_t size)
{
	const struct server_peer *peer = conn->peer;
	const char *port = strrchr(peer->name, ':');
	size_t len = port ? (size_t)(port - peer->name) : strlen(peer->name);

	if (handshake_has_key(conn))
		snprintf(name, size, "%s", peer->key.id);
	else
		snprintf(name, size, "%.*s", (int)len, peer->name);
}

/* Fill in the claim: whose it is, and what its key allows. Returns 0 or -ENOMEM. */
static int make_claim(struct server_conn *conn)
{
	struct handshake *handshake = conn->handshake;
	char name[ACCOUNT_NAME_MAX + 1];

	name_account(conn, name, sizeof(name));
	conn->peer->account = account_get(sessions_accounts(conn->worker->server->sessions), name);
	if (!conn->peer->account)
		return -ENOMEM;
	budget_id_move(&conn->worker->server->unknown, &conn->peer->account->memory, conn->charged);
	if (conn->peer->permit.max_inflight &&
	    conn->peer->permit.max_inflight < conn->pipeline.max_inflight)
		conn->pipeline.max_inflight = conn->peer->permit.max_inflight;
	rates_limit(&conn->peer->account->rates, conn->peer->permit.max_rates);
	handshake->claim.account = conn->peer->account;
	handshake->claim.max_files = conn->peer->permit.max_files;
	handshake->claim.max_connections = conn->peer->permit.max_connections;
	handshake->claim.max_sessions = conn->peer->permit.max_sessions;
	handshake->claim.as_user = conn->peer->permit.as_user;
	handshake->claim.user = (struct identity){conn->peer->permit.uid, conn->peer->permit.gid};
	return 0;
}

int handshake_explain(struct server_conn *conn, int err)
{
	char *text = conn->handshake->text;
	const char *lacks = conn->peer->member.lacks;

	if (err == -ESTALE) {
		snprintf(text, TEXT_MAX, "unknown or expired session");
	} else if (err == -EALREADY) {
		snprintf(text, TEXT_MAX, "a newer connection has resumed this session");
	} else if (err == -EINVAL) {
		snprintf(text, TEXT_MAX, "the session is of another export");
	} else if (err == -EDQUOT) {
		snprintf(text, TEXT_MAX, "the key \"%s\" allows no more %ss than it has now",
			 conn->peer->key.id, lacks);
		return -EUSERS;
	} else if (err == -EUSERS) {
		snprintf(text, TEXT_MAX,
			 "there is no room for another %s now, and \"%s\" has its share", lacks,
			 conn->peer->account->name);
		worker_log_full(conn->worker, lacks);
	} else {
		snprintf(text, TEXT_MAX, "%s", strerror(-err));
	}
	return err;
}

static struct export *find_export(struct server *server, const char *name)
{
	return exports_find(&server->exports,
			    (struct bytes){.data = (const uint8_t *)name, .len = strlen(name)});
}

int handshake_enter(struct server_conn *conn)
{
	struct handshake *handshake = conn->handshake;
	struct server *server = conn->worker->server;
	struct export *export = find_export(server, handshake->export);
	int err = handshake_permits(conn, handshake->export, &conn->peer->permit);

	if (err == -EKEYREJECTED) /* the key was removed from the keyring in the meantime */
		return err;
	if (err || !export) {
		snprintf(handshake->text, TEXT_MAX, "no export is named \"%s\"", handshake->export);
		return -ENOENT;
	}
	if (atomic_load(&export->elsewhere)) {
		snprintf(handshake->text, TEXT_MAX, "another server still has the export \"%s\"",
			 handshake->export);
		return -EBUSY;
	}
	if (never_fits(conn)) {
		snprintf(handshake->text, TEXT_MAX,
			 "the key \"%s\" allows %u connections in all, so nconnect= must not be "
			 "more",
			 conn->peer->key.id, conn->peer->permit.max_connections);
		return -EPERM;
	}
	err = make_claim(conn);
	if (!err)
		err = session_enter(server->sessions, export, &handshake->claim,
				    &conn->peer->member, conn->worker->now_ns);
	if (err && err != -EAGAIN)
		return handshake_explain(conn, err);
	log_info("%s: client \"%s\"%s%s%s %s export \"%s\"", conn->peer->name, handshake->client,
		 handshake_has_key(conn) ? " (" : "", conn->peer->key.id,
		 handshake_has_key(conn) ? ")" : "", handshake->claim.epoch ? "resumes" : "uses",
		 handshake->export);
	return err;
}
