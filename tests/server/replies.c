/* The reply cache. */
#include "server/session/replies.h"

#include <criterion/criterion.h>
#include <string.h>

#include "server/base/budget.h"

static struct budget budget = {.max = SIZE_MAX};
static struct budget_id id = {.budget = &budget};
static struct share share = {.id = &id};
static struct replies replies;
static struct reply found;
static uint8_t persistent[PERSISTENT_MAX];

static void open_it(void)
{
	replies_init(&replies, &share);
}

static void close_it(void)
{
	replies_close(&replies);
	cr_assert_eq(budget.used, 0);
	cr_assert_eq(share.used, 0);
}

TestSuite(replies, .init = open_it, .fini = close_it);

static struct call call_of(uint32_t op, uint32_t slot, uint32_t sequence)
{
	return (struct call){.op = op, .tag = slot + CALL_SLOTS * sequence};
}

static int begin(uint32_t channel, struct call call, struct reply_run *run)
{
	return replies_begin(&replies, channel, &call, run, &found, persistent);
}

static void keep(uint32_t channel, struct call call, int status)
{
	const struct reply reply = {.tag = call.tag,
				    .status = status,
				    .file = 77,
				    .persistent = {(const uint8_t *)"name", 4}};

	struct reply_run run;

	cr_assert_eq(begin(channel, call, &run), REPLIES_NEW);
	cr_assert(replies_end(&replies, &run, &reply));
}

static bool find(uint32_t channel, struct call call)
{
	struct reply_run run;
	int answer;

	call.replay = 1;
	answer = begin(channel, call, &run);
	if (answer == REPLIES_NEW)
		replies_end(&replies, &run, NULL);
	return answer == REPLIES_KEPT;
}

Test(replies, the_last_of_a_slot_is_found_whole)
{
	keep(3, call_of(CALL_OPEN, 5, 1), 0);
	cr_assert(find(3, call_of(CALL_OPEN, 5, 1)));
	cr_assert_eq(found.status, 0);
	cr_assert_eq(found.file, 77);
	cr_assert_eq(found.persistent.len, 4);
	cr_assert_eq(found.persistent.data, persistent);
	cr_assert_eq(memcmp(persistent, "name", 4), 0);
	keep(3, call_of(CALL_MKDIR, 5, 2), -17);
	cr_assert_not(find(3, call_of(CALL_OPEN, 5, 1)));
	cr_assert(find(3, call_of(CALL_MKDIR, 5, 2)));
	cr_assert_eq(found.status, -17);
}

Test(replies, nothing_else_is_found)
{
	cr_assert_not(find(3, call_of(CALL_OPEN, 5, 1)));
	cr_assert_not(find(3, call_of(CALL_OPEN, 5, 0)), "begun, not done");
	cr_assert_not(find(3, (struct call){.tag = 5}));
	keep(3, call_of(CALL_OPEN, 5, 1), 0);
	cr_assert_not(find(2, call_of(CALL_OPEN, 5, 1)));
	cr_assert_not(find(3, call_of(CALL_OPEN, 6, 1)));
	cr_assert_not(find(3, call_of(CALL_OPEN, 5, 2)));
	cr_assert_not(find(3, call_of(CALL_UNLINK, 5, 1)));
}

Test(replies, each_slot_of_each_channel_has_its_own)
{
	for (uint32_t channel = 0; channel < SESSION_CONNS_MAX; channel++)
		for (uint32_t slot = 0; slot < CALL_SLOTS; slot++)
			keep(channel, call_of(CALL_MKDIR, slot, channel), -(int)slot);
	for (uint32_t channel = 0; channel < SESSION_CONNS_MAX; channel++)
		for (uint32_t slot = 0; slot < CALL_SLOTS; slot++) {
			cr_assert(find(channel, call_of(CALL_MKDIR, slot, channel)));
			cr_assert_eq(found.status, -(int)slot);
		}
}

Test(replies, one_that_ends_late_does_not_replace_a_later_one)
{
	const struct reply old = {.tag = call_of(CALL_MKDIR, 5, 1).tag, .status = -5};
	struct reply_run run;

	cr_assert_eq(begin(3, call_of(CALL_MKDIR, 5, 1), &run), REPLIES_NEW);
	keep(3, call_of(CALL_MKDIR, 5, 2), -17);
	cr_assert_not(replies_end(&replies, &run, &old), "nobody waits for the reply");
	cr_assert_not(find(3, call_of(CALL_MKDIR, 5, 1)));
	cr_assert(find(3, call_of(CALL_MKDIR, 5, 2)));
}

Test(replies, a_repetition_meets_the_first_run)
{
	struct call call = call_of(CALL_MKDIR, 5, 1);
	const struct reply reply = {.tag = call.tag, .status = -17};
	struct reply_run run, again;
	struct reply_waiter waiter = {.loop = NULL};

	call.replay = 1;
	cr_assert_eq(begin(3, call, &run), REPLIES_NEW);
	cr_assert_eq(begin(3, call, &again), REPLIES_BUSY);
	cr_assert(replies_wait(&replies, 3, &call, &waiter));
	cr_assert(replies_cancel(&replies, &waiter));
	cr_assert_eq(replies_give_up(&replies, 3, CALL_RMDIR, call.tag), 0, "another call");
	cr_assert_eq(replies_give_up(&replies, 3, call.op, call.tag), 0, "it has opened nothing");
	cr_assert_not(replies_end(&replies, &run, &reply), "nobody waits for the reply");
	cr_assert_not(replies_wait(&replies, 3, &call, &waiter), "it is over");
	cr_assert_not(find(3, call));
}

Test(replies, what_is_given_up_is_forgotten_with_its_file)
{
	const struct call call = call_of(CALL_OPEN, 5, 1), failed = call_of(CALL_OPEN, 6, 1);

	keep(3, call, 0);
	cr_assert_eq(replies_give_up(&replies, 2, CALL_OPEN, call.tag), 0, "another channel");
	cr_assert_eq(replies_give_up(&replies, 3, CALL_MKDIR, call.tag), 0, "another call");
	cr_assert_eq(replies_give_up(&replies, 3, 0, call.tag + CALL_SLOTS), 0, "another tag");
	cr_assert_eq(replies_give_up(&replies, 3, CALL_OPEN, call.tag), 77);
	cr_assert_eq(replies_give_up(&replies, 3, CALL_OPEN, call.tag), 0, "once");
	cr_assert_not(find(3, call));
	keep(3, call, 0);
	cr_assert_eq(replies_give_up(&replies, 3, 0, call.tag), 77);
	keep(3, failed, -2);
	cr_assert_eq(replies_give_up(&replies, 3, 0, failed.tag), 0, "it has opened nothing");
	cr_assert_not(find(3, failed));
}

Test(replies, a_run_that_is_over_forgets_its_own_only)
{
	const struct call call = call_of(CALL_OPEN, 5, 1);
	const struct reply reply = {.tag = call.tag, .file = 77};
	struct reply_run run, later;

	cr_assert_eq(begin(3, call, &run), REPLIES_NEW);
	cr_assert(replies_end(&replies, &run, &reply));
	cr_assert_eq(begin(3, call, &later), REPLIES_NEW, "a client that uses a tag again");
	cr_assert(replies_end(&replies, &later, &reply));
	replies_forget(&replies, &run);
	cr_assert(find(3, call));
	replies_forget(&replies, &later);
	cr_assert_not(find(3, call));
}
