/*
 * usrbio.h: what libusrbio adds to the USRBIO API: files by URL, without any mounted directory.
 *
 * A path is a URL with a path behind the export and its options,
 * tcp://host[:port]/export[?timeout=5]/dir/file, or a path below a directory that is a mount.
 * Unless a comment says otherwise, a call returns 0 or a count, or -errno, blocks for the server's
 * answer, and may be called by any thread. usrbio(7) lists all errors.
 *
 * loop:///DIR[?options] is a mount that needs no server: the library serves the directory inside
 * this process. A path on it is best written loop:///DIR?/file. Without a '?' it belongs to the
 * deepest such mount in use by this process that contains it. If there is none, the mount is the
 * directory that the path names or, if it names none, the directory it is in. (Calls that make,
 * move or remove a name, and those that do not follow links, always use the directory it is in.)
 *
 * A descriptor from usrbio_open is accepted by every hf3fs_ call that takes an fd. It is a real
 * descriptor of this process, so that no other one has its number, but only the calls of this
 * header and the hf3fs_ calls can use it. Close it with usrbio_close.
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
	 * The machine whose file system holds the file, whichever server serves it, or the server
	 * if it has files of its own (memory:). Two files are one exactly if host, dev and ino are
	 * equal. The number of a machine changes when it boots.
	 */
	uint64_t host;
};

/* The identity of a file: the same fields of usrbio_stat. */
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
 * A descriptor >= 0; -ENOENT, -EACCES, -EROFS, -EREMOTEIO (no server), -EMFILE, or what open(2)
 * returns at the server.
 */
int usrbio_open(const char *path, int flags, mode_t mode);
/* 0; -EBADF if fd was not returned by usrbio_open. A registration (hf3fs_reg_fd) stays valid. */
int usrbio_close(int fd);

int usrbio_fstat(int fd, struct usrbio_stat *st);
/* Follows a symbolic link at the end of the path; usrbio_lstat does not. */
int usrbio_stat(const char *path, struct usrbio_stat *st);
int usrbio_lstat(const char *path, struct usrbio_stat *st);

/*
 * The same for a name in an open directory (opened by usrbio_open, O_RDONLY). The name is one
 * component: "", ".", ".." and a name with a slash are -EINVAL. The directory may have been renamed
 * within its export since. -ESTALE: it was moved out of the export. -ENOENT: it was removed.
 * -ENOTDIR: dirfd is not a directory. -EBADF: dirfd is not a descriptor of usrbio_open.
 *
 * usrbio_openat: flags, mode and result are those of usrbio_open. A symbolic link of that name is
 * followed, as long as it stays within the export, unless flags have O_NOFOLLOW (-ELOOP) or O_EXCL.
 */
int usrbio_openat(int dirfd, const char *name, int flags, mode_t mode);
/* flags: 0, or AT_SYMLINK_NOFOLLOW for a symbolic link itself. */
int usrbio_fstatat(int dirfd, const char *name, struct usrbio_stat *st, int flags);
int usrbio_mkdirat(int dirfd, const char *name, mode_t mode);
/* flags: 0 for a file, or AT_REMOVEDIR for an empty directory. */
int usrbio_unlinkat(int dirfd, const char *name, int flags);
/* flags: 0, or RENAME_NOREPLACE (1): -EEXIST where `to` exists. -EXDEV between two mounts. */
int usrbio_renameat(int olddirfd, const char *from, int newdirfd, const char *to, unsigned flags);

/*
 * Set the nine permission bits of a file or directory, whatever access mode it was opened with.
 * Set-id bits of a file are cleared, those of a directory stay.
 */
int usrbio_fchmod(int fd, mode_t mode);
/*
 * Returns the offset of the first data (SEEK_DATA) or hole (SEEK_HOLE) of an open file at or behind
 * off; the end of the file counts as a hole. A descriptor has no position that could move. -ENXIO:
 * off lies behind the end, or behind the last data; -EOPNOTSUPP: the server's file system does not
 * know; -EBADF: no regular file.
 */
