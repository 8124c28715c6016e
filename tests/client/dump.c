/* A state dump while somebody keeps a lock: it says so, soon, and goes on. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "client/conn/conn.h"
#include "client/mount/mount.h"
#include "client/session/session.h"
#include "client/usrbio.h"

static char text[1 << 16];

static const char *dump(void)
{
	FILE *file = tmpfile();
	size_t n;

	cr_assert(file);
	cr_assert_eq(usrbio_dump(fileno(file)), 0);
	rewind(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	fclose(file);
	cr_assert(strstr(text, "dump: end\n"), "%s", text);
	return text;
}

static void contains(const char *part)
{
	cr_assert(strstr(text, part), "no \"%s\" in\n%s", part, text);
}

Test(dump, waits_for_no_lock_for_ever)
{
	struct mount *mount, *other;
	struct session *session;

	cr_assert_not(mount_get("tcp://127.0.0.1:1/data?nconnect=2", &mount));
	cr_assert_not(mount_get("tcp://127.0.0.1:1/data?nconnect=2&timeout=30", &other));
	session = mount_to_session(mount);
	dump();
	contains("mount tcp://127.0.0.1:1/data?nconnect=2: 2 connections, timeout 60000 ms\n");
	contains("connection 1: down;");
	cr_assert_not(strstr(text, "busy"), "%s", text);

	conn_lock(session->conns[0]);
	dump();
	contains("connection 0: busy: its lock was not free");
	contains("connection 1: down;");
	conn_unlock(session->conns[0]);

	lock_acquire(&session->lock);
	dump();
	contains("session: not up; busy");
	contains("connection 0: down;");
	lock_release(&session->lock);

	cr_assert_not(strstr(dump(), "busy"), "%s", text);
	cr_assert_eq(atomic_load(&session->conns[0]->wanted), 0);
	mount_put(mount);
	mount_put(other);
}

Test(dump, needs_no_mount)
{
	cr_assert_not(strstr(dump(), "mount"), "%s", text);
}

/* One line for each name, and the rest once for what they share. */
Test(dump, shows_two_names_of_one_session_once)
{
	static const char plain[] = "tcp://127.0.0.1:1/data?nconnect=2&timeout=30";
	static const char other_name[] = "tcp://127.0.0.1:1/data?timeout=30&nconnect=2";
	struct mount *mount, *other;
	const char *session;

	cr_assert_not(mount_get(plain, &mount));
	cr_assert_not(mount_get(other_name, &other));
	cr_assert_eq(mount_same(mount, other), true);
	session = strstr(dump(), "session: ");
	cr_assert(session && !strstr(session + 1, "session: "), "%s", text);
	contains(
		"timeout=30&nconnect=2: another name of tcp://127.0.0.1:1/data?nconnect=2&timeout=30\n");
	mount_put(mount);
	mount_put(other);
}
