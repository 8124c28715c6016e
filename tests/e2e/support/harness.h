/*
 * One server per test, real files in a scratch directory of the test, and the library through its
 * public headers.
 *
 *   USRBIO_TEST_TRANSPORT  "tcp" (default), "tls" with a key of the test, "rdma", then over the
 *                          address USRBIO_RXE_ADDR, or "loop": no server process, the library
 *                          serves the directory itself
 *   USRBIO_TEST_URL        the export of a server that runs elsewhere: then none is started, and
 *                          what a file holds can be seen through the library only
 *   USRBIO_TEST_QUICK      smaller sizes and counts, the same cases
 *   USRBIO_TEST_LONG       more rounds of what is played in rounds
 */
#ifndef USRBIO_TESTS_E2E_HARNESS_H
#define USRBIO_TESTS_E2E_HARNESS_H

#include <stdbool.h>
#include <criterion/criterion.h>

#include "tests/support/must.h"
#include "tests/support/process.h"
#include "tests/e2e/support/target.h"

/*
 * A test with its server. The server is asked to end after the body and must do so with status 0
 * and without a word from a sanitizer. (Not a fixture: Criterion ignores what fails in one.)
 */
#define E2E(suite, name)                  \
	static void suite##_##name(void); \
	Test(suite, name)                 \
	{                                 \
		e2e_begin(#suite, #name); \
		suite##_##name();         \
		e2e_end();                \
	}                                 \
	static void suite##_##name(void)

struct server {
	struct process process;
	char addr[96]; /* scheme://host:port */
	char log[512];
};

extern struct server e2e_server;
void e2e_begin(const char *suite, const char *name);
void e2e_end(void);
/* A test of many rounds has come further: it has the time of one step again. */
void e2e_goes_on(void);
/* Skip a test that looks at the exported files behind the library's back. */
void e2e_needs_local_files(void);
/* Skip a test that signals, stops or inspects the server, or starts another one. */
void e2e_needs_server_process(void);
void e2e_needs_local_server(void); /* the same */

/*
 * Start a server with exports like "data=DIR,ro" and options like "--log=info", ended by NULL.
 * addr: where to listen, NULL: any port. Returns when it is ready.
 */
void server_start(struct server *server, const char *addr, ...) __attribute__((sentinel));
/* SIGTERM, then all that e2e_end checks. */
void server_stop(struct server *server);
void server_signal(struct server *server, int sig);
void server_pause(struct server *server); /* SIGCONT ends it */
void server_kill(struct server *server);

#endif
