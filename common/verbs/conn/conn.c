/*
 * A connection: connect or accept creates it, disconnect ends it, and its owner, the caller, frees
 * it. It belongs to one domain, and only the domain's thread uses it. An accepted connection has a
 * protection domain of its own, in which a peer can reach nothing. A connecting one uses the
 * protection domain of its device, where the device registers memory for this peer.
 */
#include "common/verbs/conn/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/fork.h"
#include "common/base/list.h"
#include "common/base/log.h"
#include "common/fault_points/faults.h"
#include "common/verbs/conn/domain.h"
#include "common/verbs/conn/listener.h"
#include "common/verbs/conn/qp.h"
#include "common/verbs/conn/state.h"
#include "common/verbs/conn/wire.h"
#include "common/verbs/device/cm.h"
#include "common/verbs/device/device.h"
#include "common/verbs/device/nic.h"
#include "common/verbs/device/timer.h"

#define ACCEPT_MS 10000 /* the time for the last message of the handshake */
#define LINGER_MS 3000	/* the time for messages that are still on their way at disconnect */

static struct verbs_conn *conn_new(struct verbs_domain *d, void *user, enum verbs_state state)
{
	struct verbs_conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->conn = (struct tp_conn){.ops = d->dom.ops, .domain = &d->dom, .user = user};
	c->domain = d;
	c->state = state;
	c->handler.handle = state_cm_event;
	if (domain_add(d, c)) {
		free(c);
		return NULL;
	}
	return c;
}

static void conn_delete(struct verbs_conn *c)
{
	domain_remove(c->domain, c);
	free(c);
}

/* ---- connect ---- */

/*
 * Bind to the local address on the device's card, so that the connection uses that card. Returns 0
 * or -errno.
 */
static int bind_to(struct rdma_cm_id *id, struct rdma_cm_id *device_id)
{
	const struct sockaddr *sa = rdma_get_local_addr(device_id);
	struct sockaddr_storage ss = {0};
	bool held;
	int err;

	if (sa->sa_family == AF_INET6) {
		memcpy(&ss, sa, sizeof(struct sockaddr_in6));
		((struct sockaddr_in6 *)&ss)->sin6_port = 0;
	} else {
		memcpy(&ss, sa, sizeof(struct sockaddr_in));
		((struct sockaddr_in *)&ss)->sin_port = 0;
	}
	held = fork_hold();
	err = rdma_bind_addr(id, (struct sockaddr *)&ss) ? -errno : 0;
	fork_release(held);
	if (err)
		return err;
	return id->verbs == device_id->verbs ? 0 : -ENODEV;
}

static int begin(struct verbs_conn *c, struct verbs_device *device, const struct tp_addr *peer,
		 unsigned timeout_ms)
{
	int err;

	err = cm_id_create(c->domain->channel, &c->handler, &c->cm_id);
	if (err)
		return err;
	err = bind_to(c->cm_id, device->id);
	if (!err)
		err = nic_get(&c->domain->nics, c->cm_id, &c->nic);
	if (err)
		goto err_id;
	c->pd = device->pd;
	err = wire_open(c);
	if (err)
		goto err_id;
	timer_set(&c->domain->timer, &c->deadline_ns, timeout_ms);
	if (rdma_resolve_addr(c->cm_id, NULL, (struct sockaddr *)&peer->ss, (int)timeout_ms)) {
		err = -errno;
		goto err_timer;
	}
	return 0;
err_timer:
	timer_clear(&c->domain->timer, &c->deadline_ns);
	wire_close(c); /* this destroys the id too */
	return err;
err_id:
	cm_id_destroy(c->cm_id);
	return err;
}

