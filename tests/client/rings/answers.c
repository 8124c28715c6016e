/*
 * A server that lies in its answers to calls: the call ends with -EPROTO and is not asked again,
 * the connection ends, and the next call is served. And listings without an end: they have one.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "client/usrbio.h"
#include "rig.h"

static struct playserver server;
static struct reply lie; /* what is said to calls of this op, from `lies` on that many times */
static uint32_t lie_op;
static unsigned nr_asked; /* calls of that op */
static char long_name[300];
static uint32_t types[8192];

static void tell(struct playserver *s, const struct call *call, struct reply *reply)
{
	uint32_t tag = reply->tag;

	reply->attr.mode = S_IFDIR | 0700;
	if (call->op == CALL_READDIR || call->op == CALL_ANCESTORS)
		reply->file = reply->attr_valid = 0;
	if (call->op != lie_op)
		return;
	nr_asked++;
	*reply = lie;
	reply->tag = tag;
}

static void set_up(void)
{
	memset(&server, 0, sizeof(server));
	lie_op = nr_asked = 0;
	server.tell = tell;
	memset(long_name, 'n', sizeof(long_name));
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		types[i] = 8;
	play_start(&server);
}

static void tear_down(void)
{
	play_stop(&server);
}

TestSuite(answers, .init = set_up, .fini = tear_down);

static const char *url(void)
{
	static char name[100];

	snprintf(name, sizeof(name), "%s/d", server.mount);
	return name;
}

/* All of a listing: how many, or -errno. */
static int64_t list(void)
{
	struct usrbio_dirent entry;
	struct usrbio_dir *dir;
	int64_t n = 0;
	int more = usrbio_opendir(url(), &dir);

	if (more)
		return more;
	while ((more = usrbio_readdir(dir, &entry)) > 0)
		n++;
	usrbio_closedir(dir);
	return more ? more : n;
}

/* Two paths at once: how many have attributes, or the error that both have. */
static int stats(void)
{
	const char *const paths[] = {url(), url()};
	struct usrbio_stat attrs[2];
	int errs[2], n = usrbio_stats(paths, 2, 0, attrs, errs);

	cr_assert(n > 0 || (!attrs[0].mode && !attrs[1].mode && errs[0] == errs[1]));
	return n ? n : errs[0];
}

static int ask(uint32_t op, int fd)
{
	struct usrbio_stat st;
	struct usrbio_id id;
	struct statvfs fs;
	char target[16];

	switch (op) {
	case CALL_READDIR:
		return (int)list();
	case CALL_STAT:
		return usrbio_stat(url(), &st);
	case CALL_OPEN:
		return usrbio_open(url(), O_RDONLY, 0);
	case CALL_SEEK:
		return (int)usrbio_seek(fd, 1000, SEEK_DATA);
	case CALL_ANCESTORS:
		return usrbio_ancestors(fd, &id, 1);
	case CALL_UNLINK:
		return usrbio_unlink(url());
	case CALL_READLINK:
		return usrbio_readlink(url(), target, sizeof(target));
	case CALL_STATS:
		return stats();
	case CALL_STATFS:
		return usrbio_statfs(url(), &fs);
	case CALL_LISTXATTR:
		return usrbio_listxattr(url(), target, sizeof(target));
	case CALL_GETXATTR:
		return usrbio_getxattr(url(), "user.a", target, sizeof(target));
	default:
		return -ENOSYS;
	}
}

/* So many times it is asked, then it ends, and so has the connection. */
static void expect_lie(const char *what, unsigned asked)
{
	uint32_t op = lie_op;
	unsigned before;
	int fd, err;

	lie_op = 0;
	fd = usrbio_open(url(), O_RDONLY, 0);
	cr_assert_geq(fd, 0);
	before = atomic_load(&server.nr_welcomes);
	lie_op = op;
	nr_asked = 0;
	err = ask(op, fd);
	cr_expect_eq(err, -EPROTO, "%s: %s", what, strerror(-err));
	lie_op = 0;
	cr_expect_eq(usrbio_unlink(url()), 0, "%s", what);
	cr_expect_eq(nr_asked, asked, "%s: asked %u times", what, nr_asked);
	cr_expect_gt(atomic_load(&server.nr_welcomes), before, "%s", what);
	usrbio_close(fd);
}

