/* What is said about keys and TLS, by the tool and in the log of the server. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/e2e/programs/messages.h"

/* No server is asked, and none is there. */
E2E(messages, of_keys)
{
	const char *url = "tcp://127.0.0.1:1/data";

	setenv("USRBIO_KEYS", e2e_scratch, 1);
	one_line(TOOL("ls", "tcp://127.0.0.1:1/data?key=missing"),
		 WORDS("cannot read the key file ", "/missing: No such file or directory"));
	setenv("USRBIO_KEY", scratch_file("key"), 1);
	one_line(TOOL("ls", url), WORDS("cannot read the key file ", "/key: No such file"));
	messages_write_file(scratch_file("key"), "[alice]\n", 0644);
	one_line(TOOL("ls", url),
		 WORDS("cannot read the key file ", "/key: it contains a key", "mode 0600"));
	messages_write_file(scratch_file("key"), "nonsense\n", 0600);
	one_line(TOOL("ls", url), WORDS("cannot read the key file ", "/key:1: expected [ID]"));
	messages_write_file(scratch_file("key"), "[alice]\n", 0600);
	one_line(TOOL("ls", url), WORDS("there is no key in the key file ", "/key"));
	unsetenv("USRBIO_KEY");
	one_line(TOOL("ls", "tls://127.0.0.1:1/data"), WORDS("TLS needs a key: name one by"));
	one_line(TOOL("keygen", "alice", scratch_file("key")), WORDS("/key: File exists"));
	wrong_usage(TOOL("keygen", "a b", scratch_file("key2")), WORDS("an id is 1 to 64 of"));
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
	messages_make_keys();
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
	cr_expect_eq(messages_logged(&tls, "the client does not speak TLS"), 2);
	cr_expect_eq(messages_logged(&tls, "has not proved the key"), 1);
	cr_expect_eq(messages_logged(&tls, "warn: "), 3);
}

E2E(messages, of_tls_to_a_plain_server)
{
	struct server plain;
	char ring[PATH_MAX], export[PATH_MAX];

	e2e_needs_server_process();
	messages_make_keys();
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
	cr_expect_eq(messages_logged(&plain, "the client speaks TLS, and this address does not"),
		     1);
	cr_expect_eq(messages_logged(&plain, "has not proved a key of the keyring"), 1);
	cr_expect_eq(messages_logged(&plain, "warn: "), 2);
}
