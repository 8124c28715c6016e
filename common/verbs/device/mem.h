/* Registered memory. */
#ifndef USRBIO_COMMON_VERBS_DEVICE_MEM_H
#define USRBIO_COMMON_VERBS_DEVICE_MEM_H

#include <infiniband/verbs.h>

#include "common/transport/transport.h"

int verbs_mem_register(struct tp_device *device, void *base, size_t len, unsigned access,
		       struct tp_mem **mem);
void verbs_mem_deregister(struct tp_mem *mem);
/* ibv_reg_mr that explains itself when it fails. 0 or -errno. */
int mem_reg_mr(struct ibv_pd *pd, void *base, size_t len, int flags, struct ibv_mr **mr);

#endif
