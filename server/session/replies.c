/* The reply cache. Its session owns it. Any thread may use it, because each function takes its
 * lock. */
#include "server/session/replies.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/budget.h"

struct kept {
	uint32_t op; /* 0: there is no reply yet */
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

int replies_reserve(struct replies *replies, uint32_t channel, uint32_t tag)
{
	int err;

	lock_acquire(&replies->lock);
	err = reserve(replies, channel, tag);
	lock_release(&replies->lock);
	return err;
}

bool replies_find(struct replies *replies, uint32_t channel, const struct call *call,
		  struct reply *reply, uint8_t *persistent)
{
	struct kept **slot;
	bool found;

	lock_acquire(&replies->lock);
	slot = slot_of(replies, channel, call->tag);
	found = slot && *slot && (*slot)->op == call->op && (*slot)->reply.tag == call->tag;
	if (found) {
		*reply = (*slot)->reply;
		memcpy(persistent, (*slot)->persistent, reply->persistent.len);
		reply->persistent.data = persistent;
	}
	lock_release(&replies->lock);
	return found;
}

void replies_keep(struct replies *replies, uint32_t channel, const struct call *call,
		  const struct reply *reply)
{
	struct kept *kept;

	lock_acquire(&replies->lock);
	kept = *slot_of(replies, channel, call->tag);
	kept->op = call->op;
	kept->reply = *reply;
	if (reply->persistent.len)
		memcpy(kept->persistent, reply->persistent.data, reply->persistent.len);
	lock_release(&replies->lock);
}
