/*
 * The look after segments that are stuck with the store; see segment.h. The worker's staging owns
 * them, and only the worker's thread runs this.
 */
#include "server/io/pipeline.h"
#include "server/io/request.h"
#include "server/io/segment.h"
#include "server/session/file.h"
#include "server/worker/worker.h"

/* Count a segment as if it were detached, or take that back. */
static void count_stuck(struct segment *seg, int n)
{
	struct pipeline *pipeline = seg->pipeline;

	pipeline->nr_stuck += (uint32_t)n;
	pipeline->nr_held[seg->class] -= (uint32_t)n;
	pipeline->id->nr_held[seg->class] -= (uint32_t)n;
	pipeline->share->nr_detached[seg->class] += (unsigned)n;
	atomic_fetch_add_explicit(&seg->req->file->nr_stuck, (unsigned)n, memory_order_relaxed);
}

void segment_unstick(struct segment *seg)
{
	count_stuck(seg, -1);
	seg->looks = 0;
	requests_recall(seg->pipeline);
}

static void look_at(struct segment *seg)
{
	if (!segment_is_in_store(seg) || segment_is_stuck(seg) || ++seg->looks < STUCK_LOOKS)
		return;
	count_stuck(seg, 1);
	pipeline_schedule(seg->pipeline);
}

uint64_t segments_look(struct worker *worker)
{
	struct segment *seg;
	bool again = false;

	for (unsigned i = 0; (seg = staging_at(&worker->staging, i)); i++)
		look_at(seg);
	list_for_each (it, &worker->conns) {
		struct pipeline *pipeline = container_of(it, struct pipeline, peer.node);

		requests_recall(pipeline);
		again |= pipeline_is_held_up(pipeline);
	}
	return again ? worker->now_ns + LOOK_NS : NEVER;
}
