/* A tree as an array of nodes. Names are unique by accident only: a case may want them not to be.
 */
#include "tests/evil/outside/mock_tree.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/support/must.h"

#define STORED_MAX (8u << 20)
#define LISTED	   64u /* names in an answer */

unsigned mock_node(struct mock *mock, unsigned parent, const void *name, size_t len, uint32_t mode)
{
	unsigned index = mock->nr_nodes++;
	struct node *node = &mock->nodes[index];

	must(index < MOCK_NODES, "too many nodes");
	*node = (struct node){.mode = mode,
			      .parent = parent,
			      .name = calloc(1, len + 1),
			      .name_len = len,
			      .ino = 1000 + index,
			      .dev = MOCK_DEV};
	must(node->name, "memory");
	memcpy(node->name, name, len);
	return index;
}

unsigned mock_dir(struct mock *mock, unsigned parent, const char *name)
{
	return mock_node(mock, parent, name, strlen(name), S_IFDIR | 0755);
}

unsigned mock_file(struct mock *mock, unsigned parent, const char *name, const char *text)
{
	unsigned index = mock_node(mock, parent, name, strlen(name), S_IFREG | 0644);

	mock->nodes[index].data = (uint8_t *)strdup(text);
	mock->nodes[index].size = mock->nodes[index].stored = strlen(text);
	return index;
}

void mock_tree_begin(struct mock *mock)
{
	mock->nr_nodes = 0;
	mock_dir(mock, 0, "");
	mock_dir(mock, 0, "keep");
	mock_file(mock, 1, "file", "keep me\n");
}

struct node *mock_handle(struct mock *mock, uint64_t handle)
{
	return handle && handle <= mock->nr_nodes && mock->nodes[handle - 1].mode
		       ? &mock->nodes[handle - 1]
		       : NULL;
}

static uint64_t handle_of(const struct mock *mock, const struct node *node)
{
	return (uint64_t)(node - mock->nodes) + 1;
}

static struct node *child(struct mock *mock, const struct node *dir, const char *name, size_t len)
{
	unsigned parent = (unsigned)(dir - mock->nodes);

	for (unsigned i = 1; i < mock->nr_nodes; i++) {
		struct node *node = &mock->nodes[i];

		if (node->mode && !node->gone && node->parent == parent && node->name_len == len &&
		    !memcmp(node->name, name, len))
			return node;
	}
	return NULL;
}

/* All but the last component; that is left in *last. NULL: not there. */
static struct node *walk(struct mock *mock, uint64_t at, struct bytes path, struct bytes *last)
{
	struct node *dir = at ? mock_handle(mock, at) : &mock->nodes[0];
	const char *name = (const char *)path.data, *end = name + path.len;

	*last = (struct bytes){0};
	while (dir && name < end) {
		size_t len = strcspn(name, "/");

		if (last->len)
			dir = child(mock, dir, (const char *)last->data, last->len);
		*last = (struct bytes){(const uint8_t *)name, len};
		for (name += len; name < end && *name == '/'; name++)
			;
	}
	return dir;
}

static struct node *find(struct mock *mock, uint64_t at, struct bytes path)
{
	struct bytes last;
	struct node *dir = walk(mock, at, path, &last);

	if (!dir || !last.len || (last.len == 1 && *last.data == '.'))
		return dir;
	return child(mock, dir, (const char *)last.data, last.len);
}

struct node *mock_target(struct mock *mock, const struct call *call)
{
	return call->file ? mock_handle(mock, call->file) : find(mock, call->at, call->path);
}

bool mock_names(const struct call *call, const char *name)
{
	size_t len = strlen(name);

	return call->path.len >= len && !memcmp(call->path.data + call->path.len - len, name, len);
}

static void fill_attr(const struct node *node, struct reply *reply)
{
	reply->attr_valid = 1;
	reply->attr = (struct file_attr){.mode = node->mode,
					 .nlink = 1,
					 .ino = node->ino,
					 .dev = node->dev,
					 .size = node->size,
					 .blocks = node->size / 512 + 1,
					 .mtime_ns = 1700000000000000000};
}

/* Nobody is asked to change "keep" or what is in it. */
static void touch(struct mock *mock, const struct node *node)
{
	if (node == &mock->nodes[1] || node == &mock->nodes[2])
		mock->nr_writes_away++;
}

