/* Page memory: sizes, placement that is not there, huge pages that are not there. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/pages.h"

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

static unsigned long nr_free_huge(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long n = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "HugePages_Free: %lu", &n) == 1)
			break;
	if (f)
		fclose(f);
	return n;
}

/* Ordinary ones, and one line in the log however often that is. */
Test(pages, no_huge_ones_are_ordinary_ones_and_a_line)
{
	size_t len = (nr_free_huge() + 1) << 21;
	int pipes[2], saved = dup(STDERR_FILENO);
	struct pages pages;
	char text[2048];
	ssize_t n;

	if (len > (size_t)256 << 20)
		cr_skip_test("too many huge pages are free");
	setenv("USRBIO_LOG", "info", 1);
	cr_assert(!pipe2(pipes, O_NONBLOCK) && dup2(pipes[1], STDERR_FILENO) >= 0);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(pages_alloc(&pages, len, -1, true), 0);
		cr_assert_not(pages.huge);
		memset(pages.base, 1, len);
		pages_free(&pages);
	}
	dup2(saved, STDERR_FILENO);
	n = read(pipes[0], text, sizeof(text) - 1);
	cr_assert_gt(n, 0, "no line");
	text[n] = '\0';
	cr_assert(strstr(text, "no huge pages"), "%s", text);
	cr_assert_eq(strchr(text, '\n'), text + n - 1, "%s", text);
}
