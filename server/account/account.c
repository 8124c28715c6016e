/*
 * The registry of accounts. The server owns it, and any thread may use it. Its lock guards the list
 * and every change of a number, except `bytes`. There are as many accounts as ids with connections
 * or sessions, and some more, so a search goes through all of them.
 */
#include "server/account/account.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/lock.h"

/* This part of all files is kept for ids that have less than an equal part. */
#define FILES_KEPT 16
/* Accounts that nobody refers to any more, so that a client that comes again finds its own. */
#define UNUSED_MAX 256

struct accounts {
	struct lock lock; /* LOCK_ACCOUNTS: no other lock is acquired under it */
	struct list list;
	struct list unused; /* those without references, in the order in which they lost the last */
	unsigned nr_unused;
	uint64_t last; /* number */
	unsigned used[NR_ACCOUNT_ITEMS], max[NR_ACCOUNT_ITEMS];
	struct budget *budget; /* its nr_ids is the number of ids with sessions */
};

int accounts_open(struct accounts **out, const unsigned max[NR_ACCOUNT_ITEMS],
		  struct budget *budget)
{
	struct accounts *accounts = calloc(1, sizeof(*accounts));

	if (!accounts)
		return -ENOMEM;
	lock_init(&accounts->lock, LOCK_ACCOUNTS);
	list_init(&accounts->list);
	list_init(&accounts->unused);
	memcpy(accounts->max, max, sizeof(accounts->max));
	accounts->budget = budget;
	*out = accounts;
	return 0;
}

/* Free the account that has been unused for the longest time. */
static void forget_one(struct accounts *accounts)
{
	struct account *account = container_of(list_pop(&accounts->unused), struct account, unused);

	accounts->nr_unused--;
	list_del(&account->node);
	free(account);
}

void accounts_close(struct accounts *accounts)
{
	while (accounts->nr_unused)
		forget_one(accounts);
	lock_destroy(&accounts->lock);
	free(accounts);
}

static struct account *find(struct accounts *accounts, const char *name)
{
	list_for_each (it, &accounts->list) {
		struct account *account = container_of(it, struct account, node);

		if (!strcmp(account->name, name))
			return account;
	}
	return NULL;
}

static struct account *add(struct accounts *accounts, const char *name)
{
	struct account *account = calloc(1, sizeof(*account));

	if (!account)
		return NULL;
	account->accounts = accounts;
	account->memory.budget = accounts->budget;
	account->number = ++accounts->last;
	strcpy(account->name, name);
	list_init(&account->unused);
	list_add_tail(&accounts->list, &account->node);
	return account;
}

static void use(struct account *account)
{
	if (!list_empty(&account->unused))
		account->accounts->nr_unused--;
	list_del(&account->unused);
	account->refs++;
}

struct account *account_get(struct accounts *accounts, const char *name)
{
	char known[ACCOUNT_NAME_MAX + 1];
	struct account *account;

	snprintf(known, sizeof(known), "%s", name);
	lock_acquire(&accounts->lock);
	account = find(accounts, known);
	if (!account)
		account = add(accounts, known);
	if (account)
		use(account);
	lock_release(&accounts->lock);
	return account;
}

void account_ref(struct account *account)
{
	lock_acquire(&account->accounts->lock);
	account->refs++;
	lock_release(&account->accounts->lock);
}

void account_put(struct account *account)
{
	struct accounts *accounts = account->accounts;

	lock_acquire(&accounts->lock);
	if (!--account->refs) {
		list_add_tail(&accounts->unused, &account->unused);
		if (++accounts->nr_unused > UNUSED_MAX)
			forget_one(accounts);
	}
	lock_release(&accounts->lock);
}

void account_limit(struct account *account, enum account_item item, unsigned max)
{
	atomic_store_explicit(&account->max[item], max, memory_order_relaxed);
}

/* Change a number, and with that of its sessions perhaps the number of ids that share the server.
 */
static void add_to(struct account *account, enum account_item item, int n)
{
	atomic_uint *nr_ids = &account->accounts->budget->nr_ids;
	unsigned before = account_has(account, item), now = before + (unsigned)n;

	lock_assert_held(&account->accounts->lock);
	atomic_store_explicit(&account->n[item], now, memory_order_relaxed);
	if (item == ACCOUNT_SESSIONS && !before != !now)
		atomic_fetch_add_explicit(nr_ids, now ? 1 : -1u, memory_order_relaxed);
}

/* The account that has the most of an item; of equals the one that came first. */
static struct account *richest(struct accounts *accounts, enum account_item item)
{
	struct account *most = NULL;

	list_for_each (it, &accounts->list) {
		struct account *account = container_of(it, struct account, node);

		if (!most || account_has(account, item) > account_has(most, item))
			most = account;
	}
	return most;
}

