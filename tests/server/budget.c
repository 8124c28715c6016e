/* What is charged, and whom it is refused. */
#include "server/base/budget.h"

#include <criterion/criterion.h>
#include <stdint.h>

Test(budget, is_never_exceeded)
{
	struct budget budget = {.max = 100};

	cr_assert(budget_take(&budget, 60, 40));
	cr_assert_not(budget_take(&budget, 41, 0));
	cr_assert_not(budget_take(&budget, 30, 11));
	cr_assert_not(budget_take(&budget, SIZE_MAX, 0));
	cr_assert_not(budget_take(&budget, 1, SIZE_MAX));
	cr_assert_eq(budget.used, 60, "what is refused is not charged");
	cr_assert(budget_take(&budget, 40, 0));
	cr_assert_not(budget_take(&budget, 1, 0));
	budget_give(&budget, 100);
	cr_assert_eq(budget.used, 0);
}

Test(budget, newcomers_leave_something_to_the_others)
{
	struct budget budget = {.max = 80};

	cr_assert_not(budget_take_new(&budget, 71));
	cr_assert(budget_take_new(&budget, 70));
	cr_assert_not(budget_take_new(&budget, 1));
	cr_assert(budget_take(&budget, 10, 0));
}

/* Until it is refused. */
static size_t take_all(struct share *share)
{
	while (budget_share_take(share, 1))
		;
	return share->used;
}

Test(budget, the_greedy_leave_as_much_as_each_of_them_has)
{
	struct budget budget = {.max = 1000};
	struct share shares[3];

	for (size_t i = 0; i < 3; i++)
		shares[i] = (struct share){.budget = &budget};
	cr_assert_eq(take_all(&shares[0]), 500);
	cr_assert_eq(take_all(&shares[1]), 250);
	cr_assert_eq(take_all(&shares[2]), 125);
	cr_assert_not(budget_share_take(&shares[0], 1));
	budget_share_give(&shares[0], 500);
	cr_assert(budget_share_take(&shares[2], 1));
	/* What is not this one's any more is still charged. */
	budget_share_release(&shares[1], 250);
	cr_assert_eq(budget.used, 250 + 126);
	cr_assert_eq(shares[1].used, 0);
}
