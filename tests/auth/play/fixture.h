/*
 * What the cases stand on: a server process with a keyring, its exports, clients' keys, and the
 * count of what must not be. Main thread only, but for bad() and good_refused().
 */
#ifndef USRBIO_TESTS_AUTH_FIXTURE_H
#define USRBIO_TESTS_AUTH_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/auth/secret.h"
#include "tests/support/process.h"

/* Somebody with a key; "NAME" in key=NAME is the file that they have. */
struct login {
	const char *id;
	struct secret secret;
};

/*
 * alice may write to "data" and "other", bob to "data", rita reads "data". alice_next is alice's
 * next key, forged one of hers that no server knows; nobody's id is in no keyring.
 */
extern struct login alice, alice_next, forged, bob, rita, nobody;

/* Of a keyring; a list ends with an id of NULL. */
struct entry {
	const char *id;
	const struct login *keys[2];
	const char *lines; /* "export = ...\n" */
};
extern const struct entry usual[];

struct fixture {
	struct process process;
	char url[128]; /* tcp://127.0.0.1:PORT */
};
extern struct fixture served; /* with a keyring */
extern struct fixture open_to_all;
extern bool over_tcp, over_tls;
extern char root[128];

#define FILE_SIZE 65536u
#define FILE_SEED 11u

/* Of a file below the root of this run. Good until four calls later. */
const char *fixture_path(const char *name);
void fixture_open(void);
void fixture_close(void);
/* A server that listens where the environment says; words up to NULL. */
void fixture_start(struct fixture *fixture, const char *const words[]);
void fixture_stop(struct fixture *fixture);
/* Have the server read this keyring. False: it keeps the old one. */
bool fixture_keyring(const struct entry *entries);
bool fixture_reload_text(const char *text);
bool fixture_reload(void);
/* From here on key=NAME is this. */
void fixture_give(const char *name, const struct login *login);

/* A mount point, and the path of a file there, with key=NAME unless that is "". Good until eight
 * calls later. */
const char *mount_as(const char *url, const char *export, const char *name, unsigned timeout);
const char *file_as(const char *url, const char *export, const char *name, unsigned timeout,
		    const char *path);

/* Somebody got in, or got something, who must not; or who must, did not. */
void bad(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void good_refused(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
unsigned count_bad(void);
unsigned count_refused(void);
void expect_in(int status, const char *who);
/* Refused, with this status. */
void expect_out(int status, int wanted, const char *who);

/* A case of the tables; each ends with a name of NULL. */
struct auth_case {
	const char *name;
	void (*body)(const struct auth_case *c);
	bool tcp_only;
	long number;
};
extern const struct auth_case login_cases[], file_cases[], grant_cases[], stranger_cases[],
	lie_cases[], copy_cases[], other_cases[], between_cases[], flood_cases[], rate_cases[],
	share_cases[];

#endif
