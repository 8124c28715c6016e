/* Weighted turns: who is next, and what that leaves to the others. */
#include <criterion/criterion.h>

#include "common/base/wrr.h"

enum { ALL = 7 };

/* Take n turns among these levels, one piece of work each, and count them. */
static void take(struct wrr *turns, unsigned busy, unsigned n, unsigned count[NR_TURNS])
{
	for (unsigned i = 0; i < NR_TURNS; i++)
		count[i] = 0;
	while (n--) {
		unsigned level = wrr_next(turns, busy);

		cr_assert(busy & 1u << level);
		cr_assert_gt(turns->credit[level], 0);
		wrr_charge(turns, level, 1);
		count[level]++;
	}
}

Test(turns, shares_are_64_to_16_to_4)
{
	unsigned count[NR_TURNS];
	struct wrr turns;

	wrr_init(&turns);
	take(&turns, ALL, 64, count);
	cr_assert_eq(count[0], 64, "the most urgent goes first");
	take(&turns, ALL, 16, count);
	cr_assert_eq(count[1], 16);
	take(&turns, ALL, 4, count);
	cr_assert_eq(count[2], 4, "and all have had their turn");
	take(&turns, ALL, 100 * 84, count);
	cr_assert_eq(count[0], 6400);
	cr_assert_eq(count[1], 1600);
	cr_assert_eq(count[2], 400);
}

Test(turns, what_one_does_not_need_is_the_others)
{
	unsigned count[NR_TURNS];
	struct wrr turns;

	wrr_init(&turns);
	take(&turns, 4, 1000, count);
	cr_assert_eq(count[2], 1000);
	wrr_init(&turns);
	take(&turns, 6, 20 * 50, count);
	cr_assert_eq(count[1], 800);
	cr_assert_eq(count[2], 200);
}

Test(turns, the_urgent_is_next_whenever_it_comes)
{
	unsigned count[NR_TURNS];
	struct wrr turns;

	wrr_init(&turns);
	for (unsigned n = 1; n < 200; n++) {
		take(&turns, 4, n, count);
		cr_assert_eq(wrr_next(&turns, ALL), 0);
		wrr_charge(&turns, 0, 1);
	}
}

Test(turns, more_work_than_credit_ends_the_turn)
{
	struct wrr turns;

	wrr_init(&turns);
	wrr_charge(&turns, 0, 1000);
	cr_assert_eq(wrr_next(&turns, ALL), 1);
	wrr_charge(&turns, 1, 16);
	wrr_charge(&turns, 2, 256);
	cr_assert_eq(wrr_next(&turns, ALL), 0, "forgotten, once all have had theirs");
}
