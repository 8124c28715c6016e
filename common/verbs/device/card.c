/*
 * A card: this provider's context of an RDMA device, one in each process. Devices and nics share
 * it. Those with a reference own it together, and the last one closes it. Any thread may use it.
 *
 * librdmacm has a context for each device, too. But it keeps the context until the process ends,
 * also across fork(), and the kernel takes no work requests from a child over a context of its
 * parent. So librdmacm is used only for the connection manager, and everything that moves data uses
 * the context here. A child starts without one. It uses nothing that its parent has open, and
 * closes the descriptors.
 */
#include "common/verbs/device/card.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/fork.h"
#include "common/base/lock.h"
#include "common/base/log.h"

static struct {
	struct lock lock; /* LOCK_CARDS: held while a card is opened or closed */
	struct verbs_card *list;
} cards = {.lock = LOCK_INIT(LOCK_CARDS)};

/* Forget all cards in a child of fork(). A thread of the parent may have held the lock. */
static void forget(void)
{
	lock_init(&cards.lock, LOCK_CARDS);
	cards.list = NULL;
}

static void watch_fork(void)
{
	fork_watch(forget);
}

static int card_open(struct ibv_device *device, struct verbs_card **out)
{
	struct verbs_card *card = calloc(1, sizeof(*card));
	int err;

	if (!card)
		return -ENOMEM;
	card->verbs = ibv_open_device(device);
	err = errno;
	if (!card->verbs) {
		log_error("cannot open %s: %s", ibv_get_device_name(device), strerror(err));
		free(card);
		return err > 0 ? -err : -ENODEV;
	}
	fork_own(card->verbs->cmd_fd);
	fork_own(card->verbs->async_fd);
	card->next = cards.list;
	cards.list = card;
	*out = card;
	return 0;
}

int card_get(const struct rdma_cm_id *id, struct verbs_card **out)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct verbs_card *card;
	int err = 0;

	pthread_once(&once, watch_fork);
	lock_acquire(&cards.lock);
	for (card = cards.list; card; card = card->next)
		if (card_of(card, id))
			break;
	if (!card)
		err = card_open(id->verbs->device, &card);
	if (card) {
		card->refs++;
		*out = card;
	}
	lock_release(&cards.lock);
	return err;
}

void card_put(struct verbs_card *card)
{
	struct verbs_card **at = &cards.list;

	lock_acquire(&cards.lock);
	if (!--card->refs) {
		while (*at != card)
			at = &(*at)->next;
		*at = card->next;
		fork_disown(card->verbs->cmd_fd);
		fork_disown(card->verbs->async_fd);
		if (ibv_close_device(card->verbs))
			log_error("a card is closed before all that uses it");
		free(card);
	}
	lock_release(&cards.lock);
}
