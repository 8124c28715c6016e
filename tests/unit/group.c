/* Limits of control groups, in made-up trees of both versions, nested, and with hostile texts. */
#include "common/host/group.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB ((uint64_t)1 << 20)

static char root[] = "/tmp/usrbio-group-XXXXXX";

static void begin(void)
{
	cr_assert(mkdtemp(root));
}

static void end(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	cr_assert_eq(system(command), 0);
}

TestSuite(group, .init = begin, .fini = end);

/* Make a file below the root, and the folders on its way. */
static void put(const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s%s", root, name);
	for (char *at = path + strlen(root) + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		mkdir(path, 0755);
		*at = '/';
	}
	file = fopen(path, "we");
	cr_assert(file, "%s", path);
	fputs(text, file);
	fclose(file);
}

static void put_number(const char *name, uint64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64 "\n", number);
	put(name, text);
}

static struct group_memory memory(void)
{
	struct group_memory memory;

	group_memory(root, &memory);
	return memory;
}

static uint64_t cpus(void)
{
	struct group_limit limit;

	group_cpus(root, &limit);
	return limit.value;
}

static bool is_by(const struct group_limit *limit, const char *file)
{
	return !strncmp(limit->by, root, strlen(root)) && !strcmp(limit->by + strlen(root), file);
}

/* One CPU more than a quota can be told from affinity only where there are two. */
static bool has_two_cpus(void)
{
	cpu_set_t set;

	return !sched_getaffinity(0, sizeof(set), &set) && CPU_COUNT(&set) > 1;
}

Test(group, nothing_there_is_no_limit)
{
	struct group_memory none = memory();
	struct group_limit limit;

	cr_expect_eq(none.max.value, GROUP_NO_LIMIT);
	cr_expect_eq(none.left.value, GROUP_NO_LIMIT);
	cr_expect_str_eq(none.max.by, "");
	group_cpus(root, &limit);
	cr_expect_geq(limit.value, 1);
	cr_expect_neq(limit.value, GROUP_NO_LIMIT);
	cr_expect_str_eq(limit.by, "");
	group_tasks(root, &limit);
	cr_expect_eq(limit.value, GROUP_NO_LIMIT);
}

Test(group, version_2_leaves_what_is_neither_used_nor_cache)
{
	struct group_memory found;

	put("/proc/self/cgroup", "0::/app\n");
	put_number("/sys/fs/cgroup/app/memory.max", 128 * MIB);
	put("/sys/fs/cgroup/app/memory.high", "max\n");
	put_number("/sys/fs/cgroup/app/memory.current", 100 * MIB);
	put("/sys/fs/cgroup/app/memory.stat",
	    "anon 1\nfile 99999999\ninactive_file 10485760\nactive_file 20971520\n"
	    "slab_reclaimable 1048576\nworkingset_refault_file 99\n");
	found = memory();
	cr_expect_eq(found.max.value, 128 * MIB);
	cr_expect(is_by(&found.max, "/sys/fs/cgroup/app/memory.max"), "%s", found.max.by);
	cr_expect_eq(found.left.value, (128 - 100 + 31) * MIB);
	/* Beyond memory.high nothing proceeds. */
	put_number("/sys/fs/cgroup/app/memory.high", 80 * MIB);
	found = memory();
	cr_expect_eq(found.max.value, 80 * MIB);
	cr_expect(is_by(&found.max, "/sys/fs/cgroup/app/memory.high"), "%s", found.max.by);
	cr_expect_eq(found.left.value, (80 - 100 + 31) * MIB);
	put_number("/sys/fs/cgroup/app/memory.current", 120 * MIB);
	cr_expect_eq(memory().left.value, 0);
}

