/*
 * Files, and the descriptors that stand for them.
 *
 * A file is one open handle at a server, with a count of references. Two tables lead from
 * descriptors to files. The table `opened` has the descriptors of usrbio_open, which the library
 * owns: placeholders that other code cannot read. The table `registered` has those of hf3fs_reg_fd.
 * Any thread. Each I/O calls file_registered, which takes no lock.
 */
#ifndef USRBIO_CLIENT_FILES_FILE_H
#define USRBIO_CLIENT_FILES_FILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/list.h"
#include "client/calls/mount_call.h"
#include "client/calls/request.h"
#include "client/mount/mount.h"

/* The memory of a file is recycled and never freed, so that an old pointer can be read safely. */
struct file {
	struct mount *mount;
	/*
	 * The handle at the server. That of an earlier session is invalid: the file is dead, or
	 * will be opened again. It is written under the lock of the session's open files while no
	 * connection is up. It is read under this lock, or under that of a connection that is up.
	 */
	struct remote_file remote;
	uint32_t flags; /* those for opening it again, OPEN_REOPEN_FLAGS */
	bool regular;	/* it is a regular file */
	uint64_t host;	/* the host of the file, see usrbio_stat */
	/*
	 * For opening it again: its path, and its persistent name at the server. The path changes
	 * under the lock of the session's open files, if this process renames the file.
	 */
	char *path;
	struct persistent_name persistent;
	bool dead; /* opening it again has failed */
	/*
	 * The number of the write verifier under which the oldest acknowledged change was sent that
	 * no sync covers; 0: there is none. Any thread.
	 */
	_Atomic uint32_t unsynced;
	/* Under the lock of the session's open files: */
	uint32_t syncing;  /* the same of the changes that only unfinished or failed syncs cover */
	uint32_t nr_syncs; /* syncs that have begun */
	bool lost;	   /* every sync fails */
	struct list link;  /* in the session's open files, under their lock */
};

/*
 * Open a file at the server: a path below the export or, with `at`, a name in that directory.
 * flags: OPEN_; mode: permissions of a new file. 0 and a reference; attr may be NULL; or -errno.
 */
int file_open(struct mount *mount, struct file *at, const char *path, uint32_t flags, uint32_t mode,
	      struct file **file, struct file_attr *attr);
/*
 * Note that names were moved at the server: paths below the export or, with at and at2, names in
 * these directories; exchanged: each got the name of the other.
 */
void file_renamed(struct mount *mount, struct file *at, const char *from, struct file *at2,
		  const char *to, bool exchanged);
/* Copy the path of a file, for a message. The caller holds no lock below LOCK_CONN. */
void file_describe(struct file *file, char *path, size_t size);
void file_hold(struct file *file);
/* Give n references back. After the last one the handle is closed, without waiting. */
void file_put_many(struct file *file, unsigned n);

static inline void file_put(struct file *file)
{
	file_put_many(file, 1);
}

/* Make a call about the file, as mount_call_file does. */
static inline int file_call(struct file *file, const struct call *call, struct answer *answer)
{
	return mount_call_file(file->mount, &file->remote, call, answer);
}

/*
 * Note that a change was acknowledged that was sent under this number of the write verifier, which
 * is not 0. The caller does this before the program can know of it.
 */
void file_wrote(struct file *file, uint32_t under);
/* True if this is noted already; `under` has the lowest bits of the number. */
static inline bool file_has_written(const struct file *file, uint16_t under)
{
	return (uint16_t)atomic_load_explicit(&file->unsynced, memory_order_relaxed) == under;
}

/*
 * Make a placeholder descriptor for a file that is about to be opened, so that the open does not
 * fail for want of a descriptor after it has succeeded at the server. A descriptor or -EMFILE. The
 * caller closes it if the open fails.
 */
int file_reserve(void);
/* Make a placeholder stand for an opened file. The table takes over the reference and fd. */
void file_publish(struct file *file, int fd);
/* Return the opened file of a descriptor, with a reference. NULL: it is none of usrbio_open. */
struct file *file_opened(int fd);
/* Close a descriptor of usrbio_open. 0; -EBADF: it is none. */
int file_unpublish(int fd);

/*
 * Register a descriptor of usrbio_open, or one of the kernel on a file below a mounted directory.
 * 0; -EBADF: it is neither; -EINVAL: it is registered already; -ESTALE: the file was deleted or
 * replaced, or the server has another file by its name; or an error of the server.
 */
int file_register(int fd);
/* End a registration; fd may be negated. */
void file_deregister(int fd);
/* Return the registered file, with a reference. NULL: none. fd may be negated. It takes no lock. */
struct file *file_registered(int fd);

/* Get the file of a descriptor, registered or not, with a reference. 0; errors of file_register. */
int file_of_fd(int fd, struct file **file);

/* True if the descriptor is one of usrbio_open, or of a file below a mounted directory. */
bool file_is_ours(int fd);

#endif
