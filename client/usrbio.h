/*
 * usrbio.h: the functions that libusrbio adds to the USRBIO API, for files by URL, without a
 * mounted directory. Those about extended attributes are in usrbio_xattr.h, which this includes.
 *
 * A path is a URL with a path behind the export and its options, such as
 * tcp://host[:port]/export[?timeout=5]/dir/file, or a path below a mounted directory.
 *
 * Unless a comment says otherwise, a function returns 0 or a count, or -errno, and writes its
 * output arguments on success only. Pointers must not be NULL. Any thread may call it, but no
 * signal handler. It is no cancellation point. It blocks until the server has answered, but no
 * longer than the timeout of the mount (60 seconds by default; timeout=0: no limit). The library
 * connects when a server is first needed. If a connection is lost, the function continues on the
 * next one.
 *
 * Each function that needs a server may return these errors. -EINVAL: an argument is wrong, or a
 * URL is malformed. -ENOENT: the path is on no mount, or the server does not have the export.
 * -EREMOTEIO: there was no server within the timeout, or it is not known whether a server that was
 * restarted had made the call. -EKEYREJECTED: the server and this client have different keys.
 * -EPROTO, -EPROTONOSUPPORT: the server does not follow the protocol, or has another version of it.
 * -ENOMEM. Other errors are those of the system call of the same name at the server. usrbio(7)
 * lists all errors; usrbio_reason returns the cause of one as text.
 *
 * loop:///DIR[?options] is a mount that needs no server: the library serves the directory inside
 * this process. A path on it is best written as loop:///DIR?/file. Without a '?' the mount is the
 * deepest such mount in use by this process that contains the path. If there is none, and the path
 * names a directory, this directory is the mount; otherwise the directory above is. Functions that
 * make, move or remove a name, or do not follow links, always use the directory above.
 *
 * A descriptor of usrbio_open is accepted by every hf3fs_ function that takes a descriptor. It is a
 * real descriptor of this process, so its number is not used otherwise. But only the functions here
 * and the hf3fs_ ones can use the file; close it with usrbio_close. A child of fork() has none of
 * its parent's files.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "usrbio_xattr.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The library hides all symbols except those that are declared in its public headers. */
#pragma GCC visibility push(default)

struct hf3fs_ior; /* of hf3fs_usrbio.h */
struct statvfs;	  /* of <sys/statvfs.h> */
struct timespec;  /* of <time.h> */

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
	 * The number of the machine whose file system has the file, whichever server serves it; or
	 * of a server that has files of its own. Two files are the same if and only if host, dev
	 * and ino are equal. The number of a machine changes when it boots.
	 */
	uint64_t host;
};

/* The identity of a file, with the members of struct usrbio_stat. */
struct usrbio_id {
	uint64_t host;
	uint64_t dev;
	uint64_t ino;
};

struct usrbio_dirent {
	const char *name; /* owned by the library; valid until the next call for this directory */
	uint8_t type;	  /* DT_REG, DT_DIR, DT_LNK, ... of <dirent.h> */
};

/* An open directory; see usrbio_opendir. */
struct usrbio_dir;

/* Return the library's version, "0.1.0", which is constant. Does not block. */
const char *usrbio_version(void);

/*
 * Get the mount point of a path, for the mount_point argument of hf3fs_ functions: the URL up to
 * the export, or the mounted directory. The last component of the path need not exist. Does not ask
 * a server.
 *
 * Returns the length of the mount point with its final zero, as hf3fs_extract_mount_point does for
 * paths of the file system. mount_point: the buffer, of `size` bytes; it is written only if the
 * mount point fits, and may be NULL. rest: if not NULL, *rest is set to the part of `path` below
 * the mount. -ENOENT: the path is on no mount; -EINVAL: path is NULL, a URL is malformed, or rest
 * is not NULL and symbolic links or ".." keep the end of `path` from being the path below the
 * mount; -ENAMETOOLONG, -EACCES, -ELOOP, -ENOTDIR: the path cannot be resolved.
 */
int usrbio_mount_point(const char *path, char *mount_point, size_t size, const char **rest);

