/*
 * What an id has of a server that is full: a polite key beside one that took everything, over
 * connections and sessions, by hand and by the library.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "proto/limits.h"
#include "tests/auth/play/fixture.h"
#include "tests/auth/play/hand.h"
#include "tests/support/must.h"

enum { FEW = 6 };

static const struct entry both[] = {
	{"alice", {&alice}, "export = data:rw\n"}, {"bob", {&bob}, "export = data:rw\n"}, {NULL}};

/* Start a server with these limits and this keyring; with one worker that has little staging. */
static void start(struct fixture *full, const struct entry *entries, const char *limit,
		  const char *number)
{
	const char *const words[] = {"--export",  "data=memory:",
				     "--keyring", fixture_path("keyring"),
				     "--workers", "1",
				     "--staging", "4",
				     limit,	  number,
				     NULL};

	must(fixture_keyring(entries), "a keyring");
	fixture_start(full, words);
}

static int login(struct hand *hand, const struct fixture *full, const struct login *who)
{
	hand_open_as(hand, full->url, who);
	return hand_login(hand, who, "data");
}

static bool said(const struct hand *hand, const char *text)
{
	return strstr((const char *)hand->msg.welcome.text.data, text);
}

static void expect_full(const struct fixture *full, const struct login *who, const char *what)
{
	struct hand hand;

	expect_out(login(&hand, full, who), -EUSERS, "one more than an equal part");
	if (!said(&hand, what) || !said(&hand, who->id))
		bad("the refusal does not say what \"%s\" lacks", who->id);
	hand_close(&hand);
}

static unsigned count_alive(struct hand *hands, unsigned n)
{
	unsigned alive = 0;

	for (unsigned i = 0; i < n; i++)
		alive += hand_is_alive(&hands[i]);
	return alive;
}

/* Wait until as many are left; the server ends the others soon. */
static void expect_left(struct hand *hands, unsigned n, unsigned left)
{
	unsigned alive;

	while ((alive = count_alive(hands, n)) > left)
		;
	if (alive < left)
		good_refused("%u of those that had to stay", left - alive);
}

/* alice has everything; bob gets half of it, one by one, and then they are even. */
static void take_half(const struct auth_case *c, const char *limit, const char *what)
{
	struct hand hers[FEW], his[FEW / 2];
	struct fixture full;

	start(&full, both, limit, "6");
	for (int i = 0; i < FEW; i++)
		expect_in(login(&hers[i], &full, &alice), "alice, alone");
	expect_full(&full, &alice, what);
	for (unsigned i = 0; i < FEW / 2; i++) {
		expect_in(login(&his[i], &full, &bob), "bob, who has less");
		expect_left(hers, FEW, FEW - 1 - i);
	}
	expect_full(&full, &bob, what);
	expect_full(&full, &alice, what);
	if (count_alive(his, FEW / 2) != FEW / 2)
		good_refused("bob, who has no more than alice");
	for (int i = 0; i < FEW; i++)
		hand_close(&hers[i]);
	for (int i = 0; i < FEW / 2; i++)
		hand_close(&his[i]);
	fixture_stop(&full);
}

static void connections(const struct auth_case *c)
{
	take_half(c, "--max-connections", "another connection");
}

static void sessions(const struct auth_case *c)
{
	take_half(c, "--max-sessions", "another session");
}

/* Get the numbers of an id as a client sees them. False: it is not told about it. */
static bool ask_about(struct hand *hand, const char *id, uint64_t n[NR_ID_COUNTS])
{
	struct call call = {.op = CALL_COUNTERS};
	bool found = false;

	do {
		const struct reply *reply = &hand->msg.reply;
		const char *name;

		must(!hand_call(hand, &call), "counters");
		name = (const char *)reply->names.data;
		for (size_t i = 0; i < reply->nr_types; i++, name += strlen(name) + 1)
			if (reply->types[i] == COUNTED_ID && !strcmp(name, id)) {
				memcpy(n, reply->counts + i * reply->counts_width,
				       NR_ID_COUNTS * sizeof(*n));
				found = true;
			}
		call.off = reply->next;
	} while (call.off);
	return found;
}

