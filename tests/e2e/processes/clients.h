/* What `e2e_client own` writes: agreed between that program and the test that checks it. */
#ifndef USRBIO_TESTS_E2E_CLIENTS_H
#define USRBIO_TESTS_E2E_CLIENTS_H

/* Bytes of a stripe, stripes of one client in either file, and how often it writes them. */
enum { STRIPE = 40001, STRIPES = 64, ROUNDS = 2 };

#endif
