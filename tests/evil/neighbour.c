/* The neighbour's thread owns ring, memory and file; what it counts is under the lock. */
#include "tests/evil/neighbour.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "client/hf3fs_usrbio.h"
#include "client/usrbio.h"
#include "tests/support/must.h"
#include "tests/support/pattern.h"
#include "tests/support/process.h"

enum { DEPTH = 4, PIECE = 12345 };

struct neighbour {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t counted;
	bool stop;
	unsigned rest_ms;
	uint64_t rounds, errors;
	struct hf3fs_ior reads, writes;
	struct hf3fs_iov iov;
	int fd;
};

static uint64_t transfer(struct neighbour *n, const struct hf3fs_ior *ior)
{
	struct hf3fs_cqe cqes[DEPTH];
	uint64_t errors = 0;

	for (int i = 0; i < DEPTH; i++)
		must(hf3fs_prep_io(ior, &n->iov, ior->for_read, n->iov.base + i * PIECE, n->fd,
				   (size_t)i * PIECE, PIECE, NULL) >= 0,
		     "prep_io");
	must(!hf3fs_submit_ios(ior), "submit_ios");
	must(hf3fs_wait_for_ios(ior, cqes, DEPTH, DEPTH, NULL) == DEPTH, "wait_for_ios");
	for (int i = 0; i < DEPTH; i++)
		errors += cqes[i].result != PIECE;
	return errors;
}

static void *work(void *arg)
{
	struct neighbour *n = arg;
	uint64_t errors = 0;

	for (uint64_t seed = 0;; seed++) {
		unsigned rest_ms;
		bool stop;

		pattern_fill(n->iov.base, DEPTH * PIECE, seed, 0);
		errors += transfer(n, &n->writes);
		memset(n->iov.base, 0, DEPTH * PIECE);
		errors += transfer(n, &n->reads);
		errors += pattern_diff(n->iov.base, DEPTH * PIECE, seed, 0) >= 0;
		pthread_mutex_lock(&n->lock);
		n->rounds++;
		n->errors = errors;
		stop = n->stop;
		rest_ms = n->rest_ms;
		pthread_cond_broadcast(&n->counted);
		pthread_mutex_unlock(&n->lock);
		if (stop)
			return NULL;
		if (rest_ms)
			nap_ms(rest_ms);
	}
}

struct neighbour *neighbour_start(const char *mount)
{
	struct neighbour *n = calloc(1, sizeof(*n));
	char url[512];

	must(n, "memory");
	pthread_mutex_init(&n->lock, NULL);
	pthread_cond_init(&n->counted, NULL);
	snprintf(url, sizeof(url), "%s/neighbour.%d", mount, getpid());
	n->fd = usrbio_open(url, O_RDWR | O_CREAT, 0644);
	must(n->fd >= 0 && hf3fs_reg_fd(n->fd, 0) <= 0, "%s: %d", url, n->fd);
	must(!hf3fs_iorcreate(&n->reads, mount, DEPTH, true, 0, -1), "iorcreate");
	must(!hf3fs_iorcreate(&n->writes, mount, DEPTH, false, 0, -1), "iorcreate");
	must(!hf3fs_iovcreate(&n->iov, mount, DEPTH * PIECE, 0, -1), "iovcreate");
	must(!pthread_create(&n->thread, NULL, work, n), "thread");
	neighbour_await(n);
	return n;
}

void neighbour_rest(struct neighbour *n, unsigned ms)
{
	pthread_mutex_lock(&n->lock);
	n->rest_ms = ms;
	pthread_mutex_unlock(&n->lock);
}

void neighbour_await(struct neighbour *n)
{
	uint64_t until;

	pthread_mutex_lock(&n->lock);
	until = n->rounds + 2; /* one may be under way */
	while (n->rounds < until)
		pthread_cond_wait(&n->counted, &n->lock);
	pthread_mutex_unlock(&n->lock);
}

uint64_t neighbour_stop(struct neighbour *n)
{
	uint64_t errors;

	pthread_mutex_lock(&n->lock);
	n->stop = true;
	pthread_mutex_unlock(&n->lock);
	pthread_join(n->thread, NULL);
	errors = n->errors;
	hf3fs_dereg_fd(n->fd);
	usrbio_close(n->fd);
	hf3fs_iordestroy(&n->reads);
	hf3fs_iordestroy(&n->writes);
	hf3fs_iovdestroy(&n->iov);
	pthread_cond_destroy(&n->counted);
	pthread_mutex_destroy(&n->lock);
	free(n);
	return errors;
}
