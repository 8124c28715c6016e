/* What each call does: its arguments checked, its store operation, its reply. On the pool's
 * threads; a call belongs to its thread while it runs. */
#include "server/calls/calls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/session/export.h"
#include "server/session/file.h"
#include "server/base/identity.h"
#include "server/session/replies.h"
#include "server/session/session.h"
#include "server/store/store.h"

#define MODE_MASK 07777u

static struct store *store_of(const struct pending_call *p)
{
	return p->peer->export->store;
}

static const char *path_of(struct bytes path)
{
	return (const char *)path.data;
}

/* The directory that a path is a name in; NULL: the path begins at the root. */
static struct store_file *dir_of(const struct server_file *at)
{
	return at ? at->store_file : NULL;
}

static bool read_only(const struct pending_call *p)
{
	return p->peer->read_only;
}

static struct reply *reply_of(struct pending_call *p)
{
	return &p->out.msg.reply;
}

static int check_open(const struct pending_call *p, uint32_t allowed)
{
	if ((p->call.flags & ~allowed) || !(p->call.flags & (OPEN_READ | OPEN_WRITE)))
		return -EINVAL;
	if (read_only(p) && (p->call.flags & (OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE)))
		return -EROFS;
	return 0;
}

/* The store was asked to open it: hand it to the session, and name it. */
static int opened(struct pending_call *p, int status, struct store_file *file)
{
	struct reply *reply = reply_of(p);
	size_t len;
	int err;

	if (status) {
		session_unreserve_file(p->peer->member.session);
		return status;
	}
	len = file->persistent_len;
	memcpy(p->persistent, file->persistent, len); /* the session may close it from there on */
	err = session_add_file(p->peer->member.session, file, &reply->file);
	if (err) {
		file->store->ops->close_file(file);
		session_unreserve_file(p->peer->member.session);
		*reply = (struct reply){.tag = reply->tag};
		return err;
	}
	reply->persistent = (struct bytes){p->persistent, len};
	reply->attr_valid = 1;
	return 0;
}

static int run_open(struct pending_call *p)
{
	struct store *store = store_of(p);
	struct store_file *file;
	int err = check_open(p, OPEN_FLAGS_ALL & ~(p->call.at ? 0u : OPEN_FOLLOW));

	if (err)
		return err;
	if (!session_reserve_file(p->peer->member.session))
		return -ENOMEM;
	err = store->ops->open_file(store, dir_of(p->at), path_of(p->call.path), p->call.flags,
				    p->call.mode & MODE_MASK, &file, &reply_of(p)->attr);
	return opened(p, err, file);
}

static int run_reopen(struct pending_call *p)
{
	struct store *store = store_of(p);
	struct store_file *file;
	int err = check_open(p, OPEN_REOPEN_FLAGS);

	if (err)
		return err;
	if (!p->call.persistent.len)
		return -ESTALE;
	if (!session_reserve_file(p->peer->member.session))
		return -ENOMEM;
	err = store->ops->reopen_file(store, path_of(p->call.path), p->call.persistent,
				      p->call.flags, &file, &reply_of(p)->attr);
	return opened(p, err, file);
}

static int run_close(struct pending_call *p)
{
	return session_close_file(p->peer->member.session, p->call.file);
}

static int run_stat(struct pending_call *p)
{
	struct store *store = store_of(p);
	struct reply *reply = reply_of(p);
	bool nofollow =
		p->call.flags & CALL_NOFOLLOW || (p->call.at && !(p->call.flags & CALL_FOLLOW));
	int err;

	if (p->call.file)
		err = store->ops->stat_file(p->file->store_file, &reply->attr);
	else
		err = store->ops->stat_path(store, dir_of(p->at), path_of(p->call.path), nofollow,
					    &reply->attr);
	reply->attr_valid = !err;
	return err;
}

static int run_fsync(struct pending_call *p)
{
	if (!p->file)
		return -EBADF;
	return store_of(p)->ops->sync_file(p->file->store_file, p->call.flags & CALL_DATA_ONLY);
}

static int truncate_path(struct pending_call *p)
{
	struct store *store = store_of(p);
	struct store_file *file;
	struct file_attr attr;
	int err = store->ops->open_file(store, dir_of(p->at), path_of(p->call.path), OPEN_WRITE, 0,
					&file, &attr);

	if (err)
		return err;
	err = file->regular ? store->ops->truncate_file(file, p->call.len) : -EINVAL;
	store->ops->close_file(file);
	return err;
}

