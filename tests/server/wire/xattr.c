/* Extended attributes over the wire: names that are allowed, limits, and what is done once. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "fixture.h"

static int set(struct peer *peer, uint64_t file, const char *name, uint32_t flags)
{
	return peer_call(peer, &(struct call){.op = CALL_SETXATTR,
					      .file = file,
					      .path = text(file ? "" : "f"),
					      .name = text(name),
					      .value = text("value"),
					      .flags = flags});
}

static int get(struct peer *peer, const char *name)
{
	return peer_call(
		peer, &(struct call){.op = CALL_GETXATTR, .path = text("f"), .name = text(name)});
}

static void names_body(struct server *server)
{
	static const struct {
		const char *name;
		int status;
	} names[] = {{"", -ERANGE},
		     {"user.", -EOPNOTSUPP},
		     {"user", -EOPNOTSUPP},
		     {"User.a", -EOPNOTSUPP},
		     {"security.capability", -EOPNOTSUPP},
		     {"security.selinux", -EOPNOTSUPP},
		     {"trusted.a", -EOPNOTSUPP},
		     {"system.nfs4_acl", -EOPNOTSUPP},
		     {"system.posix_acl_access2", -EOPNOTSUPP},
		     {"system.posix_acl_access", -EOPNOTSUPP}, /* in memory */
		     {"user.a", 0}};
	struct peer peer;
	uint64_t file;

	fixture_open(&peer, server, "memory");
	file = peer_open_file(&peer, "f", OPEN_READ | OPEN_WRITE | OPEN_CREATE);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		cr_expect_eq(set(&peer, file, names[i].name, 0), names[i].status, "%s",
			     names[i].name);
		cr_expect_eq(get(&peer, names[i].name), names[i].status, "%s", names[i].name);
		if (names[i].status)
			cr_expect_eq(peer.heard.reply.value.len, 0);
	}
	cr_assert_eq(peer.heard.reply.value.len, 5);
	cr_assert_eq(set(&peer, 0, "user.b", CALL_EXCHANGE), -EINVAL);
	cr_assert_eq(set(&peer, 0, "user.b", UINT32_MAX), -EINVAL);
	cr_assert_eq(set(&peer, 0, "user.b", CALL_REPLACE), -ENODATA);
	cr_assert_eq(set(&peer, 0, "user.b", CALL_CREATE), 0);
	cr_assert_eq(set(&peer, 77, "user.b", 0), -ESTALE);
	cr_assert_eq(peer_call(&peer, &(struct call){.op = CALL_LISTXATTR, .file = file}), 0);
	cr_assert_eq(peer.heard.reply.value.len, 14);
	cr_assert_eq(peer_call(&peer, &(struct call){.op = CALL_LISTXATTR,
						     .file = file,
						     .at = file,
						     .path = text("f")}),
		     -EINVAL);
	peer_close(&peer);
	fixture_open(&peer, server, "null");
	cr_assert_eq(set(&peer, 0, "user.a", 0), -EOPNOTSUPP);
	cr_assert_eq(peer_call(&peer, &(struct call){.op = CALL_LISTXATTR, .path = text("f")}),
		     -EOPNOTSUPP);
	peer_close(&peer);
	fixture_open(&peer, server, "readonly");
	cr_assert_eq(set(&peer, 0, "user.a", 0), -EROFS);
	peer_close(&peer);
}

Test(xattr, names)
{
	fixture_each_scheme(names_body, NULL);
}

static void once_body(struct server *server)
{
	struct call removes = {.tag = 5 * CALL_SLOTS + 3,
			       .op = CALL_REMOVEXATTR,
			       .path = text("f"),
			       .name = text("user.a")};
	struct call creates = {.tag = 5 * CALL_SLOTS + 4,
			       .op = CALL_SETXATTR,
			       .path = text("f"),
			       .name = text("user.b"),
			       .value = text("x"),
			       .flags = CALL_CREATE};
	struct peer one, two;
	struct hello hello;

	fixture_open(&one, server, "memory");
	peer_open_file(&one, "f", OPEN_READ | OPEN_WRITE | OPEN_CREATE);
	cr_assert_eq(set(&one, 0, "user.a", 0), 0);
	cr_assert_eq(peer_call(&one, &removes), 0);
	cr_assert_eq(peer_call(&one, &creates), 0);
	hello = peer_hello_again(&one, "memory", 1);
	fixture_connect(&two, server);
	cr_assert_eq(peer_hello_as(&two, &hello), 0);
	removes.replay = creates.replay = 1;
	cr_assert_eq(peer_call(&two, &removes), 0, "the same answer");
	cr_assert_eq(peer_call(&two, &creates), 0, "the same answer");
	removes.replay = creates.replay = 0;
	cr_assert_eq(peer_call(&two, &removes), -ENODATA);
	cr_assert_eq(peer_call(&two, &creates), -EEXIST);
	peer_close(&two);
	peer_close(&one);
}

Test(xattr, once_only)
{
	fixture_each_scheme(once_body, NULL);
}

/* A list that would not fit is refused, whole. */
static void longest_body(struct server *server)
{
	static char name[PROTO_NAME_MAX + 1];
	struct peer peer;
	unsigned n = 0;

	fixture_open(&peer, server, "memory");
	peer_open_file(&peer, "f", OPEN_READ | OPEN_WRITE | OPEN_CREATE);
	memset(name, 'n', PROTO_NAME_MAX);
	memcpy(name, "user.", 5);
	do {
		name[PROTO_NAME_MAX - 1] = (char)('0' + n++);
		cr_assert_eq(set(&peer, 0, name, 0), 0);
		peer_call(&peer, &(struct call){.op = CALL_LISTXATTR, .path = text("f")});
	} while (!peer.heard.reply.status);
	cr_assert_eq(peer.heard.reply.status, -E2BIG);
	cr_assert_eq(n, XATTR_VALUE_MAX / (PROTO_NAME_MAX + 1) + 1);
	cr_assert_eq(get(&peer, name), 0);
	peer_close(&peer);
}

Test(xattr, the_longest_list)
{
	fixture_each_scheme(longest_body, NULL);
}
