/*
 * Page memory: anonymous mappings placed on a NUMA node, on huge pages when asked for and there.
 * The one place that knows libnuma.
 */
#ifndef USRBIO_COMMON_BASE_PAGES_H
#define USRBIO_COMMON_BASE_PAGES_H

#include <stdbool.h>
#include <stddef.h>

struct pages {
	void *base;
	size_t len; /* as mapped: rounded up to the page size in use */
	bool huge;
};

/*
 * Map len bytes of zeroed, populated memory. node < 0 or beyond the machine's: no binding.
 * huge: try 2 MiB pages, fall back to ordinary ones with one log line per process.
 * 0, -ENOMEM, or -EINVAL for len 0. Release with pages_free, which tolerates a zeroed struct.
 */
int pages_alloc(struct pages *pages, size_t len, int node, bool huge);
void pages_free(struct pages *pages);

/*
 * Bring in all pages of somebody's memory, as it can be read or written to the last byte: 0, or
 * -EFAULT where there is none, it does not allow that, or a file or tmpfs behind it ends. Nothing
 * in it changes.
 */
int pages_touch(const void *base, size_t len, bool write);

/* Bind an existing mapping to a node; nothing for node < 0 or beyond the machine's nodes. */
void pages_bind(void *base, size_t len, int node);

/* Round up to the page size of ordinary pages. 0 when that overflows. */
size_t pages_round(size_t len);

#endif