/* May this open file be changed? */
static int check_writable(const struct pending_call *p)
{
	if (read_only(p))
		return -EROFS;
	if (!p->file || !p->file->store_file->regular || !(p->file->store_file->flags & OPEN_WRITE))
		return -EBADF;
	return 0;
}

static int run_truncate(struct pending_call *p)
{
	int err;

	if (p->call.len > INT64_MAX)
		return -EINVAL;
	if (!p->call.file)
		return read_only(p) ? -EROFS : truncate_path(p);
	err = check_writable(p);
	return err ? err : store_of(p)->ops->truncate_file(p->file->store_file, p->call.len);
}

static int run_unlink(struct pending_call *p)
{
	struct store *store = store_of(p);

	if (read_only(p))
		return -EROFS;
	return store->ops->unlink(store, dir_of(p->at), path_of(p->call.path));
}

static int run_rmdir(struct pending_call *p)
{
	struct store *store = store_of(p);

	if (read_only(p))
		return -EROFS;
	return store->ops->rmdir(store, dir_of(p->at), path_of(p->call.path));
}

static int run_mkdir(struct pending_call *p)
{
	struct store *store = store_of(p);

	if (read_only(p))
		return -EROFS;
	return store->ops->mkdir(store, dir_of(p->at), path_of(p->call.path),
				 p->call.mode & MODE_MASK);
}

static int run_rename(struct pending_call *p)
{
	struct store *store = store_of(p);

	if (read_only(p))
		return -EROFS;
	return store->ops->rename(store, dir_of(p->at), path_of(p->call.path), dir_of(p->at2),
				  path_of(p->call.path2), p->call.flags & CALL_NOREPLACE);
}

static int run_link(struct pending_call *p)
{
	struct store *store = store_of(p);

	if (read_only(p))
		return -EROFS;
	if (p->call.file)
		return store->ops->link_file(p->file->store_file, dir_of(p->at2),
					     path_of(p->call.path2));
	return store->ops->link(store, dir_of(p->at), path_of(p->call.path), dir_of(p->at2),
				path_of(p->call.path2));
}

/* The frame holds the names, a byte for each type, and little more. */
static size_t names_room(const struct server_peer *peer)
{
	size_t room = peer->tp->msg_max / 2;

	return room < NAMES_MAX ? room : NAMES_MAX;
}

static int run_readdir(struct pending_call *p)
{
	struct store *store = store_of(p);
	struct reply *reply = reply_of(p);
	struct store_dirents dirents = {.room = names_room(p->peer), .max = TYPES_MAX};
	int err;

	p->names = malloc(sizeof(*p->names));
	if (!p->names)
		return -ENOMEM;
	dirents.names = p->names->names;
	dirents.types = p->names->types;
	if (p->file)
		err = store->ops->readdir_file(p->file->store_file, p->call.off, &dirents);
	else
		err = store->ops->readdir(store, path_of(p->call.path), p->call.off, &dirents);
	if (err < 0)
		return err;
	reply->names = (struct bytes){.data = (uint8_t *)p->names->names, .len = dirents.used};
	reply->types = dirents.types;
	reply->nr_types = dirents.n;
	reply->next = dirents.next;
	return 0;
}

static int run_punch(struct pending_call *p)
{
	const uint64_t *range = p->call.range;
	int err = check_writable(p);

	for (size_t i = 0; i < p->call.nr_ranges && !err; i++)
		if (range[2 * i] > INT64_MAX || range[2 * i + 1] > INT64_MAX)
			err = -EINVAL;
	for (size_t i = 0; i < p->call.nr_ranges && !err; i++)
		if (range[2 * i] < range[2 * i + 1])
			err = store_of(p)->ops->punch(p->file->store_file, range[2 * i],
						      range[2 * i + 1]);
	return err;
}

static int run_seek(struct pending_call *p)
{
	uint32_t what = p->call.flags & (CALL_DATA | CALL_HOLE);

	if (!p->file)
		return -EBADF;
	if (what != CALL_DATA && what != CALL_HOLE)
		return -EINVAL;
	return store_of(p)->ops->seek(p->file->store_file, p->call.off, what == CALL_HOLE,
				      &reply_of(p)->next);
}

