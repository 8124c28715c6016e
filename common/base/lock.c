/*
 * The list of locks that a thread holds, in the builds that check them. Each thread owns its list,
 * and no other thread uses it.
 */
#include "common/base/lock.h"

#ifdef USRBIO_LOCK_CHECKS

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define HELD_MAX 16

static _Thread_local const struct lock_place *held[HELD_MAX];
static _Thread_local unsigned nr_held;

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...)
{
	char text[128];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	fprintf(stderr, "lock: %s\n", text);
	abort();
}

void lock_check_order(const struct lock_place *place)
{
	for (unsigned i = 0; i < nr_held; i++) {
		if (held[i] == place)
			die("%s is acquired by a thread that holds it", place->name);
		if (held[i]->rank >= place->rank)
			die("%s is acquired after %s", place->name, held[i]->name);
	}
}

void lock_check_acquired(const struct lock_place *place)
{
	if (nr_held == HELD_MAX)
		die("more than %d locks are held when %s is acquired", HELD_MAX, place->name);
	held[nr_held++] = place;
}

void lock_check_released(const struct lock_place *place)
{
	unsigned i = nr_held;

	while (i > 0 && held[i - 1] != place)
		i--;
	if (!i)
		die("%s is released by a thread that does not hold it", place->name);
	for (nr_held--; i <= nr_held; i++)
		held[i - 1] = held[i];
}

void lock_check_held(const struct lock_place *place)
{
	for (unsigned i = 0; i < nr_held; i++)
		if (held[i] == place)
			return;
	die("%s is not held", place->name);
}

void lock_check_alone(const struct lock_place *place)
{
	lock_check_held(place);
	for (unsigned i = 0; i < nr_held; i++)
		if (held[i] != place)
			die("a thread waits under %s while it holds %s", place->name,
			    held[i]->name);
}

#endif
