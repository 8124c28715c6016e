/*
 * Checks for threads and helper processes, where a Criterion assertion cannot be used: say what
 * was wrong and end the process, which fails the test.
 */
#ifndef USRBIO_TESTS_E2E_MUST_H
#define USRBIO_TESTS_E2E_MUST_H

#include <stdio.h>
#include <stdlib.h>

#define must(ok, ...)                                                                    \
	do {                                                                             \
		if (!(ok)) {                                                             \
			fprintf(stderr, "%s:%d: not so: %s: ", __FILE__, __LINE__, #ok); \
			fprintf(stderr, "" __VA_ARGS__);                                 \
			fprintf(stderr, "\n");                                           \
			abort();                                                         \
		}                                                                        \
	} while (0)

#endif
