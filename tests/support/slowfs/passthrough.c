/*
 * The operations, over libfuse's low-level interface: each runs on a thread of libfuse's, which a
 * rule may stop. Nothing is cached, so that each operation of a program arrives here. A node is an
 * inode that the kernel knows; the table owns it until the kernel forgets it.
 */
#define FUSE_USE_VERSION FUSE_MAKE_VERSION(3, 14)
#include "tests/support/slowfs/passthrough.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tests/support/slowfs/rules.h"

#define NR_BUCKETS 1024

struct node {
	struct node *next; /* of its bucket */
	int fd;		   /* O_PATH */
	dev_t dev;
	ino_t ino;
	uint64_t nr_lookups;
};

static struct node root;
static size_t root_len; /* of the backing directory's path */
static struct node *buckets[NR_BUCKETS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct node *node_of(fuse_ino_t ino)
{
	return ino == FUSE_ROOT_ID ? &root : (struct node *)(uintptr_t)ino;
}

static int fd_of(fuse_ino_t ino)
{
	return node_of(ino)->fd;
}

/* Paths. */

struct proc_path {
	char text[32];
};

/* A path that follows the descriptor, for calls that take no O_PATH descriptor. */
static struct proc_path proc_of(fuse_ino_t ino)
{
	struct proc_path path;

	snprintf(path.text, sizeof(path.text), "/proc/self/fd/%d", fd_of(ino));
	return path;
}

struct shown_path {
	char text[PATH_MAX + NAME_MAX + 2];
};

/* The path of a node below the mount point, "" of the root; with a name behind it if there is one.
 */
static struct shown_path path_of(fuse_ino_t ino, const char *name)
{
	struct proc_path proc = proc_of(ino);
	struct shown_path path = {""};
	char real[PATH_MAX];
	ssize_t len = readlink(proc.text, real, sizeof(real) - 1);

	real[len < 0 ? 0 : len] = '\0';
	if (len > (ssize_t)root_len)
		snprintf(path.text, sizeof(path.text), "%s", real + root_len + 1);
	if (name) {
		size_t used = strlen(path.text);

		snprintf(path.text + used, sizeof(path.text) - used, "%s%s", used ? "/" : "", name);
	}
	return path;
}

/* Ask the rules. True: the operation has been answered with an error. */
static bool refused(fuse_req_t req, enum op op, fuse_ino_t ino, const char *name)
{
	int err = rules_enter(op, path_of(ino, name).text, NULL);

	if (err)
		fuse_reply_err(req, err);
	return err;
}

static bool refused_two(fuse_req_t req, enum op op, fuse_ino_t one, const char *name,
			fuse_ino_t two, const char *name2)
{
	struct shown_path other = path_of(two, name2);
	int err = rules_enter(op, path_of(one, name).text, other.text);

	if (err)
		fuse_reply_err(req, err);
	return err;
}

static void reply_status(fuse_req_t req, int res)
{
	fuse_reply_err(req, res < 0 ? errno : 0);
}

/* Nodes. */

static struct node **bucket_of(dev_t dev, ino_t ino)
{
	return &buckets[(dev * 31 + ino) % NR_BUCKETS];
}

/* The node of an inode, with one lookup more; it takes over fd. NULL: no memory. */
static struct node *node_get(int fd, const struct stat *st)
{
	struct node **bucket = bucket_of(st->st_dev, st->st_ino), *node;

	pthread_mutex_lock(&lock);
	for (node = *bucket; node; node = node->next)
		if (node->dev == st->st_dev && node->ino == st->st_ino)
			break;
	if (node) {
		close(fd);
	} else if ((node = calloc(1, sizeof(*node)))) {
		*node = (struct node){*bucket, fd, st->st_dev, st->st_ino, 0};
		*bucket = node;
	} else {
		close(fd);
	}
	if (node)
		node->nr_lookups++;
	pthread_mutex_unlock(&lock);
	return node;
}

static void node_put(fuse_ino_t ino, uint64_t nr_lookups)
{
	struct node *node = node_of(ino), **link;

	if (node == &root)
		return;
	pthread_mutex_lock(&lock);
	node->nr_lookups -= nr_lookups;
	if (!node->nr_lookups) {
		for (link = bucket_of(node->dev, node->ino); *link != node; link = &(*link)->next)
			;
		*link = node->next;
		close(node->fd);
		free(node);
	}
	pthread_mutex_unlock(&lock);
}

/* Find a name. 0 or an errno. */
static int find(fuse_ino_t parent, const char *name, struct fuse_entry_param *entry)
{
	int fd = openat(fd_of(parent), name, O_PATH | O_NOFOLLOW | O_CLOEXEC), err;
	struct node *node;

	*entry = (struct fuse_entry_param){0};
	if (fd < 0)
		return errno;
	if (fstatat(fd, "", &entry->attr, AT_EMPTY_PATH)) {
		err = errno;
		close(fd);
		return err;
	}
	node = node_get(fd, &entry->attr);
	if (!node)
		return ENOMEM;
	entry->ino = (uintptr_t)node;
	return 0;
}

static void reply_entry(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry;
	int err = find(parent, name, &entry);

	if (err)
		fuse_reply_err(req, err);
	else if (fuse_reply_entry(req, &entry))
		node_put(entry.ino, 1);
}

/* Give a new name to the caller, who made it; this process is root. */
static void reply_new(fuse_req_t req, fuse_ino_t parent, const char *name, int res)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	if (res < 0 || fchownat(fd_of(parent), name, ctx->uid, ctx->gid, AT_SYMLINK_NOFOLLOW))
		fuse_reply_err(req, errno);
	else
		reply_entry(req, parent, name);
}

