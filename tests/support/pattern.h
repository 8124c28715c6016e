/*
 * Content that tells where it belongs: each byte depends on a seed and on its offset in the file,
 * so shifted, swapped, repeated or missing pieces show.
 */
#ifndef USRBIO_TESTS_E2E_PATTERN_H
#define USRBIO_TESTS_E2E_PATTERN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The content of [off, off + len) under a seed. */
void pattern_fill(void *buf, size_t len, uint64_t seed, uint64_t off);
/* The index of the first byte that is not the pattern's, or -1. */
ssize_t pattern_diff(const void *buf, size_t len, uint64_t seed, uint64_t off);
/* The index of the first byte that is not `value`, or -1. */
ssize_t bytes_diff(const void *buf, size_t len, uint8_t value);

/* A repeatable sequence of numbers. */
uint64_t next_random(uint64_t *state);

#endif
