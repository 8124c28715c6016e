/* CALL_COUNTERS over the wire: what is counted, for whom, and how the list comes in pieces. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "fixture.h"

enum { SIZE = 5000, READS = 7, ROWS_MAX = 512 };

struct row {
	uint32_t type;
	bool named; /* as the first row is: worker "0" */
	uint64_t n[NR_COUNTS];
};

static struct row table[ROWS_MAX];
static size_t nr_rows;

static int ask(struct peer *peer, uint64_t off)
{
	return peer_call(peer, &(struct call){.op = CALL_COUNTERS, .off = off});
}

static void take_rows(const struct peer *peer)
{
	const char *name = (const char *)peer->heard.names;

	cr_assert_eq(peer->heard.reply.counts_width, NR_COUNTS);
	for (size_t i = 0; i < peer->heard.reply.nr_types; i++, name += strlen(name) + 1) {
		struct row *row = &table[nr_rows++];

		cr_assert_leq(nr_rows, ROWS_MAX);
		row->type = peer->heard.types[i];
		row->named = !strcmp(name, "0");
		memcpy(row->n, peer->heard.counts + i * NR_COUNTS, sizeof(row->n));
	}
}

/* The whole list into `table`; how many answers it took. */
static unsigned ask_all(struct peer *peer)
{
	uint64_t off = 0;
	unsigned answers = 0;

	nr_rows = 0;
	do {
		cr_assert_eq(ask(peer, off), 0);
		cr_assert(!peer->heard.reply.next || peer->heard.reply.next > off, "it only grows");
		off = peer->heard.reply.next;
		take_rows(peer);
		answers++;
	} while (off);
	return answers;
}

static uint64_t sum(uint32_t type, enum count which)
{
	uint64_t total = 0;

	for (size_t i = 0; i < nr_rows; i++)
		total += table[i].type == type ? table[i].n[which] : 0;
	return total;
}

static size_t rows_of(uint32_t type)
{
	size_t n = 0;

	for (size_t i = 0; i < nr_rows; i++)
		n += table[i].type == type;
	return n;
}

/* A write, some reads in one batch, and two I/Os that are refused. */
static void work(struct peer *peer)
{
	uint64_t file = peer_open_file(peer, "f", OPEN_READ | OPEN_WRITE | OPEN_CREATE);
	struct peer_io ios[READS];

	cr_assert_eq(peer_io(peer, IO_WRITE, file, 0, SIZE, 0), SIZE);
	for (uint32_t i = 0; i < READS; i++)
		ios[i] = (struct peer_io){
			.tag = 10 + i, .file = file, .len = SIZE, .region_off = SIZE * (1 + i)};
	peer_submit(peer, IO_READ, PRIORITY_NORMAL, ios, READS);
	for (uint32_t i = 0; i < READS; i++)
		peer_until(peer, peer->results[10 + i] != NO_RESULT);
	cr_assert_eq(peer_io(peer, IO_READ, file + 1, 0, 1, 0), -ESTALE);
	cr_assert_eq(peer_io(peer, IO_READ, file, 0, 1, PEER_MEMORY), -EINVAL);
}

static void check_work(uint32_t type, const struct peer *peer)
{
	cr_assert_eq(sum(type, COUNT_READS), READS);
	cr_assert_eq(sum(type, COUNT_READ_BYTES), READS * SIZE);
	cr_assert_eq(sum(type, COUNT_WRITES), 1);
	cr_assert_eq(sum(type, COUNT_WRITTEN_BYTES), SIZE);
	cr_assert_eq(sum(type, COUNT_ERRORS), 2);
	cr_assert_eq(sum(type, COUNT_BATCHES), 4);
	cr_assert_eq(sum(type, COUNT_ENTRIES), READS + 3);
	cr_assert_eq(sum(type, COUNT_POSTS), READS + 1);
	cr_assert_eq(sum(type, COUNT_STAGED_BYTES) + sum(type, COUNT_DIRECT_BYTES),
		     (READS + 1) * SIZE);
	cr_assert_eq(sum(type, COUNT_IMMEDIATES), peer->nr_imms);
	cr_assert_eq(sum(type, COUNT_RESULTS), READS + 3 - peer->nr_imms);
	cr_assert_eq(sum(type, COUNT_COMPLETIONS), peer->nr_batches);
}

static void exact_body(struct server *server)
{
	struct peer peer, other;

	fixture_open(&peer, server, "memory");
	fixture_open(&other, server, "memory");
	work(&peer);
	ask_all(&other);
	cr_assert_eq(rows_of(COUNTED_WORKER), 2);
	cr_assert(table[0].type == COUNTED_WORKER && table[0].named);
	cr_assert_eq(rows_of(COUNTED_CONNECTION), 2);
	check_work(COUNTED_WORKER, &peer);
	check_work(COUNTED_CONNECTION, &peer);
	/* An open, and the other one's calls about the workers; that about ids is not counted yet.
	 */
	cr_assert_eq(sum(COUNTED_CONNECTION, COUNT_CALLS), 3);
	/* Hello, region, open, four batches; and of the other one hello, region, two calls. */
	cr_assert_eq(sum(COUNTED_CONNECTION, COUNT_MESSAGES_IN), 11);
	cr_assert_eq(sum(COUNTED_CONNECTION, COUNT_DOORBELLS), 0, "of workers only");
	cr_assert_gt(sum(COUNTED_WORKER, COUNT_DOORBELLS), 0);
	cr_assert_gt(sum(COUNTED_WORKER, COUNT_POLLS), 0);
	cr_assert_gt(sum(COUNTED_WORKER, COUNT_TURNS), 0);
	cr_assert_eq(sum(COUNTED_WORKER, COUNT_CONNECTIONS), 2);
	cr_assert_eq(rows_of(COUNTED_LIMITS), 2 + 2 + 1, "workers, connections, the server");
	cr_assert_eq(rows_of(COUNTED_ID), 1, "both come from the same machine");
	cr_assert_eq(sum(COUNTED_ID, (enum count)ID_CONNECTIONS), 2);
	cr_assert_eq(sum(COUNTED_ID, (enum count)ID_SESSIONS), 2);
	cr_assert_eq(sum(COUNTED_ID, (enum count)ID_FILES), 1);
	cr_assert_eq(sum(COUNTED_ID, (enum count)ID_INFLIGHT_BYTES), 0);
	/* What a connection counted outlives it. */
	peer_close(&peer);
	do {
		ask_all(&other);
	} while (rows_of(COUNTED_CONNECTION) == 2);
	check_work(COUNTED_WORKER, &peer);
	cr_assert_eq(sum(COUNTED_CONNECTION, COUNT_READS), 0);
	peer_close(&other);
}

