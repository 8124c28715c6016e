/*
 * A connection of the fault provider, around one of the inner provider. The plan decides when
 * msg_buf and post fail. After that, poll reports a TP_EV_READY that the inner provider does not
 * know. The caller owns the connection, and only the thread of its domain uses it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fault/plan.h"
#include "common/fault/wrap.h"

static struct fault_conn *conn_of(struct tp_conn *conn)
{
	return (struct fault_conn *)conn;
}

static void add_ready(struct fault_conn *conn)
{
	if (conn->listed)
		return;
	list_add_tail(&fault_domain_of(conn->base.domain)->ready_due, &conn->link);
	conn->listed = true;
}

static void remove_ready(struct fault_conn *conn)
{
	if (!conn->listed)
		return;
	list_del(&conn->link);
	conn->listed = false;
}

void fault_conn_count(struct tp_domain *domain)
{
	domain->count = fault_domain_of(domain)->inner->count;
}

static struct fault_conn *conn_new(struct tp_domain *domain, void *user)
{
	struct fault_conn *conn = calloc(1, sizeof(*conn));

	if (conn)
		conn->base = (struct tp_conn){.ops = domain->ops, .domain = domain, .user = user};
	return conn;
}

int fault_conn_accept(struct tp_domain *domain, struct tp_request *request, void *user,
		      struct tp_conn **out)
{
	struct fault_request *req = (struct fault_request *)request;
	struct tp_request *inner = req->inner;
	struct fault_conn *conn;
	int err;

	free(req);
	conn = domain ? conn_new(domain, user) : NULL;
	if (!conn) {
		err = inner->ops->accept(NULL, inner, NULL, NULL);
		return domain ? -ENOMEM : err;
	}
	err = inner->ops->accept(fault_domain_of(domain)->inner, inner, conn, &conn->inner);
	if (err) {
		free(conn);
		return err;
	}
	*out = &conn->base;
	return 0;
}

int fault_conn_connect(struct tp_domain *domain, struct tp_device *device,
		       const struct tp_addr *peer, unsigned timeout_ms, void *user,
		       struct tp_conn **out)
{
	struct fault_conn *conn;
	int err;

	conn = conn_new(domain, user);
	if (!conn)
		return -ENOMEM;
	err = device->ops->connect(fault_domain_of(domain)->inner, device, peer, timeout_ms, conn,
				   &conn->inner);
	if (err) {
		free(conn);
		return err;
	}
	*out = &conn->base;
	return 0;
}

void fault_conn_disconnect(struct tp_conn *base)
{
	struct fault_conn *conn = conn_of(base);

	conn->open = false;
	conn->inner->ops->disconnect(conn->inner);
}

void fault_conn_free(struct tp_conn *base)
{
	struct fault_conn *conn = conn_of(base);

	remove_ready(conn);
	conn->inner->ops->conn_free(conn->inner);
	free(conn);
}

/* True if the plan lets a call of this connection fail now. */
static bool deny(struct fault_conn *conn, enum fault_point point, bool *denied)
{
	struct fault_domain *domain = fault_domain_of(conn->base.domain);

	if (!conn->open || !fault_fires_once(domain->plan, point, denied))
		return false;
	add_ready(conn);
	return true;
}

void *fault_conn_msg_buf(struct tp_conn *base)
{
	struct fault_conn *conn = conn_of(base);

	if (deny(conn, FAULT_NO_BUF, &conn->denied_buf))
		return NULL;
	return conn->inner->ops->msg_buf(conn->inner);
}

void fault_conn_msg_send(struct tp_conn *base, size_t len)
{
	struct tp_conn *inner = conn_of(base)->inner;

	inner->ops->msg_send(inner, len);
	fault_conn_count(base->domain);
}

int fault_conn_post(struct tp_conn *base, const struct tp_op *op)
{
	struct fault_conn *conn = conn_of(base);
	int err;

	if (deny(conn, FAULT_AGAIN, &conn->denied_post))
		return -EAGAIN;
	err = conn->inner->ops->post(conn->inner, op);
	fault_conn_count(base->domain);
	return err;
}

void fault_conn_flush(struct tp_conn *base)
{
	struct tp_conn *inner = conn_of(base)->inner;

	inner->ops->flush(inner);
	fault_conn_count(base->domain);
}

int fault_conn_ready(struct fault_domain *domain, struct tp_event *events, int max)
{
	int n = 0;

	while (n < max && !list_empty(&domain->ready_due)) {
		struct fault_conn *conn =
			container_of(domain->ready_due.next, struct fault_conn, link);

		remove_ready(conn);
		events[n++] = (struct tp_event){.type = TP_EV_READY, .conn = &conn->base};
	}
	return n;
}

void fault_conn_translate(struct tp_event *event)
{
	struct fault_conn *conn = event->conn->user;

	event->conn = &conn->base;
	if (event->type == TP_EV_CONNECTED) {
		conn->base.msg_max = conn->inner->msg_max;
		conn->base.channel = conn->inner->channel;
		conn->open = true;
	} else if (event->type == TP_EV_CLOSED) {
		memcpy(conn->base.why, conn->inner->why, sizeof(conn->base.why));
		conn->open = false;
		remove_ready(conn);
	}
}
