/*
 * What is said when something fails: one line, with the cause and the way out. The tool's, the
 * library's at its default level, and the server's.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/terminal.h"

static unsigned lines_of(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* What fails with this status says so in so many lines, with these words in them, in order. */
static void expect_lines(unsigned lines, int status, const char *const argv[],
			 const char *const words[])
{
	char said[8192];
	const char *at = said;
	int got = complaints_of(argv, said, sizeof(said));

	cr_expect_eq(got, status, "%s %s %s: %d", argv[0], argv[1], argv[2], got);
	cr_expect_eq(lines_of(said), lines, "%s %s %s: not one line, but:\n%s", argv[0], argv[1],
		     argv[2], said);
	for (size_t i = 0; words[i] && at; i++) {
		at = strstr(at, words[i]);
		cr_expect(at, "%s %s %s: no \"%s\" in:\n%s", argv[0], argv[1], argv[2], words[i],
			  said);
	}
}

#define TOOL(...)		 ((const char *const[]){E2E_TOOL, __VA_ARGS__, NULL})
#define SERVER(...)		 ((const char *const[]){E2E_SERVER, __VA_ARGS__, NULL})
#define WORDS(...)		 ((const char *const[]){__VA_ARGS__, NULL})
#define one_line(argv, words)	 expect_lines(1, 1, argv, words)
#define wrong_usage(argv, words) expect_lines(1, 2, argv, words)

/* They need no server, and are not kept waiting for one. */
E2E(messages, of_urls)
{
	static const struct {
		const char *url;
		const char *words[3];
	} cases[] = {
		{"http://h/data", {"unknown scheme http; use tcp, tls, rdma, usrbio or loop"}},
		{"TCP://h/data", {"unknown scheme TCP; use tcp, tls, rdma, usrbio or loop"}},
		{"tcp://h/data?timeuot=5", {"unknown option \"timeuot=5\"", "timeout=SECONDS"}},
		{"tcp://h/data?ro", {"unknown option \"ro\"", "key=NAME"}},
		{"tcp://h/data?timeout=soon", {"timeout=soon: use a number from 0 to 4294967"}},
		{"tcp://h/data?timeout=", {"timeout=: use a number"}},
		{"tcp://h/data?nconnect=0", {"nconnect=0: use a number from 1 to 64"}},
		{"tcp://h/data?nconnect=65", {"nconnect=65: use a number from 1 to 64"}},
		{"tcp://h/data?key=.x", {"key=.x: use the name of a key file"}},
		{"tcp://h/data?key=a/b", {"cannot read the key file"}}, /* /b is the path */
		{"tcp://h/data?tls=maybe", {"tls=maybe: use required or off"}},
		{"tls://h/data?tls=off", {"tls=off: TLS is asked for already"}},
		{"rdma://h/data?tls=required", {"rdma cannot be encrypted; use tls://"}},
		{"tcp://h", {"no export is named; use tcp://HOST[:PORT]/EXPORT"}},
		{"tcp:///data", {"is not a host; use HOST, HOST:PORT or [IPV6]:PORT"}},
		{"tcp://h:99999/data", {"\"h:99999\" is not a host"}},
		{"tcp://h:0/data", {"is not a host"}},
		{"tcp://[::1/data", {"is not a host"}},
		{"tcp://h/..", {"no export is named \"..\""}},
		{"loop:///no/such/place", {"there is no such directory"}},
		{"loop:///tmp?rw", {"unknown option \"rw\"", "and ro"}},
		{"/tmp", {"not on a usrbio mount; use tcp://HOST"}},
	};

	setenv("USRBIO_KEYS", e2e_scratch, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		one_line(TOOL("ls", cases[i].url), cases[i].words);
		one_line(TOOL("stat", cases[i].url), cases[i].words);
	}
	one_line(TOOL("cp", "-q", "http://h/data/x", scratch_file("x")),
		 WORDS("http://h/data/x: unknown scheme http"));
	one_line(TOOL("cp", "-q", "/etc/passwd", "TCP://h/data/x"),
		 WORDS("TCP://h/data/x: unknown scheme TCP"));
}

