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

/* An equal part of seven eighths is 35 also for one id, because another one may come. */
Test(budget, the_last_part_is_for_ids_with_less)
{
	struct budget budget = {.max = 80, .nr_ids = 1};
	struct budget_id rich = {.budget = &budget}, poor = {.budget = &budget};

	cr_assert_not(budget_id_has_more(&rich, 35));
	cr_assert(budget_id_has_more(&rich, 36));
	cr_assert_not(budget_id_take(&rich, 71, 0));
	cr_assert_eq(rich.used, 0, "what is refused is not counted");
	cr_assert(budget_id_take(&rich, 70, 0));
	cr_assert_not(budget_is_short(&budget));
	cr_assert_not(budget_id_take(&rich, 1, 0));
	cr_assert_not(budget_id_take(&poor, 10, 1));
	cr_assert(budget_id_take(&poor, 10, 0));
	cr_assert(budget_is_short(&budget));
	cr_assert_not(budget_id_take(&poor, 1, 0));
	budget_id_give(&rich, 46);
	budget.nr_ids = 3; /* 23 each */
	cr_assert(budget_id_has_more(&rich, 0));
	cr_assert(budget_id_take(&poor, 13, 0));
	cr_assert_not(budget_id_has_more(&poor, 0));
	cr_assert_eq(budget.used, 24 + 23);
}

Test(budget, those_whose_id_is_not_known_leave_something_to_ids)
{
	struct budget budget = {.max = 80};
	struct budget_id unknown = {.budget = &budget}, id = {.budget = &budget};

	cr_assert(budget_id_take_unknown(&unknown, 4));
	cr_assert_not(budget_id_has_unknown(&unknown, 1));
	cr_assert(budget_id_has_unknown(&unknown, 2));
	cr_assert_not(budget_id_take_unknown(&unknown, 72));
	cr_assert(budget_id_take_unknown(&unknown, 71));
	cr_assert(budget_id_has_unknown(&unknown, 0));
	budget_id_move(&unknown, &id, 71);
	cr_assert_not(budget_id_has_unknown(&unknown, 0));
	cr_assert_eq(id.used, 71);
	budget_id_give(&id, 71);
	cr_assert_eq(budget.used, 4);
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
	struct budget_id id = {.budget = &budget};
	struct share shares[3];

	for (size_t i = 0; i < 3; i++)
		shares[i] = (struct share){.id = &id};
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
	cr_assert_eq(id.used, 126);
}
