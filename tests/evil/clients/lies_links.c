/*
 * Lies about symbolic links and attributes: targets that are no names, or lead out of the export;
 * attributes that there are not, of what the client has no right to; and fields that do not go
 * together.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/evil/clients/evil.h"
#include "tests/support/must.h"
#include "tests/support/pattern.h"

/* What lies outside the export, and what may not be set there. */
struct outside {
	struct stat secret, above;
};

static struct stat stat_of(const struct evil *e, const char *name)
{
	char path[512];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", e->fixture->data_dir, name);
	must(!lstat(path, &st), "%s", path);
	return st;
}

static struct outside outside_of(const struct evil *e)
{
	return (struct outside){stat_of(e, "../secret"), stat_of(e, "..")};
}

static bool has_changed(const struct stat *a, const struct stat *b)
{
	return a->st_mode != b->st_mode || a->st_uid != b->st_uid || a->st_gid != b->st_gid ||
	       a->st_size != b->st_size || a->st_mtim.tv_sec != b->st_mtim.tv_sec ||
	       a->st_mtim.tv_nsec != b->st_mtim.tv_nsec || a->st_nlink != b->st_nlink;
}

static void expect_outside(struct evil *e, const struct outside *before)
{
	const struct outside now = outside_of(e);

	if (has_changed(&before->secret, &now.secret) || has_changed(&before->above, &now.above))
		escape(e, "something outside the export has changed");
}

/* Set the mode, owner and times of what a path leads to, and follow it in other ways. */
static void follow(struct evil *e, const char *path)
{
	const struct call calls[] = {
		{.op = CALL_OPEN, .flags = OPEN_READ | OPEN_FOLLOW},
		{.op = CALL_OPEN, .flags = OPEN_WRITE | OPEN_FOLLOW | OPEN_TRUNCATE},
		{.op = CALL_OPEN, .flags = OPEN_WRITE | OPEN_FOLLOW | OPEN_CREATE, .mode = 0666},
		{.op = CALL_STAT, .flags = CALL_FOLLOW},
		{.op = CALL_TRUNCATE},
		{.op = CALL_READDIR},
		{.op = CALL_SETATTR, .flags = SET_MODE, .mode = 0},
		{.op = CALL_SETATTR, .flags = SET_UID | SET_GID, .uid = 1, .gid = 1},
		{.op = CALL_SETATTR, .flags = SET_MTIME, .mtime_ns = 1},
		{.op = CALL_SETATTR, .flags = SET_ATIME_NOW | SET_MTIME_NOW},
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls) && !e->over; i++) {
		struct call call = calls[i];

		call.path = text(path);
		if (!evil_call(e, &call))
			escape(e, "op %u went through a link that leads out", call.op);
	}
}

static void make_link(struct evil *e, const char *path, struct bytes target, int wanted)
{
	expect_status(
		e,
		evil_call(e,
			  &(struct call){.op = CALL_SYMLINK, .path = text(path), .target = target}),
		wanted);
}

static void remove_name(struct evil *e, const char *path)
{
	expect_status(e, evil_call(e, &(struct call){.op = CALL_UNLINK, .path = text(path)}), 0);
}

/* A link has the text that it was given, whatever it is. */
static void expect_target(struct evil *e, const char *path, struct bytes target)
{
	const struct call call = {.op = CALL_READLINK, .path = text(path)};

	expect_status(e, evil_call(e, &call), 0);
	if (e->heard.reply.target.len != target.len ||
	    memcmp(e->heard.target, target.data, target.len))
		escape(e, "a link has another target than it was given");
}

/* Links out of the export may be made and read, and lead nowhere. */
static void links_out(struct evil *e, const struct lie *lie)
{
	static const char *const targets[] = {
		"../secret",
		"/etc/passwd",
		"..",
		"out/secret",
		"link",
		"./../data/../secret",
		"/proc/1/cwd",
		"/proc/self/root",
		"file/../../secret",
	};
	const struct outside before = outside_of(e);

	for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
		make_link(e, "evil-link", text(targets[i]), 0);
		expect_target(e, "evil-link", text(targets[i]));
		follow(e, "evil-link");
		follow(e, "evil-link/secret");
		follow(e, "evil-link/");
		remove_name(e, "evil-link");
	}
	/* To itself, and round a circle. */
	make_link(e, "evil-link", text("evil-link"), 0);
	follow(e, "evil-link");
	remove_name(e, "evil-link");
	make_link(e, "evil-link", text("evil-other"), 0);
	make_link(e, "evil-other", text("evil-link"), 0);
	follow(e, "evil-link");
	remove_name(e, "evil-link");
	remove_name(e, "evil-other");
	expect_outside(e, &before);
	expect_file(e);
}

