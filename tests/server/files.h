/* A server of real files, in a directory of its own. */
#ifndef USRBIO_TESTS_SERVER_FILES_H
#define USRBIO_TESTS_SERVER_FILES_H

#include "server/program/server.h"

extern char files_directory[64];

/* With one worker: the export "files", a directory below `parent`. */
struct server *files_start(const char *scheme, const char *parent);
/* The same directory as "fast" and, with `prefix` in front of its name, "slow". */
struct server *files_start_twice(const char *scheme, const char *parent, const char *prefix,
				 const struct server_config *extra);
/* And removes the directory. */
void files_stop(struct server *server);

#endif
