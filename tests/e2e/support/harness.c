/* The server, the scratch directory and the hang guard of one test. Its main thread only. */
#include "tests/e2e/support/harness.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct server e2e_server;

/* No step of a test takes this long, not even in an emulated machine; a test that does hangs. */
enum { HANG_S = 180 };

static void hung(int sig)
{
	static const char text[] = "e2e: the test hangs\n";

	if (write(2, text, sizeof(text) - 1) < 0)
		_exit(1);
	abort();
}

static const char *listen_addr(char *buf, size_t size)
{
	const char *transport = getenv("USRBIO_TEST_TRANSPORT");
	const char *host = getenv("USRBIO_RXE_ADDR");

	if (!transport || !strcmp(transport, "tcp"))
		return "tcp://127.0.0.1:0";
	if (!strcmp(transport, "tls"))
		return "tls://127.0.0.1:0";
	must(!strcmp(transport, "rdma") && host, "USRBIO_TEST_TRANSPORT, USRBIO_RXE_ADDR");
	snprintf(buf, size, "rdma://%s:0", host);
	return buf;
}

static void write_secret(const char *path, const char *more)
{
	FILE *f = fopen(path, "we");

	must(f && !chmod(path, 0600), "%s", path);
	fprintf(f, "[e2e]\nkey = %064x\n%s", 0xe2e, more);
	must(!fclose(f), "%s", path);
}

/*
 * Make a key, which the library finds in the environment, and return the option of the server. Both
 * files are beside the scratch directory, which a test may export.
 */
static const char *make_keyring(void)
{
	static char option[sizeof(e2e_scratch) + 32];
	char path[sizeof(e2e_scratch) + 16];

	snprintf(path, sizeof(path), "%s.key", e2e_scratch);
	write_secret(path, "");
	setenv("USRBIO_KEY", path, 0);
	snprintf(path, sizeof(path), "%s.ring", e2e_scratch);
	write_secret(path, "export = *:rw\n");
	snprintf(option, sizeof(option), "--keyring=%s", path);
	return option;
}

void server_start(struct server *server, const char *addr, ...)
{
	static const char listening[] = "listening on ";
	/* Few buffers: to make them is most of what a start costs in the guest. */
	const char *argv[32] = {
		E2E_SERVER, "--insecure-no-auth", "--workers", "2", "--staging", "8", "--listen"};
	char line[256], buf[96];
	unsigned n = 7;
	bool has_keyring = false;
	va_list ap;

	argv[n++] = addr = addr ? addr : listen_addr(buf, sizeof(buf));
	va_start(ap, addr);
	for (const char *export; (export = va_arg(ap, const char *)) && n < 29;) {
		if (strncmp(export, "--", 2))
			argv[n++] = "--export";
		has_keyring |= !strncmp(export, "--keyring", 9);
		argv[n++] = export;
	}
	va_end(ap);
	if (!strncmp(addr, "tls", 3) && !has_keyring)
		argv[n++] = make_keyring();
	argv[n] = NULL;

	snprintf(server->log, sizeof(server->log), "%s/server.log", e2e_scratch);
	process_start(&server->process, argv, server->log);
	server->addr[0] = 0;
	do {
		must(process_line(&server->process, line, sizeof(line)), "server does not start");
		if (!strncmp(line, listening, strlen(listening)))
			snprintf(server->addr, sizeof(server->addr), "%.90s",
				 line + strlen(listening));
	} while (strcmp(line, "ready"));
	must(server->addr[0], "server does not say where it listens");
}

/* A sanitizer's report in the server's log. */
static bool complains(const char *log)
{
	char line[1024];
	bool found = false;
	FILE *f = fopen(log, "re");

	must(f, "%s", log);
	while (!found && fgets(line, sizeof(line), f))
		found = strstr(line, "Sanitizer") || strstr(line, "runtime error:");
	fclose(f);
	return found;
}

