/*
 * Directories of source and target trees, and the descriptors that are kept open for them; see
 * dir.h. A node belongs to those who hold references to it. Any thread uses it; the descriptors are
 * under dirs->lock.
 */
#include "client/tool/fs/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/tool/base/tool.h"

#define PATIENCE_TRIES	  100
#define PATIENCE_PAUSE_NS 20000000 /* 20 ms */

void dirs_init(struct dirs *dirs, unsigned max)
{
	*dirs = (struct dirs){.max = max};
	pthread_mutex_init(&dirs->lock, NULL);
	list_init(&dirs->idle);
}

void dirs_destroy(struct dirs *dirs)
{
	pthread_mutex_destroy(&dirs->lock);
}

/*
 * Close the descriptor that was idle for the longest time. The caller holds the lock, which is
 * released for the call that closes. False: no descriptor is idle.
 */
static bool evict(struct dirs *dirs)
{
	const struct fs *fs;
	struct dir *dir;
	int fd;

	if (list_empty(&dirs->idle))
		return false;
	dir = container_of(dirs->idle.next, struct dir, link);
	list_del(&dir->link);
	fs = dir->fs;
	fd = dir->fd;
	dir->fd = -1;
	dirs->open--;
	pthread_mutex_unlock(&dirs->lock);
	fs->close(fd); /* without the node: another thread may have freed it */
	pthread_mutex_lock(&dirs->lock);
	return true;
}

bool dirs_shrink(struct dirs *dirs)
{
	bool any = false;

	pthread_mutex_lock(&dirs->lock);
	while (evict(dirs))
		any = true;
	pthread_mutex_unlock(&dirs->lock);
	return any;
}

static struct dir *new_dir(struct dirs *dirs, const struct fs *fs, const char *name, int fd,
			   const struct usrbio_id *id)
{
	struct dir *dir = calloc(1, sizeof(*dir));

	if (dir)
		dir->name = strdup(name);
	if (!dir || !dir->name)
		exit(fail_text("out of memory"));
	dir->dirs = dirs;
	dir->fs = fs;
	dir->id = *id;
	dir->fd = fd;
	dir->refs = 1;
	list_init(&dir->link);
	return dir;
}

struct dir *dir_top(struct dirs *dirs, const struct fs *fs, const char *path, int fd,
		    const struct usrbio_id *id)
{
	return new_dir(dirs, fs, path, fd, id);
}

/* Close idle descriptors while more than `max` are open. The caller holds the lock. */
static void make_room(struct dirs *dirs)
{
	while (dirs->open > dirs->max && evict(dirs))
		;
}

struct dir *dir_child(struct dir *parent, const char *name, int fd, const struct usrbio_id *id)
{
	struct dirs *dirs = parent->dirs;
	struct dir *dir = new_dir(dirs, parent->fs, name, fd, id);

	dir->parent = dir_get(parent);
	dir->depth = parent->depth + 1;
	pthread_mutex_lock(&dirs->lock);
	list_add_tail(&dirs->idle, &dir->link);
	dirs->open++;
	make_room(dirs);
	pthread_mutex_unlock(&dirs->lock);
	return dir;
}

struct dir *dir_get(struct dir *dir)
{
	atomic_fetch_add(&dir->refs, 1);
	return dir;
}

/* Close the descriptor and free the node, but leave its reference to the parent. */
static void destroy(struct dir *dir)
{
	int fd;

	pthread_mutex_lock(&dir->dirs->lock);
	fd = dir->fd;
	list_del(&dir->link);
	dir->dirs->open -= fd >= 0 && dir->parent;
	pthread_mutex_unlock(&dir->dirs->lock);
	if (fd >= 0)
		dir->fs->close(fd);
	free(dir->name);
	free(dir);
}

void dir_put(struct dir *dir)
{
	while (dir && atomic_fetch_sub(&dir->refs, 1) == 1) {
		struct dir *parent = dir->parent;

		if (dir->last)
			dir->last(dir, dir->last_arg);
		destroy(dir);
		dir = parent; /* the node's reference to its parent is dropped next */
	}
}

/* Pin the descriptor if it is open. The caller holds the lock. False: it is closed. */
static bool pin(struct dir *dir)
{
	if (dir->fd < 0)
		return false;
	dir->pins++;
	list_del(&dir->link);
	return true;
}

void dir_release(struct dir *dir)
{
	struct dirs *dirs = dir->dirs;

	pthread_mutex_lock(&dirs->lock);
	if (!--dir->pins && dir->parent)
		list_add_tail(&dirs->idle, &dir->link);
	make_room(dirs);
	pthread_mutex_unlock(&dirs->lock);
}

