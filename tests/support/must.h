/*
 * Checks for threads, helper processes and code that also serves plain programs, where a Criterion
 * assertion cannot be used: say what was wrong, with a sentence if there is one, and end the
 * process, which fails the test.
 */
#ifndef USRBIO_TESTS_E2E_MUST_H
#define USRBIO_TESTS_E2E_MUST_H

#include <stdio.h>
#include <stdlib.h>

#define must(ok, ...)                                                                  \
	do {                                                                           \
		if (!(ok)) {                                                           \
			fprintf(stderr, "%s:%d: not so: %s", __FILE__, __LINE__, #ok); \
			fprintf(stderr, ": " __VA_ARGS__);                             \
			fprintf(stderr, "\n");                                         \
			abort();                                                       \
		}                                                                      \
	} while (0)

#endif
