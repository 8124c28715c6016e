/*
 * How the groups of a process are found, and what their files say. /proc/self/cgroup names the
 * groups, a line for each hierarchy; their files are in /sys/fs/cgroup. No state; any thread.
 *
 * In a container the file may name a group as the machine sees it, /docker/ID/part, while the
 * container sees only what is below /docker/ID. So the longest end of the name that exists is the
 * group, here /part, and the top of what can be seen is the last one above it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/host/group.h"

#define HOME "/sys/fs/cgroup"

bool group_parse(const char *text, const char **end, uint64_t *number)
{
	char *rest;

	if (*text < '0' || *text > '9')
		return false;
	*number = strtoull(text, &rest, 10);
	*end = rest;
	return !*rest || *rest == '\n' || *rest == ' ';
}

uint64_t group_stat_value(const char *text, const char *word)
{
	size_t len = strlen(word);
	const char *end;
	uint64_t value;

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, word, len) && line[len] == ' ' &&
		    group_parse(line + len + 1, &end, &value))
			return value;
	}
	return 0;
}

/* Get the bytes that the kernel takes back from a group before it ends a process of the group. */
static uint64_t evictable(const char *stat, bool v2)
{
	if (v2)
		return group_stat_value(stat, "inactive_file") +
		       group_stat_value(stat, "active_file") +
		       group_stat_value(stat, "slab_reclaimable");
	return group_stat_value(stat, "total_inactive_file") +
	       group_stat_value(stat, "total_active_file");
}

uint64_t group_left(uint64_t max, uint64_t used, uint64_t kernel, const char *stat, bool v2)
{
	uint64_t cache = evictable(stat, v2);

	if (!v2 && kernel > max / GROUP_KERNEL_SHARE)
		cache += kernel - max / GROUP_KERNEL_SHARE;
	used -= cache < used ? cache : used;
	return used < max ? max - used : 0;
}

bool group_read(const char *dir, const char *name, char *text, size_t room)
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

bool group_read_number(const char *dir, const char *name, uint64_t *number)
{
	const char *end;
	char text[64];

	return group_read(dir, name, text, sizeof(text)) && group_parse(text, &end, number) &&
	       *end != ' ';
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
static void climb(const char *top, const char *name, bool v2, const struct group_look *look)
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
static void climb_v2(const char *root, const char *name, const struct group_look *look)
{
	char top[PATH_MAX];

	snprintf(top, sizeof(top), "%s" HOME "/unified", root);
	if (access(top, F_OK))
		snprintf(top, sizeof(top), "%s" HOME, root);
	climb(top, name, true, look);
}

/* A hierarchy of version 1 has the name of its controllers, "cpu,cpuacct", or of one of them. */
static void climb_v1(const char *root, const char *list, const char *controller, const char *name,
		     const struct group_look *look)
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
		       const struct group_look *look)
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

void group_look(const char *root, const char *controller, const struct group_look *look)
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
