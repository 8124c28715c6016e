/*
 * Files that steer where a program connects, or what a privileged one writes: which of them are
 * believed. Somebody else on this machine must not be able to make, change, or put in place what is
 * read here.
 *
 * An object is believed if it belongs to root or to the effective user, neither its group nor
 * everybody may write it (the mask of a POSIX ACL shows as the group's bits), and its file system
 * is none that the kernel makes up (proc, sysfs, ...) and no FUSE of another user. A network file
 * system is believed as far as root believed it by mounting it. A program that was given
 * capabilities by its file believes root only: its effective user is whoever started it.
 *
 * No state but the lines that were said; any thread.
 */
#ifndef USRBIO_COMMON_HOST_TRUSTED_H
#define USRBIO_COMMON_HOST_TRUSTED_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define TRUSTED_REASON_MAX 256

/* The text of a file: len bytes without a zero among them, and a final zero. free() data. */
struct trusted_text {
	char *data;
	size_t len;
	bool own; /* it belongs to the effective user, not just to root */
};

/* True for root and for the effective user, who is not trusted where the file gave capabilities. */
bool trusted_uid(uid_t uid);

/*
 * Is what fd refers to (O_PATH will do) believed? If not, `reason` says why and how to repair it,
 * beginning with `subject`.
 */
bool trusted_fd(int fd, const char *subject, char reason[TRUSTED_REASON_MAX]);

/*
 * Read a regular file of at most `max` bytes. The caller knows that nobody else can replace names
 * in `dir`. 0; -ENOENT: there is none; else -errno and the reason, as above.
 */
int trusted_read(int dir, const char *name, size_t max, struct trusted_text *text,
		 char reason[TRUSTED_REASON_MAX]);

/* Read a file by its path. Its directory may be a sticky one if the file is the user's own. */
int trusted_read_path(const char *path, size_t max, struct trusted_text *text,
		      char reason[TRUSTED_REASON_MAX]);

/* Where a path leads. */
struct trusted_place {
	int dir;		 /* O_PATH; the caller's to close */
	char name[NAME_MAX + 1]; /* in dir, and no symbolic link; ".": dir itself */
	char path[PATH_MAX];	 /* of both, canonical */
};

/*
 * Resolve a path like the kernel, but follow a symbolic link only if it belongs to root or to the
 * effective user. 0; -errno of the kernel's, and "" as reason; -ELOOP and a reason for somebody
 * else's link.
 */
int trusted_walk(const char *path, struct trusted_place *place, char reason[TRUSTED_REASON_MAX]);

/* Log that a file is ignored and why: each pair of both once, and not too many a second. */
void trusted_say(const char *path, const char *reason);

#endif
