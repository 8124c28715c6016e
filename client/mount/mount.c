/*
 * Mounts: a list that the process owns, under one lock; any thread. Mounts with the same meaning
 * share one relation to the server. An unused mount stays for LINGER_NS, because programs may make
 * rings and files per transfer. Then the progress thread frees it, and a relation without mounts.
 */
#include "client/mount/mount.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "client/conn/conn.h"
#include "common/base/list.h"
#include "client/base/dump.h"
#include "client/base/progress.h"
#include "client/mount/relation.h"
#include "client/session/session.h"
#include "client/usrbio.h"
#include "common/host/dead_links.h"
#include "common/base/fork.h"
#include "common/base/lock.h"

#define NR_ON_FIRST 2
#define LINGER_NS   (10 * NS_PER_S)
#define HEALING_NS  (100 * NS_PER_MS) /* pause before asking again if a reconnector has ended */

struct mount {
	struct list link;
	unsigned refs;	     /* under mounts.lock */
	uint64_t expires_ns; /* when it is freed; only valid while refs is 0 */
	struct mountspec spec;
	struct relation *relation;
	struct session *session; /* the relation's */
};

static struct {
	struct lock lock; /* LOCK_MOUNTS: LOCK_SESSION and LOCK_PROGRESS are acquired under it */
	struct list list;
	bool tended;	  /* the progress thread has the task */
	atomic_bool made; /* this process has had a mount */
	struct task task;
} mounts = {.lock = LOCK_INIT(LOCK_MOUNTS)};

/* Constant after the start of the program. */
static void (*on_first[NR_ON_FIRST])(void);
static void (*on_end)(const struct session *session);

static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint64_t poll(struct task *task, uint64_t now, int *fd);

static void reset(void)
{
	lock_init(&mounts.lock, LOCK_MOUNTS);
	list_init(&mounts.list);
	mounts.tended = false;
	atomic_store(&mounts.made, false);
	list_init(&mounts.task.link);
	mounts.task.poll = poll;
}

static void start(void)
{
	reset();
	fork_watch(reset);
}

static struct mount *find(const char *mount_point)
{
	list_for_each (it, &mounts.list) {
		struct mount *mount = container_of(it, struct mount, link);

		if (mountspec_is(&mount->spec, mount_point))
			return mount;
	}
	return NULL;
}

/* Return the relation of a mount with the same meaning, or a new one; NULL: see errno. */
static struct relation *find_relation(const struct mountspec *spec)
{
	lock_assert_held(&mounts.lock);
	list_for_each (it, &mounts.list) {
		struct mount *mount = container_of(it, struct mount, link);

		if (mountspec_same(&mount->spec, spec))
			return mount->relation;
	}
	return relation_create(spec);
}

static struct mount *add(const struct mountspec *spec)
{
	struct mount *mount = calloc(1, sizeof(*mount));

	lock_assert_held(&mounts.lock);
	if (!mount)
		return NULL;
	mount->spec = *spec;
	mount->relation = find_relation(spec);
	if (!mount->relation) {
		free(mount);
		return NULL;
	}
	mount->relation->nr_names++;
	mount->session = mount->relation->session;
	list_add_tail(&mounts.list, &mount->link);
	return mount;
}

int mount_get_spec(const struct mountspec *spec, struct mount **out)
{
	struct mount *mount;
	bool added = false;
	int err = 0;

	pthread_once(&once, start);
	lock_acquire(&mounts.lock);
	mount = find(spec->mount_point);
	if (!mount) {
		mount = add(spec);
		added = mount;
	}
	if (mount)
		mount->refs++;
	else
		err = errno ? -errno : -ENOMEM;
	lock_release(&mounts.lock);
	if (!mount)
		return err;
	if (added && !atomic_exchange(&mounts.made, true))
		for (int i = 0; i < NR_ON_FIRST && on_first[i]; i++)
			on_first[i]();
	if (added && *spec->dir)
		dead_links_sweep_below(spec->dir);
	*out = mount;
	return 0;
}

bool mount_same(const struct mount *mount, const struct mount *other)
{
	return mount->relation == other->relation;
}

int mount_get(const char *mount_point, struct mount **out)
{
	struct mount *mount;
	struct mountspec spec;
	int err;

	if (!mount_point)
		return -EINVAL;
	pthread_once(&once, start);
	/*
	 * Look for a mount with exactly this name first. Some programs make a ring for each I/O,
	 * and mountspec_find may read files.
	 */
	lock_acquire(&mounts.lock);
	mount = find(mount_point);
	if (mount)
		mount->refs++;
	lock_release(&mounts.lock);
	if (mount) {
		*out = mount;
		return 0;
	}
	err = mountspec_find(mount_point, &spec);
	return err ? err : mount_get_spec(&spec, out);
}

/* Return the part of a path below a directory; NULL: the path is not below it. */
static const char *below(const char *dir, const char *path)
{
	for (;;) {
		size_t len;

		dir += strspn(dir, "/");
		path += strspn(path, "/");
		len = strcspn(dir, "/");
		if (!len)
			return path;
		if (strcspn(path, "/") != len || memcmp(dir, path, len))
			return NULL;
		dir += len;
		path += len;
	}
}

