/*
 * The cache of wrapped memory; see wrap_cache.h. It is a hash table by id, and a list in the order
 * of the last use, under one lock. The process owns it; any thread. A ring stores the region of its
 * last I/O, so that it asks the cache only if the memory changes.
 */
#include "client/memory/wrap_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/memory/region_reclaim.h"
#include "client/base/hf3fs_exports.h"
#include "common/base/list.h"
#include "client/mount/mount.h"
#include "client/memory/region.h"
#include "client/session/session.h"
#include "common/base/fork.h"
#include "common/base/lock.h"

#define BUCKET_BITS 10

struct wrap {
	struct list link;  /* in wraps.list, the least recently used first */
	struct wrap *next; /* the next one in its bucket */
	const struct session *session;
	uint8_t id[16];
	const void *base;
	size_t size;
	char *name; /* path of its link in the folder iovs of the mount at the first I/O, or NULL */
	struct region *region;
};

static struct {
	struct lock lock; /* LOCK_WRAP_CACHE: it is acquired before all other locks */
	struct list list;
	struct wrap *buckets[1 << BUCKET_BITS];
	unsigned nr, nr_named;
} wraps = {.lock = LOCK_INIT(LOCK_WRAP_CACHE)};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void reset(void)
{
	lock_init(&wraps.lock, LOCK_WRAP_CACHE);
	list_init(&wraps.list);
	memset(wraps.buckets, 0, sizeof(wraps.buckets));
	wraps.nr = wraps.nr_named = 0;
}

static void start(void)
{
	reset();
	fork_watch(reset);
}

/* Ids are random or counters, so some of their bytes are a good hash. */
static struct wrap **bucket_of(const uint8_t id[16])
{
	uint64_t half[2];

	memcpy(half, id, sizeof(half));
	return &wraps.buckets[(half[0] * 31 + half[1]) * 0x9e3779b97f4a7c15u >> (64 - BUCKET_BITS)];
}

static bool exists(const char *name)
{
	return !faccessat(AT_FDCWD, name, F_OK, AT_SYMLINK_NOFOLLOW);
}

/*
 * Find the path of the symbolic link that stands for wrapped memory in a directory. 3FS's Python
 * binding makes such a link while the memory is in use. Its name is the id as a UUID, and the block
 * size if there is one. NULL: there is no link.
 */
static char *find_name(const char *dir, const struct hf3fs_iov *iov)
{
	const uint8_t *id = (const uint8_t *)iov->id;
	char uuid[37], block[24] = "", *name;

	if (!*dir)
		return NULL;
	snprintf(uuid, sizeof(uuid),
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", id[0],
		 id[1], id[2], id[3], id[4], id[5], id[6], id[7], id[8], id[9], id[10], id[11],
		 id[12], id[13], id[14], id[15]);
	if (iov->block_size)
		snprintf(block, sizeof(block), ".b%zu", iov->block_size);
	if (asprintf(&name, "%s/3fs-virt/iovs/%s%s", dir, uuid, block) < 0)
		return NULL;
	if (exists(name))
		return name;
	free(name);
	return NULL;
}

/*
 * Look for it in the directory of the iov's own mount point, which may be another one than that of
 * the ring.
 */
static char *find_name_of(const struct hf3fs_iov *iov)
{
	struct mount *mount;
	char *name;

	if (mount_get(iov->mount_point, &mount))
		return NULL;
	name = find_name(mount_spec(mount)->dir, iov);
	mount_put(mount);
	return name;
}

static bool is_gone(const struct wrap *wrap)
{
	return wrap->name && !exists(wrap->name);
}

/* Remove an entry, and return its region, which lives until its I/Os have ended. */
static struct region *forget(struct wrap *wrap)
{
	struct region *region = wrap->region;
	struct wrap **at = bucket_of(wrap->id);

	lock_assert_held(&wraps.lock);
	while (*at != wrap)
		at = &(*at)->next;
	*at = wrap->next;
	list_del(&wrap->link);
	wraps.nr--;
	wraps.nr_named -= wrap->name != NULL;
	free(wrap->name);
	free(wrap);
	region_retire(region, region->handle);
	return region;
}

