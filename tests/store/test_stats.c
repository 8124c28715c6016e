/* The attributes of many paths at once: the same as of each alone, whatever stands beside it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/store/fixture.h"

enum { NR_PATHS = 32, PATHS_ROOM = 8192 };

static const char *const paths[] = {
	"f",	  "d/g",	"d/h",	"d/sub/i", "d/none",	"none/x", "none/y",	"f/x",
	"",	  ".",		"d",	"d/",	   "d/.",	"d/..",	  "./f",	"d/../f",
	"d//g",	  "link",	"d/up", "d/up",	   "dangling",	"loop1",  "loop1/x",	"to-d/g",
	"to-d/h", "to-d/sub/i", "..",	"../x",	   "d/../../x", "f/",	  "d/sub/none", "f",
};

static void make_tree(struct fixture *fixture)
{
	static const char *const files[] = {"f", "d/g", "d/h", "d/sub/i"};
	static const char *const links[][2] = {{"f", "link"},		{"../f", "d/up"},
					       {"nowhere", "dangling"}, {"loop2", "loop1"},
					       {"loop1", "loop2"},	{"d", "to-d"}};
	const struct store_ops *ops = fixture->store->ops;

	cr_assert_eq(ops->mkdir(fixture->store, NULL, "d", 0755), 0);
	cr_assert_eq(ops->mkdir(fixture->store, NULL, "d/sub", 0755), 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		fixture_touch(fixture, files[i]);
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		cr_assert_eq(ops->symlink(fixture->store, NULL, links[i][1], links[i][0]), 0);
}

/* Ask for n paths, beginning with any of them. */
static void compare(struct fixture *fixture, size_t first, size_t n, bool nofollow)
{
	struct attr_row rows[NR_PATHS];
	char room[PATHS_ROOM] = "";
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(room + len, sizeof(room) - len, "%s",
					paths[(first + i) % NR_PATHS]) +
		       1;
	memset(rows, 0x5a, sizeof(rows));
	store_stat_paths(fixture->store, room, n, nofollow, rows);
	for (size_t i = 0; i < n; i++) {
		const char *path = paths[(first + i) % NR_PATHS];
		struct file_attr attr, found = attr_of_row(&rows[i]);
		int err =
			fixture->store->ops->stat_path(fixture->store, NULL, path, nofollow, &attr);

		cr_assert_eq(rows[i].status, err, "%s: %d", path, (int)rows[i].status);
		found.atime_ns = attr.atime_ns; /* following a link may change that of the link */
		if (err)
			cr_assert_eq(found.mode | found.ino, 0, "%s", path);
		else
			fixture_same_attr(&found, &attr);
	}
}

EACH_STORE(many_paths_at_once)
{
	_Static_assert(sizeof(paths) / sizeof(*paths) == NR_PATHS, "all of them");
	make_tree(fixture);
	for (size_t first = 0; first < NR_PATHS; first++)
		for (int nofollow = 0; nofollow < 2; nofollow++) {
			compare(fixture, first, NR_PATHS, nofollow);
			compare(fixture, first, 1, nofollow);
		}
}

/* Each directory is opened once for the names that follow each other, and closed again. */
POSIX_STORE(many_paths_leave_no_descriptor)
{
	int before = fixture_count_fds();

	make_tree(fixture);
	before = fixture_count_fds();
	for (int i = 0; i < 100; i++)
		compare(fixture, 0, NR_PATHS, false);
	cr_assert_eq(fixture_count_fds(), before);
}
