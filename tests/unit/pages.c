/* Page memory: sizes, placement that is not there, huge pages that are not there. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "common/pages.h"

static void expect_zeroed(const struct pages *pages, size_t len)
{
	const uint8_t *p = pages->base;

	cr_assert_geq(pages->len, len);
	for (size_t i = 0; i < pages->len; i += 512)
		cr_assert_eq(p[i], 0);
	memset(pages->base, 0xa5, pages->len);
}

Test(pages, maps_what_was_asked_for)
{
	static const size_t sizes[] = {1, 4095, 4096, 4097, 3 << 20};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		for (int huge = 0; huge < 2; huge++) {
			struct pages pages;

			cr_assert_eq(pages_alloc(&pages, sizes[i], -1, huge), 0);
			expect_zeroed(&pages, sizes[i]);
			pages_free(&pages);
			cr_expect_null(pages.base);
			pages_free(&pages);
		}
}

Test(pages, a_node_that_is_not_there_is_no_error)
{
	struct pages pages;

	cr_assert_eq(pages_alloc(&pages, 4096, 4711, false), 0);
	pages_free(&pages);
	cr_assert_eq(pages_alloc(&pages, 4096, 0, false), 0);
	pages_free(&pages);
}

Test(pages, refuses_what_cannot_be)
{
	struct pages pages = {.len = 7};

	cr_expect_eq(pages_alloc(&pages, 0, -1, false), -EINVAL);
	cr_expect_eq(pages_alloc(&pages, SIZE_MAX - 10, -1, false), -ENOMEM);
	cr_expect_eq(pages_alloc(&pages, SIZE_MAX - 10, -1, true), -ENOMEM);
	cr_expect_eq(pages.len, 7, "an error leaves the struct alone");
}

Test(pages, rounds_up)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	cr_expect_eq(pages_round(1), page);
	cr_expect_eq(pages_round(page), page);
	cr_expect_eq(pages_round(page + 1), 2 * page);
	cr_expect_eq(pages_round(SIZE_MAX), 0);
}
