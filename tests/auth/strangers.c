/* Clients without a key that the server knows, by hand. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/auth/play/fixture.h"
#include "tests/auth/play/hand.h"
#include "tests/auth/play/lying.h"

#define ROUNDS 300

static void no_key(const struct auth_case *c)
{
	const struct hello hello = hello_new("data", "hand");
	struct hand hand;

	hand_open(&hand, served.url);
	hand_say_hello(&hand, &hello);
	lying_refused(&hand, "no key");
}

static const struct login *strangers[] = {&forged, &nobody};

/* An unknown id, and a wrong key: everything that is said, but what is drawn. */
static void strangers_alike(const struct auth_case *c)
{
	struct hand hands[2];

	for (int i = 0; i < 2; i++) {
		lying_begin(&hands[i], strangers[i]);
		if (hand_hear_challenge(&hands[i], strangers[i]))
			bad("the server knows the key of %s", strangers[i]->id);
		hand_prove(&hands[i], NULL);
		expect_out(hand_hear_welcome(&hands[i]), -EKEYREJECTED, strangers[i]->id);
	}
	if (hands[0].challenge.len != hands[1].challenge.len)
		bad("challenges of %zu and %zu bytes", hands[0].challenge.len,
		    hands[1].challenge.len);
	if (hands[0].heard.len != hands[1].heard.len ||
	    memcmp(hands[0].heard.frame, hands[1].heard.frame, hands[0].heard.len))
		bad("the refusals differ");
	for (int i = 0; i < 2; i++)
		lying_expect_end(&hands[i], strangers[i]->id);
}

static int by_size(const void *a, const void *b)
{
	return (*(const uint64_t *)a > *(const uint64_t *)b) -
	       (*(const uint64_t *)a < *(const uint64_t *)b);
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* For people: a busy machine decides nothing. */
static void timing(const struct auth_case *c)
{
	static uint64_t took[3][ROUNDS];
	const struct login *who[] = {&alice, &forged, &nobody};
	unsigned rounds = over_tcp ? ROUNDS : ROUNDS / 10;

	for (unsigned i = 0; i < rounds; i++)
		for (int w = 0; w < 3; w++) {
			struct hello hello;
			struct hand hand;
			uint64_t before;

			hand_open(&hand, served.url);
			before = now();
			hello = hand_hello(&hand, who[w], "data");
			hand_say_hello(&hand, &hello);
			hand_next(&hand);
			took[w][i] = now() - before;
			hand_close(&hand);
		}
	for (int w = 0; w < 3; w++)
		qsort(took[w], rounds, sizeof(**took), by_size);
	printf("auth: from Hello to Challenge, median of %u: right key %lu us, wrong key %lu us, "
	       "unknown id %lu us\n",
	       rounds, took[0][rounds / 2] / 1000, took[1][rounds / 2] / 1000,
	       took[2][rounds / 2] / 1000);
}

const struct auth_case stranger_cases[] = {
	{"no-key", no_key},
	{"strangers-alike", strangers_alike},
	{"timing", timing},
	{NULL},
};