static void do_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	if (!refused(req, OP_LOOKUP, parent, name))
		reply_entry(req, parent, name);
}

static void do_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nr_lookups)
{
	node_put(ino, nr_lookups);
	fuse_reply_none(req);
}

/* Attributes. */

static void reply_attr(fuse_req_t req, fuse_ino_t ino)
{
	struct stat st;

	if (fstatat(fd_of(ino), "", &st, AT_EMPTY_PATH))
		fuse_reply_err(req, errno);
	else
		fuse_reply_attr(req, &st, 0);
}

static void do_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)fi;
	if (!refused(req, OP_GETATTR, ino, NULL))
		reply_attr(req, ino);
}

static int set_owner(fuse_ino_t ino, const struct stat *attr, int set)
{
	return fchownat(fd_of(ino), "", set & FUSE_SET_ATTR_UID ? attr->st_uid : (uid_t)-1,
			set & FUSE_SET_ATTR_GID ? attr->st_gid : (gid_t)-1,
			AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
}

static int set_times(fuse_ino_t ino, const struct stat *attr, int set)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_OMIT}};

	if (set & FUSE_SET_ATTR_ATIME)
		times[0] = attr->st_atim;
	if (set & FUSE_SET_ATTR_MTIME)
		times[1] = attr->st_mtim;
	if (set & FUSE_SET_ATTR_ATIME_NOW)
		times[0].tv_nsec = UTIME_NOW;
	if (set & FUSE_SET_ATTR_MTIME_NOW)
		times[1].tv_nsec = UTIME_NOW;
	return utimensat(AT_FDCWD, proc_of(ino).text, times, 0);
}

static void do_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int set,
		       struct fuse_file_info *fi)
{
	int res = 0;

	(void)fi;
	if (refused(req, OP_SETATTR, ino, NULL))
		return;
	if (set & FUSE_SET_ATTR_MODE)
		res = chmod(proc_of(ino).text, attr->st_mode);
	if (!res && set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))
		res = set_owner(ino, attr, set);
	if (!res && set & FUSE_SET_ATTR_SIZE)
		res = truncate(proc_of(ino).text, attr->st_size);
	if (!res && set & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME))
		res = set_times(ino, attr, set);
	if (res)
		fuse_reply_err(req, errno);
	else
		reply_attr(req, ino);
}

static void do_readlink(fuse_req_t req, fuse_ino_t ino)
{
	char target[PATH_MAX];
	ssize_t len;

	if (refused(req, OP_READLINK, ino, NULL))
		return;
	len = readlinkat(fd_of(ino), "", target, sizeof(target) - 1);
	if (len < 0) {
		fuse_reply_err(req, errno);
		return;
	}
	target[len] = '\0';
	fuse_reply_readlink(req, target);
}

