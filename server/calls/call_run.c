/*
 * How a call is run: the job thread takes on the user of the client, answers a repeated call from
 * the reply cache, and checks the paths. The connection owns the call until it is detached, and
 * while it runs only its job thread uses it.
 */
#include "server/calls/call_ops.h"

#include <errno.h>

#include "server/session/replies.h"
#include "server/session/session.h"

static int (*const ops[NR_CALLS])(struct pending_call *) = {
	[CALL_OPEN] = call_open,	   [CALL_CLOSE] = call_close,
	[CALL_STAT] = call_stat,	   [CALL_FSYNC] = call_fsync,
	[CALL_TRUNCATE] = call_truncate,   [CALL_UNLINK] = call_unlink,
	[CALL_RMDIR] = call_rmdir,	   [CALL_MKDIR] = call_mkdir,
	[CALL_RENAME] = call_rename,	   [CALL_LINK] = call_link,
	[CALL_READDIR] = call_readdir,	   [CALL_PUNCH] = call_punch,
	[CALL_REOPEN] = call_reopen,	   [CALL_SEEK] = call_seek,
	[CALL_SETATTR] = call_setattr,	   [CALL_ANCESTORS] = call_ancestors,
	[CALL_SYMLINK] = call_symlink,	   [CALL_READLINK] = call_readlink,
	[CALL_STATFS] = call_statfs,	   [CALL_FALLOCATE] = call_fallocate,
	[CALL_GETXATTR] = call_getxattr,   [CALL_SETXATTR] = call_setxattr,
	[CALL_LISTXATTR] = call_listxattr, [CALL_REMOVEXATTR] = call_removexattr,
	[CALL_STATS] = call_stats,
};

/* True if the path is relative. The store checks the rest of it. */
static bool path_ok(struct bytes path)
{
	return !path.len || path.data[0] != '/';
}

/* True if the first path of this call may be relative to `at`. */
static bool takes_at(uint32_t op)
{
	return op == CALL_OPEN || op == CALL_STAT || op == CALL_TRUNCATE || op == CALL_UNLINK ||
	       op == CALL_RMDIR || op == CALL_MKDIR || op == CALL_RENAME || op == CALL_LINK ||
	       op == CALL_SYMLINK || op == CALL_READLINK || op == CALL_SETATTR ||
	       op == CALL_GETXATTR || op == CALL_SETXATTR || op == CALL_LISTXATTR ||
	       op == CALL_REMOVEXATTR;
}

/* True if the second path of this call may be relative to `at2`. */
static bool takes_at2(uint32_t op)
{
	return op == CALL_RENAME || op == CALL_LINK;
}

static int check_path(struct bytes path, uint64_t handle, const struct server_file *at,
		      bool takes_at)
{
	if (!handle)
		return path_ok(path) ? 0 : -EINVAL;
	if (!takes_at)
		return -EINVAL;
	return at ? store_check_name(at->store_file, call_path(path)) : -ESTALE;
}

/* Check what the call names. Returns 0 or -errno. */
static int check(const struct pending_call *p)
{
	const struct call *call = &p->call;
	int err = call->file && !p->file ? -ESTALE : 0;

	/* A call names a file or a path, not both. */
	if (!err && !(call->file && call->at))
		err = check_path(call->path, call->at, p->at, takes_at(call->op));
	else if (!err)
		err = -EINVAL;
	if (!err)
		err = check_path(call->path2, call->at2, p->at2, takes_at2(call->op));
	return err;
}

static int run(struct pending_call *p)
{
	int err = check(p);

	return err ? err : ops[p->call.op](p);
}

/* True if the call must not be done a second time when the client repeats it. */
static bool is_once_only(uint32_t op)
{
	return op != CALL_CLOSE && op != CALL_STAT && op != CALL_FSYNC && op != CALL_READDIR &&
	       op != CALL_COUNTERS && op != CALL_SEEK && op != CALL_ANCESTORS &&
	       op != CALL_READLINK && op != CALL_STATFS && op != CALL_GETXATTR &&
	       op != CALL_LISTXATTR && op != CALL_STATS;
}

/* True if the store has changed nothing, because the call is given up or has to wait. */
static bool is_undone(const struct pending_call *p)
{
	return p->fence.refused || p->fence.met;
}

/*
 * Do a call that must be done once. Its reply is kept before the answer leaves, so that a client
 * that resumes the session and repeats the call finds it; or the repetition waits for it.
 */
static void run_once(struct pending_call *p)
{
	struct replies *replies = session_replies(p->session);
	struct reply *reply = call_reply(p);
	int answer = replies_begin(replies, p->channel, &p->call, &p->run, reply, p->persistent);

	if (answer == REPLIES_KEPT)
		return;
	p->repeated = answer == REPLIES_BUSY;
	if (answer < 0)
		reply->status = answer;
	if (answer != REPLIES_NEW)
		return;
	reply->status = run(p);
	p->unwanted = !replies_end(replies, &p->run, is_undone(p) ? NULL : reply);
}

void call_run_here(struct pending_call *p)
{
	call_reply(p)->status = run(p);
}

bool call_run_cached(struct pending_call *p)
{
	int err;

	/* Only a thread becomes another user. */
	if (p->call.op != CALL_STAT || p->owner.permit.as_user)
		return false;
	err = check(p);
	if (!err)
		err = call_stat_cached(p);
	if (err == -EAGAIN)
		return false;
	call_reply(p)->status = err;
	return true;
}

void call_run(struct pending_call *p)
{
	int err = call_become_client(p);

	if (err)
		call_reply(p)->status = err;
	else if (is_once_only(p->call.op))
		run_once(p);
	else
		call_reply(p)->status = run(p);
}
