/*
 * Authentication in the handshake: the server proves its key by the Challenge and checks the Proof
 * of the client. The connection owns the handshake, and only its worker's thread runs this.
 */
#include "server/conn/handshake_auth.h"

#include <errno.h>
#include <string.h>

#include "proto/seal.h"
#include "server/conn/conn.h"
#include "server/account/keyring.h"
#include "server/worker/server_impl.h"

/* Nothing is freed here: the Challenge is a part of the handshake, which its Welcome owns later. */
static void challenge_release(struct outgoing *out)
{
	(void)out;
}

int handshake_challenge(struct server_conn *conn, const struct hello *hello, const void *frame,
			size_t len)
{
	const struct server *server = conn->worker->server;
	struct handshake *handshake = conn->handshake;
	struct exchange *exchange = &handshake->exchange;
	struct message *msg = &handshake->challenge.msg;
	struct secret secret = server->nobodys;
	uint8_t binding[TP_BINDING_MAX], share[SHARE_SIZE];
	int err;

	memcpy(share, hello->share.data, sizeof(share));
	err = exchange_begin(exchange, binding, tp_binding(conn->peer->tp, binding),
			     handshake->nonce, handshake->share);
	if (!err)
		err = seal_hear(exchange, frame, len);
	msg->type = MSG_CHALLENGE;
	msg->challenge = (struct challenge){
		.version = PROTO_VERSION,
		.nonce = {handshake->nonce, NONCE_SIZE},
		.share = {handshake->share, SHARE_SIZE},
		.mac = {handshake->macs[0], MAC_SIZE},
	};
	if (!err)
		err = seal_say_signed(exchange, msg);
	if (server->keyring)
		keyring_secret(server->keyring, &conn->peer->key, &secret);
	if (!err)
		err = exchange_keys(exchange, &secret, share);
	secret_wipe(&secret);
	if (!err)
		err = exchange_mac(exchange, AUTH_SERVER, handshake->macs[0]);
	if (err)
		return err;
	conn->state = CONN_PROVING;
	handshake->challenge.release = challenge_release;
	outbox_message(&conn->peer->outbox, &handshake->challenge);
	peer_touch(conn->peer);
	return 0;
}

int handshake_check_proof(struct server_conn *conn, const struct proof *proof, const void *frame,
			  size_t len)
{
	struct handshake *handshake = conn->handshake;
	struct claim *claim = &handshake->claim;
	const uint8_t *mac;
	int err;

	claim->proof = handshake->exchange;
	err = seal_hear_signed(&handshake->exchange, frame, len, &mac);
	if (err)
		return err;
	if (!exchange_check(&handshake->exchange, AUTH_CLIENT, mac))
		return -EKEYREJECTED;
	handshake->proved = true;
	if (!claim->session_id != !proof->session_mac.len)
		return -EPROTO;
	memcpy(claim->key,
	       claim->session_id ? proof->session_mac.data : handshake->exchange.keys[AUTH_SESSION],
	       SESSION_KEY_SIZE);
	return 0;
}
