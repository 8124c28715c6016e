/*
 * A file system of the test's own, and a second server that exports it. Its mount is seen by the
 * test and what the test starts, and goes with them. Main thread only.
 */
#ifndef USRBIO_TESTS_E2E_TINY_H
#define USRBIO_TESTS_E2E_TINY_H

#include "tests/e2e/support/harness.h"

struct tiny {
	struct server server;
	char mount[256]; /* the URL of the export */
	char dir[500];	 /* what it exports */
};

/* type and options of mount(2). Skips the test where mounting is not allowed. */
void tiny_open(struct tiny *tiny, const char *type, const char *options);
void tiny_close(struct tiny *tiny);

#endif
