/* The fixture of one run: made and removed by the main thread. */
#include "tests/auth/play/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/auth/keyfile.h"
#include "tests/support/must.h"
#include "tests/support/pattern.h"

struct login alice = {"alice", {{0}}}, alice_next = {"alice", {{0}}}, forged = {"alice", {{0}}},
	     bob = {"bob", {{0}}}, rita = {"rita", {{0}}}, nobody = {"nobody", {{0}}};
const struct entry usual[] = {
	{"alice", {&alice}, "export = data:rw\nexport = other:rw\n"},
	{"bob", {&bob}, "export = data:rw\n"},
	{"rita", {&rita}, "export = data:ro\n"},
	{NULL, {NULL}, NULL},
};
struct fixture served, open_to_all;
bool over_tcp, over_tls;
char root[128];

static int notified = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned nr_bad, nr_refused;

static void say(const char *what, const char *fmt, va_list args)
{
	printf("auth: %s: ", what);
	vprintf(fmt, args);
	putchar('\n');
}

void bad(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	pthread_mutex_lock(&lock);
	nr_bad++;
	say("accepted", fmt, args);
	pthread_mutex_unlock(&lock);
	va_end(args);
}

void good_refused(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	pthread_mutex_lock(&lock);
	nr_refused++;
	say("refused", fmt, args);
	pthread_mutex_unlock(&lock);
	va_end(args);
}

unsigned count_bad(void)
{
	return nr_bad;
}

unsigned count_refused(void)
{
	return nr_refused;
}

void expect_in(int status, const char *who)
{
	if (status < 0)
		good_refused("%s: %s", who, strerror(-status));
}

void expect_out(int status, int wanted, const char *who)
{
	if (status != wanted)
		bad("%s: %s, and not %s", who, status < 0 ? strerror(-status) : "success",
		    strerror(-wanted));
}

const char *fixture_path(const char *name)
{
	static char paths[4][sizeof(root) + 256];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", root, name);
	return path;
}

/* In one step: nobody reads half of it. */
static void put_file(const char *name, const void *text, size_t len, mode_t mode)
{
	const char *path = fixture_path(name), *draft = fixture_path("draft");
	int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	must(fd >= 0 && write(fd, text, len) == (ssize_t)len, "%s: %s", draft, strerror(errno));
	close(fd);
	must(!rename(draft, path), "%s: %s", path, strerror(errno));
}

void fixture_give(const char *name, const struct login *login)
{
	char path[100];

	snprintf(path, sizeof(path), "keys/%.64s", name);
	unlink(fixture_path("draft"));
	must(!keyfile_write(fixture_path("draft"), login->id, &login->secret), "draft");
	must(!rename(fixture_path("draft"), fixture_path(path)), "%s", path);
}

static void add_key(char *text, size_t size, const struct secret *secret)
{
	strncat(text, "key = ", size - strlen(text) - 1);
	for (int i = 0; i < SECRET_SIZE; i++) {
		char hex[3];

		snprintf(hex, sizeof(hex), "%02x", secret->key[i]);
		strncat(text, hex, size - strlen(text) - 1);
	}
	strncat(text, "\n", size - strlen(text) - 1);
}

static const char *text_of(const struct entry *entries)
{
	static char text[4096];

	*text = 0;
	for (const struct entry *e = entries; e->id; e++) {
		size_t used = strlen(text);

		snprintf(text + used, sizeof(text) - used, "[%s]\n", e->id);
		for (int i = 0; i < 2 && e->keys[i]; i++)
			add_key(text, sizeof(text), &e->keys[i]->secret);
		strncat(text, e->lines, sizeof(text) - strlen(text) - 1);
	}
	return text;
}

/* The server says when it has read it, as to systemd. */
static bool await_reload(void)
{
	char said[600];
	ssize_t n;

	for (;;) {
		n = recv(notified, said, sizeof(said) - 1, 0);
		must(n > 0 || errno == EINTR, "notify: %s", strerror(errno));
		said[n > 0 ? n : 0] = 0;
		if (strstr(said, "The keyring"))
			return strstr(said, "read again");
	}
}

bool fixture_reload(void)
{
	must(!kill(served.process.pid, SIGHUP), "SIGHUP");
	return await_reload();
}

bool fixture_reload_text(const char *text)
{
	put_file("keyring", text, strlen(text), 0600);
	return fixture_reload();
}

bool fixture_keyring(const struct entry *entries)
{
	return fixture_reload_text(text_of(entries));
}

static void make_export(const char *name)
{
	static uint8_t content[FILE_SIZE];
	char file[64];

	must(!mkdir(fixture_path(name), 0755), "%s", name);
	pattern_fill(content, sizeof(content), FILE_SEED, 0);
	snprintf(file, sizeof(file), "%s/file", name);
	put_file(file, content, sizeof(content), 0644);
}

