/* The file tables of sessions. */
#include <criterion/criterion.h>
#include <errno.h>

#include "proto/limits.h"
#include "tests/server/registry.h"

TestSuite(session_files, .init = registry_open, .fini = registry_close);

static bool known(struct server_session *session, uint64_t handle)
{
	struct server_file *file;

	session_get_files(session, 1, &handle, &file);
	if (file)
		file_unref(file, 1);
	return file;
}

Test(session_files, closed_handles_never_come_back)
{
	struct one one;
	struct server_session *session = registry_enter_new(&one);
	uint64_t handles[100];

	for (int i = 0; i < 100; i++)
		handles[i] = registry_add_file(session);
	for (int i = 0; i < 100; i += 2)
		cr_assert_eq(session_close_file(session, handles[i]), 0);
	for (int i = 0; i < 50; i++)
		registry_add_file(session); /* into the same places */
	for (int i = 0; i < 100; i++)
		cr_assert_eq(known(session, handles[i]), i % 2);
	cr_assert_eq(session_close_file(session, handles[0]), -ESTALE);
	cr_assert_not(known(session, 0));
	cr_assert_not(known(session, UINT64_MAX));
	registry_leave(&one);
}

Test(session_files, batches_hold_each_entry)
{
	struct one one;
	struct server_session *session = registry_enter_new(&one);
	struct server_file *files[6];
	uint64_t a, b;

	a = registry_add_file(session);
	b = registry_add_file(session);
	session_get_files(session, 6, (uint64_t[]){a, a, 0, b, a, a}, files);
	cr_assert_null(files[2]);
	cr_assert_eq(files[0]->refs, 5);
	cr_assert_eq(files[3]->refs, 2);
	cr_assert_eq(session_close_file(session, a), 0);
	cr_assert_eq(files[0]->refs, 4, "what uses it keeps it");
	for (int i = 0; i < 6; i++)
		if (files[i])
			file_unref(files[i], 1);
	registry_leave(&one);
}

static void fill(struct server_session *session, int max)
{
	struct store *store = registry_exports.list[0].store;
	struct store_file *file;
	struct file_attr attr;
	uint64_t handle, first = registry_add_file(session);

	for (int i = 1; i < max; i++)
		registry_add_file(session);
	cr_assert_eq(store->ops->open_file(store, NULL, "f", OPEN_READ, 0, &file, &attr), 0);
	cr_assert_eq(session_reserve_file(session), 0);
	cr_assert_eq(session_add_file(session, file, &handle), -EMFILE);
	cr_assert_eq(session_close_file(session, first), 0);
	cr_assert_eq(session_add_file(session, file, &handle), 0);
}

Test(session_files, files_are_bounded)
{
	struct one one;

	fill(registry_enter_new(&one), FILES_MAX);
	registry_leave(&one);
	/* The threads of the exports have closed the files when this returns. */
	registry_close();
	registry_open();
	sessions_close(registry);
	registry_open_sessions(2, 5);
	fill(registry_enter_new(&one), 5);
	registry_leave(&one);
}
