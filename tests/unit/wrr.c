/* Weighted round robin: which level is next, and what is left for the others. */
#include <criterion/criterion.h>

#include "common/base/wrr.h"

enum { ALL = 7 };

/* Serve these levels n times, one unit of work each, and count. */
static void take(struct wrr *wrr, unsigned busy, unsigned n, unsigned count[WRR_LEVELS])
{
	for (unsigned i = 0; i < WRR_LEVELS; i++)
		count[i] = 0;
	while (n--) {
		unsigned level = wrr_next(wrr, busy);

		cr_assert(busy & 1u << level);
		cr_assert_gt(wrr->credit[level], 0);
		wrr_charge(wrr, level, 1);
		count[level]++;
	}
}

Test(wrr, shares_are_64_to_16_to_4)
{
	unsigned count[WRR_LEVELS];
	struct wrr wrr;

	wrr_init(&wrr);
	take(&wrr, ALL, 64, count);
	cr_assert_eq(count[0], 64, "the most urgent goes first");
	take(&wrr, ALL, 16, count);
	cr_assert_eq(count[1], 16);
	take(&wrr, ALL, 4, count);
	cr_assert_eq(count[2], 4, "and all levels have used their credit");
	take(&wrr, ALL, 100 * 84, count);
	cr_assert_eq(count[0], 6400);
	cr_assert_eq(count[1], 1600);
	cr_assert_eq(count[2], 400);
}

Test(wrr, unused_credit_goes_to_the_others)
{
	unsigned count[WRR_LEVELS];
	struct wrr wrr;

	wrr_init(&wrr);
	take(&wrr, 4, 1000, count);
	cr_assert_eq(count[2], 1000);
	wrr_init(&wrr);
	take(&wrr, 6, 20 * 50, count);
	cr_assert_eq(count[1], 800);
	cr_assert_eq(count[2], 200);
}

Test(wrr, the_urgent_is_next_whenever_it_comes)
{
	unsigned count[WRR_LEVELS];
	struct wrr wrr;

	wrr_init(&wrr);
	for (unsigned n = 1; n < 200; n++) {
		take(&wrr, 4, n, count);
		cr_assert_eq(wrr_next(&wrr, ALL), 0);
		wrr_charge(&wrr, 0, 1);
	}
}

Test(wrr, more_work_than_credit_ends_the_round)
{
	struct wrr wrr;

	wrr_init(&wrr);
	wrr_charge(&wrr, 0, 1000);
	cr_assert_eq(wrr_next(&wrr, ALL), 1);
	wrr_charge(&wrr, 1, 16);
	wrr_charge(&wrr, 2, 256);
	cr_assert_eq(wrr_next(&wrr, ALL), 0, "the debt is forgotten with the next credit");
}
