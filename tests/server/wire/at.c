/* Names in open directories over the wire: which handles a call may name, how often what it does is
 * done, and what else the second version of the protocol says. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "common/host/host.h"
#include "fixture.h"

#define RW (OPEN_READ | OPEN_WRITE | OPEN_CREATE)

static int make_dir(struct peer *peer, const char *path)
{
	return peer_call(peer, &(struct call){.op = CALL_MKDIR, .path = text(path), .mode = 0755});
}

static void names_body(struct server *server)
{
	struct peer peer;
	uint64_t dir, other;
	struct call call;

	fixture_open(&peer, server, "memory");
	cr_assert_eq(make_dir(&peer, "d") | make_dir(&peer, "e"), 0);
	dir = peer_open_file(&peer, "d", OPEN_READ | OPEN_DIRECTORY);
	other = peer_open_file(&peer, "e", OPEN_READ | OPEN_DIRECTORY);
	call = (struct call){.op = CALL_OPEN, .at = dir, .path = text("f"), .flags = RW};
	cr_assert_eq(peer_call(&peer, &call), 0);
	cr_assert_eq(peer_io(&peer, IO_WRITE, peer.heard.reply.file, 0, 100, 0), 100);
	call = (struct call){.op = CALL_TRUNCATE, .at = dir, .path = text("f"), .len = 7};
	cr_assert_eq(peer_call(&peer, &call), 0);
	call = (struct call){
		.op = CALL_RENAME, .at = dir, .path = text("f"), .at2 = other, .path2 = text("g")};
	cr_assert_eq(peer_call(&peer, &call), 0);
	/* One from a directory, the other from the root, and the other way round. */
	call = (struct call){.op = CALL_LINK, .at = other, .path = text("g"), .path2 = text("d/h")};
	cr_assert_eq(peer_call(&peer, &call), 0);
	call = (struct call){
		.op = CALL_LINK, .path = text("d/h"), .at2 = other, .path2 = text("i")};
	cr_assert_eq(peer_call(&peer, &call), 0);
	call = (struct call){.op = CALL_STAT, .path = text("e/i")};
	cr_assert_eq(peer_call(&peer, &call), 0);
	cr_assert_eq(peer.heard.reply.attr.nlink, 3);
	cr_assert_eq(peer.heard.reply.attr.size, 7);
	call = (struct call){.op = CALL_READDIR, .file = other};
	cr_assert_eq(peer_call(&peer, &call), 0);
	cr_assert_eq(peer.heard.reply.nr_types, 2);
	call = (struct call){.op = CALL_UNLINK, .at = other, .path = text("i")};
	cr_assert_eq(peer_call(&peer, &call), 0);
	call = (struct call){.op = CALL_MKDIR, .at = other, .path = text("i"), .mode = 0755};
	cr_assert_eq(peer_call(&peer, &call), 0);
	call.op = CALL_RMDIR;
	cr_assert_eq(peer_call(&peer, &call), 0);
	peer_close(&peer);
}

Test(at, names_in_directories)
{
	fixture_each_scheme(names_body, NULL);
}

