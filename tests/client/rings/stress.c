/*
 * Many rings and threads over one connection: rings, iovs and files made and destroyed per
 * transfer, waited for by leaders, followers and nobody, with wrapped memory evicted under them.
 * Now and then the connection is cut, and the server forgets the session: nobody may notice.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#define THREADS	   6
#define COLLECTORS 4

static struct rig rig;
static _Atomic unsigned done, lost;
static unsigned rounds = 60;

static void count(const struct hf3fs_cqe *cqes, int n, uint64_t len)
{
	for (int i = 0; i < n; i++) {
		must(cqes[i].result == (int64_t)len || cqes[i].result == -EREMOTEIO ||
		     cqes[i].result == -ESTALE);
		atomic_fetch_add(cqes[i].result < 0 ? &lost : &done, 1);
	}
}

static void transfer(unsigned seed, int fd)
{
	struct hf3fs_iov made, wrapped, *iov;
	int depth = (int)(seed % 3) - 1, n = 8, timeout = 0;
	uint8_t id[16] = {(uint8_t)(seed % 5)};
	char *memory = malloc(8192);
	struct hf3fs_cqe cqes[16];
	struct hf3fs_ior ior;
	int got = 0, step;

	if (seed % 5 < 2) { /* an incomplete batch at the end, which a timer sends */
		depth = -3;
		timeout = 1;
	}
	must(!hf3fs_iorcreate3(&ior, rig.server.mount, 8, seed % 2, depth, (int)(seed % 3) - 1,
			       timeout, -1));
	must(!hf3fs_iovcreate(&made, rig.server.mount, 8192, 0, -1));
	must(!hf3fs_iovwrap(&wrapped, memory, id, rig.server.mount, 8192, 0, -1));
	iov = seed % 4 < 2 ? &made : &wrapped;
	for (int i = 0; i < n; i++)
		must(hf3fs_prep_io(&ior, iov, seed % 2, iov->base + i * 1024, fd,
				   (uint64_t)i * 1024, 1024, NULL) >= 0);
	must(!hf3fs_submit_ios(&ior));
	while (got < n && seed % 7) {
		int min = (int)(seed % 3);

		step = hf3fs_wait_for_ios(&ior, cqes, 16, min < n - got ? min : n - got, NULL);
		must(step >= 0);
		count(cqes, step, 1024);
		got += step;
	}
	if (!(seed % 11))
		hf3fs_iovdestroy(&made);
	hf3fs_iordestroy(&ior);
	hf3fs_iovdestroy(&made);
	/* Let go of the range before it is freed. */
	must(!hf3fs_iovwrap(&wrapped, rig.iov.base, id, rig.server.mount, 4096, 0, -1));
	free(memory);
}

static void *work(void *arg)
{
	unsigned seed = *(unsigned *)arg;

	for (unsigned i = 0; i < rounds; i++) {
		int fd = rig_open(&rig);

		for (int k = 0; k < 4; k++)
			transfer(seed++ * 2654435761u >> 7, fd);
		rig_close(fd);
	}
	return NULL;
}

static _Atomic unsigned collected;

/* One ring, prepared by one thread, collected by others that ask for different numbers at once. */
static void *collect(void *arg)
{
	int min = *(int *)arg, n;
	struct hf3fs_cqe cqes[64];

	while ((n = hf3fs_wait_for_ios(&rig.reads, cqes, 64, min, NULL)) >= min) {
		count(cqes, n, 64);
		atomic_fetch_add(&collected, (unsigned)n);
		if (!min)
			sched_yield();
	}
	must(n == -EINVAL);
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned seeds[THREADS], total = 3000;
	int mins[COLLECTORS] = {0, 1, 2, 5};
	pthread_t threads[THREADS], collectors[COLLECTORS];

	if (argc > 1)
		rounds = (unsigned)atoi(argv[1]);
	rig.server.cut_every = 300;
	rig_start(&rig, 64, 0, 0);
	for (unsigned i = 0; i < THREADS; i++) {
		seeds[i] = i * 1000;
		pthread_create(&threads[i], NULL, work, &seeds[i]);
	}
	for (unsigned i = 0; i < COLLECTORS; i++)
		pthread_create(&collectors[i], NULL, collect, &mins[i]);
	for (unsigned n = 0; n < total;) {
		n += rig_prep(&rig, &rig.reads, 0, 64) >= 0;
		must(!hf3fs_submit_ios(&rig.reads));
	}
	rig_until(atomic_load(&collected) == total);
	hf3fs_iordestroy(&rig.reads); /* ends those who wait for more */
	for (unsigned i = 0; i < COLLECTORS; i++)
		pthread_join(collectors[i], NULL);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	rig_stop(&rig);
	printf("%u I/Os done, %u failed, %u connections resumed\n", atomic_load(&done),
	       atomic_load(&lost), atomic_load(&rig.server.nr_resumed));
	return atomic_load(&lost) || !atomic_load(&rig.server.nr_resumed);
}
