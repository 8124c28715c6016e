/*
 * The calls about names of the fault store. They apply the rules, and then ask the inner store. The
 * server owns the store. Any thread may use it.
 */
#include "server/store/fault/store_fault_impl.h"

int store_fault_set_attr_path(struct store *store, struct store_file *at, const char *path,
			      const struct store_attrs *attrs)
{
	int err = store_fault_check(store, FAULT_SETATTR);

	return err ? err
		   : fault_inner_of(store)->ops->set_attr_path(fault_inner_of(store),
							       fault_inner_at(at), path, attrs);
}

int store_fault_stat_path(struct store *store, struct store_file *at, const char *path,
			  bool nofollow, struct file_attr *attr)
{
	int err = store_fault_check(store, FAULT_STAT);

	return err ? err
		   : fault_inner_of(store)->ops->stat_path(
			     fault_inner_of(store), fault_inner_at(at), path, nofollow, attr);
}

int store_fault_stat_fs(struct store *store, const char *path, uint64_t fs[NR_FS_NUMBERS])
{
	int err = store_fault_check(store, FAULT_STATFS);

	return err ? err : fault_inner_of(store)->ops->stat_fs(fault_inner_of(store), path, fs);
}

int store_fault_unlink_name(struct store *store, struct store_file *at, const char *path)
{
	int err = store_fault_check(store, FAULT_UNLINK);

	return err ? err
		   : fault_inner_of(store)->ops->unlink(fault_inner_of(store), fault_inner_at(at),
							path);
}

int store_fault_remove_dir(struct store *store, struct store_file *at, const char *path)
{
	int err = store_fault_check(store, FAULT_RMDIR);

	return err ? err
		   : fault_inner_of(store)->ops->rmdir(fault_inner_of(store), fault_inner_at(at),
						       path);
}

int store_fault_make_dir(struct store *store, struct store_file *at, const char *path,
			 uint32_t mode)
{
	int err = store_fault_check(store, FAULT_MKDIR);

	return err ? err
		   : fault_inner_of(store)->ops->mkdir(fault_inner_of(store), fault_inner_at(at),
						       path, mode);
}

int store_fault_make_link(struct store *store, struct store_file *at, const char *path,
			  const char *target)
{
	int err = store_fault_check(store, FAULT_SYMLINK);

	return err ? err
		   : fault_inner_of(store)->ops->symlink(fault_inner_of(store), fault_inner_at(at),
							 path, target);
}

int store_fault_read_link(struct store *store, struct store_file *at, const char *path,
			  char *target)
{
	int err = store_fault_check(store, FAULT_READLINK);

	return err ? err
		   : fault_inner_of(store)->ops->readlink(fault_inner_of(store), fault_inner_at(at),
							  path, target);
}

int store_fault_rename_name(struct store *store, struct store_file *at, const char *from,
			    struct store_file *at2, const char *to, uint32_t flags)
{
	int err = store_fault_check(store, FAULT_RENAME);

	return err ? err
		   : fault_inner_of(store)->ops->rename(fault_inner_of(store), fault_inner_at(at),
							from, fault_inner_at(at2), to, flags);
}

int store_fault_link_name(struct store *store, struct store_file *at, const char *from,
			  struct store_file *at2, const char *to)
{
	int err = store_fault_check(store, FAULT_LINK);

	return err ? err
		   : fault_inner_of(store)->ops->link(fault_inner_of(store), fault_inner_at(at),
						      from, fault_inner_at(at2), to);
}

int store_fault_link_file(struct store_file *file, struct store_file *at, const char *to)
{
	int err = store_fault_check(file->store, FAULT_LINK);

	return err ? err
		   : fault_inner_of(file->store)
			       ->ops->link_file(fault_inner_file(file), fault_inner_at(at), to);
}

int store_fault_list(struct store *store, const char *path, uint64_t start,
		     struct store_dirents *out)
{
	int err = store_fault_check(store, FAULT_READDIR);

	return err ? err
		   : fault_inner_of(store)->ops->readdir(fault_inner_of(store), path, start, out);
}

int store_fault_list_file(struct store_file *dir, uint64_t start, struct store_dirents *out)
{
	int err = store_fault_check(dir->store, FAULT_READDIR);

	return err ? err
		   : fault_inner_of(dir->store)
			       ->ops->readdir_file(fault_inner_file(dir), start, out);
}
