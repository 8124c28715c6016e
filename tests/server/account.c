/* Accounts of ids: their numbers, their limits, and who loses what when there is no room. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "server/account/account.h"

static struct budget budget;
static struct accounts *accounts;
static struct account *alice, *bob, *carol, *loser;

static void open_accounts(void)
{
	const unsigned max[NR_ACCOUNT_ITEMS] = {
		[ACCOUNT_CONNECTIONS] = 6, [ACCOUNT_SESSIONS] = 6, [ACCOUNT_FILES] = 64};

	budget = (struct budget){.max = 80};
	cr_assert_eq(accounts_open(&accounts, max, &budget), 0);
	alice = account_get(accounts, "alice");
	bob = account_get(accounts, "bob");
	carol = account_get(accounts, "carol");
}

static void close_accounts(void)
{
	account_put(alice);
	account_put(bob);
	account_put(carol);
	accounts_close(accounts);
}

TestSuite(account, .init = open_accounts, .fini = close_accounts);

static unsigned take(struct account *account, enum account_item item, unsigned n)
{
	unsigned got = 0;

	while (got < n && !account_take(account, item, &loser) && !loser)
		got++;
	return got;
}

Test(account, is_found_by_its_name_and_keeps_what_it_has_counted)
{
	struct account *again = account_get(accounts, "alice");

	cr_assert_eq(again, alice);
	account_limit(alice, ACCOUNT_SESSIONS, 1);
	cr_assert_eq(take(alice, ACCOUNT_SESSIONS, 2), 1);
	account_give(alice, ACCOUNT_SESSIONS, 1);
	account_put(again);
	account_put(alice);
	alice = account_get(accounts, "alice");
	cr_assert_eq(alice->refused, 1);
}

static uint64_t number_of(const char *name)
{
	struct account *account = account_get(accounts, name);
	uint64_t number = account->number;

	account_put(account);
	return number;
}

Test(account, those_that_nobody_uses_are_forgotten_in_the_end)
{
	uint64_t first = number_of("id0"), last = 0;
	char name[16];

	for (int i = 1; i < 2000; i++) {
		snprintf(name, sizeof(name), "id%d", i);
		last = number_of(name);
	}
	cr_assert_eq(number_of("id1999"), last, "it is kept for a while");
	cr_assert_gt(number_of("id0"), last, "the first has become another one, after %u",
		     (unsigned)first);
	cr_assert_eq(account_get(accounts, "alice"), alice);
	account_put(alice);
}

Test(account, those_in_use_are_listed)
{
	struct account_state state;
	unsigned n = 0;

	account_put(account_get(accounts, "nobody"));
	for (uint64_t after = 0; accounts_next(accounts, after, NULL, &state); n++) {
		cr_assert_gt(state.number, after);
		after = state.number;
	}
	cr_assert_eq(n, 3);
	cr_assert(accounts_next(accounts, 0, "carol", &state));
	cr_assert_str_eq(state.name, "carol");
	cr_assert_not(accounts_next(accounts, state.number, "carol", &state));
}

Test(account, alone_may_have_everything)
{
	cr_assert_eq(take(alice, ACCOUNT_CONNECTIONS, 10), 6);
	cr_assert_eq(account_take(alice, ACCOUNT_CONNECTIONS, &loser), -EUSERS);
	cr_assert_eq(alice->refused, 2);
	account_give(alice, ACCOUNT_CONNECTIONS, 2);
	cr_assert_eq(take(bob, ACCOUNT_CONNECTIONS, 2), 2);
	account_give(alice, ACCOUNT_CONNECTIONS, 4);
	account_give(bob, ACCOUNT_CONNECTIONS, 2);
}

/* Five and one, four and two, three and three; a third id gets two from the two others. */
Test(account, who_has_the_most_loses_until_all_have_the_same)
{
	struct account *const from[] = {alice, alice, alice}, *const next[] = {alice, bob};

	take(alice, ACCOUNT_CONNECTIONS, 6);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(account_take(bob, ACCOUNT_CONNECTIONS, &loser), 0);
		cr_assert_eq(loser, from[i]);
	}
	cr_assert_eq(account_take(bob, ACCOUNT_CONNECTIONS, &loser), -EUSERS, "three and three");
	cr_assert_eq(account_take(alice, ACCOUNT_CONNECTIONS, &loser), -EUSERS);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(account_take(carol, ACCOUNT_CONNECTIONS, &loser), 0);
		cr_assert_eq(loser, next[i]);
	}
	cr_assert_eq(account_take(carol, ACCOUNT_CONNECTIONS, &loser), -EUSERS, "two each");
	cr_assert_eq(account_has(alice, ACCOUNT_CONNECTIONS), 2);
	cr_assert_eq(account_has(bob, ACCOUNT_CONNECTIONS), 2);
	cr_assert_eq(alice->evicted, 4);
	cr_assert_eq(bob->evicted, 1);
	account_give(alice, ACCOUNT_CONNECTIONS, 2);
	account_give(bob, ACCOUNT_CONNECTIONS, 2);
	account_give(carol, ACCOUNT_CONNECTIONS, 2);
}

