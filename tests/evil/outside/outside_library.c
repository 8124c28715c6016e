/* The same by programs that use the library: each of these is one, in a process of its own. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "client/hf3fs_usrbio.h"
#include "client/usrbio.h"
#include "tests/support/pattern.h"
#include "tests/evil/outside/outside.h"

#define LEN    4096u
#define MEMORY (16u * LEN)
#define CANARY 0x5a
#define ENOUGH (20u << 20) /* entries: whoever takes more takes anything */

static unsigned escaped(const char *what)
{
	fprintf(stderr, "%s\n", what);
	return 1;
}

static const char *path_of(const char *url, const char *path)
{
	static char text[300];

	snprintf(text, sizeof(text), "%s/%s", url, path);
	return text;
}

static bool is_component(const char *name)
{
	return *name && strcmp(name, ".") && strcmp(name, "..") && !strchr(name, '/') &&
	       strlen(name) <= 255;
}

/* Every name that a program gets is one component. */
static unsigned read_names(const char *url)
{
	struct usrbio_dirent entry;
	struct usrbio_dir *dir;
	unsigned n = 0;
	int err = usrbio_opendir(path_of(url, "d"), &dir);

	if (err)
		return 0;
	while ((err = usrbio_readdir(dir, &entry)) == 1) {
		if (!is_component(entry.name))
			return escaped("a name that is none");
		if (++n > ENOUGH)
			return escaped("a listing without an end");
	}
	usrbio_closedir(dir);
	return 0;
}

/* One I/O in the middle of memory; nothing else in it changes, whatever the server does. */
static unsigned io_in_the_middle(const char *url, bool read)
{
	struct timespec until = {.tv_sec = INT32_MAX};
	uint8_t expected[LEN];
	struct hf3fs_iov iov;
	struct hf3fs_ior ior;
	struct hf3fs_cqe cqe;
	int fd = usrbio_open(path_of(url, "d/f"), O_RDWR, 0);
	struct usrbio_stat st;
	unsigned n = 0;

	if (fd < 0 || hf3fs_reg_fd(fd, 0) > 0 || hf3fs_iovcreate(&iov, url, MEMORY, 0, -1) ||
	    hf3fs_iorcreate(&ior, url, 4, read, 0, -1))
		return escaped("cannot begin");
	memset(iov.base, CANARY, MEMORY);
	memset(expected, CANARY, LEN);
	if (hf3fs_prep_io(&ior, &iov, read, iov.base + 8 * LEN, fd, 0, LEN, NULL) < 0 ||
	    hf3fs_submit_ios(&ior) || hf3fs_wait_for_ios(&ior, &cqe, 1, 1, &until) != 1)
		return escaped("no completion");
	/* What the server has sent since comes before the answer to this. */
	usrbio_stat(path_of(url, "d/f"), &st);
	if (cqe.result > (int64_t)LEN)
		n += escaped("a result that was not asked for");
	if (bytes_diff(iov.base, 8 * LEN, CANARY) >= 0 ||
	    bytes_diff(iov.base + 9 * LEN, 7 * LEN, CANARY) >= 0)
		n += escaped("memory beside the I/O has changed");
	if (!read && memcmp(iov.base + 8 * LEN, expected, LEN))
		n += escaped("memory that is being written from has changed");
	if (read && cqe.result > 0 && !memcmp(iov.base + 8 * LEN, "evil", 4))
		n += escaped("memory of an I/O that had ended has changed");
	hf3fs_iordestroy(&ior);
	hf3fs_iovdestroy(&iov);
	return n;
}

static unsigned read_in_the_middle(const char *url)
{
	return io_in_the_middle(url, true);
}

static unsigned write_in_the_middle(const char *url)
{
	return io_in_the_middle(url, false);
}

static unsigned stat_sizes(const char *url)
{
	struct usrbio_stat st;
	int err = usrbio_stat(path_of(url, "d/f"), &st);

	if (!err && (st.size > INT64_MAX || st.mode > 0177777))
		return escaped("attributes that no file has");
	return 0;
}

static unsigned claims(const char *url)
{
	int fd = open("file", O_RDONLY | O_CLOEXEC);

	if (hf3fs_is_hf3fs(fd))
		return escaped("a file of ours is the server's");
	if (hf3fs_reg_fd(fd, 0) != EBADF)
		return escaped("a file of ours was registered with it");
	return 0;
}

static unsigned calls_end(const char *url)
{
	struct usrbio_dir *dir;
	struct usrbio_stat st;
	uint64_t ns;

	if (usrbio_open(path_of(url, "d/f"), O_RDONLY, 0) >= 0)
		return escaped("opened what was never answered");
	if (!usrbio_stat(path_of(url, "d/f"), &st) || !usrbio_opendir(path_of(url, "d"), &dir) ||
	    !usrbio_mkdir(path_of(url, "new"), 0755))
		return escaped("done, without an answer");
	usrbio_ping(url, &ns);
	return 0;
}

/* The server's part. */

static void a_file(struct mock *mock, const struct outside_case *c)
{
	unsigned d = mock_dir(mock, 0, "d"), f = mock_file(mock, d, "f", "text\n");

	mock->nodes[f].size = c->number ? (uint64_t)c->number : LEN;
}

