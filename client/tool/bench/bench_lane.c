/*
 * One thread of a benchmark, which keeps `depth` I/Os under way on each of its rings. The run owns
 * the lane; its own thread uses it.
 */
#include "client/tool/bench/bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <hf3fs_usrbio.h>

#include "client/tool/base/tool.h"
#include "common/base/clock.h"

struct load {
	struct bench_lane *lane;
	const struct bench_config *config;
	struct hf3fs_iov iov;
	void *memory; /* the wrapped memory; NULL: iov has its own */
	struct bench_ring *rings;
	struct bench_io *ios;
	struct hf3fs_cqe *cqes;
	bool stopping; /* no new I/Os begin */
};

/* Draw a random number by xorshift64. */
static uint64_t draw(struct bench_lane *lane)
{
	lane->random ^= lane->random << 13;
	lane->random ^= lane->random >> 7;
	lane->random ^= lane->random << 17;
	return lane->random;
}

/* Choose file and offset of the next I/O. False: it is time to stop, after at least one I/O. */
static bool choose(struct load *load, uint64_t now, struct bench_io *io, uint64_t *off)
{
	const struct bench_config *config = load->config;
	uint64_t n = 0;

	if (config->limit || !config->random) {
		n = atomic_fetch_add_explicit(&load->lane->run->next, 1, memory_order_relaxed);
		if (config->limit && n >= config->limit)
			return false;
	}
	if (config->random)
		n = draw(load->lane);
	io->file = &config->files[n / config->nr_blocks % config->nr_files];
	*off = n % config->nr_blocks * config->block;
	return now < config->end_ns || !load->lane->times.total;
}

/* Prepare the next I/O, unless it is time to stop. 0 or -errno. */
static int begin(struct load *load, struct bench_ring *ring, struct bench_io *io, uint64_t now)
{
	const struct bench_config *config = load->config;
	uint64_t off;
	int err;

	if (load->stopping || !choose(load, now, io, &off)) {
		load->stopping = true;
		return 0;
	}
	io->begin_ns = now;
	io->iov = &load->iov;
	if (config->own != OWN_FILE)
		io->fd = io->file->fd;
	err = bench_own(config, ring, io);
	if (err)
		return err;
	err = hf3fs_prep_io(&ring->ior, io->iov, !config->write, io->buf, io->fd, off,
			    config->block, io);
	if (err < 0)
		return err;
	ring->under_way++;
	return 0;
}

/*
 * End an I/O and measure its time, including the end of the objects that were made for it. Returns
 * the time when it ended.
 */
static uint64_t end(struct load *load, struct bench_ring *ring, struct bench_io *io, uint64_t now)
{
	ring->under_way--;
	bench_disown(load->config, ring, io);
	if (load->config->own != OWN_NOTHING)
		now = now_ns();
	histogram_add(&load->lane->times, now - io->begin_ns);
	return now;
}

/* Take the completions of a ring, at least min, and start as many I/Os. Their number or -errno. */
static int turn(struct load *load, struct bench_ring *ring, int min)
{
	const struct bench_config *config = load->config;
	int n = hf3fs_wait_for_ios(&ring->ior, load->cqes, (int)config->depth, min, NULL);
	uint64_t now = now_ns();
	int err = 0;

	for (int i = 0; i < n && !err; i++) {
		struct bench_io *io = (struct bench_io *)load->cqes[i].userdata;

		if (load->cqes[i].result != (int64_t)config->block)
			return load->cqes[i].result < 0 ? (int)load->cqes[i].result : -ENODATA;
		now = end(load, ring, io, now);
		err = begin(load, ring, io, now);
	}
	if (ring->under_way && !err)
		err = hf3fs_submit_ios(&ring->ior);
	return err ? err : n;
}

/* Serve all rings once; sleep on one of them only if none has completions. */
static int round_of_turns(struct load *load)
{
	struct bench_ring *busy = NULL;
	unsigned nr = load->config->rings;
	int got = 0;

	for (unsigned i = 0; i < nr; i++) {
		struct bench_ring *ring = &load->rings[i];
		int n = 0;

		if (nr > 1 && ring->under_way)
			n = turn(load, ring, 0);
		if (n < 0)
			return n;
		got += n;
		if (ring->under_way)
			busy = ring;
	}
	return got || !busy ? got : turn(load, busy, 1);
}

