/* Handshakes that are begun and never ended, thousands of them, and somebody who means it. */
#include <errno.h>
#include <stdatomic.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "client/usrbio.h"
#include "tests/auth/play/fixture.h"
#include "tests/auth/play/hand.h"
#include "tests/support/must.h"
#include "tests/peer/wire.h"

#define HALF_OPEN 10000u
#define AT_ONCE	  500u

static atomic_uint nr_begun;
static atomic_bool stop;

/* Each with a share and a nonce, so that the server has to compute, and no more. */
static void *flood(void *arg)
{
	static int fds[AT_ONCE];
	uint8_t hello[1024], bytes[32] = {0};
	struct message msg = {.type = MSG_HELLO, .hello = hello_new("data", "flood")};

	msg.hello.key_id = text("alice");
	msg.hello.key_tag = (struct bytes){bytes, KEY_TAG_SIZE};
	msg.hello.nonce = (struct bytes){bytes, NONCE_SIZE};
	msg.hello.share = (struct bytes){bytes, SHARE_SIZE};
	memset(fds, -1, sizeof(fds));
	for (uint32_t i = 0; i < HALF_OPEN && !atomic_load(&stop); i++) {
		struct wire wire = {.fd = wire_connect(served.url)};
		size_t len;

		memcpy(bytes, &i, sizeof(i));
		bytes[8] = 9;
		len = wire_pack(&msg, hello, sizeof(hello));
		wire_send_params(&wire);
		wire_bytes(&wire, hello, len);
		if (fds[i % AT_ONCE] >= 0)
			close(fds[i % AT_ONCE]);
		fds[i % AT_ONCE] = wire.fd;
		atomic_store(&nr_begun, i + 1);
	}
	for (unsigned i = 0; i < AT_ONCE; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	atomic_store(&stop, true);
	return NULL;
}

static void half_open(const struct auth_case *c)
{
	unsigned logins = 0;
	pthread_t thread;

	atomic_store(&stop, false);
	must(!pthread_create(&thread, NULL, flood, NULL), "thread");
	while (atomic_load(&nr_begun) < AT_ONCE)
		nap_ms(1);
	/* Each mount is another client, to which the server has never talked. */
	do {
		struct usrbio_stat st;

		expect_in(
			usrbio_stat(file_as(served.url, "data", "bob", 3000 + logins, "file"), &st),
			"bob, beside a flood");
		logins++;
	} while (!atomic_load(&stop) && logins < 200);
	while (!atomic_load(&stop))
		nap_ms(5);
	pthread_join(thread, NULL);
	printf("auth: %u handshakes begun and left, %u good ones beside them\n",
	       atomic_load(&nr_begun), logins);
}

/* Over rdma a connection costs more than the handshake: a few hundred. */
static void half_open_by_hand(const struct auth_case *c)
{
	enum { N = 64, ROUNDS = 4 };
	static struct hand hands[N];
	struct usrbio_stat st;

	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < N; i++) {
			struct hello hello;

			hand_open(&hands[i], served.url);
			hello = hand_hello(&hands[i], &nobody, "data");
			if (!hands[i].link.closed)
				hand_say_hello(&hands[i], &hello);
		}
		expect_in(usrbio_stat(file_as(served.url, "data", "bob", 4000 + (unsigned)round,
					      "file"),
				      &st),
			  "bob, beside half-open handshakes");
		for (int i = 0; i < N; i++)
			hand_close(&hands[i]);
	}
}

const struct auth_case flood_cases[] = {
	{"half-open-10000", half_open, .tcp_only = true},
	{"half-open-by-hand", half_open_by_hand},
	{NULL},
};
