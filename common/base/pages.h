/*
 * Memory in pages: anonymous mappings placed on a NUMA node, on huge pages if they are asked for
 * and available. Only this object uses libnuma.
 */
#ifndef USRBIO_COMMON_BASE_PAGES_H
#define USRBIO_COMMON_BASE_PAGES_H

#include <stdbool.h>
#include <stddef.h>

struct pages {
	void *base;
	size_t len; /* bytes of the mapping, rounded up to the page size in use */
	bool huge;
};

/*
 * Map len bytes of zeroed memory, with all its pages. With node < 0, or beyond the nodes of the
 * machine, there is no binding. With huge, 2 MiB pages are tried first; the fallback to ordinary
 * pages is logged once per process. Returns 0, -ENOMEM, or -EINVAL for len 0. pages_free() releases
 * the memory, and accepts a zeroed struct.
 */
int pages_alloc(struct pages *pages, size_t len, int node, bool huge);
void pages_free(struct pages *pages);

/*
 * Make all pages of a caller's memory present, for reading or writing. Returns 0, or -EFAULT if a
 * part of it is not mapped, does not allow that access, or lies behind the end of its file. The
 * contents do not change.
 */
int pages_touch(const void *base, size_t len, bool write);

/*
 * Bind an existing mapping to a node. It does nothing for node < 0 or beyond the machine's nodes.
 */
void pages_bind(void *base, size_t len, int node);

/* Round up to the size of ordinary pages. 0 if that overflows. */
size_t pages_round(size_t len);

#endif
