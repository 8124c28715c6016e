/*
 * A domain of the fault provider, with its listeners and their requests, around those of the inner
 * provider. Its poll translates the inner events, and reports none while the plan delays them. The
 * caller owns the domain, and only one thread uses it.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/fault/plan.h"
#include "common/fault/wrap.h"

struct fault_listener {
	struct tp_listener base;
	struct tp_listener *inner;
};

/* Call the domain's config.range for the inner provider, whose user is a struct fault_conn. */
static bool range(void *user, uint32_t tag, enum tp_access access, struct tp_range *range)
{
	struct fault_conn *conn = user;

	return fault_domain_of(conn->base.domain)->range(conn->base.user, tag, access, range);
}

int fault_domain_open(const struct tp_ops *inner, struct fault_plan *plan,
		      const struct tp_domain_config *config, struct tp_domain **domain)
{
	struct fault_domain *dom = calloc(1, sizeof(*dom));
	struct tp_domain_config inner_config = *config;
	int err;

	if (!dom)
		return -ENOMEM;
	dom->plan = plan;
	dom->range = config->range;
	inner_config.range = config->range ? range : NULL;
	err = inner->domain_open(&inner_config, &dom->inner);
	if (err) {
		free(dom);
		return err;
	}
	dom->base.fd = dom->inner->fd;
	dom->base.conn_bytes = sizeof(struct fault_conn) + dom->inner->conn_bytes;
	list_init(&dom->ready_due);
	*domain = &dom->base;
	return 0;
}

void fault_domain_close(struct tp_domain *domain)
{
	struct tp_domain *inner = fault_domain_of(domain)->inner;

	inner->ops->domain_close(inner);
	free(domain);
}

int fault_domain_local(struct tp_domain *domain, void *base, size_t len)
{
	struct tp_domain *inner = fault_domain_of(domain)->inner;

	return inner->ops->domain_local(inner, base, len);
}

int fault_domain_listen(struct tp_domain *domain, const struct tp_addr *addr,
			struct tp_listener **listener)
{
	struct tp_domain *inner = fault_domain_of(domain)->inner;
	struct fault_listener *lis = malloc(sizeof(*lis));
	int err;

	if (!lis)
		return -ENOMEM;
	err = inner->ops->listen(inner, addr, &lis->inner);
	if (err) {
		free(lis);
		return err;
	}
	lis->base = (struct tp_listener){.ops = domain->ops, .addr = lis->inner->addr};
	*listener = &lis->base;
	return 0;
}

void fault_domain_unlisten(struct tp_listener *listener)
{
	struct fault_listener *lis = (struct fault_listener *)listener;

	lis->inner->ops->unlisten(lis->inner);
	free(lis);
}

/* Wrap an inner request. False: there is no memory, and the request has been refused. */
static bool translate_request(const struct fault_domain *domain, struct tp_event *event)
{
	struct tp_request *inner = event->request;
	struct fault_request *request = malloc(sizeof(*request));

	if (!request) {
		inner->ops->accept(NULL, inner, NULL, NULL);
		return false;
	}
	*request = (struct fault_request){
		.base = {.ops = domain->base.ops, .peer = inner->peer},
		.inner = inner,
	};
	event->request = &request->base;
	return true;
}

/* Translate an event of the inner provider. False: there is none to report. */
static bool translate(const struct fault_domain *domain, struct tp_event *event)
{
	if (event->type == TP_EV_REQUEST)
		return translate_request(domain, event);
	fault_conn_translate(event);
	return true;
}

int fault_domain_poll(struct tp_domain *base, struct tp_event *events, int max)
{
	struct fault_domain *domain = fault_domain_of(base);
	int n, got, kept;

	if (domain->silent) {
		domain->silent--;
		return 0;
	}
	if (fault_fires_once(domain->plan, FAULT_DELAY, &domain->was_silent)) {
		domain->silent = domain->plan->rules[FAULT_DELAY].polls - 1;
		return 0;
	}
	n = fault_conn_ready(domain, events, max);
	got = n < max ? domain->inner->ops->poll(domain->inner, events + n, max - n) : 0;
	kept = n;
	for (int i = 0; i < got; i++) {
		events[kept] = events[n + i];
		kept += translate(domain, &events[kept]);
	}
	fault_conn_count(base);
	return kept;
}

int fault_domain_arm(struct tp_domain *base)
{
	struct fault_domain *domain = fault_domain_of(base);
	int more;

	if (domain->silent || !list_empty(&domain->ready_due))
		return 1;
	more = domain->inner->ops->arm(domain->inner);
	fault_conn_count(base);
	return more;
}
