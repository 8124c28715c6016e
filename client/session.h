/*
 * A mount's relation to its server: a device, connections, and the session they share while they
 * are up. Sessions are numbered; what belongs to one (file handles) is dead in the next. A session
 * that loses a connection is lost: the next user makes a new one. Any thread.
 */
#ifndef USRBIO_CLIENT_SESSION_H
#define USRBIO_CLIENT_SESSION_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "client/device.h"
#include "client/mountspec.h"
#include "proto/message.h"

struct conn;
struct inprocess;

struct session {
	const struct mountspec *spec;
	struct device device;
	_Atomic uint64_t number; /* 0: there is none */
	_Atomic uint64_t lost;	 /* the last one that broke, maybe before it was complete */

	pthread_mutex_t connecting; /* one thread connects; what follows is under it */
	uint64_t last_number;
	uint64_t not_before; /* a failed attempt is repeated no sooner */
	int last_error;
	uint8_t id[SESSION_ID_SIZE], key[SESSION_KEY_SIZE];
	uint64_t boot_id;
	char server[TEXT_MAX + 1];
	struct inprocess *own; /* of a mount loop:///DIR, from the first attempt to the end */

	_Atomic unsigned next_conn; /* spreads rings and calls */
	unsigned nr_conns;
	struct conn *conns[]; /* constant */
};

/* NULL: out of memory or descriptors. Does not connect. spec outlives it. */
struct session *session_create(const struct mountspec *spec);
/* Nobody uses it any more; on the progress thread, or never connected. */
void session_destroy(struct session *session);

/* Make sure there is a session. Blocks for as long as connecting takes. 0 or -EREMOTEIO, or why the
 * server refused. */
int session_connect(struct session *session);
uint64_t session_number(const struct session *session);
/* Did a connection of that session break? Not to be confused with one that still connects. */
bool session_is_lost(const struct session *session, uint64_t number);
/* A connection of it broke, whose lock is held: the others follow. */
void session_lost(struct session *session, uint64_t number);

struct mount;
struct session *mount_to_session(struct mount *mount);

/* The connection for the next ring or call. */
struct conn *session_conn(struct session *session);

/* What a new connection says and hears. Lock of the connection held. */
void session_hello(struct session *session, struct hello *hello);
int session_welcome(struct session *session, const struct welcome *welcome);

#endif
