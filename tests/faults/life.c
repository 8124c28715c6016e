/*
 * A client's life, for the sweep: open, write, read, sync, close, destroy, on files of its own. It
 * may fail, with an errno and once per I/O; then it lives again, and soon it has to succeed. What
 * is worse than failing is told on a line that begins with "wrong". One thread.
 *
 * usage: faults_life MOUNT [DESCRIPTORS]
 *
 * Lines: "stored FILE OFF LEN" is a write that succeeded, "life N ok" or "life N failed: CALL:
 * ERROR" an end, and "fds N" how many descriptors there are after the last, once there are no more
 * than DESCRIPTORS or that takes too long.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "client/hf3fs_usrbio.h"
#include "client/usrbio.h"
#include "tests/faults/lives.h"

static const struct {
	size_t off, len;
} pieces[] = {{0, 100}, {100, 20000}, {20100, 300000}};

#define NR   (sizeof(pieces) / sizeof(pieces[0]))
#define SIZE 320100

_Static_assert(NR <= COLLECT_MAX, "they fit into one batch");

struct life {
	struct lived *lived;
	const char *mount;
	bool stored[NR];
	struct hf3fs_iov iov;
	struct hf3fs_ior writer, reader;
	int fd;
};

/* All pieces by one batch. False when not even that could be done. */
static bool transfer(struct life *life, struct hf3fs_ior *ring, bool read, int64_t *results)
{
	int err;

	for (size_t i = 0; i < NR; i++) {
		err = hf3fs_prep_io(ring, &life->iov, read, life->iov.base + pieces[i].off,
				    life->fd, pieces[i].off, pieces[i].len, (void *)(uintptr_t)i);
		if (err < 0) {
			tell_wrong("prep_io: %s", strerror(-err));
			return false;
		}
	}
	err = hf3fs_submit_ios(ring);
	if (err) {
		tell_wrong("submit_ios: %s", strerror(-err));
		return false;
	}
	return collect(ring, results, NR);
}

static void write_all(struct life *life)
{
	int64_t results[NR];

	pattern_of(life->lived->number, life->iov.base, SIZE);
	if (!transfer(life, &life->writer, false, results))
		return;
	for (size_t i = 0; i < NR; i++) {
		if (!did(life->lived, "write", results[i]))
			continue;
		life->stored[i] = true;
		if (results[i] != (int64_t)pieces[i].len)
			tell_wrong("a write of %zu bytes gave %lld", pieces[i].len,
				   (long long)results[i]);
		printf("stored f%d %zu %zu\n", life->lived->number, pieces[i].off, pieces[i].len);
	}
}

static void check_read(struct life *life, size_t i, int64_t result, bool all_stored)
{
	size_t len = pieces[i].len;

	if (!did(life->lived, "read", result))
		return;
	if (result > (int64_t)len || (all_stored && result != (int64_t)len))
		tell_wrong("a read of %zu bytes gave %lld", len, (long long)result);
	else if (life->stored[i] &&
		 (result != (int64_t)len ||
		  !is_pattern_of(life->lived->number, life->iov.base + pieces[i].off, pieces[i].off,
				 len)))
		tell_wrong("a read at %zu gave %lld and not what was written", pieces[i].off,
			   (long long)result);
}

static void read_all(struct life *life)
{
	bool all = life->stored[0] && life->stored[1] && life->stored[2];
	int64_t results[NR];

	memset(life->iov.base, 0xff, SIZE);
	if (!transfer(life, &life->reader, true, results))
		return;
	for (size_t i = 0; i < NR; i++)
		check_read(life, i, results[i], all);
}

/* Memory of the program's own, the same for all lives. */
static void read_wrapped(struct life *life)
{
	static const uint8_t id[16] = "faults_life.wrap";
	static uint8_t memory[4096];
	int64_t results[NR];
	struct hf3fs_iov iov;
	int err;

	if (!did(life->lived, "iovwrap",
		 hf3fs_iovwrap(&iov, memory, id, life->mount, sizeof(memory), 0, -1)))
		return;
	err = hf3fs_prep_io(&life->reader, &iov, true, memory, life->fd, 0, 100, NULL);
	if (did(life->lived, "prep_io", err < 0 ? err : 0) && !hf3fs_submit_ios(&life->reader) &&
	    collect(&life->reader, results, 1) && did(life->lived, "read", results[0]) &&
	    results[0] == 100 && life->stored[0])
		if (!is_pattern_of(life->lived->number, memory, 0, 100))
			tell_wrong("wrapped memory holds what was not written");
}

static void list(struct life *life)
{
	struct usrbio_dir *dir;
	struct usrbio_dirent entry;
	int more = 1;
	bool found = false;
	char own[16];

	snprintf(own, sizeof(own), "f%d", life->lived->number);
	if (!did(life->lived, "opendir", usrbio_opendir(life->mount, &dir)))
		return;
	while (did(life->lived, "readdir", more) && (more = usrbio_readdir(dir, &entry)) > 0)
		found |= !strcmp(entry.name, own);
	if (!more && !found)
		tell_wrong("%s is not listed", own);
	usrbio_closedir(dir);
}

static void count_row(void *arg, const struct usrbio_server_counters *row)
{
	++*(int *)arg;
}

static void ask(struct life *life)
{
	uint64_t ns;
	int rows = 0;

	did(life->lived, "ping", usrbio_ping(life->mount, &ns));
	if (did(life->lived, "counters", usrbio_server_counters(life->mount, count_row, &rows)) &&
	    !rows)
		tell_wrong("no counters");
}

