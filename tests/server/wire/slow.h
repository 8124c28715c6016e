/*
 * A server whose file system is tests/support/slowfs, where calls hang as long as a test likes, and
 * one peer of it. One at a time; the test owns it.
 */
#ifndef USRBIO_TESTS_SERVER_SLOW_H
#define USRBIO_TESTS_SERVER_SLOW_H

#include "fixture.h"
#include "tests/support/slowfs.h"

struct slow {
	struct slowfs fs;
	struct server *server;
	struct peer peer; /* of the export "files" */
	uint32_t next_tag;
	struct server_config config; /* of the next server */
};

extern struct slow slow;

/* Run the body with a server over each provider; the case is skipped if there can be no slowfs. */
void slow_each_scheme(void (*body)(void));
/* Lose the connection, and resume the session on another. */
void slow_resume(void);

/* Send a call, and return its tag. */
uint32_t slow_send(struct call call);
/* Send it and wait for its answer, while others may be under way: its status. */
int slow_call(struct call call);
void slow_abort(uint32_t tag);
/* Wait for the next answer, which is to this call: its status. */
int slow_reply(uint32_t tag);
/* True if there is something of this name, whether the kernel knows of it or not. */
bool slow_has(const char *name);

#endif
