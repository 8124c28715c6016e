/* The small parts: heap, pool of handles, table of I/Os under way, proven pages. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "client/base/objpool.h"
#include "client/base/heap.h"
#include "client/ring/send/inflight.h"
#include "client/memory/proven_pages.h"
#include "proto/limits.h"

Test(heap, gives_back_in_order)
{
	uint64_t keys[1024], random = 1, last = 0;
	struct heap heap = {.keys = keys, .mask = 1023};

	for (int i = 0; i < 1000; i++) {
		random = random * 6364136223846793005ull + 1442695040888963407ull;
		heap_push(&heap, random >> 40);
	}
	for (int i = 0; i < 1000; i++) {
		uint64_t key = heap_pop(&heap);

		cr_assert_geq(key, last);
		last = key;
	}
	cr_assert_eq(heap.n, 0);
}

static uint64_t take_least(uint64_t *keys, unsigned *n)
{
	unsigned at = 0;
	uint64_t least;

	for (unsigned i = 1; i < *n; i++)
		if (keys[i] < keys[at])
			at = i;
	least = keys[at];
	keys[at] = keys[--*n];
	return least;
}

/* In order but for some, as completions come, and taken in between: a queue, a heap, and back. */
Test(heap, gives_back_the_least_of_what_is_in)
{
	uint64_t keys[64], in[64], random = 2;
	struct heap heap = {.keys = keys, .mask = 63};
	unsigned n = 0, nr_sorted = 0;

	for (uint64_t i = 100; i < 100000; i++) {
		random = random * 6364136223846793005ull + 1442695040888963407ull;
		if (!n || (n < 64 && random >> 63)) {
			in[n] = (random >> 40) % 64 ? i : i - (random >> 50) % 100;
			heap_push(&heap, in[n++]);
		} else {
			cr_assert_eq(heap_pop(&heap), take_least(in, &n));
		}
		cr_assert_eq(heap.n, n);
		nr_sorted += heap.sorted;
	}
	cr_assert_gt(nr_sorted, 10000);
	cr_assert_lt(nr_sorted, 90000);
}

struct thing {
	struct pooled pooled;
	int value;
};

static struct objpool things = OBJPOOL_INIT(sizeof(struct thing), NULL);

Test(pool, finds_what_is_alive_and_nothing_else)
{
	struct thing *thing = objpool_take(&things);
	uint64_t first = objpool_publish(&things, &thing->pooled), second;

	cr_assert_eq(objpool_get(&things, first), thing);
	cr_assert(objpool_pinned(&thing->pooled));
	cr_assert(objpool_retire(&thing->pooled, first));
	cr_assert(!objpool_retire(&thing->pooled, first), "only one caller ends it");
	cr_assert_null(objpool_get(&things, first));
	cr_assert_eq(objpool_object(&things, first), thing, "a pin outlives the handle");
	objpool_put(&thing->pooled);
	cr_assert(!objpool_pinned(&thing->pooled));
	objpool_recycle(&things, &thing->pooled);

	cr_assert_eq(objpool_take(&things), thing, "memory is recycled");
	second = objpool_publish(&things, &thing->pooled);
	cr_assert_neq(first, second);
	cr_assert_null(objpool_get(&things, first));
	cr_assert_null(objpool_peek(&things, first));
	cr_assert(!objpool_retire(&thing->pooled, first));
	cr_assert_eq(objpool_peek(&things, second), thing);
}

Test(pool, believes_no_garbage)
{
	static struct thing *thing; /* what is forgotten is not lost: it has this name, too */
	uint64_t handle, random = 3;
	unsigned hits = 0;

	thing = objpool_take(&things);
	handle = objpool_publish(&things, &thing->pooled);

	for (uint64_t i = 0; i < 1000000; i++) {
		random = random * 6364136223846793005ull + 1442695040888963407ull;
		hits += random != handle && objpool_get(&things, random);
		hits += i != handle && objpool_get(&things, i);
	}
	cr_assert_eq(hits, 0);
	cr_assert_null(objpool_get(&things, UINT64_MAX));
	cr_assert_null(objpool_get(&things, (uintptr_t)thing));
	objpool_forget(&things);
	cr_assert_null(objpool_get(&things, handle), "a forked child knows none of them");
}

