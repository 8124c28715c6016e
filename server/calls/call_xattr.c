/*
 * Calls about extended attributes of a path or of an open file. They have no state of their own.
 * The connection owns a call, and while it runs only its job thread uses it.
 */
#include "server/calls/call_ops.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/name.h"

#define FRAME_ROOM 64u /* bytes for the other fields of such a Reply */
#define SET_FLAGS  (CALL_NOFOLLOW | CALL_FOLLOW | CALL_CREATE | CALL_REPLACE)

static struct store_object object_of(const struct pending_call *p)
{
	return (struct store_object){
		.at = p->call.file ? p->file->store_file : call_dir(p->at),
		.path = p->call.file ? NULL : call_path(p->call.path),
		.nofollow = call_is_of_link(&p->call),
	};
}

/* Check a name, with the errors of setxattr(2) where it has them. */
static int check_name(struct bytes name)
{
	if (!name.len)
		return -ERANGE;
	return name_is_xattr((const char *)name.data, name.len) ? 0 : -EOPNOTSUPP;
}

static const char *name_of(const struct pending_call *p)
{
	return (const char *)p->call.name.data;
}

/* Allocate what the store fills, and get its size. Returns 0 or -ENOMEM. */
static int make_room(struct pending_call *p, size_t *size)
{
	const size_t room = p->msg_max - FRAME_ROOM;

	*size = room < XATTR_VALUE_MAX ? room : XATTR_VALUE_MAX;
	p->value = malloc(*size);
	return p->value ? 0 : -ENOMEM;
}

static int answer(struct pending_call *p, int len)
{
	if (len < 0)
		return len;
	call_reply(p)->value = (struct bytes){p->value, (size_t)len};
	return 0;
}

int call_getxattr(struct pending_call *p)
{
	const struct store_object object = object_of(p);
	struct store *store = call_store(p);
	int err = check_name(p->call.name);
	size_t size;

	if (!err)
		err = make_room(p, &size);
	if (err)
		return err;
	return answer(p, store->ops->get_xattr(store, &object, name_of(p), p->value, size));
}

int call_listxattr(struct pending_call *p)
{
	const struct store_object object = object_of(p);
	struct store *store = call_store(p);
	size_t size;
	int err = make_room(p, &size);

	return err ? err
		   : answer(p, store->ops->list_xattr(store, &object, (char *)p->value, size));
}

int call_setxattr(struct pending_call *p)
{
	const struct store_object object = object_of(p);
	struct store *store = call_store(p);
	int err = check_name(p->call.name);

	if (p->call.flags & ~(uint32_t)SET_FLAGS)
		return -EINVAL;
	if (err)
		return err;
	if (call_read_only(p))
		return -EROFS;
	return store->ops->set_xattr(store, &object, name_of(p), p->call.value,
				     p->call.flags & (CALL_CREATE | CALL_REPLACE));
}

int call_removexattr(struct pending_call *p)
{
	const struct store_object object = object_of(p);
	struct store *store = call_store(p);
	int err = check_name(p->call.name);

	if (err)
		return err;
	return call_read_only(p) ? -EROFS : store->ops->remove_xattr(store, &object, name_of(p));
}
