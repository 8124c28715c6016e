/*
 * A device that consists of a key table, and its registrations. The caller owns both. Any thread
 * may use them, because the table has a lock.
 */
#include "common/transport/key_device.h"

#include <errno.h>
#include <stdlib.h>

struct key_mem {
	struct tp_mem base;
	struct keys *keys;
	struct key key;
};

int key_device_open(const struct tp_ops *ops, struct tp_device **device)
{
	struct key_device *dev = malloc(sizeof(*dev));
	int err;

	if (!dev)
		return -ENOMEM;
	dev->base.ops = ops;
	err = keys_init(&dev->keys);
	if (err) {
		free(dev);
		return err;
	}
	*device = &dev->base;
	return 0;
}

void key_device_close(struct tp_device *device)
{
	struct key_device *dev = (struct key_device *)device;

	keys_fini(&dev->keys);
	free(dev);
}

int key_device_register(struct tp_device *device, void *base, size_t len, unsigned access,
			struct tp_mem **mem)
{
	struct key_device *dev = (struct key_device *)device;
	struct key_mem *m = malloc(sizeof(*m));
	int err;

	if (!m)
		return -ENOMEM;
	m->keys = &dev->keys;
	err = keys_add(m->keys, &m->key, base, len, access);
	if (err) {
		free(m);
		return err;
	}
	m->base = (struct tp_mem){.ops = device->ops, .key = m->key.key};
	*mem = &m->base;
	return 0;
}

void key_device_deregister(struct tp_mem *mem)
{
	struct key_mem *m = (struct key_mem *)mem;

	keys_remove(m->keys, &m->key);
	free(m);
}
