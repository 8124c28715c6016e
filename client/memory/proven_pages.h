/*
 * The pages of wrapped memory that are known to be accessible. An I/O accesses its own pages before
 * it is sent, and each page only once. A region owns the struct; any thread.
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
 * Make the bits for `size` bytes at `base`, without accessing this memory. 0 or -ENOMEM. Many bits
 * get memory only when they are used.
 */
int proven_pages_open(struct proven *proven, uintptr_t base, size_t size);
/* Free the bits; accepts a zeroed struct. */
void proven_pages_close(struct proven *proven);
/*
 * Check that the `len` bytes at `at`, inside the memory, can be read or, with `write`, written. 0
 * or -EFAULT.
 */
int proven_pages_check(struct proven *proven, uintptr_t at, size_t len, bool write);

#endif