static void bad_names(struct mock *mock, const struct outside_case *c)
{
	static const char *const names[] = {"good", "../../secret", "",	 ".",
					    "..",   "a/b",	    "/", "/etc/passwd"};
	unsigned d = mock_dir(mock, 0, "d");

	mock_file(mock, d, names[c->number], "text\n");
}

/* Around the I/O, before and behind it, and where there is none. */
static bool write_around(struct mock_conn *conn, uint32_t op, const struct io_entry *io)
{
	static const int64_t off[] = {-1, LEN, -(int64_t)LEN, LEN - 1, 2 * LEN, INT64_MIN};

	mock_give(conn, io_tag(io), off[conn->mock->number], "evil", 4);
	mock_serve_io(conn, op, io);
	return true;
}

static bool write_elsewhere(struct mock_conn *conn, uint32_t op, const struct io_entry *io)
{
	mock_give(conn, io_tag(io) ^ (uint32_t)conn->mock->number, 0, "evil", 4);
	mock_serve_io(conn, op, io);
	return true;
}

static bool write_into_it(struct mock_conn *conn, uint32_t op, const struct io_entry *io)
{
	mock_give(conn, io_tag(io), 0, "evil", 4);
	mock_serve_io(conn, op, io);
	return true;
}

static bool fetch_from_it(struct mock_conn *conn, uint32_t op, const struct io_entry *io)
{
	mock_fetch(conn, io_tag(io), 0, 64, 0);
	mock_serve_io(conn, op, io);
	return true;
}

/* It ends, the program has its completion, and then its memory is written to. */
static bool note_tag(struct mock_conn *conn, uint32_t op, const struct io_entry *io)
{
	conn->mock->count = io_tag(io);
	return false;
}

static bool write_late(struct mock_conn *conn, const struct call *call, struct reply *reply)
{
	if (call->op == CALL_STAT && conn->mock->nr_ios)
		mock_give(conn, (uint32_t)conn->mock->count, 0, "evil", 4);
	return true;
}

static bool endless(struct mock_conn *conn, const struct call *call, struct reply *reply)
{
	static uint8_t names[8000];
	static uint32_t types[4000];

	if (call->op != CALL_READDIR)
		return true;
	for (size_t i = 0; i < 4000; i++) {
		names[2 * i] = 'n';
		types[i] = DT_REG;
	}
	*reply = (struct reply){.tag = reply->tag,
				.names = {names, sizeof(names)},
				.types = types,
				.nr_types = 4000,
				.next = call->off + 1};
	return true;
}

static bool never(struct mock_conn *conn, const struct call *call, struct reply *reply)
{
	return false;
}

static bool strange_attributes(struct mock_conn *conn, const struct call *call, struct reply *reply)
{
	reply->attr.mode = UINT32_MAX;
	reply->attr.size = UINT64_MAX;
	return true;
}

static void claim(struct mock *mock, struct welcome *welcome)
{
	welcome->host = usrbio_host();
}

#define NAME(title, which)                                                                 \
	{                                                                                  \
		.name = (title), .build = bad_names, .play = read_names, .number = (which) \
	}
#define AROUND(title, which)                                                   \
	{                                                                      \
		.name = (title), .build = a_file, .lie = {.io = write_around}, \
		.play = read_in_the_middle, .number = (which)                  \
	}

const struct outside_case outside_library[] = {
	NAME("library-name-good", 0),
	NAME("library-name-up", 1),
	NAME("library-name-empty", 2),
	NAME("library-name-dot", 3),
	NAME("library-name-dots", 4),
	NAME("library-name-slash", 5),
	NAME("library-name-root", 6),
	NAME("library-name-absolute", 7),
	AROUND("library-write-before", 0),
	AROUND("library-write-behind", 1),
	AROUND("library-write-far-before", 2),
	AROUND("library-write-across", 3),
	AROUND("library-write-far-behind", 4),
	AROUND("library-write-last", 5),
	{.name = "library-write-into-what-is-sent",
	 .build = a_file,
	 .lie = {.io = write_into_it},
	 .play = write_in_the_middle},
	{.name = "library-write-other-tag",
	 .build = a_file,
	 .lie = {.io = write_elsewhere},
	 .play = read_in_the_middle,
	 .number = 1},
	{.name = "library-write-old-tag",
	 .build = a_file,
	 .lie = {.io = write_elsewhere},
	 .play = read_in_the_middle,
	 .number = 1 << 14},
	{.name = "library-write-huge-tag",
	 .build = a_file,
	 .lie = {.io = write_elsewhere},
	 .play = read_in_the_middle,
	 .number = 0xffff0000},
	{.name = "library-fetch-what-is-read",
	 .build = a_file,
	 .lie = {.io = fetch_from_it},
	 .play = read_in_the_middle},
	{.name = "library-write-late",
	 .build = a_file,
	 .lie = {.io = note_tag, .call = write_late},
	 .play = read_in_the_middle},
	{.name = "library-listing-endless",
	 .build = a_file,
	 .lie = {.call = endless},
	 .play = read_names},
	{.name = "library-nothing-answered",
	 .build = a_file,
	 .lie = {.call = never},
	 .timeout_s = 1, /* each call ends by its own */
	 .play = calls_end},
	{.name = "library-strange-attributes",
	 .build = a_file,
	 .lie = {.call = strange_attributes},
	 .play = stat_sizes},
	{.name = "library-claims-our-host",
	 .build = a_file,
	 .lie = {.welcome = claim},
	 .play = claims},
	{NULL},
};
