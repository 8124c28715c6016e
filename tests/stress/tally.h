/* What happened, counted by all threads. */
#ifndef USRBIO_TESTS_STRESS_TALLY_H
#define USRBIO_TESTS_STRESS_TALLY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

struct tally {
	atomic_ulong ops;
	atomic_ulong mismatches; /* bytes, sizes or answers that cannot be */
	atomic_ulong lost;	 /* I/Os and calls that ended with an error */
	atomic_ulong stuck;	 /* and that did not end in time */
	atomic_ulong
		unknown; /* calls that say themselves that nobody knows whether they happened */
};

extern struct tally tally;

struct thrasher_report;
/* The RESULT line. True: nothing was wrong. */
bool tally_report(const char *name, const struct thrasher_report *report);
/* There is no going on: say so, and end the process. */
void tally_give_up(void) __attribute__((noreturn));

/* Count, and say what: at most a few lines. */
#define tally_add(field, ...)                                    \
	do {                                                     \
		if (atomic_fetch_add(&tally.field, 1) < 20) {    \
			fprintf(stderr, "thrash: " #field ": "); \
			fprintf(stderr, __VA_ARGS__);            \
			fputc('\n', stderr);                     \
		}                                                \
	} while (0)

#endif