/*
 * Open a file or, for reading, a directory. flags: O_RDONLY, O_WRONLY or O_RDWR, with O_CREAT,
 * O_EXCL, O_TRUNC, O_DIRECT, O_DIRECTORY, O_NOFOLLOW; others are ignored. mode: permissions of a
 * new file; the umask is not used. Returns a descriptor >= 0, which the caller closes; -ENOENT,
 * -EACCES, -EEXIST, -EISDIR, -ELOOP, -EROFS; -EMFILE, -ENFILE: the process has no free descriptor,
 * or the session has too many open files; ...
 */
int usrbio_open(const char *path, int flags, mode_t mode);
/*
 * Close a descriptor of usrbio_open. A registration by hf3fs_reg_fd stays valid. 0; -EBADF: fd is
 * none. Does not wait for the server.
 */
int usrbio_close(int fd);

/*
 * Get the attributes of n paths, by calls to the server for up to 128 of them each. It is fastest
 * if paths of one mount, and those in one directory, follow each other. flags: 0, or
 * AT_SYMLINK_NOFOLLOW for those of symbolic links themselves. attrs: n structs; that of a path that
 * has none is zeroed. errs: 0 or -errno for each path; may be NULL. Returns how many paths have
 * attributes; -EINVAL: an argument is NULL, n is more than INT_MAX, or another flag; -ENOMEM.
 */
int usrbio_stats(const char *const *paths, size_t n, int flags, struct usrbio_stat *attrs,
		 int *errs);

/*
 * Get the attributes of an open file. 0; -EBADF: fd is no descriptor of usrbio_open; -ESTALE: the
 * file could not be opened again after the server was restarted.
 */
int usrbio_fstat(int fd, struct usrbio_stat *st);
/*
 * Get the attributes of a path. A symbolic link at its end is followed by usrbio_stat, and not by
 * usrbio_lstat. 0; -ENOENT, -EACCES, -ENOTDIR, -ELOOP, ...
 */
int usrbio_stat(const char *path, struct usrbio_stat *st);
int usrbio_lstat(const char *path, struct usrbio_stat *st);

/*
 * The functions from here to usrbio_linkat take an open directory and a name in it. dirfd: a
 * descriptor of usrbio_open for a directory, opened with O_RDONLY. The directory may have been
 * renamed since within its export. name: one component; "", ".", ".." and a name with a slash are
 * -EINVAL. Errors of all: -EBADF: dirfd is no descriptor of usrbio_open; -ENOTDIR: it is no
 * directory; -ESTALE: the directory has left the export; -ENOENT: it was removed; -ENAMETOOLONG.
 */

/*
 * Open a file; flags, mode and result are as of usrbio_open. A symbolic link of this name is
 * followed within the export, unless flags have O_NOFOLLOW (-ELOOP) or O_EXCL (-EEXIST).
 */
int usrbio_openat(int dirfd, const char *name, int flags, mode_t mode);
/* Get attributes. flags: 0; AT_SYMLINK_NOFOLLOW: those of a symbolic link itself. 0 or -errno. */
int usrbio_fstatat(int dirfd, const char *name, struct usrbio_stat *st, int flags);
/* Make a directory with the permissions `mode`; the umask is not used. 0; -EEXIST, ... */
int usrbio_mkdirat(int dirfd, const char *name, mode_t mode);
/*
 * Remove a file. flags: 0; AT_REMOVEDIR: an empty directory. 0; -EISDIR or -EPERM: it is a
 * directory; -ENOTDIR: it is none; -ENOTEMPTY, ...
 */
int usrbio_unlinkat(int dirfd, const char *name, int flags);
/*
 * Rename within one mount. flags: 0: an existing file or empty directory `to` is replaced;
 * RENAME_NOREPLACE (1): then it is -EEXIST; RENAME_EXCHANGE (2): both exist, of any kind, and each
 * gets the name of the other. 0; -EXDEV: the directories are on two mounts, or on two file systems
 * of the server; -EREMOTEIO: also if the server was restarted during an exchange, which is not
 * repeated; ...
 */
int usrbio_renameat(int olddirfd, const char *from, int newdirfd, const char *to, unsigned flags);

/* Make, and read, a symbolic link: see usrbio_symlink and usrbio_readlink. */
int usrbio_symlinkat(const char *target, int dirfd, const char *name);
int usrbio_readlinkat(int dirfd, const char *name, char *target, size_t size);
/* Give a file one more name: see usrbio_link. */
int usrbio_linkat(int olddirfd, const char *from, int newdirfd, const char *to);

