/* How much of a made-up control group's memory may wait to be written to disk. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "server/store/posix/posix.h"
#include "tests/store/fixture.h"

#define MIB ((uint64_t)1 << 20)

static char root[] = "/tmp/usrbio-writeback-XXXXXX";

static void put(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s%s", root, name);
	file = fopen(path, "we");
	cr_assert(file, "%s", path);
	fputs(text, file);
	fclose(file);
}

static void make_group(void)
{
	char command[160];

	cr_assert(mkdtemp(root));
	snprintf(command, sizeof(command), "mkdir -p %s/proc/self %s/sys/fs/cgroup/a", root, root);
	cr_assert_eq(system(command), 0);
	put("/proc/self/cgroup", "0::/a\n");
}

static void remove_group(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	cr_assert_eq(system(command), 0);
}

Test(writeback, begins_when_a_sixteenth_of_the_limit_was_written)
{
	make_group();
	put("/sys/fs/cgroup/a/memory.max", "67108864\n");
	posix_writeback_init(root);
	cr_expect_not(posix_writeback_wanted(2 * MIB));
	cr_expect_not(posix_writeback_wanted(2 * MIB));
	cr_expect(posix_writeback_wanted(1));
	cr_expect(posix_writeback_wanted(4096));
	remove_group();
}

Test(writeback, is_the_kernels_business_without_a_limit)
{
	make_group();
	put("/sys/fs/cgroup/a/memory.max", "max\n");
	posix_writeback_init(root);
	for (int i = 0; i < 1000; i++)
		cr_expect_not(posix_writeback_wanted(1024 * MIB));
	remove_group();
}