int verbs_connect(struct tp_domain *domain, struct tp_device *device, const struct tp_addr *peer,
		  unsigned timeout_ms, void *user, struct tp_conn **conn)
{
	struct verbs_domain *d = container_of(domain, struct verbs_domain, dom);
	struct verbs_conn *c = conn_new(d, user, VERBS_STATE_RESOLVING);
	int err;

	if (!c)
		return -ENOMEM;
	err = fault_at(VERBS_CONNECT_FAIL)
		      ? -ECONNREFUSED
		      : begin(c, container_of(device, struct verbs_device, dev), peer, timeout_ms);
	if (err) {
		conn_delete(c);
		return err;
	}
	*conn = &c->conn;
	return 0;
}

/* ---- accept ---- */

static int answer(struct verbs_conn *c)
{
	struct connect_params params;
	struct rdma_conn_param param = {
		.private_data = &params,
		.private_data_len = sizeof(params),
		.responder_resources = 1,
		.initiator_depth = c->read_depth,
		.retry_count = RETRIES,
		.rnr_retry_count = RETRIES,
		.qp_num = c->qp->qp_num,
	};
	int err = qp_start(c);

	if (err)
		return err;
	connect_params_make(&params, c->domain->config.msg_max, c->rq.nr);
	return rdma_accept(c->cm_id, &param) ? -errno : 0;
}

static int take(struct verbs_conn *c, struct verbs_request *r)
{
	struct verbs_domain *d = c->domain;
	int err, mine;

	/* From here on the events of the request come to this domain's thread. */
	if (r->id->channel != d->channel && rdma_migrate_id(r->id, d->channel))
		return -errno;
	r->id->context = &c->handler;
	err = nic_get(&d->nics, r->id, &c->nic);
	if (err)
		return err;
	c->pd = ibv_alloc_pd(c->nic->card->verbs);
	if (!c->pd)
		return -errno;
	c->accepted = true;
	mine = c->nic->attr.max_qp_init_rd_atom;
	c->read_depth = mine < r->initiator_depth ? (uint8_t)mine : r->initiator_depth;
	c->cm_id = r->id;
	err = state_agree(c, &r->params);
	if (!err)
		err = wire_open(c);
	if (err)
		goto err_pd;
	timer_set(&c->domain->timer, &c->deadline_ns, ACCEPT_MS);
	err = answer(c);
	if (err)
		goto err_timer;
	return 0;
err_timer:
	timer_clear(&c->domain->timer, &c->deadline_ns);
	listener_reject(c->cm_id);
	wire_close(c);
	r->id = NULL;
err_pd:
	ibv_dealloc_pd(c->pd);
	return err;
}

int verbs_accept(struct tp_domain *domain, struct tp_request *request, void *user,
		 struct tp_conn **conn)
{
	struct verbs_request *r = container_of(request, struct verbs_request, req);
	struct verbs_conn *c;
	int err = -ENOMEM;

	if (!domain) {
		listener_refuse(r);
		return 0;
	}
	c = conn_new(container_of(domain, struct verbs_domain, dom), user, VERBS_STATE_ACCEPTING);
	if (!c)
		goto err_refuse;
	err = take(c, r);
	if (err)
		goto err_conn;
	free(r);
	*conn = &c->conn;
	return 0;
err_conn:
	conn_delete(c);
err_refuse:
	listener_refuse(r);
	return err;
}

/* ---- the end ---- */

void verbs_disconnect(struct tp_conn *conn)
{
	struct verbs_conn *c = conn_of(conn);

	verbs_flush(conn);
	c->left |= c->state <= VERBS_STATE_UP;
	if (c->state < VERBS_STATE_UP)
		state_fail(c, 0);
	if (c->state != VERBS_STATE_UP)
		return;
	c->state = VERBS_STATE_LEAVING;
	timer_set(&c->domain->timer, &c->deadline_ns, LINGER_MS);
	state_progress(c);
}

void verbs_conn_free(struct tp_conn *conn)
{
	struct verbs_conn *c = conn_of(conn);

	timer_clear(&c->domain->timer, &c->deadline_ns);
	wire_close(c);
	if (c->accepted)
		ibv_dealloc_pd(c->pd);
	conn_delete(c);
}