Test(pool, grows_and_keeps_its_objects_in_place)
{
	enum { N = 3 * OBJPOOL_CHUNK + 1 };
	static struct thing *all[N];
	static uint64_t handles[N];

	for (int i = 0; i < N; i++) {
		all[i] = objpool_take(&things);
		handles[i] = objpool_publish(&things, &all[i]->pooled);
	}
	for (int i = 0; i < N; i++)
		cr_assert_eq(objpool_peek(&things, handles[i]), all[i]);
}

Test(inflight, knows_each_tag_once)
{
	struct ring *ring = (struct ring *)0x1000;
	struct inflight table;
	struct flying *io;
	uint32_t a, b;

	cr_assert_eq(inflight_open(&table, 2), 0);
	a = inflight_add(&table, ring, 5, 100, 0, 0);
	b = inflight_add(&table, ring, 6, 200, 0, 0);
	cr_assert(inflight_full(&table));
	cr_assert_neq(a, b);
	io = inflight_find(&table, a);
	cr_assert_eq(io->slot, 5);
	cr_assert_eq(io->len, 100);
	inflight_end(&table, io);
	cr_assert_null(inflight_find(&table, a), "over");
	cr_assert_neq(inflight_add(&table, ring, 7, 1, 0, 0), a, "another sequence");
	cr_assert_null(inflight_find(&table, a), "the old tag of an index in use");
	cr_assert_null(inflight_find(&table, 2), "beyond the table");
	cr_assert_null(inflight_find(&table, UINT32_MAX));
	inflight_close(&table);
	cr_assert_null(inflight_find(&table, b), "closed");
}

/* What a connection leaves behind is nobody's answer until it is sent again, by the same tag. */
Test(inflight, parks_all_and_gives_each_back_once)
{
	static uint32_t tags[INFLIGHT_MAX];
	struct inflight table;
	struct flying *io;
	unsigned n = 0;

	cr_assert_eq(inflight_open(&table, INFLIGHT_MAX), 0);
	for (uint32_t i = 0; i < INFLIGHT_MAX; i++)
		tags[i] = inflight_add(&table, (struct ring *)0x1000, i, i, 0, 0);
	inflight_end(&table, inflight_find(&table, tags[5]));
	inflight_mark_resend(&table);
	cr_assert_eq(inflight_sent(&table), 0);
	cr_assert_null(inflight_find(&table, tags[7]), "not sent in this incarnation");
	io = inflight_next_resend(&table);
	inflight_take_resend(&table, io);
	inflight_end(&table, io);
	while ((io = inflight_next_resend(&table))) {
		cr_assert_eq(inflight_take_resend(&table, io), tags[io->slot]);
		cr_assert_eq(inflight_find(&table, tags[io->slot]), io);
		n++;
	}
	cr_assert_eq(n, INFLIGHT_MAX - 2);
	cr_assert_eq(inflight_sent(&table), n);
	inflight_close(&table);
}

enum { PAGE = 4096, PAGES = 200 };

/* Count the pages of a table that are in memory. */
static size_t resident_ios(const struct inflight *table)
{
	uintptr_t from = (uintptr_t)table->ios / PAGE * PAGE;
	uintptr_t to = (uintptr_t)(table->ios + table->max);
	unsigned char pages[INFLIGHT_MAX * sizeof(*table->ios) / PAGE + 2];
	size_t n = 0;

	cr_assert_eq(mincore((void *)from, to - from, pages), 0);
	for (size_t i = 0; i < (to - from + PAGE - 1) / PAGE; i++)
		n += pages[i] & 1;
	return n;
}

