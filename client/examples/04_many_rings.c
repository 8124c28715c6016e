/*
 * Read a file with four threads, each with a ring of its own, into one iov.
 *
 *	cc 04_many_rings.c -lusrbio -lpthread -o many_rings
 *	./many_rings tcp://127.0.0.1/data model.bin >copy.bin
 *
 * The iov and the registered descriptor belong to the process, and all threads use them. Only one
 * thread may prepare and submit I/Os of a ring. Another one may wait on it, but a ring for each
 * thread is simplest.
 */
#include <pthread.h>

#include "example.h"

#define THREADS 4
#define DEPTH	16
#define BLOCK	((size_t)128 << 10)

struct part {
	pthread_t thread;
	const char *mount_point;
	const struct hf3fs_iov *iov;
	int fd;
	uint64_t begin, end; /* offsets in the file, and the same offsets in the iov */
};

static void *read_part(void *arg)
{
	const struct part *part = arg;
	struct hf3fs_cqe done[DEPTH];
	uint64_t next = part->begin;
	struct hf3fs_ior ring;
	int under_way = 0, n;

	check(hf3fs_iorcreate4(&ring, part->mount_point, DEPTH, true, 0, 0, -1, 0), "ring");
	while (next < part->end || under_way) {
		while (next < part->end && under_way < DEPTH) {
			uint64_t left = part->end - next, len = left < BLOCK ? left : BLOCK;

			check(hf3fs_prep_io(&ring, part->iov, true, part->iov->base + next,
					    part->fd, next, len, NULL),
			      "prepare");
			next += len;
			under_way++;
		}
		check(hf3fs_submit_ios(&ring), "submit");
		n = (int)check(hf3fs_wait_for_ios(&ring, done, DEPTH, 1, NULL), "wait");
		for (int i = 0; i < n; i++)
			check(done[i].result, "read");
		under_way -= n;
	}
	hf3fs_iordestroy(&ring);
	return NULL;
}

int main(int argc, char **argv)
{
	struct part parts[THREADS];
	struct usrbio_stat st;
	struct hf3fs_iov iov;
	uint64_t share;
	int fd;

	if (argc != 3)
		return 2;
	fd = open_file(argv[1], argv[2], O_RDONLY);
	check(usrbio_fstat(fd, &st), "fstat");
	check(hf3fs_iovcreate(&iov, argv[1], st.size + 1, 0, -1), "iov");
	share = st.size / THREADS;

	for (int i = 0; i < THREADS; i++) {
		parts[i] = (struct part){.mount_point = argv[1], .iov = &iov, .fd = fd};
		parts[i].begin = (uint64_t)i * share;
		parts[i].end = i == THREADS - 1 ? st.size : parts[i].begin + share;
		check(-pthread_create(&parts[i].thread, NULL, read_part, &parts[i]), "thread");
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(parts[i].thread, NULL);
	fwrite(iov.base, 1, st.size, stdout);

	hf3fs_iovdestroy(&iov);
	close_file(fd);
	return fflush(stdout) != 0;
}
