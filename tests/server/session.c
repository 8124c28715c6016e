/* Sessions: who enters which, how many there may be, and when they end. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "proto/limits.h"
#include "tests/server/registry.h"

TestSuite(session_object, .init = registry_open, .fini = registry_close);

/* What it points to must not be gone when it is used. */
static struct claim claim_of(const struct server_session *session, uint32_t epoch)
{
	static uint8_t ids[8][SESSION_ID_SIZE];
	static unsigned next;
	struct claim claim = {.id = "", .epoch = epoch};

	memcpy(ids[next % 8], session_id(session), SESSION_ID_SIZE);
	claim.session_id = ids[next++ % 8];
	memcpy(claim.key, session_key(session), SESSION_KEY_SIZE);
	return claim;
}

static int enter_again(struct one *one, const struct one *before, uint32_t epoch)
{
	const struct claim claim = claim_of(before->member.session, epoch);

	return registry_enter(one, &claim);
}

Test(session_object, join_needs_id_key_and_export)
{
	struct one one, two;
	struct claim claim = claim_of(registry_enter_new(&one), 0);

	cr_assert_eq(registry_enter(&two, &claim), 0);
	cr_assert_eq(two.member.session, one.member.session);
	registry_leave(&two);
	cr_assert_eq(registry_enter_export(&two, 1, &claim), -EINVAL);
	for (size_t i = 0; i < sizeof(claim.key); i++) {
		claim.key[i] ^= 0x80;
		cr_assert_eq(registry_enter(&two, &claim), -ESTALE);
		claim.key[i] ^= 0x80;
	}
	claim.id = "alice";
	cr_assert_eq(registry_enter(&two, &claim), -ESTALE, "it was begun without a key");
	claim.id = "";
	registry_leave(&one);
	cr_assert_eq(sessions_expire(registry, KEPT), UINT64_MAX);
	cr_assert_eq(registry_enter(&two, &claim), -ESTALE);
}

/* The key is never said: who enters proves it over a handshake of their own. */
Test(session_object, one_begun_with_a_key_is_entered_by_its_owner_and_its_key)
{
	struct claim first = {.id = "alice", .key = {1, 2, 3}}, claim;
	struct one one, two;

	cr_assert_eq(registry_enter(&one, &first), 0);
	claim = claim_of(one.member.session, 0);
	cr_assert_eq(registry_enter(&two, &claim), -ESTALE, "the key itself, and no id");
	claim.id = "alice";
	cr_assert_eq(registry_enter(&two, &claim), -ESTALE, "the key itself");
	memset(claim.proof.transcript, 7, sizeof(claim.proof.transcript));
	cr_assert_eq(exchange_mac_by(&claim.proof, first.key, claim.key), 0);
	claim.id = "bob";
	cr_assert_eq(registry_enter(&two, &claim), -ESTALE, "somebody else");
	claim.id = "alice";
	claim.proof.transcript[0]++;
	cr_assert_eq(registry_enter(&two, &claim), -ESTALE, "a mac of another handshake");
	claim.proof.transcript[0]--;
	cr_assert_eq(registry_enter(&two, &claim), 0);
	cr_assert_eq(two.member.session, one.member.session);
	registry_leave(&two);
	registry_leave(&one);
}

/* What is open in it was opened with the rights of one user. */
Test(session_object, one_begun_as_a_user_is_entered_as_that_user)
{
	struct claim first = {.id = "alice", .key = {1}, .as_user = true, .user = {1, 2}}, claim;
	struct one one, two;

	cr_assert_eq(registry_enter(&one, &first), 0);
	claim = claim_of(one.member.session, 0);
	claim.id = "alice";
	claim.as_user = true;
	cr_assert_eq(exchange_mac_by(&claim.proof, first.key, claim.key), 0);
	claim.user = (struct identity){1, 2};
	cr_assert_eq(registry_enter(&two, &claim), 0);
	registry_leave(&two);
	registry_leave(&one);
}

/*
 * Everything that such a session began has to be over before its client hears that it is. `change`
 * makes a claim of another user.
 */
