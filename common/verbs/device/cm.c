/*
 * Channels and ids of the connection manager. The domain or device that opens a channel owns it,
 * and its thread uses it. An event is copied, then acknowledged, and only then handled, because an
 * rdma_cm_id cannot be destroyed while an event of it is held.
 *
 * librdmacm has one lock in the process for its list of cards. During calls that may take this
 * lock, forks wait, so that the lock is free in a child.
 */
#include "common/verbs/device/cm.h"

#include <errno.h>
#include <string.h>

#include "common/base/fork.h"
#include "common/base/log.h"
#include "common/verbs/device/source.h"

static void copy_event(const struct rdma_cm_event *from, struct verbs_cm_event *event)
{
	const struct rdma_conn_param *param = &from->param.conn;

	*event = (struct verbs_cm_event){
		.type = from->event,
		.status = from->status,
		.id = from->id,
		.initiator_depth = param->initiator_depth,
	};
	if (param->private_data && param->private_data_len >= sizeof(event->params)) {
		memcpy(&event->params, param->private_data, sizeof(event->params));
		event->has_params = true;
	}
	log_debug("%s, status %d", rdma_event_str(from->event), from->status);
}

/*
 * Get the handler of an event. The id of a request has its listener's context at first. The context
 * is cleared here, before another thread may take the id over. So an event of a request between its
 * arrival and its accept has no handler, and the accept then fails.
 */
static struct verbs_cm_handler *handler_of(struct rdma_cm_event *event)
{
	if (event->event != RDMA_CM_EVENT_CONNECT_REQUEST)
		return event->id->context;
	event->id->context = NULL;
	return event->listen_id->context;
}

bool cm_take(struct rdma_event_channel *channel, struct verbs_cm_event *event,
	     struct verbs_cm_handler **handler)
{
	bool held = fork_hold();
	struct rdma_cm_event *from;
	bool there = !rdma_get_cm_event(channel, &from);

	if (there) {
		*handler = handler_of(from);
		copy_event(from, event);
		rdma_ack_cm_event(from);
	}
	fork_release(held);
	return there;
}

int cm_channel_open(bool nonblock, struct rdma_event_channel **out)
{
	bool held = fork_hold();
	struct rdma_event_channel *channel = rdma_create_event_channel();
	int err = errno ? -errno : -ENODEV;

	fork_release(held);
	if (!channel) {
		log_error("no RDMA connection manager: %s; load the kernel module rdma_ucm",
			  strerror(-err));
		return err;
	}
	err = source_cloexec(channel->fd, nonblock);
	if (err) {
		rdma_destroy_event_channel(channel);
		return err;
	}
	fork_own(channel->fd);
	*out = channel;
	return 0;
}

void cm_channel_close(struct rdma_event_channel *channel)
{
	fork_disown(channel->fd);
	rdma_destroy_event_channel(channel);
}

int cm_id_create(struct rdma_event_channel *channel, void *context, struct rdma_cm_id **id)
{
	bool held = fork_hold();
	int err = rdma_create_id(channel, id, context, RDMA_PS_TCP) ? -errno : 0;

	fork_release(held);
	return err;
}

void cm_id_destroy(struct rdma_cm_id *id)
{
	bool held = fork_hold();

	rdma_destroy_id(id);
	fork_release(held);
}
