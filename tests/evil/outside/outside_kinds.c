/* What a file is: modes, types that change, sizes, directories without a bottom, whose file it is.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/usrbio.h"
#include "tests/evil/outside/outside.h"

#define CP   "$T cp -r $U/d target"
#define CP_F "$T cp $U/d/f target/f"

/* d/f, of the case's mode, and d/sub/g. */
static void of_mode(struct mock *mock, const struct outside_case *c)
{
	unsigned d = mock_dir(mock, 0, "d"), sub;

	mock->nodes[mock_file(mock, d, "f", "text\n")].mode = S_IFREG | (uint32_t)c->number;
	sub = mock_dir(mock, d, "sub");
	mock->nodes[sub].mode = S_IFDIR | (uint32_t)c->number;
	mock_file(mock, sub, "g", "text\n");
}

static void of_size(struct mock *mock, const struct outside_case *c)
{
	unsigned d = mock_dir(mock, 0, "d");

	mock->nodes[mock_file(mock, d, "f", "text\n")].size = (uint64_t)c->number;
}

/* f is a file in the listing, and something else when it is asked about, opened, or both. */
static bool another_type(struct mock_conn *conn, const struct call *call, struct reply *reply)
{
	const struct node *node = mock_target(conn->mock, call);

	if (!reply->attr_valid || !node || strcmp(node->name, "f"))
		return true;
	reply->attr.mode = (uint32_t)conn->mock->number;
	return true;
}

static bool another_type_at_open(struct mock_conn *conn, const struct call *call,
				 struct reply *reply)
{
	return call->op != CALL_OPEN || another_type(conn, call, reply);
}

static bool another_type_at_stat(struct mock_conn *conn, const struct call *call,
				 struct reply *reply)
{
	return call->op != CALL_STAT || another_type(conn, call, reply);
}

static void a_file(struct mock *mock, const struct outside_case *c)
{
	mock_file(mock, mock_dir(mock, 0, "d"), "f", "text\n");
}

/* d/f is a directory for who lists it. */
static void a_directory(struct mock *mock, const struct outside_case *c)
{
	unsigned d = mock_dir(mock, 0, "d"), f = mock_dir(mock, d, "f");

	mock_file(mock, f, "g", "text\n");
}

/* Every directory has one below it, a fresh one or the same again. */
static bool one_below(struct mock_conn *conn, const struct call *call, struct reply *reply)
{
	static const uint32_t dir[] = {4};
	struct mock *mock = conn->mock;
	bool is_root = call->path.len && mock_names(call, "keep");

	if (is_root)
		return true;
	if (call->op == CALL_OPEN || call->op == CALL_STAT) {
		reply->status = 0;
		reply->file = 4; /* d */
		reply->attr_valid = 1;
		reply->attr = (struct file_attr){.mode = S_IFDIR | 0755,
						 .nlink = 2,
						 .dev = MOCK_DEV,
						 .ino = mock->number ? 7 : 1000 + mock->count++};
	} else if (call->op == CALL_READDIR) {
		*reply = (struct reply){.tag = reply->tag,
					.names = {(const uint8_t *)"s", 2},
					.types = dir,
					.nr_types = 1};
	} else if (call->op == CALL_UNLINK) {
		reply->status = -EISDIR;
	} else if (call->op == CALL_RMDIR) {
		reply->status = -ENOTEMPTY;
	}
	return true;
}

static void a_dir(struct mock *mock, const struct outside_case *c)
{
	mock_dir(mock, 0, "d");
}

/* All files are one, by their number, or have none. */
static bool one_number(struct mock_conn *conn, const struct call *call, struct reply *reply)
{
	reply->attr.ino = (uint64_t)conn->mock->number;
	return true;
}

static void two_files(struct mock *mock, const struct outside_case *c)
{
	unsigned d = mock_dir(mock, 0, "d");

	mock_file(mock, d, "a", "first\n");
	mock_file(mock, d, "b", "second\n");
}

/* The server says that its files are ours: a refusal at most, and ours stay as they are. */
static void claim_host(struct mock *mock, struct welcome *welcome)
{
	welcome->host = usrbio_host();
}

static bool claim_file(struct mock_conn *conn, const struct call *call, struct reply *reply)
{
	struct stat st;

	if (reply->attr_valid && S_ISREG(reply->attr.mode) && !stat(conn->mock->arg, &st)) {
		reply->attr.dev = st.st_dev;
		reply->attr.ino = st.st_ino;
	}
	return true;
}

