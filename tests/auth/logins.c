/* Who gets in, through the library: keys right, wrong and none; keys that change under clients. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/usrbio.h"
#include "tests/auth/play/fixture.h"
#include "tests/auth/play/hand.h"
#include "tests/support/must.h"
#include "tests/evil/neighbour.h"

static int look(const struct fixture *fixture, const char *name)
{
	struct usrbio_stat st;

	return usrbio_stat(file_as(fixture->url, "data", name, 20, "file"), &st);
}

static void right(const struct auth_case *c)
{
	expect_in(look(&served, "alice"), "alice");
	expect_in(look(&served, "bob"), "bob");
	expect_in(look(&served, "rita"), "rita");
	expect_in(look(&served, "alice&nconnect=4"), "alice on four connections");
}

static void by_environment(const struct auth_case *c)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/keys/bob", root);
	setenv("USRBIO_KEY", path, 1);
	expect_in(look(&served, ""), "$USRBIO_KEY");
	unsetenv("USRBIO_KEY");
	expect_in(look(&served, ""), "a mount that is up needs it no more");
}

static void wrong(const struct auth_case *c)
{
	struct usrbio_stat st;

	expect_out(look(&served, "forged"), -EKEYREJECTED, "another key of a right id");
	expect_out(look(&served, "nobody"), -EKEYREJECTED, "an unknown id");
	expect_out(usrbio_stat(file_as(served.url, "data", "", 19, "file"), &st), -EKEYREJECTED,
		   "no key");
}

/* What an unknown id is answered with is a key that nobody has: not that of who draws none. */
static void zeroes(const struct auth_case *c)
{
	static const struct login who = {"zeroes", {{0}}};
	struct hello hello;
	struct hand hand;

	hand_open(&hand, served.url);
	hello = hand_hello(&hand, &who, "data");
	hand_say_hello(&hand, &hello);
	if (hand_hear_challenge(&hand, &who))
		bad("a key of zeroes is known");
	hand_close(&hand);
}

/* tls=required of a tcp:// mount: by TLS, or not at all. */
static void encrypted(const struct auth_case *c)
{
	char url[sizeof(served.url)];
	struct usrbio_stat st;
	int err;

	if (!over_tcp && !over_tls)
		return;
	snprintf(url, sizeof(url), "tcp%s", strstr(served.url, "://"));
	err = usrbio_stat(file_as(url, "data", "alice&tls=required", 3, "file"), &st);
	if (over_tls)
		expect_in(err, "alice, who insists on TLS");
	else if (!err)
		bad("who insists on TLS goes on without");
}

static void unusable(const struct auth_case *c)
{
	char path[200];

	expect_out(look(&served, "absent"), -EKEYREJECTED, "a file that is not there");
	fixture_give("wide", &alice);
	snprintf(path, sizeof(path), "%s/keys/wide", root);
	must(!chmod(path, 0640), "chmod");
	expect_out(look(&served, "wide"), -EKEYREJECTED, "a file that others may read");
	must(!chmod(path, 0600), "chmod");
	expect_in(look(&served, "wide"), "the same, once it is closed to them");
}

static void no_keyring(const struct auth_case *c)
{
	struct hello hello;
	struct hand hand;

	if (over_tls) { /* which needs a key in any case */
		expect_out(look(&open_to_all, ""), -EKEYREJECTED, "no key");
		if (!look(&open_to_all, "alice"))
			bad("a server that has no keyring");
		return;
	}
	expect_in(look(&open_to_all, ""), "no key, where none is needed");
	expect_out(look(&open_to_all, "alice"), -EKEYREJECTED, "a server that has no keyring");
	hand_open(&hand, open_to_all.url);
	hello = hand_hello(&hand, &alice, "data");
	expect_out(hand_insist(&hand, &alice, &hello, NULL), -EKEYREJECTED, "who insists");
	hand_close(&hand);
}

/* What the manual says to do. */
static void generated(const struct auth_case *c)
{
	char path[200], file[400], text[1024];
	struct process again;
	FILE *f;

	snprintf(path, sizeof(path), "%s/keys/carol", root);
	must(!run(TOOL_PROGRAM, "keygen", "carol", path), "keygen");
	process_start(&again, (const char *const[]){TOOL_PROGRAM, "keygen", "carol", path, NULL},
		      "/dev/null");
	if (!process_wait(&again))
		bad("keygen wrote over a key");
	f = fopen(path, "re");
	must(f && fread(file, 1, sizeof(file) - 1, f) > 64, "%s", path);
	file[ftell(f)] = 0;
	fclose(f);
	snprintf(text, sizeof(text), "%sexport = *:ro\n", file);
	must(fixture_reload_text(text), "a keyring made of it");
	expect_in(look(&served, "carol"), "carol");
	expect_out(look(&served, "bob&nconnect=2"), -EKEYREJECTED, "who is not in it");
}