E2E(messages, of_missing_servers)
{
	one_line(TOOL("ls", "tcp://127.0.0.1:1/data"),
		 WORDS("cannot connect to 127.0.0.1:1: Connection refused", "usrbio-server"));
	one_line(TOOL("ls", "usrbio://127.0.0.1:1/data"),
		 WORDS("cannot connect to 127.0.0.1:1: Connection refused"));
	one_line(TOOL("stat", "tcp://[::ffff:127.0.0.1]:1/data/x"),
		 WORDS("cannot connect to [::ffff:127.0.0.1]:1: "));
	one_line(TOOL("ls", "tcp://no.such.host.invalid/data"),
		 WORDS("cannot resolve the name no.such.host.invalid: "));
	/* As ping(8): the cause once, and how many were answered. */
	one_line(TOOL("ping", "-c", "4", "tcp://127.0.0.1:1/data"),
		 WORDS("usrbio ping: ", "cannot connect to 127.0.0.1:1: Connection refused"));
	one_line(TOOL("cp", "-q", "/etc/passwd", "tcp://127.0.0.1:1/data/x"),
		 WORDS("cannot connect to 127.0.0.1:1"));
	one_line(TOOL("rm", "tcp://127.0.0.1:1/data/x"), WORDS("cannot connect to 127.0.0.1:1"));
	one_line(TOOL("mkdir", "tcp://127.0.0.1:1/data/x"), WORDS("cannot connect to"));
	one_line(TOOL("mkdir", "-p", "tcp://127.0.0.1:1/data"), WORDS("cannot connect to"));
	one_line(TOOL("stats", "tcp://127.0.0.1:1/data"), WORDS("cannot connect to"));
	one_line(TOOL("bench", "tcp://127.0.0.1:1/data/x"), WORDS("cannot connect to"));
}

/* Where a machine has no RDMA device: once, whatever the URL tries. */
E2E(messages, of_missing_devices)
{
	if (access("/sys/class/infiniband", F_OK) == 0)
		cr_skip_test("there may be an RDMA device");
	one_line(TOOL("ls", "rdma://127.0.0.1:1/data"), WORDS("no RDMA device"));
}

/* USRBIO_LOG asks, so the library's own line comes before the tool's: one, for ten attempts. */
E2E(messages, of_the_library)
{
	char url[512];

	setenv("USRBIO_LOG", "warn", 1);
	expect_lines(2, 1, TOOL("ls", "tcp://127.0.0.1:1/data"),
		     WORDS("warn: tcp://127.0.0.1:1/data: cannot connect to 127.0.0.1:1: ",
			   "\nusrbio ls: "));
	expect_lines(2, 1, TOOL("ls", "tcp://h/data?x=1"),
		     WORDS("warn: tcp://h/data?x=1: unknown option \"x=1\"", "\nusrbio ls: "));
	setenv("USRBIO_KEY", scratch_file("missing"), 1);
	expect_lines(2, 1, TOOL("ls", "tcp://127.0.0.1:1/data"),
		     WORDS("warn: ", "cannot read the key file", "\nusrbio ls: "));
	unsetenv("USRBIO_KEY");
	if (e2e_on_loop)
		return;
	snprintf(url, sizeof(url), "%.*s-unknown", (int)strcspn(e2e_mount, "?"), e2e_mount);
	expect_lines(2, 1, TOOL("ls", url), WORDS("warn: ", "has no export", "\nusrbio ls: "));
}

E2E(messages, of_exports_and_files)
{
	char url[512];

	file_make("file", 1, 100000);
	one_line(TOOL("stat", url_of("missing")), WORDS("missing: No such file or directory"));
	one_line(TOOL("bench", "--time", "0", e2e_mount), WORDS("Is a directory"));
	one_line(TOOL("bench", "--time", "0", url_of("file/x")), WORDS("Not a directory"));
	one_line(TOOL("mkdir", url_of("3fs-virt")), WORDS("3fs-virt: ", "for their administrator"));
	one_line(TOOL("cp", "-q", "/etc/passwd", url_of("file-3fs-virt/x")), WORDS("No such file"));
	if (e2e_on_loop)
		return;
	snprintf(url, sizeof(url), "%.*s-unknown", (int)strcspn(e2e_mount, "?"), e2e_mount);
	one_line(TOOL("ls", url),
		 WORDS("-unknown: the server at ", " has no export \"", "-unknown\""));
	one_line(TOOL("ping", "-c", "3", url), WORDS(" has no export \""));
}