/*
 * Set the nine permission bits of a path, of an open file or directory, or of a name in an open
 * directory; other bits of `mode` are ignored. A symbolic link at the end is followed, unless flags
 * have AT_SYMLINK_NOFOLLOW (-EOPNOTSUPP: a link has no mode). The access mode of the descriptor
 * does not matter. Set-id bits of a file are cleared, those of a directory stay. 0; -EBADF; -EPERM:
 * it belongs to somebody else, or is a device; -EROFS, ...
 */
int usrbio_chmod(const char *path, mode_t mode);
int usrbio_fchmod(int fd, mode_t mode);
int usrbio_fchmodat(int dirfd, const char *name, mode_t mode, int flags);
/*
 * Set owner and group, as numbers of the server's machine; (uid_t)-1 and (gid_t)-1: they stay. A
 * symbolic link at the end is followed, but not by usrbio_lchown and not with AT_SYMLINK_NOFOLLOW
 * in flags. Whether this is permitted depends on the user that the server acts as for this client.
 * Set-id bits of a file are cleared. 0; -EINVAL: both are -1; -EPERM, -EROFS, ...
 */
int usrbio_chown(const char *path, uid_t uid, gid_t gid);
int usrbio_lchown(const char *path, uid_t uid, gid_t gid);
int usrbio_fchown(int fd, uid_t uid, gid_t gid);
int usrbio_fchownat(int dirfd, const char *name, uid_t uid, gid_t gid, int flags);
/*
 * Set the times of the last access (times[0]) and of the last change of the data (times[1]). In
 * tv_nsec, UTIME_NOW is the time of the server, and UTIME_OMIT leaves a time as it is. NULL: both
 * become the time of the server. A symbolic link at the end is followed, unless flags have
 * AT_SYMLINK_NOFOLLOW. 0; -EINVAL: a time is invalid, or not between the years 1678 and 2262, or
 * both are left out; -EPERM, -EACCES, -EROFS, ...
 */
int usrbio_utimens(const char *path, const struct timespec *times);
int usrbio_futimens(int fd, const struct timespec *times);
int usrbio_utimensat(int dirfd, const char *name, const struct timespec *times, int flags);
/*
 * Find data (whence SEEK_DATA) or a hole (SEEK_HOLE) in an open file, from `off` bytes on. The end
 * of the file counts as a hole. No file position changes. Returns the offset in bytes; -ENXIO: off
 * is behind the end of the file, or behind its last data; -EOPNOTSUPP: the file system of the
 * server cannot tell; -EBADF: fd is no descriptor of usrbio_open for a regular file; -EINVAL:
 * whence.
 */
int64_t usrbio_seek(int fd, uint64_t off, int whence);
/*
 * Get the identities of an open directory, of the one above it, and so on up to the server's "/",
 * or as far as the server can see. So a program can find out whether one directory is inside
 * another. Returns their number, at most 256; it may exceed `room`, the number of elements of ids,
 * and then only `room` of them are written. -ENOTDIR, -EBADF.
 */
int usrbio_ancestors(int dirfd, struct usrbio_id *ids, size_t room);
/*
 * Return the number of this machine, which is the `host` of its own files; stat(2) returns their
 * dev and ino. Does not ask a server.
 */
uint64_t usrbio_host(void);

/*
 * Write a file to the disk. 0: everything that was written before, by this descriptor or by rings
 * with its registration, is on the server's disk. -EIO: some of it may be lost, because the
 * server's machine was started again, or its disk failed. Then each later call fails in the same
 * way until the file is opened again: see usrbio(7), "What fsync promises".
 */
int usrbio_fsync(int fd);
/*
 * Set the length of a file, in bytes. 0; -EBADF: fd is no descriptor of usrbio_open, or the file is
 * not open for writing; -EINVAL: len exceeds INT64_MAX; -EFBIG, -EROFS, ...
 */
