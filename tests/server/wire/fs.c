/* File systems over the wire: their numbers, and what a call about them may name. */
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
