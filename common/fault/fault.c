/*
 * The wrapper: each object holds the inner provider's and passes calls and events through. It has
 * no threads of its own and keeps to the contract's: an object is used as its inner one would be.
 */
#include "common/fault/fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/fault/plan.h"

/* device_open and domain_open come without an object to find these by: one per process. */
static const struct tp_ops *inner_ops;
static struct fault_plan *the_plan;
static struct tp_ops fault_ops;

struct fault_device {
	struct tp_device base;
	struct tp_device *inner;
};

struct fault_mem {
	struct tp_mem base;
	struct tp_mem *inner;
};

TAILQ_HEAD(fault_conn_list, fault_conn);

struct fault_domain {
	struct tp_domain base; /* fd: the inner's */
	struct tp_domain *inner;
	struct fault_conn_list owing; /* events of our own making to be told */
	unsigned silent;	      /* polls that will say nothing */
	bool was_silent;
	bool (*range)(void *user, uint32_t tag, enum tp_access access, struct tp_range *range);
};

struct fault_conn {
	struct tp_conn base;
	struct tp_conn *inner;
	TAILQ_ENTRY(fault_conn) link;
	bool listed;
	bool open;		      /* between TP_EV_CONNECTED and disconnect or TP_EV_CLOSED */
	bool denied_buf, denied_post; /* the last try was in vain because of us */
};

struct fault_listener {
	struct tp_listener base;
	struct tp_listener *inner;
};

struct fault_request {
	struct tp_request base;
	struct tp_request *inner;
};

static struct fault_domain *domain_of(struct tp_domain *domain)
{
	return (struct fault_domain *)domain;
}

static struct fault_conn *conn_of(struct tp_conn *conn)
{
	return (struct fault_conn *)conn;
}

/*
 * A chance to fail that is never taken twice running: whatever the plan, and however the chances of
 * several objects fall into step with it, trying again helps.
 */
static bool fires_again(enum fault_point point, bool *fired)
{
	*fired = !*fired && fault_fires(the_plan, point);
	return *fired;
}

static void owe(struct fault_conn *conn)
{
	if (conn->listed)
		return;
	TAILQ_INSERT_TAIL(&domain_of(conn->base.domain)->owing, conn, link);
	conn->listed = true;
}

static void owe_no_more(struct fault_conn *conn)
{
	if (!conn->listed)
		return;
	TAILQ_REMOVE(&domain_of(conn->base.domain)->owing, conn, link);
	conn->listed = false;
}

/* The caller looks at our domain, the inner provider counts in its own. */
static void copy_counters(struct tp_domain *domain)
{
	domain->count = domain_of(domain)->inner->count;
}

static int device_open(const struct tp_addr *peer, struct tp_device **device)
{
	struct fault_device *dev;
	int err;

	dev = malloc(sizeof(*dev));
	if (!dev)
		return -ENOMEM;
	dev->base.ops = &fault_ops;
	err = inner_ops->device_open(peer, &dev->inner);
	if (err) {
		free(dev);
		return err;
	}
	*device = &dev->base;
	return 0;
}

static void device_close(struct tp_device *device)
{
	struct fault_device *dev = (struct fault_device *)device;

	inner_ops->device_close(dev->inner);
	free(dev);
}

static int mem_register(struct tp_device *device, void *base, size_t len, unsigned access,
			struct tp_mem **mem)
{
	struct fault_device *dev = (struct fault_device *)device;
	struct fault_mem *m;
	int err;

	m = malloc(sizeof(*m));
	if (!m)
		return -ENOMEM;
	err = inner_ops->mem_register(dev->inner, base, len, access, &m->inner);
	if (err) {
		free(m);
		return err;
	}
	m->base = (struct tp_mem){.ops = &fault_ops, .key = m->inner->key};
	*mem = &m->base;
	return 0;
}

static void mem_deregister(struct tp_mem *mem)
{
	struct fault_mem *m = (struct fault_mem *)mem;

	inner_ops->mem_deregister(m->inner);
	free(m);
}

