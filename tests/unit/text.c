/* Text of others: what may be shown, and how the rest is. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"

/* As UTF-8, in as many bytes as told: also in more than it needs, and what UTF-8 does not have. */
static size_t encode(uint32_t code, size_t n, char *to)
{
	static const unsigned char first[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (size_t i = n; i-- > 1; code >>= 6)
		to[i] = (char)(0x80 | (code & 0x3f));
	to[0] = (char)(first[n] | code);
	return n;
}

static size_t length_of(uint32_t code)
{
	return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

/* By the words of the header, said another way than in text.c. */
static bool may_be_shown(uint32_t code)
{
	switch (code) {
	case 0x61c:
	case 0x200e:
	case 0x200f:
	case 0x2028:
	case 0x2029:
	case 0x202a:
	case 0x202b:
	case 0x202c:
	case 0x202d:
	case 0x202e:
	case 0x2066:
	case 0x2067:
	case 0x2068:
	case 0x2069:
		return false;
	}
	if (code < 0x20 || code == 0x7f || (code >= 0x80 && code <= 0x9f))
		return false;
	return (code < 0xfdd0 || code > 0xfdef) && (code & 0xffff) < 0xfffe;
}

/* Every code point there is. */
Test(text, knows_every_character)
{
	for (uint32_t code = 0; code <= 0x10ffff; code++) {
		bool surrogate = code >= 0xd800 && code < 0xe000, fit;
		char text[4];
		size_t n = encode(code, length_of(code), text), got = text_char(text, n, &fit);

		cr_assert_eq(got, surrogate ? 1 : n, "U+%04X: %zu", code, got);
		cr_assert_eq(fit, !surrogate && may_be_shown(code), "U+%04X", code);
	}
}

/* In each length that is too long for it, "/" and ESC among them, and beyond what there is. */
Test(text, knows_what_is_no_utf8)
{
	static const uint32_t codes[] = {0, 0x1b, '/', 'a', 0x7f, 0x80, 0x9b, 0x7ff, 0x800, 0xffff};
	char text[4];
	bool fit;

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		for (size_t n = length_of(codes[i]) + 1; n <= 4; n++) {
			encode(codes[i], n, text);
			cr_expect_eq(text_char(text, n, &fit), 1);
			cr_expect_not(fit, "U+%04X in %zu bytes", codes[i], n);
		}
	}
	encode(0x110000, 4, text);
	cr_expect_eq(text_char(text, 4, &fit), 1);
	cr_expect_not(fit);
	for (int byte = 0x80; byte <= 0xff; byte++) {
		text[0] = (char)byte;
		text[1] = 'a';
		cr_expect_eq(text_char(text, 2, &fit), 1, "%02x", byte);
		cr_expect_not(fit, "%02x", byte);
	}
}

/* No byte behind the end is looked at: a sanitizer would say so. */
Test(text, what_is_cut_off_is_not_fit)
{
	static const char whole[] = "\xf0\x9f\x98\x80";

	for (size_t len = 1; len < 4; len++) {
		char *cut = malloc(len);
		bool fit;

		memcpy(cut, whole, len);
		cr_expect_eq(text_char(cut, len, &fit), 1);
		cr_expect_not(fit, "%zu bytes", len);
		free(cut);
	}
}

static void check_masked(const char *text, const char *expected)
{
	char *copy = strdup(text);

	text_mask(copy, strlen(copy));
	cr_expect_str_eq(copy, expected);
	free(copy);
}

Test(text, masks)
{
	check_masked("plain \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80",
		     "plain \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80");
	check_masked("a\nb\033[31m\x7f", "a?b?[31m?");
	check_masked("c1 \xc2\x9b"
		     "31m",
		     "c1 ??31m");
	check_masked("\xe2\x80\xae"
		     "evil\xe2\x80\xa8",
		     "???evil???");
	check_masked("\x9b \xc0\xaf \xed\xa0\x80 \xe2\x82", "? ?? ??? ??");
}

typedef void printer(FILE *to, const char *text);

static void escape(FILE *to, const char *text)
{
	text_escape(to, text, true);
}

static void escape_ascii(FILE *to, const char *text)
{
	text_escape(to, text, false);
}

static void quote(FILE *to, const char *text)
{
	text_quote(to, text, true);
}

static void quote_ascii(FILE *to, const char *text)
{
	text_quote(to, text, false);
}

static bool json_was_exact;

static void json(FILE *to, const char *text)
{
	json_was_exact = text_json(to, text);
}

static char *printed(printer *print, const char *text)
{
	size_t size;
	char *got;
	FILE *to = open_memstream(&got, &size);

	cr_assert(to);
	print(to, text);
	fclose(to);
	return got;
}

static void check(printer *print, const char *text, const char *expected)
{
	char *got = printed(print, text);

	cr_expect_str_eq(got, expected);
	free(got);
}

Test(text, escapes)
{
	check(escape, "a 'b' \\ \xc3\xa4", "a 'b' \\ \xc3\xa4");
	check(escape, "x\033[31mred\n", "x\\033[31mred\\012");
	check(escape, "\xc2\x9b\xff", "\\302\\233\\377");
	check(escape_ascii, "\xc3\xa4", "\\303\\244");
}

Test(text, quotes_as_ls_does)
{
	check(quote, "plain-1_2.3/a:b@c,d+e%f", "plain-1_2.3/a:b@c,d+e%f");
	check(quote, "a#b~c{d}", "a#b~c{d}");
	check(quote, "\xc3\xa4", "\xc3\xa4");
	check(quote, "", "''");
	check(quote, "a b", "'a b'");
	check(quote, "#a", "'#a'");
	check(quote, "~", "'~'");
	check(quote, "it's", "'it'\\''s'");
	check(quote, "x\033[31mred", "'x'$'\\033''[31mred'");
	check(quote, "\n", "''$'\\n'");
	check(quote,
	      "\xc2\x9b\xe2\x80\xae"
	      "b",
	      "''$'\\302\\233\\342\\200\\256''b'");
	check(quote, "\xff", "''$'\\377'");
	check(quote_ascii, "a\xc3\xa4", "'a'$'\\303\\244'");
}

Test(text, json_is_ascii_where_it_matters)
{
	check(json, "a/b \xc3\xa4 \xf0\x9f\x98\x80", "\"a/b \xc3\xa4 \xf0\x9f\x98\x80\"");
	cr_expect(json_was_exact);
	check(json, "\"\\\n\033\x7f\xc2\x9b\xe2\x80\xae",
	      "\"\\\"\\\\\\u000a\\u001b\\u007f\\u009b\\u202e\"");
	cr_expect(json_was_exact);
	check(json, "\xf0\x9f\xbf\xbe", "\"\\ud83f\\udffe\"");
	cr_expect(json_was_exact);
	check(json,
	      "a\xff\xc0\xaf"
	      "b",
	      "\"a\\ufffd\\ufffd\\ufffdb\"");
	cr_expect_not(json_was_exact);
}

/* Whatever the bytes: nothing comes out that is not fit, and no quote opens or ends in between. */
Test(text, nothing_gets_through)
{
	static const char often[] = "\xe2\x80\xc2\xf0\x9f\033'\"";
	static printer *const printers[] = {escape, escape_ascii, quote, quote_ascii, json};
	uint64_t random = 88172645463325252ull;

	for (int round = 0; round < 20000; round++) {
		char text[24] = {0};

		for (int i = 0; i < 23; i++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			text[i] = (char)(random >> 32);
			if (random % 3 == 0)
				text[i] = often[random >> 40 & 7];
		}
		for (size_t p = 0; p < sizeof(printers) / sizeof(*printers); p++) {
			char *got = printed(printers[p], text);
			size_t len = strlen(got);
			bool fit;

			for (size_t at = 0; at < len; at += text_char(got + at, len - at, &fit))
				if (text_char(got + at, len - at, &fit) && !fit)
					cr_assert_fail("printer %zu: byte %02x came through", p,
						       (unsigned char)got[at]);
			free(got);
		}
	}
}

/* A shell reads back what was quoted. */
Test(text, a_shell_reads_it_back)
{
	static const char *const names[] = {"a b",
					    "it's",
					    "x\033[31mred",
					    "\n\n",
					    "'\n'",
					    "\xff\xfe",
					    "$HOME `id` \\",
					    "",
					    "\xc2\x9b\xe2\x80\xae"
					    "b",
					    "*?[a]",
					    "~",
					    "#",
					    "a=b",
					    "!",
					    "7\0337"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *quoted = printed(quote, names[i]), *command, back[64] = {0};
		FILE *shell;

		cr_assert_gt(asprintf(&command, "printf %%s %s", quoted), 0);
		setenv("COMMAND", command, 1);
		shell = popen("bash -c \"$COMMAND\"", "re");
		cr_assert(shell);
		cr_expect_eq(fread(back, 1, sizeof(back) - 1, shell), strlen(names[i]), "%s",
			     quoted);
		cr_expect_str_eq(back, names[i]);
		cr_expect_eq(pclose(shell), 0);
		free(command);
		free(quoted);
	}
}