static int open_call(struct mock *mock, const struct call *call, struct reply *reply)
{
	struct bytes last;
	struct node *dir = walk(mock, call->at, call->path, &last);
	struct node *node = find(mock, call->at, call->path);

	if (!dir)
		return -ENOENT;
	if (!node && !(call->flags & OPEN_CREATE))
		return -ENOENT;
	if (node && call->flags & OPEN_CREATE && call->flags & OPEN_EXCLUSIVE)
		return -EEXIST;
	if (node && call->flags & OPEN_DIRECTORY && !S_ISDIR(node->mode))
		return -ENOTDIR;
	if (!node)
		node = &mock->nodes[mock_node(mock, (unsigned)(dir - mock->nodes), last.data,
					      last.len, S_IFREG | (call->mode & 07777))];
	if (call->flags & OPEN_TRUNCATE) {
		touch(mock, node);
		node->size = node->stored = 0;
	}
	reply->file = handle_of(mock, node);
	reply->persistent = (struct bytes){(const uint8_t *)"p", 1};
	fill_attr(node, reply);
	return 0;
}

static int remove_call(struct mock *mock, const struct call *call)
{
	struct node *node = find(mock, call->at, call->path);

	if (!node || node == &mock->nodes[0])
		return -ENOENT;
	if (S_ISDIR(node->mode) != (call->op == CALL_RMDIR))
		return call->op == CALL_RMDIR ? -ENOTDIR : -EISDIR;
	touch(mock, node);
	node->gone = true;
	return 0;
}

static int mkdir_call(struct mock *mock, const struct call *call)
{
	struct bytes last;
	struct node *dir = walk(mock, call->at, call->path, &last);

	if (!dir || !last.len)
		return -ENOENT;
	if (find(mock, call->at, call->path))
		return -EEXIST;
	mock_node(mock, (unsigned)(dir - mock->nodes), last.data, last.len,
		  S_IFDIR | (call->mode & 07777));
	return 0;
}

static int rename_call(struct mock *mock, const struct call *call)
{
	struct node *node = find(mock, call->at, call->path), *old, *dir;
	struct bytes last;

	old = find(mock, call->at2, call->path2);
	dir = walk(mock, call->at2, call->path2, &last);
	if (!node || !dir)
		return -ENOENT;
	if (old && call->flags & CALL_NOREPLACE)
		return -EEXIST;
	touch(mock, node);
	if (old && old != node) {
		touch(mock, old);
		old->gone = true;
	}
	free(node->name);
	node->name = strndup((const char *)last.data, last.len);
	node->name_len = last.len;
	node->parent = (unsigned)(dir - mock->nodes);
	return 0;
}

static int readdir_call(struct mock *mock, const struct call *call, struct mock_answer *memory,
			struct reply *reply)
{
	struct node *dir = mock_target(mock, call);
	unsigned i = call->off ? (unsigned)call->off : 1;

	if (!dir || !S_ISDIR(dir->mode))
		return dir ? -ENOTDIR : -ENOENT;
	reply->names.data = memory->names;
	reply->types = memory->types;
	for (; i < mock->nr_nodes && reply->nr_types < LISTED; i++) {
		const struct node *node = &mock->nodes[i];

		if (!node->mode || node->gone || node->parent != (unsigned)(dir - mock->nodes) ||
		    reply->names.len + node->name_len + 1 > sizeof(memory->names))
			continue;
		memcpy(memory->names + reply->names.len, node->name, node->name_len + 1);
		reply->names.len += node->name_len + 1;
		memory->types[reply->nr_types++] = (node->mode & S_IFMT) >> 12;
	}
	reply->next = i < mock->nr_nodes ? i : 0;
	return 0;
}

static int counters_call(struct mock_answer *memory, struct reply *reply)
{
	memset(memory->counts, 0, sizeof(memory->counts));
	memcpy(memory->names, "0", 2);
	memory->types[0] = COUNTED_WORKER;
	reply->names = (struct bytes){memory->names, 2};
	reply->types = memory->types;
	reply->nr_types = 1;
	reply->counts = memory->counts;
	reply->counts_width = reply->nr_counts = NR_COUNTS;
	return 0;
}

