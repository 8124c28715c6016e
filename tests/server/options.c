/* The command line. */
#include "server/program/options.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static struct options options;
static char text[4096]; /* what it said, on either stream */

static int parse(const char *line)
{
	char *argv[64] = {(char *)"usrbio-server"}, *save;
	static char copy[512]; /* options point into it */
	int argc = 1, status;
	FILE *stream = fmemopen(text, sizeof(text), "w");

	strcpy(copy, line);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	memset(text, 0, sizeof(text));
	status = options_parse(&options, argc, argv, stream, stream);
	fclose(stream);
	return status;
}

Test(options, a_full_line)
{
	cr_assert_eq(
		parse("--export a=/srv,sync,id=disk-1,ro --export b=null:1G --state /st --listen tcp://[::1]:0 "
		      "--listen rdma://host --workers 3 --staging 64 --max-connections 9 "
		      "--max-inflight 100 --huge-pages --log off --max-sessions 7 "
		      "--max-files 8 --session-time 11 --keepalive 12 --hello-time 13 "
		      "--stall-time 14 --stop-time 15 --memory 500"),
		0);
	cr_assert_eq(options.config.nr_exports, 2);
	cr_assert_str_eq(options.exports[0].name, "a");
	cr_assert_str_eq(options.exports[0].where, "/srv");
	cr_assert(options.exports[0].read_only);
	cr_assert(options.exports[0].sync);
	cr_assert_not(options.exports[1].sync);
	cr_assert_str_eq(options.exports[0].id, "disk-1");
	cr_assert_null(options.exports[1].id);
	cr_assert_str_eq(options.config.state, "/st");
	cr_assert_str_eq(options.exports[1].where, "null:1G");
	cr_assert_not(options.exports[1].read_only);
	cr_assert_eq(options.config.nr_listens, 2);
	cr_assert_str_eq(options.listens[0].host, "::1");
	cr_assert_eq(options.listens[0].port, 0);
	cr_assert_str_eq(options.listens[1].scheme, "rdma");
	cr_assert_eq(options.listens[1].port, PROTO_PORT);
	cr_assert_eq(options.config.nr_workers, 3);
	cr_assert_eq(options.config.staging_mib, 64);
	cr_assert_eq(options.config.memory_mib, 500);
	cr_assert_eq(options.config.max_connections, 9);
	cr_assert_eq(options.config.max_inflight, 100);
	cr_assert_eq(options.config.max_sessions, 7);
	cr_assert_eq(options.config.max_files, 8);
	cr_assert_eq(options.config.session_ms, 11000);
	cr_assert_eq(options.config.keepalive_ms, 12000);
	cr_assert_eq(options.config.hello_ms, 13000);
	cr_assert_eq(options.config.stall_ms, 14000);
	cr_assert_eq(options.config.stop_ms, 15000);
	cr_assert(options.config.huge_pages);
}

Test(options, defaults)
{
	cr_assert_eq(parse("--export a=b=c"), 0);
	cr_assert_str_eq(options.exports[0].where, "b=c");
	cr_assert_eq(options.config.nr_listens, 1);
	cr_assert_str_eq(options.listens[0].scheme, "tcp");
	cr_assert_str_eq(options.listens[0].host, "127.0.0.1");
	cr_assert_eq(options.listens[0].port, PROTO_PORT);
}

Test(options, zero_seconds_mean_none_where_that_makes_sense)
{
	cr_assert_eq(parse("--export a=b --session-time 0 --keepalive 0"), 0);
	cr_assert_eq(options.config.session_ms, 1);
	cr_assert_eq(options.config.keepalive_ms, SERVER_OFF);
}