static void told(const struct auth_case *c)
{
	uint64_t n[NR_ID_COUNTS];
	struct hand hers[FEW], his;
	struct fixture full;
	struct hello hello;

	start(&full, both, "--max-connections", "6");
	for (int i = 0; i < FEW; i++) {
		hand_open_as(&hers[i], full.url, &alice);
		hello = hand_hello(&hers[i], &alice, "data");
		hello.features = FEATURE_COUNTERS;
		expect_in(hand_insist(&hers[i], &alice, &hello, NULL), "alice");
	}
	expect_full(&full, &alice, "another connection");
	hand_open_as(&his, full.url, &bob);
	hello = hand_hello(&his, &bob, "data");
	hello.features = FEATURE_COUNTERS;
	expect_in(hand_insist(&his, &bob, &hello, NULL), "bob");
	expect_left(hers, FEW, FEW - 1);
	if (ask_about(&his, "alice", n))
		bad("what alice has, told to bob");
	must(ask_about(&his, "bob", n), "bob's numbers");
	if (n[ID_CONNECTIONS] != 1 || n[ID_SESSIONS] != 1 || n[ID_EVICTED] || n[ID_REFUSED])
		bad("bob's numbers are wrong");
	for (int i = 0; i < FEW; i++) {
		if (!hand_is_alive(&hers[i]))
			continue;
		must(ask_about(&hers[i], "alice", n), "alice's numbers");
		if (n[ID_CONNECTIONS] != FEW - 1 || n[ID_EVICTED] != 1 || n[ID_REFUSED] != 1)
			bad("alice's numbers are wrong");
	}
	for (int i = 0; i < FEW; i++)
		hand_close(&hers[i]);
	hand_close(&his);
	fixture_stop(&full);
}

/* The memory that an id has of a server, as a client with its key sees it. */
static uint64_t memory_of(struct hand *hand, const char *id)
{
	uint64_t n[NR_ID_COUNTS];

	must(ask_about(hand, id, n), "the numbers of an id");
	return n[ID_MEMORY_BYTES];
}

/* Log in, and be told the counters. */
static int login_to_look(struct hand *hand, const struct fixture *full, const struct login *who)
{
	struct hello hello;

	hand_open_as(hand, full->url, who);
	hello = hand_hello(hand, who, "data");
	hello.features = FEATURE_COUNTERS;
	return hand_insist(hand, who, &hello, NULL);
}

/*
 * As many as there is memory for. What another one loses for them is free a little later, and until
 * then the server may close the connection, or have no memory for it.
 */
static unsigned login_all(struct hand *hands, unsigned max, const struct fixture *full,
			  const struct login *who)
{
	unsigned n = 0;
	int status;

	while ((status = login_to_look(&hands[n], full, who)) != -EUSERS) {
		if (status && status != -ENOTCONN && status != -ENOMEM)
			bad("a refusal with status %d", status);
		if (status)
			hand_close(&hands[n]);
		else
			must(++n < max, "an end of the memory");
	}
	if (!said(&hands[n], "within --memory now") || !said(&hands[n], who->id))
		bad("the refusal does not say that \"%s\" has its part of the memory", who->id);
	hand_close(&hands[n]);
	return n;
}

/*
 * 16 MiB are there for clients, and alice has all of them but the eighth that is kept. Bob gets
 * half of seven eighths, and alice loses the other half. Then neither gets more.
 */
static void memory(const struct auth_case *c)
{
	enum { MANY = 32 };
	static struct hand hers[MANY], his[MANY];
	unsigned nr_hers, nr_his, left, first = 0;
	uint64_t before, n[NR_ID_COUNTS];
	struct fixture full;

	start(&full, both, "--memory", "38");
	nr_hers = login_all(hers, MANY, &full, &alice);
	before = memory_of(&hers[0], "alice");
	if (before < 12u << 20 || before > 14u << 20)
		bad("alice has %u KiB", (unsigned)(before >> 10));
	nr_his = login_all(his, MANY, &full, &bob);
	left = count_alive(hers, nr_hers);
	if (nr_his < nr_hers / 2 || left < nr_hers / 2 || left + nr_his > nr_hers + 1)
		bad("alice had %u connections, and has %u beside %u of bob", nr_hers, left, nr_his);
	if (login_all(hers + nr_hers, MANY - nr_hers, &full, &alice))
		bad("alice got back what bob has");
	while (!hand_is_alive(&hers[first]))
		first++;
	must(ask_about(&hers[first], "alice", n), "alice's numbers");
	if (n[ID_EVICTED] != nr_hers - left || n[ID_CONNECTIONS] != left ||
	    n[ID_MEMORY_BYTES] > before * (left + 1) / nr_hers)
		bad("alice's numbers are wrong");
	if (memory_of(&his[0], "bob") < before * (nr_his - 1) / nr_hers)
		bad("bob's numbers are wrong");
	for (unsigned i = 0; i < nr_hers; i++)
		hand_close(&hers[i]);
	for (unsigned i = 0; i < nr_his; i++)
		hand_close(&his[i]);
	fixture_stop(&full);
}

