/*
 * The pipeline of a connection, and the choice of the connection whose segments are started next.
 * The connection owns its pipeline, and only its worker's thread uses it.
 */
#include "server/io/pipeline.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "server/account/rates.h"
#include "server/io/request.h"
#include "server/io/segment.h"
#include "server/worker/server_impl.h"

/*
 * The bytes that a connection may start in one visit, until the next connection has its turn. A
 * segment below SMALL_SIZE counts as SMALL_SIZE.
 */
#define QUANTUM ((int64_t)SEGMENT_SIZE)
/*
 * A connection may hold fewer buffers of a class than FAIR_SHARE times those that are free. So a
 * connection that is alone gets FAIR_SHARE / (1 + FAIR_SHARE) of the buffers: two thirds. If n
 * connections never give any back, each gets the same number, and 1 / (1 + n * FAIR_SHARE) of all
 * buffers stay free for a new connection. A factor of 1 would give only half of the buffers to a
 * single connection. A higher factor adds ever less to that, and leaves less to new connections.
 */
#define FAIR_SHARE 2
/*
 * The same for all connections of an export together, if there are others, and with the segments
 * that its store has although nobody waits for them. One export whose disk hangs gets three
 * quarters of the buffers at most, a second one three quarters of the rest. The connections of an
 * id together, if there are others at the worker, have the share of a connection.
 */
#define EXPORT_SHARE 3
/*
 * The most segments that are started in one turn of the worker. A client with 32 I/Os under way is
 * then served in two halves: one half is on the wire or with the client while the other is served.
 * Compared with no limit, soft-RoCE did 25 % more writes per second, and as many reads of 4 KiB.
 */
#define TURN_SEGMENTS 16

void pipeline_init(struct pipeline *pipeline)
{
	list_init(&pipeline->peer.node);
	list_init(&pipeline->peer.dirty);
	list_init(&pipeline->peer.member.node);
	outbox_init(&pipeline->peer.outbox);
	list_init(&pipeline->ready);
	for (int i = 0; i < NR_STAGING; i++)
		list_init(&pipeline->waiting_for_buf[i]);
	parking_init(&pipeline->parking);
	list_init(&pipeline->running);
	list_init(&pipeline->aside);
	list_init(&pipeline->unposted);
	list_init(&pipeline->free);
	queue_init(&pipeline->queue);
}

size_t pipeline_bytes(uint32_t max_inflight)
{
	return REGIONS_MAX * sizeof(struct server_region) +
	       max_inflight * (sizeof(struct server_request) + sizeof(struct parking_place) +
			       sizeof(struct io_result));
}

int pipeline_open(struct pipeline *pipeline)
{
	int err = regions_open(&pipeline->regions);

	if (!err)
		err = outbox_open(&pipeline->peer.outbox, pipeline->max_inflight);
	if (!err)
		err = parking_open(&pipeline->parking, pipeline->max_inflight);
	if (err)
		return err;
	pipeline->slab = calloc(pipeline->max_inflight, sizeof(*pipeline->slab));
	return pipeline->slab ? 0 : -ENOMEM;
}

/* Remove the pipeline from the lists of those that wait for a turn. */
static void leave_line(struct pipeline *pipeline)
{
	list_del(&pipeline->ready);
	for (int i = 0; i < NR_STAGING; i++)
		list_del(&pipeline->waiting_for_buf[i]);
}

void pipeline_close(struct pipeline *pipeline)
{
	assert(pipeline_is_over(pipeline));
	leave_line(pipeline);
	outbox_close(&pipeline->peer.outbox);
	regions_close(&pipeline->regions);
	parking_close(&pipeline->parking);
	free(pipeline->slab);
}

void pipeline_end(struct pipeline *pipeline)
{
	pipeline->closing = true;
	leave_line(pipeline);
	segments_abandon(pipeline);
	if (pipeline->slab)
		requests_cancel(pipeline, NULL, -ECANCELED);
}

void pipeline_abort(struct pipeline *pipeline, const uint32_t *tags, size_t n)
{
	requests_abort(pipeline, tags, n);
	segments_abort(pipeline);
}

void pipeline_detach(struct pipeline *pipeline)
{
	segments_detach_all(pipeline);
}

/* Take a request off the queue, because all its segments run, or as many as may run at a time. */
static void pause_request(struct pipeline *pipeline, struct server_request *req)
{
	req->queued = false;
	list_move_tail(&pipeline->running, &req->node);
}

