/*
 * The objects of the fault provider. Each wraps an object of the inner provider, and finds the
 * inner provider's calls there. The same threads may use an object as may use its inner one.
 */
#ifndef USRBIO_COMMON_FAULT_WRAP_H
#define USRBIO_COMMON_FAULT_WRAP_H

#include "common/base/list.h"
#include "common/fault/fault.h"

struct fault_domain {
	struct tp_domain base; /* its fd is that of the inner domain */
	struct tp_domain *inner;
	struct fault_plan *plan;
	struct list ready_due; /* connections that get an extra TP_EV_READY at the next poll */
	unsigned silent;       /* the number of polls that report nothing */
	bool was_silent;       /* the last chance of FAULT_DELAY was taken */
	bool (*range)(void *user, uint32_t tag, enum tp_access access, struct tp_range *range);
};

struct fault_conn {
	struct tp_conn base;
	struct tp_conn *inner;	      /* its user is this fault_conn */
	struct list link;	      /* in the domain's ready_due */
	bool listed;		      /* it is in ready_due */
	bool open;		      /* between TP_EV_CONNECTED and disconnect or TP_EV_CLOSED */
	bool denied_buf, denied_post; /* the last try failed because of the plan */
};

struct fault_request {
	struct tp_request base;
	struct tp_request *inner;
};

static inline struct fault_domain *fault_domain_of(struct tp_domain *domain)
{
	return (struct fault_domain *)domain;
}

/* conn.c; all but the last three are calls of struct tp_ops. */
int fault_conn_accept(struct tp_domain *domain, struct tp_request *request, void *user,
		      struct tp_conn **conn);
/* `device` is the inner provider's. */
int fault_conn_connect(struct tp_domain *domain, struct tp_device *device,
		       const struct tp_addr *peer, unsigned timeout_ms, void *user,
		       struct tp_conn **conn);
void fault_conn_disconnect(struct tp_conn *conn);
void fault_conn_free(struct tp_conn *conn);
void *fault_conn_msg_buf(struct tp_conn *conn);
void fault_conn_msg_send(struct tp_conn *conn, size_t len);
int fault_conn_post(struct tp_conn *conn, const struct tp_op *op);
void fault_conn_flush(struct tp_conn *conn);
/* Report the TP_EV_READYs that are due. Returns their number. */
int fault_conn_ready(struct fault_domain *domain, struct tp_event *events, int max);
/* Translate an event of an inner connection. */
void fault_conn_translate(struct tp_event *event);
/* Copy the counters of the inner domain, because the caller reads those of the outer one. */
void fault_conn_count(struct tp_domain *domain);

/* domain.c; all but the first are calls of struct tp_ops. */
/* Wrap a new domain of the provider `inner`, which fails by `plan`. Returns 0 or -errno. */
int fault_domain_open(const struct tp_ops *inner, struct fault_plan *plan,
		      const struct tp_domain_config *config, struct tp_domain **domain);
void fault_domain_close(struct tp_domain *domain);
int fault_domain_local(struct tp_domain *domain, void *base, size_t len);
int fault_domain_listen(struct tp_domain *domain, const struct tp_addr *addr,
			struct tp_listener **listener);
void fault_domain_unlisten(struct tp_listener *listener);
int fault_domain_poll(struct tp_domain *domain, struct tp_event *events, int max);
int fault_domain_arm(struct tp_domain *domain);

#endif
