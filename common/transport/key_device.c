/* A device that is a key table, and its registrations. */
#include "common/transport/key_device.h"

#include <errno.h>
#include <stdlib.h>

struct keyed_mem {
	struct tp_mem base;
	struct keys *keys;
	struct key key;
};

int keyed_device_open(const struct tp_ops *ops, struct tp_device **device)
{
	struct keyed_device *dev = malloc(sizeof(*dev));
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

void keyed_device_close(struct tp_device *device)
{
	struct keyed_device *dev = (struct keyed_device *)device;

	keys_fini(&dev->keys);
	free(dev);
}

int keyed_mem_register(struct tp_device *device, void *base, size_t len, unsigned access,
		       struct tp_mem **mem)
{
	struct keyed_device *dev = (struct keyed_device *)device;
	struct keyed_mem *m = malloc(sizeof(*m));
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

void keyed_mem_deregister(struct tp_mem *mem)
{
	struct keyed_mem *m = (struct keyed_mem *)mem;

	keys_remove(m->keys, &m->key);
	free(m);
}