/* The summary: none where nothing came about, no rate without bytes, units as they fit. */
E2E(messages, of_copies)
{
	char said[4096];

	wrong_usage(TOOL("cp", "/etc/passwd", "-"), WORDS("usrbio cp: -: neither standard input"));
	wrong_usage(TOOL("cp", "-", url_of("x")), WORDS("usrbio cp: -: neither standard input"));
	cr_expect_eq(
		run_into(said, sizeof(said), E2E_TOOL, "cp", url_of("missing"), scratch_file("x")),
		1);
	cr_expect_str_eq(said, "");
	cr_expect_eq(run_into(said, sizeof(said), E2E_TOOL, "cp", "/etc/passwd",
			      url_of("no/such/directory")),
		     1);
	cr_expect_str_eq(said, "");
	file_make("small", 1, 12);
	cr_expect_eq(
		run_into(said, sizeof(said), E2E_TOOL, "cp", url_of("small"), scratch_file("x")),
		0);
	cr_expect_eq(strncmp(said, "1 file, 12 B in ", 16), 0, "%s", said);
	cr_expect(strstr(said, "B/s\n"), "%s", said);
	file_make("more", 1, 1 << 20);
	cr_expect_eq(run_into(said, sizeof(said), E2E_TOOL, "cp", url_of("more"), url_of("small"),
			      e2e_scratch),
		     0);
	cr_expect_eq(strncmp(said, "2 files, 1.0 MiB in ", 20), 0, "%s", said);
	file_make("none", 1, 0);
	cr_expect_eq(
		run_into(said, sizeof(said), E2E_TOOL, "cp", url_of("none"), scratch_file("x")), 0);
	cr_expect_eq(strncmp(said, "1 file, 0 B in ", 15), 0, "%s", said);
	cr_expect_null(strstr(said, "/s"), "%s", said);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "we");

	cr_assert(file, "%s", path);
	fputs(text, file);
	cr_assert_eq(fclose(file) || chmod(path, mode), 0);
}

/* No server is asked, and none is there. */
E2E(messages, of_keys)
{
	const char *url = "tcp://127.0.0.1:1/data";

	setenv("USRBIO_KEYS", e2e_scratch, 1);
	one_line(TOOL("ls", "tcp://127.0.0.1:1/data?key=missing"),
		 WORDS("cannot read the key file ", "/missing: No such file or directory"));
	setenv("USRBIO_KEY", scratch_file("key"), 1);
	one_line(TOOL("ls", url), WORDS("cannot read the key file ", "/key: No such file"));
	write_file(scratch_file("key"), "[alice]\n", 0644);
	one_line(TOOL("ls", url),
		 WORDS("cannot read the key file ", "/key: it contains a key", "mode 0600"));
	write_file(scratch_file("key"), "nonsense\n", 0600);
	one_line(TOOL("ls", url), WORDS("cannot read the key file ", "/key:1: expected [ID]"));
	write_file(scratch_file("key"), "[alice]\n", 0600);
	one_line(TOOL("ls", url), WORDS("there is no key in the key file ", "/key"));
	unsetenv("USRBIO_KEY");
	one_line(TOOL("ls", "tls://127.0.0.1:1/data"), WORDS("TLS needs a key: name one by"));
	one_line(TOOL("keygen", "alice", scratch_file("key")), WORDS("/key: File exists"));
	wrong_usage(TOOL("keygen", "a b", scratch_file("key2")), WORDS("an id is 1 to 64 of"));
}

/* A keyring with alice's key; her key, and one that the ring does not have. */
static void make_keys(void)
{
	char command[2048];

	snprintf(command, sizeof(command),
		 "cd '%s' && '%s' keygen alice alice && '%s' keygen alice other && umask 077 && "
		 "{ cat alice; echo export = data:rw; } >ring",
		 e2e_scratch, E2E_TOOL, E2E_TOOL);
	cr_assert_eq(run("/bin/sh", "-c", command), 0);
}

/* Lines of a server's log with this text in them. */
static unsigned logged(const struct server *server, const char *text)
{
	char line[1024];
	unsigned n = 0;
	FILE *file = fopen(server->log, "re");

	cr_assert(file, "%s", server->log);
	while (fgets(line, sizeof(line), file))
		n += strstr(line, text) != NULL;
	fclose(file);
	return n;
}

static void await_log(const struct server *server, const char *text)
{
	while (!logged(server, text))
		nap_ms(5);
}

static const char *url_at(const struct server *server, const char *scheme, const char *rest)
{
	static char url[4][256];
	static unsigned next;
	char *to = url[next++ % 4];

	snprintf(to, sizeof(*url), "%s%s/data%s", scheme, strstr(server->addr, "://"), rest);
	return to;
}

