/*
 * A checkpoint writer: many tensors of odd sizes are queued one after the other, and are sent in
 * the background.
 *
 *	cc 08_checkpoint.c -lusrbio -o checkpoint
 *	./checkpoint tcp://127.0.0.1/data model.ckpt 64
 *
 * With io_depth -1 each I/O is sent as soon as it is submitted, and does not wait for others. The
 * ring is large enough for the whole checkpoint, so that preparing never fails.
 */
#include "example.h"

#define ENTRIES 4096

static size_t size_of(int tensor)
{
	return 1000 + (size_t)tensor * 4093 % 300000;
}

int main(int argc, char **argv)
{
	int tensors, fd, left;
	size_t total = 0, at = 0;
	struct hf3fs_iov iov;
	struct hf3fs_ior ring;
	struct hf3fs_cqe done[64];

	if (argc != 4 || (tensors = atoi(argv[3])) < 1 || tensors > ENTRIES)
		return 2;
	for (int i = 0; i < tensors; i++)
		total += size_of(i);
	fd = open_file(argv[1], argv[2], O_WRONLY | O_CREAT | O_TRUNC);
	check(hf3fs_iovcreate(&iov, argv[1], total, 0, -1), "iov");
	check(hf3fs_iorcreate4(&ring, argv[1], ENTRIES, false, -1, 0, -1, 0), "ring");

	for (int i = 0; i < tensors; at += size_of(i++)) {
		memset(iov.base + at, i, size_of(i)); /* stands for the result of a training step */
		check(hf3fs_prep_io(&ring, &iov, false, iov.base + at, fd, at, size_of(i), NULL),
		      "prepare");
		check(hf3fs_submit_ios(&ring), "submit");
	}
	for (left = tensors; left;) {
		int n = (int)check(hf3fs_wait_for_ios(&ring, done, 64, 1, NULL), "wait");

		for (int i = 0; i < n; i++)
			check(done[i].result, "write");
		left -= n;
	}
	check(usrbio_fsync(fd), "fsync"); /* the checkpoint is complete when it is on the disk */
	printf("%zu bytes\n", total);

	hf3fs_iordestroy(&ring);
	hf3fs_iovdestroy(&iov);
	close_file(fd);
	return 0;
}