/* A client with few I/Os at a time has the memory of few, and a loss does not change that. */
Test(inflight, takes_memory_for_what_was_under_way)
{
	struct ring *ring = (struct ring *)0x1000;
	struct inflight table;
	struct flying *io;

	cr_assert_eq(inflight_open(&table, INFLIGHT_MAX), 0);
	for (uint32_t i = 0; i < 100; i++)
		inflight_add(&table, ring, i, i, 0, 0);
	for (int attempt = 0; attempt < 3; attempt++)
		inflight_mark_resend(&table);
	cr_assert_eq(table.nr_resend, 100);
	io = inflight_next_resend(&table);
	inflight_take_resend(&table, io);
	inflight_mark_resend(&table);
	cr_assert_eq(table.nr_resend, 100, "what was sent again is lost again");
	while ((io = inflight_next_resend(&table)))
		inflight_take_resend(&table, io);
	cr_assert_lt(resident_ios(&table), 4);
	inflight_close(&table);
}

static size_t resident(void *at)
{
	unsigned char pages[PAGES];
	size_t n = 0;

	cr_assert_eq(mincore(at, PAGES * PAGE, pages), 0);
	for (int i = 0; i < PAGES; i++)
		n += pages[i] & 1;
	return n;
}

/* Runs of pages within and across the words of 32, from anywhere in a page to anywhere. */
Test(proven, each_page_once_and_no_other)
{
	static const struct {
		uintptr_t at, len;
		size_t pages; /* so far */
	} cases[] = {
		{5 * PAGE + 7, 1, 1},
		{5 * PAGE, PAGE, 1},
		{31 * PAGE + 4095, 2, 3},
		{60 * PAGE, 70 * PAGE, 73},
		{60 * PAGE + 1, 70 * PAGE - 2, 73},
		{199 * PAGE + 4095, 1, 74},
		{1, PAGES * PAGE - 1, 200},
	};
	char *base = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	uintptr_t at = (uintptr_t)base;
	struct proven proven;

	cr_assert_eq(madvise(base, PAGES * PAGE, MADV_NOHUGEPAGE), 0);
	cr_assert_eq(proven_pages_open(&proven, at + 1, PAGES * PAGE - 1), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		cr_assert_eq(proven_pages_check(&proven, at + cases[i].at, cases[i].len, true), 0);
		cr_assert_eq(resident(base), cases[i].pages, "case %zu", i);
	}
	proven_pages_close(&proven);
	munmap(base, PAGES * PAGE);
}

/* Reading proves nothing for writing; what could not be proven is asked again. */
Test(proven, the_ways_are_apart)
{
	char *base = mmap(NULL, PAGES * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uintptr_t at = (uintptr_t)base;
	struct proven proven;

	cr_assert_eq(proven_pages_open(&proven, at, PAGES * PAGE), 0);
	cr_assert_eq(proven_pages_check(&proven, at, 40 * PAGE, false), 0);
	for (int i = 0; i < 2; i++)
		cr_assert_eq(proven_pages_check(&proven, at, 40 * PAGE, true), -EFAULT);
	cr_assert_eq(mprotect(base, PAGES * PAGE, PROT_READ | PROT_WRITE), 0);
	cr_assert_eq(proven_pages_check(&proven, at, 40 * PAGE, true), 0);
	cr_assert_eq(mprotect(base + 41 * PAGE, PAGE, PROT_NONE), 0);
	cr_assert_eq(proven_pages_check(&proven, at, 41 * PAGE, true), 0);
	cr_assert_eq(proven_pages_check(&proven, at, 42 * PAGE, true), -EFAULT);
	cr_assert_eq(proven_pages_check(&proven, at + 42 * PAGE, PAGE, false), 0);
	proven_pages_close(&proven);
	munmap(base, PAGES * PAGE);
}
