/*
 * The types and functions that the files of the memory store share. Nothing outside this folder
 * includes it.
 */
#ifndef USRBIO_SERVER_MEMORY_H
#define USRBIO_SERVER_MEMORY_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "server/store/store.h"
#include "common/base/lock.h"

/* The bytes of memory that may still be used, by one store or by several that share it. Any thread.
 */
struct mem_pool {
	uint64_t size; /* of an empty pool */
	_Atomic uint64_t left;
};

bool memory_pool_charge(struct mem_pool *pool, uint64_t bytes);
void memory_pool_uncharge(struct mem_pool *pool, uint64_t bytes);

/*
 * The bytes of a file: chunks in a table of tables. A chunk is absent if nothing was written there.
 * Bytes beyond the file's size are always zero or absent.
 */
struct table;
struct data {
	struct table *root;
	uint64_t nr_chunks;
};

#define DATA_MAX   (1ull << 43) /* bytes that three levels of tables can hold */
#define CHUNK_SIZE 65536u

void data_read(const struct data *data, void *buf, size_t len, uint64_t off);
/* Write, and return the number of bytes, which is below len if the pool is empty. */
size_t data_write(struct data *data, struct mem_pool *pool, const void *buf, size_t len,
		  uint64_t off);
/* True if a chunk of the range, which is not empty, is missing. */
bool data_has_hole(const struct data *data, uint64_t start, uint64_t end);
/* Make the missing chunks of a range that is not empty. False: the pool is empty; some are made. */
bool data_reserve(struct data *data, struct mem_pool *pool, uint64_t start, uint64_t end);
/* Set the bytes of a range to zero where there are chunks. */
void data_zero(struct data *data, uint64_t start, uint64_t end);
void data_punch(struct data *data, struct mem_pool *pool, uint64_t start, uint64_t end);
/* Find data, or a hole, from off on; up to DATA_MAX. */
uint64_t data_seek(const struct data *data, uint64_t off, bool hole);
void data_free(struct data *data, struct mem_pool *pool);

struct entry {
	char *name;
	uint32_t hash;
	struct node *node;
	uint64_t id; /* the cookie of listings; it grows along the directory */
};

/* An extended attribute of a node. */
struct xattr {
	struct xattr *next;
	size_t name_len, len;
	char bytes[]; /* the name with a zero byte, and the value */
};

/* A file, directory or symbolic link. It exists while a name or an open file refers to it. */
struct node {
	uint64_t ino, size;
	uint32_t mode, uid, gid;
	uint32_t nlink;	     /* names; a directory has one, also the root */
	uint32_t nr_open;    /* open files */
	struct node *parent; /* of a directory; NULL: the root, or one that was removed */
	int64_t atime_ns, mtime_ns, ctime_ns;
	struct data data;
	struct xattr *xattrs;
	size_t xattr_bytes;    /* that they take of the pool */
	char *target;	       /* of a symbolic link: `size` bytes and a zero; else NULL */
	struct entry *entries; /* of a directory, ordered by id */
	size_t nr_entries, room;
	size_t nr_passed; /* entries that tree_find() has passed */
	uint64_t last_id;
};

struct memory_store {
	struct store base;
	uint64_t id;	       /* a random number, a part of the files' persistent names */
	struct rwlock lock;    /* LOCK_MEMORY_STORE: guards the fields below, and all nodes */
	struct mem_pool *pool; /* `own`, or the pool of all stores without a size */
	struct mem_pool own;
	struct node *root;
	uint64_t last_ino;
	uint64_t nr_nodes;
};

struct memory_file {
	struct store_file base;
	struct node *node;
};

static inline struct memory_store *memory_store_of(struct store *store)
{
	return (struct memory_store *)store;
}

static inline struct node *memory_node_of(struct store_file *file)
{
	return ((struct memory_file *)file)->node;
}

/* Check that the file may be written. Returns 0 or -errno. */
static inline int memory_check_writable(const struct store_file *file)
{
	if (file->store->read_only)
		return -EROFS;
	return file->regular && file->flags & OPEN_WRITE ? 0 : -EBADF;
}

/* The result of walking a path. It is valid while the lock is held and the path exists. */
struct mem_place {
	struct node *dir; /* NULL: the path ends in "", "." or "..", and cannot be changed */
	const char *name; /* the last component, of len bytes; in the path or in a link's target */
	size_t len;
	struct node *node; /* NULL: it does not exist */
	bool slash;	   /* there is a slash behind the last component */
};

/* tree.c; the caller of each function holds the lock */
/* The bytes that a new file without data takes. */
#define TREE_FILE_COST (sizeof(struct node) + sizeof(struct entry) + NAME_MAX + 1)
/*
 * Make a node without a name. target: of a symbolic link, else NULL. Returns NULL if there is no
 * memory, or the pool is empty.
 */
