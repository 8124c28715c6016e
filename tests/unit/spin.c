/* How long to look before sleeping: what the budget is, and what it costs when nothing comes. */
#include <criterion/criterion.h>

#include "common/base/spin.h"

#define US 1000ull
#define MS (1000 * US)

/* The same gap for long enough that it is the usual one. */
static void settle(struct spin *spin, uint64_t gap_ns)
{
	for (int i = 0; i < 100; i++)
		spin_hit(spin, gap_ns);
}

Test(spin, four_times_the_usual_gap_within_limits)
{
	struct spin spin;

	spin_init(&spin);
	settle(&spin, 100 * US);
	cr_assert_eq(spin_budget(&spin) / US, 400);
	settle(&spin, 10);
	cr_assert_eq(spin_budget(&spin), 5 * US, "not less than this");
	settle(&spin, 600 * US);
	cr_assert_eq(spin_budget(&spin), MS, "nor more than that");
}

/* One long gap among short ones does not end the looking. */
Test(spin, a_straggler_is_forgiven)
{
	struct spin spin;

	spin_init(&spin);
	settle(&spin, 100 * US);
	spin_hit(&spin, 5 * MS);
	cr_assert_geq(spin_budget(&spin), 400 * US);
}

Test(spin, long_gaps_are_slept_through_but_for_a_look_now_and_then)
{
	unsigned looks = 0;
	struct spin spin;

	spin_init(&spin);
	settle(&spin, 2 * MS);
	for (int i = 0; i < 1600; i++) {
		uint64_t budget = spin_budget(&spin);

		cr_assert(!budget || budget == MS);
		looks += budget != 0;
		spin_hit(&spin, 2 * MS);
	}
	cr_assert_eq(looks, 80);
	/* Slept through, the gap would be as short; a look that finds that out is believed. */
	spin_hit(&spin, 100 * US);
	cr_assert_eq(spin_budget(&spin), 400 * US);
}

Test(spin, after_a_pause_it_looks_again)
{
	struct spin spin;

	spin_init(&spin);
	cr_assert_eq(spin_budget(&spin), MS);
	settle(&spin, 10 * MS);
	spin_hit(&spin, 21 * MS);
	cr_assert_eq(spin_budget(&spin), MS);
}

/* Events at a steady rate: what is looked for in vain, of a processor's time. */
Test(spin, little_is_spent_in_vain)
{
	for (uint64_t gap = 10 * US; gap < 1000 * MS; gap += gap / 10) {
		uint64_t vain = 0;
		struct spin spin;

		spin_init(&spin);
		settle(&spin, gap);
		for (int i = 0; i < 1600; i++) {
			uint64_t budget = spin_budget(&spin);

			vain += budget < gap ? budget : 0;
			spin_hit(&spin, gap);
		}
		cr_assert_leq(vain * 20, 1600 * gap, "gaps of %llu ns", (unsigned long long)gap);
	}
}
