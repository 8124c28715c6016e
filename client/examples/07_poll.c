/*
 * An event loop that never blocks in the library, and looks for completions between other work.
 *
 *	cc 07_poll.c -lusrbio -o poll
 *	./poll tcp://127.0.0.1/data model.bin
 *
 * With min_results 0, hf3fs_wait_for_ios drives the connection and returns the completions that are
 * there. userdata tells to which I/O a completion belongs: here it points to the block.
 */
#include <sched.h>

#include "example.h"

#define DEPTH 32
#define BLOCK ((size_t)4096)

struct block {
	uint8_t *memory;
	uint64_t off;
};

static struct hf3fs_iov iov;
static struct hf3fs_ior ring;

static void start(struct block *block, int fd, uint64_t off)
{
	block->off = off;
	check(hf3fs_prep_io(&ring, &iov, true, block->memory, fd, off, BLOCK, block), "prepare");
}

static uint64_t sum_of(const uint8_t *bytes, int64_t len)
{
	uint64_t sum = 0;

	for (int64_t i = 0; i < len; i++)
		sum += bytes[i];
	return sum;
}

int main(int argc, char **argv)
{
	struct block blocks[DEPTH];
	struct hf3fs_cqe done[DEPTH];
	uint64_t next = 0, sum = 0, len = 0, other_work = 0;
	int under_way = DEPTH, fd, n;

	if (argc != 3)
		return 2;
	fd = open_file(argv[1], argv[2], O_RDONLY);
	check(hf3fs_iovcreate(&iov, argv[1], DEPTH * BLOCK, BLOCK, -1), "iov");
	check(hf3fs_iorcreate4(&ring, argv[1], DEPTH, true, 0, 0, -1, 0), "ring");

	for (int i = 0; i < DEPTH; i++, next += BLOCK) {
		blocks[i].memory = iov.base + (size_t)i * BLOCK;
		start(&blocks[i], fd, next);
	}
	while (under_way) {
		check(hf3fs_submit_ios(&ring), "submit");
		n = (int)check(hf3fs_wait_for_ios(&ring, done, DEPTH, 0, NULL), "look");
		for (int i = 0; i < n; i++) {
			struct block *block = (struct block *)(uintptr_t)done[i].userdata;

			len += (uint64_t)check(done[i].result, "read");
			sum += sum_of(block->memory, done[i].result);
			if (done[i].result == (int64_t)BLOCK) {
				start(block, fd, next);
				next += BLOCK;
			} else {
				under_way--; /* the end of the file: do not use this block again */
			}
		}
		other_work++; /* the other work of the program */
		sched_yield();
	}
	printf("%llu bytes, sum %llu\n", (unsigned long long)len, (unsigned long long)sum);
	fprintf(stderr, "%llu turns of the loop\n", (unsigned long long)other_work);

	hf3fs_iordestroy(&ring);
	hf3fs_iovdestroy(&iov);
	close_file(fd);
	return 0;
}
