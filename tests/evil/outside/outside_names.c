/* Names in listings that are none, or not what they seem, and listings that do not add up. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/evil/outside/outside.h"

#define EVIL "written by an evil server\n"

/* d: "a", the name, "z". In it, if it is a directory, a file "file". */
static void bad_name(struct mock *mock, const struct outside_case *c)
{
	unsigned d = mock_dir(mock, 0, "d"), bad;

	mock_file(mock, d, "a", "first\n");
	bad = mock_node(mock, d, c->arg, c->len, (uint32_t)c->number);
	mock->nodes[bad].data = (uint8_t *)strdup(EVIL);
	mock->nodes[bad].size = mock->nodes[bad].stored = strlen(EVIL);
	if (S_ISDIR(c->number))
		mock_file(mock, bad, "file", EVIL);
	mock_file(mock, d, "z", "last\n");
}

static bool leads_out(struct bytes path)
{
	const char *text = (const char *)path.data;

	return path.len && (*text == '/' || !strncmp(text, "..", 2) || strstr(text, "/.."));
}

/* Whatever a client asks for is there; and no honest client would ask for all of it. */
static bool serve_anything(struct mock_conn *conn, const struct call *call, struct reply *reply)
{
	if (leads_out(call->path) || leads_out(call->path2))
		atomic_fetch_add(&conn->mock->nr_escapes, 1);
	if (reply->status != -ENOENT || call->op == CALL_RENAME)
		return true;
	reply->status = 0;
	if (call->op == CALL_OPEN || call->op == CALL_STAT) {
		reply->file = 5; /* "a" */
		reply->attr_valid = 1;
		reply->attr = (struct file_attr){.mode = S_IFREG | 0644, .nlink = 1, .size = 6};
	}
	return true;
}

static void two_of_a_name(struct mock *mock, const struct outside_case *c)
{
	unsigned d = mock_dir(mock, 0, "d"), sub;

	mock_file(mock, d, "same", "first\n");
	mock_file(mock, d, "same", "second\n");
	sub = mock_dir(mock, d, "same");
	mock_file(mock, sub, "file", EVIL);
}

static void leading_out(struct mock *mock, unsigned parent, const char *name)
{
	struct node *node = &mock->nodes[mock_node(mock, parent, name, 1, S_IFLNK | 0777)];

	node->data = (uint8_t *)strdup("../../dir");
	node->size = node->stored = strlen("../../dir");
}

/* A link to outside, and a directory of that name with what would go there. */
static void link_and_directory(struct mock *mock, const struct outside_case *c)
{
	unsigned d = mock_dir(mock, 0, "d"), sub;

	leading_out(mock, d, "x");
	sub = mock_dir(mock, d, "x");
	mock_file(mock, sub, "secret", EVIL);
}

/* One that is there already leads out: what is copied into it must not. */
static void target_has_a_link(struct mock *mock, const struct outside_case *c)
{
	unsigned d = mock_dir(mock, 0, "d"), sub = mock_dir(mock, d, "x");

	mock_file(mock, sub, "file", EVIL);
	if (symlink("../../dir", "target/x"))
		_exit(4);
}

static void some_files(struct mock *mock, const struct outside_case *c)
{
	unsigned d = mock_dir(mock, 0, "d");

	mock_file(mock, d, "a", "first\n");
	mock_file(mock, d, "b", "second\n");
	mock_file(mock, d, "c", "third\n");
}

/* Files, and one in the target that the server does not have. */
static void target_has_more(struct mock *mock, const struct outside_case *c)
{
	FILE *f = fopen("target/ours", "we");

	if (!f || fputs("ours\n", f) < 0 || fclose(f))
		_exit(4);
	some_files(mock, c);
}

static const char *ours_stays(struct mock *mock)
{
	return access("target/ours", F_OK) ? "a file was deleted after an error" : NULL;
}

/* What a mirror replaces is the link itself. */
static const char *no_link(struct mock *mock)
{
	return access("target/x/file", F_OK) ? "what was copied is not there"
	       : unlink("target/x")	     ? NULL
					     : "the link is still there";
}

/* The link itself may be there: nothing follows it. */
static const char *a_link_at_most(struct mock *mock)
{
	unlink("target/d/x");
	unlink("target/x");
	return NULL;
}

static const char *unlink_the_link(struct mock *mock)
{
	return unlink("target/x") ? "the link is gone" : NULL;
}

