/* What the files of the memory store share; nothing outside this folder includes it. */
#ifndef USRBIO_SERVER_MEMORY_H
#define USRBIO_SERVER_MEMORY_H

#include <pthread.h>

#include "server/store/store.h"
#include "common/base/lock.h"

/* How much memory the store may still use. Under the store's lock. */
struct mem_pool {
	uint64_t left;
};

bool memory_pool_charge(struct mem_pool *pool, uint64_t bytes);
void memory_pool_uncharge(struct mem_pool *pool, uint64_t bytes);

/*
 * The bytes of a file: chunks in a table of tables, absent where nothing was written. What lies
 * beyond the file's size is always zero or absent.
 */
struct table;
struct data {
	struct table *root;
	uint64_t nr_chunks;
};

#define DATA_MAX   (1ull << 43) /* bytes; what three levels of tables reach */
#define CHUNK_SIZE 65536u

void data_read(const struct data *data, void *buf, size_t len, uint64_t off);
/* The bytes written: fewer than len when the pool is empty. */
size_t data_write(struct data *data, struct mem_pool *pool, const void *buf, size_t len,
		  uint64_t off);
/* True if a chunk of the range, which is not empty, is missing. */
bool data_has_hole(const struct data *data, uint64_t start, uint64_t end);
void data_punch(struct data *data, struct mem_pool *pool, uint64_t start, uint64_t end);
/* Where data, or a hole, is from off on, as far as the tables reach. */
uint64_t data_seek(const struct data *data, uint64_t off, bool hole);
void data_free(struct data *data, struct mem_pool *pool);

struct entry {
	char *name;
	uint32_t hash;
	struct node *node;
	uint64_t id; /* grows along the directory: the cookie of listings */
};

/* A file or a directory. Lives while a name or an open file refers to it. */
struct node {
	uint64_t ino, size;
	uint32_t mode;
	uint32_t nlink;	     /* names; a directory has one, the root as well */
	uint32_t nr_open;    /* open files */
	struct node *parent; /* of a directory; the root's is NULL */
	int64_t atime_ns, mtime_ns, ctime_ns;
	struct data data;
	struct entry *entries; /* of a directory, by id */
	size_t nr_entries, room;
	uint64_t last_id;
};

struct memory_store {
	struct store base;
	uint64_t id;	    /* drawn at its start: part of the files' persistent names */
	struct rwlock lock; /* LOCK_MEMORY_STORE: guards what follows */
	struct mem_pool pool;
	struct node *root;
	uint64_t last_ino;
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

/* Where a path leads. */
struct mem_place {
	struct node
		*dir; /* NULL when the path ends in "", "." or "..": such a name cannot change */
	const char *name; /* the last component, len bytes of it */
	size_t len;
	struct node *node; /* NULL: nothing there yet */
};

/* tree.c; all under the lock */
struct node *tree_node_new(struct memory_store *store, uint32_t mode);
/* Free it if nothing refers to it any more. */
void tree_node_put(struct memory_store *store, struct node *node);
/* at: an open directory that the path is a name in; NULL: the root. */
int tree_walk(struct memory_store *store, struct store_file *at, const char *path,
	      struct mem_place *place);
/* The node of this number at or below dir; NULL: it has no name there. */
struct node *tree_find(struct node *dir, uint64_t ino);
/* Enter node as the place's name, in place of what was there. -ENOSPC, -ENOMEM. */
int tree_enter(struct memory_store *store, const struct mem_place *place, struct node *node);
/* Take the name away; the node's nlink falls, the node may go. */
void tree_remove(struct memory_store *store, const struct mem_place *place);
void tree_free(struct memory_store *store, struct node *node);
/* Note a change of the node's content, or only of what is known about it. */
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
int memory_rename(struct store *store, struct store_file *at, const char *from,
		  struct store_file *at2, const char *to, bool noreplace);
int memory_link(struct store *store, struct store_file *at, const char *from,
		struct store_file *at2, const char *to);
int memory_link_file(struct store_file *file, struct store_file *at, const char *to);
int memory_readdir(struct store *store, const char *path, uint64_t start,
		   struct store_dirents *out);
int memory_readdir_file(struct store_file *dir, uint64_t start, struct store_dirents *out);
int memory_ancestors(struct store_file *file, uint64_t *ids, int max);

#endif
