/* What a key is good for: exports, reading or writing, limits, and sessions. By hand. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "client/usrbio.h"
#include "tests/auth/play/fixture.h"
#include "tests/auth/play/hand.h"
#include "tests/support/must.h"

/* The Welcome that refuses this export, its name masked, without its mac. */
static struct said refusal(const struct login *who, const char *export, int status)
{
	struct hand hand;
	struct said said;
	char *name;

	hand_open(&hand, served.url);
	expect_out(hand_login(&hand, who, export), status, export);
	said = hand.heard;
	said.len -= 2 + MAC_SIZE;
	hand_close(&hand);
	name = memmem(said.frame, said.len, export, strlen(export));
	if (name)
		memset(name, '*', strlen(export));
	return said;
}

static void hidden_export(const struct auth_case *c)
{
	struct said there = refusal(&bob, "other", -ENOENT);
	struct said missing = refusal(&bob, "othex", -ENOENT);
	struct usrbio_stat st;

	if (there.len != missing.len || memcmp(there.frame, missing.frame, there.len))
		bad("an export that is there is told from one that is not");
	expect_out(usrbio_stat(file_as(served.url, "other", "bob", 20, "file"), &st), -ENOENT,
		   "bob at \"other\"");
	expect_out(usrbio_stat(file_as(served.url, "kept", "alice", 20, "file"), &st), -ENOENT,
		   "alice at \"kept\"");
}

static uint64_t open_file(struct hand *hand, uint32_t flags)
{
	int status = hand_call(
		hand, &(struct call){.op = CALL_OPEN, .path = text("file"), .flags = flags});

	expect_in(status, "open");
	return status ? 0 : hand->msg.reply.file;
}

/* Whatever would change something. */
static void expect_read_only(struct hand *hand, uint64_t file, const char *who)
{
	static const uint64_t range[] = {0, 4096};
	const struct call calls[] = {
		{.op = CALL_OPEN, .path = text("file"), .flags = OPEN_WRITE},
		{.op = CALL_OPEN, .path = text("file"), .flags = OPEN_READ | OPEN_WRITE},
		{.op = CALL_OPEN, .path = text("new"), .flags = OPEN_READ | OPEN_CREATE},
		{.op = CALL_OPEN, .path = text("file"), .flags = OPEN_WRITE | OPEN_TRUNCATE},
		{.op = CALL_REOPEN,
		 .path = text("file"),
		 .flags = OPEN_READ | OPEN_WRITE,
		 .persistent = text("x")},
		{.op = CALL_TRUNCATE, .path = text("file"), .len = 1},
		{.op = CALL_TRUNCATE, .file = file, .len = 1},
		{.op = CALL_UNLINK, .path = text("file")},
		{.op = CALL_RMDIR, .path = text("dir")},
		{.op = CALL_MKDIR, .path = text("dir"), .mode = 0755},
		{.op = CALL_SYMLINK, .path = text("link"), .target = text("file")},
		{.op = CALL_RENAME, .path = text("file"), .path2 = text("elif")},
		{.op = CALL_LINK, .path = text("file"), .path2 = text("elif")},
		{.op = CALL_LINK, .file = file, .path2 = text("elif")},
		{.op = CALL_PUNCH, .file = file, .nr_ranges = 1, .range = range},
		{.op = CALL_FALLOCATE, .file = file, .len = 4096},
		{.op = CALL_SETXATTR, .path = text("file"), .name = text("user.a")},
		{.op = CALL_REMOVEXATTR, .file = file, .name = text("user.a")},
		{.op = CALL_SETATTR, .file = file, .flags = SET_MODE, .mode = 0777},
		{.op = CALL_SETATTR, .path = text("file"), .flags = SET_MTIME_NOW},
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		int status = hand_call(hand, &calls[i]);

		if (status != -EROFS)
			bad("%s: call %u of %zu: %d", who, calls[i].op, i, status);
	}
	expect_out((int)hand_write(hand, file), -EROFS, who);
}

static void read_only(const struct auth_case *c)
{
	struct usrbio_stat st;
	struct hand hand;

	hand_open(&hand, served.url);
	expect_in(hand_login(&hand, &rita, "data"), "rita");
	if (!(hand.msg.welcome.export_flags & EXPORT_READ_ONLY))
		bad("rita is not told that she may only read");
	expect_read_only(&hand, open_file(&hand, OPEN_READ), "rita");
	hand_close(&hand);
	expect_out(usrbio_unlink(file_as(served.url, "data", "rita", 20, "file")), -EROFS,
		   "rita, by the library");
	expect_in(usrbio_stat(file_as(served.url, "data", "alice", 20, "file"), &st), "alice");
	if (st.size != FILE_SIZE)
		bad("the file has changed");
}

