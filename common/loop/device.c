/* A device: nothing but its key table, which has its own lock. */
#include <errno.h>
#include <stdlib.h>

#include "common/loop/loop.h"

int loop_device_open(const struct tp_addr *peer, struct tp_device **device)
{
	struct loop_device *dev = malloc(sizeof(*dev));
	int err;

	if (!dev)
		return -ENOMEM;
	dev->base.ops = &tp_loop;
	err = keys_init(&dev->keys);
	if (err) {
		free(dev);
		return err;
	}
	*device = &dev->base;
	return 0;
}

void loop_device_close(struct tp_device *device)
{
	struct loop_device *dev = (struct loop_device *)device;

	keys_fini(&dev->keys);
	free(dev);
}

int loop_mem_register(struct tp_device *device, void *base, size_t len, unsigned access,
		      struct tp_mem **mem)
{
	struct loop_device *dev = (struct loop_device *)device;
	struct loop_mem *m = malloc(sizeof(*m));
	int err;

	if (!m)
		return -ENOMEM;
	m->keys = &dev->keys;
	err = keys_add(m->keys, &m->key, base, len, access);
	if (err) {
		free(m);
		return err;
	}
	m->base = (struct tp_mem){.ops = &tp_loop, .key = m->key.key};
	*mem = &m->base;
	return 0;
}

void loop_mem_deregister(struct tp_mem *mem)
{
	struct loop_mem *m = (struct loop_mem *)mem;

	keys_remove(m->keys, &m->key);
	free(m);
}
