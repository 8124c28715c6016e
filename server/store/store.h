/*
 * The store contract: where an export's files live. The pipeline knows this table and no store.
 *
 * A *store* is one export; a *file* an open file of it; a *queue* one worker's way to read and
 * write. Namespace calls block and may come from any thread; the server makes them on threads of
 * their own. Data goes through a queue, asynchronously, on the worker's event loop only.
 *
 * Everything returns 0 or a count, or -errno; an error means nothing happened.
 */
#ifndef USRBIO_SERVER_STORE_STORE_H
#define USRBIO_SERVER_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/message.h"

struct evloop;
struct store_barrier;
struct store_ops;

struct store {
	const struct store_ops *ops;
	bool read_only; /* the store itself refuses to change anything: -EROFS */
	bool local;	/* its files are the machine's: dev and ino name them to all programs */
};

struct store_file {
	struct store *store;
	uint32_t flags;		       /* OPEN_READ and OPEN_WRITE as granted */
	bool regular;		       /* false: a directory; reading and writing it says -EBADF */
	bool pipes;		       /* a read may go into a pipe */
	struct store_barrier *barrier; /* of its inode, held while it is open; NULL: no need */
	uint8_t persistent[PERSISTENT_MAX];
	size_t persistent_len; /* 0: the store cannot name files beyond the session */
};

struct store_queue {
	const struct store_ops *ops;
};

enum store_io_kind { STORE_READ, STORE_WRITE };

/* One asynchronous transfer. The submitter owns it, and keeps it and `file` until `done`. */
struct store_io {
	enum store_io_kind kind;
	uint32_t flags; /* IO_NO_HOLES */
	struct store_file *file;
	void *buf; /* inside the memory given to queue_open, or NULL: into `pipe`, then */
	int pipe;  /* the writing end of an empty one with room for len bytes at any offset */
	uint32_t len;
	uint64_t off;
	/*
	 * Called once, on the worker's event loop, never from within io_submit. result: bytes (a
	 * read is short at the end of file only, a write never) or -errno.
	 */
	void (*done)(struct store_io *io, int64_t result);
	/* The store's own, from io_submit to done. */
	struct {
		void *queue;
		uint32_t moved;
		uint64_t event[4];
	} priv;
};

/* A batch of directory entries, filled up to room bytes; `next` is 0 at the end. */
struct store_dirents {
	char *names; /* the caller's; each entry ended by a zero byte */
	size_t room, used;
	uint32_t *types; /* the caller's; DT_* */
	size_t max, n;
	uint64_t next;
};

/* Flags of opening an export. */
enum {
	STORE_READ_ONLY = 1,
	STORE_UNLOCKED = 2, /* others may export it too */
	STORE_SYNC = 4,	    /* what has been done survives loss of power, where it can at all */
};

struct store_ops {
	const char *name;

	/*
	 * Open an export. where: what the command line said after NAME=. -ENOENT, -ENOTDIR,
	 * -EACCES, -EBUSY (another server exports it); says why in the log.
	 */
	int (*open_store)(const char *where, unsigned flags, struct store **store);
	/* Close a store. Its files and queues have been closed before. */
	void (*close_store)(struct store *store);

	/*
	 * One worker's queue on its event loop. [staging, +len) is the memory all its I/O uses; a
	 * store may register it. The loop outlives the queue.
	 */
	int (*queue_open)(struct store *store, struct evloop *loop, void *staging, size_t len,
			  struct store_queue **queue);
	void (*queue_close)(struct store_queue *queue); /* nothing is under way */
	/* Start an I/O. Errors come through done(). */
	void (*io_submit)(struct store_queue *queue, struct store_io *io);

