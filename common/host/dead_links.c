/* Finding dead links, and whether somebody still maps what they stood for. */
#include "common/host/dead_links.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/host/local_fs.h"
#include "common/base/log.h"

#define SHM		"/dev/shm/"
#define LINKS_MAX	64	    /* removed at a time */
#define ENTRIES_MAX	4096	    /* looked at */
#define PROCESSES_MAX	1024	    /* of this user */
#define MAPS_MAX	(16u << 20) /* bytes of their /proc/PID/maps */
#define FIRST_PID_SPACE 0xeffffffcu /* inode of the machine's own: PROC_PID_INIT_INO */

struct link {
	char name[NAME_MAX + 1];   /* in iovs */
	char object[NAME_MAX + 3]; /* "/NAME" of the object */
	bool mapped;
};

struct sweep {
	int iovs;
	struct link links[LINKS_MAX];
	unsigned nr;
	size_t read; /* bytes of maps */
	unsigned processes;
};

/* Is it ours, and its object gone? */
static bool take(const struct sweep *sweep, const char *name, struct link *link)
{
	char target[PATH_MAX];
	struct stat st;
	ssize_t len;

	if (fstatat(sweep->iovs, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISLNK(st.st_mode) ||
	    st.st_uid != geteuid())
		return false;
	len = readlinkat(sweep->iovs, name, target, sizeof(target) - 1);
	if (len <= (ssize_t)sizeof(SHM) - 1 || memcmp(target, SHM, sizeof(SHM) - 1))
		return false;
	target[len] = '\0';
	if (strchr(target + sizeof(SHM) - 1, '/') || strlen(target + sizeof(SHM) - 1) > NAME_MAX)
		return false;
	if (!lstat(target, &st) || errno != ENOENT)
		return false;
	snprintf(link->name, sizeof(link->name), "%s", name);
	snprintf(link->object, sizeof(link->object), "/%.*s", NAME_MAX, target + sizeof(SHM) - 1);
	link->mapped = false;
	return true;
}

static void collect(struct sweep *sweep)
{
	int fd = openat(sweep->iovs, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir && fd >= 0)
		close(fd);
	for (unsigned i = 0; dir && i < ENTRIES_MAX && sweep->nr < LINKS_MAX; i++) {
		entry = readdir(dir);
		if (!entry)
			break;
		if (take(sweep, entry->d_name, &sweep->links[sweep->nr]))
			sweep->nr++;
	}
	if (dir)
		closedir(dir);
}

/* Mark what a line of a maps file names. */
static void mark(struct sweep *sweep, const char *line)
{
	for (unsigned i = 0; i < sweep->nr; i++) {
		const char *at = strstr(line, sweep->links[i].object);
		size_t len = strlen(sweep->links[i].object);

		if (at && (at[len] == '\n' || at[len] == ' '))
			sweep->links[i].mapped = true;
	}
}

/* What one process maps. False: it cannot be known, or costs too much. */
static bool look_at(struct sweep *sweep, int proc, const char *pid)
{
	char path[NAME_MAX + 8], *line = NULL;
	size_t room = 0;
	ssize_t len = 0;
	FILE *file;
	int fd;

	snprintf(path, sizeof(path), "%s/maps", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) /* it has ended, or has more rights than we: no program of this user's, then */
		return errno != EMFILE && errno != ENFILE && errno != ENOMEM;
	file = fdopen(fd, "r");
	if (!file) {
		close(fd);
		return false;
	}
	while (sweep->read < MAPS_MAX && (len = getline(&line, &room, file)) >= 0) {
		sweep->read += (size_t)len;
		mark(sweep, line);
	}
	free(line);
	fclose(file);
	return sweep->read < MAPS_MAX;
}

/* Is it one of this user's? Root's may have become others since. */
static bool is_process(int proc, const char *pid)
{
	struct stat st;

	return *pid >= '1' && *pid <= '9' && !fstatat(proc, pid, &st, 0) &&
	       (!geteuid() || st.st_uid == geteuid());
}

static bool look_at_processes(struct sweep *sweep)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	bool known = proc;

	while (known && (entry = readdir(proc))) {
		if (is_process(dirfd(proc), entry->d_name))
			known = ++sweep->processes <= PROCESSES_MAX &&
				look_at(sweep, dirfd(proc), entry->d_name);
	}
	if (proc)
		closedir(proc);
	return known;
}

/* Those who make links here are all seen in /proc? */
static bool all_are_seen(int iovs)
{
	struct stat st;

	return local_fs(iovs) && !stat("/proc/self/ns/pid", &st) && st.st_ino == FIRST_PID_SPACE;
}

static unsigned remove_dead(struct sweep *sweep)
{
	unsigned removed = 0;

	for (unsigned i = 0; i < sweep->nr; i++) {
		if (!sweep->links[i].mapped && !unlinkat(sweep->iovs, sweep->links[i].name, 0))
			removed++;
	}
	return removed;
}

unsigned dead_links_sweep(int iovs)
{
	struct sweep *sweep;
	unsigned removed = 0;

	if (!all_are_seen(iovs))
		return 0;
	sweep = calloc(1, sizeof(*sweep));
	if (!sweep)
		return 0;
	sweep->iovs = iovs;
	collect(sweep);
	if (sweep->nr && look_at_processes(sweep))
		removed = remove_dead(sweep);
	free(sweep);
	if (removed)
		log_info("%u links of dead programs removed from iovs", removed);
	return removed;
}

unsigned dead_links_sweep_below(const char *directory)
{
	static const char *const names[] = {"3fs-virt", "iovs"};
	int fd = open(directory, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	unsigned removed = 0;

	for (int i = 0; i < 2 && fd >= 0; i++) {
		int next = openat(fd, names[i], O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		close(fd);
		fd = next;
	}
	if (fd >= 0) {
		removed = dead_links_sweep(fd);
		close(fd);
	}
	return removed;
}
