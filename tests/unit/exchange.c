/* Two ends of a handshake: what they must agree on, and whatever parts them. HKDF as RFC 5869. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "common/auth/exchange.h"
#include "common/crypto/hkdf.h"
#include "common/transport/transport.h"

struct pair {
	struct exchange client, server;
	struct secret client_secret, server_secret;
	const char *client_wire, *server_wire;
	char hello[64], challenge[64]; /* what the client said, and heard */
	size_t spoilt;		       /* this byte of the hello comes to the server as another */
};

static void pair_open(struct pair *pair)
{
	*pair = (struct pair){.client_wire = "tcp", .server_wire = "tcp", .spoilt = SIZE_MAX};
	cr_assert_eq(secret_draw(&pair->client_secret), 0);
	pair->server_secret = pair->client_secret;
	memset(pair->hello, 'h', sizeof(pair->hello));
	memset(pair->challenge, 'c', sizeof(pair->challenge));
}

static void pair_talk(struct pair *pair)
{
	uint8_t nonce[AUTH_NONCE_SIZE], shares[2][AUTH_SHARE_SIZE];
	char heard[sizeof(pair->hello)];

	cr_assert_eq(exchange_begin(&pair->client, pair->client_wire, strlen(pair->client_wire),
				    nonce, shares[0]),
		     0);
	cr_assert_eq(exchange_begin(&pair->server, pair->server_wire, strlen(pair->server_wire),
				    nonce, shares[1]),
		     0);
	memcpy(heard, pair->hello, sizeof(heard));
	if (pair->spoilt < sizeof(heard))
		heard[pair->spoilt] ^= 1;
	cr_assert_eq(exchange_add(&pair->client, pair->hello, sizeof(pair->hello)), 0);
	cr_assert_eq(exchange_add(&pair->server, heard, sizeof(heard)), 0);
	cr_assert_eq(exchange_add(&pair->server, pair->challenge, sizeof(pair->challenge)), 0);
	cr_assert_eq(exchange_add(&pair->client, pair->challenge, sizeof(pair->challenge)), 0);
	cr_assert_eq(exchange_keys(&pair->client, &pair->client_secret, shares[1]), 0);
	cr_assert_eq(exchange_keys(&pair->server, &pair->server_secret, shares[0]), 0);
}

/* Do they agree on a key? */
static bool agree(const struct pair *pair, enum auth_key key)
{
	uint8_t mac[AUTH_MAC_SIZE];

	cr_assert_eq(exchange_mac(&pair->server, key, mac), 0);
	return exchange_check(&pair->client, key, mac);
}

Test(exchange, both_find_the_same_keys_and_no_two_alike)
{
	struct pair pair;
	uint8_t mac[AUTH_MAC_SIZE];

	pair_open(&pair);
	pair_talk(&pair);
	for (enum auth_key i = 0; i < NR_AUTH_KEYS; i++) {
		cr_expect(agree(&pair, i));
		cr_assert_eq(exchange_mac(&pair.server, i, mac), 0);
		for (enum auth_key j = 0; j < NR_AUTH_KEYS; j++)
			cr_expect_eq(exchange_check(&pair.client, j, mac), i == j);
	}
}

