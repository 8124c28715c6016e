/*
 * An open file and its reference count. The holders of references own it together. Any thread takes
 * and drops references, and a job thread closes the file.
 */
#include "server/session/file.h"

#include <stdlib.h>

#include "server/base/budget.h"
#include "common/base/list.h"
#include "server/store/store.h"

static void file_close(struct job *job)
{
	struct server_file *file = container_of(job, struct server_file, close);

	file->store_file->store->ops->close_file(file->store_file);
	budget_give(file->budget, FILE_BYTES);
	free(file);
}

struct server_file *file_new(struct store_file *store_file, struct job_threads *closes,
			     struct budget *budget)
{
	struct server_file *file = calloc(1, sizeof(*file));

	if (!file)
		return NULL;
	file->store_file = store_file;
	file->closes = closes;
	file->budget = budget;
	file->close.run = file_close;
	atomic_init(&file->refs, 1);
	return file;
}

void file_ref(struct server_file *file, unsigned n)
{
	atomic_fetch_add_explicit(&file->refs, n, memory_order_relaxed);
}

void file_unref(struct server_file *file, unsigned n)
{
	if (atomic_fetch_sub_explicit(&file->refs, n, memory_order_acq_rel) == n)
		job_threads_run(file->closes, NULL, &file->close);
}
