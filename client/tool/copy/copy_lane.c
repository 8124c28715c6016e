/*
 * A lane: a thread that keeps config.depth pieces under way. Each piece has a buffer, and two
 * moves: the source is read and the target is written; in a check, both are read and compared. The
 * lane's thread owns all of it; it shares only the queues of the copy.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/tool/copy/copy.h"
#include "client/tool/copy/mover.h"
#include "client/tool/base/tool.h"
#include "common/base/clock.h"

/* A place for one piece under way, with its buffers in the mover's memory. */
struct job {
	struct piece piece;
	enum way way;	     /* the move that is under way */
	uint64_t begin_ns;   /* when this move began */
	uint64_t done;	     /* bytes that this move has read */
	uint8_t *buf, *buf2; /* buf2: for reading the target; only with --verify */
	bool busy;	     /* it has a piece */
	struct job *next;    /* in the list of idle jobs */
};

struct lane {
	struct copy *copy;
	struct mover mover;
	struct job *jobs, *idle;
	struct hf3fs_cqe *cqes;
	unsigned under_way;
	struct histogram times; /* latencies of the I/Os of its rings, ns */
};

/* Give the piece of a job back with its error, or 0; the job is idle then. */
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

/* Begin or continue the move of a job. Returns its result, or -EINPROGRESS. */
static int64_t begin_move(struct lane *lane, struct job *job)
{
	const struct piece *piece = &job->piece;
	uint64_t len = job->way == READ_FROM ? piece->len : piece->got;
	uint8_t *buf = job->way == READ_TO ? job->buf2 : job->buf;

	job->begin_ns = now_ns();
	if (job->way == WRITE_TO && piece->file->stream)
		return mover_write_stream(piece->file->fd[TO], buf, len);
	if (job->way == READ_FROM && piece->file->standard)
		return mover_read_stream(piece->file->fd[FROM], buf + job->done, len - job->done);
	return mover_move(&lane->mover, job->way, piece->file->fd[side_of(job)], buf + job->done,
			  piece->off + job->done, len - job->done, job);
}

/*
 * Add n bytes that were read. True: the read is over. A short read at the expected end of the
 * source has met the end. Elsewhere the rest is read again, because some files have more, such as
 * those of procfs; only a read of no bytes is the end there.
 */
static bool read_is_over(struct job *job, uint64_t n)
{
	struct piece *piece = &job->piece;

	job->done += n;
	piece->got = job->done;
	return job->done == piece->len || !n ||
	       (!piece->check && piece->off + job->done == piece->size);
}

/* Check the result of a move. 0: the move is over; 1: it has to go on; or an error. */
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

/*
 * Handle the result of a move: begin the next one, until one stays under way or the piece is
 * complete.
 */
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

/* Give pieces to the idle jobs. False: none is under way, and there will be no more. */
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

/* Copy until there are no more pieces. 0, or -errno: the rings cannot be used any more. */
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
	uint64_t room = config->block * (copy_reads_target(config) ? 2 : 1);
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

/*
 * Destroy the rings first: then no I/O uses the buffers and files of a lane that broke down, and
 * its pieces can be given back.
 */
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
	/* If a lane lacks memory or descriptors, the other lanes do its work. */
	if (err && copy_lane_lost(copy))
		fail("cannot copy", err);
	copy_add_times(copy, &lane.times);
	lane_close(&lane, err);
	return NULL;
}
