/*
 * An evil client guesses: keys behind those it was given itself, addresses of memory that the
 * server has. A queue pair is over with the first operation that is refused, so each takes a
 * connection, made by one of several threads, for one would mostly wait. What counts is what the
 * server's card was asked and did not do. What succeeds is a hit, and so is a trace of what was to
 * be written, wherever it is in the server's memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/must.h"
#include "tests/support/pattern.h"
#include "tests/evil/clients/evil.h"
#include "tests/peer/rdma/end.h"

enum {
	NR_GUESSES = 60,
	NR_GUESSES_LONG = 100000,
	NR_ATTACKERS = 4,
	KEYS_NEAR = 16, /* what they and the server register while one of them connects */
	LATER = 20,	/* one of so many guesses is made after the Welcome */
	NR_MAPS = 512,
};

static const char trace[] = "usrbio: a trace!";

struct map {
	uint64_t start, len;
};

struct guesses {
	const struct fixture *fixture;
	const char *name;
	unsigned long wanted;
	struct map maps[NR_MAPS]; /* of the server, what it may write */
	size_t nr_maps;
	uint64_t nr_bytes; /* of all of them */
	atomic_ulong nr_seeds, sent, refused, unanswered, flushed;
	atomic_uint hits;
};

/* ---- the server's memory ---- */

static void find_maps(struct guesses *g)
{
	unsigned long long start, end;
	char path[64], line[512], mode[8];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", g->fixture->pid);
	f = fopen(path, "re");
	must(f, "%s", path);
	g->nr_maps = g->nr_bytes = 0;
	while (g->nr_maps < NR_MAPS && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%llx-%llx %7s", &start, &end, mode) != 3 || mode[1] != 'w')
			continue;
		g->maps[g->nr_maps++] = (struct map){start, end - start};
		g->nr_bytes += end - start;
	}
	fclose(f);
	must(g->nr_maps, "the server has no memory");
}

static uint64_t guess_place(const struct guesses *g, uint64_t *random)
{
	uint64_t at = next_random(random) % g->nr_bytes / 64 * 64;
	const struct map *map = g->maps;

	while (at >= map->len)
		at -= map++->len;
	return map->start + at;
}

static unsigned count_traces(int mem, const struct map *map)
{
	static char bytes[1 << 20];
	unsigned n = 0;

	for (uint64_t at = 0; at < map->len; at += sizeof(bytes)) {
		size_t len = map->len - at < sizeof(bytes) ? map->len - at : sizeof(bytes);
		ssize_t got = pread(mem, bytes, len, (off_t)(map->start + at));
		const char *p = bytes, *end = bytes + (got > 0 ? got : 0);

		while ((p = memmem(p, (size_t)(end - p), trace, strlen(trace)))) {
			p += strlen(trace);
			n++;
		}
	}
	return n;
}

