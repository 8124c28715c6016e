/* Files with keys: with which a server starts and with which it does not, and what they must be. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/session/credentials.h"
#include "client/spec/mountspec.h"
#include "client/usrbio.h"
#include "tests/auth/play/fixture.h"
#include "tests/auth/play/hand.h"
#include "tests/support/must.h"

static const char here[] = "tcp://127.0.0.1:0", nothing[] = "x=null:4096";

/* Does a server start with these words? */
static bool starts(const char *listen, const char *export, const char *word, const char *value)
{
	const char *const argv[] = {SERVER_PROGRAM, "--workers", "1",  "--listen", listen,
				    "--export",	    export,	 word, value,	   NULL};
	char line[256];
	struct process process;
	bool ready = false;
	int status;

	process_start(&process, argv, "/dev/null");
	while (!ready && process_line(&process, line, sizeof(line)))
		ready = !strcmp(line, "ready");
	kill(process.pid, SIGTERM);
	status = process_wait(&process);
	must(ready ? !status : status == 1, "exit status %d", status);
	return ready;
}

static void starting(const struct auth_case *c)
{
	static const char *const far[] = {"tcp://*:0", "tcp://0.0.0.0:0", "tcp://[::]:0"};
	char keyring[200];

	snprintf(keyring, sizeof(keyring), "%s/keyring", root);
	if (!starts(here, nothing, NULL, NULL))
		good_refused("a server on loopback");
	for (size_t i = 0; i < sizeof(far) / sizeof(*far); i++) {
		if (starts(far[i], nothing, NULL, NULL))
			bad("a server at %s without a keyring", far[i]);
		if (!starts(far[i], nothing, "--insecure-no-auth", NULL))
			good_refused("one that says it means it");
		if (!starts(far[i], nothing, "--keyring", keyring))
			good_refused("one with a keyring");
	}
	if (starts("tls://127.0.0.1:0", nothing, NULL, NULL) ||
	    starts("tls://127.0.0.1:0", nothing, "--insecure-no-auth", NULL))
		bad("a server over TLS that has no keys for it");
	if (!starts("tls://127.0.0.1:0", nothing, "--keyring", keyring))
		good_refused("one over TLS with a keyring");
	must(!chmod(keyring, 0644), "chmod");
	if (starts(here, nothing, "--keyring", keyring))
		bad("a keyring that others may read");
	must(!chmod(keyring, 0600), "chmod");
	if (starts(here, nothing, "--keyring", "/nowhere"))
		bad("a keyring that is not there");
}

/* "served/way" leads out of the export, to "rings", which the client could replace. */
static void lay_out(void)
{
	char text[100];
	FILE *file;

	must(!mkdir(fixture_path("served"), 0755) && !mkdir(fixture_path("served/in"), 0755),
	     "served");
	must(!mkdir(fixture_path("rings"), 0755) && !mkdir(fixture_path("served-not"), 0755),
	     "rings");
	snprintf(text, sizeof(text), "[alice]\nkey = %064d\n", 1);
	for (int i = 0; i < 3; i++) {
		const char *path = fixture_path(i == 0	 ? "served/in/ring"
						: i == 1 ? "rings/ring"
							 : "served-not/ring");

		file = fopen(path, "we");
		must(file && !fchmod(fileno(file), 0600) && fputs(text, file) >= 0 && !fclose(file),
		     "%s", path);
	}
	must(!symlink("../rings", fixture_path("served/way")), "way");
	must(!symlink("../rings/ring", fixture_path("served/ring")), "ring");
	must(!symlink("served/in/ring", fixture_path("into")), "into");
}

