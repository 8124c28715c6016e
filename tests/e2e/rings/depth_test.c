/* io_depth: how submitted I/Os are put together into batches, told from what was written. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"

enum { ENTRIES = 24, LEN = 512, SHORT_MS = 50 };

/* A ring that writes block after block of a new file. */
struct writer {
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	struct hf3fs_cqe *cqes;
	int fd, entries;
	long next, done; /* blocks prepared, and known to be written */
};

static void writer_open(struct writer *w, int entries, int io_depth, int timeout)
{
	*w = (struct writer){.entries = entries, .cqes = calloc(entries, sizeof(*w->cqes))};
	cr_assert(w->cqes);
	w->fd = file_reg(url_of("file"), O_RDWR | O_CREAT | O_TRUNC);
	cr_assert_eq(hf3fs_iorcreate3(&w->ior, e2e_mount, entries, false, io_depth, 0, timeout, -1),
		     0);
	iov_make(&w->iov, NULL, (size_t)entries * LEN);
}

/* What was not sent by now never is: the file ends with what was known to be written. */
static void writer_close(struct writer *w)
{
	hf3fs_iordestroy(&w->ior);
	hf3fs_iovdestroy(&w->iov);
	file_unreg(w->fd);
	cr_assert_eq(file_size("file"), (uint64_t)w->done * LEN);
	file_check("file", 1, 0, (uint64_t)w->done * LEN);
	free(w->cqes);
}

static void prep(struct writer *w, int n)
{
	for (; n; n--, w->next++) {
		char *block = (char *)w->iov.base + w->next % w->entries * LEN;

		pattern_fill(block, LEN, 1, w->next * LEN);
		ring_prep(&w->ior, &w->iov, block, w->fd, w->next * LEN, LEN, (void *)w->next);
	}
}

static void submit(struct writer *w, int n)
{
	prep(w, n);
	ring_submit(&w->ior);
}

/* Wait for `min`, for ms milliseconds, or (ms < 0) for ever; what comes is in order. */
static int collect(struct writer *w, int min, int ms)
{
	struct timespec deadline = deadline_in(ms < 0 ? 0 : ms);
	int n = hf3fs_wait_for_ios(&w->ior, w->cqes, w->entries, min, ms < 0 ? NULL : &deadline);

	cr_assert_geq(n, 0);
	for (int i = 0; i < n; i++) {
		cr_assert_eq(w->cqes[i].result, LEN);
		cr_assert(!i || w->cqes[i].userdata > w->cqes[i - 1].userdata);
	}
	w->done += n;
	return n;
}

/* One at a time, in several rounds, and a remainder at the end that must not be written. */
static void expect_multiples_of(int depth)
{
	struct writer w;

	writer_open(&w, ENTRIES, depth, 0);
	for (int k = 1; k <= 2 * ENTRIES; k++) {
		submit(&w, 1);
		cr_assert_eq(collect(&w, k % depth ? 0 : depth, -1), k % depth ? 0 : depth);
	}
	submit(&w, ENTRIES - 1);
	cr_assert_eq(collect(&w, (ENTRIES - 1) / depth * depth, -1), (ENTRIES - 1) / depth * depth);
	writer_close(&w);
}

E2E(depth, one_sends_each)
{
	expect_multiples_of(1);
}

E2E(depth, three_sends_exact_multiples_of_three)
{
	expect_multiples_of(3);
}

E2E(depth, of_the_whole_ring_sends_full_rings)
{
	expect_multiples_of(ENTRIES);
}

E2E(depth, a_remainder_waits_for_company_over_several_submits)
{
	struct writer w;

	writer_open(&w, ENTRIES, 5, 0);
	submit(&w, 2);
	submit(&w, 2);
	ring_submit(&w.ior); /* nothing new makes no company */
	cr_assert_eq(collect(&w, 1, SHORT_MS), 0);
	submit(&w, 2);
	cr_assert_eq(collect(&w, 5, -1), 5);
	submit(&w, 13);
	cr_assert_eq(collect(&w, 10, -1), 10);
	submit(&w, 1);
	cr_assert_eq(collect(&w, 5, -1), 5);
	cr_assert_eq(w.done, w.next);
	writer_close(&w);
}

