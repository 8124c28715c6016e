/*
 * A mount: the relation of this process to one export, by one mount point. The rings, iovs and
 * files that use a mount hold references to it. Mount points with the same meaning, such as a URL
 * and a directory that is attached to it, are several mounts with one relation; see mount_same. A
 * mount connects when a server is first needed. Any thread.
 */
#ifndef USRBIO_CLIENT_MOUNT_MOUNT_H
#define USRBIO_CLIENT_MOUNT_MOUNT_H

#include <stdbool.h>

#include "client/spec/mountspec.h"
#include "client/base/reason.h"

struct mount;
struct session;

/*
 * Find or make a mount. 0 and a reference; -EINVAL, -ENOENT as of mountspec_find; -ENOMEM. It does
 * not connect. As long as a mount exists it keeps its meaning, and mount tables are not read for
 * its mount point. mount_get_spec takes a look-up that was made already.
 */
int mount_get(const char *mount_point, struct mount **mount);
int mount_get_spec(const struct mountspec *spec, struct mount **mount);
/*
 * Get the reason why calls to the mount with this mount point fail. It is empty if they succeed, or
 * if there is no such mount.
 */
void mount_reason(const char *mount_point, struct reason *reason);

/*
 * Call fn for each mount, which is kept meanwhile, without a lock; `first`: it is the first mount
 * with its relation. False: the lock of the mounts was not free for DUMP_LOCK_MS, and some mounts
 * are left out.
 */
bool mount_each(void (*fn)(struct mount *mount, bool first, void *arg), void *arg);

/*
 * Add, before main, one of at most two functions that are called once in a process, after its first
 * mount is made.
 */
void mount_on_first(void (*fn)(void));
/*
 * Set, before main, the function that is called before a session ends because its last mount is
 * gone. It frees memory that belongs to the session, which is not connected any more. On the
 * progress thread.
 */
void mount_on_end(void (*fn)(const struct session *session));

/* Take one more reference; returns mount. */
struct mount *mount_hold(struct mount *mount);
/* True if both have one relation: then rings, iovs and files of one may be used with the other. */
bool mount_same(const struct mount *mount, const struct mount *other);
/*
 * Give a reference back. After the last one the mount ends some seconds later, unless it is used
 * again. Never blocks.
 */
void mount_put(struct mount *mount);

/*
 * Find the deepest mount loop:///DIR in use whose directory contains a path; both are compared as
 * they are written. True: *spec is its look-up, and *rest points to the part of `path` below it.
 */
bool mount_serving(const char *path, struct mountspec *spec, const char **rest);

/* Return its look-up, which is constant. */
const struct mountspec *mount_spec(const struct mount *mount);

struct session;
/* Return the session of its relation, which is constant. */
struct session *mount_to_session(struct mount *mount);

struct usrbio_counters;
/* Add up the counters of its connections. Returns 0. */
int mount_counters(struct mount *mount, struct usrbio_counters *counters);

#endif
