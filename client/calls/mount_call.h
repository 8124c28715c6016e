/*
 * Calls to the server of a mount. The calling thread waits for the answer. Any thread except the
 * progress thread.
 */
#ifndef USRBIO_CLIENT_CALLS_MOUNT_CALL_H
#define USRBIO_CLIENT_CALLS_MOUNT_CALL_H

#include <stdint.h>

#include "client/calls/answer.h"
#include "client/calls/request.h"

struct mount;

/*
 * Make one call: wait for a connection and for the answer, also if connections are lost meanwhile.
 * This function chooses call->tag. 0 and *answer, which may be NULL if only the status is needed;
 * the -errno with which the server answered or refused the client; -EREMOTEIO: there was no server
 * within the mount's timeout, or the server was restarted and it is not known whether the call was
 * made.
 */
int mount_call(struct mount *mount, const struct call *call, struct answer *answer);
/* A call that has been started. The caller owns it, and what it points to, until its end. */
struct started_call {
	struct request request;
	struct conn *conn;
};

/* Start a call; mount_call_end waits for it. So several calls can be under way for one thread. */
void mount_call_start(struct mount *mount, const struct call *call, struct answer *answer,
		      struct started_call *started);
/* Wait for a started call. Returns as mount_call does. */
int mount_call_end(struct started_call *started);
/*
 * Make a call about an open file, whose handle is filled in. -ESTALE: it could not be opened again
 * in the present session.
 */
int mount_call_file(struct mount *mount, const struct remote_file *file, const struct call *call,
		    struct answer *answer);
/*
 * Make a call that syncs an open file. *verifier is the write verifier of the server's answer, also
 * if that is an error, or 0.
 */
int mount_sync(struct mount *mount, const struct remote_file *file, const struct call *call,
	       uint64_t *verifier);
/* Make a call about names in open directories of the mount; at2 may be NULL. Errors as above. */
int mount_call_at(struct mount *mount, const struct remote_file *at, const struct remote_file *at2,
		  const struct call *call, struct answer *answer);

/*
 * Reserve memory for closing a file, before it is opened. 0 or -ENOMEM. Each reservation ends with
 * a call of one of the two functions below.
 */
int mount_reserve_close(struct mount *mount);
void mount_release_close(struct mount *mount);
/*
 * Close a handle of the session with this number, without waiting for the answer. Any thread; it
 * never blocks for long.
 */
void mount_close_handle(struct mount *mount, uint64_t session, uint64_t handle);

/* Send a Ping and wait for its Pong. 0, and the time in nanoseconds; -EREMOTEIO: no server. */
int mount_ping(struct mount *mount, uint64_t *ns);

#endif
