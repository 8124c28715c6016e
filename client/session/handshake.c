/*
 * The handshake of a connection; see handshake.h. With a key, the server must prove that it has the
 * key, too, before the client uses it. The state is in the connection, which the session owns. This
 * runs on the thread that drives the connection, under its lock.
 */
#include "client/session/handshake.h"

#include <errno.h>
#include <string.h>

#include "client/conn/conn.h"
#include "client/session/session.h"
#include "proto/seal.h"

static bool has_key(const struct conn *conn)
{
	return *session_of(conn)->credentials.id;
}

static struct bytes bytes_of(const void *data, size_t len)
{
	return (struct bytes){.data = data, .len = len};
}

/* Add the id of the key, a nonce and a share of the key exchange to the hello. 0 or -errno. */
static int offer_key(struct conn *conn, struct message *msg, uint8_t nonce[NONCE_SIZE],
		     uint8_t share[SHARE_SIZE])
{
	const struct credentials *credentials = &session_of(conn)->credentials;
	uint8_t binding[TP_BINDING_MAX];
	int err = exchange_begin(&conn->exchange, binding, tp_binding(conn->tp, binding), nonce,
				 share);

	if (err)
		return err;
	msg->hello.session_key = bytes_of(NULL, 0);
	msg->hello.key_id = bytes_of(credentials->id, strlen(credentials->id));
	msg->hello.key_tag = bytes_of(credentials->tag, sizeof(credentials->tag));
	msg->hello.nonce = bytes_of(nonce, NONCE_SIZE);
	msg->hello.share = bytes_of(share, SHARE_SIZE);
	return seal_say(&conn->exchange, msg);
}

/* Disconnect, because the handshake cannot be computed here. It says nothing about the key. */
static void fail(struct conn *conn, int err)
{
	session_blame(
		session_of(conn),
		"the handshake with the server at %s failed here, in getrandom or OpenSSL: %s",
		session_of(conn)->at, strerror(-err));
	conn_shut(conn, err);
}

void session_handshake_begin(struct conn *conn)
{
	struct message msg = {.type = MSG_HELLO};
	uint8_t nonce[NONCE_SIZE], share[SHARE_SIZE];
	void *buf = conn_buf(conn);
	int err = 0;

	if (!buf) {
		conn_violated(conn, "no credit for a hello");
		return;
	}
	conn_expect(conn);
	conn->state = CONN_HANDSHAKE;
	conn->proof = PROOF_NONE;
	session_hello(session_of(conn), &msg.hello);
	msg.hello.max_inflight = CONN_INFLIGHT;
	msg.hello.channel = conn->index;
	if (has_key(conn))
		err = offer_key(conn, &msg, nonce, share);
	if (err)
		fail(conn, err);
	else if (conn_send(conn, &msg, buf))
		conn_violated(conn, "no room for a hello");
}

/* Disconnect, because the peer lacks the key, or its messages were changed on the way. */
static void distrust(struct conn *conn)
{
	struct session *session = session_of(conn);

	session_blame(session,
		      "authentication of the server at %s with the key \"%s\" failed: unknown id, "
		      "wrong key, or messages were changed on the network",
		      session->at, session->credentials.id);
	conn_shut(conn, -EKEYREJECTED);
}

/*
 * Send the proof that this client has the key, and that of the session to be resumed. 0 or -errno.
 */
static int prove(struct conn *conn, void *buf)
{
	uint8_t session_mac[MAC_SIZE], mac[MAC_SIZE];
	const struct session *session = session_of(conn);
	struct message msg = {.type = MSG_PROOF, .proof = {.mac = bytes_of(mac, sizeof(mac))}};
	int err = 0;

	if (session->known) {
		msg.proof.session_mac = bytes_of(session_mac, sizeof(session_mac));
		err = exchange_mac_by(&conn->exchange, session->key, session_mac);
	}
	if (!err)
		err = seal_sign(&conn->exchange, &msg, AUTH_CLIENT, mac);
	if (!err)
		err = conn_send(conn, &msg, buf);
	return err;
}

static void on_challenge(struct conn *conn, const void *frame, size_t len,
			 const struct challenge *challenge)
{
	struct exchange *exchange = &conn->exchange;
	const uint8_t *mac;
	void *buf;
	int err;

	if (!has_key(conn) || conn->proof != PROOF_NONE) {
		conn_violated(conn, "a challenge out of place");
		return;
	}
	if (challenge->version != PROTO_VERSION) {
		conn_violated(conn, "a challenge of another version");
		return;
	}
	err = seal_hear_signed(exchange, frame, len, &mac);
	if (!err)
		err = exchange_keys(exchange, &session_of(conn)->credentials.secret,
				    challenge->share.data);
	if (err == -EIO) {
		fail(conn, err);
		return;
	}
	if (err || !exchange_check(exchange, AUTH_SERVER, mac)) {
		distrust(conn);
		return;
	}
	buf = conn_buf(conn);
	err = buf ? prove(conn, buf) : -ENOBUFS;
	if (err)
		conn_shut(conn, err);
	else
		conn->proof = PROOF_GIVEN;
}

/*
 * True if the welcome is really from the server. With a key it must be signed. Before the Proof the
 * server cannot sign. Then two refusals are accepted without a signature, because they do no harm
 * to the session.
 */
static bool is_genuine(struct conn *conn, const void *frame, size_t len,
		       const struct welcome *welcome)
{
	const uint8_t *mac;

	if (!has_key(conn))
		return !welcome->mac.len;
	if (!welcome->mac.len)
		return welcome->status == -EKEYREJECTED || welcome->status == -EPROTONOSUPPORT;
	return conn->proof == PROOF_GIVEN && !seal_hear_signed(&conn->exchange, frame, len, &mac) &&
	       exchange_check(&conn->exchange, AUTH_SERVER, mac);
}

static void on_welcome(struct conn *conn, struct welcome welcome)
{
	struct session *session = session_of(conn);
	int err;

	if (has_key(conn)) /* both sides have derived the key of the session */
		welcome.session_key = bytes_of(conn->exchange.keys[AUTH_SESSION], AUTH_KEY_SIZE);
	err = session_welcome(session, &welcome);
	exchange_wipe(&conn->exchange);
	if (err)
		conn_shut(conn, err);
	else
		conn_welcomed(conn, &welcome, session->number, session->incarnation);
}

void session_handshake_message(struct conn *conn, const void *frame, size_t len,
			       const struct message *msg)
{
	if (msg->type == MSG_CHALLENGE)
		on_challenge(conn, frame, len, &msg->challenge);
	else if (!is_genuine(conn, frame, len, &msg->welcome))
		distrust(conn);
	else
		on_welcome(conn, msg->welcome);
}
