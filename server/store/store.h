/*
 * The store contract. A store holds the files of an export. The pipeline knows only this table, and
 * no particular store. There are three objects:
 *
 *   store   the files of one export
 *   file    an open file of a store
 *   queue   what one worker uses to read and write the files of a store
 *
 * Namespace calls block, and any thread may make them; the server makes them on its job threads.
 * Data goes through a queue, asynchronously, and only on the worker's event loop.
 *
 * Every call returns 0 or a count, or -errno: then nothing has happened.
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
struct verifier;

#define STORE_NAME_MAX 160 /* bytes of a persistent name: a Linux file handle has 136 of them */
/*
 * A flag of reopen_file: this client was allowed to open the file with these flags before. So the
 * present mode of the file does not matter, if the store can open it all the same.
 */
#define STORE_PROVEN (1u << 31)

struct store {
	const struct store_ops *ops;
	bool read_only;	     /* the store refuses every change with -EROFS */
	bool local;	     /* its files are files of this machine, which dev and ino identify */
	bool elsewhere;	     /* opened with STORE_LATER while another server had it: see claim */
	bool sync;	     /* acknowledged changes survive loss of power, as STORE_SYNC asked */
	bool forgets;	     /* its files end with the process */
	unsigned hindrances; /* STORE_NO_* */
	struct store *inner; /* the store that this one wraps; NULL: none */
	/* Told of losses. The export owns it, and sets it before the store is used; or NULL. */
	struct verifier *verifier;
};

struct store_file {
	struct store *store;
	uint32_t flags; /* OPEN_READ and OPEN_WRITE as granted */
	bool regular;	/* false: a directory, which fails reads and writes with -EBADF */
	bool pipes;	/* a read may go into a pipe */
	struct store_barrier *barrier; /* of its inode, referenced while open; NULL: not needed */
	uint8_t persistent[STORE_NAME_MAX];
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
	void *buf; /* in the memory given to queue_open; NULL: a read into `pipe` */
	int pipe;  /* the writing end of an empty pipe with room for len bytes at any offset */
	uint32_t len;
	uint64_t off;
	/*
	 * The store calls this once, on the worker's event loop, and never within io_submit.
	 * result: bytes or -errno. Only a read that meets the end of the file returns fewer than
	 * len bytes.
	 * Until then the submitter may put another function in its place.
	 */
	void (*done)(struct store_io *io, int64_t result);
	/* The store uses these fields from io_submit to done. */
	struct {
		void *queue;
		uint32_t moved;
		uint64_t event[4];
	} priv;
};

/* A batch of directory entries, filled up to room bytes; `next` is 0 at the end. */
struct store_dirents {
	char *names; /* memory of the caller; each name ends with a zero byte */
	size_t room, used;
	uint32_t *types; /* memory of the caller; DT_* */
	size_t max, n;
	uint64_t next;
};

/* Attributes to set; only those that `set` names. */
struct store_attrs {
	uint32_t set;  /* SET_* */
	uint32_t mode; /* the nine permission bits; a file loses its set-id and sticky bits */
	uint32_t uid, gid;
	int64_t atime_ns, mtime_ns; /* since 1970 */
};

/* What a call is about: an open file, or a path as for the namespace calls. */
struct store_object {
	struct store_file *at; /* the open file, or the directory of the name; NULL: none */
	const char *path;      /* NULL: it is the open file */
	bool nofollow;	       /* a symbolic link at the end of the path is meant itself */
};

/* Flags of opening an export. */
enum {
	STORE_READ_ONLY = 1,
	STORE_UNLOCKED = 2, /* other servers may export the same directory */
	STORE_LATER = 8,    /* open it also while another server has it */
	STORE_SYNC = 4, /* acknowledged changes survive loss of power, if the store can do that */
};

/* What makes it harder for a store to open files again after a restart. */
enum {
	STORE_NO_HANDLES = 1, /* no file handles: the file system has none, or a filter is there */
	STORE_NO_NAMES = 2,   /* nor times of birth: no file has a name */
	STORE_NO_RIGHTS = 4,  /* the server may not open each file, whatever its place and mode */
};

struct store_ops {
	const char *name;

	/*
	 * Open an export. `where` is the text of --export behind the prefix. Returns 0, or -ENOENT,
	 * -ENOTDIR, -EACCES or -EBUSY (another server exports it) after a line in the log.
	 */
	int (*open_store)(const char *where, unsigned flags, struct store **store);
	/*
	 * Try to get an export that another server had. Nothing may use the store before. 0; or
	 * -EBUSY: that server still has it. It may block as long as the file system does. NULL:
	 * no other server can have an export of this store.
	 */
	int (*claim)(struct store *store);
	/* Let another server have the export from now on. NULL like `claim`. It does not block. */
	void (*release)(struct store *store);
	/* Close a store, whose files and queues have been closed before. */
	void (*close_store)(struct store *store);