static void handles_body(struct server *server)
{
	struct peer peer, stranger;
	uint64_t dir, file, theirs;

	fixture_open(&peer, server, "memory");
	fixture_open(&stranger, server, "memory");
	cr_assert_eq(make_dir(&peer, "d"), 0);
	dir = peer_open_file(&peer, "d", OPEN_READ | OPEN_DIRECTORY);
	file = peer_open_file(&peer, "f", RW);
	theirs = peer_open_file(&stranger, "d", OPEN_READ | OPEN_DIRECTORY);
	{
		const struct {
			struct call call;
			int status;
		} bad[] = {
			{{.op = CALL_STAT, .at = 77, .path = text("x")}, -ESTALE},
			{{.op = CALL_STAT, .at = theirs, .path = text("x")}, -ESTALE},
			{{.op = CALL_STAT, .at = file, .path = text("x")}, -ENOTDIR},
			{{.op = CALL_STAT, .at = dir, .path = text("")}, -EINVAL},
			{{.op = CALL_STAT, .at = dir, .path = text(".")}, -EINVAL},
			{{.op = CALL_STAT, .at = dir, .path = text("..")}, -EINVAL},
			{{.op = CALL_STAT, .at = dir, .path = text("x/y")}, -EINVAL},
			{{.op = CALL_STAT, .at = dir, .path = text("/x")}, -EINVAL},
			{{.op = CALL_STAT, .at = dir, .path = text("x")}, -ENOENT},
			{{.op = CALL_STAT, .file = file, .at = dir}, -EINVAL},
			{{.op = CALL_STAT, .path = text("f"), .at2 = dir}, -EINVAL},
			{{.op = CALL_RENAME, .path = text("f"), .at2 = theirs, .path2 = text("x")},
			 -ESTALE},
			{{.op = CALL_RENAME, .path = text("f"), .at2 = dir, .path2 = text("../x")},
			 -EINVAL},
			{{.op = CALL_LINK, .file = file, .at2 = file, .path2 = text("x")},
			 -ENOTDIR},
			{{.op = CALL_READDIR, .at = dir}, -EINVAL},
			{{.op = CALL_READDIR, .file = file}, -ENOTDIR},
			{{.op = CALL_REOPEN,
			  .at = dir,
			  .path = text("x"),
			  .flags = OPEN_READ,
			  .persistent = text("x")},
			 -EINVAL},
			{{.op = CALL_FSYNC, .file = file, .at = dir}, -EINVAL},
			{{.op = CALL_CLOSE, .file = file, .at = dir}, -EINVAL},
			{{.op = CALL_OPEN, .path = text("f"), .flags = OPEN_READ | OPEN_FOLLOW},
			 -EINVAL},
			{{.op = CALL_SEEK, .off = 1, .flags = CALL_DATA}, -EBADF},
			{{.op = CALL_SEEK, .file = file, .flags = 0}, -EINVAL},
			{{.op = CALL_SEEK, .file = file, .flags = CALL_DATA | CALL_HOLE}, -EINVAL},
			{{.op = CALL_SEEK, .file = dir, .flags = CALL_DATA}, -EBADF},
			{{.op = CALL_SEEK, .file = file, .flags = CALL_DATA}, -ENXIO},
			{{.op = CALL_SETATTR, .path = text("none"), .flags = SET_MODE}, -ENOENT},
			{{.op = CALL_SETATTR, .file = file}, -EINVAL},
			{{.op = CALL_SETATTR, .file = file, .flags = SET_NOFOLLOW}, -EINVAL},
			{{.op = CALL_SETATTR, .file = file, .flags = SET_FLAGS_ALL + 1}, -EINVAL},
			{{.op = CALL_SETATTR, .file = file, .flags = SET_ATIME | SET_ATIME_NOW},
			 -EINVAL},
			{{.op = CALL_SETATTR, .file = file, .flags = SET_MTIME | SET_MTIME_NOW},
			 -EINVAL},
			{{.op = CALL_SETATTR, .file = file, .flags = SET_UID, .uid = UINT32_MAX},
			 -EINVAL},
			{{.op = CALL_SETATTR, .file = file, .flags = SET_GID, .gid = UINT32_MAX},
			 -EINVAL},
			{{.op = CALL_SETATTR, .file = file, .at = dir, .flags = SET_MODE}, -EINVAL},
			{{.op = CALL_SETATTR, .at = dir, .path = text(".."), .flags = SET_MODE},
			 -EINVAL},
			{{.op = CALL_SYMLINK, .path = text("l")}, -ENOENT},
			{{.op = CALL_SYMLINK, .at = dir, .path = text("a/b"), .target = text("x")},
			 -EINVAL},
			{{.op = CALL_READLINK, .path = text("f")}, -EINVAL},
			{{.op = CALL_READLINK, .at = dir, .path = text(".")}, -EINVAL},
			{{.op = CALL_READLINK, .at = file, .path = text("l")}, -ENOTDIR},
			{{.op = CALL_ANCESTORS}, -EBADF},
			{{.op = CALL_ANCESTORS, .file = file}, -ENOTDIR},
		};

		for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
			cr_expect_eq(peer_call(&peer, &bad[i].call), bad[i].status, "entry %zu: %d",
				     i, peer.heard.reply.status);
	}
	/* It is closed, and stands for nothing. */
	cr_assert_eq(peer_call(&peer, &(struct call){.op = CALL_CLOSE, .file = dir}), 0);
	cr_assert_eq(peer_call(&peer, &(struct call){.op = CALL_MKDIR,
						     .at = dir,
						     .path = text("x"),
						     .mode = 0755}),
		     -ESTALE);
	peer_close(&stranger);
	peer_close(&peer);
}

