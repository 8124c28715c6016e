/* The bump arena: aligned, capped, emptied at once. */
#include <criterion/criterion.h>
#include <string.h>

#include "proto/arena.h"

Test(arena, gives_aligned_memory_that_does_not_overlap)
{
	struct arena arena;
	uint8_t *before = NULL;

	cr_assert_eq(arena_open(&arena, 1024), 0);
	for (size_t size = 1; size < 30; size++) {
		uint8_t *p = arena_alloc(&arena, size);

		cr_assert_not_null(p);
		cr_expect_eq((uintptr_t)p % 16, 0);
		cr_expect(!before || p >= before + size - 1);
		memset(p, 0xff, size);
		before = p;
	}
	arena_close(&arena);
}

Test(arena, keeps_its_cap)
{
	struct arena arena;

	cr_assert_eq(arena_open(&arena, 64), 0);
	cr_expect_null(arena_alloc(&arena, 65));
	cr_expect_null(arena_alloc(&arena, SIZE_MAX));
	cr_expect_null(arena_alloc(&arena, SIZE_MAX - 15));
	cr_expect_not_null(arena_alloc(&arena, 64));
	cr_expect_null(arena_alloc(&arena, 1));
	arena_reset(&arena);
	cr_expect_not_null(arena_alloc(&arena, 33));
	cr_expect_not_null(arena_alloc(&arena, 16));
	cr_expect_null(arena_alloc(&arena, 1));
	arena_close(&arena);
	arena_close(&arena);
}