int usrbio_ftruncate(int fd, uint64_t len);
/*
 * Allocate space for `len` bytes of a file from `off` on, so that writes there do not fail for want
 * of space; or zero or free it, as fallocate(2) does. mode: 0; FALLOC_FL_KEEP_SIZE: the file does
 * not become longer; FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE: make a hole; FALLOC_FL_ZERO_RANGE,
 * also with FALLOC_FL_KEEP_SIZE: the bytes become zero. 0; -EOPNOTSUPP: another mode, or the file
 * system of the server cannot do that; -EBADF: fd is no descriptor of usrbio_open for a regular
 * file that is open for writing; -EINVAL: len is 0, or off or len exceeds INT64_MAX; -EFBIG;
 * -ENOSPC: a part of the range may be allocated; -EROFS, ...
 */
int usrbio_fallocate(int fd, int mode, uint64_t off, uint64_t len);
/* The same as usrbio_ftruncate for a path. A symbolic link at its end is followed. */
int usrbio_truncate(const char *path, uint64_t len);
/* Remove a file or symbolic link. 0; -ENOENT; -EISDIR or -EPERM: it is a directory; ... */
int usrbio_unlink(const char *path);
/* Remove an empty directory. 0; -ENOENT, -ENOTDIR, -ENOTEMPTY, ... */
int usrbio_rmdir(const char *path);
/* Make a directory with the permissions `mode`; the umask is not used. 0; -EEXIST, ... */
int usrbio_mkdir(const char *path, mode_t mode);
/*
 * Rename a file or directory; an existing file or empty directory `to` is replaced. 0; -EXDEV: the
 * paths are on two mounts, or on two file systems of the server; ...
 */
int usrbio_rename(const char *from, const char *to);
/* The same with the flags of usrbio_renameat. */
int usrbio_rename_flags(const char *from, const char *to, unsigned flags);

/*
 * Make a symbolic link. target: any text of 1 to 4,095 bytes, which need not name anything. Servers
 * follow links only beneath the export; elsewhere they end a call with -EACCES. 0; -EEXIST;
 * -ENOENT: also of an empty target; -ENAMETOOLONG, ...
 */
int usrbio_symlink(const char *target, const char *path);
/*
 * Read a symbolic link. target: the buffer, of `size` bytes; the text gets a final zero. Returns
 * the length of the text in bytes, without the zero. -ERANGE: the buffer is too small; -EINVAL: it
 * is no symbolic link; -ENOENT, ... The text comes from the server: a program that follows it on
 * this machine must not trust it.
 */
int usrbio_readlink(const char *path, char *target, size_t size);
/*
 * Give a file one more name, a hard link. A symbolic link at the end of `from` is not followed: it
 * gets the name itself. 0; -EEXIST; -EPERM: `from` is a directory; -EXDEV: as of usrbio_rename;
 * -EMLINK, ...
 */
int usrbio_link(const char *from, const char *to);

/*
 * Get the numbers of the file system that a path, or an open file, is in, as statvfs(3) does:
 * blocks of f_frsize bytes, and files. f_bavail is what users without privileges may still fill;
 * whether this client may fill f_bfree depends on the user that the server acts as. f_favail equals
 * f_ffree, and both are 0 if there is no fixed number of files. f_fsid is the server's. f_flag has
 * ST_RDONLY if this client cannot change anything, and ST_SYNCHRONOUS if what is acknowledged
 * survives a loss of power. Limits that the server does not know, such as quotas of the client's
 * user, do not show. A symbolic link at the end of the path is followed. 0; -EBADF; -ENOENT, ...
 */
int usrbio_statfs(const char *path, struct statvfs *st);
int usrbio_fstatfs(int fd, struct statvfs *st);

/*
 * Open a directory by its path, to read its names. 0: the caller owns *dir, uses it on one thread
 * at a time, and closes it with usrbio_closedir; -ENOENT, -ENOTDIR, -EACCES, ...
 */
int usrbio_opendir(const char *path, struct usrbio_dir **dir);
/*
 * The same for a directory of usrbio_open. The caller still owns dirfd, and may close it. Several
 * struct usrbio_dir may read one directory at the same time. -EBADF, -ENOTDIR, ...
 */
int usrbio_fdopendir(int dirfd, struct usrbio_dir **dir);
/*
 * Get the next name; "." and ".." are left out. 1: *entry is written; 0: there are no more names;
 * -errno: the rest cannot be read, and further calls return 0. It may ask the server.
 */
int usrbio_readdir(struct usrbio_dir *dir, struct usrbio_dirent *entry);
/* Close a directory. Accepts NULL. Does not wait for the server. */
void usrbio_closedir(struct usrbio_dir *dir);

