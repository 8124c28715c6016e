/*
 * The check whether a file or directory is trusted, and the reader of trusted files (trusted.h).
 * The process owns the list of logged lines. Any thread may call this.
 */
#include "common/host/trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/host/fuse_owner.h"
#include "common/base/log.h"

#define MOUNTINFO  "/proc/self/mountinfo"
#define SAID_SLOTS 256 /* logged lines that are remembered */

/* <linux/magic.h> does not have these. */
#define FUSE_MAGIC     0x65735546ul
#define FUSECTL_MAGIC  0x65735543ul
#define CONFIGFS_MAGIC 0x62656570ul
#define MQUEUE_MAGIC   0x19800202ul
#define NFSD_MAGIC     0x6e667364ul
#define RPC_PIPE_MAGIC 0x67596969ul
#define SOCKET_MAGIC   0x534f434bul
#define PIPE_MAGIC     0x50495045ul
#define RESCTRL_MAGIC  0x07655821ul
#define DMABUF_MAGIC   0x444d4142ul

/*
 * File systems with contents that the kernel generates. If root owns a file there, another user may
 * still have decided its contents.
 */
static const unsigned long made_up[] = {
	PROC_SUPER_MAGIC,    SYSFS_MAGIC,    DEBUGFS_MAGIC,	 TRACEFS_MAGIC,
	SECURITYFS_MAGIC,    SELINUX_MAGIC,  SMACK_MAGIC,	 CGROUP_SUPER_MAGIC,
	CGROUP2_SUPER_MAGIC, BPF_FS_MAGIC,   DEVPTS_SUPER_MAGIC, NSFS_MAGIC,
	ANON_INODE_FS_MAGIC, BINFMTFS_MAGIC, PSTOREFS_MAGIC,	 EFIVARFS_MAGIC,
	AUTOFS_SUPER_MAGIC,  BDEVFS_MAGIC,   FUSECTL_MAGIC,	 CONFIGFS_MAGIC,
	MQUEUE_MAGIC,	     NFSD_MAGIC,     RPC_PIPE_MAGIC,	 SOCKET_MAGIC,
	PIPE_MAGIC,	     RESCTRL_MAGIC,  DMABUF_MAGIC,	 SECRETMEM_MAGIC,
};

static bool is_made_up(unsigned long type)
{
	for (size_t i = 0; i < sizeof(made_up) / sizeof(*made_up); i++) {
		if (made_up[i] == type)
			return true;
	}
	return false;
}

__attribute__((format(printf, 2, 3))) static bool refuse(char *reason, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(reason, TRUSTED_REASON_MAX, fmt, args);
	va_end(args);
	return false;
}

static bool check_file_system(int fd, dev_t dev, const char *subject, char *reason)
{
	struct statfs fs;
	uid_t uid;

	if (fstatfs(fd, &fs))
		return refuse(reason, "%s cannot be examined: %s", subject, strerror(errno));
	if (is_made_up((unsigned long)fs.f_type))
		return refuse(reason,
			      "%s is on a file system that the kernel makes up, such as "
			      "procfs; keep it on another one",
			      subject);
	if ((unsigned long)fs.f_type != FUSE_MAGIC)
		return true;
	if (fuse_owner(MOUNTINFO, dev, &uid))
		return refuse(reason,
			      "%s is on a FUSE file system, and its owner is "
			      "unknown; keep it on another one",
			      subject);
	return trusted_uid(uid) ||
	       refuse(reason,
		      "%s is on a FUSE file system that user %u mounted; keep it on another "
		      "one",
		      subject, uid);
}

static bool check_owner(const struct stat *st, const char *subject, char *reason)
{
	return trusted_uid(st->st_uid) ||
	       refuse(reason,
		      "%s belongs to user %u; it must be root's or that of the user who "
		      "runs this program (user %u)",
		      subject, st->st_uid, geteuid());
}

static bool check_mode(const struct stat *st, const char *subject, char *reason)
{
	unsigned mode = st->st_mode & 07777u;
	const char *who = mode & 002 ? "everybody" : "its group";

	if (!(mode & 022))
		return true;
	if (mode & S_ISVTX) /* a sticky directory is writable on purpose, so keep its mode */
		return refuse(reason,
			      "%s may be written by %s (mode %04o); use one that only its "
			      "owner may write",
			      subject, who, mode);
	return refuse(reason, "%s may be written by %s (mode %04o); chmod go-w it", subject, who,
		      mode);
}

