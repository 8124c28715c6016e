/*
 * The memory budget and its shares. The server owns the budget, and each session owns its share.
 * Any thread may use them, because atomic operations replace a lock.
 */
#include "server/base/budget.h"

#include "common/fault_points/faults.h"

bool budget_take(struct budget *budget, size_t bytes, size_t leave)
{
	size_t used = atomic_load_explicit(&budget->used, memory_order_relaxed);

	if (fault_at(BUDGET_FAIL))
		return false;
	do {
		size_t left = budget->max - used;

		if (bytes > left || leave > left - bytes)
			return false;
	} while (!atomic_compare_exchange_weak(&budget->used, &used, used + bytes));
	return true;
}

void budget_give(struct budget *budget, size_t bytes)
{
	atomic_fetch_sub(&budget->used, bytes);
}

bool budget_take_new(struct budget *budget, size_t bytes)
{
	return budget_take(budget, bytes, budget->max / 8);
}

bool budget_share_take(struct share *share, size_t bytes)
{
	size_t used = atomic_fetch_add(&share->used, bytes) + bytes;

	if (budget_take(share->budget, bytes, used))
		return true;
	atomic_fetch_sub(&share->used, bytes);
	return false;
}

void budget_share_give(struct share *share, size_t bytes)
{
	budget_share_release(share, bytes);
	budget_give(share->budget, bytes);
}

void budget_share_release(struct share *share, size_t bytes)
{
	atomic_fetch_sub(&share->used, bytes);
}