void server_stop(struct server *server)
{
	int status;

	server_signal(server, SIGTERM);
	status = process_wait(&server->process);
	must(!status, "the server's exit status is %d", status);
	must(!complains(server->log), "a sanitizer complains in the server");
}

void server_signal(struct server *server, int sig)
{
	must(!kill(server->process.pid, sig), "kill");
}

void server_pause(struct server *server)
{
	process_stop(server->process.pid);
}

void server_kill(struct server *server)
{
	server_signal(server, SIGKILL);
	process_wait(&server->process);
}

static void make_scratch(const char *suite, const char *name)
{
	const char *root = getenv("USRBIO_E2E_ROOT");

	must(root, "the runner makes the scratch root");
	snprintf(e2e_scratch, sizeof(e2e_scratch), "%.200s/%.80s.%.80s", root, suite, name);
	must(!mkdir(e2e_scratch, 0700), "%s", e2e_scratch);
}

static void make_dirs(void)
{
	static char dir[sizeof(e2e_scratch) + 8], read_only_dir[sizeof(e2e_scratch) + 8];

	snprintf(dir, sizeof(dir), "%s/data", e2e_scratch);
	snprintf(read_only_dir, sizeof(read_only_dir), "%s/ro", e2e_scratch);
	must(!mkdir(dir, 0755) && !mkdir(read_only_dir, 0755), "%s", dir);
	e2e_dir = dir;
	e2e_read_only_dir = read_only_dir;
}

/* The mark at the end: what follows is a path, and not a part of the directory's name. */
static void use_no_server(void)
{
	int n = snprintf(e2e_mount, sizeof(e2e_mount), "loop://%s?", e2e_dir);
	int nr = snprintf(e2e_read_only, sizeof(e2e_read_only), "loop://%s?ro", e2e_read_only_dir);

	must(n < (int)sizeof(e2e_mount) && nr < (int)sizeof(e2e_read_only), "TMPDIR: too long");
	e2e_on_loop = true;
}

static void use_own_server(void)
{
	char data[sizeof(e2e_scratch) + 16], ro[sizeof(e2e_scratch) + 16];

	snprintf(data, sizeof(data), "data=%s", e2e_dir);
	snprintf(ro, sizeof(ro), "ro=%s,ro", e2e_read_only_dir);
	server_start(&e2e_server, NULL, data, ro, NULL);
	snprintf(e2e_mount, sizeof(e2e_mount), "%s/data", e2e_server.addr);
	snprintf(e2e_read_only, sizeof(e2e_read_only), "%s/ro", e2e_server.addr);
}

void e2e_goes_on(void)
{
	alarm(HANG_S);
}

void e2e_begin(const char *suite, const char *name)
{
	const char *elsewhere = getenv("USRBIO_TEST_URL");
	const char *transport = getenv("USRBIO_TEST_TRANSPORT");

	signal(SIGALRM, hung);
	e2e_goes_on();
	e2e_quick = getenv("USRBIO_TEST_QUICK");
	make_scratch(suite, name);
	if (!elsewhere) {
		make_dirs();
		if (transport && !strcmp(transport, "loop"))
			use_no_server();
		else
			use_own_server();
		return;
	}
	snprintf(e2e_mount, sizeof(e2e_mount), "%s", elsewhere);
	snprintf(e2e_prefix, sizeof(e2e_prefix), "%.60s.%.60s.%d.", suite, name, getpid());
}

void e2e_end(void)
{
	if (e2e_server.process.pid)
		server_stop(&e2e_server);
}

void e2e_needs_local_files(void)
{
	if (!e2e_dir)
		cr_skip_test("the files are on another machine");
}

void e2e_needs_server_process(void)
{
	e2e_needs_local_files();
	if (e2e_on_loop)
		cr_skip_test("there is no server process");
}

void e2e_needs_local_server(void)
{
	e2e_needs_server_process();
}