static bool any_under_way(const struct load *load)
{
	for (unsigned i = 0; i < load->config->rings; i++) {
		if (load->rings[i].under_way)
			return true;
	}
	return false;
}

/* Start all I/Os, and serve the rings until no I/O is under way. 0 or -errno. */
static int run(struct load *load)
{
	const struct bench_config *config = load->config;
	int err = 0;

	for (unsigned i = 0; i < config->rings && !err; i++) {
		struct bench_ring *ring = &load->rings[i];

		for (unsigned j = 0; j < config->depth && !err; j++)
			err = begin(load, ring, &load->ios[i * config->depth + j], now_ns());
		if (!err && ring->under_way)
			err = hf3fs_submit_ios(&ring->ior);
	}
	while (!err && any_under_way(load)) {
		int n = round_of_turns(load);

		err = n < 0 ? n : 0;
	}
	return err;
}

/* Get one memory for all I/Os. 0 or -errno. */
static int get_memory(struct load *load, size_t size)
{
	const char *mount_point = load->config->mount_point;
	uint64_t id[2] = {draw(load->lane), draw(load->lane)};

	if (load->config->own != OWN_WRAP)
		return hf3fs_iovcreate(&load->iov, mount_point, size, 0, -1);
	load->memory = aligned_alloc(4096, (size + 4095) / 4096 * 4096);
	if (!load->memory)
		return -ENOMEM;
	return hf3fs_iovwrap(&load->iov, load->memory, (const uint8_t *)id, mount_point, size, 0,
			     -1);
}

static int open_rings(struct load *load)
{
	const struct bench_config *config = load->config;
	int err = 0;

	if (config->own == OWN_RING || config->own == OWN_IOV)
		return 0;
	for (unsigned i = 0; !err && i < config->rings; i++)
		err = hf3fs_iorcreate4(&load->rings[i].ior, config->mount_point, (int)config->depth,
				       !config->write, 0, 0, -1, 0);
	return err;
}

static int open_load(struct load *load, struct bench_lane *lane)
{
	const struct bench_config *config = lane->run->config;
	unsigned n = config->depth * config->rings;
	int err;

	*load = (struct load){.lane = lane, .config = config};
	load->rings = calloc(config->rings, sizeof(*load->rings));
	load->ios = calloc(n, sizeof(*load->ios));
	load->cqes = calloc(config->depth, sizeof(*load->cqes));
	if (!load->rings || !load->ios || !load->cqes)
		return -ENOMEM;
	err = get_memory(load, n * config->block);
	if (!err)
		err = open_rings(load);
	if (err)
		return err;
	for (unsigned i = 0; i < n; i++) {
		load->ios[i].buf = load->iov.base + i * config->block;
		load->ios[i].fd = -1;
	}
	for (uint64_t i = 0; config->write && i + 8 <= n * config->block; i += 8) {
		uint64_t word = draw(lane);

		memcpy(load->iov.base + i, &word, sizeof(word));
	}
	return 0;
}

static void close_load(struct load *load)
{
	const struct bench_config *config = load->config;

	/* Destroy the rings first, because that ends the I/Os that are still under way. */
	for (unsigned i = 0; load->rings && i < config->rings; i++)
		hf3fs_iordestroy(&load->rings[i].ior);
	for (unsigned i = 0; load->ios && i < config->rings * config->depth; i++)
		bench_disown(config, &load->rings[i / config->depth], &load->ios[i]);
	hf3fs_iovdestroy(&load->iov);
	free(load->memory);
	free(load->rings);
	free(load->ios);
	free(load->cqes);
}

void *bench_lane_run(void *arg)
{
	struct bench_lane *lane = arg;
	struct load load;

	lane->err = open_load(&load, lane);
	pthread_barrier_wait(&lane->run->meet);
	pthread_barrier_wait(&lane->run->meet);
	if (!lane->err)
		lane->err = run(&load);
	pthread_barrier_wait(&lane->run->meet);
	pthread_barrier_wait(&lane->run->meet);
	close_load(&load);
	return NULL;
}
