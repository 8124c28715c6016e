/* A card: the one context of an RDMA device in this process. */
#ifndef USRBIO_COMMON_VERBS_DEVICE_CARD_H
#define USRBIO_COMMON_VERBS_DEVICE_CARD_H

#include <rdma/rdma_cma.h>
#include <stdbool.h>

struct verbs_card {
	struct verbs_card *next;
	struct ibv_context *verbs; /* this provider's own context, not that of librdmacm */
	unsigned refs;		   /* the lock of card.c protects it */
};

/* Take a reference to the card that an id is bound to, and open it if needed. 0 or -errno. */
int card_get(const struct rdma_cm_id *id, struct verbs_card **card);
void card_put(struct verbs_card *card);

/* True if the id is bound to this card. */
static inline bool card_of(const struct verbs_card *card, const struct rdma_cm_id *id)
{
	return card->verbs->device == id->verbs->device;
}

#endif