/* Three and two: who has one less would only have one more then. */
Test(account, nobody_loses_to_who_has_one_less)
{
	take(alice, ACCOUNT_CONNECTIONS, 3);
	take(bob, ACCOUNT_CONNECTIONS, 2);
	take(carol, ACCOUNT_CONNECTIONS, 1);
	cr_assert_eq(account_take(bob, ACCOUNT_CONNECTIONS, &loser), -EUSERS);
	cr_assert_eq(account_take(carol, ACCOUNT_CONNECTIONS, &loser), 0);
	cr_assert_eq(loser, alice);
	account_give(alice, ACCOUNT_CONNECTIONS, 2);
	account_give(bob, ACCOUNT_CONNECTIONS, 2);
	account_give(carol, ACCOUNT_CONNECTIONS, 2);
}

Test(account, takes_nothing_beyond_the_limit_of_its_key)
{
	account_limit(alice, ACCOUNT_SESSIONS, 2);
	cr_assert_eq(take(alice, ACCOUNT_SESSIONS, 6), 2);
	cr_assert_eq(account_take(alice, ACCOUNT_SESSIONS, &loser), -EDQUOT);
	account_limit(alice, ACCOUNT_SESSIONS, 3);
	cr_assert_eq(take(alice, ACCOUNT_SESSIONS, 6), 1);
	take(bob, ACCOUNT_SESSIONS, 3);
	account_limit(carol, ACCOUNT_SESSIONS, 1);
	cr_assert_eq(account_take(carol, ACCOUNT_SESSIONS, &loser), 0);
	cr_assert_eq(loser, alice);
	cr_assert_eq(account_take(carol, ACCOUNT_SESSIONS, &loser), -EDQUOT);
	account_give(alice, ACCOUNT_SESSIONS, 2);
	account_give(bob, ACCOUNT_SESSIONS, 3);
	account_give(carol, ACCOUNT_SESSIONS, 1);
}

/* Nobody loses a file. The last sixteenth, here four, is for who has less than an equal part. */
Test(account, leaves_files_for_others)
{
	cr_assert_eq(take(alice, ACCOUNT_FILES, 64), 60);
	cr_assert_eq(account_take(alice, ACCOUNT_FILES, &loser), -EMFILE);
	cr_assert_eq(take(bob, ACCOUNT_FILES, 64), 4);
	cr_assert_eq(account_take(bob, ACCOUNT_FILES, &loser), -EMFILE);
	account_give(alice, ACCOUNT_FILES, 3);
	cr_assert_eq(account_take(alice, ACCOUNT_FILES, &loser), -EMFILE, "these are bob's");
	cr_assert_eq(take(bob, ACCOUNT_FILES, 64), 3);
	cr_assert_eq(alice->evicted, 0);
	account_give(alice, ACCOUNT_FILES, 57);
	account_give(bob, ACCOUNT_FILES, 7);
}

/* Half of seven eighths is 35, also if an id is alone, and a third is 23. */
Test(account, an_equal_part_of_memory_depends_on_the_ids_with_sessions)
{
	take(alice, ACCOUNT_SESSIONS, 2);
	cr_assert(budget_id_take(&alice->memory, 35, 0));
	cr_assert_null(accounts_most_memory(accounts));
	take(bob, ACCOUNT_SESSIONS, 1);
	cr_assert_null(accounts_most_memory(accounts));
	take(carol, ACCOUNT_SESSIONS, 1);
	cr_assert_eq(accounts_most_memory(accounts), alice);
	cr_assert(budget_id_take(&bob->memory, 23, 0));
	cr_assert_eq(accounts_most_memory(accounts), alice);
	account_give(alice, ACCOUNT_SESSIONS, 1);
	cr_assert_eq(accounts_most_memory(accounts), alice);
	account_give(alice, ACCOUNT_SESSIONS, 1);
	cr_assert_null(accounts_most_memory(accounts), "two are left");
	account_give(bob, ACCOUNT_SESSIONS, 1);
	account_give(carol, ACCOUNT_SESSIONS, 1);
	budget_id_give(&alice->memory, 35);
	budget_id_give(&bob->memory, 23);
}
