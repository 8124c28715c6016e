/*
 * A lane: a thread that keeps config.depth pieces under way. Each piece has a buffer and goes
 * through two moves: read the source and write the target, or, when checking, read both and
 * compare.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/tool/copy/copy.h"
#include "client/tool/copy/mover.h"
#include "client/tool/base/tool.h"
#include "common/base/clock.h"

struct job {
	struct piece piece;
	enum way way; /* the move under way */
	uint64_t begin_ns;
	uint64_t done; /* bytes read so far */
	uint8_t *buf, *buf2;
	bool busy;
	struct job *next; /* idle */
};

struct lane {
	struct copy *copy;
	struct mover mover;
	struct job *jobs, *idle;
	struct hf3fs_cqe *cqes;
	unsigned under_way;
	struct histogram times; /* of the I/Os of its rings */
};

static void end_job(struct lane *lane, struct job *job, int err, enum side side)
{
	copy_piece_done(lane->copy, &job->piece, err, side);
	job->busy = false;
	job->next = lane->idle;
	lane->idle = job;
	lane->under_way--;
}

static enum side side_of(const struct job *job)
{
	return job->way == READ_FROM ? FROM : TO;
}

static int64_t begin_move(struct lane *lane, struct job *job)
{
	const struct piece *piece = &job->piece;
	uint64_t len = job->way == READ_FROM ? piece->len : piece->got;
	uint8_t *buf = job->way == READ_TO ? job->buf2 : job->buf;

	job->begin_ns = now_ns();
	if (job->way == WRITE_TO && piece->file->stream)
		return mover_write_stream(piece->file->fd[TO], buf, len);
	return mover_move(&lane->mover, job->way, piece->file->fd[side_of(job)], buf + job->done,
			  piece->off + job->done, len - job->done, job);
}

/*
 * A read came back. True: it is over. One that is short where the source was expected to end is at
 * the end; elsewhere the file may have more (those of procfs do that), so it is tried on.
 */
static bool read_is_over(struct job *job, uint64_t n)
{
	struct piece *piece = &job->piece;

	job->done += n;
	piece->got = job->done;
	return job->done == piece->len || !n ||
	       (!piece->check && piece->off + job->done == piece->size);
}

/* What a move's result means: 0: it is over, 1: it goes on, else an error. */
static int judge(struct job *job, int64_t result)
{
	if (result < 0)
		return (int)result;
	if (job->way == WRITE_TO)
		return (uint64_t)result == job->piece.got ? 0 : -EIO;
	if (job->way == READ_FROM) {
		if (!read_is_over(job, (uint64_t)result))
			return 1;
		return job->piece.check && job->done < job->piece.len ? ERR_DIFFERS : 0;
	}
	if ((uint64_t)result != job->piece.got || memcmp(job->buf, job->buf2, job->piece.got))
		return ERR_DIFFERS;
	return 0;
}

/* A move is over: the next one, until one stays under way or the piece is done. */
static void go_on(struct lane *lane, struct job *job, int64_t result)
{
	while (result != -EINPROGRESS) {
		enum side side = side_of(job);
		int err = judge(job, result);

		if (err < 0 || (!err && (job->way != READ_FROM || !job->piece.got))) {
			end_job(lane, job, err, side);
			return;
		}
		if (!err) {
			job->way = job->piece.check ? READ_TO : WRITE_TO;
			job->done = 0;
		}
		result = begin_move(lane, job);
	}
}

/* Fill the idle jobs. False: nothing is left to do, now or later. */
static bool fill(struct lane *lane)
{
	while (lane->idle) {
		struct job *job = lane->idle;

		if (!copy_next(lane->copy, !lane->under_way, &job->piece))
			return lane->under_way;
		lane->idle = job->next;
		job->busy = true;
		lane->under_way++;
		job->way = READ_FROM;
		job->done = 0;
		go_on(lane, job, begin_move(lane, job));
	}
	return true;
}

static int run(struct lane *lane)
{
	while (fill(lane)) {
		int n;

		if (!lane->under_way)
			continue;
		n = mover_wait(&lane->mover, lane->cqes, (int)lane->copy->config.depth);
		if (n < 0)
			return n;
		for (int i = 0; i < n; i++) {
			struct job *job = (struct job *)lane->cqes[i].userdata;

			histogram_add(&lane->times, now_ns() - job->begin_ns);
			go_on(lane, job, lane->cqes[i].result);
		}
	}
	return 0;
}

static int lane_open(struct lane *lane, struct copy *copy)
{
	const struct copy_config *config = &copy->config;
	uint64_t room = config->block * (config->verify ? 2 : 1);
	int err;

	*lane = (struct lane){.copy = copy};
	lane->jobs = calloc(config->depth, sizeof(*lane->jobs));
	lane->cqes = calloc(config->depth, sizeof(*lane->cqes));
	if (!lane->jobs || !lane->cqes)
		return -ENOMEM;
	err = mover_open(&lane->mover, copy, room * config->depth, config->depth);
	if (err)
		return err;
	for (unsigned i = 0; i < config->depth; i++) {
		struct job *job = &lane->jobs[i];

		job->buf = lane->mover.base + i * room;
		job->buf2 = job->buf + config->block;
		job->next = lane->idle;
		lane->idle = job;
	}
	return 0;
}

/* The rings go first: nothing touches the pieces of a lane that broke down any more. */
static void lane_close(struct lane *lane, int err)
{
	mover_close(&lane->mover);
	for (unsigned i = 0; lane->jobs && i < lane->copy->config.depth; i++) {
		if (lane->jobs[i].busy)
			end_job(lane, &lane->jobs[i], err, FROM);
	}
	free(lane->cqes);
	free(lane->jobs);
}

void *copy_lane_run(void *arg)
{
	struct copy *copy = arg;
	struct lane lane;
	int err = lane_open(&lane, copy);

	if (!err)
		err = run(&lane);
	/* One that cannot begin, for want of memory or descriptors, leaves it to the others. */
	if (err && copy_lane_lost(copy))
		fail("cannot copy", err);
	copy_add_times(copy, &lane.times);
	lane_close(&lane, err);
	return NULL;
}
