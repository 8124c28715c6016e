/* What an id may have in a second, at made-up times. */
#include <criterion/criterion.h>

#include "common/base/clock.h"
#include "server/account/rates.h"

#define START (3600 * NS_PER_S)
#define MS    1000000ull

static struct rates rates;

static void limit(uint64_t bytes, uint64_t ios)
{
	rates = (struct rates){0};
	rates_limit(&rates, (const uint64_t[NR_RATES]){bytes, ios});
}

static uint64_t take(uint64_t bytes, uint64_t now_ns)
{
	return rates_take(&rates, (const uint64_t[NR_RATES]){bytes, 1}, now_ns);
}

/* As many as there are, each millisecond, for ten seconds. */
static unsigned count(uint64_t bytes)
{
	unsigned n = 0;

	for (uint64_t now = START; now < START + 10 * NS_PER_S; now += MS)
		while (!take(bytes, now))
			n++;
	return n;
}

/* What ten seconds bring, what was saved, and the one that begins with the last of it. */
static void expect(unsigned n, unsigned per_s)
{
	cr_expect_geq(n, 10 * per_s);
	cr_expect_leq(n, 10 * per_s + per_s / 10 + 1, "%u of %u in a second", n, per_s);
}

Test(rates, ios_in_a_second)
{
	limit(0, 5000);
	expect(count(1 << 20), 5000);
	limit(0, 7);
	expect(count(1 << 20), 7);
}

Test(rates, bytes_in_a_second)
{
	limit(4096 * 1000, 0);
	expect(count(4096), 1000);
	limit(1000000000000, 0);
	expect(count(1000000000), 1000);
}

Test(rates, the_lower_of_both_limits)
{
	limit(4096 * 100, 1000);
	expect(count(4096), 100);
	limit(4096 * 1000, 100);
	expect(count(4096), 100);
}

Test(rates, none)
{
	limit(0, 0);
	cr_expect_not(rates_are_limited(&rates));
	for (unsigned i = 0; i < 1000000; i++)
		cr_assert_eq(take(1 << 20, START), 0);
	limit(0, 1);
	cr_expect(rates_are_limited(&rates));
	limit(1, 0);
	cr_expect(rates_are_limited(&rates));
}

/* It begins, however large it is, and what comes later waits until it is paid. */
Test(rates, one_that_is_larger_than_a_second)
{
	const uint64_t paid = START + 5 * NS_PER_S - RATES_BURST_NS;

	limit(1000, 0);
	cr_assert_eq(take(5000, START), 0);
	cr_expect_eq(take(1, START), paid);
	cr_expect_eq(take(1, paid - 1), paid);
	cr_expect_eq(take(1, paid), 0);
	cr_expect_eq(atomic_load(&rates.nr_waits), 2);
}

/* A refused one takes of neither bucket. */
Test(rates, what_waits_costs_nothing)
{
	limit(1000, 1000);
	cr_assert_eq(take(5000, START), 0);
	for (unsigned i = 0; i < 100000; i++)
		cr_assert_neq(take(1, START), 0);
	cr_expect_eq(take(1, START + 5 * NS_PER_S), 0);
}