static void each_scheme(unsigned workers, void (*body)(struct server *server))
{
	for (size_t i = 0; i < 2; i++) {
		/* Pings would be counted, too. */
		struct server_config config = {.nr_workers = workers, .keepalive_ms = SERVER_OFF};
		struct server *server = fixture_start(schemes[i], &config);

		body(server);
		server_stop(server);
	}
}

Test(counters, count_what_happened)
{
	each_scheme(2, exact_body);
}

/* On a busy machine the read may be over too early; then the case is repeated. */
static void inflight_body(struct server *server)
{
	const struct peer_io io = {.tag = 10, .len = SIZE};
	struct peer peer, other;
	bool seen = false;

	fixture_open(&peer, server, "slow");
	fixture_open(&other, server, "memory");
	while (!seen) {
		struct peer_io once = io;
		uint64_t bytes;

		once.file = peer_open_file(&peer, "f", OPEN_READ | OPEN_WRITE | OPEN_CREATE);
		peer.results[10] = NO_RESULT;
		peer_submit(&peer, IO_READ, PRIORITY_NORMAL, &once, 1);
		do {
			ask_all(&other);
			bytes = sum(COUNTED_ID, (enum count)ID_INFLIGHT_BYTES);
			cr_assert(!bytes || bytes == SIZE);
			seen |= bytes;
			peer_step(&peer);
		} while (peer.results[10] == NO_RESULT);
	}
	do {
		ask_all(&other);
	} while (sum(COUNTED_ID, (enum count)ID_INFLIGHT_BYTES));
	peer_close(&peer);
	peer_close(&other);
}

Test(counters, tell_the_bytes_under_way_of_an_id)
{
	each_scheme(2, inflight_body);
}

static void pieces_body(struct server *server)
{
	enum { PEERS = 100 };
	static struct peer peers[PEERS];

	for (int i = 0; i < PEERS; i++) {
		fixture_connect(&peers[i], server);
		cr_assert_eq(peer_hello(&peers[i], "null"), 0);
		/* As many calls as its number: how to tell them apart. */
		for (int j = 0; j < i; j++)
			peer_call(&peers[i], &(struct call){.op = CALL_STAT});
	}
	cr_assert_gt(ask_all(&peers[0]), 1, "one answer is bounded");
	cr_assert_eq(rows_of(COUNTED_WORKER), 1);
	cr_assert_eq(rows_of(COUNTED_CONNECTION), PEERS);
	for (unsigned i = 1; i < PEERS; i++) {
		unsigned found = 0;

		for (size_t j = 0; j < nr_rows; j++)
			found += table[j].type == COUNTED_CONNECTION &&
				 table[j].n[COUNT_MESSAGES_OUT] == 1 + i;
		cr_assert_eq(found, 1, "connection %u came %u times", i, found);
	}
	for (int i = 0; i < PEERS; i++)
		peer_close(&peers[i]);
}

Test(counters, come_in_pieces_each_connection_once)
{
	each_scheme(1, pieces_body);
}

static void refused_body(struct server *server)
{
	struct hello hello = hello_new("null", "peer");
	struct peer peer;

	hello.features = FEATURE_IMM;
	fixture_open(&peer, server, "null");
	cr_assert_eq(ask(&peer, 4ull << 48), -EINVAL, "no such worker");
	cr_assert_eq(ask(&peer, UINT64_MAX), -EINVAL);
	peer_close(&peer);
	/* Who did not offer the feature has no business asking. */
	fixture_connect(&peer, server);
	cr_assert_eq(peer_hello_as(&peer, &hello), 0);
	cr_assert_eq(peer.heard.welcome.features, FEATURE_IMM);
	cr_assert_eq(ask(&peer, 0), -ENOTCONN);
	peer_close(&peer);
}

Test(counters, are_for_those_who_agreed_on_them)
{
	each_scheme(3, refused_body);
}

/* Asks of workers without connections of their own, under way while the server stops. */
static void stop_while_asked(const char *scheme)
{
	const struct server_config config = {.nr_workers = 3, .staging_mib = 1};
	struct server *server = fixture_start(scheme, &config);
	struct peer peer;

	fixture_open(&peer, server, "null");
	for (uint32_t i = 0; i < 12; i++)
		peer_send(&peer, &(struct message){.type = MSG_CALL,
						   .call = {.tag = i,
							    .op = CALL_COUNTERS,
							    .off = (1ull + i % 2) << 48}});
	server_stop(server);
	peer_close(&peer);
}

Test(counters, asking_does_not_keep_a_server_from_stopping)
{
	for (int round = 0; round < 100; round++)
		stop_while_asked("loop");
	/* A second each: nobody here answers the server's farewell. */
	stop_while_asked("tcp");
}
