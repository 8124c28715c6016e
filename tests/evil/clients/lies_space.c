/* Lies about space, extended attributes and exchanged names. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "tests/support/must.h"
#include "tests/evil/clients/evil.h"

/* A value of more bytes than any has, and a name. */
static void too_long(struct evil *e, const struct lie *lie)
{
	static uint8_t bytes[XATTR_VALUE_MAX + 1];
	struct call call = {.tag = 64,
			    .op = CALL_SETXATTR,
			    .path = text("file"),
			    .name = text("user.a"),
			    .value = {bytes, sizeof(bytes)}};

	if (lie->number) {
		memset(bytes, 'n', sizeof(bytes));
		call.value.len = 1;
		call.name = (struct bytes){bytes, PROTO_NAME_MAX + 1};
	}
	wire_msg(&e->wire, &(struct message){.type = MSG_CALL, .call = call});
	expect_end(e);
}

/* Lengths of a value and a name that reach beyond the frame. */
static void lying_lengths(struct evil *e, const struct lie *lie)
{
	static const uint8_t fields[] = {20, 21};
	uint8_t frame[] = {MSG_CALL, 0x0d, 64, 0, 0, 0, 0x10, CALL_SETXATTR, 0, 1, 0, 0, 'x'};
	uint32_t key = (uint32_t)fields[lie->number] << 3 | 2;

	frame[8] = (uint8_t)(key | 0x80);
	frame[9] = (uint8_t)(key >> 7);
	/* 8,192 bytes of which one is there. */
	frame[10] = 0x80;
	frame[11] = 0x40;
	wire_frame(&e->wire, frame, sizeof(frame));
	expect_end(e);
}

/* What the server's kernel trusts is nothing that a client sees or sets. */
static void names_of_the_kernel(struct evil *e, const struct lie *lie)
{
	static const char *const names[] = {"security.capability",
					    "security.selinux",
					    "security.ima",
					    "trusted.overlay",
					    "system.nfs4_acl",
					    "system.posix_acl_access2",
					    "user.",
					    "user",
					    "USER.a",
					    "a",
					    "trusted.user.a",
					    " user.a",
					    "btrfs.compression",
					    "system.ntfs_attrib",
					    "user\x01.a"};
	static const uint32_t ops[] = {CALL_GETXATTR, CALL_SETXATTR, CALL_REMOVEXATTR};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		for (size_t op = 0; op < sizeof(ops) / sizeof(*ops); op++)
			expect_status(e,
				      evil_call(e, &(struct call){.op = ops[op],
								  .path = text("file"),
								  .name = text(names[i]),
								  .value = text("evil")}),
				      -EOPNOTSUPP);
	expect_alive(e);
}

/* All ways out of the export, by each call that takes a path. */
static void escapes(struct evil *e, const struct lie *lie)
{
	static const char *const paths[] = {"../secret",      "out/secret",	  "link",
					    "out/../secret",  "/etc/passwd",	  "x/../../secret",
					    "/proc/self/exe", "../data/../secret"};
	static const uint32_t ops[] = {CALL_STATFS, CALL_GETXATTR, CALL_SETXATTR, CALL_LISTXATTR,
				       CALL_REMOVEXATTR};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		for (size_t op = 0; op < sizeof(ops) / sizeof(*ops); op++)
			if (!evil_call(e, &(struct call){.op = ops[op],
							 .path = text(paths[i]),
							 .name = text("user.a"),
							 .value = text("evil")}))
				escape(e, "%u of %s succeeded", ops[op], paths[i]);
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		if (!strcmp(paths[i], "link")) /* the link itself may be moved */
			continue;
		if (!evil_call(e, &(struct call){.op = CALL_RENAME,
						 .path = text("file"),
						 .path2 = text(paths[i]),
						 .flags = CALL_EXCHANGE}))
			escape(e, "exchanged with %s", paths[i]);
		if (!evil_call(e, &(struct call){.op = CALL_RENAME,
						 .path = text(paths[i]),
						 .path2 = text("file"),
						 .flags = CALL_EXCHANGE}))
			escape(e, "%s exchanged", paths[i]);
	}
	expect_alive(e);
	expect_file(e);
}

/* A directory that is reserved for the server's machine keeps its attributes and its name. */
static void reserved(struct evil *e, const struct lie *lie)
{
	char path[512], value[8];

	snprintf(path, sizeof(path), "%s/3fs-virt", e->fixture->data_dir);
	must(!mkdir(path, 0755) || errno == EEXIST, "%s", path);
	if (setxattr(path, "user.a", "mine", 4, 0)) /* this file system has none */
		return;
	expect_status(e,
		      evil_call(e, &(struct call){.op = CALL_SETXATTR,
						  .path = text("3fs-virt"),
						  .name = text("user.a"),
						  .value = text("evil")}),
		      -EPERM);
	expect_status(e,
		      evil_call(e, &(struct call){.op = CALL_REMOVEXATTR,
						  .path = text("3fs-virt/."),
						  .name = text("user.a")}),
		      -EPERM);
	expect_status(e,
		      evil_call(e, &(struct call){.op = CALL_RENAME,
						  .path = text("file"),
						  .path2 = text("3fs-virt"),
						  .flags = CALL_EXCHANGE}),
		      -EPERM);
	expect_status(e,
		      evil_call(e, &(struct call){.op = CALL_RENAME,
						  .path = text("3fs-virt"),
						  .path2 = text("file"),
						  .flags = CALL_EXCHANGE}),
		      -EPERM);
	if (getxattr(path, "user.a", value, sizeof(value)) != 4 || memcmp(value, "mine", 4))
		escape(e, "a reserved directory has another attribute");
	expect_file(e);
}

