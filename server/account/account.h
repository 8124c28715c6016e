/*
 * Accounts: what each id has of the server. An id is that of a key. A client without a key counts
 * as its address without the port, so that one machine is one id.
 *
 * While there is room, an id may take what it wants, up to the limits of its key. When there is
 * none, the id that has the most loses one to an id that has at least two less. So the ids that ask
 * end up with equal parts, and an id that is alone may have everything. Files are not taken away
 * from anybody. Instead the last part of them is kept for ids with less than an equal part, and so
 * is the last part of the memory.
 *
 * Connections and sessions hold references. Any thread may use an account.
 */
#ifndef USRBIO_SERVER_ACCOUNT_ACCOUNT_H
#define USRBIO_SERVER_ACCOUNT_ACCOUNT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/list.h"
#include "server/account/rates.h"
#include "server/base/budget.h"

struct accounts;

#define ACCOUNT_NAME_MAX 64

enum account_item {
	ACCOUNT_CONNECTIONS, /* with a Welcome, or about to get one */
	ACCOUNT_SESSIONS,
	ACCOUNT_FILES, /* open ones */
	NR_ACCOUNT_ITEMS,
};

struct account {
	struct accounts *accounts;
	struct list node;   /* in the registry, in the order of `number` */
	uint64_t number;    /* from 1, in the order in which they came */
	struct list unused; /* the same, while nobody refers to it */
	unsigned refs;	    /* the registry's lock protects it */
	char name[ACCOUNT_NAME_MAX + 1];

	/* The registry's lock protects changes; any thread may read. */
	atomic_uint n[NR_ACCOUNT_ITEMS];
	atomic_uint max[NR_ACCOUNT_ITEMS]; /* of the key; 0: no limit */
	atomic_ullong refused, evicted;	   /* of all items: asked for and not got; taken away */

	struct rates rates;  /* of the key; any thread */
	atomic_ullong bytes; /* of I/Os under way, as their clients have asked for; any thread */

	struct budget_id memory; /* of its connections, sessions, files and calls; any thread */
};

/*
 * Make a registry. max[item] is what there is of it for all ids together. `budget` is their memory,
 * which outlives the registry. 0 or -ENOMEM.
 */
int accounts_open(struct accounts **accounts, const unsigned max[NR_ACCOUNT_ITEMS],
		  struct budget *budget);
/* Free the registry. Nobody refers to an account any more. */
void accounts_close(struct accounts *accounts);

/* Get a reference to the account of this name, which may be new. NULL: no memory. */
struct account *account_get(struct accounts *accounts, const char *name);
void account_ref(struct account *account);
/* Drop a reference. An account without any is kept for a while, with what it has counted. */
void account_put(struct account *account);
/* Set the limit of the id's key; 0: none. */
void account_limit(struct account *account, enum account_item item, unsigned max);

/*
 * Take one of an item. 0: it is taken. If *loser is not NULL then, it is taken from that account,
 * whose number is one less already: the caller ends one of that account's. -EDQUOT: the id has as
 * many as its key allows. -EUSERS: there is no room, and nobody has two more than this id. -EMFILE
 * instead, for files: the rest of them is for ids with less.
 */
int account_take(struct account *account, enum account_item item, struct account **loser);
/* How many of an item it has. */
static inline unsigned account_has(const struct account *account, enum account_item item)
{
	return atomic_load_explicit(&account->n[item], memory_order_relaxed);
}

/* Give n of an item back. */
void account_give(struct account *account, enum account_item item, unsigned n);
/*
 * The id that has the most memory, if that is more than an equal part; NULL: there is none. The
 * caller has no reference to it, and may compare only.
 */
const struct account *accounts_most_memory(struct accounts *accounts);
/* Count that the id lost a connection or a session to one that has less memory. */
void account_evicted(struct account *account);
/* What there is of an item for all, and what of it is in use. Any thread. */
unsigned accounts_used(struct accounts *accounts, enum account_item item, unsigned *max);

/* The numbers of an account, for those who watch. */
struct account_state {
	uint64_t number;
	char name[ACCOUNT_NAME_MAX + 1];
	unsigned n[NR_ACCOUNT_ITEMS], max[NR_ACCOUNT_ITEMS]; /* 0: no limit */
	uint64_t bytes, memory, refused, evicted;
	uint64_t per_s[NR_RATES], throttled;
};

/*
 * Get the first account in use behind number `after`, in the order in which they came; only that of
 * this name, if `only` is not NULL. False: there is none.
 */
bool accounts_next(struct accounts *accounts, uint64_t after, const char *only,
		   struct account_state *state);

#endif
