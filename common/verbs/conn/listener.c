/*
 * A listener: an rdma_cm_id on the channel of the domain that owns it. A request carries the peer's
 * connect parameters; a peer that does not send valid ones is refused here, before anything is
 * allocated for a connection. Only the domain's thread uses it. Another thread may accept a
 * request.
 */
#include "common/verbs/conn/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/list.h"
#include "common/base/log.h"
#include "common/verbs/conn/domain.h"
#include "common/verbs/device/cm.h"
#include "common/verbs/device/sink.h"

#define BACKLOG 128

struct verbs_listener {
	struct tp_listener listener;
	struct verbs_cm_handler handler;
	struct rdma_cm_id *id;
};

static void id_address(struct rdma_cm_id *id, bool peer, struct tp_addr *addr)
{
	struct sockaddr *sa = peer ? rdma_get_peer_addr(id) : rdma_get_local_addr(id);

	memset(addr, 0, sizeof(*addr));
	addr->len = sa->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
					      : sizeof(struct sockaddr_in);
	memcpy(&addr->ss, sa, addr->len);
}

void listener_reject(struct rdma_cm_id *id)
{
	struct connect_params params;

	connect_params_refuse(&params);
	rdma_reject(id, &params, sizeof(params));
}

void listener_refuse(struct verbs_request *request)
{
	if (request->id) {
		listener_reject(request->id);
		cm_id_destroy(request->id);
	}
	free(request);
}

static struct verbs_request *request_new(const struct verbs_listener *l,
					 const struct verbs_cm_event *event)
{
	struct verbs_request *r;
	char why[TP_WHY_MAX];

	if (!event->has_params) {
		log_peer("a peer asks to connect without connect parameters; refused");
		return NULL;
	}
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	if (connect_params_check(&event->params, &r->params, why)) {
		log_peer("a peer that asks to connect %s; refused", why);
		free(r);
		return NULL;
	}
	r->req.ops = l->listener.ops;
	r->id = event->id;
	r->initiator_depth = event->initiator_depth;
	id_address(event->id, true, &r->req.peer);
	return r;
}

/* Reject a peer with the parameters of this end, whose version tells the peer why. */
static void reject_for_good(struct rdma_cm_id *id)
{
	struct connect_params params;

	connect_params_make(&params, TP_MSG_MAX, 4);
	rdma_reject(id, &params, sizeof(params));
}

static void listener_cm_event(struct verbs_cm_handler *handler, const struct verbs_cm_event *event,
			      struct verbs_sink *out)
{
	struct verbs_listener *l = container_of(handler, struct verbs_listener, handler);
	struct verbs_request *r;

	if (event->type == RDMA_CM_EVENT_DEVICE_REMOVAL)
		log_error("the RDMA device of a listener has been removed: no client can connect "
			  "over it until this program is started again");
	if (event->type != RDMA_CM_EVENT_CONNECT_REQUEST)
		return;
	r = request_new(l, event);
	if (!r) {
		reject_for_good(event->id);
		cm_id_destroy(event->id);
		return;
	}
	sink_add(out, TP_EV_REQUEST, NULL)->request = &r->req;
}

/* Listen to IPv6 only: a wildcard of each family may then use the same port. */
static void v6_only(struct rdma_cm_id *id)
{
	int on = 1;

	rdma_set_option(id, RDMA_OPTION_ID, RDMA_OPTION_ID_AFONLY, &on, sizeof(on));
}

static int bind_and_listen(struct rdma_cm_id *id, const struct tp_addr *addr)
{
	if (addr->ss.ss_family == AF_INET6)
		v6_only(id);
	if (!rdma_bind_addr(id, (struct sockaddr *)&addr->ss) && !rdma_listen(id, BACKLOG))
		return 0;
	return errno ? -errno : -ENODEV;
}

int verbs_listen(struct tp_domain *domain, const struct tp_addr *addr,
		 struct tp_listener **listener)
{
	struct verbs_domain *d = container_of(domain, struct verbs_domain, dom);
	struct verbs_listener *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return -ENOMEM;
	l->handler.handle = listener_cm_event;
	err = cm_id_create(d->channel, &l->handler, &l->id);
	if (err)
		goto err_free;
	err = bind_and_listen(l->id, addr);
	if (err)
		goto err_id;
	l->listener.ops = domain->ops;
	id_address(l->id, false, &l->listener.addr);
	*listener = &l->listener;
	return 0;
err_id:
	cm_id_destroy(l->id);
err_free:
	free(l);
	return err;
}

void verbs_unlisten(struct tp_listener *listener)
{
	struct verbs_listener *l = container_of(listener, struct verbs_listener, listener);

	cm_id_destroy(l->id);
	free(l);
}