int64_t usrbio_seek(int fd, uint64_t off, int whence);
/*
 * The identities of an open directory, of the directory above it, and so on, up to the server's "/"
 * or as far as the server can see, at most 256: to find out whether one directory contains another.
 * Returns their number, which may exceed room; at most room of them are stored. -ENOTDIR.
 */
int usrbio_ancestors(int dirfd, struct usrbio_id *ids, size_t room);
/* The host number of this machine's own files, whose dev and ino are those of stat(2). */
uint64_t usrbio_host(void);

/* Returns 0 when everything that was written to the file before is on the server's disk. */
int usrbio_fsync(int fd);
int usrbio_ftruncate(int fd, uint64_t len);
int usrbio_truncate(const char *path, uint64_t len);
int usrbio_unlink(const char *path);
int usrbio_rmdir(const char *path);
int usrbio_mkdir(const char *path, mode_t mode);
/* -EXDEV: the two paths are on two mounts. */
int usrbio_rename(const char *from, const char *to);

/*
 * Read a directory, without "." and "..". usrbio_readdir returns 1 and an entry, 0 at the end, or
 * -errno. One thread at a time may use a struct usrbio_dir.
 */
int usrbio_opendir(const char *path, struct usrbio_dir **dir);
/* The same for an open directory. It stays open and belongs to the caller; several may read it. */
int usrbio_fdopendir(int dirfd, struct usrbio_dir **dir);
int usrbio_readdir(struct usrbio_dir *dir, struct usrbio_dirent *entry);
void usrbio_closedir(struct usrbio_dir *dir);

/*
 * Tells why a call for a path (or a mount point) ended with `err`, its -errno, if the library knows
 * more than errno does: what is wrong with a URL; why a mount has no server, such as "cannot
 * connect to storage:7040: Connection refused"; or which file that would make the path a mount is
 * ignored. The text is that of the log: one line in English without control characters, for people.
 * It is stored in text, cut to room bytes with the final zero. Returns its whole length. 0: the
 * library knows no more than errno. -EINVAL: NULL, or no room. Does not wait for the server.
 */
int usrbio_reason(const char *path, int err, char *text, size_t room);

/*
 * Write the state of every mount of this process to a descriptor, in lines for people that begin
 * with "dump: " and end with "dump: end": what usrbio(7) calls a state dump. Needs no server and no
 * mount, and may be called while other calls hang. It waits at most 20 ms for each lock that
 * another thread holds, then writes "busy" and continues. It blocks for as long as write(2) to fd
 * does. Any thread may call it, but no signal handler. 0; -EBADF, -EPIPE and other errors of
 * write(2); -ENOMEM: lines are missing.
 */
int usrbio_dump(int fd);

/* Exchange an empty message with the server of a mount; *ns is the time it took, in nanoseconds. */
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
 * A row of what the server of a mount has counted since it started, for all its clients. There is a
 * row for each worker, and after it one for each connection that this worker serves. A row of
 * limits follows each of them, and one of the server comes last. A limit is a pair, such as
 * "files", what is in use, and "files_max", its maximum. If the maximum is 0, the row has no such
 * limit. A row is valid during the call of usrbio_counters_fn.
 */
struct usrbio_server_counters {
	const char *kind; /* "worker", "connection" or "limits" */
	const char *name; /* a worker's number, a client's address, "server" */
	size_t nr;
	const char *const *names; /* of nr counters, "reads", "read_bytes", ... */
	const uint64_t *values;
};
typedef void (*usrbio_counters_fn)(void *arg, const struct usrbio_server_counters *row);
/* Calls fn for each row. 0; -EOPNOTSUPP: the server has no counters; -EREMOTEIO: no server. */
int usrbio_server_counters(const char *mount_point, usrbio_counters_fn fn, void *arg);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