static void others_body(void (*change)(struct claim *claim))
{
	struct claim first = {.id = "alice", .key = {1}, .as_user = true, .user = {1, 2}}, claim;
	struct one old[2], waiting, late;
	unsigned most;

	cr_assert_eq(registry_enter(&old[0], &first), 0);
	claim = claim_of(old[0].member.session, 0);
	claim.id = "alice";
	claim.as_user = true;
	claim.user = first.user;
	cr_assert_eq(exchange_mac_by(&claim.proof, first.key, claim.key), 0);
	cr_assert_eq(registry_enter(&old[1], &claim), 0);
	change(&claim);
	cr_assert_eq(registry_enter(&waiting, &claim), -EAGAIN);
	for (int i = 0; i < 2; i++) {
		cr_expect_eq(old[i].notified, 1);
		cr_expect_eq(session_check(&old[i].member), -ESTALE);
	}
	registry_leave(&old[0]);
	cr_expect_eq(session_check(&waiting.member), -EAGAIN, "one is left");
	registry_leave(&old[1]);
	cr_expect_eq(waiting.notified, 1);
	cr_expect_eq(session_check(&waiting.member), -ESTALE);
	claim.user = first.user;
	claim.as_user = true;
	cr_expect_eq(registry_enter(&late, &claim), -EAGAIN, "it is over for everybody");
	registry_leave(&waiting);
	registry_leave(&late);
	cr_expect_eq(registry_enter(&late, &claim), -ESTALE);
	cr_expect_eq(sessions_count(registry, &most), 0);
}

static void other_user(struct claim *claim)
{
	claim->user.uid++;
}

static void other_group(struct claim *claim)
{
	claim->user.gid++;
}

static void no_user(struct claim *claim)
{
	claim->as_user = false;
}

static void other_epoch(struct claim *claim)
{
	claim->user.uid++;
	claim->epoch = UINT32_MAX;
}

Test(session_object, one_that_another_user_claims_ends_before_it_is_refused)
{
	others_body(other_user);
	others_body(other_group);
	others_body(no_user);
	others_body(other_epoch);
}

/* It has no members, so nothing of it is under way. */
Test(session_object, a_silent_one_that_another_user_claims_is_refused_at_once)
{
	struct claim first = {.id = "alice", .key = {1}, .as_user = true, .user = {1, 2}}, claim;
	struct one one;
	unsigned most;

	cr_assert_eq(registry_enter(&one, &first), 0);
	claim = claim_of(one.member.session, 1);
	claim.id = "alice";
	claim.as_user = true;
	cr_assert_eq(exchange_mac_by(&claim.proof, first.key, claim.key), 0);
	registry_leave(&one);
	cr_expect_eq(sessions_count(registry, &most), 1);
	cr_expect_eq(registry_enter(&one, &claim), -ESTALE);
	cr_expect_eq(sessions_count(registry, &most), 0, "nobody can use it any more");
}

Test(session_object, who_begins_one_may_be_allowed_fewer_files)
{
	struct one one;

	cr_assert_eq(registry_enter(&one, &(struct claim){.id = "alice", .max_files = 3}), 0);
	cr_assert_eq(session_max_files(one.member.session), 3);
	registry_leave(&one);
	cr_assert_eq(
		registry_enter(&one, &(struct claim){.id = "alice", .max_files = FILES_MAX + 1}),
		0);
	cr_assert_eq(session_max_files(one.member.session), FILES_MAX);
	registry_leave(&one);
}

static bool keep_alices(void *arg, const char *owner, const struct export *export)
{
	++*(unsigned *)arg;
	return !strcmp(owner, "alice") && export == &registry_exports.list[0];
}

/* After a reload: what waits for who may not come back is closed, and nothing else. */
Test(session_object, those_who_may_not_come_back_are_not_waited_for)
{
	struct one alices, bobs, present;
	unsigned asked = 0, most;

	cr_assert_eq(registry_enter(&alices, &(struct claim){.id = "alice"}), 0);
	cr_assert_eq(registry_enter(&bobs, &(struct claim){.id = "bob"}), 0);
	cr_assert_eq(registry_enter(&present, &(struct claim){.id = "bob"}), 0);
	registry_add_file(bobs.member.session);
	session_leave(&alices.member, 1000);
	session_leave(&bobs.member, 1000);
	sessions_review(registry, keep_alices, &asked);
	cr_expect_eq(asked, 2, "of those with a member their connections know");
	cr_expect_eq(sessions_count(registry, &most), 2);
	registry_leave(&present);
	sessions_review(registry, keep_alices, &asked);
	cr_expect_eq(sessions_count(registry, &most), 1, "alice's");
}

