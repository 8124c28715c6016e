/*
 * What an I/O costs in instructions, client and server apart: many of them over the loop transport,
 * both sides taking turns in this one thread, so that callgrind counts the same each time.
 *
 * usage: valgrind --tool=callgrind --collect-atstart=no bench_cost client|server
 *
 * Counts the work of that side and dumps it after each kind of load, named "OP DEPTH IOS".
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <valgrind/callgrind.h>

#include "client/hf3fs_usrbio.h"
#include "client/base/progress.h"
#include "client/usrbio.h"
#include "tests/bench/cost/cost.h"

#define BLOCK	  4096
#define DEPTH_MAX 32
#define WARM_IOS  (8 * DEPTH_MAX)
#define IOS	  (64 * DEPTH_MAX)

enum side { CLIENT = 1, SERVER };

static enum side counted;
static struct hf3fs_iov iov;
static struct hf3fs_ior rings[2]; /* writes, reads */
static int fd;
static atomic_bool ready;

/* No progress thread: nothing here waits for what that would do. */
int __wrap_progress_add(struct task *task);
void __wrap_progress_wake(uint64_t when);

int __wrap_progress_add(struct task *task)
{
	return 0;
}

void __wrap_progress_wake(uint64_t when)
{
}

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "bench_cost: %s failed\n", what);
	_exit(1);
}

/* Connects: on a thread of its own, because it waits for the server, which is turned meanwhile. */
static void *set_up(void *unused)
{
	fd = usrbio_open(COST_MOUNT "?/file", O_RDWR, 0);
	must(fd >= 0, "usrbio_open");
	must(hf3fs_reg_fd(fd, 0) <= 0, "hf3fs_reg_fd");
	must(!hf3fs_iovcreate(&iov, COST_MOUNT, DEPTH_MAX * BLOCK, 0, -1), "hf3fs_iovcreate");
	for (int read = 0; read < 2; read++)
		must(!hf3fs_iorcreate4(&rings[read], COST_MOUNT, DEPTH_MAX, read, 0, 0, -1, 0),
		     "hf3fs_iorcreate4");
	atomic_store(&ready, true);
	return unused;
}

/* From here, and again from there on, the counters stand still, unless this side is asked for. */
static void toggle(enum side side)
{
	if (side == counted)
		CALLGRIND_TOGGLE_COLLECT;
}

static void submit(const struct hf3fs_ior *ring, unsigned depth)
{
	toggle(CLIENT);
	for (unsigned i = 0; i < depth; i++) {
		void *at = iov.base + (size_t)i * BLOCK;

		if (hf3fs_prep_io(ring, &iov, ring->for_read, at, fd, (size_t)i * BLOCK, BLOCK,
				  NULL) < 0)
			must(false, "hf3fs_prep_io");
	}
	must(!hf3fs_submit_ios(ring), "hf3fs_submit_ios");
	toggle(CLIENT);
}

/* As long as there is something to do, and one look more. */
static void serve(void)
{
	toggle(SERVER);
	while (cost_server_turn())
		;
	toggle(SERVER);
}

/* The client serves what the server wants to fetch. */
static void look(const struct hf3fs_ior *ring)
{
	struct hf3fs_cqe cqe;
	int n;

	toggle(CLIENT);
	n = hf3fs_wait_for_ios(ring, &cqe, 1, 0, NULL);
	toggle(CLIENT);
	must(!n, "a write without its data");
}

/* They are there: this does not wait. */
static void collect(const struct hf3fs_ior *ring, unsigned depth)
{
	struct hf3fs_cqe cqes[DEPTH_MAX];
	int n;

	toggle(CLIENT);
	n = hf3fs_wait_for_ios(ring, cqes, (int)depth, (int)depth, NULL);
	toggle(CLIENT);
	must(n == (int)depth, "hf3fs_wait_for_ios");
	for (int i = 0; i < n; i++)
		must(cqes[i].result == BLOCK, "an I/O");
}

static void run(const struct hf3fs_ior *ring, unsigned depth, unsigned ios)
{
	for (unsigned done = 0; done < ios; done += depth) {
		submit(ring, depth);
		serve();
		if (!ring->for_read) {
			look(ring);
			serve();
		}
		collect(ring, depth);
	}
}

static void measure(const char *op, const struct hf3fs_ior *ring, unsigned depth)
{
	char name[64];

	snprintf(name, sizeof(name), "%s %u %u", op, depth, IOS);
	run(ring, depth, WARM_IOS);
	CALLGRIND_ZERO_STATS;
	run(ring, depth, IOS);
	CALLGRIND_DUMP_STATS_AT(name);
}

int main(int argc, char **argv)
{
	pthread_t thread;

	must(argc == 2, "usage: bench_cost client|server: it");
	counted = strcmp(argv[1], "client") ? SERVER : CLIENT;
	must(!pthread_create(&thread, NULL, set_up, NULL), "pthread_create");
	while (!atomic_load(&ready))
		if (!cost_server_turn())
			sched_yield();
	pthread_join(thread, NULL);
	measure("read", &rings[1], 1);
	measure("read", &rings[1], DEPTH_MAX);
	measure("write", &rings[0], 1);
	measure("write", &rings[0], DEPTH_MAX);
	/* Nothing is taken down: that takes threads. */
	_exit(0);
}
