/*
 * The limits of control groups. /proc/self/cgroup names the groups of the process, a line for each
 * hierarchy. Their files are in /sys/fs/cgroup. This code has no state and owns nothing. Any thread
 * may call it.
 *
 * In a container the file may name a group as the machine sees it, /docker/ID/part, while the
 * container sees only what is below /docker/ID. So the longest end of the name that exists is the
 * group, here /part, and the top of what can be seen is the last one above it.
 */
#include "common/host/group.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/text.h"

#define HOME	      "/sys/fs/cgroup"
#define TEXT_MAX_SIZE 4096 /* of a file; memory.stat has 1 to 3 KiB */
#define CPUS_MAX      65536
#define V1_NO_LIMIT   ((uint64_t)1 << 62) /* version 1 has a number near 2^63 for it */

/* The function that reads one group. `v2`: the files have the names of version 2. */
struct look {
	void (*at)(const struct look *look, const char *dir, bool v2);
	void *result;
};

/* Read a file of a group as a string; false if it cannot be read or is empty. */
static bool read_text(const char *dir, const char *name, char *text, size_t room)
{
	char path[PATH_MAX];
	ssize_t n;
	int fd;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, room - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/*
 * Parse the number at the beginning of a text; what follows is left in *end. False for any other
 * text: "max" and "-1" are no limits. A number beyond the largest is the largest.
 */
static bool parse_number(const char *text, const char **end, uint64_t *number)
{
	char *rest;

	if (*text < '0' || *text > '9')
		return false;
	*number = strtoull(text, &rest, 10);
	*end = rest;
	return !*rest || *rest == '\n' || *rest == ' ';
}

/* Read a file that holds one number. */
static bool read_number(const char *dir, const char *name, uint64_t *number)
{
	const char *end;
	char text[64];

	return read_text(dir, name, text, sizeof(text)) && parse_number(text, &end, number) &&
	       *end != ' ';
}

/* Return the number after a word that begins a line; 0 if there is none. */
static uint64_t value_of(const char *text, const char *word)
{
	size_t len = strlen(word);
	const char *end;
	uint64_t value;

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, word, len) && line[len] == ' ' &&
		    parse_number(line + len + 1, &end, &value))
			return value;
	}
	return 0;
}

/* Keep the smaller limit. */
static void narrow(struct group_limit *limit, uint64_t value, const char *dir, const char *name)
{
	if (value >= limit->value)
		return;
	limit->value = value;
	/* A long name of a group loses its end, not the name of the file. */
	snprintf(limit->by, sizeof(limit->by), "%.*s/%s",
		 (int)(sizeof(limit->by) - strlen(name) - 2), dir, name);
	text_mask(limit->by, strlen(limit->by));
}

static void start(struct group_limit *limit)
{
	*limit = (struct group_limit){.value = GROUP_NO_LIMIT};
}

/* Spell the longest end of `name` that is a group below `top`; `top` itself if there is none. */
static bool find_group(const char *top, const char *name, char dir[PATH_MAX])
{
	while (*name) {
		const char *next = strchr(name + 1, '/');

		if ((size_t)snprintf(dir, PATH_MAX, "%s%s", top, name) < PATH_MAX &&
		    !access(dir, F_OK))
			return true;
		name = next ? next : "";
	}
	return (size_t)snprintf(dir, PATH_MAX, "%s", top) < PATH_MAX;
}

/* Look at the group `name` below `top` and at all above it, up to `top`. */
static void climb(const char *top, const char *name, bool v2, const struct look *look)
{
	char dir[PATH_MAX], *slash;
	size_t len = strlen(top);

	/* A name that begins with "/.." is a group that cannot be seen, and not below `top`. */
	if (!strncmp(name, "/..", 3) || !find_group(top, name, dir))
		return;
	for (;;) {
		slash = strrchr(dir + len, '/');
		if (!slash || slash[1]) /* not for "/", which is the top by another name */
			look->at(look, dir, v2);
		if (!slash)
			return;
		*slash = '\0';
	}
}

/* Get the directory of version 2: beside version 1 it has a folder of its own. */
static void climb_v2(const char *root, const char *name, const struct look *look)
{
	char top[PATH_MAX];

	snprintf(top, sizeof(top), "%s" HOME "/unified", root);
	if (access(top, F_OK))
		snprintf(top, sizeof(top), "%s" HOME, root);
	climb(top, name, true, look);
}

/* A hierarchy of version 1 has the name of its controllers, "cpu,cpuacct", or of one of them. */
static void climb_v1(const char *root, const char *list, const char *controller, const char *name,
		     const struct look *look)
{
	char top[PATH_MAX];

	snprintf(top, sizeof(top), "%s" HOME "/%s", root, list);
	if (access(top, F_OK))
		snprintf(top, sizeof(top), "%s" HOME "/%s", root, controller);
	climb(top, name, false, look);
}

/* True if a list, separated by commas, has the word. */
static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (;; list++) {
		if (!strncmp(list, word, len) && (!list[len] || list[len] == ','))
			return true;
		list = strchr(list, ',');
		if (!list)
			return false;
	}
}

/* A line of /proc/self/cgroup, "4:memory:/name". The name may have colons, too. */
static void climb_line(const char *root, char *line, const char *controller,
		       const struct look *look)
{
	char *list = strchr(line, ':'), *name = list ? strchr(list + 1, ':') : NULL;

	if (!name || name[1] != '/')
		return;
	*name++ = '\0';
	name[strcspn(name, "\n")] = '\0';
	list++;
	if (!*list)
		climb_v2(root, name, look);
	else if (has_word(list, controller))
		climb_v1(root, list, controller, name, look);
}

