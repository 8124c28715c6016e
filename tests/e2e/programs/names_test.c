/* Names that others chose: what the tool shows of them, on a terminal, in a pipe, to a script. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/terminal.h"

enum { SHOWN = 1 << 20 };

/* Every control character, and every beginning of one that a terminal might know. */
static unsigned hostile_names(char names[][24])
{
	static const char *const others[] = {
		"x\033[31mred",
		"\033]0;title\007",
		"c1 \xc2\x9b"
		"31m",
		"raw \x9b"
		"31m",
		"overlong \xc0\x9b[31m",
		"cut \xe2\x82",
		"bidi \xe2\x80\xae"
		"txt",
		"isolate \xe2\x81\xa6"
		"x",
		"line \xe2\x80\xa8"
		"x",
		"two\nlines",
		"\r\033[2Kgone",
		"%s%n",
		"a 'b' \"c\" $d `e` \\f",
		"\xc3\xa4\xf0\x9f\x98\x80",
		"-l",
	};
	unsigned n = 0;

	for (int c = 1; c < 0x20; c++)
		snprintf(names[n++], 24, "c0%c%02x", c, (unsigned)c);
	snprintf(names[n++], 24, "del\x7f");
	for (int c = 0x80; c < 0xa0; c++)
		snprintf(names[n++], 24, "c1\xc2%c%02x", c, (unsigned)c);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		snprintf(names[n++], 24, "%s", others[i]);
	return n;
}

static char names[128][24];
static unsigned nr_names;

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void make_names(void)
{
	e2e_needs_local_files();
	cr_assert_eq(mkdir(path_of("names"), 0755), 0);
	nr_names = hostile_names(names);
	qsort(names, nr_names, sizeof(*names), by_name);
	for (unsigned i = 0; i < nr_names; i++) {
		char path[512];
		int fd;

		snprintf(path, sizeof(path), "%s/%s", path_of("names"), names[i]);
		fd = open(path, O_CREAT | O_WRONLY, 0644);
		cr_assert_geq(fd, 0, "%s", path);
		close(fd);
	}
}

/* In the locale that knows nothing but ASCII: that, and ends of lines. */
static void check_plain(const char *what, const char *shown)
{
	for (const char *at = shown; *at; at++)
		cr_assert((*at >= ' ' && *at < 0x7f) || *at == '\n' || *at == '\r',
			  "%s: byte %02x reached the terminal: ...%.60s", what, (unsigned char)*at,
			  at > shown + 30 ? at - 30 : shown);
}

