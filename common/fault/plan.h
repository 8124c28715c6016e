/* The question the wrapper asks at each point. */
#ifndef USRBIO_COMMON_FAULT_PLAN_H
#define USRBIO_COMMON_FAULT_PLAN_H

#include "common/fault/fault.h"

/* One more chance at this point: true if it is to fail. Any thread. */
bool fault_fires(struct fault_plan *plan, enum fault_point point);

#endif
