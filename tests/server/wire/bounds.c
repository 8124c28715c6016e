/* What clients may take of a server, by many connections, many files, many calls, and large I/O. */
#include <criterion/criterion.h>
#include <errno.h>
#include <semaphore.h>
#include <string.h>

#include "fixture.h"
#include "server/calls/calls.h"
#include "common/base/list.h"
#include "server/base/job_threads.h"
#include "server/worker/server_impl.h"

#define RW  (OPEN_READ | OPEN_WRITE | OPEN_CREATE)
#define MIB ((uint64_t)1 << 20)

/* Room for clients, beside what the server takes itself: very little. */
static const struct server_config small = {.nr_workers = 1,
					   .staging_mib = 1,
					   .memory_mib = 36,
					   .session_ms = 1,
					   .keepalive_ms = SERVER_OFF};

static void each_scheme(const struct server_config *config, void (*body)(struct server *server))
{
	for (size_t i = 0; i < 2; i++) {
		struct server *server = fixture_start(schemes[i], config);
		const size_t before = atomic_load(&server->budget.used);

		body(server);
		/* All is given back when the sessions have ended. */
		while (atomic_load(&server->budget.used) != before)
			;
		server_stop(server);
	}
}

struct limit_pair {
	uint64_t used, max;
};

/* A limit of the n-th row of limits: those of the worker, of its connections, of the server. */
static struct limit_pair limit_of(struct peer *peer, unsigned n, enum limit which)
{
	struct call call = {.op = CALL_COUNTERS};

	do {
		cr_assert_eq(peer_call(peer, &call), 0);
		for (size_t i = 0; i < peer->heard.reply.nr_types; i++)
			if (peer->heard.types[i] == COUNTED_LIMITS && !n--) {
				const uint64_t *row =
					peer->heard.counts + i * peer->heard.reply.counts_width;

				return (struct limit_pair){row[2 * which], row[2 * which + 1]};
			}
		call.off = peer->heard.reply.next;
	} while (call.off);
	cr_assert(false, "no such row");
	return (struct limit_pair){0};
}

static bool is_in_bounds(const struct server *server)
{
	return atomic_load(&server->budget.used) <= server->budget.max;
}

Test(bounds, too_little_memory_is_refused_at_the_start)
{
	static const struct export_config export = {.name = "null", .where = "null:1G"};
	struct listen_config listen = {.scheme = "tcp", .host = "127.0.0.1"};
	struct server_config config = {
		.exports = &export,
		.nr_exports = 1,
		.listens = &listen,
		.nr_listens = 1,
		.nr_workers = 2,
		.staging_mib = 32,
		.memory_mib = 64,
	};
	struct server *server;

	cr_assert_eq(server_start(&config, &server), -ENOMEM);
	config.memory_mib = 128;
	cr_assert_eq(server_start(&config, &server), 0);
	cr_assert_eq(server->own_bytes + server->budget.max, 128 * MIB);
	server_stop(server);
}

/* What the server takes itself does not raise what clients have to leave free. */
Test(bounds, large_staging_buffers_leave_clients_their_memory)
{
	const struct server_config config = {
		.nr_workers = 1, .staging_mib = 128, .memory_mib = 162};
	struct server *server = fixture_start("tcp", &config);
	struct peer peer;

	fixture_open(&peer, server, "memory");
	peer_close(&peer);
	server_stop(server);
}

/* 0: welcomed. */
static int try_to_enter(struct peer *peer, struct server *server)
{
	const struct hello hello = peer_new_hello("memory");

	if (!fixture_try(peer, server))
		return -ECONNRESET;
	peer_say_hello(peer, &hello);
	peer_until(peer, peer->heard.nr_welcomes || peer->link.closed);
	if (!peer->heard.nr_welcomes)
		return -ECONNRESET;
	if (!peer->heard.welcome.status)
		peer_add_region(peer, 0, 0, PEER_MEMORY, ACCESS_READ | ACCESS_WRITE);
	return peer->heard.welcome.status;
}

