/* Channels, ids and events of the connection manager. */
#ifndef USRBIO_COMMON_VERBS_DEVICE_CM_H
#define USRBIO_COMMON_VERBS_DEVICE_CM_H

#include <rdma/rdma_cma.h>

#include "common/transport/connect_params.h"
#include "common/verbs/device/sink.h"

/* A copy of an event. The event itself is acknowledged before it is handled. */
struct verbs_cm_event {
	enum rdma_cm_event_type type;
	int status;
	struct rdma_cm_id *id;
	uint8_t initiator_depth;
	bool has_params;
	struct connect_params params; /* as on the wire */
};

/* A handler of events. The context of an rdma_cm_id points to it; NULL: a request not accepted. */
struct verbs_cm_handler {
	void (*handle)(struct verbs_cm_handler *handler, const struct verbs_cm_event *event,
		       struct verbs_sink *out);
};

/* Open a channel that neither exec nor fork passes on. Forks wait meanwhile. 0 or -errno. */
int cm_channel_open(bool nonblock, struct rdma_event_channel **channel);
void cm_channel_close(struct rdma_event_channel *channel);
int cm_id_create(struct rdma_event_channel *channel, void *context, struct rdma_cm_id **id);
void cm_id_destroy(struct rdma_cm_id *id);

/* Take the next event, and its handler or NULL. False: there is none. */
bool cm_take(struct rdma_event_channel *channel, struct verbs_cm_event *event,
	     struct verbs_cm_handler **handler);

#endif
