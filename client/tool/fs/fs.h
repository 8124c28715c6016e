/*
 * The file systems that the tool uses, the local one and that of a mount, as one table of
 * functions. Each function returns 0, a descriptor or a count, or -errno. Any thread may call them.
 *
 * Only what the user named is opened by its path. Everything below is reached by the descriptor of
 * a directory and one name in it, so that nobody can redirect the tool by replacing a directory
 * with a link. Such a `name` is not empty, "." or "..", and has no slash; otherwise the functions
 * return -EINVAL.
 */
#ifndef USRBIO_TOOL_FS_H
#define USRBIO_TOOL_FS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#include <usrbio.h>

/* An error of fs.follow, outside the range of errno. */
#define FS_NOT_FOLLOWED (-4900)

struct fs {
	bool rings;	  /* true: data moves through rings; false: by pread and pwrite */
	bool masks;	  /* the file system itself takes the umask off the mode of what is made */
	bool close_tells; /* a close may report that data was not written, as NFS does */

	/* These two take a path and follow links. */
	int (*open)(const char *path, int flags, mode_t mode);
	int (*stat)(const char *path, struct usrbio_stat *st);

	int (*openat)(int dir, const char *name, int flags, mode_t mode);
	/*
	 * Open for reading the file or directory to which a symbolic link in a source leads.
	 * -ENOENT, -ELOOP: the link leads nowhere; -EACCES: the caller may not read the object;
	 * FS_NOT_FOLLOWED: the link belongs neither to the caller nor to the owner of the object;
	 * -EINVAL: the object is neither a file nor a directory.
	 */
	int (*follow)(int dir, const char *name);
	int (*fstatat)(int dir, const char *name, struct usrbio_stat *st, int flags);
	int (*mkdirat)(int dir, const char *name, mode_t mode);
	int (*unlinkat)(int dir, const char *name, int flags);
	/* Rename within one directory; flags as of renameat2(2). */
	int (*renameat)(int dir, const char *from, const char *to, unsigned flags);

	/* Make, and read, a symbolic link; the text that is read has a final zero. 0 or -errno. */
	int (*symlinkat)(const char *text, int dir, const char *name);
	int (*readlinkat)(int dir, const char *name, char *text, size_t size);
	/* Give a file one more name; a link gets one itself. */
	int (*linkat)(int from_dir, const char *from, int to_dir, const char *to);
	/* Set attributes by name, or of a descriptor if name is NULL. No link is followed. */
	int (*chownat)(int dir, const char *name, uid_t uid, gid_t gid);
	int (*utimensat)(int dir, const char *name, const struct timespec *times);
	int (*chmodat)(int dir, const char *name, mode_t mode);

	int (*close)(int fd);
	int (*fstat)(int fd, struct usrbio_stat *st);
	int (*fsync)(int fd);
	int (*truncate)(int fd, uint64_t len);
	/*
	 * Give the file the mode of `model`; also its owner and group, if the caller and the file
	 * system may change them.
	 */
	int (*imitate)(int fd, const struct usrbio_stat *model);
	int (*chmod)(int fd, mode_t mode);
	/* Find data or a hole: whence is SEEK_DATA or SEEK_HOLE; -ENXIO: none follows `off`. */
	int64_t (*seek)(int fd, uint64_t off, int whence);
	/* Write at most `room` identities: of the directory and of those above it. Their number. */
	int (*ancestors)(int dir, struct usrbio_id *ids, size_t room);

	/*
	 * A listing has a state of its own: the offset of `dir` stays. "." and ".." are left out.
	 */
	int (*list_open)(int dir, void **state);
	/* 1: an entry, whose name is valid until the next call; 0: the end; or -errno. */
	int (*list_next)(void *state, struct usrbio_dirent *entry);
	void (*list_close)(void *state);

	/*
	 * List a directory by its path. A value of `visit` other than 0 ends the listing and is
	 * returned. NULL in fs_local.
	 */
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

/*
 * True if unequal identities prove that the objects differ. Those of different devices prove
 * nothing: network mounts and overlays change device numbers.
 */
static inline bool id_comparable(const struct usrbio_id *a, const struct usrbio_id *b)
{
	return a->host == b->host && a->dev == b->dev;
}

/* True if `name` is one component of a path, other than "." and "..". */
static inline bool fs_is_component(const char *name)
{
	return *name && strcmp(name, ".") && strcmp(name, "..") && !strchr(name, '/');
}

/* The function `follow` of the local file system. */
int fs_follow_link(int dir, const char *name);

/* The file system of a path, and the path there. */
struct endpoint {
	const struct fs *fs;
	char mount_point[256]; /* "" for the local file system */
	const char *rest; /* points into the path, behind the mount point; local: to all of it */
};

/* Find the endpoint of a path. 0; -EINVAL: a malformed URL; -ENOENT: an unknown kind of URL. */
int endpoint_of(const char *path, struct endpoint *endpoint);
/* The same for commands that need a mount. False: the path is on none, which was reported. */
bool endpoint_on_mount(const char *path, struct endpoint *endpoint);
/* True if both paths are on one mount, or both are local. */
bool endpoint_same(const struct endpoint *a, const struct endpoint *b);

#endif
