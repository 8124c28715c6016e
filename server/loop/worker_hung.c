/*
 * What hangs in the file systems when the server stops. The worker owns what is named. Except for
 * worker_name_hung(), this runs on the worker's thread. Names that a peer chose are masked.
 */
#include "server/loop/worker_hung.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/text.h"
#include "server/conn/conn.h"
#include "server/io/segment.h"
#include "server/loop/worker_loop.h"
#include "server/session/file.h"
#include "server/worker/server_impl.h"
#include "server/worker/worker.h"

#define NAME_SHOWN 200 /* bytes of a name */
#define SHOWN	   8   /* I/Os of a worker */

static struct export *export_of(const struct worker *worker, const struct store *store)
{
	struct export *export = worker->server->exports.list;

	while (export->store != store)
		export ++;
	return export;
}

static double age(const struct worker *worker, uint64_t since_ns)
{
	return worker->now_ns > since_ns ? (double)(worker->now_ns - since_ns) / NS_PER_S : 0;
}

static void name_io(const struct worker *worker, const struct segment *seg, uint64_t since_ns,
		    const struct server_file *file)
{
	char name[NAME_SHOWN];

	store_describe(file->store_file, name, sizeof(name));
	log_error("export \"%s\": its file system hangs: %s of %u bytes at %" PRIu64
		  " of \"%s\", for %.1f s",
		  export_of(worker, file->store_file->store)->name,
		  seg->io.kind == STORE_READ ? "read" : "write", seg->io.len, seg->io.off, name,
		  age(worker, since_ns));
}

static void name_ios(const struct worker *worker)
{
	const struct segment *seg;
	unsigned nr = 0;
	uint64_t since_ns;

	for (unsigned i = 0; (seg = staging_at(&worker->staging, i)); i++) {
		const struct server_file *file = segment_in_store(seg, &since_ns);

		if (!file)
			continue;
		atomic_store(&export_of(worker, file->store_file->store)->hung, true);
		if (++nr <= SHOWN)
			name_io(worker, seg, since_ns, file);
	}
	if (nr > SHOWN)
		log_error("and %u more pieces of I/O of worker %u hang", nr - SHOWN, worker->id);
}

static void name_hung(struct ev *ev, int32_t res)
{
	struct worker *worker = container_of(ev, struct worker, name_hung);

	(void)res;
	worker_tick(worker);
	/* After this nothing begins at a store. A worker that was stuck may not have done it yet.
	 */
	worker_end_conns(worker);
	name_ios(worker);
	sem_post(&worker->named);
}

void worker_name_hung(struct worker *worker)
{
	worker->name_hung.fn = name_hung;
	evloop_post(worker->loop, &worker->name_hung, 0);
}
