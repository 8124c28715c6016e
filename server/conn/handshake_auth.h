/* A connection until its Welcome: what has been said, and how each side proves that it has the key.
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

#define CLIENT_LOG_MAX 64 /* of the name a client gives itself */

struct handshake {
	struct outgoing challenge, welcome;
	char text[TEXT_MAX];
	/* Of the Hello, until the session is entered. */
	char export[EXPORT_NAME_MAX + 1], client[CLIENT_LOG_MAX];
	uint8_t session_id[SESSION_ID_SIZE];
	struct claim claim;
	struct exchange exchange;
	bool proved; /* a key: all that is said from then on is signed */
	uint8_t nonce[NONCE_SIZE], share[SHARE_SIZE], macs[2][MAC_SIZE];
};

/*
 * Send a Challenge: prove that the server knows the key that a Hello names, and ask the client for
 * the same. For an unknown key it is made with a secret that no one has. 0, -EIO, -EMSGSIZE.
 */
int handshake_challenge(struct server_conn *conn, const struct hello *hello, const void *frame,
			size_t len);
/*
 * Check the client's Proof, over all that had been said before it, and keep the key of its session
 * in the claim. 0; -EKEYREJECTED: it has not proved the key; -EPROTO, -EIO.
 */
int handshake_check_proof(struct server_conn *conn, const struct proof *proof, const void *frame,
			  size_t len);

#endif
