/*
 * A provider around another provider, for tests only. It refuses and delays by a plan, within the
 * contract of transport.h. So all code that runs over a provider must also run over this one. For
 * failures outside the contract there are the fault points inside the providers
 * (common/fault_points/faults.h).
 *
 * A plan has a rule for each point at which it can refuse or delay. A point counts its chances in
 * the whole process. Any thread may use it.
 */
#ifndef USRBIO_COMMON_FAULT_FAULT_H
#define USRBIO_COMMON_FAULT_FAULT_H

#include "common/transport/transport.h"
#include "common/fault_points/fault_trigger.h"

enum fault_point {
	FAULT_NO_BUF, /* "no_buf": msg_buf returns NULL, and TP_EV_READY follows */
	FAULT_AGAIN,  /* "again":  post returns -EAGAIN, and TP_EV_READY follows */
	FAULT_DELAY,  /* "delay":  poll reports nothing, for `polls` calls */
	FAULT_NR_POINTS,
};

struct fault_plan_rule {
	struct fault_trigger when;
	unsigned polls; /* FAULT_DELAY only */
};

struct fault_plan {
	struct fault_plan_rule rules[FAULT_NR_POINTS];
	uint64_t seed;
};

/*
 * Read a plan. The text has words separated by blanks or commas: "point=TRIGGER" as in
 * common/fault_points/fault_trigger.h, "delay=TRIGGER:polls", "seed=number". *plan is cleared
 * first. Returns 0 or -EINVAL.
 */
int fault_plan_parse(struct fault_plan *plan, const char *text);

/*
 * Return the provider that wraps `inner` and fails by `plan`. The plan must outlive it, and may be
 * changed while nothing is under way. A process has one such provider: a later call replaces the
 * inner provider and the plan. No object of the earlier one may be open then.
 */
const struct tp_ops *tp_fault_ops(const struct tp_ops *inner, struct fault_plan *plan);

#endif
