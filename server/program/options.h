/* The command line of usrbio-server. */
#ifndef USRBIO_SERVER_PROGRAM_OPTIONS_H
#define USRBIO_SERVER_PROGRAM_OPTIONS_H

#include <stdio.h>

#include "server/program/sandbox.h"
#include "server/program/server.h"

#define OPTIONS_MAX 32 /* the most --export, and the most --listen */

struct options {
	struct server_config config; /* its arrays are those below */
	struct export_config exports[OPTIONS_MAX];
	struct listen_config listens[OPTIONS_MAX];
	enum sandbox sandbox;
};

/*
 * Parse argv into *options, which points into argv afterwards. Returns 0 if the server is to start,
 * and 1 if --help or --version has been answered on `out`. -EINVAL: one line on `err` says what is
 * wrong and what would be right.
 */
int options_parse(struct options *options, int argc, char **argv, FILE *out, FILE *err);

#endif
