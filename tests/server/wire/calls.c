/* Calls over the wire: what the server checks and how answers come back. What each one does to
 * files is the stores' tests. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fixture.h"

#define RW (OPEN_READ | OPEN_WRITE | OPEN_CREATE)

static int call_path(struct peer *peer, uint32_t op, const char *path, const char *path2)
{
	struct call call = {.op = op, .path = text(path), .path2 = text(path2), .mode = 0755};

	return peer_call(peer, &call);
}

static void files_body(struct server *server)
{
	struct peer peer;
	uint64_t file;

	fixture_open(&peer, server, "memory");
	cr_assert_eq(call_path(&peer, CALL_MKDIR, "d", ""), 0);
	file = peer_open_file(&peer, "d/f", RW);
	cr_assert_eq(peer.heard.reply.attr_valid, 1);
	cr_assert_eq(peer_io(&peer, IO_WRITE, file, 0, 5000, 0), 5000);
	cr_assert_eq(peer_call(&peer, &(struct call){.op = CALL_STAT, .file = file}), 0);
	cr_assert_eq(peer.heard.reply.attr.size, 5000);
	cr_assert_eq(peer_call(&peer, &(struct call){.op = CALL_FSYNC, .file = file}), 0);
	cr_assert_eq(peer_call(&peer, &(struct call){.op = CALL_TRUNCATE, .file = file, .len = 9}),
		     0);
	cr_assert_eq(call_path(&peer, CALL_STAT, "d/f", ""), 0);
	cr_assert_eq(peer.heard.reply.attr.size, 9);
	cr_assert_eq(call_path(&peer, CALL_RENAME, "d/f", "g"), 0);
	cr_assert_eq(call_path(&peer, CALL_LINK, "g", "h"), 0);
	cr_assert_eq(call_path(&peer, CALL_STAT, "d/f", ""), -ENOENT);
	cr_assert_eq(call_path(&peer, CALL_UNLINK, "g", ""), 0);
	cr_assert_eq(call_path(&peer, CALL_RMDIR, "d", ""), 0);
	cr_assert_eq(call_path(&peer, CALL_TRUNCATE, "h", ""), 0);
	cr_assert_eq(peer_call(&peer, &(struct call){.op = CALL_CLOSE, .file = file}), 0);
	cr_assert_eq(peer_call(&peer, &(struct call){.op = CALL_CLOSE, .file = file}), -ESTALE);
	cr_assert_eq(peer_io(&peer, IO_READ, file, 0, 1, 0), -ESTALE);
	peer_close(&peer);
}

Test(calls, files_and_names)
{
	fixture_each_scheme(files_body, NULL);
}

static void refused_body(struct server *server)
{
	const uint64_t range[] = {0, 1ull << 63};
	struct peer peer;
	uint64_t reader, writer;

	fixture_open(&peer, server, "memory");
	writer = peer_open_file(&peer, "f", RW);
	reader = peer_open_file(&peer, "f", OPEN_READ);
	{
		const struct {
			struct call call;
			int status;
		} bad[] = {
			{{.op = CALL_OPEN, .path = text("f")}, -EINVAL},
			{{.op = CALL_OPEN, .path = text("f"), .flags = 257}, -EINVAL},
			{{.op = CALL_OPEN, .path = text("/f"), .flags = OPEN_READ}, -EINVAL},
			{{.op = CALL_OPEN, .path = text("no"), .flags = OPEN_READ}, -ENOENT},
			{{.op = CALL_RENAME, .path = text("f"), .path2 = text("/g")}, -EINVAL},
			{{.op = CALL_STAT, .file = 77}, -ESTALE},
			{{.op = CALL_FSYNC, .file = 77}, -ESTALE},
			{{.op = CALL_FSYNC}, -EBADF},
			{{.op = CALL_CLOSE}, -ESTALE},
			{{.op = CALL_PUNCH}, -EBADF},
			{{.op = CALL_TRUNCATE, .file = reader}, -EBADF},
			{{.op = CALL_TRUNCATE, .file = writer, .len = 1ull << 63}, -EINVAL},
			{{.op = CALL_PUNCH, .file = writer, .nr_ranges = 1, .range = range},
			 -EINVAL},
			{{.op = CALL_PUNCH, .file = reader, .nr_ranges = 1, .range = range},
			 -EBADF},
		};

		for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
			cr_assert_eq(peer_call(&peer, &bad[i].call), bad[i].status, "entry %zu: %d",
				     i, peer.heard.reply.status);
	}
	peer_close(&peer);
}

Test(calls, arguments_are_checked)
{
	fixture_each_scheme(refused_body, NULL);
}

static void read_only_body(struct server *server)
{
	static const uint32_t ops[] = {CALL_TRUNCATE, CALL_UNLINK, CALL_RMDIR, CALL_MKDIR,
				       CALL_RENAME,   CALL_LINK,   CALL_PUNCH};
	struct peer peer;

	fixture_open(&peer, server, "readonly");
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		cr_assert_eq(call_path(&peer, ops[i], "a", "b"), -EROFS);
	for (uint32_t flags = OPEN_WRITE; flags <= OPEN_TRUNCATE; flags *= 2)
		if (flags != OPEN_EXCLUSIVE)
			cr_assert_eq(peer_call(&peer, &(struct call){.op = CALL_OPEN,
								     .path = text("a"),
								     .flags = OPEN_READ | flags}),
				     -EROFS);
	peer_close(&peer);
}

Test(calls, a_read_only_export_stays_as_it_is)
{
	fixture_each_scheme(read_only_body, NULL);
}

static void reopen_body(struct server *server)
{
	struct call call = {.op = CALL_REOPEN, .path = text("f"), .flags = OPEN_READ};
	uint8_t name[PERSISTENT_MAX];
	struct peer peer;
	uint64_t file;

	fixture_open(&peer, server, "memory");
	file = peer_open_file(&peer, "f", RW);
	cr_assert_eq(peer_io(&peer, IO_WRITE, file, 0, 500, 0), 500);
	cr_assert_eq(peer_call(&peer, &call), -ESTALE, "no name, no file");
	peer_open_file(&peer, "f", OPEN_READ);
	memcpy(name, peer.heard.persistent, sizeof(name));
	call.persistent = (struct bytes){name, peer.heard.reply.persistent.len};
	cr_assert_eq(peer_call(&peer, &call), 0);
	cr_assert_eq(peer.heard.reply.attr_valid, 1);
	cr_assert_eq(peer.heard.reply.attr.size, 500);
	cr_assert_eq(peer.heard.reply.persistent.len, call.persistent.len);
	cr_assert_neq(peer.heard.reply.file, file);
	file = peer.heard.reply.file;
	cr_assert_eq(peer_io(&peer, IO_READ, file, 0, 500, 0), 500);
	cr_assert_eq(peer_io(&peer, IO_WRITE, file, 0, 500, 0), -EBADF, "opened for reading");
	call.flags = 0;
	cr_assert_eq(peer_call(&peer, &call), -EINVAL);
	for (uint32_t flag = 1; flag <= OPEN_FLAGS_ALL; flag *= 2) {
		call.flags = OPEN_READ | flag;
		cr_assert_eq(peer_call(&peer, &call), flag & OPEN_REOPEN_FLAGS ? 0 : -EINVAL);
	}
	call.flags = OPEN_READ;
	call.path = text("/f");
	cr_assert_eq(peer_call(&peer, &call), -EINVAL);
	call.path = text("f");
	cr_assert_eq(call_path(&peer, CALL_UNLINK, "f", ""), 0);
	cr_assert_eq(peer_call(&peer, &call), -ESTALE);
	peer_close(&peer);

	fixture_open(&peer, server, "readonly");
	peer_open_file(&peer, "f", OPEN_READ);
	memcpy(name, peer.heard.persistent, sizeof(name));
	call.persistent.len = peer.heard.reply.persistent.len;
	cr_assert_eq(peer_call(&peer, &call), 0);
	call.flags = OPEN_READ | OPEN_WRITE;
	cr_assert_eq(peer_call(&peer, &call), -EROFS);
	peer_close(&peer);
}

Test(calls, a_file_is_opened_again_by_its_name)
{
	fixture_each_scheme(reopen_body, NULL);
}

static void readdir_body(struct server *server)
{
	enum { N = 1200 };
	struct peer peer;
	struct call call = {.op = CALL_READDIR};
	unsigned seen = 0, replies = 0;
	bool found[N] = {false};

	fixture_open(&peer, server, "memory");
	for (int i = 0; i < N; i++) {
		char name[32];

		snprintf(name, sizeof(name), "a-rather-long-name-%04d", i);
		cr_assert_eq(call_path(&peer, CALL_MKDIR, name, ""), 0);
	}
	do {
		const char *at = (const char *)peer.heard.names;

		call.off = peer.heard.reply.next;
		cr_assert_eq(peer_call(&peer, &call), 0);
		replies++;
		for (size_t i = 0; i < peer.heard.reply.nr_types; i++, at += strlen(at) + 1) {
			int n;

			if (sscanf(at, "a-rather-long-name-%d", &n) != 1)
				continue;
			cr_assert_not(found[n], "%d twice", n);
			found[n] = true;
			seen++;
		}
	} while (peer.heard.reply.next);
	cr_assert_eq(seen, N);
	cr_assert_gt(replies, 1, "one reply is bounded");
	peer_close(&peer);
}

Test(calls, a_directory_comes_in_pieces)
{
	fixture_each_scheme(readdir_body, NULL);
}

static void many_body(struct server *server)
{
	enum { N = 1000 };
	struct peer peer;

	fixture_open(&peer, server, "memory");
	for (uint32_t i = 0; i < N; i++)
		peer_send(&peer,
			  &(struct message){.type = MSG_CALL, .call = {.tag = i, .op = CALL_STAT}});
	peer_until(&peer, peer.heard.nr_replies == N || peer.link.closed);
	cr_assert_not(peer.link.closed);
	peer_close(&peer);
	/* And one that leaves before they are answered. */
	fixture_open(&peer, server, "memory");
	for (uint32_t i = 0; i < N; i++)
		peer_send(&peer, &(struct message){.type = MSG_CALL,
						   .call = {.tag = i,
							    .op = CALL_OPEN,
							    .flags = RW,
							    .path = text("f")}});
	peer_close(&peer);
}