static unsigned lines_of(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

E2E(names, on_a_terminal)
{
	char *shown = malloc(SHOWN), *name;

	setenv("LC_ALL", "C", 1);
	make_names();
	cr_assert_eq(on_terminal(shown, SHOWN, E2E_TOOL, "ls", url_of("names")), 0);
	check_plain("ls", shown);
	cr_expect_eq(lines_of(shown), nr_names, "a line for each of %u", nr_names);
	cr_expect(strstr(shown, "'x'$'\\033''[31mred'\r\n"), "%s", shown);
	cr_expect(strstr(shown, "\r\n-l\r\n"), "%s", shown);
	cr_assert_eq(on_terminal(shown, SHOWN, E2E_TOOL, "ls", "-lR", e2e_mount), 0);
	check_plain("ls -lR", shown);
	cr_assert_eq(on_terminal(shown, SHOWN, E2E_TOOL, "ls", "--json", url_of("names")), 0);
	cr_expect_null(strchr(shown, '\033'));
	for (unsigned i = 0; i < nr_names; i++) {
		cr_assert_geq(asprintf(&name, "names/%s", names[i]), 0);
		cr_assert_eq(on_terminal(shown, SHOWN, E2E_TOOL, "stat", url_of(name)), 0);
		check_plain("stat", shown);
		free(name);
	}
	free(shown);
}

/* Where the terminal knows UTF-8, so do names; its C1 controls stay what they are. */
E2E(names, on_a_terminal_with_utf8)
{
	char *shown = malloc(SHOWN);

	setenv("LC_ALL", "C.UTF-8", 1);
	make_names();
	cr_assert_eq(on_terminal(shown, SHOWN, E2E_TOOL, "ls", url_of("names")), 0);
	cr_expect(strstr(shown, "\xc3\xa4\xf0\x9f\x98\x80\r\n"), "%s", shown);
	for (int c = 0x80; c < 0xa0; c++) {
		const char control[] = {(char)0xc2, (char)c, 0};

		cr_expect_null(strstr(shown, control), "C1 %02x", (unsigned)c);
	}
	cr_expect_null(strchr(shown, '\033'));
	cr_expect_null(strstr(shown, "\xe2\x80\xae"));
	free(shown);
}

/* To a pipe exactly, line by line or with zero bytes. */
E2E(names, in_a_pipe)
{
	char *shown = malloc(SHOWN), *expected = malloc(SHOWN), command[2048];
	size_t n = 0;

	make_names();
	for (unsigned i = 0; i < nr_names; i++)
		n += (size_t)sprintf(expected + n, "%s\n", names[i]);
	cr_assert_eq(run_into(shown, SHOWN, E2E_TOOL, "ls", url_of("names")), 0);
	cr_expect_str_eq(shown, expected);
	snprintf(command, sizeof(command),
		 "cd '%s' && cmp <('%s' ls -0 '%s') <(LC_ALL=C; printf '%%s\\0' *)",
		 path_of("names"), E2E_TOOL, url_of("names"));
	cr_expect_eq(run("/bin/bash", "-c", command), 0);
	snprintf(command, sizeof(command),
		 "cmp <('%s' ls --null -R '%s') "
		 "<(echo -n '%s'; printf '\\0'; cd '%s'; LC_ALL=C; printf '%s/%%s\\0' *)",
		 E2E_TOOL, e2e_mount, url_of("names"), path_of("names"), url_of("names"));
	cr_expect_eq(run("/bin/bash", "-c", command), 0);
	free(expected);
	free(shown);
}

E2E(names, as_json)
{
	static const char *const options[] = {"--json", "-l --json", "--json -R"};
	char command[2048];

	make_names();
	for (size_t i = 0; i < 3; i++) {
		snprintf(command, sizeof(command),
			 "set -o pipefail; '%s' ls %s '%s' | /usr/bin/env python3 '%s' '%s'",
			 E2E_TOOL, options[i], url_of("names"), E2E_NAMES, path_of("names"));
		cr_expect_eq(run("/bin/bash", "-c", command), 0, "%s", options[i]);
	}
	snprintf(command, sizeof(command),
		 "cd '%s' && '%s' stat --json \"${@/#/%s/}\" | /usr/bin/env python3 -c '"
		 "import json, sys; print(len(json.load(sys.stdin)))'",
		 path_of("names"), E2E_TOOL, url_of("names"));
	snprintf(command + strlen(command), sizeof(command) - strlen(command), " | grep -qx %u",
		 nr_names);
	cr_assert_eq(chdir(path_of("names")), 0);
	{
		char with_names[4096];

		snprintf(with_names, sizeof(with_names), "set -- *; %s", command);
		cr_expect_eq(run("/bin/bash", "-c", with_names), 0);
	}
}

/* An argument of each command, and what it has to say of it: one line, and nothing of it raw. */
E2E(names, in_complaints)
{
	static const char odd[] = "no\033[31m\xc2\x9b"
				  "2J\n\xe2\x80\xae\x9b";
	const char *there = url_of(odd);
	const char *const cases[][8] = {
		{"ls", there},
		{"ls", "-l", odd},
		{"stat", there},
		{"cp", there, scratch_file("x")},
		{"cp", odd, url_of("x")},
		{"mv", there, url_of("x")},
		{"mv", url_of("x"), odd},
		{"rm", there},
		{"rm", "-r", there},
		{"rm", odd},
		{"mkdir", odd},
		{"mkdir", "-m", odd, url_of("x")},
		{"bench", there},
		{"bench", "--depth", odd, there},
		{"bench", "--per-io", odd, there},
		{"ping", odd},
		{"ping", "-c", odd, there},
		{"stats", odd},
		{"attach", odd, odd},
		{"attach", e2e_mount, odd},
		{"detach", odd},
		{"keygen", odd, odd},
		{"ls", "--\033[31m"},
		{"ls", "--null=\033[31m", e2e_mount},
		{"ls", "-\033"},
		{"\033[31m"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *argv[10] = {E2E_TOOL};
		char said[4096];

		for (size_t n = 0; n < 8 && cases[i][n]; n++)
			argv[n + 1] = cases[i][n];
		cr_expect_neq(complaints_of(argv, said, sizeof(said)), 0, "%zu", i);
		check_plain(cases[i][0], said);
		cr_expect_eq(lines_of(said), 1, "%zu: %s", i, said);
	}
}

/* The line that tells how far a copy is has none of them. */
E2E(names, beside_progress)
{
	char *shown = malloc(SHOWN);

	make_names();
	setenv("LC_ALL", "C", 1);
	cr_expect_eq(on_terminal(shown, SHOWN, E2E_TOOL, "cp", "-r", url_of("names"),
				 scratch_file("copy")),
		     0);
	for (char *at = shown; (at = strchr(at, '\033')); at++)
		cr_expect_eq(strncmp(at, "\033[K", 3), 0, "%.20s", at);
	cr_expect_null(strchr(shown, (char)0x9b));
	free(shown);
}