/* Prepared and not submitted is no company: it goes with the submit that comes after it. */
E2E(depth, prepared_io_goes_with_the_next_submit)
{
	struct writer w;

	for (int depth = -1; depth <= 1; depth++) {
		writer_open(&w, ENTRIES, depth, 0);
		prep(&w, 3);
		submit(&w, 2);
		cr_assert_eq(collect(&w, 5, -1), 5);
		prep(&w, 1);
		ring_submit(&w.ior);
		ring_submit(&w.ior);
		cr_assert_eq(collect(&w, 1, -1), 1, "once");
		writer_close(&w);
	}
}

E2E(depth, a_wait_for_a_remainder_gives_what_is_there)
{
	struct writer w;
	int n;

	writer_open(&w, ENTRIES, 4, 0);
	submit(&w, 6);
	do {
		n = collect(&w, 6, SHORT_MS);
		cr_assert_leq(n, 4);
	} while (w.done < 4);
	cr_assert_eq(w.done, 4);
	cr_assert_eq(collect(&w, 1, SHORT_MS), 0);
	submit(&w, 2);
	cr_assert_eq(collect(&w, 4, -1), 4);
	writer_close(&w);
}

/* Entries that trickle in make a batch larger, not later: it goes before it can be full. */
E2E(depth, a_part_goes_by_the_time_of_its_first_entry)
{
	enum { MANY = 4096 };
	struct writer w;

	writer_open(&w, MANY, -MANY, 250);
	do {
		submit(&w, 1);
		nap_ms(1);
	} while (!collect(&w, 0, -1) && w.next < MANY - 1);
	cr_assert_gt(w.done, 0, "%ld entries came in, one after another", w.next);
	while (w.done < w.next)
		collect(&w, 1, -1);
	writer_close(&w);
}

E2E(depth, a_part_goes_in_time_while_nobody_waits)
{
	struct writer w;

	e2e_needs_local_files();
	writer_open(&w, ENTRIES, -8, 20);
	submit(&w, 3);
	while (file_size("file") < 3 * LEN)
		nap_ms(1);
	cr_assert_eq(collect(&w, 3, -1), 3);
	writer_close(&w);
}

E2E(depth, a_time_matters_to_negative_depths_only)
{
	struct writer w;

	writer_open(&w, ENTRIES, 4, 1);
	submit(&w, 6);
	cr_assert_eq(collect(&w, 4, -1), 4);
	cr_assert_eq(collect(&w, 1, SHORT_MS), 0, "the rest waits for company");
	writer_close(&w);
	writer_open(&w, ENTRIES, 0, 3600 * 1000);
	submit(&w, 3);
	cr_assert_eq(collect(&w, 3, -1), 3);
	writer_close(&w);
}

E2E(depth, as_negative_as_can_be)
{
	const int depths[] = {INT_MIN, INT_MIN + 1, -131072, -ENTRIES - 1};
	struct writer w;

	for (unsigned i = 0; i < sizeof(depths) / sizeof(*depths); i++)
		for (int timeout = 0; timeout <= 5; timeout += 5) {
			writer_open(&w, ENTRIES, depths[i], timeout);
			cr_assert_eq(w.ior.io_depth, depths[i]);
			submit(&w, ENTRIES);
			cr_assert_eq(collect(&w, ENTRIES, -1), ENTRIES);
			submit(&w, 1);
			cr_assert_eq(collect(&w, 1, -1), 1);
			writer_close(&w);
		}
}

/* As checkpoints are written: a huge ring, depth -1, and looks that never wait. */
E2E(depth, a_checkpoint_writer_polls_and_never_blocks)
{
	int entries = full_or_quick(102400, 3000);
	struct writer w;
	char *seen;

	writer_open(&w, entries, -1, 0);
	for (int round = 0; round < 2; round++) {
		seen = calloc(entries, 1);
		cr_assert(seen);
		submit(&w, entries);
		cr_assert_eq(hf3fs_prep_io(&w.ior, &w.iov, false, w.iov.base, w.fd, 0, LEN, NULL),
			     -EAGAIN, "all entries are taken");
		while (w.done < w.next) {
			int n = collect(&w, 0, -1);

			for (int i = 0; i < n; i++) {
				long io = (long)w.cqes[i].userdata % entries;

				cr_assert(!seen[io]++, "I/O %ld completed twice", io);
			}
			nap_ms(full_or_quick(10, 1));
		}
		free(seen);
	}
	writer_close(&w);
}
