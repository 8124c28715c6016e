/* wait_for_ios: what it refuses, and every combination of what it is asked with what there is. */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "tests/e2e/contract/contract.h"
#include "tests/support/pattern.h"

static struct hf3fs_ior dead_ior, zero_ior;

static struct {
	const struct hf3fs_ior *ior;
	struct hf3fs_cqe *cqes;
	int cqec, min;
	const struct timespec *deadline;
} a;

static void good(void)
{
	static struct hf3fs_cqe cqes[2];

	a.ior = &kit.reads;
	a.cqes = cqes;
	a.cqec = 2;
	a.min = 1;
	a.deadline = NULL;
}

static int call(void)
{
	return hf3fs_wait_for_ios(a.ior, a.cqes, a.cqec, a.min, a.deadline);
}

static int mistake(unsigned pick, const char **text)
{
	MISTAKE(-EINVAL, "cqec 0", a.cqec = 0);
	MISTAKE(-EINVAL, "cqec < 0", a.cqec = -1);
	MISTAKE(-EINVAL, "cqec INT_MIN", a.cqec = INT_MIN);
	MISTAKE(-EINVAL, "cqes NULL", a.cqes = NULL);
	MISTAKE(-EINVAL, "ior NULL", a.ior = NULL);
	MISTAKE(-EINVAL, "ior zeroed", a.ior = &zero_ior);
	MISTAKE(-EINVAL, "ior destroyed", a.ior = &dead_ior);
	MISTAKE(0, "min 0", a.min = 0);
	MISTAKE(0, "min < 0", a.min = -1);
	MISTAKE(0, "min INT_MIN", a.min = INT_MIN);
	return ROWS_END;
}

E2E(contract_wait, errors_come_before_any_waiting)
{
	kit_open();
	ring_make(&dead_ior, NULL, true, 1);
	hf3fs_iordestroy(&dead_ior);
	rows_check(&(struct rows){"wait_for_ios", good, mistake, call});
	kit_close();
}

/*
 * What there is: some I/Os are complete the moment they are submitted, because they cross a block;
 * those of an incomplete batch never are, until they get company.
 */
enum { ENTRIES = 16, DEPTH = 4 };

static const struct state {
	const char *text;
	int ready, waiting;
} states[] = {
	{"nothing outstanding", 0, 0}, {"some that never come yet", 0, 3},
	{"all ready", 4, 0},	       {"some ready, some that never come yet", 4, 1},
	{"many ready", 12, 2},
};

/* When a call with nothing to return would come back. */
enum when { PAST, SOON, FAR };
enum base { ABSOLUTE, SECONDS_FROM_NOW, FROM_NOW, BY_MONOTONIC, IS_NULL };

static const struct deadline {
	const char *text;
	enum when when;
	enum base base;
	long sec, nsec;
} deadlines[] = {
	{"NULL", FAR, IS_NULL, 0, 0},
	{"in an hour", FAR, FROM_NOW, 3600, 0},
	{"in an hour, given in nanoseconds", FAR, SECONDS_FROM_NOW, 0, 3600 * 1000000000l},
	{"in an hour, with tv_nsec < 0", FAR, SECONDS_FROM_NOW, 3602, -1000000001},
	{"tv_nsec LONG_MAX", FAR, ABSOLUTE, 0, LONG_MAX},
	{"tv_nsec LONG_MAX from now", FAR, SECONDS_FROM_NOW, 0, LONG_MAX},
	{"tv_sec LONG_MAX", FAR, ABSOLUTE, LONG_MAX, 0},
	{"both LONG_MAX", FAR, ABSOLUTE, LONG_MAX, LONG_MAX},
	{"tv_sec LONG_MAX, tv_nsec LONG_MIN", FAR, ABSOLUTE, LONG_MAX, LONG_MIN},
	{"in 2 ms", SOON, FROM_NOW, 0, 2000000},
	{"in 2 ms, with tv_nsec >= 1e9", SOON, FROM_NOW, -1, 1002000000},
	{"now", PAST, FROM_NOW, 0, 0},
	{"a second ago", PAST, FROM_NOW, -1, 0},
	{"0", PAST, ABSOLUTE, 0, 0},
	{"1 ns", PAST, ABSOLUTE, 0, 1},
	{"relative by mistake, 5 s", PAST, ABSOLUTE, 5, 0},
	{"relative by mistake, 100 ms", PAST, ABSOLUTE, 0, 100000000},
	{"CLOCK_MONOTONIC by mistake", PAST, BY_MONOTONIC, 1, 0},
	{"tv_nsec -1", PAST, SECONDS_FROM_NOW, 0, -1},
	{"tv_nsec LONG_MIN", PAST, SECONDS_FROM_NOW, 0, LONG_MIN},
	{"tv_sec < 0", PAST, ABSOLUTE, -5, 0},
	{"tv_sec LONG_MIN", PAST, ABSOLUTE, LONG_MIN, 0},
	{"both LONG_MIN", PAST, ABSOLUTE, LONG_MIN, LONG_MIN},
	{"tv_sec LONG_MIN, tv_nsec LONG_MAX", PAST, ABSOLUTE, LONG_MIN, LONG_MAX},
};

