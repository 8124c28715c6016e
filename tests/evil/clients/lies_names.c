/*
 * Lies about persistent names: names that no OPEN has given, names that were changed, and names of
 * other rights, of another export and of another file.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/evil/clients/evil.h"
#include "tests/support/must.h"
#include "tests/support/pattern.h"
#include "tests/support/process.h"

/*
 * REOPEN by names that no OPEN has given. A name whose seal alone is wrong opens what OPEN would:
 * the inode `ino`, that of the file at the path. 0: none may be opened.
 */
static void reopen(struct evil *e, const void *name, size_t len, const char *path, uint64_t ino)
{
	struct call call = {.op = CALL_REOPEN,
			    .path = text(path),
			    .persistent = {name, len},
			    .flags = OPEN_READ};
	int status = evil_call(e, &call);

	/* -EPERM and -EOPNOTSUPP: this server can open nothing by its persistent name. */
	if (!status && (!ino || e->heard.reply.attr.ino != ino))
		escape(e, "a forged name of %zu bytes opened a file", len);
	else if (e->over)
		escape(e, "a forged name of %zu bytes ended the connection", len);
}

static void forged_names(struct evil *e, const struct lie *lie)
{
	uint8_t name[PERSISTENT_MAX];
	uint64_t state = 11;

	for (size_t len = 0; len <= PERSISTENT_MAX && !e->over; len++) {
		for (size_t i = 0; i < len; i++)
			name[i] = (uint8_t)next_random(&state);
		reopen(e, name, len, len % 2 ? "file" : "", 0);
	}
	expect_file(e);
}

/* Open the file, and get the name that it is given. Returns its length. */
static size_t true_name(struct evil *e, uint8_t name[PERSISTENT_MAX])
{
	const struct call call = {.op = CALL_OPEN, .path = text("file"), .flags = OPEN_READ};

	expect_status(e, evil_call(e, &call), 0);
	memcpy(name, e->heard.persistent, e->heard.reply.persistent.len);
	return e->heard.reply.persistent.len;
}

/* The true name of the open file with one byte changed, and cut at each of its bytes. */
static void almost_names(struct evil *e, const struct lie *lie)
{
	uint8_t good[PERSISTENT_MAX], name[PERSISTENT_MAX];
	size_t len = true_name(e, good);
	uint64_t ino = e->heard.reply.attr.ino;

	for (size_t i = 0; i < len && !e->over; i++) {
		memcpy(name, good, len);
		name[i] ^= 0x10;
		reopen(e, name, len, "file", ino);
		reopen(e, good, i, "file", 0);
	}
	expect_alive(e);
}

/* Replace bytes that occur in a name. */
static void replace(uint8_t *name, size_t len, const void *old, const void *new, size_t n)
{
	uint8_t *at = memmem(name, len, old, n);

	if (at)
		memcpy(at, new, n);
}

struct identity_of_file {
	uint64_t ino;
	union {
		struct file_handle fh;
		uint8_t room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} handle;
};

static struct identity_of_file identify(const struct evil *e, const char *where)
{
	struct identity_of_file id = {.handle.fh.handle_bytes = MAX_HANDLE_SZ};
	char path[512];
	struct stat st;
	int mount;

	snprintf(path, sizeof(path), "%s/%s", e->fixture->data_dir, where);
	must(!stat(path, &st), "%s", path);
	id.ino = st.st_ino;
	if (name_to_handle_at(AT_FDCWD, path, &id.handle.fh, &mount, 0))
		id.handle.fh.handle_bytes = 0;
	return id;
}

/* The name that the server would give to a file which lies outside, but for its seal. */
static void outside_name(struct evil *e, const struct lie *lie)
{
	const struct identity_of_file in = identify(e, "file"), out = identify(e, "../secret");
	uint8_t name[PERSISTENT_MAX];
	size_t len = true_name(e, name);

	if (in.handle.fh.handle_bytes == out.handle.fh.handle_bytes)
		replace(name, len, in.handle.fh.f_handle, out.handle.fh.f_handle,
			in.handle.fh.handle_bytes);
	replace(name, len, &in.ino, &out.ino, sizeof(in.ino));
	must(memcmp(name, e->heard.persistent, len), "the name has no inode");
	reopen(e, name, len, "file", 0);
	reopen(e, name, len, "../secret", 0);
	reopen(e, name, len, "", 0);
	expect_alive(e);
}

static void reopen_to_create(struct evil *e, const struct lie *lie)
{
	const uint8_t name[24] = {0};

	if (!evil_call(e, &(struct call){.op = CALL_REOPEN,
					 .path = text("never"),
					 .persistent = {name, sizeof(name)},
					 .flags = OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE,
					 .mode = 0644}))
		escape(e, "a file was made by REOPEN");
	expect_status(e, evil_call(e, &(struct call){.op = CALL_STAT, .path = text("never")}),
		      -ENOENT);
}

/* A server of a user whom modes limit, with two exports that have one file of mode 0444. */
#define USER  1501
#define GROUP 1601

struct limited {
	struct process server;
	struct fixture fixture;
	char dir[32], url[100];
};

/* Where a sealed name has what: server/calls/persistent.c. */
enum { SEAL_EXPORT = 16, SEAL_MODES = 24, SEAL_ZERO = 28, SEAL_SIZE = 32 };

