/* Lies about names and files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/support/must.h"
#include "tests/support/pattern.h"
#include "tests/evil/clients/evil.h"

/* With as many ranges, or as long a path, as no call may have. */
static void too_much(struct evil *e, const struct lie *lie)
{
	static uint64_t ranges[2 * (RANGES_MAX + 1)];
	static uint8_t path[PROTO_PATH_MAX + 1];
	struct call call = {.tag = 64, .op = CALL_PUNCH, .file = e->file};

	memset(path, 'x', sizeof(path));
	if (lie->number) {
		call.op = CALL_STAT;
		call.path = (struct bytes){path, sizeof(path)};
	} else {
		call.range = ranges;
		call.nr_ranges = RANGES_MAX + 1;
	}
	wire_msg(&e->wire, &(struct message){.type = MSG_CALL, .call = call});
	expect_end(e);
}

/* The same path three times, beside a good one: a way out is none there, too. */
static void escape_by_stats(struct evil *e, const char *path)
{
	char names[4 * 64];
	int len = snprintf(names, sizeof(names), "%s%cfile%c%s%c%s", path, 0, 0, path, 0, path);
	const struct call call = {.op = CALL_STATS,
				  .names = {(const uint8_t *)names, (size_t)len + 1}};

	if (evil_call(e, &call) || e->over)
		return;
	for (size_t i = 0; i < e->heard.reply.nr_attrs; i++)
		if (i != 1 && !e->heard.reply.attrs[i].status)
			escape(e, "stats of %s succeeded", path);
}

/* All ways out of the export, by each op that takes a name. */
static void escapes(struct evil *e, const struct lie *lie)
{
	static const char *const paths[] = {
		"../secret",
		"../../../../../etc/passwd",
		"x/../../secret",
		"./../secret",
		"out/secret",
		"out/../secret",
		"link",
		"/etc/passwd",
		"/proc/self/root",
		"proc/../../secret",
	};
	static const uint32_t ops[] = {CALL_OPEN,    CALL_TRUNCATE, CALL_READDIR, CALL_REOPEN,
				       CALL_STAT,    CALL_LINK,	    CALL_RENAME,  CALL_SETATTR,
				       CALL_SYMLINK, CALL_READLINK};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		for (size_t op = 0; op < sizeof(ops) / sizeof(*ops); op++) {
			struct call call = {.op = ops[op],
					    .path = text(paths[i]),
					    .path2 = text("stolen"),
					    .target = text("stolen"),
					    .flags = ops[op] == CALL_OPEN      ? OPEN_READ
						     : ops[op] == CALL_SETATTR ? SET_MODE
									       : 0};

			/* A link may be moved, named and read as itself. */
			if (!strcmp(paths[i], "link") &&
			    (ops[op] == CALL_LINK || ops[op] == CALL_RENAME ||
			     ops[op] == CALL_READLINK))
				continue;
			if (!evil_call(e, &call))
				escape(e, "op %u of %s succeeded", ops[op], paths[i]);
			if (e->over)
				return;
		}
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		escape_by_stats(e, paths[i]);
	expect_alive(e);
}

/* Out of the export as the target. */
static void targets(struct evil *e, const struct lie *lie)
{
	static const char *const paths[] = {"../stolen", "/tmp/stolen", "out/stolen", "..", "."};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		struct call call = {.op = CALL_LINK, .path = text("file"), .path2 = text(paths[i])};

		if (!evil_call(e, &call))
			escape(e, "a link to %s", paths[i]);
		call.op = CALL_RENAME;
		if (!evil_call(e, &call))
			escape(e, "renamed to %s", paths[i]);
		call = (struct call){.op = CALL_MKDIR, .path = text(paths[i]), .mode = 0755};
		if (!evil_call(e, &call))
			escape(e, "made %s", paths[i]);
		call = (struct call){
			.op = CALL_SYMLINK, .path = text(paths[i]), .target = text("x")};
		if (!evil_call(e, &call))
			escape(e, "made the link %s", paths[i]);
	}
	expect_file(e);
}