/* Ranges that end nowhere, and modes that there are not; the file stays as it is. */
static void ranges(struct evil *e, const struct lie *lie)
{
	static const struct {
		uint32_t flags;
		uint64_t off, len;
		int status;
	} bad[] = {
		{0, 0, 0, -EINVAL},
		{0, UINT64_MAX, 1, -EINVAL},
		{0, 1, UINT64_MAX, -EINVAL},
		{0, 1ull << 63, 1, -EINVAL},
		{0, 0, 1ull << 63, -EINVAL},
		{0, INT64_MAX, INT64_MAX, -EFBIG},
		{ALLOCATE_ZERO_RANGE, 1, INT64_MAX, -EFBIG},
		{ALLOCATE_PUNCH_HOLE | ALLOCATE_KEEP_SIZE, INT64_MAX, 1, -EFBIG},
		{ALLOCATE_PUNCH_HOLE, 0, 100, -EOPNOTSUPP},
		{ALLOCATE_ZERO_RANGE | ALLOCATE_PUNCH_HOLE | ALLOCATE_KEEP_SIZE, 0, 1, -EOPNOTSUPP},
		{8 /* FALLOC_FL_COLLAPSE_RANGE */, 0, 4096, -EOPNOTSUPP},
		{32 /* FALLOC_FL_INSERT_RANGE */, 0, 4096, -EOPNOTSUPP},
		{64 /* FALLOC_FL_UNSHARE_RANGE */, 0, 4096, -EOPNOTSUPP},
		{UINT32_MAX, 0, 4096, -EOPNOTSUPP},
		{1u << 31, 0, 4096, -EOPNOTSUPP},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		expect_status(e,
			      evil_call(e, &(struct call){.op = CALL_FALLOCATE,
							  .file = e->file,
							  .flags = bad[i].flags,
							  .off = bad[i].off,
							  .len = bad[i].len}),
			      bad[i].status);
	expect_alive(e);
	expect_file(e);
}

const struct lie space_lies[] = {
	{"xattr-value-too-long", STAGE_WELCOME, too_long, .number = 0},
	{"xattr-name-too-long", STAGE_WELCOME, too_long, .number = 1},
	{"xattr-name-beyond-the-frame", STAGE_WELCOME, lying_lengths, .number = 0},
	{"xattr-value-beyond-the-frame", STAGE_WELCOME, lying_lengths, .number = 1},
	{"xattr-name-with-a-zero", STAGE_WELCOME, tell_violation,
	 CALL(.op = CALL_GETXATTR, .path = TEXT("file"), .name = TEXT("user.\0a")), 0},
	{"xattr-without-a-name", STAGE_WELCOME, tell_status,
	 CALL(.op = CALL_SETXATTR, .path = TEXT("file")), .number = -ERANGE},
	{"xattr-unknown-flags", STAGE_WELCOME, tell_status,
	 CALL(.op = CALL_SETXATTR, .path = TEXT("file"), .name = TEXT("user.a"), .flags = 512),
	 .number = -EINVAL},
	{"xattr-names-of-the-kernel", STAGE_WELCOME, names_of_the_kernel},
	{"xattr-of-a-reserved-directory", STAGE_FILE, reserved},
	{"exchange-unknown-flags", STAGE_WELCOME, tell_status,
	 CALL(.op = CALL_RENAME, .path = TEXT("file"), .path2 = TEXT("file2"), .flags = 256),
	 .number = -EINVAL},
	{"exchange-that-replaces-nothing", STAGE_WELCOME, tell_status,
	 CALL(.op = CALL_RENAME, .path = TEXT("file"), .path2 = TEXT("file2"),
	      .flags = CALL_EXCHANGE | CALL_NOREPLACE),
	 .number = -EINVAL},
	{"exchange-with-a-reserved-name", STAGE_WELCOME, tell_status,
	 CALL(.op = CALL_RENAME, .path = TEXT("file"), .path2 = TEXT(".USRBIO"),
	      .flags = CALL_EXCHANGE),
	 .number = -EPERM},
	{"escapes-of-space-and-attributes", STAGE_FILE, escapes},
	{"fallocate-nothing", STAGE_WELCOME, tell_status, CALL(.op = CALL_FALLOCATE, .len = 1),
	 .number = -EBADF},
	{"fallocate-ranges", STAGE_FILE, ranges},
	{NULL},
};
