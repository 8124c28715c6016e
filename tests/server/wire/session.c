/* Hellos good and bad, sessions, limits, and peers that break the protocol. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "fixture.h"

#define RW (OPEN_READ | OPEN_WRITE | OPEN_CREATE)

static struct hello good(const char *export)
{
	struct hello hello = hello_new(export, "peer");

	hello.features = ~0ull;
	return hello;
}

static void welcome_body(struct server *server)
{
	struct peer peer;
	struct hello hello = good("readonly");
	uint64_t boot;

	hello.max_inflight = 77;
	fixture_connect(&peer, server);
	cr_assert_eq(peer_hello_as(&peer, &hello), 0);
	cr_assert_eq(peer.heard.welcome.version, PROTO_VERSION);
	cr_assert_eq(peer.heard.welcome.features, FEATURE_IMM | FEATURE_COUNTERS);
	cr_assert_eq(peer.heard.welcome.max_inflight, 77);
	cr_assert_eq(peer.heard.welcome.max_regions, REGIONS_MAX);
	cr_assert_eq(peer.heard.welcome.max_files, FILES_MAX);
	cr_assert_eq(peer.heard.welcome.export_flags, EXPORT_READ_ONLY);
	boot = peer.heard.welcome.boot_id;
	peer_close(&peer);
	hello = good("memory");
	hello.max_inflight = 1u << 30;
	fixture_connect(&peer, server);
	cr_assert_eq(peer_hello_as(&peer, &hello), 0);
	cr_assert_eq(peer.heard.welcome.max_inflight, SERVER_MAX_INFLIGHT);
	cr_assert_eq(peer.heard.welcome.export_flags, 0);
	cr_assert_eq(peer.heard.welcome.boot_id, boot);
	peer_close(&peer);
}

Test(session, welcome_says_the_limits)
{
	fixture_each_scheme(welcome_body, NULL);
}

static void refused(struct server *server, const struct hello *hello, int status, const char *text)
{
	struct peer peer;

	fixture_connect(&peer, server);
	cr_assert_eq(peer_hello_as(&peer, hello), status);
	cr_assert(strstr(peer.heard.text, text), "%s", peer.heard.text);
	peer_until(&peer, peer.link.closed);
	peer_close(&peer);
}

static void refusals_body(struct server *server)
{
	struct hello hello = good("nothing");

	refused(server, &hello, -ENOENT, "\"nothing\"");
	hello = good("");
	refused(server, &hello, -ENOENT, "no export");
	hello = good("memory");
	hello.version_min = hello.version_max = PROTO_VERSION + 1;
	refused(server, &hello, -EPROTONOSUPPORT, "4 to 4, the server 3");
	hello.version_min = hello.version_max = 1;
	refused(server, &hello, -EPROTONOSUPPORT, "1 to 1, the server 3");
	hello.version_min = hello.version_max = 0;
	refused(server, &hello, -EPROTONOSUPPORT, "0 to 0");
}

Test(session, bad_hellos_are_refused_with_a_reason)
{
	fixture_each_scheme(refusals_body, NULL);
}

static void join_body(struct server *server)
{
	struct hello hello = good("memory");
	struct peer one, two;
	uint8_t id[SESSION_ID_SIZE], key[SESSION_KEY_SIZE];
	uint64_t file;

	fixture_open(&one, server, "memory");
	file = peer_open_file(&one, "f", RW);
	memcpy(id, one.heard.session_id, sizeof(id));
	memcpy(key, one.heard.session_key, sizeof(key));
	hello.session_id = (struct bytes){id, sizeof(id)};
	hello.session_key = (struct bytes){key, sizeof(key)};
	fixture_connect(&two, server);
	cr_assert_eq(peer_hello_as(&two, &hello), 0);
	cr_assert_arr_eq(two.heard.session_id, id, sizeof(id));
	peer_add_region(&two, 0, 0, PEER_MEMORY, ACCESS_READ | ACCESS_WRITE);
	cr_assert_eq(peer_io(&two, IO_WRITE, file, 0, 100, 0), 100, "files are the session's");
	peer_close(&one);
	cr_assert_eq(peer_io(&two, IO_READ, file, 0, 100, 0), 100);

	key[31] ^= 1;
	refused(server, &hello, -ESTALE, "session");
	key[31] ^= 1;
	id[0] ^= 1;
	refused(server, &hello, -ESTALE, "session");
	id[0] ^= 1;
	hello.export = text("null");
	refused(server, &hello, -EINVAL, "session");
	hello.export = text("memory");
	peer_close(&two);
	/* The server may still be at closing it: it is over once a hello says so. */
	for (int status = 0; !status;) {
		fixture_connect(&two, server);
		status = peer_hello_as(&two, &hello);
		peer_close(&two);
		cr_assert(!status || status == -ESTALE);
	}
}