	/*
	 * Namespace calls. Paths are relative, "" or "." the root, and cannot lead outside it.
	 *
	 * With `at`, an open directory, a path is one name in it (store_check_name), which is not
	 * followed if it is a symbolic link, but where a flag says so. -ESTALE when the directory
	 * is no longer beneath the root.
	 */
	int (*open_file)(struct store *store, struct store_file *at, const char *path,
			 uint32_t flags, uint32_t mode, struct store_file **file,
			 struct file_attr *attr);
	/*
	 * The file that `persistent` names, be it still at `path` or elsewhere in the export;
	 * flags: OPEN_REOPEN_FLAGS. -ESTALE when it is not there or cannot be found: nothing else
	 * is opened, whatever the name's bytes are.
	 */
	int (*reopen_file)(struct store *store, const char *path, struct bytes persistent,
			   uint32_t flags, struct store_file **file, struct file_attr *attr);
	void (*close_file)(struct store_file *file); /* no I/O of it under way */
	/* Where the file is, for a message: NULL if the store cannot say. Does not block. */
	void (*describe_file)(struct store_file *file, char *text, size_t size);
	int (*stat_file)(struct store_file *file, struct file_attr *attr);
	int (*sync_file)(struct store_file *file, bool data_only);
	int (*truncate_file)(struct store_file *file, uint64_t len);
	int (*punch)(struct store_file *file, uint64_t start, uint64_t end);
	/* Where data begins (or a hole, of which there is one at the end) from off on; -ENXIO. */
	int (*seek)(struct store_file *file, uint64_t off, bool hole, uint64_t *found);
	/* The nine permission bits. */
	int (*set_mode)(struct store_file *file, uint32_t mode);
	/*
	 * dev and ino of a directory, its parent, and so on to the top, at most max pairs: how
	 * many, fewer where the rest cannot be seen. -ENOTDIR.
	 */
	int (*ancestors)(struct store_file *file, uint64_t *ids, int max);
	int (*stat_path)(struct store *store, struct store_file *at, const char *path,
			 bool nofollow, struct file_attr *attr);
	int (*unlink)(struct store *store, struct store_file *at, const char *path);
	int (*rmdir)(struct store *store, struct store_file *at, const char *path);
	int (*mkdir)(struct store *store, struct store_file *at, const char *path, uint32_t mode);
	int (*rename)(struct store *store, struct store_file *at, const char *from,
		      struct store_file *at2, const char *to, bool noreplace);
	int (*link)(struct store *store, struct store_file *at, const char *from,
		    struct store_file *at2, const char *to);
	int (*link_file)(struct store_file *file, struct store_file *at, const char *to);
	int (*readdir)(struct store *store, const char *path, uint64_t start,
		       struct store_dirents *out);
	/* The same of an open directory. */
	int (*readdir_file)(struct store_file *dir, uint64_t start, struct store_dirents *out);
};

/* "posix:DIR" and plain "DIR", "null:SIZE", "memory:", and "fault:RULES:" before any of them. */
int store_open(const char *where, unsigned flags, struct store **store);

/* Where an open file is, for a message; masked by text_mask(). Any thread; does not block. */
void store_describe(struct store_file *file, char *text, size_t size);

/* The directory of this machine that such a store serves; NULL: none. */
const char *store_directory(const char *where);

/* For stores: check the flags of an open. 0, -EINVAL, -EROFS. */
int store_check_open(const struct store *store, uint32_t flags);
/*
 * Check that this is one name and `at` a directory. 0; -ENOTDIR; -EINVAL for "", ".", ".." and a
 * name with a slash; -ENAMETOOLONG. Without `at` everything is a path.
 */
int store_check_name(const struct store_file *at, const char *name);

/*
 * Names that clients may see and read, and nothing else: -EPERM for whatever would make, change,
 * rename, link or remove them, or something below them. "3fs-virt" in any directory, because
 * programs on the server's machine connect to where a file in it says; and ".usrbio" in the root.
 * Upper case is no way around, for file systems that take it for the same.
 */
bool store_name_reserved(const char *name, size_t len, bool in_root);

extern const struct store_ops store_posix;
extern const struct store_ops store_null;   /* reads are zeros, writes vanish */
extern const struct store_ops store_memory; /* files live in the server's memory */

#endif