static int run_setattr(struct pending_call *p)
{
	if (p->call.flags != SET_MODE)
		return -EINVAL;
	if (read_only(p))
		return -EROFS;
	if (!p->file)
		return -EBADF;
	return store_of(p)->ops->set_mode(p->file->store_file, p->call.mode & 0777);
}

static int run_ancestors(struct pending_call *p)
{
	size_t max = names_room(p->peer) / (2 * sizeof(*p->ids));
	int n;

	if (!p->file)
		return -EBADF;
	p->ids = malloc(ANCESTORS_MAX * 2 * sizeof(*p->ids));
	if (!p->ids)
		return -ENOMEM;
	n = store_of(p)->ops->ancestors(p->file->store_file, p->ids,
					max < ANCESTORS_MAX ? (int)max : ANCESTORS_MAX);
	if (n < 0)
		return n;
	reply_of(p)->ids = p->ids;
	reply_of(p)->nr_ids = (size_t)n;
	return 0;
}

static int (*const ops[NR_CALLS])(struct pending_call *) = {
	[CALL_OPEN] = run_open,		[CALL_CLOSE] = run_close,
	[CALL_STAT] = run_stat,		[CALL_FSYNC] = run_fsync,
	[CALL_TRUNCATE] = run_truncate, [CALL_UNLINK] = run_unlink,
	[CALL_RMDIR] = run_rmdir,	[CALL_MKDIR] = run_mkdir,
	[CALL_RENAME] = run_rename,	[CALL_LINK] = run_link,
	[CALL_READDIR] = run_readdir,	[CALL_PUNCH] = run_punch,
	[CALL_REOPEN] = run_reopen,	[CALL_SEEK] = run_seek,
	[CALL_SETATTR] = run_setattr,	[CALL_ANCESTORS] = run_ancestors,
};

/* The checks of the store are the last ones; these are for every store alike. */
static bool path_ok(struct bytes path)
{
	return !path.len || path.data[0] != '/';
}

/* What a path, and a second one, may be relative to: the others do not look at `at`. */
static bool takes_at(uint32_t op)
{
	return op == CALL_OPEN || op == CALL_STAT || op == CALL_TRUNCATE || op == CALL_UNLINK ||
	       op == CALL_RMDIR || op == CALL_MKDIR || op == CALL_RENAME || op == CALL_LINK;
}

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
	return at ? store_check_name(at->store_file, path_of(path)) : -ESTALE;
}

static int run(struct pending_call *p)
{
	const struct call *call = &p->call;
	int err = call->file && !p->file ? -ESTALE : 0;

	/* A file is instead of a path. */
	if (!err && !(call->file && call->at))
		err = check_path(call->path, call->at, p->at, takes_at(call->op));
	else if (!err)
		err = -EINVAL;
	if (!err)
		err = check_path(call->path2, call->at2, p->at2, takes_at2(call->op));
	return err ? err : ops[call->op](p);
}

/* Not to be done a second time when its answer was lost. */
static bool is_once_only(uint32_t op)
{
	return op != CALL_CLOSE && op != CALL_STAT && op != CALL_FSYNC && op != CALL_READDIR &&
	       op != CALL_COUNTERS && op != CALL_SEEK && op != CALL_ANCESTORS;
}

/*
 * What a call did is remembered before its answer leaves, and before its connection can end: who
 * fences that and repeats the call finds it.
 */
static void run_once(struct pending_call *p)
{
	struct replies *replies = session_replies(p->peer->member.session);
	uint32_t channel = p->peer->member.channel;
	struct reply *reply = reply_of(p);

	if (p->call.replay && replies_find(replies, channel, &p->call, reply, p->persistent))
		return;
	reply->status = replies_reserve(replies, channel, p->call.tag);
	if (reply->status)
		return;
	reply->status = run(p);
	replies_keep(replies, channel, &p->call, reply);
}

/* The user its key stands for, if it does for one. */
static int become_client(const struct pending_call *p)
{
	const struct permit *permit = &p->peer->permit;
	const struct identity who = {.uid = permit->uid, .gid = permit->gid};

	return identity_become(permit->as_user ? &who : NULL);
}

void call_run(struct pending_call *p)
{
	int err = become_client(p);

	if (err)
		reply_of(p)->status = err;
	else if (is_once_only(p->call.op))
		run_once(p);
	else
		reply_of(p)->status = run(p);
}
