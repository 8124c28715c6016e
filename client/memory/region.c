/*
 * Regions; see region.h. Their objects are in a pool and are recycled. An iov or the cache of
 * wrapped memory owns a region; any thread. A region always ends in this order: its handle is
 * retired, every server drops it, it is deregistered, unmapped and recycled.
 */
#include "client/memory/region.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "client/conn/conn.h"
#include "client/mount/mount.h"
#include "client/session/session.h"
#include "common/base/fork.h"
#include "common/base/log.h"

static void init(void *object)
{
	struct region *region = object;

	list_init(&region->memory.link);
	list_init(&region->link);
}

struct objpool region_pool = OBJPOOL_INIT(sizeof(struct region), init);
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void forget(void)
{
	objpool_forget(&region_pool);
}

static void start(void)
{
	fork_watch(forget);
}

int region_create(struct mount *mount, void *base, size_t size, size_t block_size,
		  const struct shm *shm, struct region **out)
{
	struct session *session = mount_to_session(mount);
	struct region *region;

	pthread_once(&once, start);
	region = objpool_take(&region_pool);
	if (!region)
		return -ENOMEM;
	region->announced = calloc(session->nr_conns, sizeof(*region->announced));
	if (!region->announced) {
		objpool_recycle(&region_pool, &region->pooled);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < session->nr_conns; i++)
		for (int dir = 0; dir < NR_DIRS; dir++)
			region->announced[i].drop[dir].announced = &region->announced[i];
	region->proven = (struct proven){0};
	if (!shm && proven_pages_open(&region->proven, (uintptr_t)base, size)) {
		free(region->announced);
		region->announced = NULL;
		objpool_recycle(&region_pool, &region->pooled);
		return -ENOMEM;
	}
	atomic_store_explicit(&region->base, (uintptr_t)base, memory_order_release);
	atomic_store_explicit(&region->size, size, memory_order_release);
	atomic_store_explicit(&region->block_size, block_size, memory_order_release);
	atomic_store_explicit(&region->mount, mount, memory_order_release);
	region->session = session;
	region->memory.base = base;
	region->memory.size = size;
	region->wrapped = !shm;
	region->dropping = region->quiet = false;
	atomic_store_explicit(&region->memory.revoked, false, memory_order_relaxed);
	region->shm = shm ? *shm : (struct shm){0};
	region->handle = objpool_publish(&region_pool, &region->pooled);
	*out = region;
	return 0;
}

bool region_registered(const struct region *region, enum region_dir dir)
{
	uint32_t epoch = atomic_load_explicit(&region->memory.epoch[dir], memory_order_acquire);

	return epoch &&
	       epoch == atomic_load_explicit(&region->session->device.epoch, memory_order_acquire);
}

int region_register(struct region *region, enum region_dir dir)
{
	struct session *session = region->session;
	struct log_catch caught;
	int err;

	if (region_registered(region, dir))
		return 0;
	log_catch_begin(&caught);
	err = device_register(&session->device, &region->memory, dir);
	log_catch_end(&caught);
	if (err && *caught.text)
		session_explain(session, err, caught.text);
	return err;
}

bool region_ready(const struct region *region, enum region_dir dir)
{
	return region_registered(region, dir) &&
	       (!region->wrapped || device_pins(&region->session->device));
}

int region_make_ready(struct region *region, enum region_dir dir, uint64_t off, uint64_t len)
{
	int err = region_register(region, dir);

	if (err && err != -ENODEV)
		return err == -EAGAIN ? -ENOMEM : err;
	if (!region->wrapped || region_ready(region, dir))
		return 0;
	/* Without a device, check the pages too: the next device may not lock them. */
	return proven_pages_check(&region->proven, atomic_load(&region->base) + off, len,
				  dir == DIR_READ_IO);
}

int region_id(const struct region *region, const struct conn *conn, enum region_dir dir)
{
	const struct announced *a = &region->announced[conn->index];

	return a->incarnation == conn->incarnation && a->on[dir] ? a->id[dir] : -1;
}

static int take_id(struct conn *conn)
{
	for (uint32_t word = 0; word * 64 < conn->max_regions; word++) {
		uint64_t free_ids = ~conn->region_ids[word];
		uint32_t id;

		if (!free_ids)
			continue;
		id = word * 64 + (uint32_t)__builtin_ctzll(free_ids);
		if (id >= conn->max_regions)
			break;
		conn->region_ids[word] |= 1ull << (id % 64);
		return (int)id;
	}
	log_warn("%s: the server takes no more than %u regions; destroy iovs you no longer need",
		 session_of(conn)->spec->mount_point, conn->max_regions);
	return -ENOMEM;
}

