/* One context per process and RDMA device. */
#ifndef USRBIO_COMMON_VERBS_DEVICE_CARD_H
#define USRBIO_COMMON_VERBS_DEVICE_CARD_H

#include <rdma/rdma_cma.h>
#include <stdbool.h>

struct verbs_card {
	struct verbs_card *next;
	struct ibv_context *verbs; /* ours; never librdmacm's */
	unsigned refs;		   /* under the lock of card.c */
};

/* The card an rdma_cm_id is bound to, opened at its first use. 0 or -errno. */
int card_get(const struct rdma_cm_id *id, struct verbs_card **card);
void card_put(struct verbs_card *card);

static inline bool card_of(const struct verbs_card *card, const struct rdma_cm_id *id)
{
	return card->verbs->device == id->verbs->device;
}

#endif