static void file_to_claim(struct mock *mock, const struct outside_case *c)
{
	FILE *f = fopen("target/f", "we");

	if (!f || fputs("ours\n", f) < 0 || fclose(f))
		_exit(4);
	a_file(mock, c);
}

static const char *content_is(const char *path, const char *wanted)
{
	char text[64] = "";
	FILE *f = fopen(path, "re");

	if (!f || (!fgets(text, sizeof(text), f) && *wanted) || strcmp(text, wanted))
		return "a file of ours is not what it was";
	fclose(f);
	return NULL;
}

static const char *ours_is_whole(struct mock *mock)
{
	return content_is("target/f", "ours\n");
}

static const char *tree_is_whole(struct mock *mock)
{
	return content_is("tree/a", "first\n");
}

/* Of what is not there: nothing of it may stand under its name. */
static const char *no_f(struct mock *mock)
{
	return access("target/f", F_OK) ? NULL : "a file that was not copied is there";
}

static bool our_ancestors(struct mock_conn *conn, const struct call *call, struct reply *reply)
{
	static uint64_t ids[2 * ANCESTORS_MAX];
	struct stat st;

	if (call->op != CALL_ANCESTORS || stat("tree", &st))
		return true;
	for (size_t i = 0; i < ANCESTORS_MAX; i++) {
		ids[2 * i] = conn->mock->number ? MOCK_DEV : st.st_dev;
		ids[2 * i + 1] = conn->mock->number ? 1000 + i : st.st_ino;
	}
	reply->status = 0;
	reply->ids = ids;
	reply->nr_ids = ANCESTORS_MAX;
	return true;
}

static bool many_ancestors(struct mock_conn *conn, const struct call *call, struct reply *reply)
{
	static uint64_t ids[1000];

	if (call->op == CALL_ANCESTORS) {
		reply->status = 0;
		reply->ids = ids;
		reply->nr_ids = 500;
	}
	return true;
}

static const char *has_d(struct mock *mock)
{
	return access("target/d/f", F_OK) || access("target/d/sub/g", F_OK) ? "it was not copied"
									    : NULL;
}

#define MODE(title, bits, what, end)                                                              \
	{                                                                                         \
		.name = (title), .build = of_mode, .run = CP, .number = (bits), .verdict = (end), \
		.check = (what)                                                                   \
	}
#define TYPE(title, before, hook, type, command)                                               \
	{                                                                                      \
		.name = (title), .build = (before), .lie = {.call = (hook)}, .run = (command), \
		.verdict = EITHER, .number = (type)                                            \
	}

