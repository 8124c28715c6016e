/*
 * Files and the descriptors that name them.
 *
 * A file is one open handle at a server, counted. Two tables lead to it, both indexed by
 * descriptor: *opened* (usrbio_open: we own the descriptor, a placeholder that no other code can
 * read) and *registered* (hf3fs_reg_fd). Any thread; file_registered is the hot path and takes no
 * lock.
 */
#ifndef USRBIO_CLIENT_FILES_FILE_H
#define USRBIO_CLIENT_FILES_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/list.h"
#include "client/calls/mount_call.h"
#include "client/calls/request.h"
#include "client/mount/mount.h"

/*
 * Memory of files is recycled, never returned, so that a stale pointer may be read but not trusted.
 */
struct file {
	struct mount *mount;
	/*
	 * This is written under the lock of the mount's open files, and while no connection is up;
	 * it is read under either, or under the lock of a connection that is up.
	 */
	struct remote_file remote; /* of an earlier session: dead, or soon opened again */
	uint32_t flags;		   /* of OPEN_REOPEN_FLAGS */
	bool regular;
	uint64_t host; /* the host of the file: see usrbio_stat */
	/* For opening it again: how it was found, and its permanent name at the server. */
	char *path;
	uint8_t persistent[PERSISTENT_MAX];
	uint8_t persistent_len;
	bool dead;	  /* opening it again failed */
	struct list link; /* in the mount's open files, under their lock */
};

/*
 * Open a file at the server: a path or, with `at`, a name in that directory of the mount. 0 and a
 * reference; attr may be NULL.
 */
int file_open(struct mount *mount, struct file *at, const char *path, uint32_t flags, uint32_t mode,
	      struct file **file, struct file_attr *attr);
void file_hold(struct file *file);
/* Give references back. The last one closes the handle, without waiting. */
void file_put_many(struct file *file, unsigned n);

static inline void file_put(struct file *file)
{
	file_put_many(file, 1);
}

/* Make a call about the file: as mount_call_file. */
static inline int file_call(struct file *file, const struct call *call, struct answer *answer)
{
	return mount_call_file(file->mount, &file->remote, call, answer);
}

/*
 * Make a placeholder descriptor for a file that is about to be opened, so that an open that has
 * succeeded at the server does not fail for lack of a descriptor. >= 0 or -EMFILE; close it if the
 * open fails.
 */
int file_reserve(void);
/* Let a placeholder stand for an opened file; takes over the caller's reference and fd. */
void file_publish(struct file *file, int fd);
/* Return the opened file of a descriptor, with a reference; NULL if it is not ours (any more). */
struct file *file_opened(int fd);
int file_unpublish(int fd); /* closes the descriptor; 0 or -EBADF */

/*
 * Register a descriptor: opened by us, or of the kernel's below a mounted directory. 0; -EBADF,
 * -EINVAL (registered already), -ESTALE (deleted or replaced since, or another file at
 * the server), or what the server says.
 */
int file_register(int fd);
void file_deregister(int fd); /* fd may be negated */
/*
 * Return the registered file, with a reference; NULL if there is none. fd may be negated.
 * Lock-free.
 */
struct file *file_registered(int fd);

/*
 * Return the present file of a descriptor, registered or not, with a reference. 0; errors as above.
 */
int file_of_fd(int fd, struct file **file);

/* True if the descriptor is one of ours, or lies on a mounted directory. */
bool file_is_ours(int fd);

#endif
