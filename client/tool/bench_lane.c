/* One thread of a benchmark: keeps `depth` I/Os under way on each of its rings. */
#include "client/tool/bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <hf3fs_usrbio.h>

#include "client/tool/tool.h"

struct slot {
	uint8_t *buf;
	uint64_t begin_ns;
};

struct bench_ring {
	struct hf3fs_ior ior;
	bool made;
	unsigned under_way;
};

struct load {
	struct bench_lane *lane;
	const struct bench_config *config;
	struct hf3fs_iov iov;
	struct bench_ring *rings;
	struct slot *slots;
	struct hf3fs_cqe *cqes;
	bool stopping;
};

/* xorshift64 */
static uint64_t draw(struct bench_lane *lane)
{
	lane->random ^= lane->random << 13;
	lane->random ^= lane->random >> 7;
	lane->random ^= lane->random << 17;
	return lane->random;
}

/* Where the next I/O goes; false when it is time to stop. */
static bool choose(struct load *load, uint64_t now, uint64_t *off)
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
	*off = n % config->nr_blocks * config->block;
	return now < config->end_ns;
}

static int begin(struct load *load, struct bench_ring *ring, struct slot *slot, uint64_t now)
{
	const struct bench_config *config = load->config;
	uint64_t off;
	int index;

	if (load->stopping || !choose(load, now, &off)) {
		load->stopping = true;
		return 0;
	}
	slot->begin_ns = now;
	index = hf3fs_prep_io(&ring->ior, &load->iov, !config->write, slot->buf, config->fd, off,
			      config->block, slot);
	if (index < 0)
		return index;
	ring->under_way++;
	return 0;
}

/* Count what a ring has to say and put new I/O in its place; how many, or -errno. */
static int turn(struct load *load, struct bench_ring *ring, int min)
{
	const struct bench_config *config = load->config;
	int n = hf3fs_wait_for_ios(&ring->ior, load->cqes, (int)config->depth, min, NULL);
	uint64_t now = now_ns();
	int err = 0;

	for (int i = 0; i < n && !err; i++) {
		struct slot *slot = (struct slot *)load->cqes[i].userdata;

		ring->under_way--;
		if (load->cqes[i].result != (int64_t)config->block)
			return load->cqes[i].result < 0 ? (int)load->cqes[i].result : -ENODATA;
		histogram_add(&load->lane->times, now - slot->begin_ns);
		err = begin(load, ring, slot, now);
	}
	if (n > 0 && !err)
		err = hf3fs_submit_ios(&ring->ior);
	return err ? err : n;
}

/* A round over all rings; sleeps on one of them only when none has anything. */
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

static int run(struct load *load)
{
	const struct bench_config *config = load->config;
	int err = 0;

	for (unsigned i = 0; i < config->rings && !err; i++) {
		struct bench_ring *ring = &load->rings[i];

		for (unsigned j = 0; j < config->depth && !err; j++)
			err = begin(load, ring, &load->slots[i * config->depth + j], now_ns());
		if (!err)
			err = hf3fs_submit_ios(&ring->ior);
	}
	while (!err && any_under_way(load)) {
		int n = round_of_turns(load);

		err = n < 0 ? n : 0;
	}
	return err;
}

static int open_load(struct load *load, struct bench_lane *lane)
{
	const struct bench_config *config = lane->run->config;
	unsigned n = config->depth * config->rings;
	int err;

	*load = (struct load){.lane = lane, .config = config};
	load->rings = calloc(config->rings, sizeof(*load->rings));
	load->slots = calloc(n, sizeof(*load->slots));
	load->cqes = calloc(config->depth, sizeof(*load->cqes));
	if (!load->rings || !load->slots || !load->cqes)
		return -ENOMEM;
	err = hf3fs_iovcreate(&load->iov, config->mount_point, n * config->block, 0, -1);
	for (unsigned i = 0; !err && i < config->rings; i++) {
		err = hf3fs_iorcreate4(&load->rings[i].ior, config->mount_point, (int)config->depth,
				       !config->write, 0, 0, -1, 0);
		load->rings[i].made = !err;
	}
	if (err)
		return err;
	for (unsigned i = 0; i < n; i++)
		load->slots[i].buf = load->iov.base + i * config->block;
	for (uint64_t i = 0; config->write && i + 8 <= n * config->block; i += 8) {
		uint64_t word = draw(lane);

		memcpy(load->iov.base + i, &word, sizeof(word));
	}
	return 0;
}

static void close_load(struct load *load)
{
	for (unsigned i = 0; load->rings && i < load->config->rings; i++) {
		if (load->rings[i].made)
			hf3fs_iordestroy(&load->rings[i].ior);
	}
	hf3fs_iovdestroy(&load->iov);
	free(load->rings);
	free(load->slots);
	free(load->cqes);
}

void *bench_lane_run(void *arg)
{
	struct bench_lane *lane = arg;
	struct load load;

	lane->err = open_load(&load, lane);
	if (!lane->err)
		lane->err = run(&load);
	close_load(&load);
	return NULL;
}