/* The same key, and less than before: also for files that are open. */
static void less_than_before(const struct auth_case *c)
{
	static const struct entry less[] = {{"alice", {&alice}, "export = *:ro\n"}, {NULL}};
	struct hand hand, again;
	struct hello hello;
	uint64_t file;

	hand_open(&hand, served.url);
	expect_in(hand_login(&hand, &alice, "data"), "alice");
	file = open_file(&hand, OPEN_READ | OPEN_WRITE);
	must(fixture_keyring(less), "a keyring");
	if (!hand_is_ended(&hand))
		bad("a grant that was taken back");
	hand_open(&again, served.url);
	hello = hand_hello(&again, &alice, "data");
	hello.session_id = (struct bytes){hand.session_id, SESSION_ID_SIZE};
	hello.epoch = 1;
	expect_in(hand_insist(&again, &alice, &hello, hand.session_key), "alice, again");
	expect_read_only(&again, file, "alice, who may only read now");
	hand_close(&again);
	hand_close(&hand);
}

/* Of an id that no case before has used: what its sessions have open would count. */
static void limits(const struct auth_case *c)
{
	static struct login dave = {"dave", {{0}}};
	static const struct entry few[] = {{"dave",
					    {&dave},
					    "export = *:rw\nexport = other:ro\nmax-files = 2\n"
					    "max-inflight = 3\n"},
					   {NULL}};
	struct hand hand;

	must(!secret_draw(&dave.secret), "no randomness");
	must(fixture_keyring(few), "a keyring");
	hand_open_as(&hand, served.url, &dave);
	expect_in(hand_login(&hand, &dave, "kept"), "an export granted by *");
	if (hand.msg.welcome.max_inflight != 3 || hand.msg.welcome.max_files != 2)
		bad("limits of %u and %u", hand.msg.welcome.max_inflight,
		    hand.msg.welcome.max_files);
	open_file(&hand, OPEN_READ);
	open_file(&hand, OPEN_READ | OPEN_WRITE);
	expect_out(hand_call(&hand, &(struct call){.op = CALL_OPEN,
						   .path = text("file"),
						   .flags = OPEN_READ}),
		   -EMFILE, "a third file");
	hand_close(&hand);
	hand_open_as(&hand, served.url, &dave);
	expect_in(hand_login(&hand, &dave, "other"), "an export granted by name");
	if (!(hand.msg.welcome.export_flags & EXPORT_READ_ONLY))
		bad("what is granted by name goes before *");
	hand_close(&hand);
}

/* Enter the session of `of` with a key of its own. */
static int enter(const struct hand *of, const struct login *who, const char *export, uint32_t epoch,
		 const uint8_t *session_key)
{
	struct hand hand;
	struct hello hello;
	int status;

	hand_open(&hand, served.url);
	hello = hand_hello(&hand, who, export);
	hello.session_id = (struct bytes){of->session_id, SESSION_ID_SIZE};
	hello.epoch = epoch;
	status = hand_insist(&hand, who, &hello, session_key);
	hand_close(&hand);
	return status;
}

/* In sessions of two exports; whoever comes then is told so until one of them leaves. */
static void connections(const struct auth_case *c)
{
	static struct login carol = {"carol", {{0}}};
	static const struct entry few[] = {
		{"carol", {&carol}, "export = *:rw\nmax-connections = 2\n"},
		{"alice", {&alice}, "export = data:rw\nexport = other:rw\n"},
		{NULL}};
	static const char limit[] = "the key \"carol\" allows no more connections than it has now";
	struct hand first, second, more;
	struct hello hello;
	struct bytes why;
	int status;

	must(!secret_draw(&carol.secret), "no randomness");
	must(fixture_keyring(few), "a keyring");
	hand_open(&first, served.url);
	hand_open(&second, served.url);
	expect_in(hand_login(&first, &carol, "data"), "carol");
	expect_in(hand_login(&second, &carol, "other"), "carol, again");
	hand_open(&more, served.url);
	expect_out(hand_login(&more, &carol, "kept"), -EUSERS, "a third connection");
	why = more.msg.welcome.text;
	if (why.len != strlen(limit) || memcmp(why.data, limit, why.len))
		bad("a text that does not name the limit of the key");
	hand_close(&more);
	hand_open(&more, served.url);
	hello = hand_hello(&more, &carol, "kept");
	hello.channel = 2;
	expect_out(hand_insist(&more, &carol, &hello, NULL), -EPERM, "a third one of one mount");
	hand_close(&more);
	expect_out(enter(&first, &carol, "data", 0, first.session_key), -EUSERS, "one that joins");
	hand_open(&more, served.url);
	expect_in(hand_login(&more, &alice, "data"), "alice");
	hand_close(&more);
	expect_in(enter(&first, &carol, "data", 1, first.session_key), "one instead of the first");
	hand_close(&first);
	do { /* the server notices that it has left */
		hand_open(&more, served.url);
		status = hand_login(&more, &carol, "kept");
		hand_close(&more);
	} while (status == -EUSERS);
	expect_in(status, "one after the first has left");
	if (!hand_is_alive(&second))
		good_refused("the second, because of others");
	hand_close(&second);
}