/* An attribute of the file, if its file system has any. */
static void set_attribute(struct life *life)
{
	char got[16];
	int err = usrbio_fsetxattr(life->fd, "user.life", "x", 1, 0);

	if (err == -EOPNOTSUPP || !did(life->lived, "setxattr", err))
		return;
	err = usrbio_fgetxattr(life->fd, "user.life", got, sizeof(got));
	if (did(life->lived, "getxattr", err) && (err != 1 || *got != 'x'))
		tell_wrong("an attribute of %d bytes that was not set", err);
	err = usrbio_flistxattr(life->fd, got, sizeof(got));
	if (did(life->lived, "listxattr", err) && (err != 10 || strcmp(got, "user.life")))
		tell_wrong("attributes of %d bytes", err);
	did(life->lived, "removexattr", usrbio_fremovexattr(life->fd, "user.life"));
}

/* Give the file another name, and exchange that with a directory. */
static void exchange(struct life *life)
{
	char url[512], other[512], dir[512];
	struct usrbio_stat st;

	snprintf(url, sizeof(url), "%s/f%d", life->mount, life->lived->number);
	snprintf(other, sizeof(other), "%s/other%d", life->mount, life->lived->number);
	snprintf(dir, sizeof(dir), "%s/dir%d", life->mount, life->lived->number);
	if (!did(life->lived, "link", usrbio_link(url, other)) ||
	    !did(life->lived, "mkdir", usrbio_mkdir(dir, 0755)) ||
	    !did(life->lived, "exchange", usrbio_rename_flags(other, dir, RENAME_EXCHANGE)))
		return;
	if (did(life->lived, "stat", usrbio_stat(dir, &st)) && !S_ISREG(st.mode))
		tell_wrong("what was exchanged is not");
	did(life->lived, "unlink", usrbio_unlink(dir));
	did(life->lived, "rmdir", usrbio_rmdir(other));
}

/* Room for the file, and how much is left. */
static void make_room(struct life *life)
{
	struct statvfs fs;

	did(life->lived, "fallocate", usrbio_fallocate(life->fd, FALLOC_FL_KEEP_SIZE, 0, SIZE));
	if (did(life->lived, "statfs", usrbio_fstatfs(life->fd, &fs)) && !fs.f_frsize)
		tell_wrong("blocks of no bytes");
}

static void use(struct life *life)
{
	bool all;
	struct usrbio_stat st;

	make_room(life);
	write_all(life);
	read_all(life);
	read_wrapped(life);
	list(life);
	set_attribute(life);
	exchange(life);
	ask(life);
	did(life->lived, "fsync", usrbio_fsync(life->fd));
	all = life->stored[0] && life->stored[1] && life->stored[2];
	if (did(life->lived, "fstat", usrbio_fstat(life->fd, &st)) && all && st.size != SIZE)
		tell_wrong("the size is %llu", (unsigned long long)st.size);
}

static void with_rings(struct life *life)
{
	if (!did(life->lived, "iovcreate", hf3fs_iovcreate(&life->iov, life->mount, SIZE, 0, -1)))
		return;
	if (!did(life->lived, "iorcreate",
		 hf3fs_iorcreate4(&life->writer, life->mount, NR, false, 0, 0, -1, 0)))
		goto out_iov;
	if (!did(life->lived, "iorcreate",
		 hf3fs_iorcreate4(&life->reader, life->mount, NR, true, 0, 0, -1, 0)))
		goto out_writer;
	use(life);
	hf3fs_iordestroy(&life->reader);
out_writer:
	hf3fs_iordestroy(&life->writer);
out_iov:
	hf3fs_iovdestroy(&life->iov);
}

/* A symbolic link, with the file's attributes. Where a former life has left one, it goes. */
static void link_and_set(struct life *life)
{
	const struct timespec times[2] = {{1, 2}, {3, 4}};
	char url[URL_MAX], target[16], text[16];
	struct usrbio_stat st;
	int len;

	snprintf(url, sizeof(url), "%s/link", life->mount);
	snprintf(target, sizeof(target), "f%d", life->lived->number);
	len = usrbio_unlink(url);
	if (!did(life->lived, "unlink", len == -ENOENT ? 0 : len) ||
	    !did(life->lived, "symlink", usrbio_symlink(target, url)))
		return;
	len = usrbio_readlink(url, text, sizeof(text));
	if (did(life->lived, "readlink", len) &&
	    ((size_t)len != strlen(target) || strcmp(text, target)))
		tell_wrong("the link is to \"%.*s\"", len, text);
	/* By the link, which is followed, and by the open file. */
	if (did(life->lived, "chmod", usrbio_chmod(url, 0640)) &&
	    did(life->lived, "utimens", usrbio_futimens(life->fd, times)) &&
	    did(life->lived, "fstat", usrbio_fstat(life->fd, &st)) &&
	    ((st.mode & 0777) != 0640 || st.mtime_ns != 3000000004))
		tell_wrong("the mode is %o, the time %lld", st.mode, (long long)st.mtime_ns);
}

static bool live(struct lived *lived, void *arg)
{
	struct life life = {.lived = lived, .mount = arg};
	char url[URL_MAX];
	int err;

	snprintf(url, sizeof(url), "%s/f%d", life.mount, lived->number);
	life.fd = usrbio_open(url, O_RDWR | O_CREAT | O_TRUNC, 0644);
	if (!did(lived, "open", life.fd))
		return false;
	link_and_set(&life);
	err = hf3fs_reg_fd(life.fd, 0);
	if (did(lived, "reg_fd", err > 0 ? -err : 0)) {
		with_rings(&life);
		hf3fs_dereg_fd(life.fd);
	}
	did(lived, "close", usrbio_close(life.fd));
	return !lived->failed;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	return lives_until_well(live, argv[1], argc > 2 ? argv[2] : NULL);
}
