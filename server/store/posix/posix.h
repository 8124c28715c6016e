/*
 * The types and functions that the files of the posix store share. Nothing outside this folder
 * includes it.
 */
#ifndef USRBIO_SERVER_POSIX_H
#define USRBIO_SERVER_POSIX_H

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "common/base/list.h"
#include "common/host/group.h"
#include "server/store/store.h"
#include "common/base/lock.h"

#define POSIX_INODE_BUCKETS 1024

struct kept_fd;
struct posix_inode;
struct posix_inodes {
	struct lock lock; /* LOCK_INODES; LOCK_BARRIERS is acquired under it */
	struct list buckets[POSIX_INODE_BUCKETS];
};

struct posix_store {
	struct store base;
	struct posix_inodes inodes;
	int root; /* the export's directory; this descriptor also holds the lock on it */
	struct posix_rescue *rescue; /* from the first queue on */
	struct group_limit tasks;    /* of the server's control group */
	struct group_gauge gauge;    /* the memory of that group */
	_Atomic uint64_t credit;     /* bytes of it that tmpfs may take without another look */
	/* The log has reported that OPEN_DIRECT is not available. Any thread. */
	atomic_bool reported_direct;
	/* The device number, plus 1, of the last file system that could splice. Any thread. */
	_Atomic uint64_t pipes_dev;
	bool cached;	/* the root's file system has all attributes in memory */
	dev_t root_dev; /* the device of that file system */
};

struct posix_file {
	struct store_file base;
	int fd;
	int direct;	      /* the same file, opened with O_DIRECT; or -1 */
	bool memory;	      /* it is in tmpfs */
	bool uncached;	      /* the kernel may write it past the page cache */
	struct kept_fd *kept; /* the service manager keeps fd; NULL: it does not */
	/* A directory: its depth beneath the root when it was last checked. Any thread. */
	atomic_uint level;
	struct posix_inode *inode;
};

static inline struct posix_store *posix_store_of(struct store *store)
{
	return (struct posix_store *)store;
}

static inline struct posix_file *posix_file_of(struct store_file *file)
{
	return (struct posix_file *)file;
}

/* The directory that holds the last component of a path, and that component. */
struct posix_parent {
	int fd;
	bool own;	  /* posix_parent_close() closes fd; false for the root and for `at` */
	const char *name; /* in the path; slashes at its end stay, because the kernel checks them */
};

#define PROC_FD_MAX 32

/* Open like open(2) beneath a directory; `resolve` as in openat2(2). The descriptor, or -errno. */
int posix_open_beneath(int dir, const char *path, int flags, mode_t mode, uint64_t resolve);
/*
 * Open like open(2) beneath the root. Symbolic links are followed if they stay there. `flags` are
 * of open(2). Returns the descriptor or -errno. -EACCES: the path is absolute or leads outside.
 * -ELOOP: it has a magic link (/proc/self/fd/...) or a loop.
 */
int posix_path_open(struct posix_store *store, const char *path, int flags, mode_t mode);
/*
 * Do the same; or, if `at` is an open directory, open the name `path` in it if that is no symbolic
 * link (with O_PATH and O_NOFOLLOW it may be one). -ESTALE: the directory is no longer beneath the
 * root.
 */
int posix_open_at(struct posix_store *store, struct store_file *at, const char *path, int flags,
		  mode_t mode);
/*
 * Open the directory that holds the last component of a path; or use `at` and the name in it.
 * Returns 0 or -errno. -EINVAL: the last component is "", "." or "..".
 */
int posix_parent_open(struct posix_store *store, struct store_file *at, const char *path,
		      struct posix_parent *parent);
void posix_parent_close(struct posix_parent *parent);
/* Create and open the name in its directory. A symbolic link is not followed. */
int posix_parent_create(const struct posix_parent *parent, int flags, mode_t mode);
/* Write the name by which the kernel reopens or links the object of fd, wherever that is now. */
const char *posix_proc_fd(int fd, char name[PROC_FD_MAX]);
/* Get the path of a held object, relative to the export's root. -ESTALE: it is not beneath it. */
int posix_path_of(struct posix_store *store, int held, char path[PATH_MAX]);
void posix_describe_file(struct store_file *file, char *text, size_t size);

/* climb.c */
/*
 * Call `see` for a directory, its parent and so on up to "/", until it returns false. Returns 0, or
 * -errno if a parent cannot be opened.
 */