/* Neither end keeps trying: one line here, and one in the server's log. */
E2E(messages, of_tls)
{
	struct server tls;
	char ring[PATH_MAX], export[PATH_MAX];

	e2e_needs_server_process();
	make_keys();
	snprintf(ring, sizeof(ring), "--keyring=%s", scratch_file("ring"));
	cr_assert_eq(mkdir(scratch_file("tls"), 0755), 0);
	snprintf(export, sizeof(export), "data=%s", scratch_file("tls"));
	server_start(&tls, "tls://127.0.0.1:0", export, ring, NULL);
	setenv("USRBIO_KEYS", e2e_scratch, 1);

	one_line(TOOL("ls", url_at(&tls, "tcp", "")),
		 WORDS("the server at ", " requires TLS: use tls:// or ?tls=required"));
	one_line(TOOL("ls", url_at(&tls, "usrbio", "")), WORDS(" requires TLS"));
	one_line(TOOL("ls", url_at(&tls, "tls", "?key=other")),
		 WORDS(" rejects our key: unknown id, wrong key"));
	cr_expect_eq(run(E2E_TOOL, "ls", url_at(&tls, "tls", "?key=alice")), 0);
	one_line(TOOL("ls", url_at(&tls, "tls", "-other?key=alice")),
		 WORDS(" has no export \"data-other\" for the key \"alice\""));
	server_stop(&tls);
	cr_expect_eq(logged(&tls, "the client does not speak TLS"), 2);
	cr_expect_eq(logged(&tls, "has not proved the key"), 1);
	cr_expect_eq(logged(&tls, "warn: "), 3);
}

E2E(messages, of_tls_to_a_plain_server)
{
	struct server plain;
	char ring[PATH_MAX], export[PATH_MAX];

	e2e_needs_server_process();
	make_keys();
	snprintf(ring, sizeof(ring), "--keyring=%s", scratch_file("ring"));
	cr_assert_eq(mkdir(scratch_file("plain"), 0755), 0);
	snprintf(export, sizeof(export), "data=%s", scratch_file("plain"));
	server_start(&plain, "tcp://127.0.0.1:0", export, ring, NULL);
	setenv("USRBIO_KEYS", e2e_scratch, 1);

	one_line(TOOL("ls", url_at(&plain, "tls", "?key=alice")),
		 WORDS("the server at ", " does not speak TLS: use tcp://"));
	one_line(TOOL("ls", url_at(&plain, "tcp", "")),
		 WORDS(" requires a key: name one by ?key=NAME or USRBIO_KEY"));
	one_line(TOOL("ls", url_at(&plain, "tcp", "?key=other")),
		 WORDS("authentication of the server at ", " with the key \"alice\" failed"));
	cr_expect_eq(run(E2E_TOOL, "ls", url_at(&plain, "tcp", "?key=alice")), 0);
	server_stop(&plain);
	cr_expect_eq(logged(&plain, "the client speaks TLS, and this address does not"), 1);
	cr_expect_eq(logged(&plain, "has not proved a key of the keyring"), 1);
	cr_expect_eq(logged(&plain, "warn: "), 2);
}

/* What is no server of ours, and what never answers. */
E2E(messages, of_strangers)
{
	char command[1024], url[64];
	struct process stranger;
	char line[64];

	snprintf(command, sizeof(command),
		 "import socket\n"
		 "s = socket.create_server(('127.0.0.1', 0))\n"
		 "print(s.getsockname()[1], flush=True)\n"
		 "while True:\n"
		 "  c = s.accept()[0]\n"
		 "  c.sendall(b'SSH-2.0-OpenSSH_9.2p1 Debian\\r\\n')\n"
		 "  c.recv(1000)\n");
	process_start(&stranger,
		      (const char *const[]){"/usr/bin/env", "python3", "-c", command, NULL}, NULL);
	cr_assert(process_line(&stranger, line, sizeof(line)));
	snprintf(url, sizeof(url), "tcp://127.0.0.1:%.6s/data", line);
	one_line(TOOL("ls", url), WORDS("the server at 127.0.0.1:", " does not speak usrbio"));
	kill(stranger.pid, SIGKILL);
	process_wait(&stranger);
}

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

