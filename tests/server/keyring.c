/* Keyrings: what is in a file, who may do what by it, and files that change. */
#include "server/account/keyring.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/auth/keyfile.h"
#include "common/base/log.h"

#define KEY(digit)                                                                                \
	digit digit digit digit digit digit digit digit digit digit digit digit digit digit digit \
		digit
#define A KEY("aaaa")
#define B KEY("bbbb")
#define C KEY("cccc")

static char path[] = "/tmp/usrbio-keyring-XXXXXX";
static struct keyring *keyring;

static void make(void)
{
	log_set_level("off");
	close(mkstemp(path));
}

static void drop(void)
{
	keyring_close(keyring);
	unlink(path);
}

TestSuite(keyring, .init = make, .fini = drop);

static void write_text(const char *text)
{
	FILE *file = fopen(path, "w");

	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
}

static void open_text(const char *text)
{
	write_text(text);
	cr_assert_eq(keyring_open(&keyring, path), 0);
}

static int reload(const char *text)
{
	write_text(text);
	return keyring_reload(keyring);
}

/* What a client says of its key. */
static struct key_name name_of(const char *id, const char *hex)
{
	struct key_name name = {.id = ""};
	struct secret secret;

	strcpy(name.id, id);
	cr_assert_null(keyfile_secret(hex, &secret));
	cr_assert_eq(secret_tag(&secret, name.tag), 0);
	return name;
}

/* Is it in the ring, and the key itself found? */
static bool knows(const char *id, const char *hex)
{
	const struct key_name name = name_of(id, hex);
	struct secret wanted, found = {{1, 2, 3}}, before = found;

	cr_assert_null(keyfile_secret(hex, &wanted));
	keyring_secret(keyring, &name, &found);
	if (!memcmp(&found, &wanted, sizeof(found)))
		return true;
	cr_assert_eq(memcmp(&found, &before, sizeof(found)), 0, "it stays as it was");
	return false;
}

static bool permits(const char *id, const char *hex, const char *export, struct permit *permit)
{
	const struct key_name name = name_of(id, hex);

	*permit = (struct permit){0};
	return !keyring_permits(keyring, &name, export, permit);
}

static bool may(const char *id, const char *hex, const char *export)
{
	struct permit permit;

	return permits(id, hex, export, &permit);
}

Test(keyring, ids_and_keys)
{
	open_text("[alice]\nkey = " A "\nkey = " B "\n[bob]\nkey = " C "\n");
	cr_expect(knows("alice", A));
	cr_expect(knows("alice", B));
	cr_expect(knows("bob", C));
	cr_expect_not(knows("alice", C));
	cr_expect_not(knows("bob", A));
	cr_expect_not(knows("carol", A));
	cr_expect_not(knows("", A));
	cr_expect_not(knows("alic", A));
	cr_expect_not(knows("ALICE", A));
	cr_expect_not(may("alice", A, "data"), "without an export it is good for nothing");
}

Test(keyring, one_key_may_be_two_peoples)
{
	open_text("[alice]\nkey = " A "\nexport = a:rw\n[bob]\nkey = " A "\nexport = b:rw\n");
	cr_expect(may("alice", A, "a"));
	cr_expect_not(may("alice", A, "b"));
	cr_expect(may("bob", A, "b"));
	cr_expect_not(may("bob", A, "a"));
}

Test(keyring, grants)
{
	struct permit permit;

	open_text("[alice]\nkey = " A "\nexport = data:rw\nexport = *:ro\nexport = a:b:rw\n"
		  "max-files = 7\nmax-inflight = 9\nmax-connections = 5\nmax-sessions = 6\n"
		  "max-bytes-per-second = 5000000000\nmax-ios-per-second = 6\n[bob]\nkey = " B
		  "\nexport = data:ro\n");
	cr_assert(permits("alice", A, "data", &permit));
	cr_expect_not(permit.read_only);
	cr_expect_eq(permit.max_files, 7);
	cr_expect_eq(permit.max_inflight, 9);
	cr_expect_eq(permit.max_connections, 5);
	cr_expect_eq(permit.max_rates[RATE_BYTES], 5000000000);
	cr_expect_eq(permit.max_rates[RATE_IOS], 6);
	cr_expect_eq(permit.max_sessions, 6);
	cr_expect_not(permit.as_user);
	cr_assert(permits("alice", A, "anything", &permit));
	cr_expect(permit.read_only);
	cr_assert(permits("alice", A, "a:b", &permit));
	cr_expect_not(permit.read_only);
	cr_assert(permits("bob", B, "data", &permit));
	cr_expect(permit.read_only);
	cr_expect_eq(permit.max_files, 0);
	cr_expect_not(may("bob", B, "anything"));
	cr_expect_not(may("bob", B, "*"));
	cr_expect_not(may("bob", B, "dat"));
	cr_expect_not(may("bob", B, "data:ro"));
	cr_expect_not(may("bob", A, "data"));
	cr_expect_not(may("carol", A, "data"));
	cr_expect(keyring_knows(keyring, "bob", "data"));
	cr_expect(keyring_knows(keyring, "alice", "anything"));
	cr_expect_not(keyring_knows(keyring, "bob", "anything"));
	cr_expect_not(keyring_knows(keyring, "carol", "data"));
}