/*
 * Get a descriptor by which a program can wait for completions of a ring together with other
 * events: poll, select and epoll report it as readable while completions of this ring wait. Collect
 * them with hf3fs_wait_for_ios, with min_results 0 and until it returns 0 or fewer than cqec. The
 * descriptor may become readable once more although another thread has collected all completions.
 * The ring owns the descriptor: each call returns the same one, hf3fs_iordestroy closes it, and
 * programs neither read, write nor close it. A child of fork() does not have it. Returns the
 * descriptor; -EINVAL: ior is no ring; -EMFILE, -ENFILE, -ENOMEM. Does not wait for the server.
 */
int usrbio_ring_fd(const struct hf3fs_ior *ior);

/*
 * Explain why a call for a path or mount point ended with `err`, its -errno, if the library knows
 * more than errno says: what is wrong with a URL; why a mount cannot reach its server, such as
 * "cannot connect to storage:7040: Connection refused"; or, for -EINVAL, which file would make the
 * path a mount but is ignored. It is the text of the log: one line in English, for people, without
 * control characters. text: the buffer, of `room` bytes; the text is cut to fit, with its final
 * zero. Returns the length of the whole text in bytes; 0: errno says all; -EINVAL: an argument is
 * NULL, or room is 0. Does not wait for the server.
 */
int usrbio_reason(const char *path, int err, char *text, size_t room);

/*
 * Write a state dump to the descriptor fd; see usrbio(7). It has the state of every mount of this
 * process, in lines for people that begin with "dump: ". The last line is "dump: end". It needs no
 * server and no mount, and may be called while other calls hang. If another thread holds a lock, it
 * waits for 20 ms at most, writes "busy" instead of the state, and goes on. It blocks for as long
 * as write(2) to fd does. 0; -EBADF, -EPIPE, ... as of write(2); -ENOMEM: lines are missing.
 */
int usrbio_dump(int fd);

/* Exchange an empty message with the server of a mount. 0, and *ns is the time in nanoseconds. */
int usrbio_ping(const char *mount_point, uint64_t *ns);

/* Counters of the connections of this process to a mount, since the mount was first used. */
struct usrbio_counters {
	uint64_t ios;
	uint64_t msgs_sent;
	uint64_t msgs_received;
	uint64_t imms_received; /* I/Os that ended by an immediate, not by a completion message */
	/*
	 * One-sided operations of the server. TCP counts them; an RDMA card serves them without the
	 * library, so they are 0 there.
	 */
	uint64_t remote_reads;
	uint64_t remote_writes;
	uint64_t doorbells;
	uint64_t polls;
	uint64_t sleeps;
	uint64_t batches;     /* messages that carried I/Os */
	uint64_t completions; /* messages that carried results */
	uint64_t msg_bytes;   /* bytes of all messages, both ways */
};
/* Get these counters. 0; -ENOENT, -EINVAL. Does not ask the server. */
int usrbio_counters(const char *mount_point, struct usrbio_counters *counters);

/*
 * A row of counters of a server. It has counted for all its clients since it was started. There is
 * a row for each worker, followed by one for each connection that this worker serves. After each of
 * these rows comes a row with its limits. The last two rows have the calls of the mount's export,
 * such as "calls_waiting" for a thread, and the limits of the server. A limit is a pair of values:
 * the amount in use, such as "files", and the maximum, "files_max"; if the maximum is 0, there is
 * no such limit. The library owns the row, which is valid during the call of fn.
 */
struct usrbio_server_counters {
	const char *kind; /* "worker", "connection", "limits" or "export" */
	const char *name; /* a worker's number, a client's address, "server", an export's name */
	size_t nr;	  /* number of counters */
	const char *const *names; /* of the counters: "reads", "read_bytes", ... */
	const uint64_t *values;
};
typedef void (*usrbio_counters_fn)(void *arg, const struct usrbio_server_counters *row);
/*
 * Get the counters of the server of a mount, and call fn for each row, with `arg`, on this thread.
 * 0; -EOPNOTSUPP: the server cannot report counters; or another -errno, also after some rows.
 */
int usrbio_server_counters(const char *mount_point, usrbio_counters_fn fn, void *arg);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
