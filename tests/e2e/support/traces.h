/*
 * What a client leaves behind: at the server, in logs, and names on this host. The test's main
 * thread.
 */
#ifndef USRBIO_TESTS_E2E_TRACES_H
#define USRBIO_TESTS_E2E_TRACES_H

#include <stdbool.h>

/* Descriptors of the server; over loop there is none that could keep any. */
unsigned server_fds(void);
/* The count once it has stood still for half a second. */
unsigned settled_server_fds(void);
/* Until there are no more than that. */
void await_server_fds(unsigned most);
/* How many lines of a log have this text in them; 0 if there is no such file yet. */
unsigned log_lines_with(const char *path, const char *text);
/* Can an iov be found by its id, as 32 hex digits? */
bool has_name(const char *id);
/* Neither that iov nor anything of ours in /dev/shm. */
void expect_no_name(const char *id);

#endif
