/*
 * Staging buffers and pipes. They are made once at the start, and then kept in free lists. A worker
 * owns them, and only its thread uses them.
 */
#include "server/worker/staging.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fault_points/faults.h"
#include "common/base/fork.h"
#include "common/base/log.h"

/* One SMALL_SHARE-th of the memory is for small I/O. At 16 KiB each these are many buffers. */
#define SMALL_SHARE 8
/* The number of pipes, each two descriptors. A segment that finds no pipe takes a buffer. */
#define NR_PIPES 32
/*
 * The bytes of a pipe. A pipe has a slot for each page. A segment at an odd offset needs one page
 * more than SEGMENT_SIZE, and the kernel wants a power of two.
 */
#define PIPE_SIZE (2 * (int)SEGMENT_SIZE)

static void cut(struct staging *staging, enum staging_class class, uint32_t size, char **at,
		struct segment **segment)
{
	for (unsigned i = 0; i < staging->nr[class]; i++, *at += size, (*segment)++) {
		(*segment)->buf = *at;
		(*segment)->class = class;
		staging->nr_free[class]++;
		list_add_tail(&staging->free[class], &(*segment)->node);
	}
}

int staging_open(struct staging *staging, size_t len, bool huge)
{
	unsigned small = (unsigned)(len / SMALL_SHARE / SMALL_SIZE);
	unsigned large = (unsigned)((len - len / SMALL_SHARE) / SEGMENT_SIZE);
	struct segment *segment;
	char *at;
	int err;

	*staging = (struct staging){.nr = {small, large}};
	for (int i = 0; i < NR_STAGING; i++)
		list_init(&staging->free[i]);
	if (!small || !large)
		return -ENOMEM;
	err = pages_alloc(&staging->pages, len, -1, huge);
	if (err)
		return err;
	staging->segments = calloc(small + large, sizeof(*staging->segments));
	if (!staging->segments) {
		pages_free(&staging->pages);
		return -ENOMEM;
	}
	at = staging->pages.base;
	segment = staging->segments;
	cut(staging, STAGING_LARGE, SEGMENT_SIZE, &at, &segment);
	cut(staging, STAGING_SMALL, SMALL_SIZE, &at, &segment);
	return 0;
}

void staging_close(struct staging *staging)
{
	for (unsigned i = 0; i < staging->nr[STAGING_PIPE]; i++) {
		fork_close(staging->piped[i].pipe[0]);
		fork_close(staging->piped[i].pipe[1]);
	}
	free(staging->piped);
	pages_free(&staging->pages);
	free(staging->segments);
	staging->segments = NULL;
}

static int open_pipe(int ends[2])
{
	int err;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	if (fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE) < 0) {
		err = -errno;
		close(ends[0]);
		close(ends[1]);
		return err;
	}
	fork_own(ends[0]);
	fork_own(ends[1]);
	return 0;
}

void staging_add_pipes(struct staging *staging)
{
	int err = 0;

	staging->piped = calloc(NR_PIPES, sizeof(*staging->piped));
	for (int i = 0; staging->piped && i < NR_PIPES && !err; i++) {
		struct segment *segment = &staging->piped[i];

		err = open_pipe(segment->pipe);
		if (err)
			break;
		segment->class = STAGING_PIPE;
		staging->nr_free[STAGING_PIPE]++;
		list_add_tail(&staging->free[STAGING_PIPE], &segment->node);
		staging->nr[STAGING_PIPE]++;
	}
	if (err)
		log_info("%u pipes instead of %u: %s; see fs.pipe-user-pages-soft",
			 staging->nr[STAGING_PIPE], NR_PIPES, strerror(-err));
}

void staging_drain(const struct segment *segment)
{
	char scrap[16384];

	while (read(segment->pipe[0], scrap, sizeof(scrap)) > 0)
		;
}

struct segment *staging_at(const struct staging *staging, unsigned i)
{
	unsigned nr = staging->nr[STAGING_SMALL] + staging->nr[STAGING_LARGE];

	if (i < nr)
		return &staging->segments[i];
	return i - nr < staging->nr[STAGING_PIPE] ? &staging->piped[i - nr] : NULL;
}

struct segment *staging_get(struct staging *staging, enum staging_class class)
{
	struct list *node = fault_at(STAGING_FAIL) ? NULL : list_pop(&staging->free[class]);

	if (!node)
		return NULL;
	staging->nr_free[class]--;
	return container_of(node, struct segment, node);
}

void staging_put(struct staging *staging, struct segment *segment)
{
	staging->nr_free[segment->class]++;
	list_add_head(&staging->free[segment->class], &segment->node);
}
