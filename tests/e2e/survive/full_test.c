/*
 * A server with as many connections as it allows: the next client waits until there is room, or
 * until its timeout, and one line says for what.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/e2e/programs/messages.h"
#include "tests/e2e/support/io.h"
#include "tests/e2e/support/traces.h"

/* Start a server that one connection fills, and a program that has it. */
static void fill(struct server *server, struct process *holder, char mount[300])
{
	char line[256];

	server_start(server, NULL, "--max-connections=1", "--workers=1", "x=memory:", NULL);
	snprintf(mount, 300, "%s/x", server->addr);
	process_start(holder, TOOL("ping", "-c", "1000000", mount), NULL);
	must(process_line(holder, line, sizeof(line)), "the first answer");
	process_stop(holder->pid);
}

static void leave(struct process *holder)
{
	kill(holder->pid, SIGKILL);
	process_wait(holder);
}

E2E(full_server, has_the_next_client_wait_for_room)
{
	const char *log = scratch_file("log");
	struct process holder, next;
	struct server server;
	char mount[300];

	e2e_needs_server_process();
	fill(&server, &holder, mount);
	setenv("USRBIO_LOG", "warn", 1);
	process_start(&next, TOOL("ls", mount), log);
	while (!log_lines_with(log, "there is no room for another connection now") ||
	       !log_lines_with(log, "; waiting up to 60 s"))
		nap_ms(10);
	leave(&holder);
	cr_assert_eq(process_wait(&next), 0);
	cr_assert_eq(log_lines_with(log, ""), 1);
	server_stop(&server);
}

E2E(full_server, ends_the_wait_at_the_timeout_by_its_name)
{
	char mount[300], url[400], why[512] = "";
	struct hf3fs_iov iov;
	struct process holder;
	struct server server;

	e2e_needs_server_process();
	fill(&server, &holder, mount);
	strcat(mount, "?timeout=2");
	snprintf(url, sizeof(url), "%s/file", mount);
	cr_assert_eq(hf3fs_iovcreate(&iov, mount, 4096, 0, -1), 0, "memory needs no server");
	cr_assert_eq(usrbio_open(url, O_RDWR | O_CREAT, 0600), -EREMOTEIO);
	usrbio_reason(mount, -EREMOTEIO, why, sizeof(why));
	cr_assert(strstr(why, "there is no room for another connection now"), "%s", why);
	hf3fs_iovdestroy(&iov);
	leave(&holder);
	server_stop(&server);
}
