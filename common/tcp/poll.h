/* The functions poll and arm of struct tp_ops. */
#ifndef USRBIO_COMMON_TCP_POLL_H
#define USRBIO_COMMON_TCP_POLL_H

#include "common/transport/transport.h"

int tcp_poll(struct tp_domain *domain, struct tp_event *events, int max);
int tcp_poll_arm(struct tp_domain *domain);

#endif
