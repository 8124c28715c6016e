/*
 * Calls about open files, and calls that open them. They have no state of their own. The connection
 * owns a call, and while it runs only its job thread uses it.
 */
#include "server/calls/call_ops.h"

#include <errno.h>

#include "server/base/identity.h"
#include "server/calls/persistent.h"
#include "server/session/session.h"

static int check_open(const struct pending_call *p, uint32_t allowed)
{
	if ((p->call.flags & ~allowed) || !(p->call.flags & (OPEN_READ | OPEN_WRITE)))
		return -EINVAL;
	if (call_read_only(p) && (p->call.flags & (OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE)))
		return -EROFS;
	return 0;
}

/* Hand a file that the store has opened to the session, which gives it a handle. */
static int opened(struct pending_call *p, int status, struct store_file *file)
{
	struct reply *reply = call_reply(p);
	size_t len;
	int err;

	if (status) {
		session_unreserve_file(p->session);
		return status;
	}
	/* This comes first, because the session may close the file as soon as it has it. */
	len = persistent_seal(&p->owner, file, p->persistent);
	err = session_add_file(p->session, file, &reply->file);
	if (err) {
		file->store->ops->close_file(file);
		session_unreserve_file(p->session);
		*reply = (struct reply){.tag = reply->tag};
		return err;
	}
	reply->persistent = (struct bytes){p->persistent, len};
	reply->attr_valid = 1;
	return 0;
}

static int reserve_file(struct pending_call *p)
{
	unsigned pauses = 0;
	int err;

	do {
		err = session_reserve_file(p->session);
	} while (err == -ENOMEM && call_await_room(p, &pauses));
	return err;
}

/* True if the server has no descriptors left, or its machine has none. */
static bool has_no_descriptors(int err)
{
	return err == -EMFILE || err == -ENFILE;
}

int call_open(struct pending_call *p)
{
	struct store *store = call_store(p);
	struct store_file *file;
	unsigned pauses = 0;
	int err = check_open(p, OPEN_FLAGS_ALL & ~(p->call.at ? 0u : OPEN_FOLLOW));

	if (err)
		return err;
	err = reserve_file(p);
	if (err)
		return err;
	do {
		err = store->ops->open_file(store, call_dir(p->at), call_path(p->call.path),
					    p->call.flags, p->call.mode & MODE_MASK, &file,
					    &call_reply(p)->attr);
	} while (has_no_descriptors(err) && call_await_room(p, &pauses));
	return opened(p, err, file);
}

static int reopen(struct pending_call *p, struct bytes name, uint32_t flags,
		  struct store_file **file)
{
	struct store *store = call_store(p);

	return store->ops->reopen_file(store, call_path(p->call.path), name, p->call.flags | flags,
				       file, &call_reply(p)->attr);
}

/* True if the right to open or to find a file may be missing. */
static bool is_denied(int err)
{
	return err == -EACCES || err == -EPERM || err == -ESTALE;
}

/*
 * Take a file that was kept for this client, as the server itself: it is open already. -ESTALE:
 * there is none.
 */
static int take(struct pending_call *p, struct bytes name, struct store_file **file)
{
	struct store *store = call_store(p);
	int err = store->ops->take_file ? identity_become(NULL) : -ESTALE, as;

	if (!err)
		err = store->ops->take_file(store, name, p->call.flags, file, &call_reply(p)->attr);
	as = call_become_client(p);
	if (!err && as)
		store->ops->close_file(*file);
	return as ? as : err;
}

/*
 * Open a file again, first as the client's user with its present rights. If these do not suffice
 * but the client was allowed to open the file before, the server opens it as itself, and then as
 * the client's user, who may be its owner.
 */
static int reopen_any(struct pending_call *p, struct bytes name, bool proven,
		      struct store_file **file)
{
	int err = proven ? take(p, name, file) : -ESTALE, as;

	if (err == -ESTALE)
		err = reopen(p, name, 0, file);
	if (!is_denied(err) || !proven)
		return err;
	as = identity_become(NULL);
	err = as ? as : reopen(p, name, STORE_PROVEN, file);
	as = call_become_client(p);
	if (is_denied(err) && p->owner.permit.as_user)
		err = as ? as : reopen(p, name, STORE_PROVEN, file);
	return err;
}

int call_reopen(struct pending_call *p)
{
	struct store_file *file;
	struct bytes name;
	unsigned pauses = 0;
	bool proven;
	int err = check_open(p, OPEN_REOPEN_FLAGS);

	if (!err)
		err = persistent_open(&p->owner, p->call.persistent, p->call.flags, &name, &proven);
	if (err)
		return err;
	err = reserve_file(p);
	if (err)
		return err;
	do {
		err = reopen_any(p, name, proven, &file);
	} while (has_no_descriptors(err) && call_await_room(p, &pauses));
	return opened(p, err, file);
}

int call_close(struct pending_call *p)
{
	return session_close_file(p->session, p->call.file);
}

int call_stat(struct pending_call *p)
{
	struct store *store = call_store(p);
	struct reply *reply = call_reply(p);
	int err;

	if (p->call.file)
		err = store->ops->stat_file(p->file->store_file, &reply->attr);
	else
		err = store->ops->stat_path(store, call_dir(p->at), call_path(p->call.path),
					    call_is_of_link(&p->call), &reply->attr);
	reply->attr_valid = !err;
	return err;
}

int call_stat_cached(struct pending_call *p)
{
	struct store *store = call_store(p);
	struct reply *reply = call_reply(p);
	struct store_file *at = p->call.file ? p->file->store_file : call_dir(p->at);
	const char *path = p->call.file ? NULL : call_path(p->call.path);
	int err = -EAGAIN;

	if (store->ops->stat_cached)
		err = store->ops->stat_cached(store, at, path, call_is_of_link(&p->call),
					      &reply->attr);
	reply->attr_valid = !err;
	return err;
}