static void name_is(const void *names, size_t len, size_t n)
{
	lie = (struct reply){.names = {names, len}, .nr_types = n, .types = types};
	lie_op = CALL_READDIR;
}

Test(answers, names_that_are_none)
{
	static const char *const bad[] = {
		"",   "/",  ".",  "..",	 "a/b", "../../.bashrc", "/etc/passwd",
		"x/", "//", "./", "../", "a/.."};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char names[64];
		int len = snprintf(names, sizeof(names), "good%c%s%clast", 0, bad[i], 0) + 1;

		name_is(names, (size_t)len, 3);
		expect_lie(bad[i], 1);
	}
	long_name[256] = 0;
	name_is(long_name, 257, 1);
	expect_lie("a name of 256 bytes", 1);
	types[0] = 256;
	name_is("a", 2, 1);
	expect_lie("a type of 256", 1);
}

Test(answers, names_that_look_like_it)
{
	char names[300];
	int len = snprintf(names, sizeof(names), "...%c..a%ca..%c \\ %c", 0, 0, 0, 0);

	long_name[255] = 0;
	memcpy(names + len, long_name, 256);
	name_is(names, (size_t)len + 256, 5);
	cr_assert_eq(list(), 5);
	cr_assert_eq(atomic_load(&server.nr_welcomes), 1);
}

/* Whose answer that was cannot be read out of it: whoever was under way too often gets the blame.
 */
Test(answers, names_that_do_not_fit_their_number)
{
	name_is("a\0b", 4, 1);
	expect_lie("two names for a type", 3);
	name_is("a\0b", 4, 3);
	expect_lie("a name for two types", 3);
	name_is("a\0b", 3, 2);
	expect_lie("no zero at the end", 3);
}

Test(answers, what_nobody_asked_for)
{
	static const uint64_t numbers[4];

	name_is("a", 2, 1);
	lie.attr_valid = 1;
	lie_op = CALL_STAT;
	expect_lie("names of a file", 1);
	lie_op = CALL_UNLINK;
	expect_lie("names of nothing", 1);
	name_is("a", 2, 1);
	lie.counts_width = 4;
	lie.nr_counts = 4;
	lie.counts = numbers;
	expect_lie("counters in a listing", 1);
	lie = (struct reply){.attr_valid = 1, .nr_ids = 2, .ids = numbers};
	lie_op = CALL_STAT;
	expect_lie("ancestors of a file", 1);
	lie = (struct reply){.attr_valid = 1, .value = {(const uint8_t *)"x", 1}};
	lie_op = CALL_STAT;
	expect_lie("an attribute of a file", 1);
	lie = (struct reply){.attr_valid = 1, .nr_fs = 4, .fs = numbers};
	lie_op = CALL_STAT;
	expect_lie("a file system of a file", 1);
	lie = (struct reply){.attr_valid = 1, .target = {(const uint8_t *)"x", 1}};
	lie_op = CALL_STAT;
	expect_lie("a symbolic link of a file", 1);
}

Test(answers, attributes_that_no_file_has)
{
	static const struct {
		const char *what;
		uint32_t valid;
		struct file_attr attr;
	} bad[] = {
		{"none", 0, {.mode = S_IFREG}},
		{"size", 1, {.mode = S_IFREG, .size = 1ull << 63}},
		{"blocks", 1, {.mode = S_IFREG, .blocks = UINT64_MAX}},
		{"mode", 1, {.mode = 0200000}},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		lie = (struct reply){.file = 7, .attr_valid = bad[i].valid, .attr = bad[i].attr};
		lie_op = CALL_STAT;
		expect_lie(bad[i].what, 1);
		lie_op = CALL_OPEN;
		expect_lie(bad[i].what, 1);
	}
	lie = (struct reply){.attr_valid = 1, .attr = {.mode = S_IFREG}};
	lie_op = CALL_OPEN;
	expect_lie("handle 0", 1);
	/* Odd, and nobody's business. */
	lie = (struct reply){.attr_valid = 1,
			     .attr = {.mode = 0177777, .size = INT64_MAX, .mtime_ns = INT64_MIN}};
	lie_op = CALL_STAT;
	cr_assert_eq(ask(CALL_STAT, -1), 0);
}

