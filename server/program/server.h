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

/* A field of 0 means the default. The caller keeps the struct until server_start() returns. */
struct server_config {
	const struct export_config *exports;
	unsigned nr_exports;
	const struct listen_config *listens;
	unsigned nr_listens;
	const char *state;     /* a directory for what survives a restart; NULL: none */
	const char *keyring;   /* a file of keys; NULL: everybody may do everything */
	bool insecure;	       /* without a keyring: serve other machines, too */
	unsigned nr_workers;   /* default: one per CPU, see sizing.h */
	unsigned call_threads; /* of each export: for calls, and as many for closing */
	unsigned staging_mib;  /* per worker; default: at most SERVER_STAGING_MIB */
	unsigned memory_mib; /* of server and clients; default: half of the memory, see sizing.h */
	unsigned max_connections; /* of all workers together */
	unsigned max_inflight;	  /* I/Os of one connection */
	unsigned max_sessions;	  /* of all clients together */
	unsigned max_files;	  /* open ones of one session, at most FILES_MAX */
	unsigned max_open;	  /* open files of all clients together; default: no limit */
	unsigned hello_ms;	  /* from accepting a connection to its Hello */
	unsigned stall_ms;	  /* until a peer that moves no data is disconnected */
	unsigned keepalive_ms;	  /* of silence until a client is pinged; SERVER_OFF: never */
	unsigned session_ms;	  /* how long a session without a connection is kept */
	unsigned yield_ms;	  /* how long, if others need its place or its memory */
	unsigned stop_ms;	  /* how long server_stop() may take */
	bool huge_pages;	  /* for the staging buffers, if the system has them */
	/*
	 * NULL, or a function that server_start() calls once. At that time names are resolved, and
	 * exports and keyring are open; devices and listeners are not, and no thread has been
	 * started. So every thread inherits what the function gives up. It returns 0, or -errno
	 * after a line in the log to make server_start() fail.
	 */
	int (*opened)(const struct server_config *config);
};

#define SERVER_CALL_THREADS    16
#define SERVER_STAGING_MIB     32
#define SERVER_MAX_CONNECTIONS 1024
#define SERVER_MAX_INFLIGHT    4096
#define SERVER_MAX_SESSIONS    4096
#define SERVER_HELLO_MS	       5000
#define SERVER_STALL_MS	       30000
#define SERVER_KEEPALIVE_MS    5000
#define SERVER_SESSION_MS      60000
#define SERVER_YIELD_MS	       5000
#define SERVER_STOP_MS	       5000
#define SERVER_OFF	       UINT32_MAX

/*
 * Open the exports, start the workers, and listen. It returns 0 when clients can connect, or -errno
 * after one line in the log that names the cause; then nothing is left behind.
 */
int server_start(const struct server_config *config, struct server **server);

/*
 * Stop listening, let the I/O under way end, disconnect the clients, and free everything. Any
 * thread may call it, one at a time. It blocks for stop_ms at most. Returns 0; or -ETIMEDOUT: a
 * file system hangs. The first such call logs what hangs there, and unlocks the other exports.
 * Threads and the kernel still use the server then, so nothing is freed: call it again to wait for
 * them again, or end the process.
 */
int server_stop(struct server *server);

/*
 * Read the keyring again. Clients whose key or grant is not in it any more are disconnected, and
 * their lingering sessions are closed. Returns 0, or -errno after a line in the log; then
 * everything stays as it was. The caller does not call it while the server stops.
 */
int server_reload_keys(struct server *server);

/*
 * Log the state of the server at any log level: sessions, workers, connections, the oldest I/O of
 * each and the calls under way. It returns when all of it is written, after a few seconds at most.
 * The server works on meanwhile. One thread at a time may call this, and not while the server
 * stops.
 */
void server_dump(struct server *server);

/* Log in one line which open files a restart of the server does not survive. */
void server_restart_report(const struct server *server);

/* Get the i-th address that it listens at, as "tcp://127.0.0.1:7040"; NULL beyond the last one. */
const char *server_address(const struct server *server, unsigned i);

#endif