static void limited_start(struct limited *l)
{
	static const char listening[] = "listening on ";
	char data[64], other[64], line[256];
	const char *const argv[] = {"/usr/bin/setpriv", "--reuid=1501", "--regid=1601",
				    "--clear-groups",	EVIL_SERVER,	"--listen",
				    wire_any(),		"--export",	data,
				    "--export",		other,		NULL};

	strcpy(l->dir, "/tmp/usrbio-names-XXXXXX");
	must(mkdtemp(l->dir), "%s", l->dir);
	snprintf(data, sizeof(data), "%s/data", l->dir);
	snprintf(other, sizeof(other), "%s/other", l->dir);
	must(!mkdir(data, 0755) && !mkdir(other, 0755), "%s", data);
	must(geteuid() || (!chown(l->dir, USER, GROUP) && !chown(data, USER, GROUP) &&
			   !chown(other, USER, GROUP)),
	     "chown");
	snprintf(data, sizeof(data), "data=%s/data", l->dir);
	snprintf(other, sizeof(other), "other=%s/other", l->dir);
	process_start(&l->server, geteuid() ? argv + 4 : argv, NULL);
	must(process_line(&l->server, line, sizeof(line)), "the server does not start");
	snprintf(l->url, sizeof(l->url), "%.90s", line + strlen(listening));
	must(process_line(&l->server, line, sizeof(line)), "not ready");
	l->fixture = (struct fixture){.url = l->url, .pid = l->server.pid};
}

static void limited_end(struct limited *l)
{
	kill(l->server.pid, SIGTERM);
	must(!process_wait(&l->server), "the server's exit status");
	must(!run("/bin/rm", "-r", l->dir), "rm");
}

/* Get the name that an open of "shut" is given. Returns its length. */
static size_t name_of(struct evil *e, uint32_t flags, uint8_t name[PERSISTENT_MAX])
{
	const struct call call = {
		.op = CALL_OPEN, .path = text("shut"), .flags = flags, .mode = 0444};

	expect_status(e, evil_call(e, &call), 0);
	memset(name, 0, PERSISTENT_MAX);
	memcpy(name, e->heard.persistent, e->heard.reply.persistent.len);
	return e->heard.reply.persistent.len;
}

/* REOPEN of "shut" for writing ends so. */
static void expect_reopen(struct evil *e, const void *name, size_t len, int wanted)
{
	expect_status(e,
		      evil_call(e, &(struct call){.op = CALL_REOPEN,
						  .path = text("shut"),
						  .persistent = {name, len},
						  .flags = OPEN_READ | OPEN_WRITE}),
		      wanted);
}

/* A name with one bit changed: it is of no such file, or proves no right to it. */
static void expect_bits(struct evil *e, const uint8_t *good, size_t len)
{
	uint8_t name[PERSISTENT_MAX];

	for (size_t bit = 0; bit < 8 * len && !e->over; bit++) {
		size_t at = bit / 8;
		bool unproved = at < SEAL_EXPORT || (at >= SEAL_MODES && at < SEAL_ZERO);

		memcpy(name, good, len);
		name[at] ^= (uint8_t)(1u << bit % 8);
		expect_reopen(e, name, len, unproved ? -EACCES : -ESTALE);
	}
}

static void expect_lengths(struct evil *e, const uint8_t *good, size_t len)
{
	for (size_t cut = 0; cut < len && !e->over; cut++)
		expect_reopen(e, good, cut, -ESTALE);
	/* What follows a name is zero here. */
	for (size_t more = len + 1; more <= PERSISTENT_MAX && !e->over; more++)
		expect_reopen(e, good, more, -ESTALE);
}

/* What the mode of a file forbids is opened by the name of that right alone. */
static void names_of_rights(struct evil *e, const struct lie *lie)
{
	uint8_t good[PERSISTENT_MAX], for_reading[PERSISTENT_MAX], of_other[PERSISTENT_MAX];
	const struct hello hello = evil_hello("other");
	char file[64], link_to[64];
	struct evil mine, other;
	struct limited l;
	size_t len;

	limited_start(&l);
	evil_open(&mine, &l.fixture, e->name, STAGE_WELCOME);
	len = name_of(&mine, OPEN_READ | OPEN_WRITE | OPEN_CREATE, good);
	must(len > SEAL_SIZE, "a name of %zu bytes", len);
	snprintf(file, sizeof(file), "%s/data/shut", l.dir);
	snprintf(link_to, sizeof(link_to), "%s/other/shut", l.dir);
	must(!link(file, link_to), "%s", link_to);
	evil_open(&other, &l.fixture, e->name, STAGE_PARAMS);
	expect_status(&other, evil_handshake(&other, &hello), 0);
	expect_reopen(&mine, good, len, 0);
	expect_reopen(&mine, for_reading, name_of(&mine, OPEN_READ, for_reading), -EACCES);
	expect_reopen(&mine, of_other, name_of(&other, OPEN_READ, of_other), -ESTALE);
	expect_reopen(&other, good, len, -ESTALE);
	expect_bits(&mine, good, len);
	expect_lengths(&mine, good, len);
	expect_reopen(&mine, good, len, 0);
	evil_close(&other, &mine);
	evil_close(&mine, e);
	limited_end(&l);
}

const struct lie name_lies[] = {
	{"names-forged", STAGE_WELCOME, forged_names},
	{"names-almost-true", STAGE_FILE, almost_names},
	{"names-of-rights", STAGE_WELCOME, names_of_rights},
	{"name-of-a-file-outside", STAGE_WELCOME, outside_name},
	{"reopen-to-create", STAGE_WELCOME, reopen_to_create},
	{NULL},
};