static void rotate_key(const struct auth_case *c)
{
	static const struct entry both[] = {
		{"alice", {&alice, &alice_next}, "export = data:rw\nexport = other:rw\n"}, {NULL}};
	static const struct entry next[] = {
		{"alice", {&alice_next}, "export = data:rw\nexport = other:rw\n"}, {NULL}};
	struct neighbour *moving, *moved;
	struct hand old, new, again;
	struct usrbio_stat st;
	struct hello hello;
	int fd;

	must(fixture_keyring(both), "two keys");
	fixture_give("moving", &alice);
	moving = neighbour_start(mount_as(served.url, "data", "moving", 20));
	moved = neighbour_start(mount_as(served.url, "other", "alice-next", 20));
	fd = usrbio_open(file_as(served.url, "data", "moving", 20, "file"), O_RDONLY, 0);
	expect_in(fd, "the old key");
	fixture_give("moving",
		     &alice_next); /* before hands must answer pings: this may take long */
	hand_open(&old, served.url);
	expect_in(hand_login(&old, &alice, "data"), "the old key");
	hand_open_as(&new, served.url, &alice_next);
	expect_in(hand_login(&new, &alice_next, "data"), "the new key");
	must(fixture_keyring(next), "the next key");
	if (!hand_is_ended(&old))
		bad("the old key goes on");
	if (!hand_is_alive(&new))
		good_refused("the new key, when the old one was taken out");
	hand_open_as(&again, served.url, &alice_next);
	hello = hand_hello(&again, &alice_next, "data");
	hello.session_id = (struct bytes){old.session_id, SESSION_ID_SIZE};
	hello.epoch = 1;
	expect_in(hand_insist(&again, &alice_next, &hello, old.session_key),
		  "a session begun with the old key");
	hand_close(&again);
	neighbour_await(moving);
	neighbour_await(moved);
	expect_in(usrbio_fstat(fd, &st), "a file opened with the old key");
	usrbio_close(fd);
	if (neighbour_stop(moving) || neighbour_stop(moved))
		good_refused("I/O beside a key that was changed");
	hand_open(&again, served.url);
	expect_out(hand_login(&again, &alice, "data"), -EKEYREJECTED, "the old key");
	hand_close(&again);
	hand_close(&old);
	hand_close(&new);
}

static void revoke_under_load(const struct auth_case *c)
{
	static const struct entry without[] = {{"bob", {&bob}, "export = data:rw\n"}, {NULL}};
	struct neighbour *hers, *his;
	struct hand hand;
	struct usrbio_stat st;

	hers = neighbour_start(mount_as(served.url, "other", "alice", 2));
	his = neighbour_start(mount_as(served.url, "data", "bob", 20));
	hand_open_as(&hand, served.url, &bob);
	expect_in(hand_login(&hand, &bob, "data"), "bob");
	must(fixture_keyring(without), "a keyring without alice");
	neighbour_await(hers); /* it ends, and what follows as well */
	expect_out(usrbio_stat(file_as(served.url, "other", "alice", 2, "file"), &st), -EREMOTEIO,
		   "a key that was revoked");
	expect_out(look(&served, "alice&nconnect=2"), -EKEYREJECTED, "it, on another mount");
	if (!hand_is_alive(&hand))
		good_refused("bob, when alice was revoked");
	neighbour_await(his);
	must(fixture_keyring(usual), "the usual");
	while (usrbio_stat(file_as(served.url, "other", "alice", 2, "file"), &st))
		nap_ms(20);
	neighbour_await(hers);
	if (!neighbour_stop(hers))
		bad("I/O went on with a key that was revoked");
	if (neighbour_stop(his))
		good_refused("bob's I/O, when alice was revoked");
	hand_close(&hand);
}

/* What it was asked to prove is not in the ring any more. */
static void revoke_between(const struct auth_case *c)
{
	static const struct entry without[] = {{"bob", {&bob}, "export = data:rw\n"}, {NULL}};
	struct hello hello;
	struct hand hand;

	hand_open(&hand, served.url);
	hello = hand_hello(&hand, &alice, "data");
	hand_say_hello(&hand, &hello);
	must(hand_hear_challenge(&hand, &alice), "a server that knows alice");
	must(fixture_keyring(without), "a keyring without alice");
	hand_prove(&hand, NULL);
	expect_out(hand_hear_welcome(&hand), -EKEYREJECTED, "a key revoked under its proof");
	must(fixture_keyring(usual), "the usual");
	hand_close(&hand);
}

/* Nothing that is wrong with a file changes anything. */
static void bad_reload(const struct auth_case *c)
{
	static const char *const texts[] = {"[alice\n", "[alice]\n", "[alice]\nkey = 12\n",
					    "[alice]\nexport = data\n", "nonsense"};
	struct hand hand, other;

	hand_open(&hand, served.url);
	expect_in(hand_login(&hand, &alice, "data"), "alice");
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (fixture_reload_text(texts[i]))
			bad("a keyring: %s", texts[i]);
	must(fixture_keyring(usual), "the usual");
	if (!hand_is_alive(&hand))
		good_refused("alice, by keyrings that are bad, or the same");
	hand_open(&other, served.url);
	expect_in(hand_login(&other, &bob, "data"), "bob");
	hand_close(&other);
	hand_close(&hand);
}

const struct auth_case login_cases[] = {
	{"right-key", right},
	{"key-by-environment", by_environment},
	{"wrong-key", wrong},
	{"key-of-zeroes", zeroes},
	{"tls-required", encrypted},
	{"unusable-key-file", unusable},
	{"server-without-keyring", no_keyring},
	{"generated-key", generated},
	{"rotated-key", rotate_key},
	{"revoked-under-load", revoke_under_load},
	{"revoked-between", revoke_between},
	{"bad-reload", bad_reload},
	{NULL},
};
