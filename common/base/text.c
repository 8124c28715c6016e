/*
 * Foreign text: which of its characters may be shown, and four ways to show it. This code has no
 * state and owns nothing. Any thread may call it.
 */
#include "common/base/text.h"

#include <stdint.h>
#include <string.h>

/*
 * Return the length of the character that begins with this byte, and in *code the bits that the
 * byte has of it; 0: no character begins with it.
 */
static size_t begin(unsigned char first, uint32_t *code)
{
	if (first < 0x80) {
		*code = first;
		return 1;
	}
	if (first >= 0xc2 && first < 0xe0) {
		*code = first & 0x1f;
		return 2;
	}
	if (first >= 0xe0 && first < 0xf0) {
		*code = first & 0x0f;
		return 3;
	}
	*code = first & 0x07;
	return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

/*
 * Return the length of the character; 0: not UTF-8 (cut off, too long, a surrogate, beyond
 * U+10FFFF).
 */
static size_t decode(const char *text, size_t len, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = begin((unsigned char)*text, code);

	if (!n || n > len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | ((unsigned char)text[i] & 0x3f);
	}
	if (*code < least[n] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000))
		return 0;
	return n;
}

static bool is_fit(uint32_t code)
{
	static const uint32_t unfit[][2] = {
		{0, 0x1f},	  {0x7f, 0x9f},	    {0x61c, 0x61c},   {0x200e, 0x200f},
		{0x2028, 0x202e}, {0x2066, 0x2069}, {0xfdd0, 0xfdef},
	};

	for (size_t i = 0; i < sizeof(unfit) / sizeof(*unfit); i++)
		if (code >= unfit[i][0] && code <= unfit[i][1])
			return false;
	return (code & 0xfffe) != 0xfffe;
}

size_t text_char(const char *text, size_t len, bool *fit)
{
	uint32_t code;
	size_t n = decode(text, len, &code);

	*fit = n && is_fit(code);
	return n ? n : 1;
}

void text_mask(char *text, size_t len)
{
	for (size_t at = 0, n; at < len; at += n) {
		bool fit;

		n = text_char(text + at, len - at, &fit);
		if (!fit)
			memset(text + at, '?', n);
	}
}

/* Return the length of the next character. Without utf8, only ASCII is fit. */
static size_t next(const char *text, size_t len, bool utf8, bool *fit)
{
	size_t n = text_char(text, len, fit);

	*fit &= utf8 || n == 1;
	return n;
}

static void put_octal(FILE *to, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(to, "\\%03o", (unsigned char)bytes[i]);
}

void text_escape(FILE *to, const char *text, bool utf8)
{
	size_t len = strlen(text);

	for (size_t at = 0, n; at < len; at += n) {
		bool fit;

		n = next(text + at, len - at, utf8, &fit);
		if (fit)
			fwrite(text + at, 1, n, to);
		else
			put_octal(to, text + at, n);
	}
}

/* True if a shell reads the text as one word without quotes. */
static bool is_word(const char *text, size_t len, bool utf8)
{
	bool fit = len && *text != '#' && *text != '~' && strcmp(text, "{") && strcmp(text, "}");

	for (size_t at = 0; at < len && fit;) {
		if (strchr(" !\"$&'()*;<=>?[\\^`|", text[at]))
			return false;
		at += next(text + at, len - at, utf8, &fit);
	}
	return fit;
}

/* Write one byte inside $'...'. */
static void put_byte(FILE *to, char byte)
{
	static const char bytes[] = "\a\b\f\n\r\t\v", letters[] = "abfnrtv";
	const char *at = byte ? strchr(bytes, byte) : NULL;

	if (at)
		fprintf(to, "\\%c", letters[at - bytes]);
	else
		put_octal(to, &byte, 1);
}

/* Write '...', and $'...' for the bytes in between that are not fit. */
static void put_quoted(FILE *to, const char *text, size_t len, bool utf8)
{
	bool escaping = false;

	putc('\'', to);
	for (size_t at = 0, n; at < len; at += n) {
		bool fit;

		n = next(text + at, len - at, utf8, &fit);
		if (fit == escaping)
			fputs(fit ? "''" : "'$'", to);
		escaping = !fit;
		if (!fit)
			for (size_t i = 0; i < n; i++)
				put_byte(to, text[at + i]);
		else if (text[at] == '\'')
			fputs("'\\''", to);
		else
			fwrite(text + at, 1, n, to);
	}
	putc('\'', to);
}

void text_quote(FILE *to, const char *text, bool utf8)
{
	size_t len = strlen(text);

	if (is_word(text, len, utf8))
		fputs(text, to);
	else
		put_quoted(to, text, len, utf8);
}

/* Write a character that is not fit as a JSON escape, or two if it is beyond U+FFFF. */
static void put_escape(FILE *to, uint32_t code)
{
	if (code > 0xffff)
		fprintf(to, "\\u%04x\\u%04x", 0xd7c0 + (code >> 10), 0xdc00 + (code & 0x3ff));
	else
		fprintf(to, "\\u%04x", code);
}

bool text_json(FILE *to, const char *text)
{
	size_t len = strlen(text);
	bool exact = true;

	putc('"', to);
	for (size_t at = 0, n; at < len; at += n) {
		uint32_t code = 0xfffd;

		n = decode(text + at, len - at, &code);
		if (!n) {
			exact = false;
			n = 1;
			fputs("\\ufffd", to);
		} else if (!is_fit(code)) {
			put_escape(to, code);
		} else {
			if (code == '"' || code == '\\')
				putc('\\', to);
			fwrite(text + at, 1, n, to);
		}
	}
	putc('"', to);
	return exact;
}