Test(options, the_sandbox)
{
	enum sandbox unasked;

	cr_assert_eq(parse("--export a=b"), 0);
	unasked = options.sandbox;
	cr_assert_neq(unasked, SANDBOX_REQUIRED);
	cr_assert_eq(parse("--export a=b --sandbox required"), 0);
	cr_assert_eq(options.sandbox, SANDBOX_REQUIRED);
	cr_assert_eq(parse("--export a=b --sandbox on"), 0);
	cr_assert_eq(options.sandbox, SANDBOX_ON);
	cr_assert_eq(parse("--export a=b --sandbox off"), 0);
	cr_assert_eq(options.sandbox, SANDBOX_OFF);
	cr_assert_eq(parse("--export a=b"), 0);
	cr_assert_eq(options.sandbox, unasked);
}

Test(options, who_is_let_in)
{
	cr_assert_eq(parse("--export a=b"), 0);
	cr_assert_null(options.config.keyring);
	cr_assert_not(options.config.insecure);
	cr_assert_eq(parse("--export a=b --keyring /etc/keys --insecure-no-auth"), 0);
	cr_assert_str_eq(options.config.keyring, "/etc/keys");
	cr_assert(options.config.insecure);
	cr_assert_null(options.config.state);
	cr_assert_eq(parse("--export a=b --state /var/lib/s"), 0);
	cr_assert_str_eq(options.config.state, "/var/lib/s");
}

Test(options, help_and_version)
{
	cr_assert_eq(parse("--help"), 1);
	cr_assert(strstr(text, "--export NAME=WHERE"));
	cr_assert_eq(parse("--version"), 1);
	cr_assert(strstr(text, USRBIO_VERSION));
}

Test(options, mistakes_are_named_in_one_line)
{
	static const char *const lines[][2] = {
		{"", "--export"},
		{"--export", "--export needs a value"},
		{"--export a", "NAME=WHERE"},
		{"--export =x", "NAME=WHERE"},
		{"--export a=", "NAME=WHERE"},
		{"--export a=,ro", "WHERE is missing"},
		{"--export a=,ro,sync", "WHERE is missing"},
		{"--export a/b=x", "'/'"},
		{"--export a=x y", "unexpected \"y\""},
		{"--export a=x --listen host", "tcp://"},
		{"--export a=x --listen udp://host", "udp"},
		{"--export a=x --listen tcp://", "bad host"},
		{"--export a=x --listen tcp://h:99999", "bad host"},
		{"--export a=x --listen tcp://[::1", "bad host"},
		{"--export a=x --workers 0", "--workers 0"},
		{"--export a=x --workers -1", "--workers -1"},
		{"--export a=x --workers 2x", "--workers 2x"},
		{"--export a=x --max-inflight 999999", "16384"},
		{"--export a=x --max-files 65537", "65536"},
		{"--export a=x --memory 0", "--memory 0"},
		{"--export a=x --hello-time 0", "--hello-time 0"},
		{"--export a=x --stall-time 0", "--stall-time 0"},
		{"--export a=x --stop-time 0", "--stop-time 0"},
		{"--export a=x --keepalive 1000001", "1000000"},
		{"--export a=x --log loud", "--log loud"},
		{"--export a=x --keyring", "--keyring needs a value"},
		{"--export a=x --sandbox maybe", "on, required or off"},
		{"--export a=x --sandbox", "--sandbox needs a value"},
		{"--wat", "--wat"},
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		cr_assert_eq(parse(lines[i][0]), -EINVAL, "%s", lines[i][0]);
		cr_assert(strstr(text, lines[i][1]), "\"%s\" said: %s", lines[i][0], text);
		cr_assert_eq(strchr(text, '\n'), text + strlen(text) - 1);
	}
}

Test(options, what_is_complained_of_is_escaped)
{
	cr_assert_lt(parse("--export \033[31m\xc2\x9b"), 0);
	cr_expect(strstr(text, "--export \\033[31m\\302\\233: "), "%s", text);
	cr_assert_lt(parse("--\033[31m"), 0);
	cr_expect_null(strchr(text, '\033'));
	cr_expect_eq(strchr(text, '\n'), text + strlen(text) - 1, "%s", text);
}
