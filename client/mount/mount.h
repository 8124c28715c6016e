/*
 * A mount: this process's relation to one export, by one of its names. Found or made by its mount
 * point, counted, and shared by the rings, iovs and files that use it. Names that mean the same (a
 * URL spelled otherwise, a directory attached to it) are mounts with one relation, see mount_same.
 * Connects when it is first needed, not before. Any thread.
 */
#ifndef USRBIO_CLIENT_MOUNT_MOUNT_H
#define USRBIO_CLIENT_MOUNT_MOUNT_H

#include <stdatomic.h>
#include <stdbool.h>

#include "client/spec/mountspec.h"
#include "client/base/reason.h"

struct mount;
struct session;

/*
 * 0 and a reference; -EINVAL, -ENOENT as mountspec_find, -ENOMEM. Does not connect. A mount keeps
 * its meaning for as long as it is used and lingers: tables are read for others only.
 */
int mount_get(const char *mount_point, struct mount **mount);
int mount_get_spec(const struct mountspec *spec, struct mount **mount);
/*
 * Get the reason why the mount of this name fails; no reason if it works, or if there is no such
 * mount.
 */
void mount_reason(const char *mount_point, struct reason *reason);

/*
 * A function to call before a session ends, because its last mount is gone: memory that belongs to
 * the session goes first. The session is connected no more. On the progress thread.
 */
struct mount_hook {
	void (*end)(const struct session *session);
	_Atomic(struct mount_hook *) next;
};

/* Add a hook, which is static memory, once. Hooks are called in the order of adding. Any thread. */
void mount_on_end(struct mount_hook *hook);

/*
 * Call fn for each mount, which lives meanwhile; first: no earlier one has its relation. No lock is
 * held then. False: the lock of the mounts was not free for some ms, and not all have been seen.
 */
bool mount_each(void (*fn)(struct mount *mount, bool first, void *arg), void *arg);

/* Before main: a function to call once per process, as soon as there is a mount. Any thread. */
void mount_on_first(void (*fn)(void));

struct mount *mount_hold(struct mount *mount);
/* Do both stand for one relation? Then what belongs to one may be used with the other. */
bool mount_same(const struct mount *mount, const struct mount *other);
/*
 * The last one lets it expire: some seconds later it disconnects, unless somebody gets it again.
 * Never blocks.
 */
void mount_put(struct mount *mount);

/*
 * The deepest mount loop:///DIR in use whose directory contains a path, by whole components and as
 * both are written; false: there is none. *rest: the path below it, in `path`.
 */
bool mount_serving(const char *path, struct mountspec *spec, const char **rest);

/* Its look-up, unchanging. */
const struct mountspec *mount_spec(const struct mount *mount);

struct session;
/* Its session, which other names that mean the same share. Constant. */
struct session *mount_to_session(struct mount *mount);

struct usrbio_counters;
int mount_counters(struct mount *mount, struct usrbio_counters *counters);

#endif