static const struct timespec *time_of(const struct deadline *d)
{
	static struct timespec t;

	t = (struct timespec){0};
	if (d->base == IS_NULL)
		return NULL;
	if (d->base != ABSOLUTE)
		clock_gettime(d->base == BY_MONOTONIC ? CLOCK_MONOTONIC : CLOCK_REALTIME, &t);
	if (d->base == SECONDS_FROM_NOW)
		t.tv_nsec = 0;
	t.tv_sec += d->sec;
	t.tv_nsec += d->nsec;
	return &t;
}

static struct hf3fs_ior batches; /* for reading, io_depth DEPTH */
static struct hf3fs_iov blocks;	 /* of 1 KiB */
static uintptr_t prepared, collected;

static void prep(int n)
{
	for (; n; n--)
		ring_prep(&batches, &blocks, blocks.base + 1000, kit.fd, 0, 100,
			  (void *)++prepared);
}

/* Each is the next one, and complete. */
static bool next_ones(const struct hf3fs_cqe *cqes, int n)
{
	for (int i = 0; i < n; i++)
		if (cqes[i].userdata != (void *)++collected || cqes[i].result != -EINVAL)
			return false;
	return true;
}

/* One combination: what is ready is returned, as far as there is room, and the rest comes later. */
static void combine(const struct state *state, const struct deadline *d, int cqec, int min)
{
	struct hf3fs_cqe cqes[ENTRIES + 4];
	int want = state->ready < cqec ? state->ready : cqec, got, rest;

	prep(state->ready + state->waiting);
	ring_submit(&batches);
	got = hf3fs_wait_for_ios(&batches, cqes, cqec, min, time_of(d));
	cr_expect(got == want && next_ones(cqes, got), "%s, cqec %d, min %d, deadline %s: %d",
		  state->text, cqec, min, d->text, got);
	prep(state->waiting ? DEPTH - state->waiting : 0);
	ring_submit(&batches);
	rest = (int)(prepared - collected);
	got = hf3fs_wait_for_ios(&batches, cqes, ENTRIES, rest, NULL);
	cr_assert(got == rest && next_ones(cqes, got), "what is left comes later: %d of %d", got,
		  rest);
}

static void combine_all(const struct state *state, const struct deadline *d)
{
	const int room[] = {1, state->ready ? state->ready : 2, state->ready + 3};

	for (int i = 0; i < 3; i++) {
		const int mins[] = {INT_MIN, -1, 0, 1, room[i], room[i] + 3, INT_MAX};

		for (int k = 0; k < 7; k++) {
			int min = mins[k] < room[i] ? mins[k] : room[i];

			/* What would wait for long is in contract_waiters_test.c. */
			if (d->when != FAR || state->ready >= min)
				combine(state, d, room[i], mins[k]);
		}
	}
}

E2E(contract_wait, every_combination_of_min_cqec_deadline_and_state)
{
	kit_open();
	cr_assert_eq(hf3fs_iorcreate(&batches, e2e_mount, ENTRIES, true, DEPTH, -1), 0);
	cr_assert_eq(hf3fs_iovcreate(&blocks, e2e_mount, 4096, 1024, -1), 0);
	for (unsigned s = 0; s < sizeof(states) / sizeof(*states); s++)
		for (unsigned d = 0; d < sizeof(deadlines) / sizeof(*deadlines); d++)
			combine_all(&states[s], &deadlines[d]);
	hf3fs_iordestroy(&batches);
	hf3fs_iovdestroy(&blocks);
	kit_works();
	kit_close();
}

/* The same with I/Os that go to the server: min <= 0 or the past never wait, and lose nothing. */
E2E(contract_wait, only_looking_finds_everything_in_the_end)
{
	struct hf3fs_cqe cqes[KIT_ENTRIES];

	kit_open();
	for (unsigned d = 0; d < sizeof(deadlines) / sizeof(*deadlines); d++) {
		int got = 0, n, min = deadlines[d].when == PAST ? KIT_ENTRIES : 0;

		for (int i = 0; i < KIT_ENTRIES; i++)
			ring_prep(&kit.reads, &kit.iov, kit.iov.base, kit.fd, 0, 1, NULL);
		ring_submit(&kit.reads);
		while (got < KIT_ENTRIES) {
			n = hf3fs_wait_for_ios(&kit.reads, cqes, KIT_ENTRIES, min,
					       time_of(&deadlines[d]));
			cr_assert(n >= 0 && n <= KIT_ENTRIES - got, "%s: %d", deadlines[d].text, n);
			got += n;
		}
	}
	kit_works();
	kit_close();
}
