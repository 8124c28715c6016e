/* What the files of the posix store share; nothing outside this folder includes it. */
#ifndef USRBIO_SERVER_POSIX_H
#define USRBIO_SERVER_POSIX_H

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "common/base/list.h"
#include "server/store/store.h"
#include "common/base/lock.h"

#define POSIX_INODE_BUCKETS 1024

struct posix_inode;
struct posix_inodes {
	struct lock lock; /* LOCK_INODES; LOCK_BARRIERS is acquired under it */
	struct list buckets[POSIX_INODE_BUCKETS];
};

struct posix_store {
	struct store base;
	bool sync; /* what is acknowledged lasts */
	struct posix_inodes inodes;
	int root; /* the export's directory; also holds the lock on it */
	atomic_bool
		reported_direct; /* the log says that OPEN_DIRECT is not to be had. Any thread. */
	/* The file system last seen that can splice, plus 1. Any thread. */
	_Atomic uint64_t pipes_dev;
};

struct posix_file {
	struct store_file base;
	int fd;
	int direct;  /* the same file without the page cache, or -1 */
	bool memory; /* in tmpfs */
	atomic_uint
		level; /* of a directory: how deep beneath the root it was last seen. Any thread. */
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

/* The directory a path ends in, and its last component. */
struct posix_parent {
	int fd;
	bool own;	  /* fd is ours to close: not the root itself */
	const char *name; /* inside the path; slashes at its end stay, the kernel minds them */
};

#define PROC_FD_MAX 32

/* open(2) beneath a directory; `resolve` as in openat2(2). The descriptor, or -errno. */
int posix_open_beneath(int dir, const char *path, int flags, mode_t mode, uint64_t resolve);
/*
 * open(2) beneath the root, following symbolic links as long as they stay there; `flags` of
 * open(2). The descriptor, or -errno: -EACCES for an absolute path and whatever leads outside,
 * -ELOOP for magic links (/proc/self/fd/...) as for loops.
 */
int posix_path_open(struct posix_store *store, const char *path, int flags, mode_t mode);
/*
 * The same, or one name in the open directory `at`, which is opened if it is no symbolic link (with
 * O_PATH and O_NOFOLLOW it may be one). -ESTALE when the directory is no longer beneath the root.
 */
int posix_open_at(struct posix_store *store, struct store_file *at, const char *path, int flags,
		  mode_t mode);
/*
 * The directory of a path, and its last component; or `at` and the name in it. -EINVAL when that is
 * "", "." or "..".
 */
int posix_parent_open(struct posix_store *store, struct store_file *at, const char *path,
		      struct posix_parent *parent);
void posix_parent_close(struct posix_parent *parent);
/* Open the name in it, creating it; not followed if it is a symbolic link. */
int posix_parent_create(const struct posix_parent *parent, int flags, mode_t mode);
/* The name by which the kernel reopens or links what fd refers to, wherever it is now. */
const char *posix_proc_fd(int fd, char name[PROC_FD_MAX]);
/* Where something held is, seen from the root of the export; -ESTALE when not beneath it. */
int posix_path_of(struct posix_store *store, int held, char path[PATH_MAX]);
void posix_describe_file(struct store_file *file, char *text, size_t size);

/* climb.c */
/*
 * Let `see` look at a directory, its parent and so on up to "/", until it says false. 0, or -errno
 * where the way ended.
 */
int posix_climb(int dir, bool (*see)(void *arg, const struct stat *st), void *arg);
/* 0 if an open directory is the export's root or beneath it; -ESTALE, or why that is unknown. */
int posix_check_beneath(struct posix_store *store, struct posix_file *dir);
int posix_ancestors(struct store_file *file, uint64_t *ids, int max);

/* reserved.c: see store_name_reserved */
/* 0 if a client may change the name in it; -EPERM, or another -errno. */
int posix_check_name(struct posix_store *store, const struct posix_parent *parent);
/* 0 if a client may change what is held, wherever it is now. */
int posix_check_held(struct posix_store *store, int held);

void posix_attr(const struct stat *st, struct file_attr *attr);

/* inode.c: of the inode of a file just opened, with others; NULL: no memory. */
void posix_inodes_open(struct posix_inodes *inodes);
void posix_inodes_close(struct posix_inodes *inodes);
struct posix_inode *posix_inode_get(struct posix_inodes *inodes, const struct stat *st);
void posix_inode_put(struct posix_inodes *inodes, struct posix_inode *inode);
/* The inode's, which lives as long as the inode. */
struct store_barrier *posix_inode_barrier(const struct posix_inode *inode);
/* From now on each sync of those who have it fails. */
void posix_inode_poison(struct posix_inode *inode);
bool posix_inode_poisoned(const struct posix_inode *inode);

/* open.c */
int posix_open_file(struct store *store, struct store_file *at, const char *path, uint32_t flags,
		    uint32_t mode, struct store_file **file, struct file_attr *attr);
int posix_reopen_file(struct store *store, const char *path, struct bytes persistent,
		      uint32_t flags, struct store_file **file, struct file_attr *attr);

/* file.c */
void posix_close_file(struct store_file *file);
int posix_stat_file(struct store_file *file, struct file_attr *attr);
int posix_sync_file(struct store_file *file, bool data_only);
int posix_truncate_file(struct store_file *file, uint64_t len);
int posix_punch(struct store_file *file, uint64_t start, uint64_t end);
int posix_seek(struct store_file *file, uint64_t off, bool hole, uint64_t *found);
int posix_set_mode(struct store_file *file, uint32_t mode);

/* names.c */
/* On a sync export make what happened to names in this directory last. 0 or -errno. */
int posix_sync_dir(struct posix_store *store, int dir);
/*
 * A name in `at` that may be a symbolic link and is to be followed: if it is one, make it a path,
 * in room, so that it may lead anywhere beneath the root. 0, or -errno.
 */
int posix_follow(struct posix_store *store, struct store_file **at, const char **path,
		 char room[PATH_MAX]);
int posix_stat_path(struct store *store, struct store_file *at, const char *path, bool nofollow,
		    struct file_attr *attr);
int posix_unlink(struct store *store, struct store_file *at, const char *path);
int posix_rmdir(struct store *store, struct store_file *at, const char *path);
int posix_mkdir(struct store *store, struct store_file *at, const char *path, uint32_t mode);
int posix_rename(struct store *store, struct store_file *at, const char *from,
		 struct store_file *at2, const char *to, bool noreplace);
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

#endif
