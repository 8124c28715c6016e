/*
 * Keys and TLS in a program that ends: its handlers run while threads that do not know yet go on.
 * A plain program: Criterion's has used OpenSSL before us, and so has its own way.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/auth/secret.h"
#include "tests/transport/harness.h"

#define STILL_WORKS 42

void harness_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
	_exit(EXIT_FAILURE);
}

static void derive(void)
{
	const struct secret secret = {{0}};
	uint8_t tag[TAG_SIZE];

	must(!secret_tag(&secret, tag));
}

static void connect_once(void)
{
	struct pair pair;

	pair_open(&pair);
	pair_close(&pair);
}

static void (*what)(void);

static void once_more(void)
{
	what();
	_exit(STILL_WORKS);
}

/* Ours is the first handler, so the last to run: one of OpenSSL's would have been before it. */
static void live(void)
{
	atexit(once_more);
	what();
	exit(EXIT_SUCCESS);
}

static void survives(void (*one)(void))
{
	pid_t child = fork();
	int status;

	must(child >= 0);
	what = one;
	if (!child)
		live();
	must(waitpid(child, &status, 0) == child);
	must(WIFEXITED(status) && WEXITSTATUS(status) == STILL_WORKS);
}

int main(void)
{
	survives(derive);
	survives(connect_once);
	return 0;
}