Test(session, connections_join_by_id_and_key)
{
	const struct server_config config = {.nr_workers = 2, .session_ms = 1};

	fixture_each_scheme(join_body, &config);
}

/* Say it on a connection of its own: that one must end, and no other. */
static void outlaw(struct server *server, bool after_hello, const void *frame, size_t len)
{
	struct peer peer;

	fixture_connect(&peer, server);
	if (after_hello)
		cr_assert_eq(peer_hello(&peer, "memory"), 0);
	peer_send_raw(&peer, frame, len);
	peer_until(&peer, peer.link.closed);
	peer_close(&peer);
}

static void outlaws_body(struct server *server)
{
	static const uint8_t frames[][8] = {
		{0},
		{MSG_HELLO},
		{MSG_WELCOME},
		{MSG_COMPLETION},
		{MSG_REPLY},
		{MSG_SUBMIT},
		{MSG_ABORT},
		{MSG_GOODBYE},
		{NR_MSG_TYPES},
		{255},
		{MSG_SUBMIT, 0xff, 0xff, 0xff},
		{MSG_CALL, 8, 1},
	};
	struct peer neighbour;
	uint64_t file;

	fixture_open(&neighbour, server, "memory");
	file = peer_open_file(&neighbour, "f", RW);
	for (size_t i = 0; i < sizeof(frames) / sizeof(*frames); i++) {
		outlaw(server, true, frames[i], sizeof(frames[i]));
		if (frames[i][0] != MSG_HELLO)
			outlaw(server, false, frames[i], sizeof(frames[i]));
	}
	cr_assert_eq(peer_io(&neighbour, IO_WRITE, file, 0, 4096, 0), 4096);
	peer_close(&neighbour);
}

Test(session, who_breaks_the_protocol_is_alone_in_it)
{
	fixture_each_scheme(outlaws_body, NULL);
}

/* Count the lines by which the decoder calls a message malformed, if this is a client's first. */
static unsigned count_malformed(struct server *server, int log, const void *frame, size_t len)
{
	static char lines[1 << 16];
	unsigned n = 0;
	ssize_t got;

	outlaw(server, false, frame, len);
	/* The end of the connection is logged later, and not each time within a second. */
	got = read(log, lines, sizeof(lines) - 1);
	lines[got > 0 ? got : 0] = '\0';
	for (const char *at = lines; (at = strstr(at, "is malformed")); at++)
		n++;
	return n;
}

static void before_hello_body(struct server *server)
{
	int log[2], err = dup(STDERR_FILENO);
	uint8_t frame[64];

	cr_assert(err >= 0 && !pipe2(log, O_NONBLOCK) && dup2(log[1], STDERR_FILENO) >= 0);
	log_set_level("debug");
	memset(frame, 0xff, sizeof(frame));
	for (uint8_t type = MSG_HELLO; type < NR_MSG_TYPES; type++) {
		frame[0] = type;
		cr_expect_eq(count_malformed(server, log[0], frame, sizeof(frame)),
			     type == MSG_HELLO, "type %u", type);
	}
	log_set_level("warn");
	dup2(err, STDERR_FILENO);
	close(err);
	close(log[0]);
	close(log[1]);
}

/* Of a client that has not said who it is, nothing but that is looked at. */
Test(session, before_a_hello_nothing_else_is_decoded)
{
	fixture_each_scheme(before_hello_body, NULL);
}

