/* Shared memory at its limits: too large, too many descriptors, again and again. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/memory/mem_avail.h"
#include "client/memory/shm.h"

static uint8_t id[16];

static int create(struct shm *shm, size_t size)
{
	cr_assert_eq(getrandom(id, sizeof(id), 0), sizeof(id));
	return shm_create(shm, id, size, 0, -1);
}

static int count_entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	cr_assert(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static int count_lines(const char *path)
{
	FILE *file = fopen(path, "r");
	int n = 0, c;

	cr_assert(file);
	while ((c = fgetc(file)) != EOF)
		n += c == '\n';
	fclose(file);
	return n;
}

static size_t all_memory(void)
{
	struct sysinfo info;

	cr_assert_eq(sysinfo(&info), 0);
	return (size_t)info.totalram * info.mem_unit;
}

Test(shm_limits, more_than_there_is_fails_here)
{
	static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 4095, SIZE_MAX / 2, (size_t)1 << 46};
	struct shm shm, before;

	memset(&shm, 0x5a, sizeof(shm));
	before = shm;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		cr_expect_eq(create(&shm, sizes[i]), -ENOMEM, "%zu", sizes[i]);
	cr_expect_eq(create(&shm, all_memory()), -ENOMEM);
	cr_expect_eq(create(&shm, 0), -EINVAL);
	cr_expect_eq(memcmp(&shm, &before, sizeof(shm)), 0);
}

Test(shm_limits, a_file_size_limit_is_no_signal)
{
	struct rlimit limit = {1 << 20, 1 << 20};
	struct shm shm;

	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_expect_eq(create(&shm, 2 << 20), -ENOMEM);
	cr_expect_eq(create(&shm, 1 << 20), 0);
	shm_close(&shm);
}

Test(shm_limits, no_descriptors)
{
	struct rlimit limit;
	struct shm shm;
	int before = count_entries("/proc/self/fd"), lowest = dup(0);

	close(lowest);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	for (int room = 0; room < 2; room++) {
		limit.rlim_cur = (rlim_t)(lowest + room);
		cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
		cr_expect_eq(create(&shm, 4096), -EMFILE, "room for %d", room);
	}
	limit.rlim_cur = limit.rlim_max;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_expect_eq(count_entries("/proc/self/fd"), before);
}

Test(shm_limits, ten_thousand_cycles_leak_nothing)
{
	int fds = count_entries("/proc/self/fd"), maps = count_lines("/proc/self/maps");

	for (int i = 0; i < 10000; i++) {
		struct shm shm;

		cr_assert_eq(create(&shm, 8192), 0);
		if (i % 2)
			shm_unlink_id(&shm);
		shm_close(&shm);
	}
	cr_expect_eq(count_entries("/proc/self/fd"), fds);
	cr_expect_leq(count_lines("/proc/self/maps"), maps + 4); /* the heap may grow */
}

Test(shm_limits, available_memory)
{
	cr_expect(mem_avail_for(1));
	cr_expect_not(mem_avail_for(all_memory()));
	cr_expect_not(mem_avail_for(SIZE_MAX));
}

/* A control group of version 1 for the memory of this process and its children. */
static char group[64];

static bool group_write(const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *file;
	bool done;

	snprintf(path, sizeof(path), "%s/%s", group, name);
	file = fopen(path, "we");
	if (!file)
		return false;
	done = fputs(text, file) >= 0;
	return !fclose(file) && done;
}

/* Make a group with a limit; the test is skipped where that cannot be done. */
static void group_begin(size_t limit)
{
	char text[32];

	snprintf(group, sizeof(group), "/sys/fs/cgroup/memory/usrbio-shm-%d", getpid());
	if (mkdir(group, 0755))
		cr_skip_test("no control group of version 1 can be made here");
	snprintf(text, sizeof(text), "%zu", limit);
	if (!group_write("memory.limit_in_bytes", text)) {
		rmdir(group);
		cr_skip_test("the control group takes no limit");
	}
}

/* Run a function in the group. Its result, or -1 if it was killed. */
static int group_run(int (*fn)(void))
{
	pid_t child = fork();
	int status;

	cr_assert_geq(child, 0);
	if (!child)
		_exit(group_write("cgroup.procs", "0") ? fn() : 100);
	cr_assert_eq(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Two, at the same time: each would fit, but not both. */
static int two_at_once(void)
{
	int both = 0, status;

	for (int i = 0; i < 2; i++)
		if (!fork()) {
			struct shm shm;
			int err = create(&shm, 80 << 20);

			_exit(err == 0 ? 0 : err == -ENOMEM ? 1 : 2);
		}
	while (wait(&status) > 0)
		if (!WIFEXITED(status) || WEXITSTATUS(status) == 2)
			both = 1;
	return both;
}

static int too_large(void)
{
	struct shm shm;

	if (create(&shm, 256 << 20) != -ENOMEM)
		return 1;
	if (create(&shm, 64 << 20))
		return 2;
	memset(shm.base, 1, 64 << 20);
	if (create(&shm, 64 << 20) != -ENOMEM)
		return 3;
	return 0;
}

Test(shm_limits, more_than_a_control_group_allows_fails_here, .timeout = 60)
{
	group_begin((size_t)128 << 20);
	cr_expect_eq(group_run(too_large), 0);
	for (int i = 0; i < 5; i++)
		cr_expect_eq(group_run(two_at_once), 0);
	cr_expect_eq(rmdir(group), 0);
}
