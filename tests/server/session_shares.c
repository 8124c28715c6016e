/* Which connections and sessions end when another id has less and there is no room. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "proto/limits.h"
#include "tests/server/registry.h"

static struct one ones[8];

TestSuite(session_shares, .init = registry_open, .fini = registry_close);

static void allow(unsigned connections, unsigned sessions)
{
	sessions_close(registry);
	registry_open_shared(connections, sessions, FILES_MAX);
}

static int enter(struct one *one, const char *id)
{
	return registry_enter(one, &(struct claim){.id = id, .key = {1}});
}

/* Enter the session of another member, in this epoch. */
static int join(struct one *one, const struct one *first, const char *id, uint32_t epoch)
{
	struct claim claim = {.id = id, .epoch = epoch};
	uint8_t key[SESSION_KEY_SIZE] = {1}, known[SESSION_ID_SIZE];

	memcpy(known, session_id(first->member.session), sizeof(known));
	claim.session_id = known;
	cr_assert_eq(exchange_mac_by(&claim.proof, key, claim.key), 0);
	return registry_enter(one, &claim);
}

static void enter_all(const char *id, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		cr_assert_eq(enter(&ones[i], id), 0);
		atomic_store(&ones[i].member.used_ns, 100 - i);
	}
}

static void leave_all(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		registry_leave(&ones[i]);
}

static unsigned connections_of(const char *id)
{
	struct account_state state;

	cr_assert(accounts_next(sessions_accounts(registry), 0, id, &state));
	return state.n[ACCOUNT_CONNECTIONS];
}

static unsigned sessions_of(const char *id)
{
	struct account_state state;

	cr_assert(accounts_next(sessions_accounts(registry), 0, id, &state));
	return state.n[ACCOUNT_SESSIONS];
}

Test(session_shares, the_quietest_connection_of_the_richest_id_ends)
{
	struct one bobs, late;

	allow(4, 10);
	enter_all("alice", 1);
	for (int i = 1; i < 4; i++)
		cr_assert_eq(join(&ones[i], &ones[0], "alice", 0), 0);
	atomic_store(&ones[0].member.used_ns, 9);
	atomic_store(&ones[1].member.used_ns, 7);
	atomic_store(&ones[2].member.used_ns, 6);
	atomic_store(&ones[3].member.used_ns, 8);
	cr_assert_eq(enter(&late, "alice"), -EUSERS, "she has everything");
	cr_assert_eq(enter(&bobs, "bob"), 0);
	for (int i = 0; i < 4; i++) {
		cr_assert_eq(ones[i].notified, i == 2, "%d", i);
		cr_assert_eq(session_check(&ones[i].member), i == 2 ? -EUSERS : 0);
	}
	cr_assert_eq(connections_of("alice"), 3);
	registry_leave(&ones[2]);
	cr_assert_eq(connections_of("alice"), 3, "it counts no more since it was evicted");
	cr_assert_eq(join(&ones[2], &ones[0], "alice", 0), -EUSERS);
	cr_assert_eq(enter(&late, "bob"), 0);
	cr_assert_eq(ones[1].notified, 1);
	registry_leave(&ones[1]);
	cr_assert_eq(enter(&ones[1], "bob"), -EUSERS, "two and two");
	registry_leave(&late);
	registry_leave(&bobs);
	registry_leave(&ones[0]);
	registry_leave(&ones[3]);
	cr_assert_eq(connections_of("alice"), 0);
	cr_assert_eq(connections_of("bob"), 0);
}

/* Each member of the new incarnation takes the place of one of the old. */
Test(session_shares, a_full_server_lets_a_session_resume)
{
	struct one again[4], more;

	allow(4, 10);
	enter_all("alice", 1);
	for (int i = 1; i < 4; i++)
		cr_assert_eq(join(&ones[i], &ones[0], "alice", 0), 0);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(join(&again[i], &ones[0], "alice", 1), -EAGAIN);
	cr_assert_eq(join(&more, &ones[0], "alice", 1), -EUSERS);
	cr_assert_eq(connections_of("alice"), 4);
	leave_all(4);
	cr_assert_eq(connections_of("alice"), 4);
	for (int i = 0; i < 4; i++)
		registry_leave(&again[i]);
	cr_assert_eq(connections_of("alice"), 0);
}

