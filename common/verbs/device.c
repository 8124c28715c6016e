/*
 * A device: the card that routes to one peer, and a protection domain for that peer alone, so
 * that a key leaked to one server is refused on the way to another. Immutable once open; any
 * thread.
 */
#include "common/verbs/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/addr.h"
#include "common/log.h"

#define RESOLVE_MS 2000

int verbs_cloexec(int fd, bool nonblock)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC))
		return -errno;
	if (nonblock && fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		return -errno;
	return 0;
}

/*
 * Since 5.12 the kernel copies pinned pages at fork. On older ones the library must advise
 * MADV_DONTFORK, which takes memory away from children that never asked for RDMA: only where it
 * is needed, and before the first registration.
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

int verbs_present(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct ibv_device **list;
	int nr = 0;

	list = ibv_get_device_list(&nr);
	if (list)
		ibv_free_device_list(list);
	if (!list || !nr) {
		log_warn("no RDMA device on this machine: load the card's driver, or add a "
			 "software one (rdma link add rxe0 type rxe netdev ...), or use tcp");
		return -ENODEV;
	}
	pthread_once(&once, fork_setup);
	return 0;
}

static int resolve(struct rdma_cm_id *id, const struct tp_addr *peer)
{
	char text[ADDR_TEXT_MAX];
	int err;

	if (!rdma_resolve_addr(id, NULL, (struct sockaddr *)&peer->ss, RESOLVE_MS) && id->verbs)
		return 0;
	err = errno == EADDRNOTAVAIL || !errno ? -ENODEV : -errno;
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
	d->dev.ops = &tp_verbs;
	if (rdma_create_id(NULL, &d->id, NULL, RDMA_PS_TCP)) {
		err = -errno;
		log_error("rdma_create_id: %s", strerror(errno));
		goto err_free;
	}
	err = resolve(d->id, peer);
	if (err)
		goto err_id;
	verbs_cloexec(d->id->channel->fd, false);
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
	rdma_destroy_id(d->id);
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
	rdma_destroy_id(d->id);
	free(d);
}