int call_statfs(struct pending_call *p)
{
	struct store *store = call_store(p);
	int err;

	if (p->call.file)
		err = store->ops->stat_fs_file(p->file->store_file, p->fs);
	else
		err = store->ops->stat_fs(store, call_path(p->call.path), p->fs);
	if (err)
		return err;
	p->fs[FS_FLAGS] =
		(call_read_only(p) ? FS_FLAG_READ_ONLY : 0u) | (store->sync ? FS_FLAG_SYNC : 0u);
	call_reply(p)->fs = p->fs;
	call_reply(p)->nr_fs = NR_FS_NUMBERS;
	return 0;
}

int call_fsync(struct pending_call *p)
{
	int err;

	if (!p->file)
		return -EBADF;
	err = call_store(p)->ops->sync_file(p->file->store_file, p->call.flags & CALL_DATA_ONLY);
	/* A loss is stored before the client hears of it, as the server's own user. */
	if (store_sync_lost(err) && !identity_become(NULL))
		verifier_save(&p->export->verifier);
	/* Read after the sync: a loss that it did not notice has not changed it before. */
	call_reply(p)->verifier = verifier_get(&p->export->verifier);
	return err;
}

static int truncate_path(struct pending_call *p)
{
	struct store *store = call_store(p);
	struct store_file *file;
	struct file_attr attr;
	int err = store->ops->open_file(store, call_dir(p->at), call_path(p->call.path), OPEN_WRITE,
					0, &file, &attr);

	if (err)
		return err;
	err = file->regular ? store->ops->truncate_file(file, p->call.len) : -EINVAL;
	store->ops->close_file(file);
	return err;
}

/* Check that the call names an open file that may be changed. Returns 0 or -errno. */
static int check_writable(const struct pending_call *p)
{
	if (call_read_only(p))
		return -EROFS;
	if (!p->file || !p->file->store_file->regular || !(p->file->store_file->flags & OPEN_WRITE))
		return -EBADF;
	return 0;
}

int call_truncate(struct pending_call *p)
{
	int err;

	if (p->call.len > INT64_MAX)
		return -EINVAL;
	if (!p->call.file)
		return call_read_only(p) ? -EROFS : truncate_path(p);
	err = check_writable(p);
	return err ? err : call_store(p)->ops->truncate_file(p->file->store_file, p->call.len);
}

int call_punch(struct pending_call *p)
{
	const uint64_t *range = p->call.range;
	int err = check_writable(p);

	for (size_t i = 0; i < p->call.nr_ranges && !err; i++)
		if (range[2 * i] > INT64_MAX || range[2 * i + 1] > INT64_MAX)
			err = -EINVAL;
	for (size_t i = 0; i < p->call.nr_ranges && !err; i++)
		if (range[2 * i] < range[2 * i + 1])
			err = call_store(p)->ops->punch(p->file->store_file, range[2 * i],
							range[2 * i + 1]);
	return err;
}

static bool allocate_flags_ok(uint32_t flags)
{
	return flags == 0 || flags == ALLOCATE_KEEP_SIZE ||
	       flags == (ALLOCATE_PUNCH_HOLE | ALLOCATE_KEEP_SIZE) ||
	       flags == ALLOCATE_ZERO_RANGE || flags == (ALLOCATE_ZERO_RANGE | ALLOCATE_KEEP_SIZE);
}

/* The order of the checks is that of fallocate(2). */
int call_fallocate(struct pending_call *p)
{
	const struct call *call = &p->call;
	int err;

	if (!call->len || call->len > INT64_MAX || call->off > INT64_MAX)
		return -EINVAL;
	if (!allocate_flags_ok(call->flags))
		return -EOPNOTSUPP;
	err = check_writable(p);
	if (err)
		return err;
	if (call->len > INT64_MAX - call->off)
		return -EFBIG;
	return call_store(p)->ops->allocate(p->file->store_file, call->flags, call->off, call->len);
}

int call_seek(struct pending_call *p)
{
	uint32_t what = p->call.flags & (CALL_DATA | CALL_HOLE);

	if (!p->file)
		return -EBADF;
	if (what != CALL_DATA && what != CALL_HOLE)
		return -EINVAL;
	return call_store(p)->ops->seek(p->file->store_file, p->call.off, what == CALL_HOLE,
					&call_reply(p)->next);
}

/*
 * True if the flags of a SETATTR name something, and no time twice. (uid_t)-1 is no user: fchown()
 * would leave the owner as it is.
 */
static bool set_flags_ok(const struct call *call)
{
	const uint32_t set = call->flags;

	return set & SET_ATTRS_ALL && !(set & ~(uint32_t)SET_FLAGS_ALL) &&
	       !(set & SET_ATIME && set & SET_ATIME_NOW) &&
	       !(set & SET_MTIME && set & SET_MTIME_NOW) &&
	       !(set & SET_UID && call->uid == UINT32_MAX) &&
	       !(set & SET_GID && call->gid == UINT32_MAX);
}

int call_setattr(struct pending_call *p)
{
	const struct call *call = &p->call;
	const struct store_attrs attrs = {
		.set = call->flags,
		.mode = call->mode & 0777,
		.uid = call->uid,
		.gid = call->gid,
		.atime_ns = call->atime_ns,
		.mtime_ns = call->mtime_ns,
	};
	struct store *store = call_store(p);

	if (!set_flags_ok(call))
		return -EINVAL;
	if (call_read_only(p))
		return -EROFS;
	if (call->file)
		return store->ops->set_attr(p->file->store_file, &attrs);
	return store->ops->set_attr_path(store, call_dir(p->at), call_path(call->path), &attrs);
}