/*
 * True if the pipeline may take one more of this class. Pipes are not shared out, because a segment
 * that finds no pipe takes a buffer.
 */
static bool is_fair(const struct pipeline *pipeline, enum staging_class class)
{
	const struct staging *staging = &pipeline->peer.worker->staging;

	return pipeline->nr_held[class] < FAIR_SHARE * staging->nr_free[class] ||
	       !pipeline->nr_held[class] || class == STAGING_PIPE;
}

/* Take what a segment costs from the rates of its id. True if it waits until there is more. */
static __attribute__((noinline)) bool waits_for_tokens(struct pipeline *pipeline,
						       const struct server_request *req)
{
	struct worker *worker = pipeline->peer.worker;
	uint64_t left = req->len - req->next;
	const uint64_t amount[NR_RATES] = {
		[RATE_BYTES] = left < SEGMENT_SIZE ? left : SEGMENT_SIZE,
		[RATE_IOS] = !req->next,
	};
	uint64_t due_ns = rates_take(pipeline->id->rates, amount, worker->now_ns);

	if (!due_ns)
		return false;
	list_add_tail(&worker->throttled, &pipeline->ready);
	if (due_ns < worker->throttled_ns)
		worker->throttled_ns = due_ns;
	worker_slow_timers(worker, due_ns);
	return true;
}

/* Count what the connections of an export, and its detached segments, hold of a class. */
static unsigned held_by_export(const struct pipeline *pipeline, enum staging_class class)
{
	unsigned n = pipeline->share->nr_detached[class];

	list_for_each (it, &pipeline->peer.worker->conns) {
		const struct pipeline *other = container_of(it, struct pipeline, peer.node);

		if (other->share == pipeline->share)
			n += other->nr_held[class];
	}
	return n;
}

/* True if an export may have one more of a class; asked only when few are free. */
static bool has_share(const struct pipeline *pipeline, enum staging_class class)
{
	const struct worker *worker = pipeline->peer.worker;
	unsigned nr_free = worker->staging.nr_free[class];

	return !nr_free || class == STAGING_PIPE || worker->server->exports.nr == 1 ||
	       held_by_export(pipeline, class) < EXPORT_SHARE * nr_free;
}

/*
 * The same of an id, if there are others at the worker. The last free buffer is for an id that
 * holds none. So only such ids wait for a buffer, and they get those that become free in turns.
 */
static bool id_has_share(const struct pipeline *pipeline, enum staging_class class)
{
	const struct worker *worker = pipeline->peer.worker;
	uint32_t held = pipeline->id->nr_held[class], nr_free = worker->staging.nr_free[class];

	return !held || class == STAGING_PIPE || worker->ids.next == worker->ids.prev ||
	       (nr_free > 1 && held < FAIR_SHARE * nr_free);
}

/* Have a connection wait until others of its export or id hold less. False: it may hold one more.
 */
static __attribute__((noinline)) bool waits_for_share(struct pipeline *pipeline,
						      enum staging_class class)
{
	if (has_share(pipeline, class) && id_has_share(pipeline, class))
		return false;
	list_add_tail(&pipeline->peer.worker->waiting_for_share, &pipeline->ready);
	return true;
}

/*
 * True if few are free: while there are more, no export and no id can have more than its share,
 * whichever of the two is less.
 */
static inline bool is_scarce(const struct staging *staging, enum staging_class class)
{
	return (FAIR_SHARE + 1) * staging->nr_free[class] <= staging->nr[class];
}