static void second_hello_body(struct server *server)
{
	struct hello hello = good("memory");
	struct peer peer;

	fixture_open(&peer, server, "memory");
	peer_send(&peer, &(struct message){.type = MSG_HELLO, .hello = hello});
	peer_until(&peer, peer.link.closed);
	peer_close(&peer);

	fixture_open(&peer, server, "memory");
	peer_add_region(&peer, 0, 0, 4096, ACCESS_READ);
	peer_until(&peer, peer.link.closed);
	peer_close(&peer);
}

Test(session, neither_two_hellos_nor_two_regions_of_one_id)
{
	fixture_each_scheme(second_hello_body, NULL);
}

static void flood_body(struct server *server)
{
	struct peer_io ios[9];
	struct hello hello = good("slow");
	struct peer peer;
	uint64_t file;

	hello.max_inflight = 8;
	fixture_connect(&peer, server);
	cr_assert_eq(peer_hello_as(&peer, &hello), 0);
	peer_add_region(&peer, 0, 0, PEER_MEMORY, ACCESS_READ | ACCESS_WRITE);
	file = peer_open_file(&peer, "f", RW);
	for (uint32_t i = 0; i < 9; i++)
		ios[i] = (struct peer_io){.tag = i, .file = file, .len = 10};
	for (int round = 0; round < 20; round++) {
		unsigned before = peer.nr_results;

		peer_submit(&peer, IO_WRITE, PRIORITY_NORMAL, ios, 8);
		peer_until(&peer, peer.nr_results == before + 8 || peer.link.closed);
		cr_assert_not(peer.link.closed, "eight are allowed, again and again");
	}
	peer_submit(&peer, IO_READ, PRIORITY_NORMAL, ios, 9);
	peer_until(&peer, peer.link.closed);
	peer_close(&peer);
}

Test(session, more_in_flight_than_agreed_ends_it)
{
	fixture_each_scheme(flood_body, NULL);
}

static void ping_body(struct server *server)
{
	struct peer peer;

	fixture_open(&peer, server, "memory");
	for (uint64_t i = 1; i <= 100; i++) {
		peer_send(&peer, &(struct message){.type = MSG_PING, .ping = {.nonce = i}});
		peer_until(&peer, peer.heard.nr_pongs == i);
		cr_assert_eq(peer.heard.nonce, i);
	}
	peer_close(&peer);
}

Test(session, pings_are_answered)
{
	fixture_each_scheme(ping_body, NULL);
}

static void spread_body(struct server *server)
{
	struct peer *peers = calloc(4, sizeof(*peers));

	for (int i = 0; i < 4; i++)
		fixture_open(&peers[i], server, "memory");
	for (int i = 0; i < 3; i++) {
		struct peer *peer = &peers[i];
		uint64_t file = peer_open_file(peer, "f", RW);

		cr_assert_eq(peer_io(peer, IO_WRITE, file, 0, 10, 0), 10);
	}
	for (int i = 0; i < 4; i++)
		peer_close(&peers[i]);
	free(peers);
}

Test(session, connections_are_spread_and_counted)
{
	const struct server_config config = {.nr_workers = 3, .max_connections = 4};

	fixture_each_scheme(spread_body, &config);
}

static void half_open_body(struct server *server)
{
	enum { N = 300 }; /* more than one worker keeps without a hello */
	struct peer *peers = calloc(N, sizeof(*peers));
	struct peer good_one;
	unsigned closed = 0;

	for (int i = 0; i < N; i++)
		fixture_connect(&peers[i], server);
	fixture_open(&good_one, server, "memory");
	peer_open_file(&good_one, "f", RW);
	peer_close(&good_one);
	for (int i = 0; i < N; i++) {
		peer_step(&peers[i]);
		closed += peers[i].link.closed;
		peer_close(&peers[i]);
	}
	cr_assert_geq(closed, N - 256);
	free(peers);
}

Test(session, the_silent_do_not_keep_others_out)
{
	/* Room for them is made by their number, on slow machines too. */
	const struct server_config config = {.nr_workers = 1, .hello_ms = 600000};

	fixture_each_scheme(half_open_body, &config);
}