static void do_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st;

	if (refused(req, OP_STATFS, ino, NULL))
		return;
	if (fstatvfs(fd_of(ino), &st))
		fuse_reply_err(req, errno);
	else
		fuse_reply_statfs(req, &st);
}

/* Names. */

static void do_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t dev)
{
	if (!refused(req, OP_MKNOD, parent, name))
		reply_new(req, parent, name, mknodat(fd_of(parent), name, mode, dev));
}

static void do_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	if (!refused(req, OP_MKDIR, parent, name))
		reply_new(req, parent, name, mkdirat(fd_of(parent), name, mode));
}

static void do_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	if (!refused(req, OP_SYMLINK, parent, name))
		reply_new(req, parent, name, symlinkat(target, fd_of(parent), name));
}

static void do_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	if (!refused(req, OP_UNLINK, parent, name))
		reply_status(req, unlinkat(fd_of(parent), name, 0));
}

static void do_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	if (!refused(req, OP_RMDIR, parent, name))
		reply_status(req, unlinkat(fd_of(parent), name, AT_REMOVEDIR));
}

static void do_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
		      const char *new_name, unsigned flags)
{
	if (!refused_two(req, OP_RENAME, parent, name, new_parent, new_name))
		reply_status(req,
			     renameat2(fd_of(parent), name, fd_of(new_parent), new_name, flags));
}

static void do_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t new_parent, const char *new_name)
{
	if (refused_two(req, OP_LINK, ino, NULL, new_parent, new_name))
		return;
	if (linkat(AT_FDCWD, proc_of(ino).text, fd_of(new_parent), new_name, AT_SYMLINK_FOLLOW))
		fuse_reply_err(req, errno);
	else
		reply_entry(req, new_parent, new_name);
}

/* Files. */

/* Offsets and appending are the kernel's business; reads and writes bypass its page cache. */
static void set_file(struct fuse_file_info *fi, int fd)
{
	fi->fh = (uint64_t)fd;
	fi->direct_io = 1;
}

static void do_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	int flags = fi->flags & (O_ACCMODE | O_TRUNC), fd;

	if (refused(req, OP_OPEN, ino, NULL))
		return;
	fd = open(proc_of(ino).text, flags | O_CLOEXEC);
	if (fd < 0) {
		fuse_reply_err(req, errno);
		return;
	}
	set_file(fi, fd);
	if (fuse_reply_open(req, fi))
		close(fd);
}

static void do_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		      struct fuse_file_info *fi)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	int flags = fi->flags & (O_ACCMODE | O_TRUNC | O_EXCL), fd, err;
	struct fuse_entry_param entry;

	if (refused(req, OP_CREATE, parent, name))
		return;
	fd = openat(fd_of(parent), name, flags | O_CREAT | O_NOFOLLOW | O_CLOEXEC, mode);
	err = fd < 0 || fchown(fd, ctx->uid, ctx->gid) ? errno : find(parent, name, &entry);
	if (err) {
		if (fd >= 0)
			close(fd);
		fuse_reply_err(req, err);
		return;
	}
	set_file(fi, fd);
	if (fuse_reply_create(req, &entry, fi)) {
		close(fd);
		node_put(entry.ino, 1);
	}
}

static void do_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	char *buf;
	ssize_t n;

	if (refused(req, OP_READ, ino, NULL))
		return;
	buf = malloc(size);
	n = buf ? pread((int)fi->fh, buf, size, off) : -1;
	if (n < 0)
		fuse_reply_err(req, buf ? errno : ENOMEM);
	else
		fuse_reply_buf(req, buf, (size_t)n);
	free(buf);
}

static void do_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
		     struct fuse_file_info *fi)
{
	ssize_t n;

	if (refused(req, OP_WRITE, ino, NULL))
		return;
	n = pwrite((int)fi->fh, buf, size, off);
	if (n < 0)
		fuse_reply_err(req, errno);
	else
		fuse_reply_write(req, (size_t)n);
}

static void do_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)fi;
	if (!refused(req, OP_FLUSH, ino, NULL))
		fuse_reply_err(req, 0);
}