/* Connections of all sessions of an owner count, except those of an incarnation that is over. */
Test(session_object, the_connections_of_an_id_are_bounded_together)
{
	struct claim claim = {.id = "alice", .key = {1}, .max_connections = 3}, known;
	struct one ones[3], bobs, resumes, more, late;

	cr_assert_eq(registry_enter(&ones[0], &claim), 0);
	cr_assert_eq(registry_enter(&ones[1], &claim), 0);
	known = claim_of(ones[0].member.session, 0);
	known.id = "alice";
	known.max_connections = 3;
	cr_assert_eq(exchange_mac_by(&known.proof, claim.key, known.key), 0);
	cr_assert_eq(registry_enter(&ones[2], &known), 0);
	cr_assert_eq(registry_enter(&more, &known), -EDQUOT);
	cr_assert_eq(registry_enter(&more, &claim), -EDQUOT);
	cr_assert_eq(registry_enter(&bobs, &(struct claim){.id = "bob", .max_connections = 1}), 0);
	known.epoch = 1;
	cr_assert_eq(registry_enter(&resumes, &known), -EAGAIN, "two of alice's are over by this");
	cr_assert_eq(registry_enter(&more, &known), -EAGAIN, "two and one");
	cr_assert_eq(registry_enter(&late, &claim), -EDQUOT);
	registry_leave(&more);
	cr_assert_eq(registry_enter(&late, &claim), 0, "one has left");
	registry_leave(&late);
	registry_leave(&resumes);
	registry_leave(&bobs);
	for (int i = 0; i < 3; i++)
		registry_leave(&ones[i]);
}

Test(session_object, connections_are_bounded)
{
	struct one first, ones[SESSION_CONNS_MAX];
	int n = 0;

	registry_enter_new(&first);
	while (!enter_again(&ones[n], &first, 0))
		n++;
	cr_assert_eq(n, SESSION_CONNS_MAX - 1);
	cr_assert_eq(enter_again(&ones[n], &first, 0), -EUSERS);
	cr_assert_eq(enter_again(&ones[n], &first, 1), -EAGAIN,
		     "those of an older incarnation do not count");
	cr_assert_eq(session_check(&first.member), -EALREADY);
	registry_leave(&first);
	for (int i = 0; i <= n; i++)
		registry_leave(&ones[i]);
}

Test(session_object, a_higher_epoch_waits_until_all_of_lower_ones_have_left)
{
	struct one old[2], waiting, joins, late;

	registry_enter_new(&old[0]);
	cr_assert_eq(enter_again(&old[1], &old[0], 0), 0);
	cr_assert_eq(enter_again(&waiting, &old[0], 7), -EAGAIN);
	cr_assert_eq(enter_again(&joins, &old[0], 7), -EAGAIN, "who joins has to wait as well");
	cr_assert_eq(enter_again(&late, &old[0], 6), -EALREADY);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(old[i].notified, 1);
		cr_assert_eq(session_check(&old[i].member), -EALREADY);
	}
	cr_assert_eq(session_check(&waiting.member), -EAGAIN);
	registry_leave(&old[0]);
	cr_assert_eq(waiting.notified, 0);
	cr_assert_eq(session_check(&waiting.member), -EAGAIN);
	registry_leave(&old[1]);
	cr_assert_eq(waiting.notified, 1);
	cr_assert_eq(joins.notified, 1);
	cr_assert_eq(session_check(&waiting.member), 0);
	cr_assert_eq(session_check(&joins.member), 0);
	registry_leave(&waiting);
	registry_leave(&joins);
}

Test(session_object, who_waits_can_be_overtaken)
{
	struct one old, first, second;

	registry_enter_new(&old);
	cr_assert_eq(enter_again(&first, &old, 1), -EAGAIN);
	cr_assert_eq(enter_again(&second, &old, UINT32_MAX), -EAGAIN);
	cr_assert_eq(old.notified, 1, "not again before it has looked");
	cr_assert_eq(first.notified, 1);
	cr_assert_eq(session_check(&first.member), -EALREADY);
	registry_leave(&old);
	cr_assert_eq(second.notified, 0, "the one overtaken is still there");
	cr_assert_eq(first.notified, 1);
	registry_leave(&first);
	cr_assert_eq(second.notified, 1);
	cr_assert_eq(session_check(&second.member), 0);
	registry_leave(&second);
}

Test(session_object, one_left_alone_is_kept_for_a_while)
{
	struct one one, two;
	struct claim claim;

	claim = claim_of(registry_enter_new(&one), 0);
	cr_assert_eq(session_leave(&one.member, 1000), 1000 + KEPT);
	cr_assert_eq(sessions_expire(registry, 1000 + KEPT - 1), 1000 + KEPT);
	cr_assert_eq(registry_enter(&two, &claim), 0);
	cr_assert_eq(sessions_expire(registry, UINT64_MAX), UINT64_MAX,
		     "not while somebody is there");
	cr_assert_eq(session_leave(&two.member, 2000), 2000 + KEPT);
	registry_enter_new(&one);
	cr_assert_eq(session_leave(&one.member, 2001), 2001 + KEPT);
	cr_assert_eq(sessions_expire(registry, 2000), 2000 + KEPT);
	cr_assert_eq(sessions_expire(registry, 2000 + KEPT), 2001 + KEPT);
	cr_assert_eq(sessions_expire(registry, 2001 + KEPT), UINT64_MAX);
}

