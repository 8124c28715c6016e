/* A fault trigger: the words that it understands, and the chances that it takes. */
#include "common/fault_points/fault_trigger.h"

#include <criterion/criterion.h>
#include <errno.h>

/* Which of the first 64 chances are taken, the first as the lowest bit. */
static uint64_t taken(const char *text, uint64_t seed)
{
	struct fault_trigger trigger = {0};
	uint64_t mask = 0;

	cr_assert_eq(fault_trigger_parse(&trigger, text), 0, "%s", text);
	for (int i = 0; i < 64; i++)
		mask |= (uint64_t)fault_trigger_now(&trigger, seed) << i;
	return mask;
}

Test(fault_trigger, never)
{
	struct fault_trigger trigger = {0};

	for (int i = 0; i < 100; i++)
		cr_assert_not(fault_trigger_now(&trigger, 1));
}

Test(fault_trigger, the_kth_alone)
{
	cr_assert_eq(taken("#1", 0), 1);
	cr_assert_eq(taken("#64", 7), 1ull << 63);
	cr_assert_eq(taken("#65", 7), 0);
}

Test(fault_trigger, from_the_kth_on)
{
	cr_assert_eq(taken("#1+", 0), UINT64_MAX);
	cr_assert_eq(taken("#61+", 7), 0xfull << 60);
}

Test(fault_trigger, each_nth_without_a_seed)
{
	cr_assert_eq(taken("1/1", 0), UINT64_MAX);
	cr_assert_eq(taken("1/4", 0), 0x8888888888888888);
}

Test(fault_trigger, one_in_n_with_a_seed)
{
	struct fault_trigger trigger = {0};
	int n = 0;

	cr_assert_eq(taken("1/4", 5), taken("1/4", 5));
	cr_assert_neq(taken("1/4", 5), taken("1/4", 6));
	cr_assert_eq(fault_trigger_parse(&trigger, "1/10"), 0);
	for (int i = 0; i < 10000; i++)
		n += fault_trigger_now(&trigger, 5);
	cr_assert(n > 800 && n < 1200, "%d of 10000", n);
}

Test(fault_trigger, nonsense_is_refused)
{
	static const char *const bad[] = {"",	  "1",
					  "1/",	  "1/0",
					  "1/x",  "1/5x",
					  "2/5",  "#",
					  "#0",	  "#+",
					  "#x",	  "#5x",
					  "#-1",  "#0+",
					  "#5++", "# 5",
					  "5",	  "#99999999999999999999",
					  "1/-3", "#1234567890123456789012345678901234567890"};
	struct fault_trigger trigger;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		cr_assert_eq(fault_trigger_parse(&trigger, bad[i]), -EINVAL, "%s", bad[i]);
}
