/* Registered memory. The peer of one device may reach it, or it is only for local use. */
#ifndef USRBIO_COMMON_VERBS_DEVICE_MEM_H
#define USRBIO_COMMON_VERBS_DEVICE_MEM_H

#include <infiniband/verbs.h>

#include "common/transport/transport.h"

int verbs_mem_register(struct tp_device *device, void *base, size_t len, unsigned access,
		       struct tp_mem **mem);
void verbs_mem_deregister(struct tp_mem *mem);
/* Call ibv_reg_mr(), and log an explanation if it fails. Returns 0 or -errno. */
int mem_reg_mr(struct ibv_pd *pd, void *base, size_t len, int flags, struct ibv_mr **mr);

#endif
