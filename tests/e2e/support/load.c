/*
 * Load. Each thread overwrites its file with the pattern of the round, reads it back and counts
 * the round; what is counted is under the lock.
 */
#include "tests/e2e/support/load.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>

#include "tests/e2e/support/io.h"
#include "tests/support/must.h"
#include "tests/support/pattern.h"

enum { WAVE = 4, PIECE = 12345 };

struct worker {
	pthread_t thread;
	struct load *load;
	struct hf3fs_ior reads, writes;
	struct hf3fs_iov iov;
	int fd;
	uint64_t rounds; /* under load->lock */
};

struct load {
	pthread_mutex_t lock;
	pthread_cond_t counted;
	bool stop;
	int nr;
	struct worker workers[];
};

static void transfer(struct worker *w, const struct hf3fs_ior *ior)
{
	struct hf3fs_cqe cqes[WAVE];

	for (int i = 0; i < WAVE; i++)
		ring_prep(ior, &w->iov, w->iov.base + i * PIECE, w->fd, i * PIECE, PIECE, NULL);
	ring_submit(ior);
	ring_wait(ior, cqes, WAVE);
	for (int i = 0; i < WAVE; i++)
		must(cqes[i].result == PIECE, "load: %ld", (long)cqes[i].result);
}

static void do_round(struct worker *w, uint64_t seed)
{
	pattern_fill(w->iov.base, WAVE * PIECE, seed, 0);
	transfer(w, &w->writes);
	memset(w->iov.base, 0, WAVE * PIECE);
	transfer(w, &w->reads);
	must(pattern_diff(w->iov.base, WAVE * PIECE, seed, 0) < 0, "load: content");
}

static bool count_round(struct worker *w)
{
	struct load *load = w->load;
	bool stop;

	pthread_mutex_lock(&load->lock);
	w->rounds++;
	stop = load->stop;
	pthread_cond_broadcast(&load->counted);
	pthread_mutex_unlock(&load->lock);
	return !stop;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	uint64_t seed = (uint64_t)(w - w->load->workers) << 32;

	do
		do_round(w, seed++);
	while (count_round(w));
	return NULL;
}

static void prepare(struct worker *w, const char *mount, const char *name)
{
	char url[1024];

	snprintf(url, sizeof(url), "%s/%s%d", mount, name, (int)(w - w->load->workers));
	w->fd = file_reg(url, O_RDWR | O_CREAT);
	ring_make(&w->reads, mount, true, WAVE);
	ring_make(&w->writes, mount, false, WAVE);
	iov_make(&w->iov, mount, WAVE * PIECE);
}

struct load *load_start(const char *mount, const char *name, int nr_threads)
{
	struct load *load = calloc(1, sizeof(*load) + nr_threads * sizeof(*load->workers));

	must(load, "memory");
	load->nr = nr_threads;
	pthread_mutex_init(&load->lock, NULL);
	pthread_cond_init(&load->counted, NULL);
	for (int i = 0; i < nr_threads; i++) {
		load->workers[i].load = load;
		prepare(&load->workers[i], mount, name);
	}
	for (int i = 0; i < nr_threads; i++)
		must(!pthread_create(&load->workers[i].thread, NULL, work, &load->workers[i]),
		     "thread");
	load_await(load);
	return load;
}

void load_await(struct load *load)
{
	pthread_mutex_lock(&load->lock);
	for (int i = 0; i < load->nr; i++) {
		/* One may be under way. */
		uint64_t until = load->workers[i].rounds + 2;

		while (load->workers[i].rounds < until)
			pthread_cond_wait(&load->counted, &load->lock);
	}
	pthread_mutex_unlock(&load->lock);
}

void load_stop(struct load *load)
{
	pthread_mutex_lock(&load->lock);
	load->stop = true;
	pthread_mutex_unlock(&load->lock);
	for (int i = 0; i < load->nr; i++) {
		struct worker *w = &load->workers[i];

		pthread_join(w->thread, NULL);
		file_unreg(w->fd);
		hf3fs_iordestroy(&w->reads);
		hf3fs_iordestroy(&w->writes);
		hf3fs_iovdestroy(&w->iov);
	}
	pthread_cond_destroy(&load->counted);
	pthread_mutex_destroy(&load->lock);
	free(load);
}