static void memory_body(struct server *server)
{
	enum { N = 64 };
	static struct peer peers[N];
	int n = 0, status;

	while (!(status = try_to_enter(&peers[n], server)))
		cr_assert_lt(++n, N, "there is an end to it");
	cr_assert_eq(status, -EUSERS, "%d", status);
	peer_close(&peers[n]);
	cr_assert_gt(n, 2);
	cr_assert(is_in_bounds(server));
	/* All that are in go on. */
	for (int i = 0; i < n; i++) {
		uint64_t file = peer_open_file(&peers[i], "f", RW);

		cr_assert_eq(peer_io(&peers[i], IO_WRITE, file, 0, MIB, 0), (int64_t)MIB);
	}
	/* Two go, and one may come: those inside have taken a little more since they entered. */
	peer_close(&peers[--n]);
	peer_close(&peers[--n]);
	do {
		status = try_to_enter(&peers[n], server);
		if (status)
			peer_close(&peers[n]);
	} while (status);
	for (int i = 0; i <= n; i++)
		peer_close(&peers[i]);
}

Test(bounds, memory_for_connections_has_an_end_and_those_inside_go_on)
{
	each_scheme(&small, memory_body);
}

static void silent_body(struct server *server)
{
	enum { N = 200 };
	static struct peer peers[N], polite;
	int n = 0;

	while (fixture_try(&peers[n], server))
		cr_assert_lt(++n, N, "there is an end to it");
	peer_close(&peers[n]);
	cr_assert_gt(n, 2);
	cr_assert(is_in_bounds(server));
	while (try_to_enter(&polite, server))
		peer_close(&polite);
	peer_open_file(&polite, "f", RW);
	peer_close(&polite);
	for (int i = 0; i < n; i++)
		peer_close(&peers[i]);
}

Test(bounds, the_silent_do_not_keep_others_out)
{
	struct server_config config = small;

	config.hello_ms = 600000;
	each_scheme(&config, silent_body);
}

/* One id has all that it may have. Connections without a Hello take nothing of that. */
static void strangers_body(struct server *server)
{
	enum { N = 64, MANY = 100 };
	static struct peer peers[N], silent[MANY];
	int n = 0;

	while (!try_to_enter(&peers[n], server))
		cr_assert_lt(++n, N, "there is an end to it");
	peer_close(&peers[n]);
	for (int i = 0; i < MANY; i++)
		fixture_try(&silent[i], server);
	for (int i = 0; i < n; i++)
		cr_assert_eq(
			peer_call(&peers[i], &(struct call){.op = CALL_STAT, .path = text("")}), 0);
	for (int i = 0; i < MANY; i++)
		peer_close(&silent[i]);
	for (int i = 0; i < n; i++)
		peer_close(&peers[i]);
}

Test(bounds, those_inside_lose_nothing_to_the_silent)
{
	struct server_config config = small;

	config.hello_ms = 600000;
	each_scheme(&config, strangers_body);
}

/* They have all the connections there may be, at each worker, and say nothing. */
static void all_silent_body(struct server *server)
{
	struct peer silent[6], talking[6];

	for (int i = 0; i < 6; i++)
		fixture_connect(&silent[i], server);
	for (int i = 0; i < 6; i++)
		while (try_to_enter(&talking[i], server))
			peer_close(&talking[i]);
	for (int i = 0; i < 6; i++) {
		peer_close(&silent[i]);
		peer_close(&talking[i]);
	}
}

Test(bounds, the_silent_do_not_have_all_connections)
{
	const struct server_config config = {.nr_workers = 3,
					     .staging_mib = 1,
					     .max_connections = 6,
					     .hello_ms = 600000,
					     .session_ms = 1};

	each_scheme(&config, all_silent_body);
}

