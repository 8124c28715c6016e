/* The limits of the server, and how much of each is in use: the rows of COUNTED_LIMITS. */
#ifndef USRBIO_SERVER_CALLS_LIMITS_H
#define USRBIO_SERVER_CALLS_LIMITS_H

#include <stdint.h>

#include "proto/limits.h"

struct pipeline;
struct server;
struct worker;

struct limits {
	struct {
		uint64_t used, max;
	} of[NR_LIMITS];
};

/* Get the limits of the server. Any thread. */
void limits_of_server(struct server *server, struct limits *limits);
/* Get those of a worker, or of one of its connections. Only the worker's thread calls them. */
void limits_of_worker(const struct worker *worker, struct limits *limits);
void limits_of_conn(const struct pipeline *pipeline, struct limits *limits);

#endif
