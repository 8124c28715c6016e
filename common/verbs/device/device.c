/*
 * A device: the card that routes to one peer, and a protection domain for that peer only. So a key
 * that one server knows is invalid for another server. The caller owns the device. It does not
 * change while it is open, and any thread may use it.
 */
#include "common/verbs/device/device.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/fork.h"
#include "common/base/list.h"
#include "common/base/log.h"
#include "common/transport/addr.h"
#include "common/verbs/device/cm.h"
#include "common/verbs/device/sink.h"

#define RESOLVE_MS 2000
#define DEVICES	   "/sys/class/infiniband"
#define NODES	   "/dev/infiniband"
#define DRIVERS	   "/etc/libibverbs.d" /* names the drivers that libibverbs is to load */

/*
 * Since 5.12 the kernel copies pinned pages at fork. On an older kernel the library must advise
 * MADV_DONTFORK before the first registration. That takes memory away from children that do not use
 * RDMA, so it is done only where it is needed.
 */
static void fork_setup(void)
{
	int err;

	if (ibv_is_fork_initialized() != IBV_FORK_DISABLED)
		return;
	err = ibv_fork_init();
	if (err)
		log_warn("ibv_fork_init: %s; do not fork while a connection is open",
			 strerror(err));
}

/*
 * Get the name of the first entry of a directory. Returns 0 or -errno; -ENOENT: it is empty, or not
 * there.
 */
static int first_entry(const char *path, char name[NAME_MAX + 1])
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	int err;

	if (!dir)
		return -errno;
	do {
		errno = 0;
		entry = readdir(dir);
	} while (entry && entry->d_name[0] == '.');
	err = entry ? 0 : errno ? -errno : -ENOENT;
	if (entry)
		strcpy(name, entry->d_name);
	closedir(dir);
	return err;
}

/* Say why libibverbs has no devices: there are none, or it cannot use them, or has no driver. */
static void log_absent(void)
{
	char name[NAME_MAX + 1], entry[NAME_MAX + 1];
	int err = first_entry(DEVICES, name);

	if (err == -ENOENT) {
		log_warn("no RDMA device on this machine: load the card's driver, or add a "
			 "software one (rdma link add rxe0 type rxe netdev ...), or use tcp");
		return;
	}
	if (err) {
		log_warn("cannot list the RDMA devices in " DEVICES ": %s", strerror(-err));
		return;
	}
	err = first_entry(NODES, entry);
	if (err) {
		log_warn("cannot use the RDMA device %s: " NODES
			 ": %s; give it to the container (--device " NODES "), or use tcp",
			 name, strerror(-err));
		return;
	}
	err = first_entry(DRIVERS, entry);
	log_warn("libibverbs has no driver for the RDMA device %s (" DRIVERS
		 ": %s): install the package ibverbs-providers, or use tcp",
		 name, err ? strerror(-err) : "no driver that it names can be loaded");
}

int verbs_present(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	bool held = fork_hold();
	struct ibv_device **list;
	int nr = 0;

	list = ibv_get_device_list(&nr);
	if (list)
		ibv_free_device_list(list);
	fork_release(held);
	if (!list || !nr) {
		log_absent();
		return -ENODEV;
	}
	pthread_once(&once, fork_setup);
	return 0;
}

/* Wait for the answer, which always comes, because the kernel has a timeout. 0 or -errno. */
static int await_answer(struct rdma_event_channel *channel)
{
	struct pollfd pfd = {.fd = channel->fd, .events = POLLIN};
	struct rdma_cm_event *event;
	bool held;
	int err;

	while (poll(&pfd, 1, -1) < 0)
		if (errno != EINTR)
			return -errno;
	held = fork_hold();
	err = rdma_get_cm_event(channel, &event) ? -errno : 0;
	if (!err) {
		if (event->event != RDMA_CM_EVENT_ADDR_RESOLVED)
			err = event->status < 0 ? event->status : -ENODEV;
		rdma_ack_cm_event(event);
	}
	fork_release(held);
	return err;
}

/*
 * Find the card that routes to the peer. It does not wait inside librdmacm, because forks would
 * have to wait for that time. Returns 0 or -errno.
 */
static int resolve(struct verbs_device *d, const struct tp_addr *peer)
{
	char text[ADDR_TEXT_MAX];
	int err = 0;

	if (rdma_resolve_addr(d->id, NULL, (struct sockaddr *)&peer->ss, RESOLVE_MS))
		err = -errno;
	if (!err)
		err = await_answer(d->channel);
	if (!err && d->id->verbs)
		return 0;
	if (!err || err == -EADDRNOTAVAIL)
		err = -ENODEV;
	log_warn("no RDMA device reaches %s: %s", addr_text(peer, text, sizeof(text)),
		 strerror(-err));
	return err;
}

int verbs_device_open(const struct tp_addr *peer, struct tp_device **device)
{
	struct verbs_device *d;
	int err = verbs_present();

	if (err)
		return err;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	err = cm_channel_open(false, &d->channel);
	if (err)
		goto err_free;
	err = cm_id_create(d->channel, NULL, &d->id);
	if (err) {
		log_error("rdma_create_id: %s", strerror(-err));
		goto err_channel;
	}
	err = resolve(d, peer);
	if (err)
		goto err_id;
	err = card_get(d->id, &d->card);
	if (err)
		goto err_id;
	d->pd = ibv_alloc_pd(d->card->verbs);
	if (!d->pd) {
		err = -errno;
		log_error("ibv_alloc_pd: %s", strerror(errno));
		goto err_card;
	}
	*device = &d->dev;
	return 0;
err_card:
	card_put(d->card);
err_id:
	cm_id_destroy(d->id);
err_channel:
	cm_channel_close(d->channel);
err_free:
	free(d);
	return err;
}

void verbs_device_close(struct tp_device *device)
{
	struct verbs_device *d = container_of(device, struct verbs_device, dev);

	if (ibv_dealloc_pd(d->pd))
		log_error("a device is closed before its registrations and connections");
	card_put(d->card);
	cm_id_destroy(d->id);
	cm_channel_close(d->channel);
	free(d);
}
