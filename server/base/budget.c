/*
 * The memory budget and its shares. The server owns the budget, each account what its id has of it,
 * and each session its share. Any thread may use them, because atomic operations replace a lock.
 */
#include "server/base/budget.h"

#include "common/fault_points/faults.h"

/* This part of the budget is kept for ids with less than an equal part of the rest. */
#define KEPT 8

static size_t kept(const struct budget *budget)
{
	return budget->max / KEPT;
}

static size_t load(const atomic_size_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

bool budget_take(struct budget *budget, size_t bytes, size_t leave)
{
	size_t used = load(&budget->used);

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

bool budget_is_short(const struct budget *budget)
{
	return budget->max - load(&budget->used) + load(&budget->leaving) < kept(budget);
}

/* An id that is alone counts as two, because the other one may come later. */
bool budget_id_has_more(const struct budget_id *id, size_t bytes)
{
	const struct budget *budget = id->budget;
	size_t nr = atomic_load_explicit(&budget->nr_ids, memory_order_relaxed);

	return load(&id->used) + bytes > (budget->max - kept(budget)) / (nr > 2 ? nr : 2);
}

bool budget_id_take(struct budget_id *id, size_t bytes, size_t leave)
{
	size_t least;

	atomic_fetch_add(&id->used, bytes);
	least = budget_id_has_more(id, 0) ? kept(id->budget) : 0;
	if (budget_take(id->budget, bytes, leave > least ? leave : least))
		return true;
	atomic_fetch_sub(&id->used, bytes);
	return false;
}

void budget_id_give(struct budget_id *id, size_t bytes)
{
	atomic_fetch_sub(&id->used, bytes);
	budget_give(id->budget, bytes);
}

void budget_id_leave(struct budget_id *id, size_t bytes)
{
	atomic_fetch_sub(&id->used, bytes);
	atomic_fetch_add(&id->budget->leaving, bytes);
}

void budget_id_return(struct budget_id *id, size_t bytes)
{
	atomic_fetch_sub(&id->budget->leaving, bytes);
	atomic_fetch_add(&id->used, bytes);
}

bool budget_id_take_unknown(struct budget_id *unknown, size_t bytes)
{
	if (!budget_take(unknown->budget, bytes, kept(unknown->budget) / 2))
		return false;
	atomic_fetch_add(&unknown->used, bytes);
	return true;
}

bool budget_id_has_unknown(const struct budget_id *unknown, size_t bytes)
{
	return load(&unknown->used) + bytes > kept(unknown->budget) / 2;
}

void budget_id_move(struct budget_id *from, struct budget_id *to, size_t bytes)
{
	atomic_fetch_sub(&from->used, bytes);
	atomic_fetch_add(&to->used, bytes);
}

bool budget_share_take(struct share *share, size_t bytes)
{
	size_t used = atomic_fetch_add(&share->used, bytes) + bytes;

	if (budget_id_take(share->id, bytes, used))
		return true;
	atomic_fetch_sub(&share->used, bytes);
	return false;
}

void budget_share_give(struct share *share, size_t bytes)
{
	budget_share_release(share, bytes);
	budget_give(share->id->budget, bytes);
}

void budget_share_release(struct share *share, size_t bytes)
{
	atomic_fetch_sub(&share->used, bytes);
	atomic_fetch_sub(&share->id->used, bytes);
}
