/* The functions poll and arm of struct tp_ops. */
#ifndef USRBIO_COMMON_VERBS_POLL_H
#define USRBIO_COMMON_VERBS_POLL_H

#include "common/transport/transport.h"

int verbs_poll(struct tp_domain *domain, struct tp_event *events, int max);
int verbs_arm(struct tp_domain *domain);

#endif
