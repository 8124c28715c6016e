/*
 * Calls about names and directories. They have no state of their own. The connection owns a call,
 * and while it runs only its job thread uses it.
 */
#include "server/calls/call_ops.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int call_unlink(struct pending_call *p)
{
	struct store *store = call_store(p);

	if (call_read_only(p))
		return -EROFS;
	return store->ops->unlink(store, call_dir(p->at), call_path(p->call.path));
}

int call_rmdir(struct pending_call *p)
{
	struct store *store = call_store(p);

	if (call_read_only(p))
		return -EROFS;
	return store->ops->rmdir(store, call_dir(p->at), call_path(p->call.path));
}

int call_mkdir(struct pending_call *p)
{
	struct store *store = call_store(p);

	if (call_read_only(p))
		return -EROFS;
	return store->ops->mkdir(store, call_dir(p->at), call_path(p->call.path),
				 p->call.mode & MODE_MASK);
}

int call_rename(struct pending_call *p)
{
	struct store *store = call_store(p);
	const uint32_t flags = p->call.flags;

	/* A flag that is not known may be one that keeps files from being replaced. */
	if (flags && flags != CALL_NOREPLACE && flags != CALL_EXCHANGE)
		return -EINVAL;
	if (call_read_only(p))
		return -EROFS;
	return store->ops->rename(store, call_dir(p->at), call_path(p->call.path), call_dir(p->at2),
				  call_path(p->call.path2), flags);
}

int call_link(struct pending_call *p)
{
	struct store *store = call_store(p);

	if (call_read_only(p))
		return -EROFS;
	if (p->call.file)
		return store->ops->link_file(p->file->store_file, call_dir(p->at2),
					     call_path(p->call.path2));
	return store->ops->link(store, call_dir(p->at), call_path(p->call.path), call_dir(p->at2),
				call_path(p->call.path2));
}

int call_symlink(struct pending_call *p)
{
	struct store *store = call_store(p);

	if (call_read_only(p))
		return -EROFS;
	if (!p->call.target.len)
		return -ENOENT; /* as symlink(2) says */
	return store->ops->symlink(store, call_dir(p->at), call_path(p->call.path),
				   call_path(p->call.target));
}

int call_readlink(struct pending_call *p)
{
	struct store *store = call_store(p);
	int len;

	p->target = malloc(TARGET_BYTES);
	if (!p->target)
		return -ENOMEM;
	len = store->ops->readlink(store, call_dir(p->at), call_path(p->call.path), p->target);
	if (len < 0)
		return len;
	/* The other fields of such a Reply take a few bytes only. */
	if ((size_t)len + 64 > p->msg_max)
		return -ENAMETOOLONG;
	call_reply(p)->target = (struct bytes){(uint8_t *)p->target, (size_t)len};
	return 0;
}

/* True if all paths of the call are relative. */
static bool are_relative(const struct call *call)
{
	const char *path = (const char *)call->names.data;

	for (size_t i = 0; i < call->nr_names; i++, path += strlen(path) + 1)
		if (*path == '/')
			return false;
	return true;
}

int call_stats(struct pending_call *p)
{
	const struct call *call = &p->call;
	size_t size = call->nr_names * sizeof(*p->rows);

	if (!call->nr_names || call->file || !are_relative(call))
		return -EINVAL;
	/* The other fields of such a Reply take a few bytes only. */
	if (size + 64 > p->msg_max)
		return -EMSGSIZE;
	p->rows = malloc(size);
	if (!p->rows)
		return -ENOMEM;
	store_stat_paths(call_store(p), (const char *)call->names.data, call->nr_names,
			 call->flags & CALL_NOFOLLOW, p->rows);
	call_reply(p)->attrs = p->rows;
	call_reply(p)->nr_attrs = call->nr_names;
	return 0;
}

/*
 * The most bytes of names in a Reply: half of a frame, because the frame also holds a byte for each
 * type and the other fields.
 */
static size_t names_room(const struct pending_call *p)
{
	size_t room = p->msg_max / 2;

	return room < NAMES_MAX ? room : NAMES_MAX;
}

int call_readdir(struct pending_call *p)
{
	struct store *store = call_store(p);
	struct reply *reply = call_reply(p);
	struct store_dirents dirents = {.room = names_room(p), .max = TYPES_MAX};
	int err;

	p->names = malloc(sizeof(*p->names));
	if (!p->names)
		return -ENOMEM;
	dirents.names = p->names->names;
	dirents.types = p->names->types;
	if (p->file)
		err = store->ops->readdir_file(p->file->store_file, p->call.off, &dirents);
	else
		err = store->ops->readdir(store, call_path(p->call.path), p->call.off, &dirents);
	if (err < 0)
		return err;
	reply->names = (struct bytes){.data = (uint8_t *)p->names->names, .len = dirents.used};
	reply->types = dirents.types;
	reply->nr_types = dirents.n;
	reply->next = dirents.next;
	return 0;
}

int call_ancestors(struct pending_call *p)
{
	size_t max = names_room(p) / (2 * sizeof(*p->ids));
	int n;

	if (!p->file)
		return -EBADF;
	p->ids = malloc(ANCESTORS_MAX * 2 * sizeof(*p->ids));
	if (!p->ids)
		return -ENOMEM;
	n = call_store(p)->ops->ancestors(p->file->store_file, p->ids,
					  max < ANCESTORS_MAX ? (int)max : ANCESTORS_MAX);
	if (n < 0)
		return n;
	call_reply(p)->ids = p->ids;
	call_reply(p)->nr_ids = (size_t)n;
	return 0;
}