/* Every byte but zero, and as many as there may be: they are kept, and are nobody's terminal's. */
static void targets_of_any_bytes(struct evil *e, const struct lie *lie)
{
	static const size_t sizes[] = {1, 255, 256, 4094, PROTO_PATH_MAX};
	uint8_t bytes[PROTO_PATH_MAX];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(1 + i % 255);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		const struct bytes target = {bytes, sizes[i]};

		make_link(e, "evil-bytes", target, 0);
		expect_target(e, "evil-bytes", target);
		evil_call(e, &(struct call){.op = CALL_OPEN,
					    .path = text("evil-bytes"),
					    .flags = OPEN_READ | OPEN_FOLLOW});
		if (!e->status)
			escape(e, "a link to nothing was opened");
		remove_name(e, "evil-bytes");
	}
	make_link(e, "evil-bytes", (struct bytes){0}, -ENOENT);
	make_link(e, "\33[2J\r\n\7", text("\33]0;owned\7"), 0);
	expect_target(e, "\33[2J\r\n\7", text("\33]0;owned\7"));
	remove_name(e, "\33[2J\r\n\7");
	expect_alive(e);
}

/* A target that is longer than any may be: it ends the connection. */
static void target_too_long(struct evil *e, const struct lie *lie)
{
	static uint8_t bytes[PROTO_PATH_MAX + 1];

	memset(bytes, 't', sizeof(bytes));
	wire_msg(&e->wire, &(struct message){.type = MSG_CALL,
					     .call = {.tag = 64,
						      .op = CALL_SYMLINK,
						      .path = text("evil-long"),
						      .target = {bytes, sizeof(bytes)}}});
	expect_end(e);
}

/* One SETATTR of the open file, with these flags and nothing else. */
static void set_flags(struct evil *e, uint32_t flags, int wanted)
{
	expect_status(e,
		      evil_call(e, &(struct call){.op = CALL_SETATTR,
						  .file = e->file,
						  .flags = flags,
						  .uid = UINT32_MAX,
						  .gid = UINT32_MAX}),
		      wanted);
}

/* Flags that name nothing, a time twice, nobody, or what there is not. */
static void wrong_flags(struct evil *e, const struct lie *lie)
{
	const struct stat before = stat_of(e, "file");
	struct stat now;

	for (uint32_t bit = 8; bit < 32; bit++) {
		set_flags(e, 1u << bit, -EINVAL);
		set_flags(e, 1u << bit | SET_MODE, -EINVAL);
	}
	set_flags(e, 0, -EINVAL);
	set_flags(e, SET_NOFOLLOW, -EINVAL);
	set_flags(e, SET_ATIME | SET_ATIME_NOW, -EINVAL);
	set_flags(e, SET_MTIME | SET_MTIME_NOW | SET_MODE, -EINVAL);
	set_flags(e, SET_UID, -EINVAL);
	set_flags(e, SET_GID | SET_MODE, -EINVAL);
	set_flags(e, UINT32_MAX, -EINVAL);
	now = stat_of(e, "file");
	if (has_changed(&before, &now))
		escape(e, "what was refused has changed the file");
	expect_file(e);
}

/* The ends of time, and all bits of a mode: what a file may have, it has, and no more. */
static void ends_of_time(struct evil *e, const struct lie *lie)
{
	static const int64_t times[] = {INT64_MIN, INT64_MIN + 1, -1000000001, -1, 0, 1, INT64_MAX};
	const struct stat before = stat_of(e, "file");
	struct call call = {.op = CALL_SETATTR, .file = e->file};
	struct stat now;

	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		call.flags = SET_ATIME | SET_MTIME;
		call.atime_ns = times[i];
		call.mtime_ns = times[sizeof(times) / sizeof(*times) - 1 - i];
		evil_call(e, &call);
		expect_status(e, evil_call(e, &(struct call){.op = CALL_STAT, .file = e->file}), 0);
	}
	for (uint32_t bit = 9; bit < 32; bit++) {
		call.flags = SET_MODE;
		call.mode = 1u << bit | 0644;
		expect_status(e, evil_call(e, &call), 0);
		now = stat_of(e, "file");
		if (now.st_mode != (S_IFREG | 0644))
			escape(e, "the mode has become %o", now.st_mode);
	}
	call = (struct call){.op = CALL_SETATTR,
			     .file = e->file,
			     .flags = SET_MODE | SET_MTIME_NOW | SET_ATIME_NOW,
			     .mode = before.st_mode};
	expect_status(e, evil_call(e, &call), 0);
	expect_file(e);
}

/* 0 when it is refused. */
static uint64_t open_root(struct evil *e)
{
	expect_status(
		e,
		evil_call(e, &(struct call){.op = CALL_OPEN, .flags = OPEN_READ | OPEN_DIRECTORY}),
		0);
	return e->heard.reply.file;
}

