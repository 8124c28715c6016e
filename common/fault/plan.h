/* The question that the fault provider asks its plan. */
#ifndef USRBIO_COMMON_FAULT_PLAN_H
#define USRBIO_COMMON_FAULT_PLAN_H

#include "common/fault/fault.h"

/*
 * Count one more chance of this point. True if it is to fail. *fired is the previous answer, and
 * two answers in succession are never true. So a caller that repeats a call succeeds under every
 * plan, also if the chances of several objects are counted together. Any thread.
 */
bool fault_fires_once(struct fault_plan *plan, enum fault_point point, bool *fired);

#endif
