/*
 * The null store: every path is a regular file of the given size, reads take no time, and writes
 * are dropped. It is for measuring the network alone, so a read leaves the buffer as it is. The
 * client gets the old contents of the staging memory, which is zeroed at first. The server owns the
 * store. It does not change, so any thread may use it; a queue belongs to its worker's thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/log.h"
#include "server/store/evloop.h"
#include "server/store/store_later.h"

#define BLOCK_SIZE 4096u /* of the blocks that a statfs counts */

struct null_store {
	struct store base;
	uint64_t size; /* of every file */
};

struct null_queue {
	struct store_queue base;
	struct evloop *loop;
};

/* Parse a number of bytes such as "64G" or "4096"; 0 for any other text. */
static uint64_t parse_size(const char *text)
{
	static const char units[] = "KMGT";
	const char *unit;
	char *end;
	uint64_t n;

	if (*text < '0' || *text > '9')
		return 0;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || !*end)
		return errno ? 0 : n;
	unit = strchr(units, *end);
	if (!unit || end[1])
		return 0;
	for (const char *at = units; at <= unit; at++)
		n = n > INT64_MAX >> 10 ? 0 : n << 10;
	return n;
}

static int open_store(const char *where, unsigned flags, struct store **out)
{
	uint64_t size = parse_size(where);
	struct null_store *store;

	if (!size || size > INT64_MAX) {
		log_error("export null:%s: not a size; use null:64G, for example", where);
		return -EINVAL;
	}
	store = calloc(1, sizeof(*store));
	if (!store)
		return -ENOMEM;
	store->base.ops = &store_null;
	store->base.read_only = flags & STORE_READ_ONLY;
	store->size = size;
	*out = &store->base;
	return 0;
}

static void close_store(struct store *base)
{
	free(base);
}

static int queue_open(struct store *store, struct evloop *loop, void *staging, size_t len,
		      struct store_queue **out)
{
	struct null_queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return -ENOMEM;
	queue->base.ops = store->ops;
	queue->loop = loop;
	*out = &queue->base;
	return 0;
}

static void queue_close(struct store_queue *queue)
{
	free(queue);
}

static void io_submit(struct store_queue *queue, struct store_io *io)
{
	uint64_t size = ((struct null_store *)io->file->store)->size;
	int64_t result = store_io_check(io);

	if (!result)
		result = io->len;
	if (result > 0 && io->kind == STORE_READ) {
		uint64_t left = io->off < size ? size - io->off : 0;

		result = left < io->len ? (int64_t)left : io->len;
	}
	store_later(((struct null_queue *)queue)->loop, io, result);
}

static bool is_root(const char *path)
{
	return !*path || !strcmp(path, ".");
}

/* Get the inode number of a path. Equal paths are the same file. */
static uint64_t ino_of(const char *path)
{
	uint64_t hash = 14695981039346656037ull;

	for (; *path; path++)
		hash = (hash ^ (uint8_t)*path) * 1099511628211ull;
	return hash | 2;
}

static void fill_attr(const struct store *store, bool is_dir, uint64_t ino, struct file_attr *attr)
{
	*attr = (struct file_attr){
		.mode = is_dir ? S_IFDIR | 0777 : S_IFREG | 0666,
		.nlink = 1,
		.ino = is_dir ? 1 : ino,
		.size = is_dir ? 0 : ((const struct null_store *)store)->size,
	};
}

static int open_file(struct store *store, struct store_file *at, const char *path, uint32_t flags,
		     uint32_t mode, struct store_file **out, struct file_attr *attr)
{
	struct store_file *file;
	uint64_t ino = ino_of(path);

	if (!(flags & (OPEN_READ | OPEN_WRITE)))
		return -EINVAL;
	if (store->read_only && flags & (OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE))
		return -EROFS;
	if (is_root(path) && flags & (OPEN_WRITE | OPEN_CREATE))
		return -EISDIR;
	if (!is_root(path) && flags & OPEN_DIRECTORY)
		return -ENOTDIR;
	file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	file->store = store;
	file->flags = flags & (OPEN_READ | OPEN_WRITE);
	file->regular = !is_root(path);
	file->persistent_len = sizeof(ino);
	memcpy(file->persistent, &ino, sizeof(ino));
	fill_attr(store, is_root(path), ino, attr);
	*out = file;
	return 0;
}

static int reopen_file(struct store *store, const char *path, struct bytes persistent,
		       uint32_t flags, struct store_file **out, struct file_attr *attr)
{
	uint64_t ino = ino_of(path);

	if (persistent.len != sizeof(ino) || memcmp(persistent.data, &ino, sizeof(ino)))
		return -ESTALE;
	return open_file(store, NULL, path, flags, 0, out, attr);
}

static void close_file(struct store_file *file)
{
	free(file);
}

static int stat_file(struct store_file *file, struct file_attr *attr)
{
	uint64_t ino;

	memcpy(&ino, file->persistent, sizeof(ino));
	fill_attr(file->store, !file->regular, ino, attr);
	return 0;
}

static int stat_path(struct store *store, struct store_file *at, const char *path, bool nofollow,
		     struct file_attr *attr)
{
	fill_attr(store, is_root(path), ino_of(path), attr);
	return 0;
}

static int stat_cached(struct store *store, struct store_file *at, const char *path, bool nofollow,
		       struct file_attr *attr)
{
	return path ? stat_path(store, at, path, nofollow, attr) : stat_file(at, attr);
}

static int sync_file(struct store_file *file, bool data_only)
{
	return 0;
}

