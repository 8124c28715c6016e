/* The ring API in the few shapes the tests need. No state but the mount point given by default. */
#include "tests/e2e/support/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/must.h"
#include "tests/support/pattern.h"
#include "tests/e2e/support/target.h"

enum { CHUNK = 1 << 20 };

void ring_make(struct hf3fs_ior *ior, const char *mount, bool for_read, int entries)
{
	int err = hf3fs_iorcreate4(ior, mount ? mount : e2e_mount, entries, for_read, 0, 0, -1, 0);

	must(!err, "iorcreate4: %d", err);
}

void iov_make(struct hf3fs_iov *iov, const char *mount, size_t size)
{
	int err = hf3fs_iovcreate(iov, mount ? mount : e2e_mount, size, 0, -1);

	must(!err, "iovcreate of %zu bytes: %d", size, err);
}

int file_reg(const char *url, int flags)
{
	int fd = usrbio_open(url, flags, 0644), err;

	must(fd >= 0, "usrbio_open of %s: %d", url, fd);
	err = hf3fs_reg_fd(fd, 0);
	must(err <= 0, "reg_fd of %s: %d", url, err);
	return fd;
}

void file_unreg(int fd)
{
	hf3fs_dereg_fd(fd);
	must(!usrbio_close(fd), "usrbio_close");
}

int ring_prep(const struct hf3fs_ior *ior, const struct hf3fs_iov *iov, void *ptr, int fd,
	      uint64_t off, uint64_t len, const void *userdata)
{
	int slot = hf3fs_prep_io(ior, iov, ior->for_read, ptr, fd, off, len, userdata);

	must(slot >= 0 && slot < hf3fs_io_entries(ior), "prep_io: %d", slot);
	return slot;
}

void ring_submit(const struct hf3fs_ior *ior)
{
	int err = hf3fs_submit_ios(ior);

	must(!err, "submit_ios: %d", err);
}

void ring_wait(const struct hf3fs_ior *ior, struct hf3fs_cqe *cqes, int n)
{
	int got = hf3fs_wait_for_ios(ior, cqes, n, n, NULL);

	must(got == n, "waited for %d, got %d", n, got);
}

int64_t ring_io(const struct hf3fs_ior *ior, const struct hf3fs_iov *iov, void *ptr, int fd,
		uint64_t off, uint64_t len)
{
	struct hf3fs_cqe cqe = {.index = -1};
	int slot = ring_prep(ior, iov, ptr, fd, off, len, &cqe);

	ring_submit(ior);
	ring_wait(ior, &cqe, 1);
	must(cqe.index == slot, "index %d of slot %d", cqe.index, slot);
	must(cqe.userdata == &cqe, "another one's userdata");
	return cqe.result;
}

struct timespec deadline_in(int ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += ms / 1000;
	ts.tv_nsec += ms % 1000 * 1000000L;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	return ts;
}

/* One transfer through the library, for files of another machine. */
static int64_t transfer(const char *name, bool read, void *buf, size_t len, uint64_t off)
{
	int fd = file_reg(url_of(name), read ? O_RDONLY : O_WRONLY | O_CREAT);
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	int64_t result;

	ring_make(&ior, NULL, read, 1);
	iov_make(&iov, NULL, len);
	if (!read)
		memcpy(iov.base, buf, len);
	result = ring_io(&ior, &iov, iov.base, fd, off, len);
	if (read && result > 0)
		memcpy(buf, iov.base, result);
	hf3fs_iovdestroy(&iov);
	hf3fs_iordestroy(&ior);
	file_unreg(fd);
	return result;
}

static int64_t transfer_here(const char *name, bool read, void *buf, size_t len, uint64_t off)
{
	int fd = open(path_of(name), (read ? O_RDONLY : O_WRONLY | O_CREAT) | O_CLOEXEC, 0644);
	ssize_t n;

	must(fd >= 0, "%s: %s", name, strerror(errno));
	n = read ? pread(fd, buf, len, off) : pwrite(fd, buf, len, off);
	close(fd);
	return n;
}

void file_write(const char *name, const void *buf, size_t len, uint64_t off)
{
	int64_t n = (e2e_dir ? transfer_here : transfer)(name, false, (void *)buf, len, off);

	must(n == (int64_t)len, "%s: wrote %ld of %zu", name, (long)n, len);
}

void file_read(const char *name, void *buf, size_t len, uint64_t off)
{
	int64_t n = (e2e_dir ? transfer_here : transfer)(name, true, buf, len, off);

	must(n == (int64_t)len, "%s: read %ld of %zu at %lu", name, (long)n, len, off);
}

uint64_t file_size(const char *name)
{
	struct usrbio_stat st;
	struct stat here;

	if (e2e_dir) {
		must(!stat(path_of(name), &here), "%s", name);
		return here.st_size;
	}
	must(!usrbio_stat(url_of(name), &st), "%s", name);
	return st.size;
}

void file_make(const char *name, uint64_t seed, uint64_t size)
{
	uint64_t off = 0;
	char *buf = malloc(CHUNK);
	size_t n;

	must(buf, "memory");
	do {
		n = size - off < CHUNK ? size - off : CHUNK;
		pattern_fill(buf, n, seed, off);
		if (n || e2e_dir)
			file_write(name, buf, n, off);
		off += n;
	} while (off < size);
	free(buf);
}

void file_check(const char *name, uint64_t seed, uint64_t off, uint64_t len)
{
	char *buf = malloc(CHUNK);
	ssize_t at;
	size_t n;

	must(buf, "memory");
	for (; len; off += n, len -= n) {
		n = len < CHUNK ? len : CHUNK;
		file_read(name, buf, n, off);
		at = pattern_diff(buf, n, seed, off);
		must(at < 0, "%s differs at %lu", name, off + at);
	}
	free(buf);
}

void file_check_zero(const char *name, uint64_t off, uint64_t len)
{
	char *buf = malloc(CHUNK);
	ssize_t at;
	size_t n;

	must(buf, "memory");
	for (; len; off += n, len -= n) {
		n = len < CHUNK ? len : CHUNK;
		file_read(name, buf, n, off);
		at = bytes_diff(buf, n, 0);
		must(at < 0, "%s is not zero at %lu", name, off + at);
	}
	free(buf);
}