static unsigned find_traces(struct guesses *g)
{
	char path[64];
	unsigned n = 0;
	int mem;

	find_maps(g);
	snprintf(path, sizeof(path), "/proc/%d/mem", g->fixture->pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	must(mem >= 0, "%s: %s", path, strerror(errno));
	for (size_t i = 0; i < g->nr_maps; i++)
		n += count_traces(mem, &g->maps[i]);
	close(mem);
	return n;
}

/* ---- one guess ---- */

/* Cards number keys one after the other; below that soft-RoCE has eight random bits. */
static uint32_t guess_key(uint32_t own, uint64_t *random)
{
	uint32_t nth = (own >> 8) + 1 + (uint32_t)(next_random(random) % KEYS_NEAR);

	return nth << 8 | (next_random(random) & 0xff);
}

static struct rdma_op guess(const struct guesses *g, uint32_t own, uint64_t *random)
{
	static const struct rdma_op ops[] = {
		{.opcode = IBV_WR_RDMA_READ, .len = 8},
		{.opcode = IBV_WR_RDMA_READ, .len = 4096},
		{.opcode = IBV_WR_RDMA_WRITE, .len = 16, .data = trace},
		{.opcode = IBV_WR_RDMA_WRITE_WITH_IMM, .len = 16, .data = trace},
		{.opcode = IBV_WR_ATOMIC_FETCH_AND_ADD, .len = 8},
		{.opcode = IBV_WR_ATOMIC_CMP_AND_SWP, .len = 8},
		{.opcode = IBV_WR_SEND_WITH_INV, .len = 16},
	};
	struct rdma_op op = ops[next_random(random) % (sizeof(ops) / sizeof(*ops))];

	op.key = op.imm = guess_key(own, random);
	op.addr = guess_place(g, random);
	return op;
}

/* That a SEND arrives is no hit: then the server's card, or the server, ends the connection. */
static bool is_ended(struct rdma_end *end)
{
	while (!end->over)
		rdma_await(end);
	return true;
}

static void count(struct guesses *g, const struct rdma_op *op, enum ibv_wc_status status)
{
	switch (status) {
	case IBV_WC_SUCCESS:
		atomic_fetch_add(&g->hits, 1);
		printf("evil: client %s: a hit: opcode %d, %u bytes at %llx by key %x\n", g->name,
		       (int)op->opcode, op->len, (unsigned long long)op->addr, op->key);
		break;
	case IBV_WC_REM_ACCESS_ERR:
	case IBV_WC_REM_INV_REQ_ERR:
	case IBV_WC_REM_OP_ERR:
		atomic_fetch_add(&g->refused, 1);
		break;
	case IBV_WC_RETRY_EXC_ERR:
	case IBV_WC_RNR_RETRY_EXC_ERR:
		atomic_fetch_add(&g->unanswered, 1);
		break;
	default: /* it has not left: the connection was over before */
		atomic_fetch_add(&g->flushed, 1);
		return;
	}
	if (atomic_fetch_add(&g->sent, 1) % 1000 == 999 && g->fixture->thorough)
		printf("evil: client %s: %lu refused, %lu unanswered, %u hits\n", g->name,
		       g->refused, g->unanswered, g->hits);
}

static void try(struct guesses *g, struct rdma_end *end, uint64_t *random)
{
	struct rdma_op op = guess(g, end->mr->lkey, random);

	if (rdma_does(end, &op) && op.opcode == IBV_WR_SEND_WITH_INV && is_ended(end))
		end->status = IBV_WC_REM_INV_REQ_ERR;
	count(g, &op, end->status);
}

static void try_first(struct guesses *g, uint64_t *random)
{
	struct wire wire;

	wire_begin_to(&wire, g->fixture->url);
	wire_send_params(&wire);
	must(wire_take_params(&wire), "%s: no connect parameters", g->name);
	try(g, wire.rdma, random);
	wire_end(&wire);
}

static void try_later(struct guesses *g, uint64_t *random)
{
	struct evil e;

	evil_open(&e, g->fixture, g->name, STAGE_WELCOME);
	try(g, e.wire.rdma, random);
	evil_close(&e, NULL);
}

static void *attack(void *arg)
{
	struct guesses *g = arg;
	uint64_t random = atomic_fetch_add(&g->nr_seeds, 1) + 1;

	while (atomic_load(&g->sent) < g->wanted)
		if (next_random(&random) % LATER)
			try_first(g, &random);
		else
			try_later(g, &random);
	return NULL;
}

void tell_guesses(struct evil *e, const struct lie *lie)
{
	struct guesses g = {.fixture = e->fixture,
			    .name = e->name,
			    .wanted = e->fixture->thorough ? NR_GUESSES_LONG : NR_GUESSES};
	pthread_t attackers[NR_ATTACKERS];
	unsigned traces;

	find_maps(&g);
	for (int i = 0; i < NR_ATTACKERS; i++)
		must(!pthread_create(&attackers[i], NULL, attack, &g), "thread");
	for (int i = 0; i < NR_ATTACKERS; i++)
		pthread_join(attackers[i], NULL);
	traces = find_traces(&g);
	if (traces)
		escape(e, "the server's memory has %u traces", traces);
	e->escapes += atomic_load(&g.hits);
	printf("RESULT evil-rdma-reach operations=%lu refused=%lu unanswered=%lu flushed=%lu "
	       "hits=%u traces=%u\n",
	       g.sent, g.refused, g.unanswered, g.flushed, g.hits, traces);
	expect_file(e);
}