static struct wrap *find(const struct session *session, const struct hf3fs_iov *iov)
{
	struct wrap *wrap = *bucket_of((const uint8_t *)iov->id);

	while (wrap && (wrap->session != session || wrap->base != iov->base ||
			wrap->size != iov->size || memcmp(wrap->id, iov->id, sizeof(wrap->id))))
		wrap = wrap->next;
	return wrap;
}

/* Forget memory whose link was removed, because its id may never be wrapped again. */
static void forget_gone(void)
{
	lock_assert_held(&wraps.lock);
	if (!wraps.nr_named)
		return;
	list_for_each_safe (it, &wraps.list) {
		struct wrap *wrap = container_of(it, struct wrap, link);

		if (is_gone(wrap))
			region_reclaim_add(forget(wrap));
	}
}

static int add(struct mount *mount, const struct hf3fs_iov *iov, struct wrap **out)
{
	struct wrap *wrap = calloc(1, sizeof(*wrap)), **bucket;
	int err;

	if (!wrap)
		return -ENOMEM;
	err = region_create(mount, iov->base, iov->size, 0, NULL, &wrap->region);
	if (err) {
		free(wrap);
		return err;
	}
	wrap->session = mount_to_session(mount);
	memcpy(wrap->id, iov->id, sizeof(wrap->id));
	wrap->base = iov->base;
	wrap->size = iov->size;
	wrap->name = find_name_of(iov);
	forget_gone();
	if (wraps.nr == WRAPS_MAX)
		region_reclaim_add(forget(container_of(wraps.list.next, struct wrap, link)));
	bucket = bucket_of(wrap->id);
	wrap->next = *bucket;
	*bucket = wrap;
	list_add_tail(&wraps.list, &wrap->link);
	wraps.nr++;
	wraps.nr_named += wrap->name != NULL;
	*out = wrap;
	return 0;
}

int wrap_cache_region(struct mount *mount, const struct hf3fs_iov *iov, struct region **region)
{
	struct wrap *wrap;
	int err = 0;

	pthread_once(&once, start);
	lock_acquire(&wraps.lock);
	wrap = find(mount_to_session(mount), iov);
	if (wrap) {
		list_del(&wrap->link);
		list_add_tail(&wraps.list, &wrap->link);
	} else {
		err = add(mount, iov, &wrap);
	}
	if (!err)
		*region = region_get(wrap->region->handle);
	lock_release(&wraps.lock);
	return err;
}

void wrap_cache_renewed(const uint8_t id[16], const void *base, size_t size)
{
	struct wrap *wrap, *next;

	pthread_once(&once, start);
	lock_acquire(&wraps.lock);
	for (wrap = *bucket_of(id); wrap; wrap = next) {
		next = wrap->next;
		if (memcmp(wrap->id, id, sizeof(wrap->id)))
			continue;
		if (wrap->base != base || wrap->size != size || is_gone(wrap))
			region_reclaim_add(forget(wrap));
	}
	lock_release(&wraps.lock);
}

void wrap_cache_unmapped(const void *base, size_t size)
{
	pthread_once(&once, start);
	lock_acquire(&wraps.lock);
	list_for_each_safe (it, &wraps.list) {
		struct wrap *wrap = container_of(it, struct wrap, link);
		uintptr_t at = (uintptr_t)wrap->base, from = (uintptr_t)base;

		if (at < from ? from - at < wrap->size : at - from < size)
			region_reclaim_add(forget(wrap));
	}
	lock_release(&wraps.lock);
	region_reclaim_revoke(base, size);
}

void wrap_cache_end(const struct session *session)
{
	pthread_once(&once, start);
	lock_acquire(&wraps.lock);
	list_for_each_safe (it, &wraps.list) {
		struct wrap *wrap = container_of(it, struct wrap, link);

		if (wrap->session == session)
			region_discard(forget(wrap));
	}
	lock_release(&wraps.lock);
}
