/*
 * Calls of later versions over the wire: the numbers of a file system, its space, and names that
 * are exchanged. What they may name, and what they do once.
 */
#include <criterion/criterion.h>
#include <errno.h>

#include "fixture.h"

static int ask(struct peer *peer, const char *path)
{
	return peer_call(peer, &(struct call){.op = CALL_STATFS, .path = text(path)});
}

static uint64_t number(const struct peer *peer, enum fs_number which)
{
	cr_assert_eq(peer->heard.reply.nr_fs, NR_FS_NUMBERS);
	return peer->heard.reply.fs[which];
}

static void numbers_body(struct server *server)
{
	struct peer peer;
	uint64_t dir, gone;

	fixture_open(&peer, server, "memory");
	cr_assert_eq(ask(&peer, ""), 0);
	cr_assert_gt(number(&peer, FS_BLOCKS), 0);
	cr_assert_eq(number(&peer, FS_FLAGS), 0);
	dir = peer_open_file(&peer, "", OPEN_READ | OPEN_DIRECTORY);
	cr_assert_eq(peer_call(&peer, &(struct call){.op = CALL_STATFS, .file = dir}), 0);
	cr_assert_gt(number(&peer, FS_BLOCK_SIZE), 0);
	cr_assert_eq(ask(&peer, "none"), -ENOENT);
	cr_assert_eq(peer.heard.reply.nr_fs, 0);
	cr_assert_eq(ask(&peer, "/"), -EINVAL);
	cr_assert_eq(
		peer_call(&peer, &(struct call){.op = CALL_STATFS, .at = dir, .path = text("x")}),
		-EINVAL);
	gone = dir;
	cr_assert_eq(peer_call(&peer, &(struct call){.op = CALL_CLOSE, .file = dir}), 0);
	cr_assert_eq(peer_call(&peer, &(struct call){.op = CALL_STATFS, .file = gone}), -ESTALE);
	/* It is no change, so it is answered anew. */
	cr_assert_eq(peer_call(&peer, &(struct call){.tag = 9 * CALL_SLOTS,
						     .op = CALL_STATFS,
						     .path = text(""),
						     .replay = 1}),
		     0);
	cr_assert_gt(number(&peer, FS_BLOCKS), 0);
	peer_close(&peer);
	fixture_open(&peer, server, "readonly");
	cr_assert_eq(ask(&peer, ""), 0);
	cr_assert_eq(number(&peer, FS_FLAGS), FS_FLAG_READ_ONLY);
	cr_assert_eq(number(&peer, FS_BLOCKS) * number(&peer, FS_BLOCK_SIZE), 1 << 30);
	peer_close(&peer);
}

Test(fs, numbers)
{
	fixture_each_scheme(numbers_body, NULL);
}

static int allocate(struct peer *peer, uint64_t file, uint32_t flags, uint64_t off, uint64_t len)
{
	return peer_call(peer, &(struct call){.op = CALL_FALLOCATE,
					      .file = file,
					      .flags = flags,
					      .off = off,
					      .len = len});
}