/* Start segments, up to a fair share. Returns how many. */
static unsigned start(struct pipeline *pipeline)
{
	struct worker *worker = pipeline->peer.worker;
	int64_t budget = QUANTUM;
	unsigned started = 0;

	while (budget > 0 && pipeline_can_start(pipeline)) {
		struct server_request *req = queue_next(&pipeline->queue);
		uint64_t left = req->len - req->next;
		enum staging_class class = segment_class(req);
		struct segment *seg;

		if (request_may_wait(req) && request_waits(req))
			continue;
		/* When one of its own segments ends, that schedules the pipeline again. */
		if (!is_fair(pipeline, class))
			return started;
		if (is_scarce(&worker->staging, class) && waits_for_share(pipeline, class))
			return started;
		if (pipeline->limited && worker_has_staging(worker, class) &&
		    waits_for_tokens(pipeline, req))
			return started;
		seg = staging_get(&worker->staging, class);
		if (!seg) {
			/*
			 * The pipeline keeps its place in this list. A more urgent request that
			 * comes meanwhile may find a buffer of another class.
			 */
			if (list_empty(&pipeline->waiting_for_buf[class]))
				id_turns_add(&worker->waiting_for_buf[class],
					     &pipeline->id->waiting_for_buf[class],
					     &pipeline->waiting_for_buf[class]);
			return started;
		}
		budget -= left < SMALL_SIZE	? SMALL_SIZE
			  : left < SEGMENT_SIZE ? left
						: SEGMENT_SIZE;
		queue_charge(&pipeline->queue, req);
		if (req->next + SEGMENT_SIZE >= req->len ||
		    req->nr_busy + 1 == REQUEST_SEGMENTS_MAX)
			pause_request(pipeline, req);
		segment_start(seg, req);
		started++;
	}
	if (budget <= 0)
		pipeline_schedule(pipeline);
	return started;
}

/* The same. If there are more than could be started, a file may hang. */
static unsigned serve(struct pipeline *pipeline)
{
	struct worker *worker = pipeline->peer.worker;
	unsigned started = start(pipeline);

	if (worker->look_ns == NEVER && pipeline_is_held_up(pipeline)) {
		worker->look_ns = worker->now_ns + LOOK_NS;
		worker_slow_timers(worker, worker->look_ns);
	}
	return started;
}

/*
 * An id has its turn for a buffer: its other pipelines that wait for one wait for its share. It is
 * behind the other ids when they ask for a buffer again.
 */
static void leave_line_of(struct worker *worker, struct id_turns *id, int class)
{
	struct list *node;

	if (worker->ids.next == worker->ids.prev)
		return;
	list_del(&id->waiting_for_buf[class].node);
	while ((node = list_pop(&id->waiting_for_buf[class].conns))) {
		struct pipeline *other =
			container_of(node - class, struct pipeline, waiting_for_buf);

		if (list_empty(&other->ready))
			list_add_tail(&worker->waiting_for_share, &other->ready);
	}
}

/* Get the next pipeline that waits for a buffer of a class that is free again. */
static __attribute__((noinline)) struct pipeline *next_waiting(struct worker *worker, int class)
{
	struct list *node = id_turns_next(&worker->waiting_for_buf[class]);
	struct pipeline *pipeline;

	if (!node)
		return NULL;
	pipeline = container_of(node - class, struct pipeline, waiting_for_buf);
	list_del(&pipeline->ready);
	leave_line_of(worker, pipeline->id, class);
	return pipeline;
}

/* Get the next pipeline to serve. One that waited for a buffer that is free again goes first. */
static struct pipeline *next_ready(struct worker *worker)
{
	struct pipeline *pipeline;
	struct list *node;

	for (int i = 0; i < NR_STAGING; i++)
		if (!list_empty(&worker->waiting_for_buf[i]) &&
		    worker_has_staging(worker, (enum staging_class)i)) {
			pipeline = next_waiting(worker, i);
			if (pipeline)
				return pipeline;
		}
	node = id_turns_next(&worker->ready);
	return node ? container_of(node, struct pipeline, ready) : NULL;
}

/* Schedule a pipeline before others of its id. */
static void schedule_first(struct pipeline *pipeline)
{
	list_del(&pipeline->ready);
	if (pipeline_can_start(pipeline))
		id_turns_add_first(&pipeline->peer.worker->ready, &pipeline->id->ready,
				   &pipeline->ready);
}

/* Schedule all pipelines that wait in a list, in their order, before others of their ids. */
static __attribute__((noinline)) void schedule_all(struct list *list)
{
	while (!list_empty(list))
		schedule_first(container_of(list->prev, struct pipeline, ready));
}

void pipelines_retry(struct worker *worker)
{
	worker->throttled_ns = NEVER;
	schedule_all(&worker->throttled);
}

unsigned pipelines_serve_ready(struct worker *worker)
{
	unsigned started = 0;
	struct pipeline *pipeline;

	/* Segments that ended since the last turn may have made room for them. */
	if (!list_empty(&worker->waiting_for_share))
		schedule_all(&worker->waiting_for_share);
	while (started < TURN_SEGMENTS && (pipeline = next_ready(worker)))
		started += serve(pipeline);
	return started;
}
