/* A sink: the caller's array of events, which one poll fills. */
#ifndef USRBIO_COMMON_TCP_BASE_SINK_H
#define USRBIO_COMMON_TCP_BASE_SINK_H

#include "common/transport/transport.h"

struct tcp_sink {
	struct tp_event *events;
	int n;
	int max;
};

static inline bool tcp_sink_full(const struct tcp_sink *sink)
{
	return sink->n == sink->max;
}

/* Add an event of this connection to a sink that is not full. The caller sets the other fields. */
static inline struct tp_event *tcp_sink_add(struct tcp_sink *sink, enum tp_event_type type,
					    struct tp_conn *conn)
{
	struct tp_event *event = &sink->events[sink->n++];

	*event = (struct tp_event){.type = type, .conn = conn};
	return event;
}

#endif
