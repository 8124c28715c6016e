/* Staging buffers. */
#include "server/staging.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#include "server/segment.h"

Test(staging, buffers_are_disjoint_and_come_back)
{
	struct staging staging;
	struct segment *taken[1024];
	unsigned n = 0;

	cr_assert_eq(staging_open(&staging, 4u << 20, false), 0);
	for (int class = 0; class < NR_STAGING; class ++) {
		unsigned nr = 0;
		struct segment *segment;

		while ((segment = staging_get(&staging, (enum staging_class) class))) {
			char *base = staging.pages.base, *buf = segment->buf;
			size_t size = class == STAGING_SMALL ? SMALL_SIZE : SEGMENT_SIZE;

			cr_assert_eq(segment->class, (enum staging_class) class);
			cr_assert(buf >= base && buf + size <= base + staging.pages.len);
			for (size_t i = 0; i < size; i++) { /* nobody wrote here before us */
				cr_assert_eq(buf[i], 0);
				buf[i] = 1;
			}
			taken[n++] = segment;
			nr++;
		}
		cr_assert_eq(nr, staging.nr[class]);
	}
	cr_assert_eq(n, 32 + 14);
	while (n)
		staging_put(&staging, taken[--n]);
	cr_assert_eq(staging_get(&staging, STAGING_LARGE), taken[32], "the last one first");
	staging_close(&staging);
}

Test(staging, classes)
{
	cr_assert_eq(staging_class_of(1), STAGING_SMALL);
	cr_assert_eq(staging_class_of(SMALL_SIZE), STAGING_SMALL);
	cr_assert_eq(staging_class_of(SMALL_SIZE + 1), STAGING_LARGE);
	cr_assert_eq(staging_class_of(UINT64_MAX), STAGING_LARGE);
}

Test(staging, too_little_is_refused)
{
	struct staging staging;

	cr_assert_eq(staging_open(&staging, SEGMENT_SIZE, false), -ENOMEM);
}