	/*
	 * Open a worker's queue on its event loop. All I/O of the queue uses the memory [staging,
	 * staging + len), which a store may register. The loop outlives the queue.
	 */
	int (*queue_open)(struct store *store, struct evloop *loop, void *staging, size_t len,
			  struct store_queue **queue);
	/* Close a queue without I/O under way. */
	void (*queue_close)(struct store_queue *queue);
	/* Start an I/O. done() reports its result, also an error. */
	void (*io_submit)(struct store_queue *queue, struct store_io *io);

	/*
	 * Namespace calls. Paths are relative to the root of the export, and cannot lead outside
	 * it.
	 * "" and "." are the root.
	 *
	 * If `at` is not NULL, it is an open directory, and the path is one name in it
	 * (store_check_name). A symbolic link of that name is followed only if a flag says so.
	 * -ESTALE: the directory is no longer beneath the root.
	 */
	int (*open_file)(struct store *store, struct store_file *at, const char *path,
			 uint32_t flags, uint32_t mode, struct store_file **file,
			 struct file_attr *attr);
	/*
	 * Open the file that `persistent` names, at `path` or elsewhere in the export. `flags` are
	 * of OPEN_REOPEN_FLAGS and STORE_PROVEN. -ESTALE: it does not exist or cannot be found. The
	 * bytes of the name come from a client, but no other file is ever opened.
	 */
	int (*reopen_file)(struct store *store, const char *path, struct bytes persistent,
			   uint32_t flags, struct store_file **file, struct file_attr *attr);
	/*
	 * Take the file that `persistent` names from those that the service manager has kept since
	 * the server before, if its access modes are those of `flags`. The caller has the proof
	 * that STORE_PROVEN means. -ESTALE: it is not there, or is another file. NULL: the store
	 * has nothing kept.
	 */
	int (*take_file)(struct store *store, struct bytes persistent, uint32_t flags,
			 struct store_file **file, struct file_attr *attr);
	/* Close a file without I/O under way. */
	void (*close_file)(struct store_file *file);
	/* Write the path of the file, for a message. It does not block. NULL: not supported. */
	void (*describe_file)(struct store_file *file, char *text, size_t size);
	int (*stat_file)(struct store_file *file, struct file_attr *attr);
	/*
	 * Get the numbers of the file system that a path, or an open file, is in; FS_FLAGS is the
	 * caller's. A symbolic link at the end is followed.
	 */
	int (*stat_fs)(struct store *store, const char *path, uint64_t fs[NR_FS_NUMBERS]);
	int (*stat_fs_file)(struct store_file *file, uint64_t fs[NR_FS_NUMBERS]);
	int (*sync_file)(struct store_file *file, bool data_only);
	int (*truncate_file)(struct store_file *file, uint64_t len);
	int (*punch)(struct store_file *file, uint64_t start, uint64_t end);
	/*
	 * Do what fallocate(2) does for a range that is not empty and ends at or before INT64_MAX.
	 * `how` is a combination of ALLOCATE_* that PROTOCOL.md allows. -EOPNOTSUPP: the file
	 * system has no such thing. After -ENOSPC a part of the range may be allocated, and zeroed
	 * if that was asked for.
	 */
	int (*allocate)(struct store_file *file, uint32_t how, uint64_t off, uint64_t len);
	/*
	 * Find where data, or a hole, begins from `off` on. There is a hole at the end of each
	 * file. -ENXIO: there is none.
	 */
	int (*seek)(struct store_file *file, uint64_t off, bool hole, uint64_t *found);
	/*
	 * Set attributes: first the owner, then the mode, then the times. If a later one fails, the
	 * earlier ones are set. -EOPNOTSUPP: the mode of a symbolic link.
	 */
	int (*set_attr)(struct store_file *file, const struct store_attrs *attrs);
	/* The same for a path; SET_NOFOLLOW in attrs->set tells whether a link is followed. */
	int (*set_attr_path)(struct store *store, struct store_file *at, const char *path,
			     const struct store_attrs *attrs);
	/*
	 * Extended attributes whose names pass name_is_xattr(). Get one: returns its length;
	 * -ENODATA: there is none; -E2BIG: it is longer than `size`. Set one: flags are CALL_CREATE
	 * (-EEXIST) and CALL_REPLACE (-ENODATA). List the names, each ended by a zero byte, and no
	 * others: returns the length of all; -E2BIG. Remove one: -ENODATA. All: -EOPNOTSUPP: the
	 * file system has none of that kind.
	 */
	int (*get_xattr)(struct store *store, const struct store_object *object, const char *name,
			 void *value, size_t size);
	int (*set_xattr)(struct store *store, const struct store_object *object, const char *name,
			 struct bytes value, uint32_t flags);
	int (*list_xattr)(struct store *store, const struct store_object *object, char *names,
			  size_t size);
	int (*remove_xattr)(struct store *store, const struct store_object *object,
			    const char *name);
	/*
	 * Get dev and ino of a directory, of its parent, and so on to the top, at most max pairs.
	 * Returns their number, which is smaller if the rest is not accessible. -ENOTDIR.
	 */
	int (*ancestors)(struct store_file *file, uint64_t *ids, int max);
	int (*stat_path)(struct store *store, struct store_file *at, const char *path,
			 bool nofollow, struct file_attr *attr);
	/*
	 * Get the attributes of a path, or of `at` itself if `path` is NULL, from what is in
	 * memory. It does not block, so workers call it, as the server's own user. -EAGAIN: a
	 * thread has to ask stat_path or stat_file. NULL: always.
	 */
	int (*stat_cached)(struct store *store, struct store_file *at, const char *path,
			   bool nofollow, struct file_attr *attr);
	/*
	 * Get the attributes of n paths from the root, each of which ends with a zero byte, in one
	 * go. Each row gets its status, and with 0 the attributes. NULL: stat_path does it.
	 */
	void (*stat_paths)(struct store *store, const char *paths, size_t n, bool nofollow,
			   struct attr_row *rows);
	int (*unlink)(struct store *store, struct store_file *at, const char *path);
	int (*rmdir)(struct store *store, struct store_file *at, const char *path);
	int (*mkdir)(struct store *store, struct store_file *at, const char *path, uint32_t mode);
	/* Make a symbolic link to `target`, which is any text of 1 to PROTO_PATH_MAX bytes. */
	int (*symlink)(struct store *store, struct store_file *at, const char *path,
		       const char *target);
	/*
	 * Read a symbolic link, with a final zero, into PROTO_PATH_MAX + 1 bytes. Returns its
	 * length without the zero. -EINVAL: it is no symbolic link.
	 */
	int (*readlink)(struct store *store, struct store_file *at, const char *path, char *target);
	/*
	 * flags: 0; CALL_NOREPLACE: -EEXIST if `to` exists; CALL_EXCHANGE: both exist, and each
	 * gets the name of the other.
	 */
	int (*rename)(struct store *store, struct store_file *at, const char *from,
		      struct store_file *at2, const char *to, uint32_t flags);
	int (*link)(struct store *store, struct store_file *at, const char *from,
		    struct store_file *at2, const char *to);
	int (*link_file)(struct store_file *file, struct store_file *at, const char *to);
	int (*readdir)(struct store *store, const char *path, uint64_t start,
		       struct store_dirents *out);
	/* Do the same for an open directory. */
	int (*readdir_file)(struct store_file *dir, uint64_t start, struct store_dirents *out);
};

