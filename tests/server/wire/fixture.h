/* The server in this process, and clients of it played by hand. */
#ifndef USRBIO_TESTS_SERVER_FIXTURE_H
#define USRBIO_TESTS_SERVER_FIXTURE_H

#include "server/program/server.h"
#include "tests/support/pattern.h"
#include "tests/peer/client.h"
#include "tests/peer/message.h"

/* A server with the exports "memory", "readonly" (a null store), "null" (1 GiB), "errors" (every
 * third read and every fifth write -EIO, over memory) and "slow" (reads take 20 ms). */
struct server *fixture_start(const char *scheme, const struct server_config *extra);
/* One with these exports. */
struct server *fixture_start_with(const char *scheme, const struct export_config *exports,
				  unsigned nr_exports, struct server_config config);

/* As peer_connect, peer_try and peer_open, to where it listens. */
void fixture_connect(struct peer *peer, struct server *server);
bool fixture_try(struct peer *peer, struct server *server);
void fixture_open(struct peer *peer, struct server *server, const char *export);

/* Servers of real files, in this directory. */
extern char files_directory[64];

/* With one worker: the export "files", a directory below `parent`. */
struct server *files_start(const char *scheme, const char *parent);
/* The same directory as "fast" and, with `prefix` in front of its name, "slow". */
struct server *files_start_twice(const char *scheme, const char *parent, const char *prefix,
				 const struct server_config *extra);
/* And removes the directory. */
void files_stop(struct server *server);

/* Runs each case of a suite over the providers that work everywhere. */
extern const char *const schemes[2];
/* The body with a server over each of them. NULL: the usual configuration. */
void fixture_each_scheme(void (*body)(struct server *server), const struct server_config *config);

#endif
