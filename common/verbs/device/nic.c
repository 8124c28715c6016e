/*
 * A nic: one card as one domain uses it. It is opened for the first connection over that card. (A
 * listener on every address gets connections from several cards.) The nic owns the completion queue
 * and its channel. The domain owns the nic, and only the domain's thread uses it.
 *
 * The queue never overflows: each connection reserves a completion for each work request that it
 * can have with the card, since all of them come back when a queue pair fails.
 */
#include "common/verbs/device/nic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/fork.h"
#include "common/base/log.h"

#define CQ_FIRST_MIN 256u
#define CQ_FIRST_MAX 16384u
#define ACK_BATCH    64 /* acknowledging takes a lock, so it is done for many events at once */

void nic_take_events(struct verbs_nic *nic)
{
	struct ibv_cq *cq;
	void *context;

	while (!ibv_get_cq_event(nic->channel, &cq, &context)) {
		nic->armed = false;
		if (++nic->unacked == ACK_BATCH) {
			ibv_ack_cq_events(nic->cq, nic->unacked);
			nic->unacked = 0;
		}
	}
}

static uint32_t first_size(const struct tp_domain_config *c, const struct verbs_nic *nic)
{
	uint64_t n = ((uint64_t)c->nr_recvs + c->nr_sends + c->nr_posts) * c->nr_conns;

	if (n < CQ_FIRST_MIN)
		n = CQ_FIRST_MIN;
	if (n > CQ_FIRST_MAX)
		n = CQ_FIRST_MAX;
	return n > (uint32_t)nic->attr.max_cqe ? (uint32_t)nic->attr.max_cqe : (uint32_t)n;
}

static int nic_open(struct verbs_nic_list *nics, const struct rdma_cm_id *id,
		    struct verbs_nic **out)
{
	struct verbs_nic *nic = calloc(1, sizeof(*nic));
	struct ibv_context *verbs;
	int err;

	if (!nic)
		return -ENOMEM;
	nic->nics = nics;
	err = card_get(id, &nic->card);
	if (err)
		goto err_free;
	verbs = nic->card->verbs;
	err = -ibv_query_device(verbs, &nic->attr);
	if (err)
		goto err_card;
	nic->channel = ibv_create_comp_channel(verbs);
	if (!nic->channel) {
		err = -errno;
		goto err_card;
	}
	fork_own(nic->channel->fd);
	err = source_cloexec(nic->channel->fd, true);
	if (err)
		goto err_channel;
	nic->cq = ibv_create_cq(verbs, (int)first_size(nics->config, nic), NULL, nic->channel, 0);
	if (!nic->cq) {
		err = -errno;
		goto err_channel;
	}
	err = source_add(&nic->source, SOURCE_NIC, nics->epoll_fd, nic->channel->fd);
	if (err)
		goto err_cq;
	*out = nic;
	return 0;
err_cq:
	ibv_destroy_cq(nic->cq);
err_channel:
	fork_disown(nic->channel->fd);
	ibv_destroy_comp_channel(nic->channel);
err_card:
	card_put(nic->card);
	log_error("no completion queue on %s: %s", ibv_get_device_name(id->verbs->device),
		  strerror(-err));
err_free:
	free(nic);
	return err;
}

int nic_get(struct verbs_nic_list *nics, const struct rdma_cm_id *id, struct verbs_nic **out)
{
	struct verbs_nic *nic;
	int err;

	for (nic = nics->first; nic; nic = nic->next)
		if (card_of(nic->card, id) && !nic->removed)
			goto found;
	err = nic_open(nics, id, &nic);
	if (err)
		return err;
	nic->next = nics->first;
	nics->first = nic;
found:
	*out = nic;
	return 0;
}

void nic_close(struct verbs_nic *nic)
{
	struct verbs_nic **at = &nic->nics->first;

	while (*at != nic)
		at = &(*at)->next;
	*at = nic->next;
	if (nic->unacked)
		ibv_ack_cq_events(nic->cq, nic->unacked);
	if (ibv_destroy_cq(nic->cq))
		log_error("a completion queue is closed before its connections");
	source_remove(&nic->source, nic->channel->fd);
	fork_disown(nic->channel->fd);
	ibv_destroy_comp_channel(nic->channel);
	card_put(nic->card);
	free(nic);
}

int nic_reserve(struct verbs_nic *nic, uint32_t n)
{
	uint32_t max = (uint32_t)nic->attr.max_cqe, need = nic->reserved + n, size = need * 2;
	int err = 0;

	if (need > (uint32_t)nic->cq->cqe) {
		if (size > max)
			size = max;
		err = need > max ? -ENOSPC : -ibv_resize_cq(nic->cq, (int)size);
	}
	if (err) {
		log_warn("%s: no completion queue of %u entries; a connection is refused: %s",
			 ibv_get_device_name(nic->card->verbs->device), need, strerror(-err));
		return -ENOMEM;
	}
	nic->reserved = need;
	nic->nr_conns++;
	return 0;
}

void nic_release(struct verbs_nic *nic, uint32_t n)
{
	nic->stale += n;
	nic->nr_conns--;
}

int nic_poll(struct verbs_nic *nic, struct ibv_wc *wcs, int max)
{
	int n = ibv_poll_cq(nic->cq, max, wcs);

	if (!n && nic->stale) { /* the queue is empty, and so has no stale completion */
		nic->reserved -= nic->stale;
		nic->stale = 0;
	}
	return n;
}

int nic_arm(struct verbs_nic *nic)
{
	int err;

	if (nic->armed)
		return 0;
	err = -ibv_req_notify_cq(nic->cq, 0);
	if (!err)
		nic->armed = true;
	return err;
}
