/*
 * Registered memory. A registration grants exactly the access that the caller asks for. The caller
 * owns it, and frees it before its device. Any thread may use it.
 */
#include "common/verbs/device/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/base/list.h"
#include "common/base/log.h"
#include "common/fault_points/faults.h"
#include "common/verbs/device/device.h"
#include "common/verbs/device/sink.h"

struct verbs_mem {
	struct tp_mem mem;
	struct ibv_mr *mr;
};

static void explain(int err, const void *base, size_t len)
{
	struct rlimit limit;

	if (err == ENOMEM && !getrlimit(RLIMIT_MEMLOCK, &limit) && limit.rlim_cur != RLIM_INFINITY)
		log_error("cannot register %zu bytes: registered memory is locked, and "
			  "RLIMIT_MEMLOCK allows %llu bytes for everything this user locks; raise "
			  "it (ulimit -l unlimited, LimitMEMLOCK=infinity, or memlock in "
			  "/etc/security/limits.conf)",
			  len, (unsigned long long)limit.rlim_cur);
	else
		log_error("cannot register %zu bytes at %p: %s", len, base, strerror(err));
}

int mem_reg_mr(struct ibv_pd *pd, void *base, size_t len, int flags, struct ibv_mr **mr)
{
	struct ibv_mr *m =
		fault_errno(VERBS_REG_FAIL, ENOMEM) ? NULL : ibv_reg_mr(pd, base, len, flags);
	int err = errno;

	if (!m) {
		explain(err, base, len);
		return -err;
	}
	*mr = m;
	return 0;
}

int verbs_mem_register(struct tp_device *device, void *base, size_t len, unsigned access,
		       struct tp_mem **mem)
{
	struct verbs_device *d = container_of(device, struct verbs_device, dev);
	struct verbs_mem *m;
	int flags = 0, err;

	if (!len || access & ~(unsigned)(TP_REMOTE_READ | TP_REMOTE_WRITE))
		return -EINVAL;
	if (access & TP_REMOTE_READ)
		flags |= IBV_ACCESS_REMOTE_READ;
	if (access & TP_REMOTE_WRITE) /* ibv_reg_mr refuses it without the local right */
		flags |= IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_LOCAL_WRITE;
	m = malloc(sizeof(*m));
	if (!m)
		return -ENOMEM;
	err = mem_reg_mr(d->pd, base, len, flags, &m->mr);
	if (err) {
		free(m);
		return err;
	}
	m->mem = (struct tp_mem){.ops = device->ops, .key = m->mr->rkey};
	*mem = &m->mem;
	return 0;
}

void verbs_mem_deregister(struct tp_mem *mem)
{
	struct verbs_mem *m = container_of(mem, struct verbs_mem, mem);
	int err = ibv_dereg_mr(m->mr);

	if (err)
		log_error("ibv_dereg_mr: %s", strerror(err));
	free(m);
}