Test(answers, places_and_directories)
{
	lie = (struct reply){.next = 999};
	lie_op = CALL_SEEK;
	expect_lie("back", 1);
	lie.next = 1ull << 63;
	lie_op = CALL_SEEK;
	expect_lie("too far", 1);
	lie = (struct reply){0};
	lie_op = CALL_ANCESTORS;
	expect_lie("nothing", 1);
	lie_op = CALL_READLINK;
	expect_lie("a link to nothing", 1);
	lie_op = CALL_READLINK;
	lie.target = (struct bytes){(const uint8_t *)long_name, 16};
	cr_assert_eq(ask(CALL_READLINK, -1), -ERANGE);
	lie.target.len = 15;
	cr_assert_eq(ask(CALL_READLINK, -1), 15);
	lie.target = (struct bytes){(const uint8_t *)"a\0b", 3};
	lie_op = CALL_READLINK;
	expect_lie("a link with a zero byte", 3);
}

Test(answers, many_attributes)
{
	static struct attr_row rows[3];

	lie_op = CALL_STATS;
	lie = (struct reply){.attrs = rows};
	expect_lie("no rows", 1);
	lie_op = CALL_STATS;
	lie.nr_attrs = 1;
	expect_lie("a row for two paths", 1);
	lie_op = CALL_STATS;
	lie.nr_attrs = 3;
	expect_lie("three rows for two paths", 1);
	lie.nr_attrs = 2;
	rows[1].size = 1ull << 63;
	lie_op = CALL_STATS;
	expect_lie("a size that no file has", 1);
	rows[1] = (struct attr_row){.kind = 0200000};
	lie_op = CALL_STATS;
	expect_lie("a mode that no file has", 1);
	/* Of a path without attributes they are not looked at. */
	rows[1].status = -ENOENT;
	lie_op = CALL_STATS;
	cr_assert_eq(ask(CALL_STATS, -1), 1);
	lie = (struct reply){.attr_valid = 1, .nr_attrs = 1, .attrs = rows};
	lie_op = CALL_STAT;
	expect_lie("rows of a file", 1);
}

Test(answers, file_systems)
{
	static uint64_t numbers[FS_NUMBERS_MAX + 1];

	numbers[FS_BLOCK_SIZE] = 1;
	lie_op = CALL_STATFS;
	lie = (struct reply){.fs = numbers};
	expect_lie("no numbers", 1);
	lie_op = CALL_STATFS;
	lie.nr_fs = NR_FS_NUMBERS - 1;
	expect_lie("too few numbers", 1);
	lie_op = CALL_STATFS;
	lie.nr_fs = FS_NUMBERS_MAX + 1;
	expect_lie("too many numbers", 3);
	/* Those of later versions are not looked at. */
	lie_op = CALL_STATFS;
	lie.nr_fs = FS_NUMBERS_MAX;
	cr_assert_eq(ask(CALL_STATFS, -1), 0);
	numbers[FS_BLOCK_SIZE] = 0;
	expect_lie("blocks of no bytes", 1);
}

static void attributes_are(const void *value, size_t len)
{
	lie = (struct reply){.value = {value, len}};
	lie_op = CALL_LISTXATTR;
}

Test(answers, names_of_attributes)
{
	static const char *const bad[] = {"",
					  "user.",
					  "security.selinux",
					  "trusted.a",
					  "user",
					  "system.posix_acl",
					  "system.posix_acl_access."};
	static uint8_t huge[XATTR_VALUE_MAX + 1];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		attributes_are(bad[i], strlen(bad[i]) + 1);
		expect_lie(bad[i], 1);
	}
	attributes_are("user.a\0user.b", 13);
	expect_lie("no zero at the end", 1);
	memcpy(long_name, "user.", 5);
	long_name[256] = 0;
	attributes_are(long_name, 257);
	expect_lie("a name of 256 bytes", 1);
	attributes_are(huge, sizeof(huge));
	expect_lie("a list that is too long", 3);
	attributes_are("user.a\0user./", 14);
	cr_assert_eq(ask(CALL_LISTXATTR, -1), 14);
	attributes_are("user.a\0user.\xff\x1b", 15);
	cr_assert_eq(ask(CALL_LISTXATTR, -1), 15);
	attributes_are("user.abcdefghijkl", 18);
	cr_assert_eq(ask(CALL_LISTXATTR, -1), -ERANGE);
	/* A value is any bytes. */
	lie_op = CALL_GETXATTR;
	cr_assert_eq(ask(CALL_GETXATTR, -1), -ERANGE);
	lie.value.len = 0;
	cr_assert_eq(ask(CALL_GETXATTR, -1), 0);
}

