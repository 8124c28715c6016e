/*
 * Text of others on its way to a terminal, a log or a program: names of files, exports and clients,
 * a server's texts, arguments. No state; any thread.
 *
 * A character is fit to be shown when it is well-formed UTF-8 and neither a control character (C0,
 * DEL, C1 in UTF-8), nor one that breaks lines (U+2028, U+2029), nor one that changes the direction
 * of what follows (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069), nor a noncharacter.
 */
#ifndef USRBIO_COMMON_BASE_TEXT_H
#define USRBIO_COMMON_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Bytes of the character that `len` > 0 bytes of text begin with: 1 where it is no UTF-8. */
size_t text_char(const char *text, size_t len, bool *fit);

/* Replace each byte that is not fit by '?': a line of a log keeps its length and stays one line. */
void text_mask(char *text, size_t len);

/* Print with each byte that is not fit as \033. utf8 false: what is not ASCII is not fit either. */
void text_escape(FILE *to, const char *text, bool utf8);

/* Print as ls(1) does on a terminal, so that a shell reads it back: 'x'$'\033''[31mred'. */
void text_quote(FILE *to, const char *text, bool utf8);

/*
 * Print as a JSON string, in quotes. What is UTF-8 and not fit is escaped; each byte that is not
 * UTF-8 becomes U+FFFD, and the result is false then.
 */
bool text_json(FILE *to, const char *text);

#endif