Test(group, every_group_above_counts)
{
	struct group_memory found;

	put("/proc/self/cgroup", "0::/a/b/c\n");
	put("/sys/fs/cgroup/a/b/c/memory.max", "max\n");
	put_number("/sys/fs/cgroup/a/b/memory.max", 300 * MIB);
	put_number("/sys/fs/cgroup/a/b/memory.current", 10 * MIB);
	put_number("/sys/fs/cgroup/a/memory.max", 200 * MIB);
	put_number("/sys/fs/cgroup/a/memory.current", 50 * MIB);
	put("/sys/fs/cgroup/a/b/c/cpu.max", "max 100000\n");
	put("/sys/fs/cgroup/a/b/cpu.max", "50000 100000\n");
	put("/sys/fs/cgroup/a/b/c/pids.max", "max\n");
	put("/sys/fs/cgroup/a/pids.max", "77\n");
	found = memory();
	cr_expect_eq(found.max.value, 200 * MIB);
	cr_expect(is_by(&found.max, "/sys/fs/cgroup/a/memory.max"), "%s", found.max.by);
	cr_expect_eq(found.left.value, 150 * MIB);
	cr_expect_eq(cpus(), 1);
	/* The limit that leaves the least need not be the smallest. */
	put_number("/sys/fs/cgroup/a/b/memory.current", 290 * MIB);
	found = memory();
	cr_expect_eq(found.left.value, 10 * MIB);
	cr_expect(is_by(&found.left, "/sys/fs/cgroup/a/b/memory.max"), "%s", found.left.by);
	/* So does the top itself, which in a container is the container's group. */
	put_number("/sys/fs/cgroup/memory.max", 100 * MIB);
	cr_expect_eq(memory().max.value, 100 * MIB);
}

Test(group, version_1)
{
	struct group_memory found;
	struct group_limit limit;

	put("/proc/self/cgroup", "9:name=systemd:/x\n5:cpu,cpuacct:/app\n4:memory:/app\n"
				 "3:pids:/app\n0::/\n");
	put_number("/sys/fs/cgroup/memory/app/memory.limit_in_bytes", 64 * MIB);
	put_number("/sys/fs/cgroup/memory/app/memory.usage_in_bytes", 40 * MIB);
	put_number("/sys/fs/cgroup/memory/app/memory.memsw.limit_in_bytes", 9223372036854771712u);
	put_number("/sys/fs/cgroup/memory/app/memory.memsw.usage_in_bytes", 60 * MIB);
	put("/sys/fs/cgroup/memory/app/memory.stat",
	    "cache 4\ninactive_file 7\nhierarchical_memory_limit 67108864\n"
	    "total_inactive_file 1048576\ntotal_active_file 2097152\n");
	put_number("/sys/fs/cgroup/memory/memory.limit_in_bytes", 9223372036854771712u);
	put("/sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_quota_us", "30000\n");
	put("/sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_period_us", "100000\n");
	put("/sys/fs/cgroup/pids/app/pids.max", "12\n");
	found = memory();
	cr_expect_eq(found.max.value, 64 * MIB);
	cr_expect(is_by(&found.max, "/sys/fs/cgroup/memory/app/memory.limit_in_bytes"), "%s",
		  found.max.by);
	cr_expect_eq(found.left.value, (64 - 40 + 3) * MIB);
	/* What the kernel has beyond an eighth are caches. */
	put_number("/sys/fs/cgroup/memory/app/memory.kmem.usage_in_bytes", 8 * MIB);
	cr_expect_eq(memory().left.value, (64 - 40 + 3) * MIB);
	put_number("/sys/fs/cgroup/memory/app/memory.kmem.usage_in_bytes", 13 * MIB);
	cr_expect_eq(memory().left.value, (64 - 40 + 3 + 5) * MIB);
	put_number("/sys/fs/cgroup/memory/app/memory.kmem.usage_in_bytes", MIB);
	put_number("/sys/fs/cgroup/memory/app/memory.memsw.limit_in_bytes", 70 * MIB);
	cr_expect_eq(memory().left.value, (70 - 60 + 3) * MIB);
	cr_expect_eq(memory().max.value, 64 * MIB);
	cr_expect_eq(cpus(), 1);
	group_tasks(root, &limit);
	cr_expect_eq(limit.value, 12);
	cr_expect(is_by(&limit, "/sys/fs/cgroup/pids/app/pids.max"), "%s", limit.by);
}

Test(group, version_1_names_a_limit_above_what_can_be_seen)
{
	put("/proc/self/cgroup", "4:memory:/\n");
	put_number("/sys/fs/cgroup/memory/memory.limit_in_bytes", 9223372036854771712u);
	put_number("/sys/fs/cgroup/memory/memory.usage_in_bytes", 10 * MIB);
	put("/sys/fs/cgroup/memory/memory.stat", "cache 0\nhierarchical_memory_limit 67108864\n");
	cr_expect_eq(memory().max.value, 64 * MIB);
	cr_expect_eq(memory().left.value, 54 * MIB);
}

