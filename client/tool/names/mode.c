/* Parses modes; see mode.h. No state; any thread. */
#include "client/tool/names/mode.h"

#include <stdlib.h>
#include <string.h>

#define OWNERS 0700u
#define GROUPS 0070u
#define OTHERS 0007u

static bool is_octal(const char *text)
{
	return *text && strspn(text, "01234567") == strlen(text);
}

/* Parse the letters of users; moves *at behind them. Without letters: all, less the umask. */
static mode_t parse_users(const char **at, mode_t umask)
{
	mode_t users = 0;

	for (; **at && strchr("ugoa", **at); ++*at) {
		users |= **at == 'u' || **at == 'a' ? OWNERS : 0;
		users |= **at == 'g' || **at == 'a' ? GROUPS : 0;
		users |= **at == 'o' || **at == 'a' ? OTHERS : 0;
	}
	return users ? users : 0777u & ~umask;
}

/* Parse the letters of permissions; moves *at behind them. */
static mode_t parse_bits(const char **at, mode_t mode, bool directory)
{
	mode_t bits = 0;

	for (; **at && strchr("rwxX", **at); ++*at) {
		bits |= **at == 'r' ? 0444u : 0;
		bits |= **at == 'w' ? 0222u : 0;
		bits |= **at == 'x' || (**at == 'X' && (directory || (mode & 0111u))) ? 0111u : 0;
	}
	return bits;
}

static mode_t change(char operation, mode_t mode, mode_t users, mode_t bits)
{
	switch (operation) {
	case '+':
		return mode | (users & bits);
	case '-':
		return mode & ~(users & bits);
	default:
		return (mode & ~users) | (users & bits);
	}
}

/* Apply the letters; false: they are malformed, and *mode is of no use. */
static bool apply(const char *at, mode_t *mode, mode_t umask, bool directory)
{
	do {
		mode_t users = parse_users(&at, umask);

		if (!*at || !strchr("+-=", *at))
			return false;
		while (*at && strchr("+-=", *at)) {
			char operation = *at++;

			*mode = change(operation, *mode, users, parse_bits(&at, *mode, directory));
		}
	} while (*at == ',' && at++);
	return !*at;
}

bool mode_check(const char *text)
{
	mode_t mode = 0;

	if (is_octal(text))
		return strtoul(text, NULL, 8) <= 0777;
	return apply(text, &mode, 0, false);
}

mode_t mode_apply(const char *text, mode_t mode, mode_t umask, bool directory)
{
	mode &= 0777u;
	if (is_octal(text))
		return (mode_t)strtoul(text, NULL, 8);
	apply(text, &mode, umask, directory);
	return mode;
}
