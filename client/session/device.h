/*
 * The device of a session, with which its memory is registered. It is opened when it is first
 * needed, and replaced when the session connects by another route. Then all registrations end, and
 * memory is registered with the new device when it is needed. Any thread. Opening and registering
 * are under the device's lock, and may block there.
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
	_Atomic bool revoked; /* the memory will be deregistered: do not register it any more */
	struct tp_mem *mem[NR_DIRS];	 /* NULL: not registered; under the device's lock */
	_Atomic uint32_t epoch[NR_DIRS]; /* the device's epoch when it was registered; 0: never;
					    any thread reads it as a hint */
	struct list link;		 /* in device->registrations */
};

struct device {
	struct lock lock;	  /* LOCK_DEVICE: the transport acquires its own under it */
	const struct tp_ops *ops; /* NULL while closed; under lock, as are tp and addr */
	struct tp_device *tp;
	struct tp_addr addr;
	struct list registrations; /* under lock */
	_Atomic bool pins;	   /* the provider locks registered memory into RAM */
	/* Counts how often the device was opened. Registrations of earlier epochs have ended. */
	_Atomic uint32_t epoch;
};

/* A way to a server: a host of the mount, one of its addresses, and a provider. */
struct route {
	const struct tp_ops *ops;
	const struct spec_host *host;
	struct tp_addr addr;
};

#define ROUTES_MAX 32

/*
 * Find the routes to a mount's servers, best first. It may ask DNS. Returns their number, 0 if
 * there is none. A host without a route is logged as a warning, and sets *err, which is 0
 * otherwise: -EAGAIN if its name does not resolve for now, -EHOSTUNREACH if there is no such name,
 * or another -errno of this machine.
 */
unsigned device_routes(const struct mountspec *spec, struct route routes[ROUTES_MAX], int *err);

/* Initialise a closed device. */
void device_init(struct device *device);
/* Close and destroy the device, after its connections, and end the registrations that are left. */
void device_close(struct device *device);
/*
 * Open the device for a route, unless it is open for that. No connection of another route may be
 * left. 0; -ENODEV: no such device; or another -errno of the provider.
 */
int device_use(struct device *device, const struct route *route);

/* If the device is closed, open it for the best route that has a device. -ENODEV: there is none. */
int device_probe(struct device *device, const struct mountspec *spec);

/* True if registered memory is locked into RAM, so that pages need not be checked. */
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
