/* What the files of the fault store share. Nothing outside this folder includes it. */
#ifndef USRBIO_SERVER_STORE_FAULT_STORE_FAULT_IMPL_H
#define USRBIO_SERVER_STORE_FAULT_STORE_FAULT_IMPL_H

#include "server/store/fault/store_fault.h"

struct fault_store {
	struct store base;
	struct fault_rules rules;
};

struct fault_file {
	struct store_file base;
	struct store_file *inner;
};

static inline struct store *fault_inner_of(struct store *store)
{
	return store->inner;
}

static inline struct store_file *fault_inner_file(struct store_file *file)
{
	return ((struct fault_file *)file)->inner;
}

static inline struct store_file *fault_inner_at(struct store_file *at)
{
	return at ? fault_inner_file(at) : NULL;
}

/* store_fault_rules.c */
/* Apply the rules to a call that may block: wait, then return 0 or the error that they demand. */
int store_fault_check(struct store *store, enum fault_call call);

/* store_fault_xattr.c */
int store_fault_get_xattr(struct store *store, const struct store_object *object, const char *name,
			  void *value, size_t size);
int store_fault_set_xattr(struct store *store, const struct store_object *object, const char *name,
			  struct bytes value, uint32_t flags);
int store_fault_list_xattr(struct store *store, const struct store_object *object, char *names,
			   size_t size);
int store_fault_remove_xattr(struct store *store, const struct store_object *object,
			     const char *name);

/* store_fault_names.c */
int store_fault_set_attr_path(struct store *store, struct store_file *at, const char *path,
			      const struct store_attrs *attrs);
int store_fault_stat_path(struct store *store, struct store_file *at, const char *path,
			  bool nofollow, struct file_attr *attr);
int store_fault_stat_fs(struct store *store, const char *path, uint64_t fs[NR_FS_NUMBERS]);
int store_fault_unlink_name(struct store *store, struct store_file *at, const char *path);
int store_fault_remove_dir(struct store *store, struct store_file *at, const char *path);
int store_fault_make_dir(struct store *store, struct store_file *at, const char *path,
			 uint32_t mode);
int store_fault_make_link(struct store *store, struct store_file *at, const char *path,
			  const char *target);
int store_fault_read_link(struct store *store, struct store_file *at, const char *path,
			  char *target);
int store_fault_rename_name(struct store *store, struct store_file *at, const char *from,
			    struct store_file *at2, const char *to, uint32_t flags);
int store_fault_link_name(struct store *store, struct store_file *at, const char *from,
			  struct store_file *at2, const char *to);
int store_fault_link_file(struct store_file *file, struct store_file *at, const char *to);
int store_fault_list(struct store *store, const char *path, uint64_t start,
		     struct store_dirents *out);
int store_fault_list_file(struct store_file *dir, uint64_t start, struct store_dirents *out);

#endif
