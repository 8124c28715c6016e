/*
 * One function for each kind of call. It checks the arguments, asks the store, fills in the reply
 * and returns its status. It runs on a job thread. No other thread uses the call meanwhile.
 */
#ifndef USRBIO_SERVER_CALLS_CALL_OPS_H
#define USRBIO_SERVER_CALLS_CALL_OPS_H

#include "server/base/identity.h"
#include "server/calls/calls.h"
#include "server/session/export.h"
#include "server/session/file.h"
#include "server/store/store.h"

#define MODE_MASK 07777u

static inline struct store *call_store(const struct pending_call *p)
{
	return p->export->store;
}

static inline const char *call_path(struct bytes path)
{
	return (const char *)path.data;
}

/* Get the directory that a path is relative to; NULL: the root of the export. */
static inline struct store_file *call_dir(const struct server_file *at)
{
	return at ? at->store_file : NULL;
}

static inline bool call_read_only(const struct pending_call *p)
{
	return p->read_only;
}

/* True if a call is about a symbolic link itself, and not about what that leads to. */
static inline bool call_is_of_link(const struct call *call)
{
	return call->flags & CALL_NOFOLLOW || (call->at && !(call->flags & CALL_FOLLOW));
}

static inline struct reply *call_reply(struct pending_call *p)
{
	return &p->out.msg.reply;
}

/*
 * Make the thread act as the user that the client's key stands for, or as the server itself.
 * Returns 0 or -errno.
 */
static inline int call_become_client(const struct pending_call *p)
{
	const struct permit *permit = &p->owner.permit;
	const struct identity who = {.uid = permit->uid, .gid = permit->gid};

	return identity_become(permit->as_user ? &who : NULL);
}

/*
 * Wait for room for a file, which sessions without a connection may have to yield; *pauses is 0 at
 * first. True: try again. False: nobody has to yield.
 */
bool call_await_room(struct pending_call *p, unsigned *pauses);

/* call_file.c: calls about open files, and calls that open them */
int call_open(struct pending_call *p);
int call_reopen(struct pending_call *p);
int call_close(struct pending_call *p);
int call_stat(struct pending_call *p);
/* Do a STAT without blocking. -EAGAIN: a thread has to do it. */
int call_stat_cached(struct pending_call *p);
int call_fsync(struct pending_call *p);
int call_truncate(struct pending_call *p);
int call_punch(struct pending_call *p);
int call_fallocate(struct pending_call *p);
int call_seek(struct pending_call *p);
int call_setattr(struct pending_call *p);
int call_statfs(struct pending_call *p);

/* call_xattr.c: calls about extended attributes */
int call_getxattr(struct pending_call *p);
int call_setxattr(struct pending_call *p);
int call_listxattr(struct pending_call *p);
int call_removexattr(struct pending_call *p);

/* call_name.c: calls about names and directories */
int call_unlink(struct pending_call *p);
int call_rmdir(struct pending_call *p);
int call_mkdir(struct pending_call *p);
int call_rename(struct pending_call *p);
int call_link(struct pending_call *p);
int call_readdir(struct pending_call *p);
int call_ancestors(struct pending_call *p);
int call_symlink(struct pending_call *p);
int call_readlink(struct pending_call *p);
int call_stats(struct pending_call *p);

#endif
