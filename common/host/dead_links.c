/*
 * The search for dead links, and the check that no process still maps their objects. Each call owns
 * its own state, so any thread may call it.
 */
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
#define LINKS_MAX	64	    /* links removed per call */
#define ENTRIES_MAX	4096	    /* directory entries read per call */
#define PROCESSES_MAX	1024	    /* processes of this user */
#define MAPS_MAX	(16u << 20) /* bytes of all their /proc/PID/maps */
#define FIRST_PID_SPACE 0xeffffffcu /* inode of the initial PID namespace: PROC_PID_INIT_INO */

struct link {
	char name[NAME_MAX + 1];   /* of the link in iovs */
	char object[NAME_MAX + 3]; /* "/NAME" of the object */
	bool mapped;
};

struct sweep {
	int iovs;
	struct link links[LINKS_MAX];
	unsigned nr;
	size_t read; /* bytes of maps files so far */
	unsigned processes;
};

/* Take a link if it belongs to the effective user and its object is gone. */
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

/* Mark the links whose object is named by a line of a maps file. */
static void mark(struct sweep *sweep, const char *line)
{
	for (unsigned i = 0; i < sweep->nr; i++) {
		const char *at = strstr(line, sweep->links[i].object);
		size_t len = strlen(sweep->links[i].object);

		if (at && (at[len] == '\n' || at[len] == ' '))
			sweep->links[i].mapped = true;
	}
}

/* Read the maps of one process. False: they cannot be read, or take too much time. */
static bool look_at(struct sweep *sweep, int proc, const char *pid)
{
	char path[NAME_MAX + 8], *line = NULL;
	size_t room = 0;
	ssize_t len = 0;
	FILE *file;
	int fd;

	snprintf(path, sizeof(path), "%s/maps", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	/* Other errors: the process has ended, or has more rights, so it is not this user's. */
	if (fd < 0)
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

/* True for a process of this user. Root's processes may have changed their user. */
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

/* True if /proc shows all processes that can make links here. */
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