static void allocate_body(struct server *server)
{
	struct peer one, two;
	struct hello hello;
	struct call call;
	uint64_t file;

	fixture_open(&one, server, "memory");
	file = peer_open_file(&one, "f", OPEN_READ | OPEN_WRITE | OPEN_CREATE);
	cr_assert_eq(allocate(&one, 0, 0, 0, 1), -EBADF);
	cr_assert_eq(allocate(&one, 77, 0, 0, 1), -ESTALE);
	cr_assert_eq(allocate(&one, file, 0, 0, 0), -EINVAL);
	cr_assert_eq(allocate(&one, file, 0, 1ull << 63, 1), -EINVAL);
	cr_assert_eq(allocate(&one, file, 0, 0, 1ull << 63), -EINVAL);
	cr_assert_eq(allocate(&one, file, UINT32_MAX, 0, 1), -EOPNOTSUPP);
	cr_assert_eq(allocate(&one, file, ALLOCATE_PUNCH_HOLE, 0, 1), -EOPNOTSUPP);
	cr_assert_eq(allocate(&one, file, ALLOCATE_PUNCH_HOLE | ALLOCATE_ZERO_RANGE, 0, 1),
		     -EOPNOTSUPP);
	cr_assert_eq(allocate(&one, file, 4, 0, 1), -EOPNOTSUPP);
	cr_assert_eq(allocate(&one, file, 0, 1, INT64_MAX), -EFBIG);
	cr_assert_eq(allocate(&one, file, 0, 0, INT64_MAX), -EFBIG);
	cr_assert_eq(allocate(&one, file, 0, 0, 1000), 0);
	/* Once only: the repetition does not make the file longer again. */
	call = (struct call){.tag = 5 * CALL_SLOTS + 3,
			     .op = CALL_FALLOCATE,
			     .file = file,
			     .off = 0,
			     .len = 2000};
	cr_assert_eq(peer_call(&one, &call), 0);
	hello = peer_hello_again(&one, "memory", 1);
	fixture_connect(&two, server);
	cr_assert_eq(peer_hello_as(&two, &hello), 0);
	cr_assert_eq(peer_call(&two, &(struct call){.op = CALL_TRUNCATE, .file = file}), 0);
	call.replay = 1;
	cr_assert_eq(peer_call(&two, &call), 0);
	cr_assert_eq(peer_call(&two, &(struct call){.op = CALL_STAT, .file = file}), 0);
	cr_assert_eq(two.heard.reply.attr.size, 0);
	peer_close(&two);
	peer_close(&one);
	fixture_open(&one, server, "readonly");
	file = peer_open_file(&one, "f", OPEN_READ);
	cr_assert_eq(allocate(&one, file, 0, 0, 1), -EROFS);
	peer_close(&one);
}

Test(fs, space_is_allocated_once)
{
	fixture_each_scheme(allocate_body, NULL);
}

static uint64_t ino_of(struct peer *peer, const char *path)
{
	cr_assert_eq(peer_call(peer, &(struct call){.op = CALL_STAT, .path = text(path)}), 0);
	return peer->heard.reply.attr.ino;
}

static void exchange_body(struct server *server)
{
	static const uint32_t refused[] = {CALL_NOREPLACE | CALL_EXCHANGE, CALL_NOFOLLOW, 128,
					   UINT32_MAX};
	struct call call = {.tag = 5 * CALL_SLOTS + 3,
			    .op = CALL_RENAME,
			    .path = text("one"),
			    .path2 = text("other")};
	struct peer peer, again;
	uint64_t one, other;
	struct hello hello;

	fixture_open(&peer, server, "memory");
	peer_open_file(&peer, "one", OPEN_READ | OPEN_WRITE | OPEN_CREATE);
	peer_open_file(&peer, "other", OPEN_READ | OPEN_WRITE | OPEN_CREATE);
	one = ino_of(&peer, "one");
	other = ino_of(&peer, "other");
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		call.flags = refused[i];
		cr_assert_eq(peer_call(&peer, &call), -EINVAL, "%x", refused[i]);
	}
	cr_assert_eq(ino_of(&peer, "other"), other);
	call.flags = CALL_EXCHANGE;
	call.tag += CALL_SLOTS;
	cr_assert_eq(peer_call(&peer, &call), 0);
	hello = peer_hello_again(&peer, "memory", 1);
	fixture_connect(&again, server);
	cr_assert_eq(peer_hello_as(&again, &hello), 0);
	call.replay = 1;
	cr_assert_eq(peer_call(&again, &call), 0, "it is not exchanged back");
	cr_assert_eq(ino_of(&again, "one"), other);
	cr_assert_eq(ino_of(&again, "other"), one);
	call.path2 = text("none");
	call.tag += CALL_SLOTS;
	cr_assert_eq(peer_call(&again, &call), -ENOENT);
	peer_close(&again);
	peer_close(&peer);
}

Test(fs, names_are_exchanged_once)
{
	fixture_each_scheme(exchange_body, NULL);
}