Test(group, parts_of_cpus_count_as_one)
{
	put("/proc/self/cgroup", "0::/app\n");
	put("/sys/fs/cgroup/app/cpu.max", "1000 100000\n");
	cr_expect_eq(cpus(), 1);
	put("/sys/fs/cgroup/app/cpu.max", "0 100000\n");
	cr_expect_eq(cpus(), 1);
	if (!has_two_cpus())
		cr_skip_test("this machine has one CPU");
	put("/sys/fs/cgroup/app/cpu.max", "100001 100000\n");
	cr_expect_eq(cpus(), 2);
	put("/sys/fs/cgroup/app/cpu.max", "100000 100000\n");
	cr_expect_eq(cpus(), 1);
}

Test(group, cpus_that_the_process_may_run_on)
{
	cpu_set_t all, one;

	cr_assert_eq(sched_getaffinity(0, sizeof(all), &all), 0);
	CPU_ZERO(&one);
	for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++)
		if (CPU_ISSET(i, &all))
			CPU_SET(i, &one);
	cr_expect_eq(cpus(), (uint64_t)CPU_COUNT(&all));
	cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	cr_expect_eq(cpus(), 1);
	/* More than there are is no limit. */
	put("/proc/self/cgroup", "0::/app\n");
	put("/sys/fs/cgroup/app/cpu.max", "6400000 100000\n");
	cr_expect_eq(cpus(), 1);
}

/* The machine's name of the group is longer than what the container sees. */
Test(group, a_container_that_sees_a_part_of_the_name)
{
	put("/proc/self/cgroup", "4:memory:/docker/0123456789/part\n");
	put_number("/sys/fs/cgroup/memory/part/memory.limit_in_bytes", 32 * MIB);
	put_number("/sys/fs/cgroup/memory/memory.limit_in_bytes", 16 * MIB);
	put_number("/sys/fs/cgroup/memory/other/memory.limit_in_bytes", MIB);
	cr_expect_eq(memory().max.value, 16 * MIB);
	put_number("/sys/fs/cgroup/memory/part/memory.limit_in_bytes", 8 * MIB);
	cr_expect_eq(memory().max.value, 8 * MIB);
	put("/proc/self/cgroup", "4:memory:/docker/0123456789\n");
	cr_expect_eq(memory().max.value, 16 * MIB);
	/* A group outside of what can be seen is not that of the same name inside. */
	put("/proc/self/cgroup", "4:memory:/../other\n");
	cr_expect_eq(memory().max.value, GROUP_NO_LIMIT);
}

Test(group, without_proc_the_top_is_the_group)
{
	put_number("/sys/fs/cgroup/memory.max", 64 * MIB);
	put_number("/sys/fs/cgroup/memory/memory.limit_in_bytes", 32 * MIB);
	cr_expect_eq(memory().max.value, 32 * MIB);
}

Test(group, what_cannot_be_read_sets_no_limit)
{
	char path[PATH_MAX];

	put("/proc/self/cgroup", "0::/app\n");
	put_number("/sys/fs/cgroup/app/memory.high", 64 * MIB);
	/* A folder in place of a file can be read by nobody, not even by root. */
	put("/sys/fs/cgroup/app/memory.max/x", "1");
	put("/sys/fs/cgroup/app/memory.current/x", "1");
	cr_expect_eq(memory().max.value, 64 * MIB);
	cr_expect_eq(memory().left.value, 64 * MIB, "of unknown use");
	snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(mkdir(path, 0755), 0);
	cr_expect_eq(memory().max.value, GROUP_NO_LIMIT);
}

Test(group, texts_that_are_no_numbers_set_no_limit)
{
	static const char *const texts[] = {"",	    "\n",	"max",	     "-1",  "-5\n",
					    "0x10", " 12",	"12 apples", "1e9", "12kB\n",
					    "\xff", "nonsense", "+7"};

	put("/proc/self/cgroup", "0::/app\n");
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		put("/sys/fs/cgroup/app/memory.max", texts[i]);
		cr_expect_eq(memory().max.value, GROUP_NO_LIMIT, "\"%s\"", texts[i]);
		put("/sys/fs/cgroup/app/pids.max", texts[i]);
		put("/sys/fs/cgroup/app/cpu.max", texts[i]);
		cpus();
	}
	put("/sys/fs/cgroup/app/memory.max", "99999999999999999999999\n");
	cr_expect_eq(memory().max.value, GROUP_NO_LIMIT);
	put("/sys/fs/cgroup/app/memory.max", "12"); /* without the end of the line */
	cr_expect_eq(memory().max.value, 12);
	put("/sys/fs/cgroup/app/cpu.max", "5 0\n"); /* no division by the period */
	cr_expect_geq(cpus(), 1);
	put("/sys/fs/cgroup/app/memory.current", "1\n");
	put("/sys/fs/cgroup/app/memory.stat",
	    "inactive_file\nactive_file x\nslab_reclaimable 99999999999999999999999");
	cr_expect_eq(memory().left.value, 12);
}