bool trusted_fd(int fd, const char *subject, char reason[TRUSTED_REASON_MAX])
{
	struct stat st;

	if (fstat(fd, &st))
		return refuse(reason, "%s cannot be examined: %s", subject, strerror(errno));
	return check_owner(&st, subject, reason) && check_mode(&st, subject, reason) &&
	       check_file_system(fd, st.st_dev, subject, reason);
}

/* Read the whole file. Returns the number of bytes, or -errno. */
static ssize_t read_all(int fd, char *data, size_t max)
{
	size_t used = 0;

	while (used < max) {
		ssize_t n = read(fd, data + used, max - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		used += (size_t)n;
	}
	return (ssize_t)used;
}

/* Read the contents of an open file that is trusted. */
static int read_text(int fd, size_t max, struct trusted_text *text, char *reason)
{
	char *data = malloc(max + 2);
	ssize_t len;

	if (!data)
		return -ENOMEM;
	len = read_all(fd, data, max + 1);
	if (len < 0)
		refuse(reason, "it cannot be read: %s", strerror((int)-len));
	else if ((size_t)len > max)
		refuse(reason, "it is larger than %zu bytes; shorten it", max);
	else if (memchr(data, 0, (size_t)len))
		refuse(reason, "it has a zero byte; write it again");
	if (*reason) {
		free(data);
		return len < 0 ? (int)len : -EINVAL;
	}
	data[len] = '\0';
	text->data = data;
	text->len = (size_t)len;
	return 0;
}

static int no_regular_file(char *reason)
{
	refuse(reason, "it is no regular file");
	return -EINVAL;
}

int trusted_read(int dir, const char *name, size_t max, struct trusted_text *text,
		 char reason[TRUSTED_REASON_MAX])
{
	struct stat st;
	int fd, err;

	*reason = '\0';
	/* Check the type first, because opening a device can have effects. */
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return no_regular_file(reason);
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) {
		err = -errno;
		if (err != -ENOENT)
			refuse(reason, "it cannot be opened: %s", strerror(-err));
		return err;
	}
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		err = no_regular_file(reason);
	else
		err = trusted_fd(fd, "it", reason) ? read_text(fd, max, text, reason) : -EACCES;
	close(fd);
	if (!err)
		text->own = st.st_uid == geteuid();
	return err;
}

/*
 * True for the effective user's file in a sticky directory of that user or of root, where no other
 * user can replace it. It must have only one name, so that it is no link to another file of the
 * user.
 */
static bool own_in_sticky(const struct trusted_place *place)
{
	struct stat dir, file;

	return !fstat(place->dir, &dir) && dir.st_mode & S_ISVTX && trusted_uid(dir.st_uid) &&
	       !fstatat(place->dir, place->name, &file, AT_SYMLINK_NOFOLLOW) &&
	       file.st_uid == geteuid() && trusted_uid(file.st_uid) && file.st_nlink == 1;
}

/* True for /dev/null, which stands for "no file". */
static bool is_null(const struct trusted_place *place)
{
	struct stat st;

	return !fstatat(place->dir, place->name, &st, AT_SYMLINK_NOFOLLOW) && S_ISCHR(st.st_mode) &&
	       st.st_rdev == makedev(1, 3);
}

int trusted_read_path(const char *path, size_t max, struct trusted_text *text,
		      char reason[TRUSTED_REASON_MAX])
{
	struct trusted_place place;
	int err = trusted_walk(path, &place, reason);

	if (err)
		return err;
	if (is_null(&place))
		err = -ENOENT;
	else if (!own_in_sticky(&place) && !trusted_fd(place.dir, "its directory", reason))
		err = -EACCES;
	else
		err = trusted_read(place.dir, place.name, max, text, reason);
	close(place.dir);
	return err;
}

static uint64_t hash_of(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 0x100000001b3u;
	return hash;
}

void trusted_say(const char *path, const char *reason)
{
	static _Atomic uint64_t said[SAID_SLOTS];
	uint64_t hash = hash_of(hash_of(0xcbf29ce484222325u, path), reason);

	if (log_is_caught()) /* the caller catches the line, so it does not go to the log */
		log_warn("%.500s is ignored: %s", path, reason);
	else if (atomic_exchange(&said[hash % SAID_SLOTS], hash) != hash)
		log_peer("%.500s is ignored: %s", path, reason);
}