static void files_body(struct server *server)
{
	enum { FEW = 300 };
	const struct call call = {.op = CALL_OPEN, .path = text("f"), .flags = RW};
	struct peer greedy, polite;
	uint64_t first[FEW];
	int status;
	size_t used;

	fixture_open(&greedy, server, "memory");
	fixture_open(&polite, server, "memory");
	for (int i = 0; i < FEW; i++)
		first[i] = peer_open_file(&greedy, "f", RW);
	do {
		status = peer_call(&greedy, &call);
	} while (!status);
	cr_assert_eq(status, -ENOMEM);
	cr_assert(is_in_bounds(server));
	cr_assert_eq(peer_call(&greedy, &(struct call){.op = CALL_STAT, .file = first[0]}), 0);
	/* It has left something to others. */
	used = atomic_load(&server->budget.used);
	for (int i = 0; i < 100; i++)
		peer_open_file(&polite, "f", RW);
	cr_assert_gt(atomic_load(&server->budget.used), used);
	cr_assert_gt(limit_of(&polite, 1, LIMIT_FILES).used, 1000, "the greedy one's");
	cr_assert_eq(limit_of(&polite, 1, LIMIT_FILES).max, FILES_MAX);
	cr_assert_eq(limit_of(&polite, 2, LIMIT_FILES).used, 100);
	/* And what it gives back it may take again, but for what others have taken meanwhile. */
	for (int i = 0; i < FEW; i++)
		cr_assert_eq(peer_call(&greedy, &(struct call){.op = CALL_CLOSE, .file = first[i]}),
			     0);
	do {
		status = peer_call(&greedy, &call);
	} while (status);
	peer_close(&greedy);
	peer_close(&polite);
}

Test(bounds, memory_for_files_is_shared_out)
{
	each_scheme(&small, files_body);
}

/* Stands on a thread for calls until it is let go. */
struct gate {
	struct job job;
	sem_t standing, open;
};

static void stand(struct job *job)
{
	struct gate *gate = container_of(job, struct gate, job);

	sem_post(&gate->standing);
	while (sem_wait(&gate->open))
		;
}

static void calls_body(struct server *server)
{
	static uint64_t range[2 * RANGES_MAX]; /* empty ones: 16 KB that do nothing */
	struct gate gates[SERVER_CALL_THREADS];
	struct peer greedy, polite;
	uint64_t file, polite_file;
	size_t before;

	fixture_open(&greedy, server, "memory");
	fixture_open(&polite, server, "memory");
	file = peer_open_file(&greedy, "f", RW);
	polite_file = peer_open_file(&polite, "f", RW);
	before = atomic_load(&server->budget.used);
	for (int i = 0; i < SERVER_CALL_THREADS; i++) {
		gates[i].job.run = stand;
		sem_init(&gates[i].standing, 0, 0);
		sem_init(&gates[i].open, 0, 0);
		job_threads_run(server->exports.list[0].calls, NULL, &gates[i].job);
		sem_wait(&gates[i].standing);
	}
	for (uint32_t i = 0; i < 1000; i++) {
		const struct call call = {
			.tag = i, .op = CALL_PUNCH, .file = file, .range = range, .nr_ranges = 990};

		peer_send(&greedy, &(struct message){.type = MSG_CALL, .call = call});
	}
	/* Nothing has been done yet, so those that are answered have been refused. */
	peer_until(&greedy, greedy.heard.nr_replies > 1);
	cr_assert_eq(greedy.heard.reply.status, -ENOMEM);
	cr_assert(is_in_bounds(server));
	cr_assert_eq(peer_io(&polite, IO_WRITE, polite_file, 0, MIB, 0), (int64_t)MIB);
	for (int i = 0; i < SERVER_CALL_THREADS; i++)
		sem_post(&gates[i].open);
	peer_until(&greedy, greedy.heard.nr_replies == 1001);
	cr_assert_not(greedy.link.closed);
	/* They are given back, but for the last answer of each slot, which is remembered. */
	while (atomic_load(&server->budget.used) >
	       before + CALL_SLOTS * sizeof(struct pending_call))
		;
	cr_assert_eq(peer_call(&greedy, &(struct call){.op = CALL_STAT, .file = file}), 0);
	peer_close(&greedy);
	peer_close(&polite);
}

Test(bounds, memory_for_calls_has_an_end)
{
	each_scheme(&small, calls_body);
}

/*
 * As many I/Os as it may, of as many bytes as there are: what they take is what was reserved for
 * the connection, and the staging buffers that any connection may hold at most.
 */