/* Look at each group of the process that a controller may limit. */
static void look_at_groups(const char *root, const char *controller, const struct look *look)
{
	char path[PATH_MAX], *line = NULL;
	size_t room = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
	file = fopen(path, "re");
	if (!file) { /* The top of a container is its own group, most likely. */
		climb_v2(root, "", look);
		climb_v1(root, controller, controller, "", look);
		return;
	}
	while (getline(&line, &room, file) > 0)
		climb_line(root, line, controller, look);
	free(line);
	fclose(file);
}

/* Get the bytes that the kernel takes back from a group before it ends a process of the group. */
static uint64_t evictable(const char *dir, bool v2)
{
	char text[TEXT_MAX_SIZE];

	if (!read_text(dir, "memory.stat", text, sizeof(text)))
		return 0;
	if (v2)
		return value_of(text, "inactive_file") + value_of(text, "active_file") +
		       value_of(text, "slab_reclaimable");
	return value_of(text, "total_inactive_file") + value_of(text, "total_active_file");
}

/* Take a limit of memory into account, and what it leaves beside the `usage` that it counts. */
static void take_limit(struct group_memory *memory, const char *dir, bool v2, const char *name,
		       uint64_t max, const char *usage)
{
	uint64_t used, cache;

	if (max >= V1_NO_LIMIT)
		return;
	narrow(&memory->max, max, dir, name);
	if (!read_number(dir, usage, &used))
		return;
	cache = evictable(dir, v2);
	used -= cache < used ? cache : used;
	narrow(&memory->left, used < max ? max - used : 0, dir, name);
}

static void take_memory(struct group_memory *memory, const char *dir, bool v2, const char *name,
			const char *usage)
{
	uint64_t max;

	if (read_number(dir, name, &max))
		take_limit(memory, dir, v2, name, max, usage);
}

/* Take the limits of groups above the top of a container, which version 1 gives only here. */
static void take_hierarchical(struct group_memory *memory, const char *dir)
{
	char text[TEXT_MAX_SIZE];
	uint64_t max;

	if (!read_text(dir, "memory.stat", text, sizeof(text)))
		return;
	max = value_of(text, "hierarchical_memory_limit");
	if (max && max < memory->max.value)
		take_limit(memory, dir, false, "memory.stat", max, "memory.usage_in_bytes");
}

static void look_at_memory(const struct look *look, const char *dir, bool v2)
{
	struct group_memory *memory = look->result;

	if (v2) {
		take_memory(memory, dir, v2, "memory.max", "memory.current");
		take_memory(memory, dir, v2, "memory.high", "memory.current");
		return;
	}
	take_memory(memory, dir, v2, "memory.limit_in_bytes", "memory.usage_in_bytes");
	take_memory(memory, dir, v2, "memory.memsw.limit_in_bytes", "memory.memsw.usage_in_bytes");
	take_hierarchical(memory, dir);
}

void group_memory(const char *root, struct group_memory *memory)
{
	const struct look look = {look_at_memory, memory};

	start(&memory->max);
	start(&memory->left);
	look_at_groups(root, "memory", &look);
	if (memory->left.value > memory->max.value)
		memory->left = memory->max;
}

/* Read quota and period, in microseconds. False: there is no quota. */
static bool read_quota(const char *dir, bool v2, uint64_t *quota, uint64_t *period)
{
	const char *end;
	char text[64];

	if (!v2)
		return read_number(dir, "cpu.cfs_quota_us", quota) &&
		       read_number(dir, "cpu.cfs_period_us", period);
	return read_text(dir, "cpu.max", text, sizeof(text)) && parse_number(text, &end, quota) &&
	       *end == ' ' && parse_number(end + 1, &end, period);
}

static void look_at_cpus(const struct look *look, const char *dir, bool v2)
{
	uint64_t quota, period, cpus;

	if (!read_quota(dir, v2, &quota, &period) || !period)
		return;
	cpus = quota / period + !!(quota % period);
	narrow(look->result, cpus ? cpus : 1, dir, v2 ? "cpu.max" : "cpu.cfs_quota_us");
}

/* Count the CPUs that this thread may run on. The kernel wants room for all that there are. */
static uint64_t own_cpus(void)
{
	long nr = 0;

	for (size_t max = 1024; max <= CPUS_MAX && !nr; max *= 2) {
		cpu_set_t *set = CPU_ALLOC(max);

		if (set && !sched_getaffinity(0, CPU_ALLOC_SIZE(max), set))
			nr = CPU_COUNT_S(CPU_ALLOC_SIZE(max), set);
		CPU_FREE(set);
	}
	if (nr < 1)
		nr = sysconf(_SC_NPROCESSORS_ONLN);
	return nr < 1 ? 1 : (uint64_t)nr;
}

void group_cpus(const char *root, struct group_limit *cpus)
{
	const struct look look = {look_at_cpus, cpus};

	start(cpus);
	cpus->value = own_cpus();
	look_at_groups(root, "cpu", &look);
}

static void look_at_tasks(const struct look *look, const char *dir, bool v2)
{
	uint64_t max;

	(void)v2;
	if (read_number(dir, "pids.max", &max))
		narrow(look->result, max, dir, "pids.max");
}

void group_tasks(const char *root, struct group_limit *tasks)
{
	const struct look look = {look_at_tasks, tasks};

	start(tasks);
	look_at_groups(root, "pids", &look);
}