/* For programs: the words of a failure, none where there is nothing to add, none after it. */
E2E(messages, of_the_api)
{
	const char *url = "tcp://127.0.0.1:1/data?timeout=1/file", *bad = "tcp://h/data?x=1/file";
	char text[512], little[8];
	int len;

	cr_expect_eq(usrbio_open(bad, O_RDONLY, 0), -EINVAL);
	len = usrbio_reason(bad, -EINVAL, text, sizeof(text));
	cr_expect_eq(len, (int)strlen(text));
	cr_expect(strstr(text, "unknown option \"x=1\""), "%s", text);
	cr_expect_eq(usrbio_reason(bad, -EINVAL, little, sizeof(little)), len);
	cr_expect_str_eq(little, "unknown");
	cr_expect_eq(usrbio_reason(bad, -EIO, text, sizeof(text)), 0);
	cr_expect_str_eq(text, "");

	cr_expect_eq(usrbio_reason(url, -EREMOTEIO, text, sizeof(text)), 0, "nobody has tried");
	cr_expect_eq(usrbio_open(url, O_RDONLY, 0), -EREMOTEIO);
	cr_expect_gt(usrbio_reason(url, -EREMOTEIO, text, sizeof(text)), 0);
	cr_expect(strstr(text, "cannot connect to 127.0.0.1:1: "), "%s", text);
	cr_expect_gt(
		usrbio_reason("tcp://127.0.0.1:1/data?timeout=1", -EREMOTEIO, text, sizeof(text)),
		0);
	cr_expect_eq(usrbio_reason(url, -ENOENT, text, sizeof(text)), 0, "another error");

	file_make("file", 1, 10);
	cr_expect_eq(usrbio_open(url_of("missing"), O_RDONLY, 0), -ENOENT);
	cr_expect_eq(usrbio_reason(url_of("missing"), -ENOENT, text, sizeof(text)), 0);
	cr_expect_eq(usrbio_reason("/etc/passwd", -ENOENT, text, sizeof(text)), 0);
	cr_expect_eq(usrbio_reason("", -ENOENT, text, sizeof(text)), 0);
	cr_expect_eq(usrbio_reason(NULL, -ENOENT, text, sizeof(text)), -EINVAL);
	cr_expect_eq(usrbio_reason(url, -ENOENT, NULL, sizeof(text)), -EINVAL);
	cr_expect_eq(usrbio_reason(url, -ENOENT, text, 0), -EINVAL);

	/* A name of the server's making is shown as the log shows it. */
	snprintf(text, sizeof(text), "tcp://h/data?\033[31m=1");
	cr_expect_eq(usrbio_open(text, O_RDONLY, 0), -EINVAL);
	cr_expect_gt(usrbio_reason(text, -EINVAL, text, sizeof(text)), 0);
	cr_expect_null(strchr(text, '\033'));
}

/* Each ends the start, and says what to do. */
E2E(messages, of_a_server_that_cannot_start)
{
	char export[PATH_MAX], unknown[PATH_MAX], missing[PATH_MAX], ring[PATH_MAX], bad[PATH_MAX];

	if (e2e_on_loop)
		return;
	make_keys();
	snprintf(ring, sizeof(ring), "%s", scratch_file("no-ring"));
	snprintf(bad, sizeof(bad), "%s", scratch_file("bad-ring"));
	write_file(bad, "[alice]\nnonsense\n", 0600);
	cr_assert_eq(mkdir(scratch_file("dir"), 0755), 0);
	snprintf(export, sizeof(export), "data=%s", scratch_file("dir"));
	snprintf(unknown, sizeof(unknown), "data=%s,rw", scratch_file("dir"));
	snprintf(missing, sizeof(missing), "data=%s", scratch_file("missing"));

	wrong_usage(SERVER("--export", unknown),
		    WORDS(",rw: unknown export option rw; use ro or sync"));
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
	make_keys();
	server_signal(&e2e_server, SIGHUP);
	await_log(&e2e_server,
		  "there is no keyring to read again; start the server with --keyring FILE");

	snprintf(ring, sizeof(ring), "--keyring=%s", scratch_file("ring"));
	cr_assert_eq(mkdir(scratch_file("dir"), 0755), 0);
	snprintf(export, sizeof(export), "data=%s", scratch_file("dir"));
	server_start(&server, "tcp://127.0.0.1:0", export, ring, NULL);
	server_signal(&server, SIGHUP);
	await_log(&server, "the keyring has been read again; ids in it: 1");
	write_file(scratch_file("ring"), "nonsense\n", 0600);
	server_signal(&server, SIGHUP);
	await_log(&server, "/ring:1: expected [ID] or WORD = VALUE; the previous one stays in use");
	cr_expect_eq(logged(&server, "ring"), 3, "a line for each");
	server_stop(&server);
}

E2E(messages, of_a_state_dump)
{
	e2e_needs_server_process();
	server_signal(&e2e_server, SIGUSR1);
	await_log(&e2e_server, "dump: server ");
	await_log(&e2e_server, "dump: worker 0: ");
	await_log(&e2e_server, "dump: end");
}