Test(session_shares, the_richest_id_loses_a_session_that_nobody_uses)
{
	struct one bobs;

	allow(10, 4);
	enter_all("alice", 4);
	session_leave(&ones[1].member, 5);
	cr_assert_eq(enter(&bobs, "bob"), 0);
	cr_assert_eq(sessions_of("alice"), 3);
	for (int i = 0; i < 4; i++)
		cr_assert(i == 1 || !ones[i].notified);
	registry_leave(&bobs);
	registry_leave(&ones[0]);
	registry_leave(&ones[2]);
	registry_leave(&ones[3]);
}

Test(session_shares, or_else_the_quietest_one)
{
	struct one bobs, again;

	allow(10, 3);
	enter_all("alice", 3);
	cr_assert_eq(join(&ones[3], &ones[2], "alice", 0), 0);
	atomic_store(&ones[3].member.used_ns, 200); /* one of its two connections is not quiet */
	cr_assert_eq(enter(&bobs, "bob"), 0);
	cr_assert_eq(ones[1].notified, 1);
	cr_assert_eq(session_check(&ones[1].member), -EUSERS);
	cr_assert_eq(session_check(&ones[0].member), 0);
	cr_assert_eq(join(&again, &ones[1], "alice", 1), -EAGAIN, "the session is over");
	registry_leave(&ones[1]);
	cr_assert_eq(session_check(&again.member), -ESTALE);
	registry_leave(&again);
	cr_assert_eq(sessions_of("alice"), 2);
	registry_leave(&bobs);
	registry_leave(&ones[0]);
	registry_leave(&ones[2]);
	registry_leave(&ones[3]);
}

/* An unused session of an id that has no more than others stays until it has to yield. */
Test(session_shares, an_id_does_not_lose_a_session_to_one_that_has_more_before_it_yields)
{
	struct one bobs, late;

	allow(10, 4);
	enter_all("alice", 3);
	cr_assert_eq(enter(&bobs, "bob"), 0);
	session_leave(&bobs.member, 5);
	registry_now_ns = 5 + YIELDS - 1;
	cr_assert_eq(enter(&late, "alice"), -EUSERS);
	cr_assert_eq(sessions_of("bob"), 1);
	registry_now_ns = 5 + YIELDS;
	cr_assert_eq(enter(&late, "alice"), 0, "it had to yield");
	cr_assert_eq(sessions_of("alice"), 4);
	cr_assert_eq(enter(&bobs, "bob"), 0, "and takes a place back, as alice has most");
	cr_assert_eq(sessions_of("alice"), 3);
	registry_leave(&late);
	registry_leave(&bobs);
	leave_all(3);
}

Test(session_shares, the_files_of_an_id_are_bounded_together)
{
	struct claim claim = {.id = "alice", .key = {1}, .max_files = 2};
	struct one one, two;
	uint64_t first;

	cr_assert_eq(registry_enter(&one, &claim), 0);
	cr_assert_eq(registry_enter(&two, &claim), 0);
	first = registry_add_file(one.member.session);
	registry_add_file(two.member.session);
	cr_assert_eq(session_reserve_file(two.member.session), -EMFILE);
	cr_assert_eq(session_close_file(one.member.session, first), 0);
	registry_add_file(two.member.session);
	cr_assert_eq(session_reserve_file(one.member.session), -EMFILE);
	registry_leave(&one);
	registry_leave(&two);
}

static struct budget_id *memory_of(const char *id)
{
	struct account *account = account_get(sessions_accounts(registry), id);
	struct budget_id *memory = &account->memory;

	account_put(account); /* a session has another reference */
	return memory;
}

static uint64_t evicted_of(const char *id)
{
	struct account_state state;

	cr_assert(accounts_next(sessions_accounts(registry), 0, id, &state));
	return state.evicted;
}

/*
 * Of one MiB alice has three quarters, in three sessions with a connection each, and bob the eighth
 * that is kept. A little less than it is free.
 */
static void be_short_of_memory(struct one *bobs)
{
	registry_budget.max = 1u << 20;
	enter_all("alice", 3);
	for (int i = 0; i < 3; i++)
		atomic_store(&ones[i].member.bytes, 100000);
	registry_add_file(ones[1].member.session);
	cr_assert(budget_id_take(memory_of("alice"), 3u << 18, 0));
	cr_assert_eq(enter(bobs, "bob"), 0);
	cr_assert_not(sessions_make_room(registry, memory_of("bob")), "there is some");
	cr_assert(budget_id_take(memory_of("bob"), 1u << 17, 0));
}