static void sessions(const struct auth_case *c)
{
	uint8_t other[SESSION_KEY_SIZE];
	struct hand hand;

	hand_open(&hand, served.url);
	expect_in(hand_login(&hand, &alice, "data"), "alice");
	for (size_t i = 0; i < sizeof(other); i++) {
		memcpy(other, hand.session_key, sizeof(other));
		other[i] ^= (uint8_t)(1u << i % 8);
		expect_out(enter(&hand, &alice, "data", 0, other), -ESTALE, "another session key");
	}
	memset(other, 0, sizeof(other));
	expect_out(enter(&hand, &alice, "data", 0, other), -ESTALE, "a session key of zeroes");
	expect_out(enter(&hand, &bob, "data", 0, hand.session_key), -ESTALE, "somebody else");
	expect_out(enter(&hand, &alice, "other", 0, hand.session_key), -EINVAL, "another export");
	expect_out(enter(&hand, &forged, "data", 0, hand.session_key), -EKEYREJECTED,
		   "another key, with that of the session");
	expect_out(enter(&hand, &alice, "data", 0, NULL), -ENOTCONN, "no session key at all");
	if (!hand_is_alive(&hand))
		good_refused("alice, because of others");
	expect_in(enter(&hand, &alice, "data", 0, hand.session_key), "who joins");
	if (!hand_is_alive(&hand))
		good_refused("alice, because of who joined");
	expect_in(enter(&hand, &alice, "data", 1, hand.session_key), "who resumes");
	if (hand_is_alive(&hand))
		bad("the incarnation before is not over");
	hand_close(&hand);
}

/*
 * The id stands for another user after a reload: the session is over, with the files that were
 * opened as the user before. A session that is begun then is another one.
 */
static void another_user(const struct auth_case *c)
{
	static const struct entry one[] = {{"alice", {&alice}, "export = *:rw\nuid = 1\ngid = 1\n"},
					   {NULL}};
	static const struct entry two[] = {{"alice", {&alice}, "export = *:rw\nuid = 2\ngid = 2\n"},
					   {NULL}};
	struct hand hand, again, anew;
	struct hello hello;

	if (geteuid())
		return; /* the server refuses such a keyring */
	must(fixture_keyring(one), "a keyring");
	hand_open(&hand, served.url);
	expect_in(hand_login(&hand, &alice, "data"), "alice");
	must(fixture_keyring(two), "a keyring");
	hand_open(&again, served.url);
	hello = hand_hello(&again, &alice, "data");
	hello.session_id = (struct bytes){hand.session_id, SESSION_ID_SIZE};
	hello.epoch = 1;
	expect_out(hand_insist(&again, &alice, &hello, hand.session_key), -ESTALE,
		   "the session of another user");
	if (!hand_is_ended(&hand))
		bad("a connection of another user");
	hand_open(&anew, served.url);
	expect_in(hand_login(&anew, &alice, "data"), "alice, as another user");
	hand_close(&anew);
	hand_close(&again);
	hand_close(&hand);
}

const struct auth_case grant_cases[] = {
	{"export-not-granted", hidden_export},
	{"read-only-grant", read_only},
	{"less-than-before", less_than_before},
	{"limits-of-a-key", limits},
	{"connections-of-a-key", connections},
	{"sessions", sessions},
	{"the-session-of-another-user-of-the-same-id", another_user},
	{NULL},
};
