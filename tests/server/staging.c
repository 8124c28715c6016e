/* Staging buffers. */
#include "server/worker/staging.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/io/segment.h"

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

Test(staging, pipes_hold_a_segment_at_any_offset_and_can_be_emptied)
{
	const size_t most = SEGMENT_SIZE + 4096;
	int before = dup(0), after;
	char *bytes = calloc(1, most);
	struct staging staging;
	struct segment *segment;

	close(before);
	cr_assert_eq(staging_open(&staging, 4u << 20, false), 0);
	cr_assert_eq(staging.nr[STAGING_PIPE], 0);
	staging_add_pipes(&staging);
	cr_assert_gt(staging.nr[STAGING_PIPE], 0);
	for (unsigned i = 0; i < staging.nr[STAGING_PIPE]; i++) {
		segment = staging_get(&staging, STAGING_PIPE);
		cr_assert(segment && !segment->buf && segment->class == STAGING_PIPE);
		cr_assert_eq(write(segment->pipe[1], bytes, most), (ssize_t)most);
		staging_drain(segment);
		cr_assert_eq(read(segment->pipe[0], bytes, 1), -1);
		cr_assert_eq(errno, EAGAIN);
	}
	cr_assert_null(staging_get(&staging, STAGING_PIPE));
	staging_put(&staging, segment);
	cr_assert_eq(staging_get(&staging, STAGING_PIPE), segment);
	staging_close(&staging);
	after = dup(0);
	cr_assert_eq(after, before, "all descriptors are closed");
	close(after);
	free(bytes);
}

Test(staging, too_little_is_refused)
{
	struct staging staging;

	cr_assert_eq(staging_open(&staging, SEGMENT_SIZE, false), -ENOMEM);
}
