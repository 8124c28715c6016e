/* A server of real files: one export, "files", of a directory of its own, one worker. */
#ifndef USRBIO_TESTS_SERVER_FILES_H
#define USRBIO_TESTS_SERVER_FILES_H

#include "server/server.h"

extern char files_directory[64];

/* Makes the directory below `parent`. */
struct server *files_start(const char *scheme, const char *parent);
/* And removes the directory. */
void files_stop(struct server *server);

#endif
