/*
 * The resources of a queue pair: message buffers in one slab, registrations of the domain's local
 * memory, and space in the completion queue. The connection owns them from its begin until it is
 * freed. All registrations here are for local use: a peer reaches only the memory that its device
 * has registered. Only the domain's thread uses them.
 */
#include "common/verbs/conn/wire.h"

#include <errno.h>
#include <string.h>

#include "common/base/log.h"
#include "common/verbs/conn/conn.h"
#include "common/verbs/conn/domain.h"
#include "common/verbs/conn/qp.h"
#include "common/verbs/conn/recv.h"
#include "common/verbs/conn/send.h"
#include "common/verbs/device/cm.h"
#include "common/verbs/device/mem.h"

#define CACHE_LINE 64u

/* Get the size of the send queue: a power of two that holds all sends, or the card's limit. */
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
	recvs = c->rq.nr * c->stride;
	sends = config->nr_sends * c->stride;
	err = pages_alloc(&c->slab, recvs + sends + c->sq.size * sizeof(*c->imm_cells),
			  config->numa, false);
	if (err)
		return err;
	err = mem_reg_mr(c->pd, c->slab.base, c->slab.len, IBV_ACCESS_LOCAL_WRITE, &c->slab_mr);
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
		int err = mem_reg_mr(c->pd, d->areas[i].base, d->areas[i].len,
				     IBV_ACCESS_LOCAL_WRITE, &c->area_mrs[i]);

		if (err) {
			areas_close(c);
			return err;
		}
		c->nr_area_mrs++;
	}
	return 0;
}

int wire_open(struct verbs_conn *c)
{
	int err;

	c->sq.size = ring_size(c);
	c->sq.max_ops = c->domain->config.nr_posts;
	c->rq.nr = recv_depth(&c->domain->config);
	c->cqes = c->sq.size + c->rq.nr;
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
	qp_close(c);
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
	qp_close(c);
	nic_release(c->nic, c->cqes);
	cm_id_destroy(c->cm_id);
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
