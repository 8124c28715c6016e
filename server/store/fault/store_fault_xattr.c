/*
 * The calls about extended attributes of the fault store. They apply the rules, and then ask the
 * inner store. The server owns the store. Any thread may use it.
 */
#include "server/store/fault/store_fault_impl.h"

static struct store_object inner_object(const struct store_object *object)
{
	return (struct store_object){.at = fault_inner_at(object->at),
				     .path = object->path,
				     .nofollow = object->nofollow};
}

int store_fault_get_xattr(struct store *store, const struct store_object *object, const char *name,
			  void *value, size_t size)
{
	const struct store_object inner = inner_object(object);
	int err = store_fault_check(store, FAULT_GETXATTR);

	return err ? err
		   : fault_inner_of(store)->ops->get_xattr(fault_inner_of(store), &inner, name,
							   value, size);
}

int store_fault_set_xattr(struct store *store, const struct store_object *object, const char *name,
			  struct bytes value, uint32_t flags)
{
	const struct store_object inner = inner_object(object);
	int err = store_fault_check(store, FAULT_SETXATTR);

	return err ? err
		   : fault_inner_of(store)->ops->set_xattr(fault_inner_of(store), &inner, name,
							   value, flags);
}

int store_fault_list_xattr(struct store *store, const struct store_object *object, char *names,
			   size_t size)
{
	const struct store_object inner = inner_object(object);
	int err = store_fault_check(store, FAULT_LISTXATTR);

	return err ? err
		   : fault_inner_of(store)->ops->list_xattr(fault_inner_of(store), &inner, names,
							    size);
}

int store_fault_remove_xattr(struct store *store, const struct store_object *object,
			     const char *name)
{
	const struct store_object inner = inner_object(object);
	int err = store_fault_check(store, FAULT_REMOVEXATTR);

	return err ? err
		   : fault_inner_of(store)->ops->remove_xattr(fault_inner_of(store), &inner, name);
}
