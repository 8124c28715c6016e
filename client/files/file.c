/*
 * File objects: each is one open handle at a server, with a count of references. Descriptors and
 * I/Os own the references; any thread. The memory of an object is recycled through a free list and
 * never freed, so that a thread without a lock may read an object that has just ended. Such a
 * thread takes a reference only if the count is above zero, and then checks that the slot still
 * points to the object.
 */
#include "client/files/file.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/files/fileobj.h"
#include "client/files/reopen.h"
#include "client/files/unsynced.h"
#include "common/base/fork.h"
#include "common/base/lock.h"

static struct fileobj *free_list;
static struct lock free_lock =
	LOCK_INIT(LOCK_FREE_FILES); /* guards free_list; no other lock is acquired under it */
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

/*
 * Forget all files and the free list in a child of fork(). The files of the parent are invalid in
 * the child, and the lock may be held by a thread that the child does not have.
 */
static void forget(void)
{
	lock_init(&free_lock, LOCK_FREE_FILES);
	free_list = NULL;
}

static void watch(void)
{
	fork_watch(forget);
}

static struct fileobj *alloc(void)
{
	struct fileobj *obj;

	pthread_once(&fork_once, watch);
	lock_acquire(&free_lock);
	obj = free_list;
	if (obj)
		free_list = obj->next;
	lock_release(&free_lock);
	return obj ? obj : calloc(1, sizeof(*obj));
}

static void recycle(struct fileobj *obj)
{
	free(obj->file.path);
	obj->file.path = NULL;
	lock_acquire(&free_lock);
	obj->next = free_list;
	free_list = obj;
	lock_release(&free_lock);
}

/* Store the answer to an OPEN or REOPEN in the file. */
static void learn(struct file *file, const struct answer *answer)
{
	const struct bytes *persistent = &answer->reply.persistent;

	file->remote.handle = answer->reply.file;
	file->remote.session = answer->session;
	file->persistent.len = (uint8_t)persistent->len;
	if (persistent->len)
		memcpy(file->persistent.data, persistent->data, persistent->len);
}

/*
 * Add the file to the open files of its session. If that session has ended meanwhile, the file is
 * opened again in the new one. 0 or -errno.
 */
static int enlist(struct mount *mount, struct file *file, struct answer *answer)
{
	int err = 0;

	learn(file, answer);
	while (!err && !reopen_add(mount_to_session(mount), file)) {
		const struct call call = {
			.op = CALL_REOPEN,
			.path = {(const uint8_t *)file->path, strlen(file->path)},
			.flags = file->flags,
			.persistent = {file->persistent.data, file->persistent.len},
		};

		err = mount_call(mount, &call, answer);
		if (!err)
			learn(file, answer);
	}
	return err;
}

static int open_file(struct mount *mount, struct file *at, const struct call *call,
		     struct file *file, struct answer *answer, struct file_attr *attr)
{
	uint32_t under = call->flags & OPEN_TRUNCATE ? unsynced_number(mount) : 0;
	int err = mount_reserve_close(mount);

	if (err)
		return err;
	err = at ? mount_call_at(mount, &at->remote, NULL, call, answer)
		 : mount_call(mount, call, answer);
	if (err)
		goto err_owed;
	file->flags = call->flags & OPEN_REOPEN_FLAGS;
	file->regular = S_ISREG(answer->reply.attr.mode);
	file->host = answer->host;
	file->dead = false;
	atomic_store(&file->unsynced, under);
	file->syncing = 0;
	file->lost = false;
	list_init(&file->link);
	if (attr)
		*attr = answer->reply.attr;
	err = enlist(mount, file, answer);
	if (err)
		goto err_owed;
	file->mount = mount_hold(mount);
	return 0;

err_owed:
	mount_release_close(mount);
	return err;
}

void file_describe(struct file *file, char *path, size_t size)
{
	reopen_path(mount_to_session(file->mount), file, path, size);
}

/*
 * Return the path for opening the file again; NULL: out of memory. It is "" if the path is not
 * known: then only the persistent name leads to the file.
 */
static char *path_in(struct file *at, const char *name)
{
	char dir[PROTO_PATH_MAX + 1] = "", *path;

	if (at)
		file_describe(at, dir, sizeof(dir));
	if (!*dir)
		return strdup(name);
	if (strlen(dir) + 1 + strlen(name) > PROTO_PATH_MAX)
		return strdup("");
	return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

/* Remove the slashes behind the path of a directory. False: no path is left, or there is none. */
static bool trim(char *path)
{
	size_t len = path ? strlen(path) : 0;

	while (len && path[len - 1] == '/')
		path[--len] = '\0';
	return len;
}

void file_renamed(struct mount *mount, struct file *at, const char *from, struct file *at2,
		  const char *to, bool exchanged)
{
	char *old = path_in(at, from), *new = path_in(at2, to);

	if (trim(old) && trim(new))
		reopen_renamed(mount_to_session(mount), old, new, exchanged);
	free(old);
	free(new);
}

int file_open(struct mount *mount, struct file *at, const char *path, uint32_t flags, uint32_t mode,
	      struct file **file, struct file_attr *attr)
{
	const struct call call = {
		.op = CALL_OPEN,
		.path = {(const uint8_t *)path, strlen(path)},
		.flags = flags,
		.mode = mode,
	};
	struct answer *answer = malloc(sizeof(*answer)); /* too large for small stacks */
	struct fileobj *obj;
	int err = -ENOMEM;

	if (!answer)
		return -ENOMEM;
	obj = alloc();
	if (!obj)
		goto out_answer;
	obj->file.path = path_in(at, path);
	if (obj->file.path)
		err = open_file(mount, at, &call, &obj->file, answer, attr);
	if (err) {
		recycle(obj);
		goto out_answer;
	}
	*file = &obj->file;
	atomic_store_explicit(&obj->refs, 1, memory_order_release);
out_answer:
	free(answer);
	return err;
}

void file_hold(struct file *file)
{
	atomic_fetch_add_explicit(&fileobj_of(file)->refs, 1, memory_order_relaxed);
}

void file_put_many(struct file *file, unsigned n)
{
	struct fileobj *obj = fileobj_of(file);
	struct mount *mount = file->mount;
	uint64_t session, handle;

	if (atomic_fetch_sub_explicit(&obj->refs, n, memory_order_acq_rel) != n)
		return;
	/* After this, the reconnector does not open the file again. */
	reopen_remove(mount_to_session(mount), file);
	session = file->remote.session;
	handle = file->remote.handle;
	recycle(obj);
	mount_close_handle(mount, session, handle);
	mount_put(mount);
}

struct file *file_of_slot(struct fd_slot *slot)
{
	struct fileobj *obj;

	while (slot && (obj = atomic_load_explicit(&slot->pointer, memory_order_acquire))) {
		/* The file has ended. The thread that ended it has changed the slot before. */
		if (!fileobj_try(obj))
			continue;
		if (atomic_load(&slot->pointer) == obj)
			return &obj->file;
		file_put(&obj->file);
	}
	return NULL;
}
