/*
 * What the tests of messages share: run a program that fails, look at its lines, and at a server's
 * log. The test's main thread only.
 */
#ifndef USRBIO_TESTS_E2E_PROGRAMS_MESSAGES_H
#define USRBIO_TESTS_E2E_PROGRAMS_MESSAGES_H

#include <sys/stat.h>

#include "tests/e2e/support/harness.h"

#define TOOL(...)		 ((const char *const[]){E2E_TOOL, __VA_ARGS__, NULL})
#define SERVER(...)		 ((const char *const[]){E2E_SERVER, __VA_ARGS__, NULL})
#define WORDS(...)		 ((const char *const[]){__VA_ARGS__, NULL})
#define one_line(argv, words)	 messages_expect(1, 1, argv, words)
#define wrong_usage(argv, words) messages_expect(1, 2, argv, words)

/*
 * Run argv. It must end with this exit status and write so many lines to stderr, with the texts of
 * `words` in them, in that order. argv and words end with NULL.
 */
void messages_expect(unsigned lines, int status, const char *const argv[],
		     const char *const words[]);
/* Make a file of this text and this mode. */
void messages_write_file(const char *path, const char *text, mode_t mode);
/*
 * Make in e2e_scratch: "alice", a key file; "ring", a keyring with that key; "other", a key file of
 * the same id with a key that the keyring does not have.
 */
void messages_make_keys(void);
/* Lines of a server's log with this text in them. */
unsigned messages_logged(const struct server *server, const char *text);
/* Wait for such a line. */
void messages_await_log(const struct server *server, const char *text);

#endif
