/*
 * Pages of wrapped memory that have been seen to be there, one bit each: an I/O brings in its own
 * pages, once, and no others. Any thread.
 */
#ifndef USRBIO_CLIENT_MEMORY_PROVEN_PAGES_H
#define USRBIO_CLIENT_MEMORY_PROVEN_PAGES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct proven {
	uintptr_t first; /* number of the first page */
	_Atomic uint64_t *bits;
};

/* For [base, base + size). 0 or -ENOMEM; touches neither the memory nor, for large ones, the bits.
 */
int proven_pages_open(struct proven *proven, uintptr_t base, size_t size);
/* Takes a zeroed one. */
void proven_pages_close(struct proven *proven);
/* Is all of [at, at + len), which is inside, memory that can be read, or written? 0 or -EFAULT. */
int proven_pages_check(struct proven *proven, uintptr_t at, size_t len, bool write);

#endif
