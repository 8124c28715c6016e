/*
 * usrbio.h: what libusrbio adds to the USRBIO API: files by URL, without any mounted directory.
 *
 * A path is a URL with a path behind the export and its options,
 * tcp://host[:port]/export[?timeout=5]/dir/file, or a path below a mounted directory. Every call
 * returns 0 or a count, or -errno, blocks for the server's answer, and may be called by any thread.
 *
 * loop:///DIR[?options] is a mount that needs no server: the library serves the directory inside
 * this process. A path on it is best written loop:///DIR?/file. Without a '?' it belongs to the
 * deepest such mount in use by this process that contains it; if there is none, the directory that
 * the path names is the mount itself, and of other names the directory they are in. (Calls that
 * make, move or remove a name, and those that do not follow links, always take the latter.)
 *
 * A descriptor from usrbio_open is a number of this process which every hf3fs_ call accepts where
 * it wants an fd. It is a real descriptor, so it clashes with no other, but only these calls and
 * the hf3fs_ ones can do something with it; close it with usrbio_close.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The library hides everything but what is declared here. */
#pragma GCC visibility push(default)

struct usrbio_stat {
	uint32_t mode; /* type and permissions, as in st_mode */
	uint32_t nlink;
	uint32_t uid;
	uint32_t gid;
	uint64_t ino;
	uint64_t dev;
	uint64_t size;	  /* bytes */
	uint64_t blocks;  /* of 512 bytes */
	int64_t atime_ns; /* nanoseconds since 1970 */
	int64_t mtime_ns;
	int64_t ctime_ns;
	/*
	 * Where the file is: of the machine whose file system it is in, whichever server serves it,
	 * or of a server that has files of its own. Two files are one exactly if host, dev and ino
	 * are equal. A machine's number changes when it boots.
	 */
	uint64_t host;
};

/* What a file is, as in usrbio_stat. */
struct usrbio_id {
	uint64_t host;
	uint64_t dev;
	uint64_t ino;
};

struct usrbio_dirent {
	const char *name; /* valid until the next call for this directory */
	uint8_t type;	  /* DT_REG, DT_DIR, DT_LNK, ... of <dirent.h> */
};

struct usrbio_dir;

/* The library's version, "0.1.0". */
const char *usrbio_version(void);

/*
 * The mount point of a path, as the mount_point argument of hf3fs_ calls wants it: the URL up to
 * the export, or the mounted directory. Returns its length + 1 like hf3fs_extract_mount_point
 * (which takes paths of the file system only), or -ENOENT, -EINVAL. The last component need not
 * exist. The rest of the path, relative to the mount, is put into *rest when that is not NULL, and
 * points into `path`; -EINVAL where symbolic links or dots keep it from being the end of `path`.
 */
int usrbio_mount_point(const char *path, char *mount_point, size_t size, const char **rest);

/*
 * Open a file. flags: O_RDONLY, O_WRONLY, O_RDWR with O_CREAT, O_EXCL, O_TRUNC, O_DIRECT,
 * O_DIRECTORY, O_NOFOLLOW; others are ignored. mode: permissions of a new file.
 * A descriptor >= 0; -ENOENT, -EACCES, -EROFS, -EREMOTEIO (no server), -EMFILE, ...
 */
int usrbio_open(const char *path, int flags, mode_t mode);
/* 0; -EBADF if fd was not returned by usrbio_open. A registration (hf3fs_reg_fd) stays valid. */
int usrbio_close(int fd);

int usrbio_fstat(int fd, struct usrbio_stat *st);
/* Follows a symbolic link at the end of the path; usrbio_lstat does not. */
int usrbio_stat(const char *path, struct usrbio_stat *st);
int usrbio_lstat(const char *path, struct usrbio_stat *st);

/*
 * The same by an open directory (usrbio_open of one, O_RDONLY) and a name in it: one component, so
 * "", ".", ".." and what has a slash in it are -EINVAL. The directory may have been renamed since,
 * within its export; -ESTALE when it has left that, -ENOENT when it was removed. -ENOTDIR: dirfd is
 * no directory; -EBADF: it is not a descriptor of usrbio_open.
 *
 * Of usrbio_openat: flags, mode and result are as of usrbio_open. A symbolic link of that name is
 * followed, as long as it stays within the export, unless flags have O_NOFOLLOW (-ELOOP) or O_EXCL.
 */
int usrbio_openat(int dirfd, const char *name, int flags, mode_t mode);
/* flags: 0, or AT_SYMLINK_NOFOLLOW: a symbolic link itself. */
int usrbio_fstatat(int dirfd, const char *name, struct usrbio_stat *st, int flags);
int usrbio_mkdirat(int dirfd, const char *name, mode_t mode);
/* flags: 0, or AT_REMOVEDIR: a directory, which is empty. */
int usrbio_unlinkat(int dirfd, const char *name, int flags);
/* flags: 0, or RENAME_NOREPLACE (1): -EEXIST where `to` exists. -EXDEV between two mounts. */
int usrbio_renameat(int olddirfd, const char *from, int newdirfd, const char *to, unsigned flags);

