/*
 * What the tool and the library say when something fails: one line, with the cause and the way out.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/e2e/programs/messages.h"
#include "tests/e2e/support/io.h"

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
	one_line(TOOL("ls", "tcp://no.such.host.invalid/data?timeout=3"),
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
	messages_expect(2, 1, TOOL("ls", "tcp://127.0.0.1:1/data"),
			WORDS("warn: tcp://127.0.0.1:1/data: cannot connect to 127.0.0.1:1: ",
			      "\nusrbio ls: "));
	messages_expect(2, 1, TOOL("ls", "tcp://h/data?x=1"),
			WORDS("warn: tcp://h/data?x=1: unknown option \"x=1\"", "\nusrbio ls: "));
	setenv("USRBIO_KEY", scratch_file("missing"), 1);
	messages_expect(2, 1, TOOL("ls", "tcp://127.0.0.1:1/data"),
			WORDS("warn: ", "cannot read the key file", "\nusrbio ls: "));
	unsetenv("USRBIO_KEY");
	if (e2e_on_loop)
		return;
	snprintf(url, sizeof(url), "%.*s-unknown", (int)strcspn(e2e_mount, "?"), e2e_mount);
	messages_expect(2, 1, TOOL("ls", url), WORDS("warn: ", "has no export", "\nusrbio ls: "));
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

	wrong_usage(TOOL("cp", "-r", "/etc", "-"),
		    WORDS("usrbio cp: -: standard input and output"));
	wrong_usage(TOOL("cp", "-", "/etc/passwd", url_of("x")),
		    WORDS("usrbio cp: -: standard input and output"));
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

/* The time of a call is over while the second route of the first attempt is still tried. */
E2E(messages, of_a_server_that_says_nothing)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(addr);
	int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char url[100], text[400];
	unsigned port;
	struct usrbio_stat st;

	must(silent >= 0 && !bind(silent, (struct sockaddr *)&addr, sizeof(addr)) &&
		     !listen(silent, 8) && !getsockname(silent, (struct sockaddr *)&addr, &len),
	     "a socket");
	port = ntohs(addr.sin_port);
	snprintf(url, sizeof(url), "tcp://127.0.0.1:%u,localhost:%u/data?timeout=1", port, port);
	cr_assert_eq(usrbio_stat(url, &st), -EREMOTEIO);
	cr_assert_gt(usrbio_reason(url, -EREMOTEIO, text, sizeof(text)), 0);
	/* On a busy machine the attempt may be over, too. */
	cr_assert(strstr(text, "still connecting to ") || strstr(text, ": Connection timed out"),
		  "%s", text);
	close(silent);
}
