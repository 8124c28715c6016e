/*
 * Foreign text that goes to a terminal, a log or a program: names of files, exports and clients, a
 * server's texts, arguments. Any thread may call these functions.
 *
 * A character is fit to be shown if it is well-formed UTF-8 and none of these:
 * - a control character (C0, DEL, C1 in UTF-8)
 * - one that breaks lines (U+2028, U+2029)
 * - one that changes the direction of the text after it (U+061C, U+200E, U+200F, U+202A to U+202E,
 *   U+2066 to U+2069)
 * - a noncharacter
 */
#ifndef USRBIO_COMMON_BASE_TEXT_H
#define USRBIO_COMMON_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Return the length of the first character of `len` > 0 bytes of text; 1 if it is not UTF-8. */
size_t text_char(const char *text, size_t len, bool *fit);

/*
 * Replace each byte that is not fit by '?', so that a log line keeps its length and stays one line.
 */
void text_mask(char *text, size_t len);

/* Print text, and each byte that is not fit as \033. Without utf8, only ASCII is fit. */
void text_escape(FILE *to, const char *text, bool utf8);

/* Print text as ls(1) does on a terminal, so that a shell can read it: 'x'$'\033''[31mred'. */
void text_quote(FILE *to, const char *text, bool utf8);

/*
 * Print text as a JSON string, in quotes. UTF-8 that is not fit is escaped. Each byte that is not
 * UTF-8 becomes U+FFFD, and then the result is false.
 */
bool text_json(FILE *to, const char *text);

#endif