/* A listing with something wrong. */
static bool wrong_listing(struct mock_conn *conn, const struct call *call, struct reply *reply)
{
	static uint8_t names[16000];
	static uint32_t types[4000];
	uint64_t count = conn->mock->count++;

	if (call->op != CALL_READDIR || reply->status)
		return true;
	switch (conn->mock->number) {
	case 0: /* more types than names */
		memcpy(types, reply->types, reply->nr_types * sizeof(*types));
		types[reply->nr_types] = 8;
		reply->types = types;
		reply->nr_types++;
		break;
	case 1: /* fewer */
		reply->nr_types--;
		break;
	case 2: /* the last one without an end */
		reply->names.len--;
		break;
	case 3: /* it stands still */
		reply->next = call->off ? call->off : 1;
		break;
	case 4: /* and goes back */
		reply->next = call->off == 2 ? 1 : 2;
		break;
	case 5: /* nothing, again and again */
		reply->names.len = reply->nr_types = 0;
		reply->next = count + 1;
		break;
	case 6: /* names without an end */
		memset(names, 0, sizeof(names));
		reply->names = (struct bytes){names, 0};
		for (reply->nr_types = 0; reply->nr_types < 1000; reply->nr_types++) {
			types[reply->nr_types] = 8;
			reply->names.len +=
				1 + (size_t)sprintf((char *)names + reply->names.len, "%llx%03x",
						    (unsigned long long)count,
						    (unsigned)reply->nr_types);
		}
		reply->types = types;
		reply->next = count + 1;
		break;
	case 7: /* types that are none */
		for (size_t i = 0; i < reply->nr_types; i++)
			types[i] = 0xffffff00 + 8;
		reply->types = types;
		break;
	}
	return true;
}

#define NAME(text, mode) .arg = (text), .len = sizeof(text) - 1, .number = (mode)
#define N16		 "nnnnnnnnnnnnnnnn"
#define N256		 N16 N16 N16 N16 N16 N16 N16 N16 N16 N16 N16 N16 N16 N16 N16 N16
#define FILE_		 (S_IFREG | 0644)
#define DIR_		 (S_IFDIR | 0755)
#define CP		 "$T cp -r $U/d target"
#define SYNC		 "$T sync $U/d target"

#define BAD(title, text, mode, command)                                              \
	{                                                                            \
		.name = (title), .build = bad_name, .lie = {.call = serve_anything}, \
		.run = (command), .verdict = FAILS, NAME(text, mode)                 \
	}
#define LISTING(title, which, command)                                                \
	{                                                                             \
		.name = (title), .build = some_files, .lie = {.call = wrong_listing}, \
		.run = (command), .verdict = FAILS, .number = (which)                 \
	}

