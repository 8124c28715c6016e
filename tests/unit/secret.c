/* Identities: texts of an id and a tag, which a client has sent. */
#include "common/auth/secret.h"

#include <criterion/criterion.h>
#include <string.h>

static bool parse(const char *identity)
{
	char id[SECRET_ID_MAX + 1];
	uint8_t tag[TAG_SIZE];

	return secret_of_identity(identity, id, tag);
}

Test(secret, an_identity_is_read_as_it_was_written)
{
	const uint8_t tag[TAG_SIZE] = {0x00, 0xff, 0x1a, 0x09};
	char identity[IDENTITY_MAX], id[SECRET_ID_MAX + 1];
	uint8_t read[TAG_SIZE];

	secret_identity("a.b-c", tag, identity);
	cr_assert_str_eq(identity, "a.b-c.00ff1a09");
	cr_assert(secret_of_identity(identity, id, read));
	cr_assert_str_eq(id, "a.b-c");
	cr_assert_eq(memcmp(read, tag, sizeof(tag)), 0);
}

Test(secret, what_is_no_identity)
{
	static const char *const texts[] = {
		"",
		"alice",
		".",
		"alice.",
		"alice.0011223",
		"alice.001122334",
		".00112233",
		"a b.00112233",
		"alice.0011223g",
		"alice.+0011223",
		"alice.+1+1+1+1",
		"alice.-1-1-1-1",
		"alice. 0 1 2 3",
		"alice.\t0\n1 2 3",
		"alice.0x0x0x0x",
		"alice.00112233 ",
		"alice. 0011223",
		"alice.00 12233",
		"alice.001122\xff\xff",
	};

	cr_assert(parse("alice.00112233"));
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		cr_expect_not(parse(texts[i]), "\"%s\"", texts[i]);
}
