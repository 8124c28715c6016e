/*
 * Calls to the server of a mount, each on its caller's thread, which waits for the answer. Any
 * thread but the progress thread.
 */
#ifndef USRBIO_CLIENT_CALLS_MOUNT_CALL_H
#define USRBIO_CLIENT_CALLS_MOUNT_CALL_H

#include <stdint.h>

#include "client/calls/answer.h"

struct mount;
struct remote_file;

/*
 * Make one call: wait for a connection if need be, and for the answer, through all incarnations of
 * the session. call->tag is chosen here. 0 and *answer, or the -errno that the server answered or
 * refused with, or -EREMOTEIO: there was no server within the mount's timeout, or it is not known
 * whether a server that was restarted had made the call. answer may be NULL when only the status
 * matters.
 */
int mount_call(struct mount *mount, const struct call *call, struct answer *answer);
/* Make a call about an open file, whose handle is filled in; -ESTALE if the file is dead. */
int mount_call_file(struct mount *mount, const struct remote_file *file, const struct call *call,
		    struct answer *answer);
/* Make a call about names in open directories of the mount; at2 may be NULL. */
int mount_call_at(struct mount *mount, const struct remote_file *at, const struct remote_file *at2,
		  const struct call *call, struct answer *answer);

/*
 * Before a file is opened: make sure that memory to close it is there. 0 or -ENOMEM. Each
 * reservation ends with one of the two functions below.
 */
int mount_reserve_close(struct mount *mount);
void mount_release_close(struct mount *mount);
/* Close a handle without waiting for the answer. May be called from any thread, and never blocks
 * for long.
 */
void mount_close_handle(struct mount *mount, uint64_t session, uint64_t handle);

/* Send one Ping and wait for its Pong. 0 and nanoseconds, or -EREMOTEIO. */
int mount_ping(struct mount *mount, uint64_t *ns);

#endif
