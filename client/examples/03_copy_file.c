/*
 * Copy a file within a mount, eight blocks at a time.
 *
 *	cc 03_copy_file.c -lusrbio -o copy_file
 *	./copy_file tcp://127.0.0.1/data model.bin copy.bin
 *
 * It has two rings, because a ring has one direction. Both use one iov: a block is read into its
 * memory and written from there.
 */
#include "example.h"

#define DEPTH 8
#define BLOCK ((size_t)1 << 20)

static struct hf3fs_iov iov;
static struct hf3fs_ior reads, writes;

/* Submit n prepared I/Os and wait for all. The results come in the order of preparing. */
static void finish(const struct hf3fs_ior *ring, struct hf3fs_cqe *done, int n)
{
	check(hf3fs_submit_ios(ring), "submit");
	check(hf3fs_wait_for_ios(ring, done, n, n, NULL), "wait");
	for (int i = 0; i < n; i++)
		check(done[i].result, ring->for_read ? "read" : "write");
}

/* Read DEPTH blocks from `off` on, and write them. Returns the bytes copied; 0: end of the file. */
static uint64_t copy_batch(int from, int to, uint64_t off)
{
	struct hf3fs_cqe done[DEPTH];
	uint64_t copied = 0;
	int n = 0;

	for (size_t at = 0; at < DEPTH * BLOCK; at += BLOCK)
		check(hf3fs_prep_io(&reads, &iov, true, iov.base + at, from, off + at, BLOCK, NULL),
		      "prepare");
	finish(&reads, done, DEPTH);

	/* Only the end of the file makes a read short, so all bytes before it were read. */
	for (; n < DEPTH && done[n].result; n++) {
		uint64_t len = (uint64_t)done[n].result, at = (uint64_t)n * BLOCK;

		check(hf3fs_prep_io(&writes, &iov, false, iov.base + at, to, off + at, len, NULL),
		      "prepare");
		copied += len;
	}
	if (n)
		finish(&writes, done, n);
	return copied;
}

int main(int argc, char **argv)
{
	uint64_t off = 0, n;
	int from, to;

	if (argc != 4)
		return 2;
	from = open_file(argv[1], argv[2], O_RDONLY);
	to = open_file(argv[1], argv[3], O_WRONLY | O_CREAT | O_TRUNC);
	check(hf3fs_iovcreate(&iov, argv[1], DEPTH * BLOCK, 0, -1), "iov");
	check(hf3fs_iorcreate4(&reads, argv[1], DEPTH, true, 0, 0, -1, 0), "ring");
	check(hf3fs_iorcreate4(&writes, argv[1], DEPTH, false, 0, 0, -1, 0), "ring");

	while ((n = copy_batch(from, to, off)) > 0)
		off += n;
	printf("%llu bytes\n", (unsigned long long)off);

	hf3fs_iordestroy(&writes);
	hf3fs_iordestroy(&reads);
	hf3fs_iovdestroy(&iov);
	close_file(to);
	close_file(from);
	return 0;
}
