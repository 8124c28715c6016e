/*
 * The interface by which a connection uses its owner, the session. It knows nothing else of the
 * owner, which contains this struct, fills it in before it creates connections, and outlives them.
 * Any thread.
 */
#ifndef USRBIO_CLIENT_CONN_CONN_OWNER_H
#define USRBIO_CLIENT_CONN_CONN_OWNER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conn;
struct message;
struct tp_tls_config;

/* The functions are called with the lock of a connection held. */
struct conn_owner {
	/* Start to connect, unless that is under way. False: it has been tried for too long. */
	bool (*want)(struct conn_owner *owner);
	/* Report that a connection of this incarnation was lost: the others have to end, too. */
	void (*lost)(struct conn_owner *owner, uint64_t incarnation, int error);
	/* True if a connection of this incarnation was lost. */
	bool (*is_lost)(const struct conn_owner *owner, uint64_t incarnation);
	/* Begin the handshake, because the transport is connected. */
	void (*begin)(struct conn *conn);
	/* Handle a message of the handshake: the frame, and the message decoded from it. */
	void (*message)(struct conn *conn, const void *frame, size_t len,
			const struct message *msg);
	/* Store as text why a connection is about to be lost; the first reason counts. */
	void (*blame)(struct conn_owner *owner, const char *fmt, va_list args);

	const char *at; /* the server's "host:port"; changes between connections only */
	const struct tp_tls_config *tls;
	unsigned timeout_ms; /* of an I/O or a call; 0: none */
	/*
	 * The number of the write verifier under which writes count that are sent now. 0: writes
	 * are durable when they are acknowledged. It changes at any time.
	 */
	_Atomic uint32_t writes_under;
};

#endif