bool mount_serving(const char *path, struct mountspec *spec, const char **rest)
{
	const struct mount *found = NULL;

	pthread_once(&once, start);
	lock_acquire(&mounts.lock);
	list_for_each (it, &mounts.list) {
		const struct mount *mount = container_of(it, struct mount, link);
		const char *tail = *mount->spec.serve ? below(mount->spec.serve, path) : NULL;

		/* A directory of the mount table is found by its own path, not by loop:. */
		if (!tail || !mount->refs || *mount->spec.dir)
			continue;
		if (found && strlen(found->spec.serve) >= strlen(mount->spec.serve))
			continue;
		found = mount;
		*rest = tail;
	}
	if (found)
		*spec = found->spec;
	lock_release(&mounts.lock);
	return found;
}

void mount_reason(const char *mount_point, struct reason *reason)
{
	const struct mount *mount;

	*reason = (struct reason){0};
	pthread_once(&once, start);
	lock_acquire(&mounts.lock);
	mount = find(mount_point);
	if (mount)
		session_reason(mount->session, reason);
	lock_release(&mounts.lock);
}

struct mount *mount_hold(struct mount *mount)
{
	lock_acquire(&mounts.lock);
	mount->refs++;
	lock_release(&mounts.lock);
	return mount;
}

/* Without a progress thread nothing was connected yet: then the mount stays. Lock held. */
static void expire(struct mount *mount)
{
	mount->expires_ns = now_ns() + LINGER_NS;
	if (!atomic_load(&mount->session->used))
		return;
	if (!mounts.tended)
		mounts.tended = !progress_add(&mounts.task);
	if (mounts.tended)
		progress_wake(mount->expires_ns);
}

void mount_put(struct mount *mount)
{
	lock_acquire(&mounts.lock);
	if (!--mount->refs)
		expire(mount);
	lock_release(&mounts.lock);
}

void mount_on_first(void (*fn)(void))
{
	on_first[on_first[0] ? 1 : 0] = fn;
}

void mount_on_end(void (*fn)(const struct session *session))
{
	on_end = fn;
}

/* True if it is the first mount with its relation. Lock held. */
static bool is_first(const struct mount *mount)
{
	list_for_each (it, &mounts.list)
		if (container_of(it, struct mount, link)->relation == mount->relation)
			return it == &mount->link;
	return false;
}

bool mount_each(void (*fn)(struct mount *mount, bool first, void *arg), void *arg)
{
	pthread_once(&once, start);
	if (!dump_lock(&mounts.lock))
		return false;
	list_for_each (it, &mounts.list) {
		struct mount *mount = container_of(it, struct mount, link);
		bool first = is_first(mount), idle = !mount->refs++;

		lock_release(&mounts.lock);
		fn(mount, first, arg);
		/* Without the lock the mount keeps the reference, so that no dump hangs. */
		if (!dump_lock(&mounts.lock))
			return false;
		if (!--mount->refs)
			idle ? progress_wake(mount->expires_ns) : expire(mount);
	}
	lock_release(&mounts.lock);
	return true;
}

/* End a relation that no mount has any more. */
static void end(struct relation *relation)
{
	if (on_end)
		on_end(relation->session);
	relation_end(relation);
}

/* Free a mount that is in no list, and its relation after its last mount. Lock not held. */
static void forget(struct mount *mount)
{
	struct relation *relation = mount->relation;
	bool last;

	lock_acquire(&mounts.lock);
	last = !--relation->nr_names;
	lock_release(&mounts.lock);
	free(mount);
	if (last)
		end(relation);
}

static uint64_t poll(struct task *task, uint64_t now, int *fd)
{
	struct list expired;
	uint64_t due = NEVER;

	list_init(&expired);
	lock_acquire(&mounts.lock);
	list_for_each_safe (it, &mounts.list) {
		struct mount *mount = container_of(it, struct mount, link);

		if (mount->refs)
			continue;
		if (mount->expires_ns > now) {
			due = min_ns(due, mount->expires_ns);
			continue;
		}
		/* Do not wait for the reconnector here: it may need this thread. It ends soon. */
		if (session_is_reconnecting(mount->session)) {
			due = min_ns(due, now + HEALING_NS);
			continue;
		}
		list_del(it);
		list_add_tail(&expired, it);
	}
	lock_release(&mounts.lock);
	list_for_each_safe (it, &expired)
		forget(container_of(it, struct mount, link));
	return due;
}

const struct mountspec *mount_spec(const struct mount *mount)
{
	return &mount->spec;
}

struct session *mount_to_session(struct mount *mount)
{
	return mount->session;
}

int mount_counters(struct mount *mount, struct usrbio_counters *counters)
{
	*counters = (struct usrbio_counters){0};
	for (unsigned i = 0; i < mount->session->nr_conns; i++)
		conn_count(mount->session->conns[i], counters);
	return 0;
}