/*
 * Open a directory again in its parent, whose descriptor is `parent` and pinned. Returns the new
 * descriptor; -ESTALE: another object has the name now; or -errno.
 */
static int open_again(struct dir *dir, int parent)
{
	int fd = dir->by_link ? dir->fs->follow(parent, dir->name)
			      : dir->fs->openat(parent, dir->name,
						O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	struct usrbio_stat st;
	struct usrbio_id id;
	int err;

	if (fd < 0)
		return fd == -ENOENT || fd == -ELOOP || fd == -ENOTDIR ? -ESTALE : fd;
	err = dir->fs->fstat(fd, &st);
	id = id_of(&st);
	if (!err && !id_equal(&id, &dir->id))
		err = -ESTALE;
	if (err)
		dir->fs->close(fd);
	return err ? err : fd;
}

/* Pin a directory whose parent is pinned; open it again if it is closed. A descriptor or -errno. */
static int use_below(struct dir *dir)
{
	struct dirs *dirs = dir->dirs;
	int fd;

	pthread_mutex_lock(&dirs->lock);
	if (!pin(dir)) {
		int parent = dir->parent->fd;

		pthread_mutex_unlock(&dirs->lock);
		do {
			fd = open_again(dir, parent);
		} while ((fd == -EMFILE || fd == -ENFILE) && dirs_shrink(dirs));
		if (fd < 0)
			return fd;
		pthread_mutex_lock(&dirs->lock);
		if (pin(dir)) { /* another thread has opened it meanwhile */
			pthread_mutex_unlock(&dirs->lock);
			dir->fs->close(fd);
			pthread_mutex_lock(&dirs->lock);
		} else {
			dir->fd = fd;
			dirs->open++;
			pin(dir);
			make_room(dirs);
		}
	}
	fd = dir->fd;
	pthread_mutex_unlock(&dirs->lock);
	return fd;
}

/*
 * Find the directories from the nearest open one down to `dir`, and pin the first of them. Returns
 * how many there are, in an array that the caller frees, or -ENOMEM.
 */
static int find_chain(struct dir *dir, struct dir ***chain)
{
	struct dir **all = malloc((dir->depth + 1) * sizeof(struct dir *)), *at;
	int n = 1;

	if (!all)
		return -ENOMEM;
	pthread_mutex_lock(&dir->dirs->lock);
	for (at = dir; !pin(at); at = at->parent)
		n++;
	pthread_mutex_unlock(&dir->dirs->lock);
	at = dir;
	for (int i = n; i--; at = at->parent)
		all[i] = at;
	*chain = all;
	return n;
}

/* Open a closed directory and those above it that are closed. The pinned descriptor, or -errno. */
static int descend(struct dir *dir)
{
	struct dir **chain;
	int n = find_chain(dir, &chain), fd = n;

	if (n < 0)
		return n;
	fd = chain[0]->fd;
	for (int i = 1; fd >= 0 && i < n; i++) {
		fd = use_below(chain[i]);
		dir_release(chain[i - 1]);
	}
	free(chain);
	return fd;
}

int dir_use(struct dir *dir)
{
	int fd = -1;

	pthread_mutex_lock(&dir->dirs->lock);
	if (pin(dir))
		fd = dir->fd;
	pthread_mutex_unlock(&dir->dirs->lock);
	return fd >= 0 ? fd : descend(dir);
}

int dir_use_patiently(struct dir *dir)
{
	struct timespec pause = {.tv_nsec = PATIENCE_PAUSE_NS};
	int fd = dir_use(dir);

	for (int i = 0; (fd == -EMFILE || fd == -ENFILE) && i < PATIENCE_TRIES; i++) {
		if (!dirs_shrink(dir->dirs))
			nanosleep(&pause, NULL);
		fd = dir_use(dir);
	}
	return fd;
}

/* Write a text in front of `at`, which moves back by its length. */
static void prepend(char **at, const char *text)
{
	size_t len = strlen(text);

	*at -= len;
	memcpy(*at, text, len);
}

char *dir_path(const struct dir *dir, const char *name)
{
	size_t len = name ? strlen(name) + 1 : 0;
	const struct dir *above;
	char *path, *at;

	for (above = dir; above; above = above->parent)
		len += strlen(above->name) + 1;
	path = calloc(1, len + 1);
	if (!path)
		exit(fail_text("out of memory"));
	at = path + len;
	if (name)
		prepend(&at, name);
	for (above = dir; above; above = above->parent) {
		size_t end = strlen(above->name);

		if (*at && end && above->name[end - 1] != '/')
			prepend(&at, "/");
		prepend(&at, above->name);
	}
	memmove(path, at, strlen(at) + 1);
	return path;
}
