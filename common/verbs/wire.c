/*
 * What a queue pair needs, made before a connection begins and undone when it is freed: message
 * buffers in one slab, registrations of the domain's local memory, room in the completion queue.
 * All registrations are for local use; a peer reaches what its device registered, nothing else.
 * The domain's thread only.
 */
#include "common/verbs/verbs.h"

#include <errno.h>
#include <string.h>

#include "common/log.h"

#define CACHE_LINE  64u
#define ACK_TIMEOUT 14 /* 4.096 us << 14: with 6 retries a dead path shows after half a second */

static const uint32_t inline_wishes[] = {220, 64, 0}; /* bytes; some cards have less or none */

/* A power of two with room for everything, or as much of it as the card can take. */
static uint32_t ring_size(const struct verbs_conn *c)
{
	const struct tp_domain_config *config = &c->domain->config;
	uint32_t need = config->nr_posts + config->nr_sends + CREDIT_SLOTS + 1, size = 8;

	while (size < need)
		size *= 2;
	while (size > (uint32_t)c->nic->attr.max_qp_wr && size > 8)
		size /= 2;
	return size;
}

static int slab_open(struct verbs_conn *c)
{
	const struct tp_domain_config *config = &c->domain->config;
	size_t recvs, sends;
	int err;

	c->stride = (config->msg_max + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
	recvs = recv_depth(config) * c->stride;
	sends = config->nr_sends * c->stride;
	err = pages_alloc(&c->slab, recvs + sends + c->sq.size * sizeof(*c->imm_cells),
			  config->numa, false);
	if (err)
		return err;
	err = mr_register(c->pd, c->slab.base, c->slab.len, IBV_ACCESS_LOCAL_WRITE, &c->slab_mr);
	if (err) {
		pages_free(&c->slab);
		return err;
	}
	c->recv_bufs = c->slab.base;
	c->send_bufs = c->recv_bufs + recvs;
	c->imm_cells = (uint32_t *)(void *)(c->send_bufs + sends);
	return 0;
}

static void slab_close(struct verbs_conn *c)
{
	ibv_dereg_mr(c->slab_mr);
	pages_free(&c->slab);
}

static void areas_close(struct verbs_conn *c)
{
	while (c->nr_area_mrs)
		ibv_dereg_mr(c->area_mrs[--c->nr_area_mrs]);
}

static int areas_open(struct verbs_conn *c)
{
	const struct verbs_domain *d = c->domain;

	for (unsigned i = 0; i < d->nr_areas; i++) {
		int err = mr_register(c->pd, d->areas[i].base, d->areas[i].len,
				      IBV_ACCESS_LOCAL_WRITE, &c->area_mrs[i]);

		if (err) {
			areas_close(c);
			return err;
		}
		c->nr_area_mrs++;
	}
	return 0;
}

static int qp_create(struct verbs_conn *c, uint32_t max_inline)
{
	struct ibv_qp_init_attr attr = {
		.send_cq = c->nic->cq,
		.recv_cq = c->nic->cq,
		.cap = {.max_send_wr = c->sq.size,
			.max_recv_wr = recv_depth(&c->domain->config),
			.max_send_sge = 1,
			.max_recv_sge = 1,
			.max_inline_data = max_inline},
		.qp_type = IBV_QPT_RC,
	};

	if (rdma_create_qp(c->cm_id, c->pd, &attr))
		return -errno;
	c->max_inline = attr.cap.max_inline_data;
	return 0;
}

static int qp_open(struct verbs_conn *c)
{
	const size_t nr = sizeof(inline_wishes) / sizeof(*inline_wishes);
	uint8_t timeout = ACK_TIMEOUT;
	int err = -EINVAL;

	/* Not every card can set it; then its default serves, slower. */
	if (rdma_set_option(c->cm_id, RDMA_OPTION_ID, RDMA_OPTION_ID_ACK_TIMEOUT, &timeout,
			    sizeof(timeout)))
		log_debug("ACK timeout: %s", strerror(errno));
	for (size_t i = 0; i < nr && err; i++)
		err = qp_create(c, inline_wishes[i]);
	if (err)
		log_warn("no queue pair of %u and %u work requests on %s: %s", c->sq.size,
			 recv_depth(&c->domain->config),
			 ibv_get_device_name(c->cm_id->verbs->device), strerror(-err));
	return err;
}

int wire_open(struct verbs_conn *c)
{
	int err;

	c->sq.size = ring_size(c);
	c->sq.max_ops = c->domain->config.nr_posts;
	c->cqes = c->sq.size + recv_depth(&c->domain->config);
	err = slab_open(c);
	if (err)
		return err;
	err = areas_open(c);
	if (err)
		goto err_slab;
	err = send_open(c);
	if (err)
		goto err_areas;
	err = nic_reserve(c->nic, c->cqes);
	if (err)
		goto err_send;
	err = qp_open(c);
	if (err)
		goto err_reserve;
	err = recv_open(c);
	if (err)
		goto err_qp;
	return 0;
err_qp:
	rdma_destroy_qp(c->cm_id);
err_reserve:
	nic_release(c->nic, c->cqes);
	c->nic = NULL;
err_send:
	send_close(c);
err_areas:
	areas_close(c);
err_slab:
	slab_close(c);
	return err;
}

void wire_cut(struct verbs_conn *c)
{
	if (!c->cm_id)
		return;
	rdma_destroy_qp(c->cm_id);
	nic_release(c->nic, c->cqes); /* a removed card's last queue goes before its context may */
	rdma_destroy_id(c->cm_id);
	c->cm_id = NULL;
	c->nic = NULL;
}

void wire_close(struct verbs_conn *c)
{
	wire_cut(c);
	recv_close(c);
	send_close(c);
	areas_close(c);
	slab_close(c);
}