/*
 * Open the store that a text names: "posix:DIR" or only "DIR", "null:SIZE", "memory:" or
 * "memory:MIB". "fault:RULES:" may stand before any of them. Returns 0 or -errno, logged.
 */
int store_open(const char *where, unsigned flags, struct store **store);

/* Use a verifier for a store and those that it wraps. */
void store_use_verifier(struct store *store, struct verifier *verifier);
/* For stores: note that data which clients wrote may be lost. Any thread. */
void store_lost(struct store *store);
/* True if this result of a sync, 0 or -errno, means that data may be lost. */
bool store_sync_lost(int err);

/* Do stat_paths, by stat_path if the store has no such call. */
void store_stat_paths(struct store *store, const char *paths, size_t n, bool nofollow,
		      struct attr_row *rows);

/* Write the path of an open file, for a message, masked by text_mask(). Any thread. */
void store_describe(struct store_file *file, char *text, size_t size);

/* Get the directory of this machine that the store of such a text serves; NULL: none. */
const char *store_directory(const char *where);

/*
 * The memory that the files of such a store may take, in bytes; 0 for none. STORE_MEMORY_SHARED: it
 * has no size of its own. All such stores of a process have a quarter of the memory together: of
 * the machine's, or of what the control groups of the process allow.
 */
#define STORE_MEMORY_SHARED UINT64_MAX
#define STORE_MEMORY_SHARE  4
uint64_t store_memory_bytes(const char *where);

/* For stores: check the flags of an open. Returns 0, -EINVAL or -EROFS. */
int store_check_open(const struct store *store, uint32_t flags);
/*
 * Check that this is one name and that `at` is a directory. Returns 0, -ENOTDIR or -ENAMETOOLONG.
 * -EINVAL: the name is "", "." or "..", or has a slash. If `at` is NULL, it is a path, and the
 * result is 0.
 */
int store_check_name(const struct store_file *at, const char *name);

/*
 * True for a name that clients may see and read, but not change. A call that would make, change,
 * rename, link or remove it, or something below it, fails with -EPERM. One is "3fs-virt" in any
 * directory, because programs on the server's machine connect to the server that a file there
 * names. The other is ".usrbio" in the root, which is kept for this project. Upper case counts as
 * lower case, because some file systems do not distinguish them.
 */
bool store_name_reserved(const char *name, size_t len, bool in_root);

extern const struct store_ops store_posix;
extern const struct store_ops store_null; /* a read leaves the buffer, a write is dropped */
/* Get the bytes that "memory:TEXT" means, as above; 0: the text is not valid. */
uint64_t memory_store_bytes(const char *text);
extern const struct store_ops store_memory; /* files live in the server's memory */

#endif
