/*
 * The fault provider: its table, and its devices and registrations, which fail only if the inner
 * ones do. The caller of tp_fault_ops() owns the plan, and the callers own the objects. The same
 * threads may use an object as may use its inner one.
 */
#include "common/fault/fault.h"

#include <errno.h>
#include <stdlib.h>

#include "common/fault/wrap.h"

/* device_open and domain_open have no object that could name these, so the process has one each. */
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

static struct tp_device *inner_of(struct tp_device *device)
{
	return ((struct fault_device *)device)->inner;
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
	struct tp_device *inner = inner_of(device);

	inner->ops->device_close(inner);
	free(device);
}

static int mem_register(struct tp_device *device, void *base, size_t len, unsigned access,
			struct tp_mem **mem)
{
	struct tp_device *inner = inner_of(device);
	struct fault_mem *m;
	int err;

	m = malloc(sizeof(*m));
	if (!m)
		return -ENOMEM;
	err = inner->ops->mem_register(inner, base, len, access, &m->inner);
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

	m->inner->ops->mem_deregister(m->inner);
	free(m);
}

static int domain_open(const struct tp_domain_config *config, struct tp_domain **domain)
{
	int err = fault_domain_open(inner_ops, the_plan, config, domain);

	if (!err)
		(*domain)->ops = &fault_ops;
	return err;
}

static int do_connect(struct tp_domain *domain, struct tp_device *device,
		      const struct tp_addr *peer, unsigned timeout_ms, void *user,
		      struct tp_conn **conn)
{
	return fault_conn_connect(domain, inner_of(device), peer, timeout_ms, user, conn);
}

static struct tp_ops fault_ops = {
	.device_open = device_open,
	.device_close = device_close,
	.mem_register = mem_register,
	.mem_deregister = mem_deregister,
	.domain_open = domain_open,
	.domain_close = fault_domain_close,
	.domain_local = fault_domain_local,
	.listen = fault_domain_listen,
	.unlisten = fault_domain_unlisten,
	.accept = fault_conn_accept,
	.connect = do_connect,
	.disconnect = fault_conn_disconnect,
	.conn_free = fault_conn_free,
	.msg_buf = fault_conn_msg_buf,
	.msg_send = fault_conn_msg_send,
	.post = fault_conn_post,
	.flush = fault_conn_flush,
	.poll = fault_domain_poll,
	.arm = fault_domain_arm,
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