int region_announce(struct region *region, struct conn *conn, enum region_dir dir)
{
	struct announced *a = &region->announced[conn->index];
	struct message msg = {.type = MSG_REGION_ADD};
	void *buf;
	int id, err;

	err = region_register(region, dir);
	if (err)
		return err == -EAGAIN ? -ENOMEM
				      : err; /* callers of -EAGAIN would wait for an event */
	buf = conn_buf(conn);
	if (!buf)
		return -EAGAIN;
	id = take_id(conn);
	if (id < 0)
		return id;
	msg.region_add = (struct region_add){
		.region = (uint32_t)id,
		.key = region->memory.mem[dir]->key,
		.base = atomic_load(&region->base),
		.size = atomic_load(&region->size),
		.access = dir == DIR_READ_IO ? ACCESS_WRITE : ACCESS_READ,
	};
	err = conn_send(conn, &msg, buf);
	if (err)
		return err;
	if (a->incarnation != conn->incarnation)
		a->on[DIR_READ_IO] = a->on[DIR_WRITE_IO] = false;
	a->incarnation = conn->incarnation;
	a->on[dir] = true;
	a->id[dir] = (uint16_t)id;
	a->key[dir] = msg.region_add.key;
	return id;
}

bool region_retire(struct region *region, uint64_t handle)
{
	return objpool_retire(&region->pooled, handle);
}

/* Free the id for other regions, because the server has dropped the region, or is gone. */
static void dropped(struct request *request, struct conn *conn)
{
	struct drop *drop = container_of(request, struct drop, request);
	struct announced *a = drop->announced;

	conn->region_ids[request->region / 64] &= ~(1ull << (request->region % 64));
	a->on[drop - a->drop] = false;
	a->nr_drops--;
}

void region_ask_to_drop(struct region *region)
{
	for (unsigned i = 0; i < region->session->nr_conns; i++) {
		struct conn *conn = region->session->conns[i];
		struct announced *a = &region->announced[i];

		conn_lock(conn);
		for (enum region_dir dir = 0; dir < NR_DIRS; dir++) {
			struct request *request = &a->drop[dir].request;

			if (conn->state != CONN_UP || region_id(region, conn, dir) < 0)
				continue;
			*request = (struct request){
				.kind = REQUEST_DROP, .region = a->id[dir], .over = dropped};
			a->nr_drops++;
			request_start(conn, request);
		}
		/* I/Os of the region that are not under way now will never be sent. */
		if (conn->state != CONN_UP)
			conn_users_sweep(conn);
		conn_unlock(conn);
	}
}

/* True if the server cannot access the region. While a connection closes, it still may. */
static bool has_let_go(const struct conn *conn, const struct announced *a)
{
	return !a->nr_drops && (a->incarnation != conn->incarnation || conn->state != CONN_CLOSING);
}

struct drop_waiter {
	struct waiter waiter;
	const struct conn *conn;
	const struct announced *announced;
};

static bool let_go(const struct waiter *waiter)
{
	const struct drop_waiter *w = (const struct drop_waiter *)(const void *)waiter;

	return has_let_go(w->conn, w->announced);
}

static void wait_for_drops(struct region *region)
{
	for (unsigned i = 0; i < region->session->nr_conns; i++) {
		struct conn *conn = region->session->conns[i];
		struct drop_waiter w = {.waiter = {.ready = let_go},
					.conn = conn,
					.announced = &region->announced[i]};

		conn_lock(conn);
		conn_wait(conn, &w.waiter, NEVER);
		conn_unlock(conn);
	}
}

void region_discard(struct region *region)
{
	device_deregister(&region->session->device, &region->memory);
	if (region->shm.base)
		shm_close(&region->shm);
	proven_pages_close(&region->proven);
	free(region->announced);
	region->announced = NULL;
	objpool_recycle(&region_pool, &region->pooled);
}

void region_finish(struct region *region)
{
	/* Threads that have a pin remove it after a few instructions. */
	while (objpool_pinned(&region->pooled))
		sched_yield();
	region_ask_to_drop(region);
	wait_for_drops(region);
	region_discard(region);
}

bool region_dropped(const struct region *region)
{
	bool all = true;

	for (unsigned i = 0; all && i < region->session->nr_conns; i++) {
		struct conn *conn = region->session->conns[i];

		conn_lock(conn);
		all = has_let_go(conn, &region->announced[i]);
		conn_unlock(conn);
	}
	return all;
}
