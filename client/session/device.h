/*
 * The device of a mount, with which its memory is registered. It is opened when it is first needed,
 * and changes when a session goes to another address; every registration of the mount moves with
 * it. Any thread; registering and opening happen under the device's lock, and both may block
 * there.
 */
#ifndef USRBIO_CLIENT_SESSION_DEVICE_H
#define USRBIO_CLIENT_SESSION_DEVICE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/list.h"
#include "client/spec/mountspec.h"
#include "common/base/lock.h"
#include "common/transport/transport.h"

/*
 * The directions for which memory is registered: the server writes the memory when a file is read.
 */
enum region_dir { DIR_READ_IO, DIR_WRITE_IO, NR_DIRS };

/*
 * A range of memory and its registrations with the device. It is a part of a region, which
 * initialises it and keeps it until device_deregister.
 */
struct registration {
	void *base;	      /* constant while it is in use, as is size */
	size_t size;	      /* bytes */
	_Atomic bool revoked; /* set before its end, and then no direction is registered any more */
	struct tp_mem *mem[NR_DIRS];	 /* NULL: not registered; under the device's lock */
	_Atomic uint32_t epoch[NR_DIRS]; /* the epoch of the device when it was registered, 0:
					    never; read as a hint */
	struct list link;		 /* device->registrations */
};

struct device {
	struct lock lock;	  /* LOCK_DEVICE: the transport acquires its own under it */
	const struct tp_ops *ops; /* NULL while closed; under lock, as are tp and addr */
	struct tp_device *tp;
	struct tp_addr addr;
	struct list registrations; /* under lock */
	_Atomic bool pins;	   /* registered memory is present and stays where it is */
	/*
	 * The epoch grows with every opening, and registrations of earlier ones are gone. 0: never
	 * opened.
	 */
	_Atomic uint32_t epoch;
};

/* A host of the mount under one of its providers. */
struct route {
	const struct tp_ops *ops;
	const struct spec_host *host;
	struct tp_addr addr;
};

#define ROUTES_MAX 32

/*
 * Find the routes to a mount's servers, best first. It may ask DNS. Returns their number, 0 if
 * there is none. A host without a route is logged as a warning.
 */
unsigned device_routes(const struct mountspec *spec, struct route routes[ROUTES_MAX]);

void device_init(struct device *device);
/* Close the device, after its connections. Ends the registrations that are left. */
void device_close(struct device *device);
/*
 * Open the device for a route, unless it is open for it. No connection of another route may be
 * left. 0, -ENODEV, ...
 */
int device_use(struct device *device, const struct route *route);

/* If the device is closed, open it for the best route that has a device. -ENODEV: there is none. */
int device_probe(struct device *device, const struct mountspec *spec);

static inline bool device_pins(const struct device *device)
{
	return atomic_load_explicit(&device->pins, memory_order_relaxed);
}

/*
 * Make memory reachable for the peer in one direction. 0, also if it is reachable already. -ENODEV:
 * the device is closed; -ECANCELED: the memory is revoked; -ENOMEM, -EFAULT: the log says why.
 */
int device_register(struct device *device, struct registration *memory, enum region_dir dir);
/* End both registrations of the memory. The caller knows that no I/O uses them any more. */
void device_deregister(struct device *device, struct registration *memory);

#endif