struct node *tree_node_new(struct memory_store *store, uint32_t mode, const char *target);
/* Free a node if nothing refers to it any more. */
void tree_node_put(struct memory_store *store, struct node *node);
/*
 * Walk a path from the root, or find the name `path` in the open directory `at`. Symbolic links are
 * followed beneath the root; one at the end only if `follow` is true, or if a slash comes behind
 * it. Returns 0 or -errno.
 */
int tree_walk(struct memory_store *store, struct store_file *at, const char *path, bool follow,
	      struct mem_place *place);
/*
 * Find the node of this number at or below dir; NULL: it has no name there. The lock is held for
 * writing.
 */
struct node *tree_find(struct node *dir, uint64_t ino);
/* Enter the fence of this thread's call (fence.h) for a node that changes. Returns 0 or -errno. */
int tree_fence(const struct memory_store *store, const struct node *node);
/*
 * Give the node the place's name, after tree_fence() of the directory; a node of that name is
 * replaced. Returns 0, -ENOSPC, -ENOMEM, or what tree_fence() returns.
 */
int tree_enter(struct memory_store *store, const struct mem_place *place, struct node *node);
/*
 * Give the nodes of two places, which exist, each other's names, after tree_fence() of the first
 * directory. Returns 0 or what tree_fence() returns.
 */
int tree_exchange(struct memory_store *store, const struct mem_place *one,
		  const struct mem_place *other);
/* Remove the name. The node's nlink falls by one, and the node may be freed. */
void tree_remove(struct memory_store *store, const struct mem_place *place);
/* Free a node with everything below it. */
void tree_free(struct memory_store *store, struct node *node);
/* Set the times of a change: of the node's content, or only of its attributes. */
void tree_touch(struct node *node, bool content);
void tree_attr(const struct node *node, struct file_attr *attr);

/* names.c */
int memory_open_file(struct store *store, struct store_file *at, const char *path, uint32_t flags,
		     uint32_t mode, struct store_file **file, struct file_attr *attr);
int memory_reopen_file(struct store *store, const char *path, struct bytes persistent,
		       uint32_t flags, struct store_file **file, struct file_attr *attr);
int memory_stat_path(struct store *store, struct store_file *at, const char *path, bool nofollow,
		     struct file_attr *attr);
int memory_unlink(struct store *store, struct store_file *at, const char *path);
int memory_rmdir(struct store *store, struct store_file *at, const char *path);
int memory_mkdir(struct store *store, struct store_file *at, const char *path, uint32_t mode);
int memory_symlink(struct store *store, struct store_file *at, const char *path,
		   const char *target);
int memory_readlink(struct store *store, struct store_file *at, const char *path, char *target);
int memory_rename(struct store *store, struct store_file *at, const char *from,
		  struct store_file *at2, const char *to, uint32_t flags);
int memory_link(struct store *store, struct store_file *at, const char *from,
		struct store_file *at2, const char *to);
int memory_link_file(struct store_file *file, struct store_file *at, const char *to);

/* attr.c */
int memory_set_attr(struct store_file *file, const struct store_attrs *attrs);
int memory_set_attr_path(struct store *store, struct store_file *at, const char *path,
			 const struct store_attrs *attrs);

/* allocate.c */
int memory_allocate(struct store_file *file, uint32_t how, uint64_t off, uint64_t len);

/* xattrs.c; the caller of each function holds the lock */
/* Find an attribute; NULL: there is none. */
const struct xattr *xattrs_find(struct node *node, const char *name);
/* Set one; flags are CALL_CREATE and CALL_REPLACE. 0, -EEXIST, -ENODATA, -ENOSPC or -ENOMEM. */
int xattrs_set(struct node *node, struct mem_pool *pool, const char *name, struct bytes value,
	       uint32_t flags);
/* Remove one. 0 or -ENODATA. */
int xattrs_remove(struct node *node, struct mem_pool *pool, const char *name);
void xattrs_free(struct node *node, struct mem_pool *pool);

/* xattr.c */
int memory_get_xattr(struct store *store, const struct store_object *object, const char *name,
		     void *value, size_t size);
int memory_set_xattr(struct store *store, const struct store_object *object, const char *name,
		     struct bytes value, uint32_t flags);
int memory_list_xattr(struct store *store, const struct store_object *object, char *names,
		      size_t size);
int memory_remove_xattr(struct store *store, const struct store_object *object, const char *name);

/* fs.c */
int memory_stat_fs(struct store *store, const char *path, uint64_t fs[NR_FS_NUMBERS]);
int memory_stat_fs_file(struct store_file *file, uint64_t fs[NR_FS_NUMBERS]);

/* listing.c */
int memory_readdir(struct store *store, const char *path, uint64_t start,
		   struct store_dirents *out);
int memory_readdir_file(struct store_file *dir, uint64_t start, struct store_dirents *out);
int memory_ancestors(struct store_file *file, uint64_t *ids, int max);

#endif
