/*
 * Copy a file within a mount, eight blocks at a time.
 *
 *	cc copy_file.c -lusrbio -o copy_file
 *	./copy_file tcp://127.0.0.1/data model.bin copy.bin
 *
 * Two rings, because a ring has one direction; one iov for both: what a read brings in is written
 * out from the same memory.
 */
#include <fcntl.h>
#include <hf3fs_usrbio.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <usrbio.h>

#define DEPTH 8
#define BLOCK ((size_t)1 << 20)

static struct hf3fs_iov iov;
static struct hf3fs_ior reads, writes;

/* Open a file of the mount and make it known to the rings. A descriptor or -errno. */
static int open_file(const char *mount_point, const char *name, int flags)
{
	char path[4096];
	int fd, err;

	snprintf(path, sizeof(path), "%s/%s", mount_point, name);
	fd = usrbio_open(path, flags, 0644);
	if (fd < 0)
		return fd;
	err = hf3fs_reg_fd(fd, 0); /* the one call that returns +errno */
	if (err > 0) {
		usrbio_close(fd);
		return -err;
	}
	return fd;
}

static void close_file(int fd)
{
	if (fd < 0)
		return;
	hf3fs_dereg_fd(fd);
	usrbio_close(fd);
}

/* Send off the n I/Os prepared and wait for all. 0, or the first error among the results. */
static int64_t finish(const struct hf3fs_ior *ring, struct hf3fs_cqe *done, int n)
{
	int err = hf3fs_submit_ios(ring);

	if (!err)
		err = hf3fs_wait_for_ios(ring, done, DEPTH, n, NULL);
	for (int i = 0; i < n && err >= 0; i++) {
		if (done[i].result < 0)
			return done[i].result;
	}
	return err < 0 ? err : 0;
}

/* Read DEPTH blocks from off on, then write what came. Bytes copied, 0 at the end, or -errno. */
static int64_t copy_batch(int from, int to, uint64_t off)
{
	struct hf3fs_cqe done[DEPTH];
	int64_t copied = 0, err;
	int nr_writes = 0, slot;

	for (int i = 0; i < DEPTH; i++) {
		uint8_t *block = iov.base + i * BLOCK;

		slot = hf3fs_prep_io(&reads, &iov, true, block, from, off + i * BLOCK, BLOCK,
				     block);
		if (slot < 0)
			return slot;
	}
	err = finish(&reads, done, DEPTH);
	if (err)
		return err;

	for (int i = 0; i < DEPTH; i++) {
		const uint8_t *block = done[i].userdata; /* which of the reads this was */
		uint64_t len = (uint64_t)done[i].result, at = (uint64_t)(block - iov.base);

		if (!len) /* behind the end of the file */
			continue;
		slot = hf3fs_prep_io(&writes, &iov, false, iov.base + at, to, off + at, len, NULL);
		if (slot < 0)
			return slot;
		nr_writes++;
		copied += (int64_t)len;
	}
	err = nr_writes ? finish(&writes, done, nr_writes) : 0;
	return err ? err : copied;
}

static int64_t copy(int from, int to)
{
	uint64_t off = 0;
	int64_t n;

	while ((n = copy_batch(from, to, off)) > 0)
		off += (uint64_t)n;
	return n < 0 ? n : (int64_t)off;
}

static int64_t run(const char *mount_point, const char *source, const char *target)
{
	int from = -1, to = -1;
	int64_t result;

	/* A failure leaves the struct alone: zeroed here, and destroying it is harmless. */
	result = hf3fs_iovcreate(&iov, mount_point, DEPTH * BLOCK, 0, -1);
	if (!result)
		result = hf3fs_iorcreate4(&reads, mount_point, DEPTH, true, 0, 0, -1, 0);
	if (!result)
		result = hf3fs_iorcreate4(&writes, mount_point, DEPTH, false, 0, 0, -1, 0);
	if (!result)
		result = from = open_file(mount_point, source, O_RDONLY);
	if (result >= 0)
		result = to = open_file(mount_point, target, O_WRONLY | O_CREAT | O_TRUNC);
	if (result >= 0)
		result = copy(from, to);

	close_file(to);
	close_file(from);
	hf3fs_iordestroy(&writes);
	hf3fs_iordestroy(&reads);
	hf3fs_iovdestroy(&iov);
	return result;
}

int main(int argc, char **argv)
{
	int64_t result;

	if (argc != 4) {
		fprintf(stderr, "usage: copy_file MOUNT_POINT SOURCE TARGET\n");
		return 2;
	}
	result = run(argv[1], argv[2], argv[3]);
	if (result < 0) {
		fprintf(stderr, "copy_file: %s\n", strerror((int)-result));
		return 1;
	}
	printf("%lld bytes\n", (long long)result);
	return 0;
}