/* The inner connection's user is ours. */
static bool range(void *user, uint32_t tag, enum tp_access access, struct tp_range *range)
{
	struct fault_conn *conn = user;

	return domain_of(conn->base.domain)->range(conn->base.user, tag, access, range);
}

static int domain_open(const struct tp_domain_config *config, struct tp_domain **domain)
{
	struct fault_domain *dom = calloc(1, sizeof(*dom));
	struct tp_domain_config inner = *config;
	int err;

	if (!dom)
		return -ENOMEM;
	dom->range = config->range;
	inner.range = config->range ? range : NULL;
	err = inner_ops->domain_open(&inner, &dom->inner);
	if (err) {
		free(dom);
		return err;
	}
	dom->base = (struct tp_domain){.ops = &fault_ops,
				       .fd = dom->inner->fd,
				       .conn_bytes =
					       sizeof(struct fault_conn) + dom->inner->conn_bytes};
	TAILQ_INIT(&dom->owing);
	*domain = &dom->base;
	return 0;
}

static void domain_close(struct tp_domain *domain)
{
	inner_ops->domain_close(domain_of(domain)->inner);
	free(domain);
}

static int domain_local(struct tp_domain *domain, void *base, size_t len)
{
	return inner_ops->domain_local(domain_of(domain)->inner, base, len);
}

static int do_listen(struct tp_domain *domain, const struct tp_addr *addr,
		     struct tp_listener **listener)
{
	struct fault_listener *lis = malloc(sizeof(*lis));
	int err;

	if (!lis)
		return -ENOMEM;
	err = inner_ops->listen(domain_of(domain)->inner, addr, &lis->inner);
	if (err) {
		free(lis);
		return err;
	}
	lis->base = (struct tp_listener){.ops = &fault_ops, .addr = lis->inner->addr};
	*listener = &lis->base;
	return 0;
}

static void unlisten(struct tp_listener *listener)
{
	struct fault_listener *lis = (struct fault_listener *)listener;

	inner_ops->unlisten(lis->inner);
	free(lis);
}

static struct fault_conn *conn_new(struct tp_domain *domain, void *user)
{
	struct fault_conn *conn = calloc(1, sizeof(*conn));

	if (conn)
		conn->base = (struct tp_conn){.ops = &fault_ops, .domain = domain, .user = user};
	return conn;
}

static int do_accept(struct tp_domain *domain, struct tp_request *request, void *user,
		     struct tp_conn **out)
{
	struct fault_request *req = (struct fault_request *)request;
	struct tp_request *inner = req->inner;
	struct fault_conn *conn;
	int err;

	free(req);
	conn = domain ? conn_new(domain, user) : NULL;
	if (!conn) {
		err = inner_ops->accept(NULL, inner, NULL, NULL);
		return domain ? -ENOMEM : err;
	}
	err = inner_ops->accept(domain_of(domain)->inner, inner, conn, &conn->inner);
	if (err) {
		free(conn);
		return err;
	}
	*out = &conn->base;
	return 0;
}

static int do_connect(struct tp_domain *domain, struct tp_device *device,
		      const struct tp_addr *peer, unsigned timeout_ms, void *user,
		      struct tp_conn **out)
{
	struct fault_conn *conn;
	int err;

	conn = conn_new(domain, user);
	if (!conn)
		return -ENOMEM;
	err = inner_ops->connect(domain_of(domain)->inner, ((struct fault_device *)device)->inner,
				 peer, timeout_ms, conn, &conn->inner);
	if (err) {
		free(conn);
		return err;
	}
	*out = &conn->base;
	return 0;
}

static void do_disconnect(struct tp_conn *base)
{
	struct fault_conn *conn = conn_of(base);

	conn->open = false;
	inner_ops->disconnect(conn->inner);
}

static void conn_free(struct tp_conn *base)
{
	struct fault_conn *conn = conn_of(base);

	owe_no_more(conn);
	inner_ops->conn_free(conn->inner);
	free(conn);
}

static void *msg_buf(struct tp_conn *base)
{
	struct fault_conn *conn = conn_of(base);

	if (conn->open && fires_again(FAULT_NO_BUF, &conn->denied_buf)) {
		owe(conn);
		return NULL;
	}
	return inner_ops->msg_buf(conn->inner);
}