/* All of it stays free, because nothing is kept. There is no number of files. */
static int stat_fs(struct store *store, const char *path, uint64_t fs[NR_FS_NUMBERS])
{
	uint64_t blocks = (((struct null_store *)store)->size - 1) / BLOCK_SIZE + 1;

	memset(fs, 0, NR_FS_NUMBERS * sizeof(*fs));
	fs[FS_BLOCK_SIZE] = BLOCK_SIZE;
	fs[FS_BLOCKS] = fs[FS_BLOCKS_FREE] = fs[FS_BLOCKS_AVAILABLE] = blocks;
	fs[FS_IO_SIZE] = BLOCK_SIZE;
	fs[FS_NAME_MAX] = PROTO_NAME_MAX;
	return 0;
}

static int stat_fs_file(struct store_file *file, uint64_t fs[NR_FS_NUMBERS])
{
	return stat_fs(file->store, "", fs);
}

static int change_file(const struct store_file *file)
{
	if (file->store->read_only)
		return -EROFS;
	return file->flags & OPEN_WRITE ? 0 : -EBADF;
}

static int truncate_file(struct store_file *file, uint64_t len)
{
	return change_file(file);
}

static int punch(struct store_file *file, uint64_t start, uint64_t end)
{
	return change_file(file);
}

static int allocate(struct store_file *file, uint32_t how, uint64_t off, uint64_t len)
{
	return change_file(file);
}

static int seek(struct store_file *file, uint64_t off, bool hole, uint64_t *found)
{
	uint64_t size = ((struct null_store *)file->store)->size;

	if (!file->regular)
		return -EBADF;
	if (off >= size)
		return -ENXIO;
	*found = hole ? size : off;
	return 0;
}

static int set_attr(struct store_file *file, const struct store_attrs *attrs)
{
	return file->store->read_only ? -EROFS : 0;
}

static int set_attr_path(struct store *store, struct store_file *at, const char *path,
			 const struct store_attrs *attrs)
{
	return store->read_only ? -EROFS : 0;
}

static int get_xattr(struct store *store, const struct store_object *object, const char *name,
		     void *value, size_t size)
{
	return -EOPNOTSUPP;
}

static int set_xattr(struct store *store, const struct store_object *object, const char *name,
		     struct bytes value, uint32_t flags)
{
	return -EOPNOTSUPP;
}

static int list_xattr(struct store *store, const struct store_object *object, char *names,
		      size_t size)
{
	return -EOPNOTSUPP;
}

static int remove_xattr(struct store *store, const struct store_object *object, const char *name)
{
	return -EOPNOTSUPP;
}

/* The root is the only directory. */
static int ancestors(struct store_file *file, uint64_t *ids, int max)
{
	struct file_attr attr;

	if (file->regular)
		return -ENOTDIR;
	stat_file(file, &attr);
	ids[0] = attr.dev;
	ids[1] = attr.ino;
	return 1;
}

static int change_name(const struct store *store)
{
	return store->read_only ? -EROFS : 0;
}

static int remove_name(struct store *store, struct store_file *at, const char *path)
{
	return change_name(store);
}

static int make_dir(struct store *store, struct store_file *at, const char *path, uint32_t mode)
{
	return change_name(store);
}

static int make_link(struct store *store, struct store_file *at, const char *path,
		     const char *target)
{
	return change_name(store);
}

/* There are no symbolic links. */
static int read_link(struct store *store, struct store_file *at, const char *path, char *target)
{
	return -EINVAL;
}

static int rename_name(struct store *store, struct store_file *at, const char *from,
		       struct store_file *at2, const char *to, uint32_t flags)
{
	return change_name(store);
}

static int link_name(struct store *store, struct store_file *at, const char *from,
		     struct store_file *at2, const char *to)
{
	return change_name(store);
}

static int link_file(struct store_file *file, struct store_file *at, const char *to)
{
	return change_name(file->store);
}

static int list(struct store *store, const char *path, uint64_t start, struct store_dirents *out)
{
	if (!is_root(path))
		return -ENOTDIR;
	out->n = 0;
	out->used = 0;
	out->next = 0;
	return 0;
}

static int list_file(struct store_file *dir, uint64_t start, struct store_dirents *out)
{
	return list(dir->store, dir->regular ? "file" : "", start, out);
}

const struct store_ops store_null = {
	.name = "null",
	.open_store = open_store,
	.close_store = close_store,
	.queue_open = queue_open,
	.queue_close = queue_close,
	.io_submit = io_submit,
	.open_file = open_file,
	.reopen_file = reopen_file,
	.close_file = close_file,
	.stat_file = stat_file,
	.stat_fs = stat_fs,
	.stat_fs_file = stat_fs_file,
	.sync_file = sync_file,
	.truncate_file = truncate_file,
	.punch = punch,
	.allocate = allocate,
	.seek = seek,
	.set_attr = set_attr,
	.set_attr_path = set_attr_path,
	.get_xattr = get_xattr,
	.set_xattr = set_xattr,
	.list_xattr = list_xattr,
	.remove_xattr = remove_xattr,
	.ancestors = ancestors,
	.stat_path = stat_path,
	.stat_cached = stat_cached,
	.unlink = remove_name,
	.rmdir = remove_name,
	.mkdir = make_dir,
	.symlink = make_link,
	.readlink = read_link,
	.rename = rename_name,
	.link = link_name,
	.link_file = link_file,
	.readdir = list,
	.readdir_file = list_file,
};