/* As the connection of an evicted member does it. */
static void leave_evicted(struct one *one)
{
	registry_leave(one);
	budget_id_return(memory_of("alice"), one->member.leaving);
}

static void have_enough_memory(struct one *bobs, size_t of_alice)
{
	budget_id_give(memory_of("alice"), of_alice);
	budget_id_give(memory_of("bob"), 1u << 17);
	cr_assert_not(sessions_make_room(registry, memory_of("bob")));
	cr_assert_eq(registry_budget.leaving, 0);
	registry_leave(bobs);
}

Test(session_shares, the_id_with_the_most_memory_loses_its_quietest_connection)
{
	const size_t of_alice = 3u << 18;
	struct one bobs;

	be_short_of_memory(&bobs);
	cr_assert_not(sessions_make_room(registry, memory_of("alice")), "she has most");
	cr_assert_eq(evicted_of("alice"), 0);
	cr_assert(sessions_make_room(registry, memory_of("bob")));
	cr_assert_eq(session_check(&ones[2].member), -EUSERS);
	cr_assert_eq(connections_of("alice"), 2);
	cr_assert_eq(evicted_of("alice"), 1);
	cr_assert(sessions_make_room(registry, memory_of("bob")), "it becomes free soon");
	cr_assert_eq(evicted_of("alice"), 1);
	cr_assert(budget_take(&registry_budget, 100000, 0), "of connections that nobody knows");
	cr_assert(sessions_make_room(registry, NULL));
	cr_assert_eq(session_check(&ones[1].member), -EUSERS);
	cr_assert_eq(session_check(&ones[0].member), 0);
	cr_assert_eq(connections_of("alice"), 1);
	cr_assert_eq(connections_of("bob"), 1);
	budget_give(&registry_budget, 100000);
	leave_evicted(&ones[1]);
	leave_evicted(&ones[2]);
	have_enough_memory(&bobs, of_alice);
	registry_leave(&ones[0]);
}

Test(session_shares, or_a_session_without_members_that_has_more_memory)
{
	struct one bobs;

	be_short_of_memory(&bobs);
	session_leave(&ones[1].member, 0);
	cr_assert(sessions_make_room(registry, memory_of("bob")));
	cr_assert_eq(sessions_of("alice"), 3, "it has less");
	cr_assert_eq(session_check(&ones[2].member), -EUSERS);
	leave_evicted(&ones[2]);
	atomic_store(&ones[0].member.bytes, 1);
	cr_assert(sessions_make_room(registry, memory_of("bob")));
	cr_assert_eq(sessions_of("alice"), 1, "neither of the others has enough");
	cr_assert_eq(session_check(&ones[0].member), -EUSERS);
	leave_evicted(&ones[0]);
	while (registry_budget.leaving) /* a thread of the export frees them */
		;
	have_enough_memory(&bobs, 3u << 18);
}

Test(session_shares, nobody_loses_anything_who_has_no_more_than_an_equal_part)
{
	struct one bobs;

	be_short_of_memory(&bobs);
	budget_id_give(memory_of("alice"), 1u << 19);
	cr_assert(budget_take(&registry_budget, 1u << 19, 0), "of connections that nobody knows");
	cr_assert_not(sessions_make_room(registry, memory_of("bob")));
	cr_assert_eq(evicted_of("alice"), 0);
	budget_give(&registry_budget, 1u << 19);
	have_enough_memory(&bobs, 1u << 18);
	leave_all(3);
}

Test(session_shares, an_id_with_its_part_of_the_memory_gets_no_session_of_what_is_kept)
{
	struct one bobs, late;
	size_t size;

	registry_budget.max = 1u << 20;
	enter_all("alice", 1);
	size = memory_of("alice")->used;
	cr_assert(budget_id_take(memory_of("alice"), (7u << 17) - size, 0));
	cr_assert_eq(enter(&late, "alice"), -EUSERS);
	cr_assert_eq(enter(&bobs, "bob"), 0);
	cr_assert_eq(memory_of("bob")->used, size);
	budget_id_give(memory_of("alice"), (7u << 17) - size);
	cr_assert_eq(memory_of("alice")->used, size, "what was refused is not counted");
	registry_leave(&bobs);
	leave_all(1);
}