Test(session_object, one_whose_client_says_goodbye_ends_with_its_last_connection)
{
	struct one old, one, two, late;
	struct claim claim;
	unsigned most;

	claim = claim_of(registry_enter_new(&old), 0);
	cr_assert_eq(enter_again(&one, &old, 1), -EAGAIN);
	session_over(&old.member);
	cr_expect_eq(session_check(&one.member), -EAGAIN, "an older one does not speak for it");
	registry_leave(&old);
	cr_assert_eq(session_check(&one.member), 0);
	cr_assert_eq(enter_again(&two, &one, 1), 0);
	session_over(&one.member);
	session_over(&one.member);
	cr_expect_eq(session_check(&one.member), -ESTALE);
	cr_expect_eq(session_check(&two.member), -ESTALE);
	cr_expect_eq(two.notified, 1);
	cr_expect_eq(registry_enter(&late, &claim), -EAGAIN);
	cr_expect_eq(session_leave(&one.member, 5), UINT64_MAX);
	session_over(&two.member);
	cr_expect_eq(session_leave(&two.member, 5), UINT64_MAX);
	cr_expect_eq(session_check(&late.member), -ESTALE);
	cr_expect_eq(sessions_count(registry, &most), 1);
	cr_expect_eq(session_leave(&late.member, 5), UINT64_MAX);
	cr_expect_eq(sessions_count(registry, &most), 0);
	cr_expect_eq(registry_enter(&late, &claim), -ESTALE);
}

/* As many as may wait for the end are few, so that a client cannot gather connections there. */
Test(session_object, few_wait_for_the_end_of_one_that_is_over)
{
	struct one one, waiting[SESSION_CONNS_MAX], more;
	struct claim claim = claim_of(registry_enter_new(&one), 0);

	session_over(&one.member);
	for (int i = 0; i < SESSION_CONNS_MAX; i++)
		cr_assert_eq(registry_enter(&waiting[i], &claim), -EAGAIN);
	cr_expect_eq(registry_enter(&more, &claim), -EUSERS);
	registry_leave(&one);
	for (int i = 0; i < SESSION_CONNS_MAX; i++) {
		cr_expect_eq(waiting[i].notified, 1);
		registry_leave(&waiting[i]);
	}
}

static int enter_new_at(struct one *one, uint64_t now_ns)
{
	registry_now_ns = now_ns;
	return registry_enter(one, &(struct claim){.id = ""});
}

Test(session_object, too_many_end_the_oldest_that_has_to_yield)
{
	struct one ones[3], again;
	struct claim claims[2];

	sessions_close(registry);
	registry_open_sessions(2, FILES_MAX);
	claims[0] = claim_of(registry_enter_new(&ones[0]), 0);
	claims[1] = claim_of(registry_enter_new(&ones[1]), 0);
	cr_assert_eq(enter_new_at(&ones[2], 1000), -EUSERS);
	session_leave(&ones[1].member, 5);
	session_leave(&ones[0].member, 6);
	cr_assert_eq(enter_new_at(&ones[2], 5 + YIELDS - 1), -EUSERS, "its client may come back");
	cr_assert_eq(registry_enter(&again, &claims[1]), 0, "as it may until it has to yield");
	session_leave(&again.member, 7);
	cr_assert_eq(enter_new_at(&ones[2], 5 + YIELDS), -EUSERS);
	cr_assert_eq(enter_new_at(&ones[2], 6 + YIELDS), 0);
	cr_assert_eq(registry_enter(&again, &claims[0]), -ESTALE, "the oldest has yielded");
	cr_assert_eq(registry_enter(&again, &claims[1]), 0);
	cr_assert_eq(enter_new_at(&ones[1], 1000), -EUSERS);
	registry_leave(&ones[2]);
	registry_leave(&again);
	sessions_end(registry);
}

/* Others ask for memory. */
Test(session_object, memory_is_yielded_by_one_after_the_other)
{
	struct one ones[2];
	unsigned most;

	registry_enter_new(&ones[0]);
	registry_enter_new(&ones[1]);
	cr_expect_not(sessions_yield(registry, 1000));
	session_leave(&ones[0].member, 5);
	session_leave(&ones[1].member, 5);
	cr_expect_not(sessions_yield(registry, 5 + YIELDS - 1));
	cr_expect(sessions_yield(registry, 5 + YIELDS));
	cr_expect_eq(sessions_count(registry, &most), 1);
	cr_expect(sessions_yield(registry, 5 + YIELDS));
	cr_expect_not(sessions_yield(registry, 1000));
}
