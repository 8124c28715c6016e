/*
 * Sources with several names (hard links): the first name that the copy meets is copied, and the
 * target gets the others. The table is by the source's identity. The copy owns it; any thread,
 * under copy->lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "client/tool/copy/copy.h"
#include "client/tool/base/tool.h"

#define NAME_TRIES 8

enum first_state { FIRST_PENDING, FIRST_DONE, FIRST_FAILED };

/* The first name of a source; `to` in `dir` is its target. */
struct first_name {
	struct usrbio_id source;
	struct dir *dir; /* a reference */
	char *to;
	enum first_state state;
	struct first_name *next; /* in its slot */
};

static struct first_name **slot_of(const struct copy *copy, const struct usrbio_id *id)
{
	uint64_t hash = (id->ino + id->dev) * 0x9e3779b97f4a7c15u;

	return &copy->first_names[(hash >> 32) & (copy->nr_slots - 1)];
}

static void insert(struct copy *copy, struct first_name *first)
{
	struct first_name **slot = slot_of(copy, &first->source);

	first->next = *slot;
	*slot = first;
}

/* Double the table. The caller holds the lock. */
static void grow(struct copy *copy)
{
	size_t nr_old = copy->nr_slots;
	struct first_name **old = copy->first_names;

	copy->nr_slots = nr_old ? 2 * nr_old : 256;
	copy->first_names = calloc(copy->nr_slots, sizeof(*copy->first_names));
	if (!copy->first_names)
		exit(fail_text("out of memory"));
	for (size_t i = 0; i < nr_old; i++) {
		while (old[i]) {
			struct first_name *first = old[i];

			old[i] = first->next;
			insert(copy, first);
		}
	}
	free(old);
}

static struct first_name *find(const struct copy *copy, const struct usrbio_id *id)
{
	struct first_name *first = copy->nr_slots ? *slot_of(copy, id) : NULL;

	while (first && !id_equal(&first->source, id))
		first = first->next;
	return first;
}

static struct first_name *add(struct copy *copy, const struct copy_file *file)
{
	struct first_name *first = calloc(1, sizeof(*first));

	if (first)
		first->to = strdup(file->to);
	if (!first || !first->to)
		exit(fail_text("out of memory"));
	first->source = id_of(&file->model);
	first->dir = dir_get(file->to_dir);
	if (copy->nr_first_names >= copy->nr_slots)
		grow(copy);
	insert(copy, first);
	copy->nr_first_names++;
	return first;
}

bool names_claim(struct copy *copy, struct copy_file *file)
{
	struct usrbio_id id = id_of(&file->model);
	bool is_first;

	if (file->first) /* it is opened once more */
		return file->kind != KIND_NAME;
	pthread_mutex_lock(&copy->lock);
	file->first = find(copy, &id);
	is_first = !file->first;
	if (is_first)
		file->first = add(copy, file);
	pthread_mutex_unlock(&copy->lock);
	if (!is_first)
		file->kind = KIND_NAME;
	return is_first;
}

void names_first_done(struct copy *copy, struct copy_file *file, bool ok)
{
	if (!file->first || file->kind == KIND_NAME)
		return;
	pthread_mutex_lock(&copy->lock);
	file->first->state = ok ? FIRST_DONE : FIRST_FAILED;
	pthread_mutex_unlock(&copy->lock);
}

/* True if both names are of one file. */
static bool is_linked(const struct fs *fs, const struct first_name *first, int from_dir, int dir,
		      const char *name)
{
	struct usrbio_stat a, b;
	struct usrbio_id id, other;

	if (fs->fstatat(from_dir, first->to, &a, AT_SYMLINK_NOFOLLOW) ||
	    fs->fstatat(dir, name, &b, AT_SYMLINK_NOFOLLOW))
		return false;
	id = id_of(&a);
	other = id_of(&b);
	return id_equal(&id, &other);
}

/* Make the name under a temporary one first. 0, 1: it exists, or an error. */
static int make_temp(struct copy *copy, struct copy_file *file, int from_dir, int dir)
{
	const struct fs *fs = copy->side[TO].fs;
	int err = -EEXIST;

	if (!file->to_dir->made && is_linked(fs, file->first, from_dir, dir, file->to))
		return 1;
	for (int i = 0; err == -EEXIST && i < NAME_TRIES; i++) {
		temp_name(file->temp);
		err = fs->linkat(from_dir, file->first->to, dir, file->temp);
	}
	if (err)
		file->temp[0] = '\0';
	return err;
}

int names_make(struct copy *copy, struct copy_file *file)
{
	int from_dir, dir, err;

	if (file->first->state != FIRST_DONE)
		return ERR_FIRST_NAME;
	from_dir = dir_use_patiently(file->first->dir);
	if (from_dir < 0)
		return from_dir;
	dir = err = dir_use_patiently(file->to_dir);
	if (dir >= 0) {
		err = make_temp(copy, file, from_dir, dir);
		dir_release(file->to_dir);
	}
	dir_release(file->first->dir);
	return err ? err : commit(copy, file);
}

bool names_put_aside(struct copy *copy, struct copy_file *file)
{
	bool pending;

	pthread_mutex_lock(&copy->lock);
	pending = file->first->state == FIRST_PENDING && !copy->run->stopped && !copy->finishing;
	if (pending) {
		list_del(&file->open);
		list_del(&file->link);
		list_add_tail(&copy->later, &file->link);
		copy->nr_open--;
		copy->unfinished--;
		pthread_cond_broadcast(&copy->room);
		if (!copy->nr_open) {
			pthread_cond_broadcast(&copy->pieces);
			copy_wake_workers(copy);
		}
	}
	pthread_mutex_unlock(&copy->lock);
	return pending;
}

void names_finish(struct copy *copy)
{
	copy->finishing = true;
	while (!list_empty(&copy->later)) {
		struct copy_file *file = container_of(copy->later.next, struct copy_file, link);

		list_del(&file->link);
		copy->nr_open++;
		copy->unfinished++;
		list_add_tail(&copy->open, &file->open);
		copy_file_end(copy, file);
	}
	for (size_t i = 0; i < copy->nr_slots; i++) {
		while (copy->first_names[i]) {
			struct first_name *first = copy->first_names[i];

			copy->first_names[i] = first->next;
			dir_put(first->dir);
			free(first->to);
			free(first);
		}
	}
	free(copy->first_names);
}