static void listen_notify(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%.90s/notify", root);
	notified = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	must(notified >= 0 && !bind(notified, (struct sockaddr *)&addr, sizeof(addr)), "%s: %s",
	     addr.sun_path, strerror(errno));
}

static const char *where(void)
{
	static char listen[128];
	const char *host = getenv("USRBIO_RXE_ADDR");

	if (over_tcp)
		return "tcp://127.0.0.1:0";
	if (over_tls)
		return "tls://127.0.0.1:0";
	must(host, "USRBIO_RXE_ADDR");
	snprintf(listen, sizeof(listen), "rdma://%.100s:0", host);
	return listen;
}

void fixture_start(struct fixture *fixture, const char *const words[])
{
	static const char listening[] = "listening on ";
	/* Clients played by hand say nothing while other things are tried. */
	const char *argv[24] = {SERVER_PROGRAM, "--workers", "2",	"--staging", "8",
				"--keepalive",	"120",	     "--listen"};
	char line[256];
	int n = 8;

	argv[n++] = where();
	for (; *words; words++)
		argv[n++] = *words;
	process_start(&fixture->process, argv, fixture_path("server.log"));
	do {
		must(process_line(&fixture->process, line, sizeof(line)), "no server");
		if (!strncmp(line, listening, strlen(listening)))
			snprintf(fixture->url, sizeof(fixture->url), "%.100s",
				 line + strlen(listening));
	} while (strcmp(line, "ready"));
}

static void draw_keys(void)
{
	static struct login *const all[] = {&alice, &alice_next, &forged, &bob, &rita, &nobody};
	static const char *const names[] = {"alice", "alice-next", "forged",
					    "bob",   "rita",	   "nobody"};

	must(!mkdir(fixture_path("keys"), 0700), "keys");
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		must(!secret_draw(&all[i]->secret), "no randomness");
		fixture_give(names[i], all[i]);
	}
	setenv("USRBIO_KEYS", fixture_path("keys"), 1);
	unsetenv("USRBIO_KEY");
}

/* Over TLS nobody can be let in without a key: a keyring that knows nobody. */
static void start_open(void)
{
	const char *const words[] = {"--export", "data=null:65536",
				     over_tls ? "--keyring" : "--insecure-no-auth",
				     over_tls ? fixture_path("empty") : NULL, NULL};

	put_file("empty", "", 0, 0600);
	fixture_start(&open_to_all, words);
}

void fixture_open(void)
{
	char exports[3][300];
	const char *const words[] = {"--export", exports[0], "--export",  exports[1],
				     "--export", exports[2], "--keyring", fixture_path("keyring"),
				     NULL};
	static const char *const names[] = {"data", "other", "kept"};
	const char *keyring;

	for (int i = 0; i < 3; i++) {
		make_export(names[i]);
		snprintf(exports[i], sizeof(exports[i]), "%s=%s/%s", names[i], root, names[i]);
	}
	draw_keys();
	listen_notify();
	keyring = text_of(usual);
	put_file("keyring", keyring, strlen(keyring), 0600);
	setenv("NOTIFY_SOCKET", fixture_path("notify"), 1);
	fixture_start(&served, words);
	unsetenv("NOTIFY_SOCKET");
	start_open();
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path) && 0;
}

void fixture_stop(struct fixture *fixture)
{
	int status;

	kill(fixture->process.pid, SIGTERM);
	status = process_wait(&fixture->process);
	must(!status, "the server's exit status is %d", status);
}

static void show_reports(void)
{
	char line[1024];
	FILE *f = fopen(fixture_path("server.log"), "re");

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, "Sanitizer") || strstr(line, "runtime error:"))
			printf("server| %s", line);
	if (f)
		fclose(f);
}

void fixture_close(void)
{
	fixture_stop(&served);
	fixture_stop(&open_to_all);
	show_reports();
	nftw(root, remove_one, 32, FTW_DEPTH | FTW_PHYS);
}

const char *mount_as(const char *url, const char *export, const char *name, unsigned timeout)
{
	static char mounts[8][256];
	static unsigned next;
	char *mount = mounts[next++ % 8];

	snprintf(mount, sizeof(mounts[0]), "%s/%s?timeout=%u%s%s", url, export, timeout,
		 *name ? "&key=" : "", name);
	return mount;
}

const char *file_as(const char *url, const char *export, const char *name, unsigned timeout,
		    const char *path)
{
	static char files[8][400];
	static unsigned next;
	char *file = files[next++ % 8];

	snprintf(file, sizeof(files[0]), "%s/%s", mount_as(url, export, name, timeout), path);
	return file;
}
