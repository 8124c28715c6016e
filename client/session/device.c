/*
 * The device of a session, which belongs to one provider and one route; see device.h. The session
 * owns it. All registrations are in a list, so that they can be ended when the device changes. Then
 * the epoch grows, which tells regions that their registrations are gone. Any thread, under the
 * device's lock.
 */
#include "client/session/device.h"

#include <errno.h>
#include <string.h>

#include "client/base/reason.h"
#include "common/provider/provider.h"
#include "common/transport/addr.h"
#include "common/base/log.h"

static void note_unresolved(const char *host, int found, int *err)
{
	int why = reason_kind(found) == REASON_REFUSED ? -EHOSTUNREACH : found;

	log_warn("cannot resolve the name %s: %s", host, addr_error(found));
	if (reason_is_better(why, *err))
		*err = why;
}

/* Resolve the hosts of a mount for one provider, and add their routes. Returns how many. */
static unsigned add_routes(const struct mountspec *spec, const char *scheme, struct route *routes,
			   unsigned max, int *err)
{
	const struct tp_ops *ops = provider_find(scheme);
	struct tp_addr addrs[8];
	unsigned n = 0;

	for (unsigned host = 0; ops && host < spec->nr_hosts; host++) {
		const struct spec_host *h = &spec->hosts[host];
		int found = addr_resolve(scheme, h->name, h->port, false, addrs, 8);

		if (found < 0)
			note_unresolved(h->name, found, err);
		for (int i = 0; i < found && n < max; i++)
			routes[n++] = (struct route){.ops = ops, .host = h, .addr = addrs[i]};
	}
	return n;
}

unsigned device_routes(const struct mountspec *spec, struct route routes[ROUTES_MAX], int *err)
{
	unsigned n;

	*err = 0;
	/* RDMA cannot encrypt, so it is no route if the mount requires TLS. */
	if (spec->tls)
		return add_routes(spec, "tls", routes, ROUTES_MAX, err);
	if (strcmp(spec->scheme, "usrbio"))
		return add_routes(spec, spec->scheme, routes, ROUTES_MAX, err);
	n = add_routes(spec, "rdma", routes, ROUTES_MAX / 2, err);
	return n + add_routes(spec, "tcp", routes + n, ROUTES_MAX - n, err);
}

void device_init(struct device *device)
{
	*device = (struct device){0};
	lock_init(&device->lock, LOCK_DEVICE);
	list_init(&device->registrations);
}

static void unregister(struct device *device, struct registration *memory)
{
	lock_assert_held(&device->lock);
	for (int dir = 0; dir < NR_DIRS; dir++) {
		if (memory->mem[dir])
			device->ops->mem_deregister(memory->mem[dir]);
		memory->mem[dir] = NULL;
		atomic_store_explicit(&memory->epoch[dir], 0, memory_order_relaxed);
	}
	list_del(&memory->link);
}

static void close_locked(struct device *device)
{
	while (!list_empty(&device->registrations))
		unregister(device,
			   container_of(device->registrations.next, struct registration, link));
	if (device->ops)
		device->ops->device_close(device->tp);
	device->ops = NULL;
}

void device_close(struct device *device)
{
	lock_acquire(&device->lock);
	close_locked(device);
	lock_release(&device->lock);
	lock_destroy(&device->lock);
}

static bool same_route(const struct device *device, const struct route *route)
{
	return device->ops == route->ops && device->addr.len == route->addr.len &&
	       !memcmp(&device->addr.ss, &route->addr.ss, route->addr.len);
}

static int use_locked(struct device *device, const struct route *route)
{
	struct tp_device *tp;
	int err;

	if (same_route(device, route))
		return 0;
	err = route->ops->device_open(&route->addr, &tp);
	if (err)
		return err;
	close_locked(device);
	device->ops = route->ops;
	device->addr = route->addr;
	device->tp = tp;
	atomic_store_explicit(&device->pins, route->ops->pins, memory_order_relaxed);
	atomic_fetch_add_explicit(&device->epoch, 1, memory_order_release);
	return 0;
}

int device_use(struct device *device, const struct route *route)
{
	int err;

	lock_acquire(&device->lock);
	err = use_locked(device, route);
	lock_release(&device->lock);
	return err;
}

int device_probe(struct device *device, const struct mountspec *spec)
{
	struct route routes[ROUTES_MAX];
	struct log_catch caught; /* these lines are dropped: a connection reports the same */
	unsigned n;
	int err;

	if (atomic_load_explicit(&device->epoch, memory_order_acquire))
		return 0;
	log_catch_begin(&caught);
	n = device_routes(spec, routes, &err);
	log_catch_end(&caught);
	for (unsigned i = 0; i < n; i++) {
		log_catch_begin(&caught);
		lock_acquire(&device->lock);
		err = device->ops ? 0 : use_locked(device, &routes[i]);
		lock_release(&device->lock);
		log_catch_end(&caught);
		if (!err)
			return 0;
	}
	return -ENODEV;
}

/*
 * Log why memory cannot be registered. A message of the provider explains more, because only RDMA
 * locks memory, which has a limit.
 */
static void explain(const struct device *device, const struct registration *memory, int err,
		    const char *said)
{
	if (*said)
		log_warn("%s", said);
	else
		log_warn("cannot use %zu bytes of memory at %p over %s: %s%s", memory->size,
			 memory->base, device->ops->name, strerror(-err),
			 err == -EFAULT ? "; not all of it is mapped, to be read and written" : "");
}

static int register_locked(struct device *device, struct registration *memory, enum region_dir dir)
{
	static const unsigned access[NR_DIRS] = {
		[DIR_READ_IO] = TP_REMOTE_WRITE, [DIR_WRITE_IO] = TP_REMOTE_READ};
	struct log_catch caught;
	int err;

	if (!device->ops)
		return -ENODEV;
	if (memory->mem[dir])
		return 0;
	if (atomic_load(&memory->revoked)) /* the thread that revoked it deregisters it next */
		return -ECANCELED;
	log_catch_begin(&caught);
	err = device->ops->mem_register(device->tp, memory->base, memory->size, access[dir],
					&memory->mem[dir]);
	log_catch_end(&caught);
	if (err) {
		memory->mem[dir] = NULL;
		explain(device, memory, err, caught.text);
		return err;
	}
	if (list_empty(&memory->link))
		list_add_tail(&device->registrations, &memory->link);
	atomic_store_explicit(&memory->epoch[dir],
			      atomic_load_explicit(&device->epoch, memory_order_relaxed),
			      memory_order_release);
	return 0;
}

int device_register(struct device *device, struct registration *memory, enum region_dir dir)
{
	int err;

	lock_acquire(&device->lock);
	err = register_locked(device, memory, dir);
	lock_release(&device->lock);
	return err;
}

void device_deregister(struct device *device, struct registration *memory)
{
	lock_acquire(&device->lock);
	unregister(device, memory);
	lock_release(&device->lock);
}
