/*
 * A provider around a provider that fails as it is told: for tests, never for a release.
 *
 * The contract of transport.h holds for it as for any other, so whatever runs over a provider must
 * run over this one. A plan has a rule for each point at which something can go wrong. Points count
 * their chances over the whole process; any thread.
 */
#ifndef USRBIO_COMMON_FAULT_FAULT_H
#define USRBIO_COMMON_FAULT_FAULT_H

#include <stdatomic.h>

#include "common/transport.h"

enum fault_point {
	FAULT_DEVICE,	/* "device":   device_open fails, -ENODEV */
	FAULT_REGISTER, /* "register": mem_register fails, -ENOMEM */
	FAULT_CONNECT,	/* "connect":  connect fails at once, -ENOMEM */
	FAULT_REFUSE,	/* "refuse":   connect ends with TP_EV_CLOSED, -ECONNREFUSED */
	FAULT_CUT_MSG,	/* "cut_msg":  msg_send loses the message and the connection, -ECONNRESET */
	FAULT_CUT_POST, /* "cut_post": the connection is lost right after a post */
	FAULT_NO_BUF,	/* "no_buf":   msg_buf gives NULL, a READY follows */
	FAULT_AGAIN,	/* "again":    post says -EAGAIN, a READY follows */
	FAULT_DELAY,	/* "delay":    poll keeps silent, for `polls` calls */
	FAULT_NR_POINTS,
};

enum fault_mode {
	FAULT_NEVER,
	FAULT_ONCE,   /* "once:n":   the n-th chance */
	FAULT_EVERY,  /* "every:n":  each n-th */
	FAULT_RANDOM, /* "random:n": one in n, drawn from the plan's seed */
};

struct fault_rule {
	enum fault_mode mode;
	unsigned n;
	unsigned polls;	   /* FAULT_DELAY only */
	atomic_uint seen;  /* chances so far */
	atomic_uint fired; /* how many were taken */
};

struct fault_plan {
	struct fault_rule rules[FAULT_NR_POINTS];
	uint64_t seed;
};

/*
 * Read a plan: words separated by blanks or commas, "point=mode:n", "delay=mode:n:polls",
 * "seed=number". Starts from an empty plan. 0, or -EINVAL.
 */
int fault_plan_parse(struct fault_plan *plan, const char *text);

/*
 * The provider that wraps `inner` and fails by `plan`, which must outlive its use and may be
 * changed while nothing is under way. There is one per process: a later call replaces what the one
 * before it set, and only once nothing of it is open any more.
 */
const struct tp_ops *tp_fault_ops(const struct tp_ops *inner, struct fault_plan *plan);

#endif