Test(calls, a_thousand_at_once)
{
	fixture_each_scheme(many_body, NULL);
}

static int stats(struct peer *peer, struct call call)
{
	call.op = CALL_STATS;
	return peer_call(peer, &call);
}

static void stats_body(struct server *server)
{
	static uint8_t most[STATS_MAX];
	struct peer peer;
	uint64_t dir;

	fixture_open(&peer, server, "memory");
	peer_open_file(&peer, "f", OPEN_READ | OPEN_WRITE | OPEN_CREATE);
	dir = peer_open_file(&peer, "", OPEN_READ | OPEN_DIRECTORY);
	cr_assert_eq(stats(&peer, (struct call){.names = {(const uint8_t *)"f\0none\0", 8}}), 0);
	cr_assert_eq(peer.heard.reply.nr_attrs, 3);
	cr_assert_eq(peer.heard.reply.attrs[0].status, 0);
	cr_assert_eq(peer.heard.reply.attrs[1].status, -ENOENT);
	cr_assert_eq(peer.heard.reply.attrs[2].kind & S_IFMT, S_IFDIR);
	cr_assert_eq(stats(&peer, (struct call){.names = {most, sizeof(most)}}), 0);
	cr_assert_eq(peer.heard.reply.nr_attrs, STATS_MAX);
	cr_assert_eq(stats(&peer, (struct call){.file = 0}), -EINVAL);
	cr_assert_eq(stats(&peer, (struct call){.names = {(const uint8_t *)"f\0/f", 5}}), -EINVAL);
	cr_assert_eq(peer.heard.reply.nr_attrs, 0);
	cr_assert_eq(stats(&peer, (struct call){.at = dir, .names = {most, 1}}), -EINVAL);
	cr_assert_eq(stats(&peer, (struct call){.file = dir, .names = {most, 1}}), -EINVAL);
	cr_assert_eq(stats(&peer, (struct call){.file = 77, .names = {most, 1}}), -ESTALE);
	peer_close(&peer);
}

Test(calls, attributes_of_many_paths)
{
	fixture_each_scheme(stats_body, NULL);
}
