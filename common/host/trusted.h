/*
 * Trust in files that decide where a program connects, or what a privileged program writes. No
 * other user of this machine must be able to create, change or replace a file that is read here.
 *
 * A file is trusted if all of these are true:
 * - It belongs to root or to the effective user.
 * - Neither its group nor all users may write it. (The mask of a POSIX ACL appears as the bits of
 *   the group.)
 * - Its file system is neither one that the kernel generates (proc, sysfs, ...) nor a FUSE of
 *   another user.
 *
 * A network file system is trusted because root mounted it. A program that got capabilities from
 * its file trusts only root, because any user can start it and become its effective user.
 *
 * The only state is the list of logged lines. Any thread may call these functions.
 */
#ifndef USRBIO_COMMON_HOST_TRUSTED_H
#define USRBIO_COMMON_HOST_TRUSTED_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define TRUSTED_REASON_MAX 256

/* The text of a file: len bytes without a zero byte, and a final zero. The caller frees data. */
struct trusted_text {
	char *data;
	size_t len;
	bool own; /* the file belongs to the effective user, and not only to root */
};

/* True for root, and for the effective user unless the program got capabilities from its file. */
bool trusted_uid(uid_t uid);

/*
 * True if the file of fd is trusted; O_PATH is sufficient. If not, `reason` says why and how to
 * repair it, and begins with `subject`.
 */
bool trusted_fd(int fd, const char *subject, char reason[TRUSTED_REASON_MAX]);

/*
 * Read a regular file of at most `max` bytes. The caller knows that no other user can replace names
 * in `dir`. Returns 0 or -ENOENT: there is no file. Other -errno: `reason` says why, as above.
 */
int trusted_read(int dir, const char *name, size_t max, struct trusted_text *text,
		 char reason[TRUSTED_REASON_MAX]);

/* Read a file by its path. Its directory may be a sticky one if the file belongs to the user. */
int trusted_read_path(const char *path, size_t max, struct trusted_text *text,
		      char reason[TRUSTED_REASON_MAX]);

/* The object to which a path leads. */
struct trusted_place {
	int dir;		 /* O_PATH; the caller closes it */
	char name[NAME_MAX + 1]; /* its name in dir, no symbolic link; ".": dir itself */
	char path[PATH_MAX];	 /* its canonical path */
};

/*
 * Resolve a path like the kernel, but follow a symbolic link only if it belongs to root or to the
 * effective user. Returns 0, or the kernel's -errno with "" as the reason. -ELOOP with a reason: a
 * link belongs to another user.
 */
int trusted_walk(const char *path, struct trusted_place *place, char reason[TRUSTED_REASON_MAX]);

/*
 * Log that a file is ignored, and why. Each pair of path and reason is logged once, with a limited
 * rate.
 */
void trusted_say(const char *path, const char *reason);

#endif