Test(at, handles_that_are_none)
{
	fixture_each_scheme(handles_body, NULL);
}

/* What was done and not heard of is not done again, when its session comes back. */
static void once_body(struct server *server)
{
	struct peer one, two;
	struct hello hello;
	struct call call;
	uint64_t dir;

	fixture_open(&one, server, "memory");
	cr_assert_eq(make_dir(&one, "d"), 0);
	dir = peer_open_file(&one, "d", OPEN_READ | OPEN_DIRECTORY);
	call = (struct call){.tag = 5 * CALL_SLOTS, .op = CALL_MKDIR, .at = dir, .path = text("x")};
	cr_assert_eq(peer_call(&one, &call), 0);
	hello = peer_hello_again(&one, "memory", 1);
	fixture_connect(&two, server);
	cr_assert_eq(peer_hello_as(&two, &hello), 0);
	call.replay = 1;
	cr_assert_eq(peer_call(&two, &call), 0, "the same answer");
	call.replay = 0;
	cr_assert_eq(peer_call(&two, &call), -EEXIST, "and the directory is the same");
	peer_close(&two);
	peer_close(&one);
}

Test(at, once_only)
{
	fixture_each_scheme(once_body, NULL);
}

static void what_it_is_body(struct server *server)
{
	static const char *const exports[] = {"memory", "null", "readonly", "slow"};
	uint64_t hosts[4];
	struct peer peer;
	uint64_t dir;

	for (size_t i = 0; i < 4; i++) {
		fixture_open(&peer, server, exports[i]);
		hosts[i] = peer.heard.welcome.host;
		cr_expect_neq(hosts[i], 0);
		cr_expect_neq(hosts[i], host_id());
		for (size_t j = 0; j < i; j++)
			cr_expect_neq(hosts[i], hosts[j], "%s, %s", exports[i], exports[j]);
		peer_close(&peer);
	}
	fixture_open(&peer, server, "memory");
	cr_assert_eq(peer.heard.welcome.host, hosts[0]);
	cr_assert_eq(make_dir(&peer, "d"), 0);
	dir = peer_open_file(&peer, "d", OPEN_READ | OPEN_DIRECTORY);
	cr_assert_eq(peer_call(&peer, &(struct call){.op = CALL_ANCESTORS, .file = dir}), 0);
	cr_assert_eq(peer.heard.reply.nr_ids, 2);
	cr_assert_eq(peer_call(&peer, &(struct call){.op = CALL_SETATTR,
						     .file = dir,
						     .flags = SET_MODE,
						     .mode = 07700}),
		     0);
	cr_assert_eq(peer_call(&peer, &(struct call){.op = CALL_STAT, .file = dir}), 0);
	cr_assert_eq(peer.heard.reply.attr.mode & 07777, 0700);
	peer_close(&peer);
	fixture_open(&peer, server, "readonly");
	dir = peer_open_file(&peer, "", OPEN_READ | OPEN_DIRECTORY);
	cr_assert_eq(peer_call(&peer, &(struct call){.op = CALL_SETATTR,
						     .file = dir,
						     .flags = SET_MODE,
						     .mode = 0700}),
		     -EROFS);
	peer_close(&peer);
}

Test(at, what_a_file_is)
{
	fixture_each_scheme(what_it_is_body, NULL);
}
