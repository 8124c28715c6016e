/* The wall clock is set, again and again, under clients and server: nobody's time limits care. */
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "tests/e2e/processes/clients.h"
#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"

enum { NR = 3 };

/* The clock does jump where it is preloaded. */
static void check_clock(void)
{
	long now = (long)time(NULL), seen;
	char text[64];

	cr_assert_eq(run_into(text, sizeof(text), "/bin/date", "+%s"), 0);
	seen = strtol(text, NULL, 10);
	cr_assert(labs(seen - now) > 3000, "it is %ld, and %s", now, text);
}

static void start(struct process *client, const char *mount, int i)
{
	char own[400], shared[400], number[16], nr[16];

	snprintf(own, sizeof(own), "%s/own%d", mount, i);
	snprintf(shared, sizeof(shared), "%s/shared", mount);
	snprintf(number, sizeof(number), "%d", i);
	snprintf(nr, sizeof(nr), "%d", NR);
	process_start(
		client,
		(const char *const[]){E2E_CLIENT, mount, "own", own, shared, number, nr, NULL},
		NULL);
}

E2E(clock, that_jumps_changes_nothing)
{
	char mount[300], dir[500], export[600], line[64];
	struct process clients[NR];
	struct server server;

	e2e_needs_server_process();
#ifdef __SANITIZE_ADDRESS__
	cr_skip_test("AddressSanitizer wants to be the first that is preloaded");
#endif
	snprintf(dir, sizeof(dir), "%s", scratch_file("jumping"));
	cr_assert_eq(mkdir(dir, 0700), 0);
	snprintf(export, sizeof(export), "x=%s", dir);
	setenv("LD_PRELOAD", E2E_CLOCK, 1);
	check_clock();
	server_start(&server, NULL, export, NULL);
	snprintf(mount, sizeof(mount), "%s/x", server.addr);
	for (int i = 0; i < NR; i++)
		start(&clients[i], mount, i);
	for (int i = 0; i < NR; i++)
		cr_assert(process_line(&clients[i], line, sizeof(line)));
	for (int i = 0; i < NR; i++)
		process_close_stdin(&clients[i]);
	for (int i = 0; i < NR; i++)
		cr_assert_eq(process_wait(&clients[i]), 0, "client %d", i);
	unsetenv("LD_PRELOAD");
	server_stop(&server);
}
