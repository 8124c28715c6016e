/* Programs that fail, and the logs of servers, for the tests of messages. No state. */
#include "tests/e2e/programs/messages.h"

#include <stdio.h>
#include <string.h>

#include "tests/e2e/support/traces.h"
#include "tests/support/terminal.h"

static unsigned lines_of(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

void messages_expect(unsigned lines, int status, const char *const argv[],
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

void messages_write_file(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "we");

	cr_assert(file, "%s", path);
	fputs(text, file);
	cr_assert_eq(fclose(file) || chmod(path, mode), 0);
}

void messages_make_keys(void)
{
	char command[2048];

	snprintf(command, sizeof(command),
		 "cd '%s' && '%s' keygen alice alice && '%s' keygen alice other && umask 077 && "
		 "{ cat alice; echo export = data:rw; } >ring",
		 e2e_scratch, E2E_TOOL, E2E_TOOL);
	cr_assert_eq(run("/bin/sh", "-c", command), 0);
}

unsigned messages_logged(const struct server *server, const char *text)
{
	return log_lines_with(server->log, text);
}

void messages_await_log(const struct server *server, const char *text)
{
	while (!messages_logged(server, text))
		nap_ms(5);
}
