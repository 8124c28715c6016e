/*
 * The handshake of a connection: its state until the Welcome, and how each side proves that
 * it has the key.
 */
#ifndef USRBIO_SERVER_CONN_HANDSHAKE_AUTH_H
#define USRBIO_SERVER_CONN_HANDSHAKE_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/auth/exchange.h"
#include "proto/limits.h"
#include "proto/message.h"
#include "server/io/outbox.h"
#include "server/session/sessions.h"

struct server_conn;

#define CLIENT_LOG_MAX 64 /* bytes kept of the name that a client gives itself */

struct handshake {
	struct outgoing challenge, welcome;
	char text[TEXT_MAX]; /* of the Welcome: why it refuses */
	/* What the Hello named; needed until the connection has entered its session. */
	char export[EXPORT_NAME_MAX + 1], client[CLIENT_LOG_MAX];
	uint8_t session_id[SESSION_ID_SIZE];
	struct claim claim;
	struct exchange exchange;
	bool proved; /* the client has proved its key, so the Welcome is signed */
	uint8_t nonce[NONCE_SIZE], share[SHARE_SIZE], macs[2][MAC_SIZE];
};

/*
 * Send a Challenge, which proves that the server knows the key that a Hello names, and asks the
 * client to prove the same. For an unknown key it is made with a secret that nobody has. Returns 0,
 * -EIO or -EMSGSIZE.
 */
int handshake_challenge(struct server_conn *conn, const struct hello *hello, const void *frame,
			size_t len);
/*
 * Check the client's Proof, which covers all messages before it, and store the key of its session
 * in the claim. Returns 0. -EKEYREJECTED: the client has not proved the key. Also -EPROTO and -EIO.
 */
int handshake_check_proof(struct server_conn *conn, const struct proof *proof, const void *frame,
			  size_t len);

#endif