/* Whose permit is another one after a reload has to come back for it. */
Test(keyring, permits_are_compared_by_every_word)
{
	static const struct permit permits[] = {
		{.read_only = false}, {.read_only = true},
		{.as_user = true},    {.uid = 1},
		{.gid = 1},	      {.max_inflight = 1},
		{.max_files = 1},     {.max_connections = 1},
		{.max_sessions = 1},
	};
	const size_t n = sizeof(permits) / sizeof(*permits);

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++)
			cr_expect_eq(keyring_permit_equal(&permits[i], &permits[j]), i == j);
}

Test(keyring, what_is_wrong_is_refused)
{
	static const char *const texts[] = {
		"[alice]\n",
		"[alice]\nexport = data:rw\n",
		"[alice]\nkey = " A "\nkey = " B "\nkey = " C "\n",
		"[alice]\nkey = " A "0\n",
		"[alice]\nkey = " A "\n[alice]\nkey = " B "\n",
		"[alice]\nkey = " A "\nexport = data\n",
		"[alice]\nkey = " A "\nexport = data:\n",
		"[alice]\nkey = " A "\nexport = :rw\n",
		"[alice]\nkey = " A "\nexport = data:wr\n",
		"[alice]\nkey = " A "\nexport = data:ro\nexport = data:rw\n",
		"[alice]\nkey = " A "\nexport = *:ro\nexport = *:ro\n",
		"[alice]\nkey = " A "\nexports = data:rw\n",
		"[alice]\nkey = " A "\nmax-files = 0\n",
		"[alice]\nkey = " A "\nmax-connections = 0\n",
		"[alice]\nkey = " A "\nmax-files = -1\n",
		"[alice]\nkey = " A "\nmax-ios-per-second = 0\n",
		"[alice]\nkey = " A "\nmax-bytes-per-second = 1000000000001\n",
		"[alice]\nkey = " A "\nmax-bytes-per-second = 10M\n",
		"[alice]\nkey = " A "\nmax-files = 1x\n",
		"[alice]\nkey = " A "\nmax-inflight = 99999999999\n",
		"[alice]\nkey = " A "\nuid = 1000\n",
		"[alice]\nkey = " A "\ngid = 1000\n",
		"[alice]\nkey = " A "\nuid = 4294967295\ngid = 1\n",
		"[alice]\nkey = " A "\nuid = root\ngid = root\n",
		"key = " A "\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		write_text(texts[i]);
		cr_expect_eq(keyring_open(&keyring, path), -EINVAL, "%s", texts[i]);
	}
	cr_expect_eq(keyring_open(&keyring, "/nowhere/at/all"), -ENOENT);
}

Test(keyring, an_empty_one_knows_nobody)
{
	open_text("# nobody yet\n");
	cr_expect_not(knows("alice", A));
	cr_expect_not(may("alice", A, "data"));
}

Test(keyring, keys_are_exchanged_while_it_is_used)
{
	open_text("[alice]\nkey = " A "\nexport = data:rw\n");
	cr_assert_eq(reload("[alice]\nkey = " A "\nkey = " B "\nexport = data:rw\n"), 0);
	cr_expect(may("alice", A, "data"));
	cr_expect(may("alice", B, "data"));
	cr_assert_eq(reload("[alice]\nkey = " B "\nexport = data:rw\n"), 0);
	cr_expect_not(may("alice", A, "data"));
	cr_expect_not(knows("alice", A));
	cr_expect(may("alice", B, "data"));
	cr_expect(knows("alice", B));
}

Test(keyring, a_bad_file_changes_nothing)
{
	open_text("[alice]\nkey = " A "\nexport = data:rw\n");
	cr_expect_eq(reload("[bob]\nkey = " B "\nexport = data:rw\n[bob"), -EINVAL);
	cr_expect_not(knows("bob", B));
	cr_expect(may("alice", A, "data"));
	unlink(path);
	cr_expect_eq(keyring_reload(keyring), -ENOENT);
	cr_expect(may("alice", A, "data"));
	write_text("");
	cr_assert_not(chmod(path, 0644));
	cr_expect_eq(keyring_reload(keyring), -EACCES, "one that others may read");
	cr_expect(may("alice", A, "data"));
}
