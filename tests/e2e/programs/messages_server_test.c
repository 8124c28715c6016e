/* What a server says when it cannot start, reloads or is asked; what is said while it is away. */
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/programs/messages.h"

static unsigned in_file(const char *path, const char *text)
{
	char line[1024];
	unsigned n = 0;
	FILE *file = fopen(path, "re");

	while (file && fgets(line, sizeof(line), file))
		n += strstr(line, text) != NULL;
	if (file)
		fclose(file);
	return n;
}

/* A server that dies, is away for longer than the mount waits, and comes back: a line for each. */
E2E(messages, of_an_outage)
{
	char addr[96], export[PATH_MAX], log[PATH_MAX], mount[256], line[512];
	struct server server;
	struct process ping;

	e2e_needs_server_process();
	cr_assert_eq(mkdir(scratch_file("dir"), 0755), 0);
	snprintf(export, sizeof(export), "data=%s", scratch_file("dir"));
	snprintf(log, sizeof(log), "%s", scratch_file("log"));
	server_start(&server, NULL, export, NULL);
	snprintf(addr, sizeof(addr), "%s", server.addr);
	snprintf(mount, sizeof(mount), "%s/data?timeout=2", addr);
	setenv("USRBIO_LOG", "warn", 1);
	process_start(
		&ping,
		(const char *const[]){E2E_TOOL, "ping", "-c", "1000000", "-i", "20", mount, NULL},
		log);
	cr_assert(process_line(&ping, line, sizeof(line)));
	server_kill(&server);
	while (!in_file(log, "giving up"))
		nap_ms(20);
	while (in_file(log, "usrbio ping: ") < 1)
		nap_ms(20);
	nap_ms(2500); /* it looks for the server once a second, and has nothing to add */
	server_start(&server, addr, export, NULL);
	while (!in_file(log, "connected to"))
		nap_ms(20);
	kill(ping.pid, SIGKILL);
	process_wait(&ping);
	server_stop(&server);
	cr_expect_eq(in_file(log, ": connection lost: "), 1);
	cr_expect_eq(in_file(log, "giving up until it is back"), 1);
	cr_expect_leq(in_file(log, "; trying again"), 1);
	cr_expect_eq(in_file(log, ": connected to "), 1);
	cr_expect_eq(in_file(log, "usrbio ping: "), 1, "the tool's, for hundreds of failures");
	cr_expect_leq(in_file(log, ""), 5);
}

/* Each ends the start, and says what to do. */
E2E(messages, of_a_server_that_cannot_start)
{
	char export[PATH_MAX], unknown[PATH_MAX], missing[PATH_MAX], ring[PATH_MAX], bad[PATH_MAX];

	if (e2e_on_loop)
		return;
	messages_make_keys();
	snprintf(ring, sizeof(ring), "%s", scratch_file("no-ring"));
	snprintf(bad, sizeof(bad), "%s", scratch_file("bad-ring"));
	messages_write_file(bad, "[alice]\nnonsense\n", 0600);
	cr_assert_eq(mkdir(scratch_file("dir"), 0755), 0);
	snprintf(export, sizeof(export), "data=%s", scratch_file("dir"));
	snprintf(unknown, sizeof(unknown), "data=%s,rw", scratch_file("dir"));
	snprintf(missing, sizeof(missing), "data=%s", scratch_file("missing"));

	wrong_usage(SERVER("--export", unknown),
		    WORDS(",rw: unknown export option rw; use ro, sync or id=ID"));
	wrong_usage(SERVER("--export", export, "--listen", "http://h"),
		    WORDS("no transport \"http\"; there are tcp, tls and rdma"));
	one_line(SERVER("--export", missing), WORDS("/missing: No such file or directory"));
	one_line(SERVER("--export", export, "--listen", "tcp://no.such.host.invalid"),
		 WORDS("--listen tcp://no.such.host.invalid: "));
	one_line(SERVER("--export", export, "--keyring", ring),
		 WORDS("keyring ", "/no-ring: No such file or directory"));
	one_line(SERVER("--export", export, "--keyring", bad), WORDS("keyring ", "/bad-ring:2: "));
	one_line(SERVER("--export", export, "--listen", "tcp://192.0.2.1:0", "--insecure-no-auth"),
		 WORDS("cannot listen on tcp://192.0.2.1:0: ", "see `ip addr`"));
	if (access("/sys/class/infiniband", F_OK))
		one_line(SERVER("--export", export, "--listen", "rdma://127.0.0.1:7"),
			 WORDS("cannot listen on rdma://127.0.0.1:7: no RDMA device", "use tcp"));
}

E2E(messages, of_reloading)
{
	struct server server;
	char ring[PATH_MAX], export[PATH_MAX];

	e2e_needs_server_process();
	messages_make_keys();
	server_signal(&e2e_server, SIGHUP);
	messages_await_log(
		&e2e_server,
		"there is no keyring to read again; start the server with --keyring FILE");

	snprintf(ring, sizeof(ring), "--keyring=%s", scratch_file("ring"));
	cr_assert_eq(mkdir(scratch_file("dir"), 0755), 0);
	snprintf(export, sizeof(export), "data=%s", scratch_file("dir"));
	server_start(&server, "tcp://127.0.0.1:0", export, ring, NULL);
	server_signal(&server, SIGHUP);
	messages_await_log(&server, "the keyring has been read again; ids in it: 1");
	messages_write_file(scratch_file("ring"), "nonsense\n", 0600);
	server_signal(&server, SIGHUP);
	messages_await_log(&server,
			   "/ring:1: expected [ID] or WORD = VALUE; the previous one stays in use");
	cr_expect_eq(messages_logged(&server, "ring"), 3, "a line for each");
	server_stop(&server);
}

/* The sandbox lets the server follow the links that it has followed at the start. */
E2E(messages, of_reloading_a_keyring_behind_links)
{
	struct server server;
	char ring[PATH_MAX], export[PATH_MAX];

	e2e_needs_server_process();
	messages_make_keys();
	cr_assert_eq(mkdir(scratch_file("links"), 0755) | mkdir(scratch_file("away"), 0755), 0);
	cr_assert_eq(mkdir(scratch_file("dir"), 0755), 0);
	cr_assert_eq(rename(scratch_file("ring"), scratch_file("away/ring")), 0);
	cr_assert_eq(symlink("../second", scratch_file("links/ring")), 0);
	cr_assert_eq(symlink("away/ring", scratch_file("second")), 0);
	snprintf(ring, sizeof(ring), "--keyring=%s", scratch_file("links/ring"));
	snprintf(export, sizeof(export), "data=%s", scratch_file("dir"));
	server_start(&server, "tcp://127.0.0.1:0", export, ring, NULL);
	server_signal(&server, SIGHUP);
	messages_await_log(&server, "the keyring has been read again; ids in it: 1");
	server_stop(&server);
}

E2E(messages, of_a_state_dump)
{
	e2e_needs_server_process();
	server_signal(&e2e_server, SIGUSR1);
	messages_await_log(&e2e_server, "dump: server ");
	messages_await_log(&e2e_server, "dump: worker 0: ");
	messages_await_log(&e2e_server, "dump: end");
}