int posix_climb(int dir, bool (*see)(void *arg, const struct stat *st), void *arg);
/* Check that an open directory is the export's root or beneath it. 0, -ESTALE or another -errno. */
int posix_check_beneath(struct posix_store *store, struct posix_file *dir);
int posix_ancestors(struct store_file *file, uint64_t *ids, int max);

/* reserved.c: see store_name_reserved() */
/* Check that a client may change the name in its directory. Returns 0, -EPERM or another -errno. */
int posix_check_name(struct posix_store *store, const struct posix_parent *parent);
/* Check that a client may change a held object, wherever that is now. */
int posix_check_held(struct posix_store *store, int held);

void posix_attr(const struct stat *st, struct file_attr *attr);

/* inode.c */
void posix_inodes_open(struct posix_inodes *inodes);
void posix_inodes_close(struct posix_inodes *inodes);
/* Get the inode of a file that was just opened; its open files share it. NULL: no memory. */
struct posix_inode *posix_inode_get(struct posix_inodes *inodes, const struct stat *st);
void posix_inode_put(struct posix_inodes *inodes, struct posix_inode *inode);
/* Get the barrier of an inode, which lives as long as the inode. */
struct store_barrier *posix_inode_barrier(const struct posix_inode *inode);
/*
 * Enter the fence of this thread's call (fence.h) for the inodes of n open or held objects, at most
 * FENCE_INODES_MAX. Returns 0 or -errno.
 */
int posix_inode_enter(const int *fds, unsigned n);
/* Make each later sync of the files that have this inode fail. */
void posix_inode_poison(struct posix_inode *inode);
bool posix_inode_poisoned(const struct posix_inode *inode);

/* name.c: persistent names */
/*
 * Write the persistent name of an open or held object, at most STORE_NAME_MAX bytes. Returns its
 * length; 0: it has none.
 */
size_t posix_name_of(int fd, uint8_t *room);
/*
 * Hold, with O_PATH, the object beneath the export that has this persistent name. It is looked for
 * at `path` first. Returns the descriptor. -ESTALE: it was not found. -EMFILE, -ENFILE or -ENOMEM.
 */
int posix_name_hold(struct posix_store *store, const char *path, struct bytes name);

/* True if the name has a file handle. */
bool posix_name_has_handle(const uint8_t *name);
/*
 * Write a name, of at most STORE_NAME_MAX bytes, for a file that has none otherwise. It is good for
 * a kept descriptor with this number only. Returns its length; 0: an error.
 */
size_t posix_name_numbered(int fd, uint64_t number, uint8_t *room);
/* True if a descriptor that was kept with this number is of the file of this name. */
bool posix_name_is(int fd, uint64_t number, struct bytes name);
/* Find out what hinders names in an export: STORE_NO_*. */
unsigned posix_name_hindrances(const struct posix_store *store);

/* open.c */
int posix_open_file(struct store *store, struct store_file *at, const char *path, uint32_t flags,
		    uint32_t mode, struct store_file **file, struct file_attr *attr);
int posix_reopen_file(struct store *store, const char *path, struct bytes persistent,
		      uint32_t flags, struct store_file **file, struct file_attr *attr);
int posix_take_file(struct store *store, struct bytes persistent, uint32_t flags,
		    struct store_file **file, struct file_attr *attr);

/* file.c */
/* Let the service manager keep a file that may not be found or opened after a restart. */
void posix_keep_file(struct posix_file *file);
/* True if a descriptor that the service manager has passed is the one that was kept. */
bool posix_kept_is(int fd, uint64_t number, struct bytes name, uint32_t flags);
/* Get the tag of what is kept of a file with this name and these access modes. */
uint64_t posix_kept_tag(struct bytes name, uint32_t modes);
void posix_close_file(struct store_file *file);
int posix_stat_file(struct store_file *file, struct file_attr *attr);
int posix_sync_file(struct store_file *file, bool data_only);
int posix_truncate_file(struct store_file *file, uint64_t len);
int posix_punch(struct store_file *file, uint64_t start, uint64_t end);
int posix_allocate(struct store_file *file, uint32_t how, uint64_t off, uint64_t len);
int posix_seek(struct store_file *file, uint64_t off, bool hole, uint64_t *found);

/* cached.c */
/* Find out whether the root's file system has all attributes in memory. */
void posix_cached_init(struct posix_store *store);
int posix_stat_cached(struct store *store, struct store_file *at, const char *path, bool nofollow,
		      struct file_attr *attr);

/* fs.c */
int posix_stat_fs(struct store *store, const char *path, uint64_t fs[NR_FS_NUMBERS]);
int posix_stat_fs_file(struct store_file *file, uint64_t fs[NR_FS_NUMBERS]);

