/* The fault store: each rule hits the calls it names, as often as it says, and no others. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/store/fixture.h"

Test(fault, every_nth_and_exactly_the_nth)
{
	struct store_file *file;
	struct fixture fixture;

	fixture_open(&fixture, "fault:write.eio=1/3,write.enospc=#5,read.estale=#2:memory:");
	file = fixture_create(&fixture, "f");
	for (int i = 1; i <= 12; i++) {
		int64_t want = i % 3 == 0 ? -EIO : i == 5 ? -ENOSPC : 100;

		cr_assert_eq(fixture_write(&fixture, file, 0, 100, (uint64_t)i * 100), want, "%d",
			     i);
	}
	cr_assert_eq(fixture_size(&fixture, file), 1200);
	for (int i = 1; i <= 5; i++)
		cr_assert_eq(fixture_read(&fixture, file, 0, 100, 100, 0), i == 2 ? -ESTALE : 100);
	fixture_shut(&fixture, file);
	fixture_close(&fixture);
}

Test(fault, each_call_has_its_name)
{
	const struct store_ops *ops;
	struct store_file *file;
	struct store_dirents out = {0};
	struct file_attr attr;
	struct fixture fixture;
	int err;

	fixture_open(&fixture,
		     "fault:open.emfile=#2,stat.eio=1/2,sync.eio=#1,truncate.edquot=#1,"
		     "punch.eopnotsupp=#1,unlink.ebusy=#1,rmdir.eacces=#1,mkdir.enospc=#1,"
		     "rename.eio=#1,link.emlink=#1,readdir.eio=#1:memory:");
	ops = fixture.store->ops;
	file = fixture_create(&fixture, "f");
	cr_assert_null(fixture_file(&fixture, "f", OPEN_READ, &err));
	cr_assert_eq(err, -EMFILE);
	cr_assert_eq(ops->stat_file(file, &attr), 0);
	cr_assert_eq(ops->stat_path(fixture.store, NULL, "f", false, &attr), -EIO);
	cr_assert_eq(ops->sync_file(file, true), -EIO);
	cr_assert_eq(ops->sync_file(file, true), 0);
	cr_assert_eq(ops->truncate_file(file, 9), -EDQUOT);
	cr_assert_eq(ops->punch(file, 0, 9), -EOPNOTSUPP);
	cr_assert_eq(ops->unlink(fixture.store, NULL, "f"), -EBUSY);
	cr_assert_eq(ops->mkdir(fixture.store, NULL, "d", 0755), -ENOSPC);
	cr_assert_eq(ops->mkdir(fixture.store, NULL, "d", 0755), 0);
	cr_assert_eq(ops->rmdir(fixture.store, NULL, "d"), -EACCES);
	cr_assert_eq(ops->rename(fixture.store, NULL, "f", NULL, "g", 0), -EIO);
	cr_assert_eq(ops->link(fixture.store, NULL, "f", NULL, "g"), -EMLINK);
	cr_assert_eq(ops->link_file(file, NULL, "g"), 0);
	cr_assert_eq(ops->readdir(fixture.store, "", 0, &out), -EIO);
	cr_assert_eq(ops->rename(fixture.store, NULL, "g", NULL, "h", 0), 0);
	fixture_shut(&fixture, file);
	fixture_close(&fixture);
}

/* Not how long: that the delayed one is overtaken, and still arrives. */
Test(fault, a_delay_holds_back_and_loses_nothing)
{
	struct fixture_io slow, fast;
	struct store_file *file;
	struct fixture fixture;

	fixture_open(&fixture, "fault:write.delay_ms=50,read.eio=#1,read.delay_ms=1:memory:");
	file = fixture_create(&fixture, "f");
	fixture_submit(&fixture, &slow, file, STORE_WRITE, 0, 100, 0, 0);
	fixture_submit(&fixture, &fast, file, STORE_READ, 0, 100, 0, 0);
	cr_assert_eq(fixture_wait(&fixture, &fast), -EIO);
	cr_assert_eq(slow.nr_done, 0);
	cr_assert_eq(fixture_wait(&fixture, &slow), 100);
	cr_assert_eq(fixture_size(&fixture, file), 100);
	fixture_shut(&fixture, file);
	fixture_close(&fixture);
}

Test(fault, nonsense_is_refused)
{
	static const char *const bad[] = {
		"read.eio=1/100",	   "read.eio=5:memory:",    "read.eio=1/0:memory:",
		"read.eio=#0:memory:",	   "read.eoops=#1:memory:", "reed.eio=#1:memory:",
		"read=#1:memory:",	   "read.eio:memory:",	    "read.eio=#1x:memory:",
		"read.delay_ms=x:memory:", "read.eio=#-1:memory:",  "read=.eio#1:memory:",
		"read.eio=#1,,:memory:",   "read.eio=#1:null:",
	};
	struct store *store;
	char where[160];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(where, sizeof(where), "fault:%s", bad[i]);
		cr_assert_eq(store_open(where, false, &store), -EINVAL, "%s", bad[i]);
	}
}
