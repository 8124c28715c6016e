/*
 * A lane: a thread that keeps config.depth pieces under way. Each piece has a buffer and goes
 * through two moves: read the source and write the target, or, when checking, read both and
 * compare.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/tool/copy.h"
#include "client/tool/mover.h"
#include "client/tool/tool.h"

struct job {
	struct piece piece;
	enum way way; /* the move under way */
	uint64_t begin_ns;
	uint8_t *buf, *buf2;
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
	job->next = lane->idle;
	lane->idle = job;
	lane->under_way--;
}

static int64_t begin_move(struct lane *lane, struct job *job)
{
	const struct piece *piece = &job->piece;
	enum side side = job->way == READ_FROM ? FROM : TO;

	job->begin_ns = now_ns();
	return mover_move(&lane->mover, job->way, piece->file->fd[side],
			  job->way == READ_TO ? job->buf2 : job->buf, piece->off, piece->len, job);
}

/* What a move's result means: 0: it did all, else -errno. */
static int judge(const struct job *job, int64_t result)
{
	if (result < 0)
		return (int)result;
	if ((uint64_t)result == job->piece.len)
		return 0;
	switch (job->way) {
	case READ_FROM:
		return -ENODATA;
	case READ_TO:
		return -EILSEQ;
	default:
		return -EIO;
	}
}

/* A move is over: the next one, until one stays under way or the piece is done. */
static void go_on(struct lane *lane, struct job *job, int64_t result)
{
	while (result != -EINPROGRESS) {
		enum side side = job->way == READ_FROM ? FROM : TO;
		int err = judge(job, result);

		if (!err && job->way == READ_TO && memcmp(job->buf, job->buf2, job->piece.len))
			err = -EILSEQ;
		if (err || job->way != READ_FROM) {
			end_job(lane, job, err, side);
			return;
		}
		job->way = copy_is_check(&job->piece) ? READ_TO : WRITE_TO;
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
		lane->under_way++;
		job->way = READ_FROM;
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

static void lane_close(struct lane *lane)
{
	mover_close(&lane->mover);
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
	if (err) {
		copy_break(copy);
		fail("cannot copy", err);
	}
	copy_add_times(copy, &lane.times);
	lane_close(&lane);
	return NULL;
}