static int ancestors_call(struct mock *mock, const struct call *call, struct mock_answer *memory,
			  struct reply *reply)
{
	const struct node *node = mock_target(mock, call);

	reply->ids = memory->ids;
	while (node && reply->nr_ids < ANCESTORS_MAX) {
		memory->ids[2 * reply->nr_ids] = node->dev;
		memory->ids[2 * reply->nr_ids++ + 1] = node->ino;
		node = node == &mock->nodes[0] ? NULL : &mock->nodes[node->parent];
	}
	return reply->nr_ids ? 0 : -ESTALE;
}

static int seek_call(const struct node *node, const struct call *call, struct reply *reply)
{
	if (call->off >= node->size)
		return -ENXIO;
	reply->next = call->flags & CALL_HOLE ? node->size : call->off;
	return 0;
}

/* Of a file that is there. */
static int file_call(struct mock *mock, struct node *node, const struct call *call,
		     struct reply *reply)
{
	switch (call->op) {
	case CALL_STAT:
		fill_attr(node, reply);
		return 0;
	case CALL_TRUNCATE:
		touch(mock, node);
		node->size = call->len;
		if (node->stored > node->size)
			node->stored = node->size;
		return 0;
	case CALL_SETATTR:
		touch(mock, node);
		node->mode = (node->mode & S_IFMT) | (call->mode & 07777);
		return 0;
	case CALL_SEEK:
		return seek_call(node, call, reply);
	case CALL_READLINK:
		reply->target = (struct bytes){node->data, node->stored};
		return S_ISLNK(node->mode) ? 0 : -EINVAL;
	default:
		return 0;
	}
}

/* A row for each path, as a STAT of it would answer. */
static int stats_call(struct mock *mock, const struct call *call, struct mock_answer *memory,
		      struct reply *reply)
{
	const char *path = (const char *)call->names.data;

	reply->attrs = memory->rows;
	for (; reply->nr_attrs < call->nr_names; path += strlen(path) + 1) {
		const struct call one = {.op = CALL_STAT,
					 .flags = call->flags,
					 .path = {(const uint8_t *)path, strlen(path)}};
		const struct node *node = mock_target(mock, &one);
		struct reply alone = {0};

		if (node)
			fill_attr(node, &alone);
		memory->rows[reply->nr_attrs++] = attr_to_row(node ? 0 : -ENOENT, &alone.attr);
	}
	return 0;
}

static int do_call(struct mock *mock, const struct call *call, struct mock_answer *memory,
		   struct reply *reply)
{
	struct node *node;

	switch (call->op) {
	case CALL_OPEN:
	case CALL_REOPEN:
		return open_call(mock, call, reply);
	case CALL_UNLINK:
	case CALL_RMDIR:
		return remove_call(mock, call);
	case CALL_MKDIR:
		return mkdir_call(mock, call);
	case CALL_RENAME:
		return rename_call(mock, call);
	case CALL_READDIR:
		return readdir_call(mock, call, memory, reply);
	case CALL_STATS:
		return stats_call(mock, call, memory, reply);
	case CALL_COUNTERS:
		return counters_call(memory, reply);
	case CALL_ANCESTORS:
		return ancestors_call(mock, call, memory, reply);
	default:
		node = mock_target(mock, call);
		return node ? file_call(mock, node, call, reply) : -ENOENT;
	}
}

void mock_tree_call(struct mock *mock, const struct call *call, struct mock_answer *memory,
		    struct reply *reply)
{
	*reply = (struct reply){0};
	reply->status = do_call(mock, call, memory, reply);
}

void mock_tree_read(const struct node *node, uint8_t *data, uint64_t off, uint64_t len)
{
	for (uint64_t i = 0; i < len; i++)
		data[i] = off + i < node->stored ? node->data[off + i] : 'x';
}

void mock_tree_write(struct mock *mock, struct node *node, const uint8_t *data, uint64_t off,
		     uint64_t len)
{
	touch(mock, node);
	if (off + len > STORED_MAX)
		return;
	if (off + len > node->stored) {
		node->data = realloc(node->data, off + len);
		must(node->data, "memory");
		if (off > node->stored)
			memset(node->data + node->stored, 0, off - node->stored);
		node->stored = off + len;
	}
	memcpy(node->data + off, data, len);
	if (off + len > node->size)
		node->size = off + len;
}