const struct outside_case outside_kinds[] = {
	MODE("mode-set-uid", 04755, has_d, WELL),
	MODE("mode-set-gid", 02755, has_d, WELL),
	MODE("mode-sticky", 01777, has_d, WELL),
	MODE("mode-all", 07777, has_d, WELL),
	MODE("mode-none", 0, NULL, EITHER),
	{.name = "mode-strange",
	 .build = a_file,
	 .lie = {.call = another_type},
	 .run = CP,
	 .verdict = FAILS,
	 .number = 0xffffffff},

	TYPE("type-file-is-a-directory", a_file, another_type, S_IFDIR | 0755, CP),
	TYPE("type-file-opens-as-a-directory", a_file, another_type_at_open, S_IFDIR | 0755, CP),
	TYPE("type-file-is-a-directory-at-stat", a_file, another_type_at_stat, S_IFDIR | 0755, CP),
	TYPE("type-file-is-a-link", a_file, another_type, S_IFLNK | 0777, CP),
	TYPE("type-file-is-a-device", a_file, another_type, S_IFCHR | 0666, CP_F),
	TYPE("type-file-is-a-fifo", a_file, another_type_at_open, S_IFIFO | 0666, CP),
	TYPE("type-directory-is-a-file", a_directory, another_type, S_IFREG | 0644, CP),
	TYPE("type-directory-opens-as-a-file", a_directory, another_type_at_open, S_IFREG | 0644,
	     CP),
	TYPE("type-directory-is-a-file-rm", a_directory, another_type, S_IFREG | 0644,
	     "$T rm -r $U/d"),
	TYPE("type-directory-is-a-link-rm", a_directory, another_type, S_IFLNK | 0777,
	     "$T rm -r $U/d"),

	{.name = "depth-endless-cp",
	 .build = a_dir,
	 .lie = {.call = one_below},
	 .run = "$T cp -r --no-sync $U/d target",
	 .verdict = FAILS},
	{.name = "depth-circle-cp",
	 .build = a_dir,
	 .lie = {.call = one_below},
	 .run = CP,
	 .verdict = FAILS,
	 .number = 1},
	{.name = "depth-endless-rm",
	 .build = a_dir,
	 .lie = {.call = one_below},
	 .run = "$T rm -r $U/d",
	 .verdict = FAILS},
	{.name = "depth-circle-rm",
	 .build = a_dir,
	 .lie = {.call = one_below},
	 .run = "$T rm -r $U/d",
	 .verdict = FAILS,
	 .number = 1},

	{.name = "depth-endless-ls",
	 .build = a_dir,
	 .lie = {.call = one_below},
	 .run = "$T ls -R $U/d",
	 .verdict = FAILS},
	{.name = "depth-endless-find",
	 .build = a_dir,
	 .lie = {.call = one_below},
	 .run = "$T find $U/d >target/out",
	 .verdict = FAILS},
	{.name = "depth-circle-ls",
	 .build = a_dir,
	 .lie = {.call = one_below},
	 .run = "$T ls -R $U/d",
	 .verdict = FAILS,
	 .number = 1},

	{.name = "number-zero",
	 .build = two_files,
	 .lie = {.call = one_number},
	 .run = CP,
	 .verdict = EITHER},
	{.name = "number-same",
	 .build = two_files,
	 .lie = {.call = one_number},
	 .run = CP,
	 .verdict = EITHER,
	 .number = 1234},
	{.name = "number-same-cp-a",
	 .build = two_files,
	 .lie = {.call = one_number},
	 .run = "$T cp -a $U/d target",
	 .verdict = EITHER,
	 .number = 1234},
	{.name = "claims-our-file-sync",
	 .build = file_to_claim,
	 .lie = {.welcome = claim_host, .call = claim_file},
	 .run = "$T sync $U/d target",
	 .verdict = EITHER,
	 .check = ours_is_whole,
	 .arg = "target/f"},
	{.name = "depth-endless-sync",
	 .build = a_dir,
	 .lie = {.call = one_below},
	 .run = "$T sync $U/d target 2>/dev/null",
	 .verdict = FAILS},
	{.name = "claims-our-file-download",
	 .build = file_to_claim,
	 .lie = {.welcome = claim_host, .call = claim_file},
	 .run = CP_F,
	 .verdict = FAILS,
	 .check = ours_is_whole,
	 .arg = "target/f"},
	{.name = "claims-our-file-upload",
	 .build = a_file,
	 .lie = {.welcome = claim_host, .call = claim_file},
	 .run = "$T cp tree/a $U/d/f",
	 .verdict = FAILS,
	 .check = tree_is_whole,
	 .arg = "tree/a"},
	{.name = "claims-our-file-mv",
	 .build = file_to_claim,
	 .lie = {.welcome = claim_host, .call = claim_file},
	 .run = "$T mv $U/d/f $U/d/g",
	 .verdict = WELL,
	 .check = ours_is_whole,
	 .arg = "target/f"},
	{.name = "claims-our-directory-upload",
	 .build = a_dir,
	 .lie = {.welcome = claim_host, .call = our_ancestors},
	 .run = "$T cp -r tree $U/d",
	 .verdict = EITHER,
	 .check = tree_is_whole},
	{.name = "ancestors-without-end",
	 .build = a_dir,
	 .lie = {.call = our_ancestors},
	 .run = "$T cp -r tree $U/d",
	 .verdict = EITHER,
	 .check = tree_is_whole,
	 .number = 1},
	{.name = "ancestors-too-many",
	 .build = a_dir,
	 .lie = {.call = many_ancestors},
	 .run = "$T cp -r tree $U/d",
	 .verdict = EITHER,
	 .check = tree_is_whole},

	{.name = "size-2^63-1",
	 .build = of_size,
	 .run = "$T stat $U/d/f",
	 .verdict = WELL,
	 .number = INT64_MAX},
	{.name = "size-2^63-1-ls",
	 .build = of_size,
	 .run = "$T ls -l $U/d",
	 .verdict = WELL,
	 .number = INT64_MAX},
	{.name = "size-negative-stat",
	 .build = of_size,
	 .run = "$T stat $U/d/f",
	 .verdict = EITHER,
	 .number = -1},
	{.name = "size-negative-cp",
	 .build = of_size,
	 .run = CP_F,
	 .verdict = FAILS,
	 .number = -1,
	 .check = no_f},
	{NULL},
};
