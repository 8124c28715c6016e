/*
 * File systems as the tool sees them: the local one and a mount, behind one table. All calls
 * return 0, a descriptor or a count, or -errno. Any thread.
 */
#ifndef USRBIO_TOOL_FS_H
#define USRBIO_TOOL_FS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <usrbio.h>

struct fs {
	bool rings; /* data goes through rings, else by pread and pwrite */
	int (*open)(const char *path, int flags, mode_t mode);
	int (*close)(int fd);
	int (*fstat)(int fd, struct usrbio_stat *st);
	int (*stat)(const char *path, struct usrbio_stat *st);
	int (*lstat)(const char *path, struct usrbio_stat *st);
	int (*truncate)(int fd, uint64_t len);
	int (*mkdir)(const char *path, mode_t mode);
	int (*unlink)(const char *path);
	int (*rmdir)(const char *path);
	/* visit is called for each entry; a value other than 0 ends the listing and is returned. */
	int (*list)(const char *path, int (*visit)(const char *name, unsigned char type, void *arg),
		    void *arg);
};

extern const struct fs fs_local, fs_mount;

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