/* Every op with every field full of ones, and with none: an answer or the end, no more. */
static void everything_set(struct evil *e, const struct lie *lie)
{
	for (uint32_t op = 0; op <= NR_CALLS; op++) {
		uint64_t range[2] = {UINT64_MAX, UINT64_MAX};
		struct evil other;
		int got;

		evil_open(&other, e->fixture, e->name, STAGE_FILE);
		got = evil_call(&other,
				&(struct call){.tag = UINT32_MAX,
					       .op = op,
					       .file = lie->number ? UINT64_MAX : other.file,
					       .path = text("no/such/name"),
					       .path2 = text("nor/this"),
					       .target = text("a\nlink"),
					       .uid = UINT32_MAX,
					       .gid = UINT32_MAX,
					       .atime_ns = INT64_MIN,
					       .mtime_ns = INT64_MAX,
					       .flags = UINT32_MAX,
					       .mode = UINT32_MAX,
					       .off = UINT64_MAX,
					       .len = UINT64_MAX,
					       .nr_ranges = 1,
					       .range = range,
					       .replay = 1});
		if (lie->number && !got)
			escape(&other, "op %u succeeded without a file", op);
		evil_close(&other, e);
	}
	expect_file(e);
}

/* Said to be sent before, and never made: done now, once, or refused; and nothing else. */
static void replays(struct evil *e, const struct lie *lie)
{
	static const uint32_t ops[] = {CALL_UNLINK, CALL_RMDIR, CALL_RENAME, CALL_LINK,
				       CALL_TRUNCATE};
	struct call call = {.op = CALL_MKDIR, .path = text("replayed"), .mode = 0755, .replay = 1};
	int first = evil_call(e, &call);

	expect_status(e, first, 0);
	expect_status(e, evil_call(e, &call), -EEXIST);
	for (uint32_t tag = 0; tag < 256; tag++) {
		call = (struct call){.tag = tag ^ 0x55555540,
				     .op = ops[tag % 5],
				     .path = text("no-such"),
				     .path2 = text("name"),
				     .replay = 1};
		expect_status(e, evil_call(e, &call), -ENOENT);
	}
	call = (struct call){.op = CALL_RMDIR, .path = text("replayed"), .replay = 1};
	expect_status(e, evil_call(e, &call), 0);
	expect_status(e, evil_call(e, &call), -ENOENT);
}

/* 0 when it is refused. */
static uint64_t open_directory(struct evil *e, const char *path)
{
	int got = evil_call(e, &(struct call){.op = CALL_OPEN,
					      .path = text(path),
					      .flags = OPEN_READ | OPEN_DIRECTORY});

	return got ? 0 : e->heard.reply.file;
}

/* Every op, with names in what these handles stand for. */
static void try_directories(struct evil *e, uint64_t at, uint64_t at2, const char *name)
{
	for (uint32_t op = CALL_OPEN; op < NR_CALLS; op++) {
		struct call call = {.op = op,
				    .at = at,
				    .path = text(name),
				    .at2 = at2,
				    .path2 = text("stolen"),
				    .flags = op == CALL_OPEN   ? OPEN_READ | OPEN_FOLLOW
					     : op == CALL_STAT ? CALL_FOLLOW
							       : 0,
				    .persistent = {(const uint8_t *)"name", 4},
				    .mode = 0755};

		if (op == CALL_COUNTERS) /* not agreed on */
			continue;
		if (!evil_call(e, &call))
			escape(e, "op %u of %s succeeded", op, name);
		if (e->over)
			return;
	}
}

/* Handles that stand for no directory of this session. */
static void wrong_directories(struct evil *e, const struct lie *lie)
{
	struct evil other;
	uint64_t root = open_directory(e, "");
	uint64_t wrong[] = {1, UINT64_MAX, e->file, root ^ 1, root ^ 1ull << 32, 0};

	evil_open(&other, e->fixture, e->name, STAGE_WELCOME);
	wrong[5] = open_directory(&other, "");
	if (!root || !wrong[5])
		escape(e, "the root cannot be opened");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		try_directories(e, wrong[i], 0, "file");
		try_directories(e, root, wrong[i], "no-such");
		try_directories(e, wrong[i], wrong[i], "file");
	}
	expect_status(e, evil_call(e, &(struct call){.op = CALL_CLOSE, .file = root}), 0);
	try_directories(e, root, 0, "file");
	evil_close(&other, e);
	expect_alive(e);
	expect_file(e);
}