static void do_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	bool failed = refused(req, OP_RELEASE, ino, NULL);

	close((int)fi->fh);
	if (!failed)
		fuse_reply_err(req, 0);
}

static void do_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	if (!refused(req, OP_FSYNC, ino, NULL))
		reply_status(req, datasync ? fdatasync((int)fi->fh) : fsync((int)fi->fh));
}

static void do_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len,
			 struct fuse_file_info *fi)
{
	if (!refused(req, OP_FALLOCATE, ino, NULL))
		reply_status(req, fallocate((int)fi->fh, mode, off, len));
}

static void do_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence,
		     struct fuse_file_info *fi)
{
	off_t at;

	if (refused(req, OP_LSEEK, ino, NULL))
		return;
	at = lseek((int)fi->fh, off, whence);
	if (at < 0)
		fuse_reply_err(req, errno);
	else
		fuse_reply_lseek(req, at);
}

/* Directories. */

static void do_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	DIR *dir = NULL;
	int fd;

	if (refused(req, OP_OPENDIR, ino, NULL))
		return;
	fd = openat(fd_of(ino), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && !(dir = fdopendir(fd)))
		close(fd);
	if (!dir) {
		fuse_reply_err(req, errno);
		return;
	}
	fi->fh = (uintptr_t)dir;
	if (fuse_reply_open(req, fi))
		closedir(dir);
}

/* Fill buf with entries from `off` on; the bytes used. */
static size_t list(fuse_req_t req, DIR *dir, char *buf, size_t size, off_t off)
{
	struct dirent *entry;
	size_t used = 0;

	seekdir(dir, off);
	while ((entry = readdir(dir))) {
		struct stat st = {.st_ino = entry->d_ino, .st_mode = (mode_t)entry->d_type << 12};
		size_t len = fuse_add_direntry(req, buf + used, size - used, entry->d_name, &st,
					       telldir(dir));

		if (len > size - used)
			break;
		used += len;
	}
	return used;
}

static void do_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		       struct fuse_file_info *fi)
{
	char *buf;

	if (refused(req, OP_READDIR, ino, NULL))
		return;
	buf = malloc(size);
	if (buf)
		fuse_reply_buf(req, buf, list(req, (DIR *)(uintptr_t)fi->fh, buf, size, off));
	else
		fuse_reply_err(req, ENOMEM);
	free(buf);
}

static void do_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	bool failed = refused(req, OP_RELEASEDIR, ino, NULL);

	closedir((DIR *)(uintptr_t)fi->fh);
	if (!failed)
		fuse_reply_err(req, 0);
}

static void do_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)datasync;
	if (!refused(req, OP_FSYNCDIR, ino, NULL))
		reply_status(req, fsync(dirfd((DIR *)(uintptr_t)fi->fh)));
}

/* Reads and writes of several requests at a time must not wait for each other in the kernel. */
static void do_init(void *arg, struct fuse_conn_info *conn)
{
	(void)arg;
	conn->max_background = UINT16_MAX;
	conn->congestion_threshold = UINT16_MAX;
}

const struct fuse_lowlevel_ops passthrough_ops = {
	.init = do_init,
	.lookup = do_lookup,
	.forget = do_forget,
	.getattr = do_getattr,
	.setattr = do_setattr,
	.readlink = do_readlink,
	.mknod = do_mknod,
	.mkdir = do_mkdir,
	.unlink = do_unlink,
	.rmdir = do_rmdir,
	.symlink = do_symlink,
	.rename = do_rename,
	.link = do_link,
	.open = do_open,
	.create = do_create,
	.read = do_read,
	.write = do_write,
	.flush = do_flush,
	.release = do_release,
	.fsync = do_fsync,
	.opendir = do_opendir,
	.readdir = do_readdir,
	.releasedir = do_releasedir,
	.fsyncdir = do_fsyncdir,
	.statfs = do_statfs,
	.fallocate = do_fallocate,
	.lseek = do_lseek,
};

int passthrough_open(const char *backing)
{
	char real[PATH_MAX];

	if (!realpath(backing, real))
		return -errno;
	root.fd = open(real, O_PATH | O_DIRECTORY | O_CLOEXEC);
	root_len = strlen(real);
	return root.fd < 0 ? -errno : 0;
}
