/* The reply cache. Its session owns it. Any thread may use it, because each function takes its
 * lock. */
#include "server/session/replies.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/budget.h"

struct kept {
	uint32_t op;	 /* 0: there is no reply yet */
	uint64_t number; /* of its run */
	struct reply reply;
	uint8_t persistent[PERSISTENT_MAX];
};

struct replies_channel {
	struct kept *slots[CALL_SLOTS];
};

void replies_init(struct replies *replies, struct share *share)
{
	*replies = (struct replies){.share = share};
	lock_init(&replies->lock, LOCK_REPLIES);
	list_init(&replies->running);
}

/* Allocate zeroed memory; NULL: there is none, or the client's share is used up. */
static void *make(struct replies *replies, size_t size)
{
	void *memory;

	if (!budget_share_take(replies->share, size))
		return NULL;
	memory = calloc(1, size);
	if (!memory)
		budget_share_give(replies->share, size);
	return memory;
}

static void drop(struct replies *replies, void *memory, size_t size)
{
	if (memory)
		budget_share_give(replies->share, size);
	free(memory);
}

void replies_close(struct replies *replies)
{
	for (int i = 0; i < SESSION_CONNS_MAX; i++) {
		struct replies_channel *channel = replies->channels[i];

		for (int j = 0; channel && j < CALL_SLOTS; j++)
			drop(replies, channel->slots[j], sizeof(struct kept));
		drop(replies, channel, sizeof(*channel));
	}
	lock_destroy(&replies->lock);
}

/* Get the slot of a call's tag; NULL: no call of the channel has been kept. */
static struct kept **slot_of(const struct replies *replies, uint32_t channel, uint32_t tag)
{
	struct replies_channel *found = replies->channels[channel];

	lock_assert_held(&replies->lock);
	return found ? &found->slots[tag % CALL_SLOTS] : NULL;
}

static int reserve(struct replies *replies, uint32_t channel, uint32_t tag)
{
	struct kept **slot;

	if (!replies->channels[channel])
		replies->channels[channel] = make(replies, sizeof(struct replies_channel));
	slot = slot_of(replies, channel, tag);
	if (slot && !*slot)
		*slot = make(replies, sizeof(**slot));
	return slot && *slot ? 0 : -ENOMEM;
}

static bool find(struct replies *replies, uint32_t channel, const struct call *call,
		 struct reply *reply, uint8_t *persistent)
{
	struct kept **slot = slot_of(replies, channel, call->tag);

	if (!slot || !*slot || (*slot)->op != call->op || (*slot)->reply.tag != call->tag)
		return false;
	*reply = (*slot)->reply;
	memcpy(persistent, (*slot)->persistent, reply->persistent.len);
	reply->persistent.data = persistent;
	return true;
}

/* Find a run of a tag; op 0: of any call. */
static struct reply_run *find_run(const struct replies *replies, uint32_t channel, uint32_t op,
				  uint32_t tag)
{
	lock_assert_held(&replies->lock);
	list_for_each (it, &replies->running) {
		struct reply_run *run = container_of(it, struct reply_run, node);

		if (run->channel == channel && run->tag == tag && (!op || run->op == op))
			return run;
	}
	return NULL;
}

static void start(struct replies *replies, uint32_t channel, const struct call *call,
		  struct reply_run *run)
{
	lock_assert_held(&replies->lock);
	*run = (struct reply_run){.channel = channel,
				  .op = call->op,
				  .tag = call->tag,
				  .number = ++replies->nr_begun};
	list_init(&run->waiters);
	list_add_tail(&replies->running, &run->node);
}

int replies_begin(struct replies *replies, uint32_t channel, const struct call *call,
		  struct reply_run *run, struct reply *reply, uint8_t *persistent)
{
	int answer;

	lock_acquire(&replies->lock);
	if (call->replay && find(replies, channel, call, reply, persistent))
		answer = REPLIES_KEPT;
	else if (call->replay && find_run(replies, channel, call->op, call->tag))
		answer = REPLIES_BUSY;
	else
		answer = reserve(replies, channel, call->tag);
	if (answer == REPLIES_NEW)
		start(replies, channel, call, run);
	lock_release(&replies->lock);
	return answer;
}

/* False: the slot has the reply of a later call. */
static bool keep(struct replies *replies, const struct reply_run *run, const struct reply *reply)
{
	struct kept *kept = *slot_of(replies, run->channel, run->tag);

	if (kept->op && kept->number > run->number)
		return false;
	kept->op = run->op;
	kept->number = run->number;
	kept->reply = *reply;
	if (reply->persistent.len)
		memcpy(kept->persistent, reply->persistent.data, reply->persistent.len);
	return true;
}

bool replies_end(struct replies *replies, struct reply_run *run, const struct reply *reply)
{
	struct list *node;
	bool wanted;

	lock_acquire(&replies->lock);
	list_del(&run->node);
	wanted = !run->unwanted;
	if (reply && wanted)
		wanted = keep(replies, run, reply);
	while ((node = list_pop(&run->waiters))) {
		struct reply_waiter *waiter = container_of(node, struct reply_waiter, node);

		evloop_post(waiter->loop, &waiter->ev, 0);
	}
	lock_release(&replies->lock);
	return wanted;
}

bool replies_wait(struct replies *replies, uint32_t channel, const struct call *call,
		  struct reply_waiter *waiter)
{
	struct reply_run *run;

	lock_acquire(&replies->lock);
	run = find_run(replies, channel, call->op, call->tag);
	if (run)
		list_add_tail(&run->waiters, &waiter->node);
	lock_release(&replies->lock);
	return run;
}

bool replies_cancel(struct replies *replies, struct reply_waiter *waiter)
{
	bool waits;

	lock_acquire(&replies->lock);
	waits = !list_empty(&waiter->node);
	list_del(&waiter->node);
	lock_release(&replies->lock);
	return waits;
}

/* Remove a reply. Returns the handle of the file that its call has opened, or 0. */
static uint64_t forget(struct kept *kept)
{
	kept->op = 0;
	return kept->reply.status ? 0 : kept->reply.file;
}

uint64_t replies_give_up(struct replies *replies, uint32_t channel, uint32_t op, uint32_t tag)
{
	struct reply_run *run;
	struct kept **slot;
	uint64_t file = 0;

	lock_acquire(&replies->lock);
	run = find_run(replies, channel, op, tag);
	slot = slot_of(replies, channel, tag);
	if (run)
		run->unwanted = true;
	else if (slot && *slot && (*slot)->op && (*slot)->reply.tag == tag &&
		 (!op || (*slot)->op == op))
		file = forget(*slot);
	lock_release(&replies->lock);
	return file;
}

void replies_forget(struct replies *replies, const struct reply_run *run)
{
	struct kept **slot;

	lock_acquire(&replies->lock);
	slot = slot_of(replies, run->channel, run->tag);
	if (slot && *slot && (*slot)->op && (*slot)->number == run->number)
		forget(*slot);
	lock_release(&replies->lock);
}
