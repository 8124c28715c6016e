/* The free memory of the machine and of our control group. No state; any thread. */
#include "client/memory/mem_avail.h"

#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

/* This amount is left for other programs. */
#define RESERVE ((uint64_t)32 << 20)
/*
 * For less than this the control group is not checked, because reading its files would take longer
 * than the allocation.
 */
#define SMALL ((uint64_t)1 << 20)

/* Read a small file as a string; false if it cannot be read. */
static bool slurp(const char *path, char *text, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, room - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/*
 * Return the free memory. Free pages are usually enough, at the cost of one system call; caches
 * count as well.
 */
static uint64_t machine_has(uint64_t need)
{
	char text[2048], *at;
	struct sysinfo info;
	uint64_t nr_free = 0;

	if (!sysinfo(&info))
		nr_free = (uint64_t)info.freeram * info.mem_unit;
	if (nr_free >= need || !slurp("/proc/meminfo", text, sizeof(text)))
		return nr_free;
	at = strstr(text, "MemAvailable:");
	return at ? strtoull(at + 13, NULL, 10) * 1024 : nr_free;
}

/* Read a file of a control group as a string. */
static bool group_file(const char *group, const char *name, char *text, size_t room)
{
	char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/%s", group, name);
	return slurp(path, text, room);
}

/* Return the value after a word of memory.stat. */
static uint64_t stat_value(const char *text, const char *word)
{
	const char *at = strstr(text, word);

	return at ? strtoull(at + strlen(word), NULL, 10) : 0;
}

/*
 * True if a group has memory left: its limit minus its use. Page cache of the group can be evicted
 * and does not count.
 */
static bool one_group_has(const char *group, uint64_t need)
{
	char text[8192];
	uint64_t max, used, cache = 0;

	if (!group_file(group, "memory.max", text, sizeof(text)) || !strncmp(text, "max", 3))
		return true;
	max = strtoull(text, NULL, 10);
	if (!group_file(group, "memory.current", text, sizeof(text)))
		return true;
	used = strtoull(text, NULL, 10);
	if (group_file(group, "memory.stat", text, sizeof(text)))
		cache = stat_value(text, "\ninactive_file ") + stat_value(text, "\nactive_file ");
	used -= cache < used ? cache : used;
	return used < max && max - used >= need;
}

/* Check our group and those above it. */
static bool groups_have(uint64_t need)
{
	char text[PATH_MAX], *group, *slash;

	if (!slurp("/proc/self/cgroup", text, sizeof(text)))
		return true;
	group = strstr(text, "0::/");
	if (!group)
		return true;
	group += 3;
	group[strcspn(group, "\n")] = '\0';
	for (;;) {
		if (!one_group_has(group, need))
			return false;
		slash = strrchr(group, '/');
		if (!slash)
			return true;
		*slash = '\0';
	}
}

/* Check the limit of the file size, because growing a file beyond it raises SIGXFSZ. */
static bool file_size_allows(uint64_t size)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_FSIZE, &limit) || limit.rlim_cur == RLIM_INFINITY ||
	       size <= limit.rlim_cur;
}

bool mem_avail_for(size_t size)
{
	uint64_t need = (uint64_t)size + RESERVE;

	if (need < size || !file_size_allows(size))
		return false;
	if (machine_has(need) < need)
		return false;
	return size < SMALL || groups_have(need);
}