Test(exchange, every_bit_of_a_mac_counts)
{
	struct pair pair;
	uint8_t mac[AUTH_MAC_SIZE];

	pair_open(&pair);
	pair_talk(&pair);
	cr_assert_eq(exchange_mac(&pair.server, AUTH_SERVER, mac), 0);
	for (size_t i = 0; i < sizeof(mac) * 8; i++) {
		mac[i / 8] ^= (uint8_t)(1u << i % 8);
		cr_expect_not(exchange_check(&pair.client, AUTH_SERVER, mac));
		mac[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	cr_expect(exchange_check(&pair.client, AUTH_SERVER, mac));
}

Test(exchange, every_byte_that_was_said_counts)
{
	struct pair pair;

	for (size_t i = 0; i < sizeof(pair.hello); i++) {
		pair_open(&pair);
		pair.spoilt = i;
		pair_talk(&pair);
		cr_expect_not(agree(&pair, AUTH_SERVER), "byte %zu", i);
	}
}

Test(exchange, nothing_is_drawn_twice)
{
	uint8_t nonces[2][AUTH_NONCE_SIZE], shares[2][AUTH_SHARE_SIZE];
	struct exchange x;

	for (int i = 0; i < 2; i++)
		cr_assert_eq(exchange_begin(&x, "tcp", 3, nonces[i], shares[i]), 0);
	cr_expect_neq(memcmp(nonces[0], nonces[1], sizeof(*nonces)), 0);
	cr_expect_neq(memcmp(shares[0], shares[1], sizeof(*shares)), 0);
}

/* What a handshake is bound to: the transport by name, and the channel that it has made. */
Test(exchange, two_channels_of_one_wire_are_two_bindings)
{
	static const uint8_t channels[2][TP_CHANNEL_SIZE] = {{1}, {2}};
	static const struct tp_ops ops[] = {{.name = "tcp"}, {.name = "tls"}};
	const struct tp_conn conns[] = {{.ops = &ops[1], .channel = channels[0]},
					{.ops = &ops[1], .channel = channels[1]},
					{.ops = &ops[0], .channel = channels[0]},
					{.ops = &ops[0]}};
	uint8_t bindings[4][TP_BINDING_MAX] = {{0}};

	for (int i = 0; i < 4; i++) {
		cr_assert_gt(tp_binding(&conns[i], bindings[i]), TP_CHANNEL_SIZE);
		for (int other = 0; other < i; other++)
			cr_expect_neq(memcmp(bindings[i], bindings[other], TP_BINDING_MAX), 0);
	}
}

Test(exchange, another_secret_or_another_wire_is_another_key)
{
	struct pair pair;

	pair_open(&pair);
	pair.server_secret.key[31] ^= 1;
	pair_talk(&pair);
	cr_expect_not(agree(&pair, AUTH_SERVER));
	cr_expect_not(agree(&pair, AUTH_SESSION));
	pair_open(&pair);
	pair.server_wire = "rdma";
	pair_talk(&pair);
	cr_expect_not(agree(&pair, AUTH_SERVER));
}

Test(exchange, what_is_said_later_changes_macs_and_no_keys)
{
	struct pair pair;
	uint8_t before[AUTH_MAC_SIZE], after[AUTH_MAC_SIZE];

	pair_open(&pair);
	pair_talk(&pair);
	cr_assert_eq(exchange_mac(&pair.server, AUTH_SERVER, before), 0);
	exchange_add(&pair.server, "more", 4);
	cr_assert_eq(exchange_mac(&pair.server, AUTH_SERVER, after), 0);
	cr_expect_neq(memcmp(before, after, sizeof(before)), 0);
	cr_expect_not(agree(&pair, AUTH_SERVER));
	exchange_add(&pair.client, "more", 4);
	cr_expect(agree(&pair, AUTH_SERVER));
}

Test(exchange, a_share_that_makes_the_key_known_is_refused)
{
	static const uint8_t zero[AUTH_SHARE_SIZE], one[AUTH_SHARE_SIZE] = {1};
	uint8_t nonce[AUTH_NONCE_SIZE], share[AUTH_SHARE_SIZE];
	struct exchange x;
	struct secret secret = {{0}};

	cr_assert_eq(exchange_begin(&x, "tcp", 3, nonce, share), 0);
	cr_expect_eq(exchange_keys(&x, &secret, zero), -EKEYREJECTED);
	cr_assert_eq(exchange_begin(&x, "tcp", 3, nonce, share), 0);
	cr_expect_eq(exchange_keys(&x, &secret, one), -EKEYREJECTED);
}

Test(exchange, forgets)
{
	static const struct exchange none;
	struct pair pair;

	pair_open(&pair);
	pair_talk(&pair);
	exchange_wipe(&pair.client);
	cr_expect_eq(memcmp(&pair.client, &none, sizeof(none)), 0);
}

/* RFC 5869, A.1. */
Test(hkdf, is_that_of_the_rfc)
{
	static const uint8_t prk_there[] = {0x07, 0x77, 0x09, 0x36, 0x2c, 0x2e, 0x32, 0xdf,
					    0x0d, 0xdc, 0x3f, 0x0d, 0xc4, 0x7b, 0xba, 0x63,
					    0x90, 0xb6, 0xc7, 0x3b, 0xb5, 0x0f, 0x9c, 0x31,
					    0x22, 0xec, 0x84, 0x4a, 0xd7, 0xc2, 0xb3, 0xe5};
	static const uint8_t okm_there[] = {
		0x3c, 0xb2, 0x5f, 0x25, 0xfa, 0xac, 0xd5, 0x7a, 0x90, 0x43, 0x4f, 0x64, 0xd0, 0x36,
		0x2f, 0x2a, 0x2d, 0x2d, 0x0a, 0x90, 0xcf, 0x1a, 0x5a, 0x4c, 0x5d, 0xb0, 0x2d, 0x56,
		0xec, 0xc4, 0xc5, 0xbf, 0x34, 0x00, 0x72, 0x08, 0xd5, 0xb8, 0x87, 0x18, 0x58, 0x65};
	static const char info[] = "\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9";
	uint8_t ikm[22], salt[13], prk[HKDF_SIZE], okm[42];

	memset(ikm, 0x0b, sizeof(ikm));
	for (uint8_t i = 0; i < sizeof(salt); i++)
		salt[i] = i;
	cr_assert_eq(hkdf_extract(salt, sizeof(salt), ikm, sizeof(ikm), prk), 0);
	cr_expect_eq(memcmp(prk, prk_there, sizeof(prk)), 0);
	cr_assert_eq(hkdf_expand(prk, info, okm, sizeof(okm)), 0);
	cr_expect_eq(memcmp(okm, okm_there, sizeof(okm)), 0);
}

Test(secret, a_tag_is_the_keys_own)
{
	struct secret a, b;
	uint8_t tags[3][TAG_SIZE];

	cr_assert_eq(secret_draw(&a), 0);
	cr_assert_eq(secret_draw(&b), 0);
	cr_assert_neq(memcmp(&a, &b, sizeof(a)), 0);
	secret_tag(&a, tags[0]);
	secret_tag(&b, tags[1]);
	secret_tag(&a, tags[2]);
	cr_expect_neq(memcmp(tags[0], tags[1], TAG_SIZE), 0);
	cr_expect_eq(memcmp(tags[0], tags[2], TAG_SIZE), 0);
}

/* By HMAC alone, as PROTOCOL.md says. Whoever knows the tag knows nothing of the other. */
Test(secret, a_tag_and_a_key_for_tls_are_as_specified)
{
	static const uint8_t tag_there[] = {0x00, 0x07, 0xe0, 0x5d};
	static const uint8_t psk_there[] = {0x97, 0x56, 0xf5, 0xda, 0x3c, 0x56, 0x4f, 0xd6,
					    0xbc, 0xe0, 0xe9, 0x05, 0xce, 0x15, 0x03, 0x01,
					    0x03, 0x84, 0x16, 0x18, 0xc2, 0xa7, 0xe2, 0x07,
					    0xe4, 0x24, 0x05, 0x84, 0x15, 0xcd, 0x9a, 0x51};
	uint8_t tag[TAG_SIZE], psk[PSK_SIZE];
	struct secret secret;

	for (uint8_t i = 0; i < sizeof(secret.key); i++)
		secret.key[i] = i;
	cr_assert_eq(secret_tag(&secret, tag), 0);
	cr_assert_eq(secret_psk(&secret, psk), 0);
	cr_expect_eq(memcmp(tag, tag_there, sizeof(tag)), 0);
	cr_expect_eq(memcmp(psk, psk_there, sizeof(psk)), 0);
}

Test(secret, ids)
{
	char longest[66];

	memset(longest, 'a', sizeof(longest));
	cr_expect(secret_id_ok("Alice_2.example-org", 19));
	cr_expect(secret_id_ok(longest, 64));
	cr_expect_not(secret_id_ok(longest, 65));
	cr_expect_not(secret_id_ok("", 0));
	cr_expect_not(secret_id_ok("a b", 3));
	cr_expect_not(secret_id_ok("a/b", 3));
	cr_expect_not(secret_id_ok("a\0b", 3));
}
