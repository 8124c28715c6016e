/* Sessions and their file tables, over the memory store. */
#include "server/session.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "proto/limits.h"
#include "server/export.h"
#include "server/file.h"
#include "server/pool.h"
#include "server/store.h"

static struct pool *pool;
static struct sessions *sessions;
static struct exports exports;

static void open_it(void)
{
	static const struct export_config configs[] = {{.name = "a", .where = "memory:"},
						       {.name = "b", .where = "memory:"}};

	cr_assert_eq(exports_open(&exports, configs, 2), 0);
	cr_assert_eq(pool_open(&pool, 2), 0);
	cr_assert_eq(sessions_open(&sessions, pool), 0);
}

static void close_it(void)
{
	pool_close(pool);
	sessions_close(sessions);
	exports_close(&exports);
}

TestSuite(session_object, .init = open_it, .fini = close_it);

static uint64_t add_file(struct session *session)
{
	struct store *store = exports.list[0].store;
	struct store_file *file;
	struct file_attr attr;
	uint64_t handle = 0;

	cr_assert_eq(store->ops->open_file(store, "f", OPEN_READ | OPEN_CREATE, 0644, &file, &attr),
		     0);
	cr_assert_eq(session_add_file(session, file, &handle), 0);
	return handle;
}

static bool known(struct session *session, uint64_t handle)
{
	struct file *file;

	session_get_files(session, 1, &handle, &file);
	if (file)
		file_unref(file, 1);
	return file;
}

Test(session_object, join_needs_id_key_and_export)
{
	uint8_t id[SESSION_ID_SIZE], key[SESSION_KEY_SIZE];
	struct session *session, *again;

	cr_assert_eq(session_new(sessions, &exports.list[0], &session), 0);
	memcpy(id, session_id(session), sizeof(id));
	memcpy(key, session_key(session), sizeof(key));
	cr_assert_eq(session_join(sessions, &exports.list[0], id, key, &again), 0);
	cr_assert_eq(session, again);
	session_put(again);
	cr_assert_eq(session_join(sessions, &exports.list[1], id, key, &again), -ESTALE);
	for (size_t i = 0; i < sizeof(key); i++) {
		key[i] ^= 0x80;
		cr_assert_eq(session_join(sessions, &exports.list[0], id, key, &again), -ESTALE);
		key[i] ^= 0x80;
	}
	session_put(session);
	cr_assert_eq(session_join(sessions, &exports.list[0], id, key, &again), -ESTALE);
}

Test(session_object, connections_are_bounded)
{
	struct session *session, *again;
	int n = 1;

	cr_assert_eq(session_new(sessions, &exports.list[0], &session), 0);
	while (!session_join(sessions, &exports.list[0], session_id(session), session_key(session),
			     &again))
		n++;
	cr_assert_eq(n, SESSION_CONNS_MAX);
	while (n--)
		session_put(session);
}

Test(session_object, closed_handles_never_come_back)
{
	struct session *session;
	uint64_t handles[100];

	cr_assert_eq(session_new(sessions, &exports.list[0], &session), 0);
	for (int i = 0; i < 100; i++)
		handles[i] = add_file(session);
	for (int i = 0; i < 100; i += 2)
		cr_assert_eq(session_close_file(session, handles[i]), 0);
	for (int i = 0; i < 50; i++)
		add_file(session); /* into the same places */
	for (int i = 0; i < 100; i++)
		cr_assert_eq(known(session, handles[i]), i % 2);
	cr_assert_eq(session_close_file(session, handles[0]), -ESTALE);
	cr_assert_not(known(session, 0));
	cr_assert_not(known(session, UINT64_MAX));
	session_put(session);
}

Test(session_object, batches_hold_each_entry)
{
	struct session *session;
	struct file *files[6];
	uint64_t a, b;

	cr_assert_eq(session_new(sessions, &exports.list[0], &session), 0);
	a = add_file(session);
	b = add_file(session);
	session_get_files(session, 6, (uint64_t[]){a, a, 0, b, a, a}, files);
	cr_assert_null(files[2]);
	cr_assert_eq(files[0]->refs, 5);
	cr_assert_eq(files[3]->refs, 2);
	cr_assert_eq(session_close_file(session, a), 0);
	cr_assert_eq(files[0]->refs, 4, "what uses it keeps it");
	for (int i = 0; i < 6; i++)
		if (files[i])
			file_unref(files[i], 1);
	session_put(session);
}

Test(session_object, files_are_bounded)
{
	struct store *store = exports.list[0].store;
	struct session *session;
	struct store_file *file;
	struct file_attr attr;
	uint64_t handle;

	cr_assert_eq(session_new(sessions, &exports.list[0], &session), 0);
	for (int i = 0; i < FILES_MAX; i++)
		add_file(session);
	cr_assert_eq(store->ops->open_file(store, "f", OPEN_READ, 0, &file, &attr), 0);
	cr_assert_eq(session_add_file(session, file, &handle), -EMFILE);
	store->ops->close_file(file);
	session_put(session);
}
