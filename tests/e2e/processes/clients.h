/* What `e2e_client own` writes: agreed between that program and the test that checks it. */
#ifndef USRBIO_TESTS_E2E_CLIENTS_H
#define USRBIO_TESTS_E2E_CLIENTS_H

#include <stdlib.h>

/* Bytes of a stripe, and how often a client writes each of its own. */
enum { STRIPE = 40001, ROUNDS = 2 };

/* Stripes of one client in either file: a multiple of the 16 it writes at once. */
static inline int nr_stripes(void)
{
	return getenv("USRBIO_TEST_QUICK") ? 16 : 64;
}

#endif
