/*
 * A provider around a provider that is reluctant as it is told, within the contract: for tests,
 * never for a release. What breaks are the fault points (common/fault_points/faults.h) inside the
 * providers.
 *
 * The contract of transport.h holds for it as for any other, so whatever runs over a provider must
 * run over this one. A plan has a rule for each point at which something can go wrong. Points count
 * their chances over the whole process; any thread.
 */
#ifndef USRBIO_COMMON_FAULT_FAULT_H
#define USRBIO_COMMON_FAULT_FAULT_H

#include "common/transport/transport.h"
#include "common/fault_points/fault_trigger.h"

enum fault_point {
	FAULT_NO_BUF, /* "no_buf": msg_buf gives NULL, a READY follows */
	FAULT_AGAIN,  /* "again":  post says -EAGAIN, a READY follows */
	FAULT_DELAY,  /* "delay":  poll keeps silent, for `polls` calls */
	FAULT_NR_POINTS,
};

struct fault_rule {
	struct fault_trigger when;
	unsigned polls; /* FAULT_DELAY only */
};

struct fault_plan {
	struct fault_rule rules[FAULT_NR_POINTS];
	uint64_t seed;
};

/*
 * Read a plan: words separated by blanks or commas, "point=WHEN" as in
 * common/fault_points/fault_trigger.h, "delay=WHEN:polls", "seed=number". Starts from an empty
 * plan. 0, or -EINVAL.
 */
int fault_plan_parse(struct fault_plan *plan, const char *text);

/*
 * The provider that wraps `inner` and balks by `plan`, which must outlive its use and may be
 * changed while nothing is under way. There is one per process: a later call replaces what the one
 * before it set, and only once nothing of it is open any more.
 */
const struct tp_ops *tp_fault_ops(const struct tp_ops *inner, struct fault_plan *plan);

#endif
