/*
 * A mount: this process's relation to one export, by one of its names. Found or made by its mount
 * point, counted, and shared by the rings, iovs and files that use it. Names that mean the same (a
 * URL spelled otherwise, a directory attached to it) are mounts with one relation, see mount_same.
 * Connects when it is first needed, not before. Any thread.
 */
#ifndef USRBIO_CLIENT_MOUNT_MOUNT_H
#define USRBIO_CLIENT_MOUNT_MOUNT_H

#include <stdbool.h>

#include "client/spec/mountspec.h"
#include "client/base/reason.h"
#include "proto/message.h"

struct file;
struct mount;

/*
 * 0 and a reference; -EINVAL, -ENOENT as mountspec_find, -ENOMEM. Does not connect. A mount keeps
 * its meaning for as long as it is used and lingers: tables are read for others only.
 */
int mount_get(const char *mount_point, struct mount **mount);
int mount_get_spec(const struct mountspec *spec, struct mount **mount);
/* Why the mount of this name serves nobody; no reason when it does, or there is no such mount. */
void mount_reason(const char *mount_point, struct reason *reason);

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

/* An answer with what its byte strings and arrays point to. */
struct answer {
	uint64_t session; /* it came in: what it calls a file is one there */
	uint64_t host;	  /* of the files it tells of */
	struct reply reply;
	uint8_t data[FRAME_MAX + 4 * FRAME_MAX];
};

/*
 * One call to the server: waits for a connection if need be, and for the answer, through all lives
 * of the session. call->tag is ours to choose. 0 and *answer, or the -errno the server answered or
 * refused with, or -EREMOTEIO: no server within the mount's timeout, or it is not known whether a
 * server that was restarted had done it. answer may be NULL when only the status matters.
 */
int mount_call(struct mount *mount, const struct call *call, struct answer *answer);
/* The same about an open file, whose handle is filled in; -ESTALE if it is dead. */
int mount_call_file(struct file *file, const struct call *call, struct answer *answer);
/* About names in open directories of one mount; at2 may be NULL. */
int mount_call_at(struct file *at, struct file *at2, const struct call *call,
		  struct answer *answer);

/* Before a file is opened: make sure that it can be closed, or take that back. 0 or -ENOMEM. */
int mount_reserve_close(struct mount *mount);
void mount_release_close(struct mount *mount);
/* Close a handle, which was owed, without waiting for the answer. May be called from anywhere. */
void mount_close_handle(struct mount *mount, uint64_t session, uint64_t handle);

/* Its open files: see openfiles.h. */
bool mount_add_file(struct mount *mount, struct file *file);
void mount_remove_file(struct mount *mount, struct file *file);

/* One Ping and its Pong: nanoseconds, or -EREMOTEIO. */
int mount_ping(struct mount *mount, uint64_t *ns);

struct usrbio_counters;
int mount_counters(struct mount *mount, struct usrbio_counters *counters);

#endif