/* A file and a directory, a directory that is a file, names that are none, and no name. */
static void fields_together(struct evil *e, const struct lie *lie)
{
	const struct outside before = outside_of(e);
	const uint64_t root = open_root(e), file = e->file;
	const struct {
		struct call call;
		int status;
	} cases[] = {
		{{.op = CALL_SETATTR, .file = file, .at = root, .flags = SET_MODE}, -EINVAL},
		{{.op = CALL_SETATTR, .at = file, .path = text("x"), .flags = SET_MODE}, -ENOTDIR},
		{{.op = CALL_SETATTR, .at = 1, .path = text("x"), .flags = SET_MODE}, -ESTALE},
		{{.op = CALL_SETATTR, .file = 1, .path = text("file"), .flags = SET_MODE}, -ESTALE},
		{{.op = CALL_SETATTR, .at = root, .path = text("out"), .flags = SET_MODE}, -EACCES},
		{{.op = CALL_SETATTR,
		  .at = root,
		  .path = text("out"),
		  .flags = SET_MODE | SET_NOFOLLOW},
		 -EOPNOTSUPP},
		{{.op = CALL_SETATTR, .at = root, .path = text(".."), .flags = SET_MTIME_NOW},
		 -EINVAL},
		{{.op = CALL_SETATTR, .path = text("link"), .flags = SET_MTIME_NOW}, -EACCES},
		{{.op = CALL_SETATTR, .path = text("none"), .flags = SET_MODE}, -ENOENT},
		{{.op = CALL_SYMLINK, .at = file, .path = text("x"), .target = text("y")},
		 -ENOTDIR},
		{{.op = CALL_SYMLINK, .at = root, .path = text("../x"), .target = text("y")},
		 -EINVAL},
		{{.op = CALL_SYMLINK, .at = root, .path = text("file"), .target = text("y")},
		 -EEXIST},
		{{.op = CALL_SYMLINK, .path = text("out/x"), .target = text("y")}, -EACCES},
		{{.op = CALL_SYMLINK, .target = text("y")}, -EINVAL},
		{{.op = CALL_READLINK, .at = file, .path = text("link")}, -ENOTDIR},
		{{.op = CALL_READLINK, .at = root, .path = text("..")}, -EINVAL},
		{{.op = CALL_READLINK, .at = root}, -EINVAL},
		{{.op = CALL_READLINK}, -EINVAL},
		{{.op = CALL_READLINK, .path = text("file")}, -EINVAL},
		{{.op = CALL_READLINK, .path = text("out/secret")}, -EACCES},
		{{.op = CALL_READLINK, .at = root, .path = text("none"), .target = text("link")},
		 -ENOENT},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases) && !e->over; i++) {
		evil_call(e, &cases[i].call);
		if (e->status != cases[i].status)
			escape(e, "case %zu, op %u: %s", i, cases[i].call.op, strerror(-e->status));
	}
	expect_outside(e, &before);
	expect_file(e);
}

/* Of an export that is read only nothing is set, and no link is made; it can be read. */
static void read_only(struct evil *e, const struct lie *lie)
{
	const struct hello hello = evil_hello("ro");

	expect_status(e, evil_handshake(e, &hello), 0);
	make_link(e, "evil-link", text("file"), -EROFS);
	for (uint32_t bit = 0; bit < 7; bit++)
		expect_status(e,
			      evil_call(e, &(struct call){.op = CALL_SETATTR,
							  .path = text("file"),
							  .flags = 1u << bit}),
			      -EROFS);
	expect_target(e, "link", text("../secret"));
	expect_status(e,
		      evil_call(e, &(struct call){.op = CALL_OPEN,
						  .path = text("file"),
						  .flags = OPEN_READ}),
		      0);
	e->file = e->heard.reply.file;
	for (uint32_t bit = 0; bit < 7; bit++)
		set_flags(e, 1u << bit & ~(uint32_t)(SET_UID | SET_GID) ? 1u << bit : SET_MODE,
			  -EROFS);
	expect_alive(e);
}

const struct lie link_lies[] = {
	{"links-out-of-the-export", STAGE_WELCOME, links_out},
	{"link-targets-of-any-bytes", STAGE_WELCOME, targets_of_any_bytes},
	{"link-target-too-long", STAGE_WELCOME, target_too_long},
	{"link-target-with-a-zero", STAGE_WELCOME, tell_violation,
	 CALL(.op = CALL_SYMLINK, .path = TEXT("evil-zero"), .target = TEXT("file\0x"))},
	{"attributes-with-wrong-flags", STAGE_FILE, wrong_flags},
	{"attributes-at-the-ends-of-time", STAGE_FILE, ends_of_time},
	{"links-and-attributes-of-other-things", STAGE_FILE, fields_together},
	{"links-and-attributes-read-only", STAGE_PARAMS, read_only},
	{0},
};
