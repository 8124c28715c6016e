/*
 * A mount's device: what its memory is registered with. Opened when it is first needed, changed
 * when a session goes to another address; every registration of the mount moves with it. Any
 * thread; registering and opening happen under the device's lock, which is the innermost one.
 */
#ifndef USRBIO_CLIENT_SESSION_DEVICE_H
#define USRBIO_CLIENT_SESSION_DEVICE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/list.h"
#include "client/spec/mountspec.h"
#include "common/transport/transport.h"

/* The directions that memory is registered for: the server writes it when a file is read. */
enum region_dir { DIR_READ_IO, DIR_WRITE_IO, NR_DIRS };

/*
 * A range of memory and what the device knows of it. Part of a region, which initialises it, and
 * keeps it until device_deregister.
 */
struct registration {
	void *base;		     /* constant while it is in use, like size */
	size_t size;		     /* bytes */
	_Atomic bool revoked;	     /* set before its end: no direction is registered any more */
	struct tp_mem *mem[NR_DIRS]; /* NULL: not registered; under the device's lock */
	_Atomic uint32_t epoch[NR_DIRS]; /* the device's at registering, 0: none; read as a hint */
	struct list link;		 /* device->registrations */
};

struct device {
	pthread_mutex_t lock;
	const struct tp_ops *ops; /* NULL while closed; like tp and addr under lock */
	struct tp_device *tp;
	struct tp_addr addr;
	struct list registrations; /* under lock */
	_Atomic bool pins;	   /* registered memory stays where it is, and is all there */
	/* Grows with every opening; registrations of an earlier one are gone. 0: never opened. */
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
 * The ways to a mount's servers, best first: may ask DNS. Their number, 0 when there is none. A
 * host that has none is warned of.
 */
unsigned device_routes(const struct mountspec *spec, struct route routes[ROUTES_MAX]);

void device_init(struct device *device);
/* No connection uses it any more. Ends the registrations that are left. */
void device_close(struct device *device);
/*
 * Open it towards a route, unless it is; then no connection of another route may be left.
 * 0, -ENODEV, ...
 */
int device_use(struct device *device, const struct route *route);

/* Open it towards the best route that has a device, if it is closed. -ENODEV: there is none. */
int device_probe(struct device *device, const struct mountspec *spec);

static inline bool device_pins(const struct device *device)
{
	return atomic_load_explicit(&device->pins, memory_order_relaxed);
}

/*
 * Make memory reachable for the peer in one direction. 0, also if it is reachable already. -ENODEV:
 * the device is closed; -ECANCELED: it is revoked; -ENOMEM, -EFAULT: the log says why.
 */
int device_register(struct device *device, struct registration *memory, enum region_dir dir);
/* End both registrations of the memory. The caller knows that no I/O uses them any more. */
void device_deregister(struct device *device, struct registration *memory);

#endif