/* Full answers for ever: each place is new. */
static void on_and_on(struct playserver *s, const struct call *call, struct reply *reply)
{
	static uint8_t names[8192];
	bool counters = call->op == CALL_COUNTERS;

	if (call->op != CALL_READDIR && !counters)
		return;
	nr_asked++;
	for (size_t i = 0; i < sizeof(names); i += 2)
		names[i] = 'n';
	for (size_t i = 0; i < sizeof(names) / 2; i++)
		types[i] = COUNTED_WORKER; /* or a kind of file */
	*reply = (struct reply){.tag = reply->tag,
				.names = {names, sizeof(names)},
				.nr_types = sizeof(names) / 2,
				.types = types,
				.next = call->off + 1};
}

Test(answers, a_listing_without_end)
{
	server.tell = on_and_on;
	cr_assert_eq(list(), -EOVERFLOW);
	cr_assert_eq(nr_asked, LISTING_MAX / 4096 + 1);
}

static uint64_t circle[8];
static uint64_t in_circle;

static void round_and_round(struct playserver *s, const struct call *call, struct reply *reply)
{
	if (call->op != CALL_READDIR)
		return;
	nr_asked++;
	*reply = (struct reply){.tag = reply->tag,
				.names = {(const uint8_t *)"a", 2},
				.nr_types = 1,
				.types = types};
	if (!in_circle) /* none: at the same place for ever */
		reply->next = 5;
	else
		reply->next = circle[nr_asked % in_circle];
}

Test(answers, a_listing_that_goes_round)
{
	server.tell = round_and_round;
	for (uint64_t i = 0; i < 8; i++)
		circle[i] = 1000 - i * 100 % 300;
	for (in_circle = 0; in_circle <= 8; in_circle++) {
		for (uint64_t i = 0; i < 8; i++)
			circle[i] = (i * 7919 + 3) % 1000 + 1;
		nr_asked = 0;
		cr_assert_eq(list(), -EPROTO, "%d", (int)in_circle);
		cr_assert_lt(nr_asked, 40);
	}
}

static void nothing_again(struct playserver *s, const struct call *call, struct reply *reply)
{
	if (call->op != CALL_READDIR)
		return;
	*reply = (struct reply){.tag = reply->tag, .next = ++nr_asked};
}

Test(answers, a_listing_of_nothing)
{
	server.tell = nothing_again;
	cr_assert_eq(list(), -EPROTO);
	cr_assert_eq(nr_asked, LISTING_EMPTY_MAX + 1);
}

/* Down, as tmpfs counts, and with holes in between. */
static void down(struct playserver *s, const struct call *call, struct reply *reply)
{
	uint64_t next = call->off ? call->off - 1 : 100;

	if (call->op != CALL_READDIR)
		return;
	*reply = (struct reply){.tag = reply->tag, .next = next};
	if (next % 10)
		return;
	reply->names = (struct bytes){(const uint8_t *)"a", 2};
	reply->nr_types = 1;
	reply->types = types;
}

Test(answers, a_listing_that_counts_down)
{
	server.tell = down;
	cr_assert_eq(list(), 11);
}

static void count_rows(void *arg, const struct usrbio_server_counters *row)
{
	(*(uint64_t *)arg)++;
}

static void more_counters(struct playserver *s, struct play_conn *conn, const struct call *call)
{
	struct message msg = {.type = MSG_REPLY, .reply = {.tag = call->tag}};

	on_and_on(s, call, &msg.reply);
	play_send(s, conn, &msg);
}

Test(answers, counters_without_end)
{
	uint64_t rows = 0;

	server.counters = more_counters;
	cr_assert_eq(usrbio_server_counters(server.mount, count_rows, &rows), -EOVERFLOW);
	cr_assert_eq(nr_asked, LISTING_MAX / 4096 + 1);
	cr_assert_eq(rows, 4096ull * nr_asked);
}