const struct outside_case outside_names[] = {
	BAD("name-up-cp", "../../secret", FILE_, CP),
	BAD("name-up-new-cp", "../../evil", FILE_, CP),
	BAD("name-up-directory-cp", "../../dir", DIR_, CP),
	BAD("name-up-ls", "../../secret", FILE_, "$T ls -l $U/d"),
	BAD("name-up-rm", "../keep/file", FILE_, "$T rm -r $U/d"),
	BAD("name-up-directory-rm", "../keep", DIR_, "$T rm -r $U/d"),
	BAD("name-up-chmod", "../keep", DIR_, "$T chmod -R 0 $U/d"),
	BAD("name-dots-find", "..", DIR_, "$T find $U/d"),
	BAD("name-empty-du", "", DIR_, "$T du $U/d"),
	BAD("name-slash-cp", "sub/file", FILE_, CP),
	BAD("name-slash-rm", "sub/file", FILE_, "$T rm -r $U/d"),
	BAD("name-absolute-cp", "/tmp/usrbio-outside-evil", FILE_, CP),
	BAD("name-absolute-rm", "/keep/file", FILE_, "$T rm -r $U/d"),
	BAD("name-empty-cp", "", FILE_, CP),
	BAD("name-empty-directory-rm", "", DIR_, "$T rm -r $U/d"),
	BAD("name-dot-directory-cp", ".", DIR_, CP),
	BAD("name-dots-directory-cp", "..", DIR_, CP),
	BAD("name-dots-directory-rm", "..", DIR_, "$T rm -r $U/d"),
	BAD("name-zero-cp", "f\0/../../../secret", FILE_, CP),
	BAD("name-zero-ls", "f\0g", FILE_, "$T ls $U/d"),
	BAD("name-256-cp", N256, FILE_, CP),
	BAD("name-4096-ls", N256 N256 N256 N256, FILE_, "$T ls $U/d"),
	{.name = "name-escape-ls",
	 .build = bad_name,
	 .run = "$T ls -l $U/d",
	 .terminal = true,
	 NAME("\33]0;evil\7\33[31mred", FILE_)},
	{.name = "name-c1-ls",
	 .build = bad_name,
	 .run = "$T ls $U/d",
	 .terminal = true,
	 NAME("\302\23331mred\302\235", FILE_)},
	{.name = "name-newline-ls",
	 .build = bad_name,
	 .run = "$T ls $U/d",
	 .terminal = true,
	 NAME("a\nb\rc", FILE_)},
	{.name = "name-raw-c1-ls",
	 .build = bad_name,
	 .run = "$T ls $U/d",
	 .terminal = true,
	 NAME("\23331mred", FILE_)},
	{.name = "name-escape-find",
	 .build = bad_name,
	 .run = "$T find $U/d && $T du $U/d",
	 .terminal = true,
	 NAME("\33]0;evil\7\33[31mred", DIR_)},
	{.name = "name-escape-complaint",
	 .build = bad_name,
	 .run = CP,
	 .verdict = EITHER,
	 NAME("\33[31mpipe\302\233", S_IFIFO | 0644)},

	BAD("name-up-cp-a", "../../secret", FILE_, "$T cp -a $U/d target"),
	BAD("name-up-link-cp-a", "../../evil", S_IFLNK | 0777, "$T cp -a $U/d target"),
	BAD("name-up-sync", "../../evil", FILE_, SYNC),
	BAD("name-up-directory-sync", "../../dir", DIR_, SYNC),
	BAD("name-slash-sync", "sub/file", FILE_, SYNC),
	BAD("name-empty-sync", "", FILE_, SYNC),
	BAD("name-dots-directory-sync", "..", DIR_, SYNC),
	BAD("name-dot-link-sync", ".", S_IFLNK | 0777, SYNC),
	BAD("name-up-in-the-target-sync", "../keep", DIR_, "$T sync tree $U/d"),
	{.name = "name-link-with-an-escape",
	 .build = bad_name,
	 .run = "$T cp -q -a $U/d target && $T sync -q --exclude d $U/d target && rm -r target/*",
	 .terminal = true,
	 .verdict = WELL,
	 NAME("\33[31mlink\302\233", S_IFLNK | 0777)},
	{.name = "names-twice-cp", .build = two_of_a_name, .run = CP, .verdict = FAILS},
	{.name = "names-twice-rm",
	 .build = two_of_a_name,
	 .run = "$T rm -r $U/d",
	 .verdict = EITHER},
	{.name = "names-link-and-directory-cp",
	 .build = link_and_directory,
	 .run = CP,
	 .verdict = FAILS},
	{.name = "names-link-and-directory-cp-a",
	 .build = link_and_directory,
	 .run = "$T cp -a $U/d target",
	 .check = a_link_at_most,
	 .verdict = FAILS},
	{.name = "names-link-and-directory-sync",
	 .build = link_and_directory,
	 .run = SYNC,
	 .check = a_link_at_most,
	 .verdict = FAILS},
	{.name = "names-link-in-the-target-sync",
	 .build = target_has_a_link,
	 .run = SYNC,
	 .verdict = WELL,
	 .check = no_link},
	{.name = "names-link-in-the-target",
	 .build = target_has_a_link,
	 .run = "$T cp -r $U/d/x target",
	 .verdict = FAILS,
	 .check = unlink_the_link},

	LISTING("listing-more-types", 0, "$T ls $U/d"),
	LISTING("listing-fewer-types", 1, "$T ls $U/d"),
	LISTING("listing-unended", 2, "$T ls $U/d"),
	LISTING("listing-stands-still-ls", 3, "$T ls $U/d"),
	LISTING("listing-stands-still-cp", 3, CP),
	LISTING("listing-stands-still-rm", 3, "$T rm -r $U/d"),
	LISTING("listing-goes-back-ls", 4, "$T ls $U/d"),
	LISTING("listing-goes-back-cp", 4, CP),
	LISTING("listing-goes-back-du", 4, "$T du $U/d"),
	{.name = "listing-goes-back-sync",
	 .build = target_has_more,
	 .lie = {.call = wrong_listing},
	 .run = SYNC,
	 .verdict = FAILS,
	 .check = ours_stays,
	 .number = 4},
	{.name = "listing-fewer-types-sync",
	 .build = target_has_more,
	 .lie = {.call = wrong_listing},
	 .run = SYNC,
	 .verdict = FAILS,
	 .check = ours_stays,
	 .number = 1},
	LISTING("listing-empty-for-ever", 5, "$T ls $U/d"),
	LISTING("listing-endless-ls", 6, "$T ls $U/d"),
	LISTING("listing-strange-types", 7, "$T ls $U/d"),
	{NULL},
};
