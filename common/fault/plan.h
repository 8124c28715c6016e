/* The questions that the fault provider asks its plan. */
#ifndef USRBIO_COMMON_FAULT_PLAN_H
#define USRBIO_COMMON_FAULT_PLAN_H

#include "common/fault/fault.h"

/*
 * Take one more chance at this point: true if it is to fail. *fired is the answer of the last time,
 * and a chance is never taken twice in a row: whatever the plan, and even if the chances of several
 * objects fall into step with it, trying again helps. Any thread.
 */
bool fault_fires_once(struct fault_plan *plan, enum fault_point point, bool *fired);

#endif