/* Names that are none, in a directory that is one. */
static void wrong_names(struct evil *e, const struct lie *lie)
{
	static const char *const names[] = {
		"",	  ".",	     "..",	    "/",   "../secret",	 "./file", "file/",
		"//file", "x/../..", "/etc/passwd", "out", "out/secret", "link"};
	char name[PROTO_NAME_MAX + 2];
	uint64_t root = open_directory(e, "");

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		/* A link may be moved and named as itself, and looked at: but not through. */
		if (!strcmp(names[i], "out") || !strcmp(names[i], "link")) {
			struct call call = {.op = CALL_OPEN,
					    .at = root,
					    .path = text(names[i]),
					    .flags = OPEN_READ | OPEN_FOLLOW};

			if (!evil_call(e, &call))
				escape(e, "%s was followed", names[i]);
			call.flags = OPEN_READ;
			if (!evil_call(e, &call))
				escape(e, "%s was opened", names[i]);
			continue;
		}
		try_directories(e, root, root, names[i]);
	}
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = 0;
	try_directories(e, root, root, name);
	expect_alive(e);
	expect_file(e);
}

const struct lie call_lies[] = {
	{"op-zero", STAGE_WELCOME, tell_violation, CALL(.op = 0), 0},
	{"op-unknown", STAGE_WELCOME, tell_violation, CALL(.op = NR_CALLS), 0},
	{"op-huge", STAGE_WELCOME, tell_violation, CALL(.op = UINT32_MAX), 0},
	{"counters-not-agreed", STAGE_WELCOME, tell_violation, CALL(.op = CALL_COUNTERS), 0},
	{"path-with-a-zero", STAGE_WELCOME, tell_violation,
	 CALL(.op = CALL_STAT, .path = TEXT("file\0x")), 0},
	{"path2-with-a-zero", STAGE_WELCOME, tell_violation,
	 CALL(.op = CALL_RENAME, .path = TEXT("file"), .path2 = TEXT("\0")), 0},
	{"replay-two", STAGE_WELCOME, tell_violation,
	 CALL(.op = CALL_MKDIR, .path = TEXT("never"), .replay = 2), 0},
	{"path-too-long", STAGE_WELCOME, too_much, .number = 1},
	{"ranges-too-many", STAGE_FILE, too_much, .number = 0},
	{"path-absolute", STAGE_WELCOME, tell_status,
	 CALL(.op = CALL_STAT, .path = TEXT("/etc/passwd")), .number = -EINVAL},
	{"open-without-a-mode", STAGE_WELCOME, tell_status,
	 CALL(.op = CALL_OPEN, .path = TEXT("file")), .number = -EINVAL},
	{"open-unknown-flags", STAGE_WELCOME, tell_status,
	 CALL(.op = CALL_OPEN, .path = TEXT("file"), .flags = OPEN_READ | 2 * OPEN_FOLLOW),
	 .number = -EINVAL},
	{"close-nothing", STAGE_WELCOME, tell_status, CALL(.op = CALL_CLOSE), .number = -ESTALE},
	{"fsync-nothing", STAGE_WELCOME, tell_status, CALL(.op = CALL_FSYNC), .number = -EBADF},
	{"punch-nothing", STAGE_WELCOME, tell_status, CALL(.op = CALL_PUNCH), .number = -EBADF},
	{"truncate-huge", STAGE_WELCOME, tell_status,
	 CALL(.op = CALL_TRUNCATE, .path = TEXT("file"), .len = UINT64_MAX), .number = -EINVAL},
	{"escapes", STAGE_WELCOME, escapes},
	{"escapes-of-targets", STAGE_WELCOME, targets},
	{"everything-set", STAGE_SOCKET, everything_set, .number = 0},
	{"everything-and-no-file", STAGE_SOCKET, everything_set, .number = 1},
	{"replays-of-nothing", STAGE_WELCOME, replays},
	{"directories-that-are-none", STAGE_FILE, wrong_directories},
	{"names-in-a-directory", STAGE_FILE, wrong_names},
	{NULL},
};
