/*
 * The cache of wrapped memory: a list by last use under one lock. Rings remember the region of
 * their last I/O, so that this is asked once per change of memory, not once per I/O.
 */
#include "client/wrap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/fork.h"
#include "client/list.h"
#include "client/mount.h"
#include "client/region.h"

struct wrap {
	struct list link; /* wraps.list: least recently used first */
	struct mount *mount;
	uint8_t id[16];
	const void *base;
	size_t size;
	bool had_name; /* in the mount's iovs folder, when it was first used */
	struct region *region;
};

static struct {
	pthread_mutex_t lock;
	struct list list;
	unsigned nr;
} wraps = {.lock = PTHREAD_MUTEX_INITIALIZER};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void reset(void)
{
	pthread_mutex_init(&wraps.lock, NULL);
	list_init(&wraps.list);
	wraps.nr = 0;
}

static void start(void)
{
	reset();
	fork_watch(reset);
}

/* 3FS's bindings put a symbolic link there, named by the id as a UUID. */
static bool has_name(const struct mount *mount, const uint8_t id[16])
{
	const char *dir = mount_spec(mount)->dir;
	char path[PATH_MAX + 64];

	if (!*dir)
		return false;
	snprintf(path, sizeof(path),
		 "%s/3fs-virt/iovs/%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
		 "%02x%02x%02x%02x%02x%02x",
		 dir, id[0], id[1], id[2], id[3], id[4], id[5], id[6], id[7], id[8], id[9], id[10],
		 id[11], id[12], id[13], id[14], id[15]);
	return !faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW);
}

/* Lock held. The region lives on for as long as its I/O does. */
static struct region *forget(struct wrap *wrap)
{
	struct region *region = wrap->region;

	list_del(&wrap->link);
	wraps.nr--;
	free(wrap);
	region_retire(region, region->handle);
	return region;
}

static struct wrap *find(const struct mount *mount, const uint8_t id[16], const void *base,
			 size_t size)
{
	struct list *it;

	list_for_each (it, &wraps.list) {
		struct wrap *wrap = list_of(it, struct wrap, link);

		if (wrap->mount == mount && wrap->base == base && wrap->size == size &&
		    !memcmp(wrap->id, id, sizeof(wrap->id)))
			return wrap;
	}
	return NULL;
}

static int add(struct mount *mount, const uint8_t id[16], void *base, size_t size,
	       struct wrap **out)
{
	struct wrap *wrap = calloc(1, sizeof(*wrap));
	int err;

	if (!wrap)
		return -ENOMEM;
	err = region_create(mount, base, size, 0, NULL, &wrap->region);
	if (err) {
		free(wrap);
		return err;
	}
	wrap->mount = mount;
	memcpy(wrap->id, id, sizeof(wrap->id));
	wrap->base = base;
	wrap->size = size;
	wrap->had_name = has_name(mount, id);
	if (wraps.nr == WRAPS_MAX)
		region_doom(forget(list_of(wraps.list.next, struct wrap, link)));
	list_add_tail(&wraps.list, &wrap->link);
	wraps.nr++;
	*out = wrap;
	return 0;
}

int wrap_region(struct mount *mount, const uint8_t id[16], void *base, size_t size,
		struct region **region)
{
	struct wrap *wrap;
	int err = 0;

	pthread_once(&once, start);
	pthread_mutex_lock(&wraps.lock);
	wrap = find(mount, id, base, size);
	if (wrap) {
		list_del(&wrap->link);
		list_add_tail(&wraps.list, &wrap->link);
	} else {
		err = add(mount, id, base, size, &wrap);
	}
	if (!err)
		*region = region_get(wrap->region->handle);
	pthread_mutex_unlock(&wraps.lock);
	return err;
}

void wrap_renewed(const uint8_t id[16], const void *base, size_t size)
{
	struct list *it, *after;

	pthread_once(&once, start);
	pthread_mutex_lock(&wraps.lock);
	list_for_each_safe (it, after, &wraps.list) {
		struct wrap *wrap = list_of(it, struct wrap, link);

		if (memcmp(wrap->id, id, sizeof(wrap->id)))
			continue;
		if (wrap->base != base || wrap->size != size ||
		    (wrap->had_name && !has_name(wrap->mount, id)))
			region_doom(forget(wrap));
	}
	pthread_mutex_unlock(&wraps.lock);
}

void wrap_forget(const struct mount *mount)
{
	struct list *it, *after;

	pthread_once(&once, start);
	pthread_mutex_lock(&wraps.lock);
	list_for_each_safe (it, after, &wraps.list) {
		struct wrap *wrap = list_of(it, struct wrap, link);

		if (wrap->mount == mount)
			region_discard(forget(wrap));
	}
	pthread_mutex_unlock(&wraps.lock);
}
