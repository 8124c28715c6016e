/*
 * A domain: its connections by id, and the lists of those that wait for something. One epoll set
 * holds the connection manager's channel, the completion channels of the cards and the timer, so
 * there is one descriptor to sleep on. The caller owns the domain, and only one thread uses it.
 */
#include "common/verbs/conn/domain.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "common/base/fork.h"
#include "common/base/list.h"
#include "common/base/log.h"
#include "common/verbs/conn/conn.h"
#include "common/verbs/conn/recv.h"
#include "common/verbs/device/cm.h"
#include "common/verbs/device/device.h"
#include "common/verbs/device/nic.h"

static bool config_sane(const struct tp_domain_config *c)
{
	const uint32_t max = 1 << 16;

	return c->msg_max && c->msg_max <= TP_MSG_MAX && c->nr_recvs && c->nr_recvs <= max &&
	       c->nr_sends && c->nr_sends <= max && c->nr_posts <= max;
}

/*
 * The bytes of a connection: its buffers and two rings of work requests. One ring is this
 * provider's. The other is that of the card's driver, in the memory of this process, and about as
 * large.
 */
static size_t conn_bytes(const struct tp_domain_config *c)
{
	size_t recvs = recv_depth(c), nr = 2 * (recvs + c->nr_sends + c->nr_posts);

	return sizeof(struct verbs_conn) + (recvs + c->nr_sends) * c->msg_max +
	       2 * nr * sizeof(struct verbs_slot);
}

int verbs_domain_open(const struct tp_domain_config *config, struct tp_domain **domain)
{
	struct verbs_domain *d;
	int err;

	if (!config_sane(config))
		return -EINVAL;
	err = verbs_present();
	if (err)
		return err;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->config = *config;
	d->dom.conn_bytes = conn_bytes(config);
	d->pending_tail = &d->pending;
	d->dom.fd = fork_own(epoll_create1(EPOLL_CLOEXEC));
	if (d->dom.fd < 0) {
		err = -errno;
		goto err_free;
	}
	d->nics = (struct verbs_nic_list){.epoll_fd = d->dom.fd, .config = &d->config};
	err = timer_open(&d->timer, d->dom.fd);
	if (err)
		goto err_epoll;
	err = cm_channel_open(true, &d->channel);
	if (err)
		goto err_timer;
	err = source_add(&d->cm, SOURCE_CM, d->dom.fd, d->channel->fd);
	if (err)
		goto err_channel;
	*domain = &d->dom;
	return 0;
err_channel:
	cm_channel_close(d->channel);
err_timer:
	timer_close(&d->timer);
err_epoll:
	fork_close(d->dom.fd);
err_free:
	free(d);
	return err;
}

void verbs_domain_close(struct tp_domain *domain)
{
	struct verbs_domain *d = container_of(domain, struct verbs_domain, dom);

	while (d->nics.first)
		nic_close(d->nics.first);
	cm_channel_close(d->channel);
	timer_close(&d->timer);
	fork_close(d->dom.fd);
	free(d->conns);
	free(d);
}

int verbs_domain_local(struct tp_domain *domain, void *base, size_t len)
{
	struct verbs_domain *d = container_of(domain, struct verbs_domain, dom);

	if (!base || !len)
		return -EINVAL;
	if (d->nr_areas == MAX_AREAS)
		return -ENOSPC;
	d->areas[d->nr_areas++] = (struct verbs_area){.base = base, .len = len};
	return 0;
}

static int grow(struct verbs_domain *d)
{
	uint32_t n = d->nr_slots ? d->nr_slots * 2 : 16;
	struct verbs_conn **conns;

	if (n > UINT16_MAX + 1u)
		return -EMFILE;
	conns = reallocarray(d->conns, n, sizeof(*conns));
	if (!conns)
		return -ENOMEM;
	for (uint32_t i = d->nr_slots; i < n; i++)
		conns[i] = NULL;
	d->conns = conns;
	d->nr_slots = n;
	return 0;
}

int domain_add(struct verbs_domain *d, struct verbs_conn *c)
{
	uint32_t slot = 0;
	int err;

	while (slot < d->nr_slots && d->conns[slot])
		slot++;
	if (slot == d->nr_slots) {
		err = grow(d);
		if (err)
			return err;
	}
	d->conns[slot] = c;
	c->id = slot | (uint32_t)d->generation++ << 16;
	return 0;
}

void domain_remove(struct verbs_domain *d, struct verbs_conn *c)
{
	struct verbs_conn **at;

	d->conns[c->id & UINT16_MAX] = NULL;
	if (c->in_post_back) {
		for (at = &d->post_back; *at != c; at = &(*at)->post_back_next)
			;
		*at = c->post_back_next;
	}
	if (c->pending) {
		for (at = &d->pending; *at != c; at = &(*at)->pending_next)
			;
		*at = c->pending_next;
		if (!*at)
			d->pending_tail = at;
	}
}

struct verbs_conn *domain_find(struct verbs_domain *d, uint32_t id)
{
	struct verbs_conn *c = d->conns[id & UINT16_MAX];

	return c && c->id == id ? c : NULL;
}

void domain_pend(struct verbs_conn *c)
{
	struct verbs_domain *d = c->domain;

	if (c->pending)
		return;
	c->pending = true;
	c->pending_next = NULL;
	*d->pending_tail = c;
	d->pending_tail = &c->pending_next;
}
