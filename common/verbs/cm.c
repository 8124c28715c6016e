/*
 * A domain's connection manager channel: takes events, copies what matters, acknowledges, and
 * only then hands over, because an rdma_cm_id cannot be destroyed while an event of it is held.
 * The domain's thread only.
 */
#include "common/verbs/verbs.h"

#include <errno.h>
#include <string.h>

#include "common/log.h"

static void copy_note(struct rdma_cm_event *event, struct cm_note *note)
{
	const struct rdma_conn_param *param = &event->param.conn;

	*note = (struct cm_note){
		.type = event->event,
		.status = event->status,
		.id = event->id,
		.initiator_depth = param->initiator_depth,
	};
	if (param->private_data && param->private_data_len >= sizeof(note->prologue)) {
		memcpy(&note->prologue, param->private_data, sizeof(note->prologue));
		note->has_prologue = true;
	}
	log_debug("%s, status %d", rdma_event_str(event->event), event->status);
}

/*
 * Whom an event is for. A request's id comes with its listener's context; it loses that here,
 * before another thread may take it over, so that what happens to a request between its arrival
 * and its accept (which then fails) is nobody's event.
 */
static struct cm_end *end_of(struct rdma_cm_event *event)
{
	if (event->event != RDMA_CM_EVENT_CONNECT_REQUEST)
		return event->id->context;
	event->id->context = NULL;
	return event->listen_id->context;
}

static void cm_ready(struct source *source, struct sink *out)
{
	struct rdma_cm_event *event;

	while (!sink_full(out) && !rdma_get_cm_event(source->domain->channel, &event)) {
		struct cm_end *end = end_of(event);
		struct cm_note note;

		copy_note(event, &note);
		rdma_ack_cm_event(event);
		if (end)
			end->note(end, &note, out);
	}
}

int cm_open(struct verbs_domain *domain)
{
	int err;

	domain->channel = rdma_create_event_channel();
	if (!domain->channel) {
		err = errno ? -errno : -ENODEV;
		log_error("no RDMA connection manager (is the module rdma_ucm loaded?): %s",
			  strerror(-err));
		return err;
	}
	err = verbs_cloexec(domain->channel->fd, true);
	if (err)
		goto err_channel;
	domain->cm.ready = cm_ready;
	err = source_add(&domain->cm, domain, domain->channel->fd);
	if (err)
		goto err_channel;
	return 0;
err_channel:
	rdma_destroy_event_channel(domain->channel);
	return err;
}

void cm_close(struct verbs_domain *domain)
{
	rdma_destroy_event_channel(domain->channel);
}
