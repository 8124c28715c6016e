/*
 * Makes calls to the server of a mount; see mount_call.h. A request is on the stack of the caller's
 * thread, which starts it on the next connection of the session and waits until it is done. The
 * deadlines of the connection end a request that takes too long. Handles are always closed on the
 * first connection, where memory for closing is reserved, too.
 */
#include "client/calls/mount_call.h"

#include "common/base/clock.h"
#include "client/calls/request.h"
#include "client/conn/conn.h"
#include "client/mount/mount.h"
#include "client/session/session.h"

struct request_waiter {
	struct waiter waiter;
	const struct request *request;
};

static bool is_done(const struct waiter *waiter)
{
	return ((const struct request_waiter *)(const void *)waiter)->request->done;
}

/* Wait until the request is done, and return its status. The connection's lock is held. */
static int await(struct conn *conn, struct request *request)
{
	struct request_waiter w = {.waiter = {.ready = is_done}, .request = request};

	conn_wait(conn, &w.waiter, NEVER);
	return request->status;
}

/* Start the request, wait until it is done, and return its status. */
static int ask(struct mount *mount, struct request *request)
{
	struct conn *conn = session_conn(mount_to_session(mount));
	int err;

	conn_lock(conn);
	request_start(conn, request);
	err = await(conn, request);
	conn_unlock(conn);
	return err;
}

void mount_call_start(struct mount *mount, const struct call *call, struct answer *answer,
		      struct started_call *started)
{
	*started = (struct started_call){
		.request = {.kind = REQUEST_CALL, .call = call, .answer = answer},
		.conn = session_conn(mount_to_session(mount)),
	};
	conn_lock(started->conn);
	request_start(started->conn, &started->request);
	conn_unlock(started->conn);
}

int mount_call_end(struct started_call *started)
{
	int err;

	conn_lock(started->conn);
	err = await(started->conn, &started->request);
	conn_unlock(started->conn);
	return err;
}

int mount_call(struct mount *mount, const struct call *call, struct answer *answer)
{
	struct request request = {.kind = REQUEST_CALL, .call = call, .answer = answer};

	return ask(mount, &request);
}

int mount_call_file(struct mount *mount, const struct remote_file *file, const struct call *call,
		    struct answer *answer)
{
	struct request request = {
		.kind = REQUEST_CALL, .call = call, .file = file, .answer = answer};

	return ask(mount, &request);
}

int mount_sync(struct mount *mount, const struct remote_file *file, const struct call *call,
	       uint64_t *verifier)
{
	struct request request = {.kind = REQUEST_CALL, .call = call, .file = file};
	int err = ask(mount, &request);

	*verifier = request.verifier;
	return err;
}

int mount_call_at(struct mount *mount, const struct remote_file *at, const struct remote_file *at2,
		  const struct call *call, struct answer *answer)
{
	struct request request = {
		.kind = REQUEST_CALL, .call = call, .at = at, .at2 = at2, .answer = answer};

	return ask(mount, &request);
}

int mount_ping(struct mount *mount, uint64_t *ns)
{
	struct request request = {.kind = REQUEST_PING};
	uint64_t begin;
	int err = 0;

	if (!session_is_up(mount_to_session(mount)))
		err = ask(mount, &request);
	if (err)
		return err;
	begin = now_ns();
	err = ask(mount, &request);
	if (!err)
		*ns = now_ns() - begin;
	return err;
}

static struct conn *first_conn(struct mount *mount)
{
	return mount_to_session(mount)->conns[0];
}

int mount_reserve_close(struct mount *mount)
{
	struct conn *conn = first_conn(mount);
	int err;

	conn_lock(conn);
	err = request_reserve_close(conn);
	conn_unlock(conn);
	return err;
}

void mount_release_close(struct mount *mount)
{
	struct conn *conn = first_conn(mount);

	conn_lock(conn);
	request_release_close(conn);
	conn_unlock(conn);
}

void mount_close_handle(struct mount *mount, uint64_t session, uint64_t handle)
{
	struct conn *conn = first_conn(mount);

	conn_lock(conn);
	request_release_close(conn);
	if (conn->number == session)
		request_close_handle(conn, handle);
	conn_unlock(conn);
}