Test(group, lines_that_are_no_groups_are_passed_over)
{
	char line[3 * PATH_MAX] = "0::/";
	struct group_memory found;

	memset(line + 4, 'x', sizeof(line) - 5);
	put("/proc/self/cgroup", line);
	cr_expect_eq(memory().max.value, GROUP_NO_LIMIT);
	put("/proc/self/cgroup", "\n:\n::\n0:\n0::\n0::x\nmemory\n4:memory\n4:memory:\n:::::/\n"
				 "4:memoryless,xmemory:/app\n"
				 "0::/a:b\x1b[31m\n");
	put_number("/sys/fs/cgroup/a:b\x1b[31m/memory.max", 5 * MIB);
	put_number("/sys/fs/cgroup/memory/app/memory.limit_in_bytes", MIB);
	found = memory();
	cr_expect_eq(found.max.value, 5 * MIB);
	cr_expect(is_by(&found.max, "/sys/fs/cgroup/a:b?[31m/memory.max"),
		  "not fit for a terminal: %s", found.max.by);
}

/* A long name loses its end in the text, and the limit holds. */
Test(group, a_long_name)
{
	char name[1024] = "/sys/fs/cgroup", line[1024];
	struct group_memory found;

	for (int i = 0; i < 9; i++)
		snprintf(name + strlen(name), sizeof(name) - strlen(name), "/%060d", i);
	snprintf(line, sizeof(line), "0::%s\n", name + strlen("/sys/fs/cgroup"));
	put("/proc/self/cgroup", line);
	strcat(name, "/memory.max");
	put_number(name, 7 * MIB);
	found = memory();
	cr_expect_eq(found.max.value, 7 * MIB);
	cr_expect(strstr(found.max.by, "/memory.max"), "%s", found.max.by);
}

/* What was open once is read again, whatever has become of it. */
Test(group, a_gauge_follows_limit_and_use)
{
	struct group_gauge gauge;
	char path[PATH_MAX];
	uint64_t max;

	group_gauge_open(root, &gauge);
	cr_expect_eq(gauge.nr, 0);
	cr_expect_eq(group_gauge_left(&gauge, &max), GROUP_NO_LIMIT);
	cr_expect_eq(max, GROUP_NO_LIMIT);
	put("/proc/self/cgroup", "4:memory:/v\n0::/a/b\n");
	put_number("/sys/fs/cgroup/a/b/memory.max", 50 * MIB);
	put_number("/sys/fs/cgroup/a/b/memory.current", 10 * MIB);
	put("/sys/fs/cgroup/a/b/memory.stat", "inactive_file 1048576\n");
	put("/sys/fs/cgroup/a/b/memory.high", "max\n");
	put_number("/sys/fs/cgroup/a/memory.max", 60 * MIB);
	put_number("/sys/fs/cgroup/a/memory.current", 30 * MIB);
	put_number("/sys/fs/cgroup/memory/v/memory.limit_in_bytes", 9223372036854771712u);
	group_gauge_open(root, &gauge);
	cr_expect_eq(gauge.nr, 2);
	cr_expect_eq(group_gauge_left(&gauge, &max), 30 * MIB);
	cr_expect_eq(max, 50 * MIB);
	put_number("/sys/fs/cgroup/a/b/memory.current", 31 * MIB);
	cr_expect_eq(group_gauge_left(&gauge, &max), 20 * MIB);
	put_number("/sys/fs/cgroup/a/memory.max", 40 * MIB);
	cr_expect_eq(group_gauge_left(&gauge, &max), 10 * MIB);
	cr_expect_eq(max, 40 * MIB);
	put("/sys/fs/cgroup/a/memory.max", "max\n");
	cr_expect_eq(group_gauge_left(&gauge, &max), 20 * MIB);
	snprintf(path, sizeof(path), "%s/sys/fs/cgroup/a/b/memory.max", root);
	cr_assert_eq(truncate(path, 0), 0);
	cr_expect_eq(group_gauge_left(&gauge, &max), GROUP_NO_LIMIT);
	group_gauge_close(&gauge);
	cr_expect_eq(gauge.nr, 0);
}