/* Its clients would have all keys, or could put others in their place. */
static void in_an_export(const struct auth_case *c)
{
	static const char *const inside[] = {"served/in/ring", "served/way/ring", "served/ring",
					     "into", "served/in/../../rings/ring"};
	static const char *const kinds[] = {"", "posix:", "fault:read.eio=1/100:"};
	char export[300];
	int before = open(".", O_PATH | O_CLOEXEC);

	lay_out();
	for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
		snprintf(export, sizeof(export), "x=%s%s,ro", kinds[k], fixture_path("served"));
		for (size_t i = 0; i < sizeof(inside) / sizeof(*inside); i++)
			if (starts(here, export, "--keyring", fixture_path(inside[i])))
				bad("the keyring %s in an export", inside[i]);
		if (!starts(here, export, "--keyring", fixture_path("rings/ring")) ||
		    !starts(here, export, "--keyring", fixture_path("served-not/ring")))
			good_refused("a keyring outside of the export");
	}
	if (starts(here, "x=/,ro", "--keyring", fixture_path("rings/ring")))
		bad("a keyring, and all is exported");
	must(before >= 0 && !chdir(fixture_path("served")), "chdir");
	if (starts(here, export, "--keyring", "ring"))
		bad("a keyring named from inside");
	must(!fchdir(before), "fchdir");
	close(before);
}

/* Nobody writes into it, and whoever waits for that hears no signal. */
static void fifo(const struct auth_case *c)
{
	struct hand hand;

	must(!mkfifo(fixture_path("fifo"), 0600), "mkfifo");
	if (starts(here, nothing, "--keyring", fixture_path("fifo")))
		bad("a keyring that is a FIFO");
	must(!rename(fixture_path("fifo"), fixture_path("keyring")), "rename");
	if (fixture_reload())
		bad("a keyring that has become a FIFO");
	hand_open(&hand, served.url);
	expect_in(hand_login(&hand, &alice, "data"), "alice");
	hand_close(&hand);
}

/* That a key was meant is never forgotten; and where nobody would ask for one it is no harm. */
static void by_long_name(const struct auth_case *c)
{
	static char name[8192];
	struct usrbio_stat st;
	char file[300];

	memset(name, 'x', sizeof(name) - 1);
	*name = '/';
	setenv("USRBIO_KEY", name, 1);
	expect_out(usrbio_stat(file_as(open_to_all.url, "data", "", 31, "file"), &st),
		   -EKEYREJECTED, "a key that cannot be had");
	setenv("USRBIO_KEY", fixture_path("keys/alice"), 1);
	snprintf(file, sizeof(file), "loop://%s/data?timeout=31/file", root);
	expect_in(usrbio_stat(file, &st), "a server of one's own");
	unsetenv("USRBIO_KEY");
}

/* A mount that has proved a key never goes on without one. */
static void no_more(const struct auth_case *c)
{
	struct mountspec spec = {.mount_point = "tcp://a/b"};
	struct credentials credentials = {.id = ""};

	expect_in(credentials_read(&spec, &credentials), "no key");
	setenv("USRBIO_KEY", fixture_path("keys/alice"), 1);
	expect_in(credentials_read(&spec, &credentials), "a key");
	unsetenv("USRBIO_KEY");
	expect_out(credentials_read(&spec, &credentials), -EKEYREJECTED, "no key any more");
	setenv("USRBIO_KEY", fixture_path("keys/absent"), 1);
	expect_out(credentials_read(&spec, &credentials), -EKEYREJECTED, "a file that is gone");
	unsetenv("USRBIO_KEY");
	expect_out(credentials_read(&spec, &credentials), -EKEYREJECTED, "no key, again");
	setenv("USRBIO_KEY", fixture_path("keys/bob"), 1);
	expect_in(credentials_read(&spec, &credentials), "another key");
	unsetenv("USRBIO_KEY");
	if (strcmp(credentials.id, "bob"))
		bad("%s for bob", credentials.id);
}

const struct auth_case file_cases[] = {
	{"starting", starting, .tcp_only = true},
	{"keyring-in-an-export", in_an_export, .tcp_only = true},
	{"keyring-is-a-fifo", fifo},
	{"key-of-a-long-name", by_long_name},
	{"key-no-more", no_more},
	{NULL},
};
