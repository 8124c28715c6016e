/*
 * The device of a provider that emulates one-sided operations. It consists of a key table. The tcp,
 * tls and loop providers share it. Any thread may use it, because the table has a lock.
 */
#ifndef USRBIO_COMMON_TRANSPORT_KEY_DEVICE_H
#define USRBIO_COMMON_TRANSPORT_KEY_DEVICE_H

#include "common/transport/keys.h"
#include "common/transport/transport.h"

struct key_device {
	struct tp_device base;
	struct keys keys;
};

/* The four calls are those of the same names in struct tp_ops. */
int key_device_open(const struct tp_ops *ops, struct tp_device **device);
void key_device_close(struct tp_device *device);
int key_device_register(struct tp_device *device, void *base, size_t len, unsigned access,
			struct tp_mem **mem);
void key_device_deregister(struct tp_mem *mem);

#endif
