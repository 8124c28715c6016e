/*
 * The server as a library: start it, ask where it listens, stop it. One process may run several.
 */
#ifndef USRBIO_SERVER_PROGRAM_SERVER_H
#define USRBIO_SERVER_PROGRAM_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/loop/listener.h"
#include "server/session/export.h"

struct server;

/* A zero means the default. The caller keeps it until server_start returns. */
struct server_config {
	const struct export_config *exports;
	unsigned nr_exports;
	const struct listen_config *listens;
	unsigned nr_listens;
	const char *keyring;	  /* a file of keys; NULL: everybody may do everything */
	bool insecure;		  /* without a keyring: also beyond this machine */
	unsigned nr_workers;	  /* default: one per core */
	unsigned staging_mib;	  /* per worker */
	unsigned memory_mib;	  /* of everything; default: half of the machine's */
	unsigned max_connections; /* of all workers together */
	unsigned max_inflight;	  /* I/Os of one connection */
	unsigned max_sessions;	  /* of all clients together */
	unsigned max_files;	  /* open ones of one session, at most FILES_MAX */
	unsigned hello_ms;	  /* from accepting a connection to its hello */
	unsigned stall_ms;	  /* in which a peer takes nothing of what it asked for */
	unsigned keepalive_ms;	  /* of silence until a client is pinged; SERVER_OFF: never */
	unsigned session_ms;	  /* a session is kept whose client fell silent */
	unsigned linger_ms;	  /* a session is kept whose client left */
	bool huge_pages;	  /* for the staging buffers, where there are any */
	/*
	 * If not NULL: called by server_start when names are resolved and exports and keyring open,
	 * before devices and listeners are, and before the first thread is started: what this one
	 * gives up, no other ever has. 0, or -errno (logged) to end the start.
	 */
	int (*opened)(const struct server_config *config);
};

#define SERVER_STAGING_MIB     32
#define SERVER_MAX_CONNECTIONS 1024
#define SERVER_MAX_INFLIGHT    4096
#define SERVER_MAX_SESSIONS    4096
#define SERVER_HELLO_MS	       5000
#define SERVER_STALL_MS	       30000
#define SERVER_KEEPALIVE_MS    5000
#define SERVER_SESSION_MS      60000
#define SERVER_LINGER_MS       900 /* longer than a client takes to come back; then it is over in 1 s */
#define SERVER_OFF	       UINT32_MAX

/*
 * Open the exports, start the workers, listen. Returns when clients can connect. 0, or -errno
 * after one line in the log that names the culprit; then nothing is left behind.
 */
int server_start(const struct server_config *config, struct server **server);

/*
 * Stop listening, let the I/O under way end (at most a few seconds), disconnect the clients, and
 * free everything. Blocks. From the thread that started it or another, once.
 */
void server_stop(struct server *server);

/*
 * Read the keyring again: whose key or grant is not in it any more is disconnected, and what a
 * server keeps for them until they come back is closed. 0, or -errno after a line in the log, and
 * everything stays as it was. Not while it stops.
 */
int server_reload_keys(struct server *server);

/*
 * Log the state of the server at any log level: sessions, workers, connections, the oldest I/O of
 * each and the calls under way. Returns when all of it is written, at the latest in a few seconds.
 * Nothing is stopped meanwhile. One thread at a time; not while the server stops.
 */
void server_dump(struct server *server);

/* The i-th address it listens at, as a URL, "tcp://127.0.0.1:7040". NULL beyond the last. */
const char *server_address(const struct server *server, unsigned i);

#endif