/*
 * Set the nine permission bits of a file or directory, open in whichever way. Set-id bits of a file
 * go away, those of a directory stay.
 */
int usrbio_fchmod(int fd, mode_t mode);
/*
 * Where data (SEEK_DATA) or a hole (SEEK_HOLE) is in an open file, from off on; the end of the file
 * counts as a hole. Moves no position. -ENXIO: off lies behind the end, or behind the last data;
 * -EOPNOTSUPP: the server's file system does not know; -EBADF: no regular file.
 */
int64_t usrbio_seek(int fd, uint64_t off, int whence);
/*
 * What an open directory is, what the one above it is, and so on up to the server's "/", or as far
 * as the server can see, at most 256: to learn what lies in what. The count, which may exceed room;
 * that many are put into ids at most. -ENOTDIR.
 */
int usrbio_ancestors(int dirfd, struct usrbio_id *ids, size_t room);
/* The host of this machine's own files, where stat(2) tells dev and ino. */
uint64_t usrbio_host(void);

/* When it returns 0, everything that was written before is on the server's disk. */
int usrbio_fsync(int fd);
int usrbio_ftruncate(int fd, uint64_t len);
int usrbio_truncate(const char *path, uint64_t len);
int usrbio_unlink(const char *path);
int usrbio_rmdir(const char *path);
int usrbio_mkdir(const char *path, mode_t mode);
/* Both paths on one mount: else -EXDEV. */
int usrbio_rename(const char *from, const char *to);

/*
 * Read a directory. "." and ".." do not show. usrbio_readdir: 1 and an entry, 0 at the end, or
 * -errno. A directory is used by one thread at a time.
 */
int usrbio_opendir(const char *path, struct usrbio_dir **dir);
/* The same of an open directory, which stays open and the caller's; several may read it at once. */
int usrbio_fdopendir(int dirfd, struct usrbio_dir **dir);
int usrbio_readdir(struct usrbio_dir *dir, struct usrbio_dirent *entry);
void usrbio_closedir(struct usrbio_dir *dir);

/*
 * Why a call for a path (or a mount point) ended with `err`, its -errno, where the library knows
 * more than that: what is wrong with a URL; what keeps a mount from its server, "cannot connect to
 * storage:7040: Connection refused"; with -EINVAL, which file that would make the path a mount is
 * ignored. The text is that of the log: one line without control characters, in English, for
 * people. Put into text, cut to room bytes with the final zero. Returns
 * its whole length; 0: errno says all; -EINVAL: NULL, or no room. Does not wait for the server.
 */
int usrbio_reason(const char *path, int err, char *text, size_t room);

/*
 * Write the state of every mount of this process to a descriptor, in lines for people that begin
 * with "dump: " and end with "dump: end": what usrbio(7) calls a state dump. Needs no server and no
 * mount, and may be called while other calls hang. It waits some milliseconds for each lock that
 * another thread holds, says "busy" then, and goes on; it blocks for as long as write(2) to fd
 * does. Any thread, but no signal handler. 0; -EBADF, -EPIPE, ... as of write(2); -ENOMEM: lines
 * are missing.
 */
int usrbio_dump(int fd);

/* One empty exchange with the server of a mount; its time in nanoseconds in *ns. */
int usrbio_ping(const char *mount_point, uint64_t *ns);

/* Counters of this process's connections to a mount, since they were made. */
struct usrbio_counters {
	uint64_t ios;
	uint64_t msgs_sent;
	uint64_t msgs_received;
	uint64_t imms_received; /* completions that came as an immediate */
	uint64_t remote_reads;	/* one-sided operations of the server, as far as this side sees them
				 */
	uint64_t remote_writes; /* (tcp does; an RDMA card serves them unseen) */
	uint64_t doorbells;
	uint64_t polls;
	uint64_t sleeps;
	uint64_t batches;     /* messages with I/Os in them */
	uint64_t completions; /* messages with results in them */
	uint64_t msg_bytes;   /* of all messages, both ways */
};
int usrbio_counters(const char *mount_point, struct usrbio_counters *counters);

/*
 * What the server of a mount has counted since it started, for all its clients: a row for each of
 * its workers, and after it one for each connection that this worker serves. After each of them
 * comes a row of its limits, and in the end one of the server's: what is in use, "files", and the
 * most there may be, "files_max", where that is not 0. Valid during the call.
 */
struct usrbio_server_counters {
	const char *kind; /* "worker", "connection" or "limits" */
	const char *name; /* a worker's number, a client's address, "server" */
	size_t nr;
	const char *const *names; /* of nr counters, "reads", "read_bytes", ... */
	const uint64_t *values;
};
typedef void (*usrbio_counters_fn)(void *arg, const struct usrbio_server_counters *row);
/* Calls fn for each row. 0; -EOPNOTSUPP: the server does not tell; -EREMOTEIO (no server), ... */
int usrbio_server_counters(const char *mount_point, usrbio_counters_fn fn, void *arg);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
