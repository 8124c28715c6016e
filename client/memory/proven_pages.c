/*
 * Stores which pages are accessible; see proven_pages.h. There are two bits for each page, in words
 * for 32 pages: the page has been read, and it has been written. A region owns them; any thread. A
 * bit is never cleared, because a program must not unmap memory that it has wrapped.
 */
#include "client/memory/proven_pages.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/pages.h"

#define PER_WORD 32u
#define READ_ALL 0x5555555555555555u /* the lower bit of each page */

static uintptr_t page_of(uintptr_t at)
{
	static _Atomic uintptr_t size;
	uintptr_t known = atomic_load_explicit(&size, memory_order_relaxed);

	if (!known) {
		known = (uintptr_t)sysconf(_SC_PAGESIZE);
		atomic_store_explicit(&size, known, memory_order_relaxed);
	}
	return at / known;
}

int proven_pages_open(struct proven *proven, uintptr_t base, size_t size)
{
	uintptr_t first = page_of(base), pages;

	/*
	 * If the range exceeds the address space, one page is enough: the kernel reports the error.
	 */
	pages = size && size - 1 <= UINTPTR_MAX - base ? page_of(base + size - 1) - first + 1 : 1;
	*proven = (struct proven){
		.first = first,
		.bits = calloc(pages / PER_WORD + 1, sizeof(*proven->bits)),
	};
	return proven->bits ? 0 : -ENOMEM;
}

void proven_pages_close(struct proven *proven)
{
	free(proven->bits);
	*proven = (struct proven){0};
}

/* Return the bits of the pages from `from` up to `upto` that are in this word. */
static uint64_t bits_of(uintptr_t word, uintptr_t from, uintptr_t upto, bool write)
{
	uintptr_t start = word * PER_WORD;
	uint64_t bits = write ? READ_ALL << 1 : READ_ALL;

	if (from > start)
		bits &= UINT64_MAX << (2 * (from - start));
	if (upto < start + PER_WORD)
		bits &= UINT64_MAX >> (2 * (start + PER_WORD - upto));
	return bits;
}

int proven_pages_check(struct proven *proven, uintptr_t at, size_t len, bool write)
{
	uintptr_t from = page_of(at) - proven->first, last = page_of(at + len - 1) - proven->first;
	bool all = true;
	int err;

	for (uintptr_t word = from / PER_WORD; all && word <= last / PER_WORD; word++)
		all = !(bits_of(word, from, last + 1, write) &
			~atomic_load_explicit(&proven->bits[word], memory_order_relaxed));
	if (all)
		return 0;
	err = pages_touch((const void *)at, len, write);
	for (uintptr_t word = from / PER_WORD; !err && word <= last / PER_WORD; word++)
		atomic_fetch_or_explicit(&proven->bits[word], bits_of(word, from, last + 1, write),
					 memory_order_relaxed);
	return err;
}
