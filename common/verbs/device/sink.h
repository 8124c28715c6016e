/* The sink: the caller's array, into which poll() puts the events that it reports. */
#ifndef USRBIO_COMMON_VERBS_DEVICE_SINK_H
#define USRBIO_COMMON_VERBS_DEVICE_SINK_H

#include "common/transport/transport.h"

/* The array that the caller of poll() gave. It is full when n == max. */
struct verbs_sink {
	struct tp_event *events;
	int n;
	int max;
};

static inline bool sink_full(const struct verbs_sink *out)
{
	return out->n == out->max;
}

/* Add an event; the sink is not full. conn may be NULL. The caller sets the other fields. */
static inline struct tp_event *sink_add(struct verbs_sink *out, enum tp_event_type type,
					struct tp_conn *conn)
{
	struct tp_event *event = &out->events[out->n++];

	*event = (struct tp_event){.type = type, .conn = conn};
	return event;
}

#endif
