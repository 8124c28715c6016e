/*
 * The pages of wrapped memory that are known to be accessible: an I/O brings in only its own pages,
 * and each only once. Any thread.
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

/*
 * Make the bits for [base, base + size). 0 or -ENOMEM. It does not touch the memory, nor the bits
 * if they are many.
 */
int proven_pages_open(struct proven *proven, uintptr_t base, size_t size);
/* Free the bits; accepts a zeroed struct. */
void proven_pages_close(struct proven *proven);
/* Check that all of [at, at + len), which is inside, can be read or written. 0 or -EFAULT. */
int proven_pages_check(struct proven *proven, uintptr_t at, size_t len, bool write);

#endif
