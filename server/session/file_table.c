/*
 * The table of handles: an array that grows, and a chain of its free slots. The session owns it.
 * Any thread may use it, because each function takes its lock.
 */
#include "server/session/file_table.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "proto/limits.h"
#include "server/base/budget.h"
#include "server/session/file.h"

#define INDEX_BITS 16
#define SLOTS_MIN  16u

_Static_assert(FILES_MAX <= 1u << INDEX_BITS, "an index fits into its bits of a handle");

/* A slot of the table. It has a file or is on the chain of free slots. */
struct handle_slot {
	struct server_file *file;
	uint64_t handle;
	uint32_t next_free;
};

void file_table_init(struct file_table *handles, uint32_t max, struct share *share)
{
	*handles = (struct file_table){.share = share, .max = max};
	lock_init(&handles->lock, LOCK_FILE_TABLE);
}

void file_table_close(struct file_table *handles)
{
	for (uint32_t i = 0; i < handles->nr_slots; i++)
		if (handles->slots[i].file)
			file_unref(handles->slots[i].file, 1);
	free(handles->slots);
	budget_share_give(handles->share, handles->nr_slots * sizeof(struct handle_slot));
	lock_destroy(&handles->lock);
}

static int grow(struct file_table *handles)
{
	uint32_t old = handles->nr_slots, nr = old ? 2 * old : SLOTS_MIN;
	struct handle_slot *slots;

	if (!budget_share_take(handles->share, nr * sizeof(*slots)))
		return -ENOMEM;
	slots = realloc(handles->slots, nr * sizeof(*slots));
	if (!slots) {
		budget_share_give(handles->share, nr * sizeof(*slots));
		return -ENOMEM;
	}
	budget_share_give(handles->share, old * sizeof(*slots));
	for (uint32_t i = old; i < nr; i++)
		slots[i] = (struct handle_slot){.next_free = i + 1};
	handles->slots = slots;
	handles->nr_slots = nr;
	return 0;
}

static int take_slot(struct file_table *handles, struct server_file *file, uint64_t generation)
{
	uint32_t index = handles->first_free;
	struct handle_slot *slot;

	if (handles->nr_files == handles->max)
		return -EMFILE;
	if (index == handles->nr_slots) {
		int err = grow(handles);

		if (err)
			return err;
	}
	slot = &handles->slots[index];
	handles->first_free = slot->next_free;
	handles->nr_files++;
	slot->file = file;
	slot->handle = generation << INDEX_BITS | index;
	return (int)index;
}

int file_table_add(struct file_table *handles, struct server_file *file, uint64_t *handle)
{
	uint64_t generation = 0;
	int index;

	if (getrandom(&generation, 6, 0) != 6)
		return -EIO;
	if (!generation)
		generation = 1;
	lock_acquire(&handles->lock);
	index = take_slot(handles, file, generation);
	lock_release(&handles->lock);
	if (index < 0)
		return index;
	*handle = generation << INDEX_BITS | (uint32_t)index;
	return 0;
}

static struct handle_slot *find(struct file_table *handles, uint64_t handle)
{
	uint32_t index = handle & ((1u << INDEX_BITS) - 1);
	struct handle_slot *slot;

	lock_assert_held(&handles->lock);
	if (index >= handles->nr_slots)
		return NULL;
	slot = &handles->slots[index];
	return slot->file && slot->handle == handle ? slot : NULL;
}

void file_table_get(struct file_table *handles, size_t n, const uint64_t *wanted,
		    struct server_file **files)
{
	size_t i = 0;

	lock_acquire(&handles->lock);
	while (i < n) {
		struct handle_slot *slot = find(handles, wanted[i]);
		struct server_file *file = slot ? slot->file : NULL;
		unsigned same = 0;

		/*
		 * Most batches name one file. Equal handles in succession are looked up and counted
		 * once.
		 */
		for (uint64_t handle = wanted[i]; i < n && wanted[i] == handle; i++, same++)
			files[i] = file;
		if (file)
			file_ref(file, same);
	}
	lock_release(&handles->lock);
}

struct server_file *file_table_take(struct file_table *handles, uint64_t handle)
{
	struct server_file *file = NULL;
	struct handle_slot *slot;

	lock_acquire(&handles->lock);
	slot = find(handles, handle);
	if (slot) {
		file = slot->file;
		*slot = (struct handle_slot){.next_free = handles->first_free};
		handles->first_free = (uint32_t)(slot - handles->slots);
		handles->nr_files--;
	}
	lock_release(&handles->lock);
	return file;
}

uint32_t file_table_count(struct file_table *handles)
{
	uint32_t n;

	lock_acquire(&handles->lock);
	n = handles->nr_files;
	lock_release(&handles->lock);
	return n;
}
