/*
 * What a connection asks of its owner, the session, of which it knows nothing else. The owner
 * contains this, fills it in before it creates connections, and outlives them.
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
	/* Connect, unless that is being done. False: it has been tried for too long. */
	bool (*want)(struct conn_owner *owner);
	/* A connection of that incarnation of the owner broke: the others have to end, too. */
	void (*lost)(struct conn_owner *owner, uint64_t incarnation, int error);
	/* Did a connection of that incarnation break? */
	bool (*is_lost)(const struct conn_owner *owner, uint64_t incarnation);
	/* The transport is connected: begin the handshake. */
	void (*begin)(struct conn *conn);
	/* A message came during the handshake: the frame and what it means. */
	void (*message)(struct conn *conn, const void *frame, size_t len,
			const struct message *msg);
	/* Remember in words why a connection is about to be lost; the first reason counts. */
	void (*blame)(struct conn_owner *owner, const char *fmt, va_list args);

	const char *at; /* the server's "host:port"; changes between connections only */
	const struct tp_tls_config *tls;
	unsigned timeout_ms; /* of an I/O or a call; 0: none */
};

#endif