/* The limit of the keyring holds, and another one after it was read again. */
static void limit(const struct auth_case *c)
{
	static const struct entry two[] = {
		{"nobody", {&nobody}, "export = data:rw\nmax-sessions = 2\n"}, {NULL}};
	static const struct entry three[] = {
		{"nobody", {&nobody}, "export = data:rw\nmax-sessions = 3\n"}, {NULL}};
	struct hand hands[4];
	int status;

	must(fixture_keyring(two), "a keyring");
	for (int i = 0; i < 2; i++)
		expect_in(login(&hands[i], &served, &nobody), "as many as the key allows");
	expect_out(login(&hands[2], &served, &nobody), -EUSERS, "a third session");
	if (!said(&hands[2], "the key \"nobody\" allows no more sessions"))
		bad("a refusal that does not name the key");
	hand_close(&hands[2]);
	must(fixture_keyring(three), "a keyring");
	expect_left(hands, 2, 0); /* they come again, and may do more */
	for (int i = 0; i < 2; i++)
		hand_close(&hands[i]);
	for (int i = 0; i < 3; i++)
		/* Until the sessions that were left are over. */
		while ((status = login(&hands[i], &served, &nobody))) {
			expect_out(status, -EUSERS, "one of three");
			hand_close(&hands[i]);
		}
	expect_out(login(&hands[3], &served, &nobody), -EUSERS, "a fourth session");
	for (int i = 0; i < 4; i++)
		hand_close(&hands[i]);
}

static unsigned lines_with(const char *path, const char *text)
{
	FILE *f = fopen(path, "re");
	char line[1024];
	unsigned n = 0;

	while (f && fgets(line, sizeof(line), f))
		n += strstr(line, text) != NULL;
	if (f)
		fclose(f);
	return n;
}

/* How many connections all workers have accepted. */
static uint64_t count_accepted(struct hand *hand)
{
	struct call call = {.op = CALL_COUNTERS};
	uint64_t n = 0;

	do {
		const struct reply *reply = &hand->msg.reply;

		must(!hand_call(hand, &call), "counters");
		for (size_t i = 0; i < reply->nr_types; i++)
			if (reply->types[i] == COUNTED_WORKER)
				n += reply->counts[i * reply->counts_width + COUNT_CONNECTIONS];
		call.off = reply->next;
	} while (call.off);
	return n;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Who finds no room tries every two seconds in the end, so the slower a machine the fewer. */
static void expect_calm(struct hand *hand)
{
	uint64_t before = count_accepted(hand);
	double began = seconds();

	while (seconds() - began < 5)
		nap_ms(100);
	if ((double)(count_accepted(hand) - before) > 10 + (seconds() - began))
		bad("%u attempts in five seconds", (unsigned)(count_accepted(hand) - before));
}

/*
 * A program has the only connection of alice, and another one by hand that is not quiet. The
 * program is evicted for bob, says so in one line, waits calmly, and goes on when bob has left.
 */
static void programs(const struct auth_case *c)
{
	char log[300];
	struct hand hers, his;
	struct process pings;
	struct fixture full;
	struct hello hello;
	char line[256], where[300];

	snprintf(log, sizeof(log), "%s", fixture_path("evicted.log"));
	start(&full, both, "--max-connections", "2");
	snprintf(where, sizeof(where), "%s", mount_as(full.url, "data", "alice", 600));
	setenv("USRBIO_LOG", "warn", 1);
	process_start(&pings,
		      (const char *const[]){TOOL_PROGRAM, "ping", "-c", "1000000", where, NULL},
		      log);
	setenv("USRBIO_LOG", "off", 1);
	must(process_line(&pings, line, sizeof(line)), "the first answer");
	expect_in(login(&hers, &full, &alice), "alice, by hand");
	hand_open_as(&his, full.url, &bob);
	hello = hand_hello(&his, &bob, "data");
	hello.features = FEATURE_COUNTERS;
	expect_in(hand_insist(&his, &bob, &hello, NULL), "bob");
	while (!lines_with(log, "no room for another connection now, and \"alice\" has its share"))
		nap_ms(10);
	expect_calm(&his);
	if (lines_with(log, "has its share") != 1)
		bad("more than one line about it");
	if (!hand_is_alive(&hers))
		good_refused("the one of alice that was not quiet");
	hand_close(&his);
	while (!lines_with(log, "connected to"))
		nap_ms(10);
	kill(pings.pid, SIGKILL);
	process_wait(&pings);
	hand_close(&hers);
	fixture_stop(&full);
}

const struct auth_case share_cases[] = {
	{"shares-of-connections", connections},
	{"shares-of-sessions", sessions},
	{"shares-are-told", told},
	{"shares-of-memory", memory},
	{"max-sessions-of-a-key", limit},
	{"shares-of-programs", programs},
	{NULL},
};