static void msg_send(struct tp_conn *base, size_t len)
{
	inner_ops->msg_send(conn_of(base)->inner, len);
	copy_counters(base->domain);
}

static int do_post(struct tp_conn *base, const struct tp_op *op)
{
	struct fault_conn *conn = conn_of(base);
	int err;

	if (conn->open && fires_again(FAULT_AGAIN, &conn->denied_post)) {
		owe(conn);
		return -EAGAIN;
	}
	err = inner_ops->post(conn->inner, op);
	copy_counters(base->domain);
	return err;
}

static void flush(struct tp_conn *base)
{
	inner_ops->flush(conn_of(base)->inner);
	copy_counters(base->domain);
}

/* The READYs we owe. */
static int tell_own(struct fault_domain *domain, struct tp_event *events, int max)
{
	struct fault_conn *conn;
	int n = 0;

	while (n < max && (conn = TAILQ_FIRST(&domain->owing))) {
		owe_no_more(conn);
		events[n++] = (struct tp_event){.type = TP_EV_READY, .conn = &conn->base};
	}
	return n;
}

/* False: the event is for nobody. */
static bool translate_request(struct tp_event *event)
{
	struct fault_request *request = malloc(sizeof(*request));

	if (!request) {
		inner_ops->accept(NULL, event->request, NULL, NULL);
		return false;
	}
	*request = (struct fault_request){
		.base = {.ops = &fault_ops, .peer = event->request->peer},
		.inner = event->request,
	};
	event->request = &request->base;
	return true;
}

static bool translate(struct tp_event *event)
{
	struct fault_conn *conn;

	if (event->type == TP_EV_REQUEST)
		return translate_request(event);
	conn = event->conn->user;
	event->conn = &conn->base;
	if (event->type == TP_EV_CONNECTED) {
		conn->base.msg_max = conn->inner->msg_max;
		conn->base.channel = conn->inner->channel;
		conn->open = true;
	} else if (event->type == TP_EV_CLOSED) {
		memcpy(conn->base.why, conn->inner->why, sizeof(conn->base.why));
		conn->open = false;
		owe_no_more(conn);
	}
	return true;
}

static int do_poll(struct tp_domain *base, struct tp_event *events, int max)
{
	struct fault_domain *domain = domain_of(base);
	int n, got, kept;

	if (domain->silent) {
		domain->silent--;
		return 0;
	}
	if (fires_again(FAULT_DELAY, &domain->was_silent)) {
		domain->silent = the_plan->rules[FAULT_DELAY].polls - 1;
		return 0;
	}
	n = tell_own(domain, events, max);
	got = n < max ? inner_ops->poll(domain->inner, events + n, max - n) : 0;
	kept = n;
	for (int i = 0; i < got; i++) {
		events[kept] = events[n + i];
		kept += translate(&events[kept]);
	}
	copy_counters(base);
	return kept;
}

static int arm(struct tp_domain *base)
{
	struct fault_domain *domain = domain_of(base);
	int more;

	if (domain->silent || !TAILQ_EMPTY(&domain->owing))
		return 1;
	more = inner_ops->arm(domain->inner);
	copy_counters(base);
	return more;
}

static struct tp_ops fault_ops = {
	.device_open = device_open,
	.device_close = device_close,
	.mem_register = mem_register,
	.mem_deregister = mem_deregister,
	.domain_open = domain_open,
	.domain_close = domain_close,
	.domain_local = domain_local,
	.listen = do_listen,
	.unlisten = unlisten,
	.accept = do_accept,
	.connect = do_connect,
	.disconnect = do_disconnect,
	.conn_free = conn_free,
	.msg_buf = msg_buf,
	.msg_send = msg_send,
	.post = do_post,
	.flush = flush,
	.poll = do_poll,
	.arm = arm,
};

const struct tp_ops *tp_fault_ops(const struct tp_ops *inner, struct fault_plan *plan)
{
	inner_ops = inner;
	the_plan = plan;
	fault_ops.name = inner->name;
	fault_ops.takes_pipes = inner->takes_pipes;
	fault_ops.pins = inner->pins;
	return &fault_ops;
}