/* Take one from the richest, unless that would then have less than this one. 0 or -EUSERS. */
static int take_over(struct account *account, enum account_item item, struct account **loser)
{
	struct account *most = richest(account->accounts, item);

	if (account_has(most, item) < account_has(account, item) + 2)
		return -EUSERS;
	add_to(most, item, -1);
	add_to(account, item, 1);
	account_evicted(most);
	*loser = most;
	return 0;
}

/* True if the files that are left are for ids with less than this one. */
static bool is_kept_for_others(const struct account *account)
{
	const struct accounts *accounts = account->accounts;
	unsigned max = accounts->max[ACCOUNT_FILES], left = max - accounts->used[ACCOUNT_FILES];
	unsigned sharers = atomic_load_explicit(&accounts->budget->nr_ids, memory_order_relaxed);

	/* An id that is alone counts as two, because the other one may come later. */
	return left <= max / FILES_KEPT &&
	       account_has(account, ACCOUNT_FILES) >= max / (sharers > 2 ? sharers : 2);
}

static int take(struct account *account, enum account_item item, struct account **loser)
{
	struct accounts *accounts = account->accounts;
	unsigned most = atomic_load_explicit(&account->max[item], memory_order_relaxed);

	if (most && account_has(account, item) >= most)
		return -EDQUOT;
	if (item == ACCOUNT_FILES && is_kept_for_others(account))
		return -EMFILE;
	if (accounts->used[item] < accounts->max[item]) {
		accounts->used[item]++;
		add_to(account, item, 1);
		return 0;
	}
	return item == ACCOUNT_FILES ? -EMFILE : take_over(account, item, loser);
}

int account_take(struct account *account, enum account_item item, struct account **loser)
{
	int err;

	*loser = NULL;
	lock_acquire(&account->accounts->lock);
	err = take(account, item, loser);
	lock_release(&account->accounts->lock);
	if (err)
		atomic_fetch_add_explicit(&account->refused, 1, memory_order_relaxed);
	return err;
}

void account_give(struct account *account, enum account_item item, unsigned n)
{
	lock_acquire(&account->accounts->lock);
	account->accounts->used[item] -= n;
	add_to(account, item, -(int)n);
	lock_release(&account->accounts->lock);
}

const struct account *accounts_most_memory(struct accounts *accounts)
{
	const struct account *most = NULL;

	lock_acquire(&accounts->lock);
	list_for_each (it, &accounts->list) {
		const struct account *account = container_of(it, struct account, node);

		if (!most || atomic_load_explicit(&account->memory.used, memory_order_relaxed) >
				     atomic_load_explicit(&most->memory.used, memory_order_relaxed))
			most = account;
	}
	if (most && !budget_id_has_more(&most->memory, 0))
		most = NULL;
	lock_release(&accounts->lock);
	return most;
}

void account_evicted(struct account *account)
{
	atomic_fetch_add_explicit(&account->evicted, 1, memory_order_relaxed);
}

unsigned accounts_used(struct accounts *accounts, enum account_item item, unsigned *max)
{
	unsigned n;

	lock_acquire(&accounts->lock);
	n = accounts->used[item];
	*max = accounts->max[item];
	lock_release(&accounts->lock);
	return n;
}

static void fill(struct account_state *state, struct account *account)
{
	state->number = account->number;
	strcpy(state->name, account->name);
	for (int i = 0; i < NR_ACCOUNT_ITEMS; i++) {
		state->n[i] = account_has(account, i);
		state->max[i] = atomic_load_explicit(&account->max[i], memory_order_relaxed);
	}
	for (int i = 0; i < NR_RATES; i++)
		state->per_s[i] =
			atomic_load_explicit(&account->rates.per_s[i], memory_order_relaxed);
	state->throttled = atomic_load_explicit(&account->rates.nr_waits, memory_order_relaxed);
	state->bytes = atomic_load_explicit(&account->bytes, memory_order_relaxed);
	state->memory = atomic_load_explicit(&account->memory.used, memory_order_relaxed);
	state->refused = atomic_load_explicit(&account->refused, memory_order_relaxed);
	state->evicted = atomic_load_explicit(&account->evicted, memory_order_relaxed);
}

bool accounts_next(struct accounts *accounts, uint64_t after, const char *only,
		   struct account_state *state)
{
	struct account *found = NULL;

	lock_acquire(&accounts->lock);
	list_for_each (it, &accounts->list) {
		struct account *account = container_of(it, struct account, node);

		if (account->number <= after || !account->refs ||
		    (only && strcmp(account->name, only)))
			continue;
		found = account;
		break;
	}
	if (found)
		fill(state, found);
	lock_release(&accounts->lock);
	return found;
}
