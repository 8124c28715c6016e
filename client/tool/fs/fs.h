/*
 * File systems as the tool sees them: the local one and a mount, behind one table. All calls
 * return 0, a descriptor or a count, or -errno. Any thread.
 *
 * Only what the user named is opened by path. Everything below is reached by a directory's
 * descriptor and one component, never by a joined path: `name` is not empty, "." or "..", and has
 * no slash, else -EINVAL.
 */
#ifndef USRBIO_TOOL_FS_H
#define USRBIO_TOOL_FS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include <usrbio.h>

/* Of fs.follow; no error of a system call or a server. */
#define FS_NOT_FOLLOWED (-4900)

struct fs {
	bool rings;	  /* data goes through rings, else by pread and pwrite */
	bool masks;	  /* new files and directories get their mode without the umask's bits */
	bool close_tells; /* a close may report that data was not written (NFS does) */

	/* By a path, links followed. */
	int (*open)(const char *path, int flags, mode_t mode);
	int (*stat)(const char *path, struct usrbio_stat *st);

	int (*openat)(int dir, const char *name, int flags, mode_t mode);
	/*
	 * Open for reading what a symbolic link in a source leads to, a file or a directory.
	 * -ENOENT or -ELOOP: nothing; -EACCES: may not; FS_NOT_FOLLOWED: neither the caller nor the
	 * owner of what it leads to made it; -EINVAL: to neither a file nor a directory.
	 */
	int (*follow)(int dir, const char *name);
	int (*fstatat)(int dir, const char *name, struct usrbio_stat *st, int flags);
	int (*mkdirat)(int dir, const char *name, mode_t mode);
	int (*unlinkat)(int dir, const char *name, int flags);
	/* Within one directory. */
	int (*renameat)(int dir, const char *from, const char *to, unsigned flags);

	int (*close)(int fd);
	int (*fstat)(int fd, struct usrbio_stat *st);
	int (*fsync)(int fd);
	int (*truncate)(int fd, uint64_t len);
	/* Mode, and owner and group where we may and the file system lets us. */
	int (*imitate)(int fd, const struct usrbio_stat *model);
	int (*chmod)(int fd, mode_t mode);
	/* SEEK_DATA or SEEK_HOLE; -ENXIO behind the last data. */
	int64_t (*seek)(int fd, uint64_t off, int whence);
	/* The directory itself and those above it, as far as they can be seen. */
	int (*ancestors)(int dir, struct usrbio_id *ids, size_t room);

	/* A listing has a state of its own and does not disturb `dir`. "." and ".." do not show. */
	int (*list_open)(int dir, void **state);
	/* 1: an entry, valid until the next call; 0: at the end. */
	int (*list_next)(void *state, struct usrbio_dirent *entry);
	void (*list_close)(void *state);

	/* By path. visit: a value other than 0 ends the listing and is returned. */
	int (*list)(const char *path, int (*visit)(const char *name, unsigned char type, void *arg),
		    void *arg);
};

extern const struct fs fs_local, fs_mount;

static inline struct usrbio_id id_of(const struct usrbio_stat *st)
{
	return (struct usrbio_id){.host = st->host, .dev = st->dev, .ino = st->ino};
}

static inline bool id_equal(const struct usrbio_id *a, const struct usrbio_id *b)
{
	return a->ino == b->ino && a->dev == b->dev && a->host == b->host;
}

/* Do two unequal identities tell that there are two? Not those of different file systems. */
static inline bool id_comparable(const struct usrbio_id *a, const struct usrbio_id *b)
{
	return a->host == b->host && a->dev == b->dev;
}

/* Is `name` one component? */
static inline bool fs_is_component(const char *name)
{
	return *name && strcmp(name, ".") && strcmp(name, "..") && !strchr(name, '/');
}

/* The fs.follow of the local file system. */
int fs_follow_link(int dir, const char *name);

/* Where a path lies. */
struct endpoint {
	const struct fs *fs;
	char mount_point[256]; /* "" for the local file system */
	const char *rest;      /* of the path below the mount, points into it; local: the path */
};

/* 0; -EINVAL (a malformed URL), -ENOENT (a URL of a kind we do not know). */
int endpoint_of(const char *path, struct endpoint *endpoint);
/* The same for commands that work on mounts only; says what is wrong. Also false then. */
bool endpoint_on_mount(const char *path, struct endpoint *endpoint);
bool endpoint_same(const struct endpoint *a, const struct endpoint *b);

#endif