Test(bounds, bytes_under_way_do_not_grow_with_what_is_asked_for)
{
	const struct server_config config = {.nr_workers = 1, .keepalive_ms = SERVER_OFF};
	struct server *server = fixture_start("tcp", &config);
	struct peer greedy, polite;
	struct peer_io ios[BATCH_MAX];
	struct limit_pair staging;
	uint64_t file;
	size_t used;

	fixture_open(&greedy, server, "null");
	fixture_open(&polite, server, "null");
	/* It has a word for far more memory than it has. */
	greedy.regions[1] = (uintptr_t)greedy.memory;
	peer_send(&greedy, &(struct message){.type = MSG_REGION_ADD,
					     .region_add = {.region = 1,
							    .key = greedy.link.mem->key,
							    .base = (uintptr_t)greedy.memory,
							    .size = 1024 * MIB,
							    .access = ACCESS_WRITE}});
	file = peer_open_file(&greedy, "f", OPEN_READ);
	used = atomic_load(&server->budget.used);
	for (uint32_t i = 0; i < SERVER_MAX_INFLIGHT; i++) {
		ios[i % BATCH_MAX] =
			(struct peer_io){.tag = i, .region = 1, .file = file, .len = 1024 * MIB};
		if (i % BATCH_MAX == BATCH_MAX - 1)
			peer_submit(&greedy, IO_READ, PRIORITY_NORMAL, ios, BATCH_MAX);
	}
	/* It takes nothing: all that it may have goes to it. */
	do {
		staging = limit_of(&polite, 1, LIMIT_STAGING);
		cr_assert_eq(staging.max, 16 * MIB);
		cr_assert_leq(staging.used, staging.max);
	} while (staging.used < staging.max);
	cr_assert_eq(limit_of(&polite, 1, LIMIT_INFLIGHT).used, SERVER_MAX_INFLIGHT);
	file = peer_open_file(&polite, "f", OPEN_READ);
	for (int i = 0; i < 100; i++)
		cr_assert_geq(peer_io(&polite, IO_READ, file, 0, MIB, 0), (int64_t)MIB);
	cr_assert_eq(limit_of(&polite, 1, LIMIT_STAGING).used, 16 * MIB);
	cr_assert_leq(limit_of(&polite, 0, LIMIT_STAGING).used, 32 * MIB);
	cr_assert_leq(atomic_load(&server->budget.used), used + 4096, "a file is open more");
	peer_close(&polite);
	peer_close(&greedy);
	server_stop(server);
}

static void told_body(struct server *server)
{
	struct peer peer;
	struct limit_pair pair;

	fixture_open(&peer, server, "memory");
	peer_open_file(&peer, "f", RW);
	peer_open_file(&peer, "f", RW);
	pair = limit_of(&peer, 1, LIMIT_FILES);
	cr_assert(pair.used == 2 && pair.max == 9);
	pair = limit_of(&peer, 1, LIMIT_REGIONS);
	cr_assert(pair.used == 1 && pair.max == REGIONS_MAX);
	pair = limit_of(&peer, 1, LIMIT_INFLIGHT);
	cr_assert(!pair.used && pair.max == 8);
	pair = limit_of(&peer, 1, LIMIT_CALLS);
	cr_assert(pair.used == 1 && pair.max > 1, "this one");
	pair = limit_of(&peer, 0, LIMIT_STAGING);
	cr_assert(!pair.used && pair.max > MIB / 2 && pair.max <= MIB);
	pair = limit_of(&peer, 0, LIMIT_HANDSHAKES);
	cr_assert(!pair.used && pair.max);
	pair = limit_of(&peer, 2, LIMIT_CONNECTIONS);
	cr_assert(pair.used == 1 && pair.max == 7);
	pair = limit_of(&peer, 2, LIMIT_SESSIONS);
	cr_assert(pair.used == 1 && pair.max == 6);
	pair = limit_of(&peer, 2, LIMIT_MEMORY);
	cr_assert(pair.used > 19 * MIB && pair.max == 50 * MIB);
	cr_assert_eq(peer_drop(&peer, 0), 0);
	cr_assert_eq(limit_of(&peer, 1, LIMIT_REGIONS).used, 0);
	peer_close(&peer);
}

Test(bounds, all_limits_are_told)
{
	const struct server_config config = {
		.nr_workers = 1,
		.staging_mib = 1,
		.memory_mib = 50,
		.max_connections = 7,
		.max_sessions = 6,
		.max_inflight = 8,
		.max_files = 9,
		.session_ms = 1,
	};

	each_scheme(&config, told_body);
}