/* attr.c */
/*
 * Check that a client may change attributes of an open or held object: not those of a device, which
 * stands for more than a file. And enter its fence. Returns 0, and *st is filled in, or -errno.
 */
int posix_attr_enter(struct posix_store *store, int fd, struct stat *st);
/* Bring changed attributes of a held object to disk, on a sync export. 0 or -errno. */
int posix_attr_sync(struct posix_store *store, int held);
int posix_set_attr(struct store_file *file, const struct store_attrs *attrs);
int posix_set_attr_path(struct store *store, struct store_file *at, const char *path,
			const struct store_attrs *attrs);

/* xattr.c */
int posix_get_xattr(struct store *store, const struct store_object *object, const char *name,
		    void *value, size_t size);
int posix_set_xattr(struct store *store, const struct store_object *object, const char *name,
		    struct bytes value, uint32_t flags);
int posix_list_xattr(struct store *store, const struct store_object *object, char *names,
		     size_t size);
int posix_remove_xattr(struct store *store, const struct store_object *object, const char *name);

/* names.c */
/* On a sync export, bring changes of names in this directory to disk. Returns 0 or -errno. */
int posix_sync_dir(struct posix_store *store, int dir);
/*
 * If the name in `at` is a symbolic link, replace it by its path from the root, in room, and set
 * *at to NULL. Then the link may lead anywhere beneath the root. Returns 0 or -errno.
 */
int posix_follow(struct posix_store *store, struct store_file **at, const char **path,
		 char room[PATH_MAX]);
int posix_stat_path(struct store *store, struct store_file *at, const char *path, bool nofollow,
		    struct file_attr *attr);
/* stats.c */
void posix_stat_paths(struct store *store, const char *paths, size_t n, bool nofollow,
		      struct attr_row *rows);

int posix_unlink(struct store *store, struct store_file *at, const char *path);
int posix_rmdir(struct store *store, struct store_file *at, const char *path);
int posix_mkdir(struct store *store, struct store_file *at, const char *path, uint32_t mode);
int posix_symlink(struct store *store, struct store_file *at, const char *path, const char *target);
int posix_readlink(struct store *store, struct store_file *at, const char *path, char *target);
int posix_rename(struct store *store, struct store_file *at, const char *from,
		 struct store_file *at2, const char *to, uint32_t flags);
int posix_link(struct store *store, struct store_file *at, const char *from, struct store_file *at2,
	       const char *to);
int posix_link_file(struct store_file *file, struct store_file *at, const char *to);

/* readdir.c */
int posix_readdir(struct store *store, const char *path, uint64_t start, struct store_dirents *out);
int posix_readdir_file(struct store_file *dir, uint64_t start, struct store_dirents *out);

/* queue.c */
int posix_queue_open(struct store *store, struct evloop *loop, void *staging, size_t len,
		     struct store_queue **queue);
void posix_queue_close(struct store_queue *queue);
void posix_io_submit(struct store_queue *queue, struct store_io *io);

/* rescue.c: a thread of the store for what threads of io_uring should do, but cannot be started */
struct posix_rescue;
/* Start it. `tasks` is for the log. Returns 0 or -errno, logged. */
int posix_rescue_open(const struct group_limit *tasks, struct posix_rescue **rescue);
/* End it; nothing is under way. NULL: do nothing. */
void posix_rescue_close(struct posix_rescue *rescue);
/* Have the thread do the current step of an I/O. Its event comes to the loop of its queue. */
void posix_rescue_run(struct posix_rescue *rescue, struct store_io *io);
/* The same for a step that io_uring has ended with -ECANCELED. Logs why, once in a while. */
void posix_rescue_refused(struct posix_rescue *rescue, struct store_io *io);
/* True for a while after that. */
bool posix_rescue_wanted(struct posix_rescue *rescue);
/* Wait until nothing is under way, and no event will be posted. */
void posix_rescue_drain(struct posix_rescue *rescue);

/*
 * tmpfs.c: true if the control group has memory for a write of len > 0 bytes to a file in tmpfs, or
 * for allocating them.
 */
bool posix_tmpfs_has_room(struct posix_store *store, int fd, uint64_t off, uint64_t len);

/* writeback.c */
/*
 * Read the limit of the control group of the process, while the sandbox allows it; `root` as in
 * common/host/group.h.
 */
void posix_writeback_init(const char *root);
/* Count bytes that were written. True if their writeback must begin at once. Any thread. */
bool posix_writeback_wanted(uint64_t len);

#endif
