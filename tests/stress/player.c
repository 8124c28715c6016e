/*
 * Players. What is under way together never overlaps: in a batch a file is either read or written,
 * and each I/O has a block of it to itself. So there is one right answer to each.
 */
#include "tests/stress/player.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "client/usrbio.h"
#include "tests/support/must.h"
#include "tests/support/pattern.h"
#include "tests/stress/tally.h"

enum { BLOCK = 16 << 10, BLOCKS = MODEL_SIZE / BLOCK, STUCK_S = 120 };

/* One I/O of a batch; its memory is its slot's block of the iov. */
struct move {
	struct played_file *file;
	uint8_t *buf;
	size_t off, len;
	bool read;
	bool over;
};

static unsigned pick(struct player *player, unsigned n)
{
	return (unsigned)(next_random(&player->seed) >> 33) % n;
}

/* An answer to a call: 0, or what the server could not know after a restart. */
static bool went_well(int err, const char *what, const char *url)
{
	if (err == -EREMOTEIO)
		tally_add(unknown, "%s of %s", what, url);
	else if (err)
		tally_add(lost, "%s of %s: %s", what, url, strerror(-err));
	return !err;
}

static void open_file(struct played_file *file, int flags)
{
	file->fd = usrbio_open(file->url, flags, 0600);
	if (file->fd < 0) {
		tally_add(lost, "open of %s: %s", file->url, strerror(-file->fd));
		tally_give_up();
	}
	must(hf3fs_reg_fd(file->fd, 0) <= 0, "reg_fd");
}

static void close_file(struct played_file *file)
{
	hf3fs_dereg_fd(file->fd);
	must(!usrbio_close(file->fd), "close");
}

static void prepare(struct player *player, struct move *move)
{
	struct hf3fs_ior *ior = move->read ? &player->reads : &player->writes;
	int slot;

	if (move->read) {
		memset(move->buf, 0xa5, move->len);
	} else {
		uint64_t seed = next_random(&player->seed);

		pattern_fill(move->buf, move->len, seed, move->off);
	}
	slot = hf3fs_prep_io(ior, &player->iov, move->read, move->buf, move->file->fd, move->off,
			     move->len, move);
	must(slot >= 0, "prep_io: %s", strerror(-slot));
}

static void judge_read(const struct move *move, int64_t result)
{
	const struct model *model = &move->file->model;
	size_t want = model_readable(model, move->off, move->len);

	if (result != (int64_t)want)
		tally_add(mismatches, "%s: read %zu at %zu gave %ld instead of %zu",
			  move->file->url, move->len, move->off, (long)result, want);
	else if (memcmp(move->buf, model->data + move->off, want))
		tally_add(mismatches, "%s: wrong data in %zu at %zu", move->file->url, move->len,
			  move->off);
}

static void judge(struct move *move, int64_t result)
{
	if (move->over)
		tally_add(mismatches, "%s: two completions for one I/O", move->file->url);
	move->over = true;
	if (result < 0)
		tally_add(lost, "%s: %s of %zu at %zu: %s", move->file->url,
			  move->read ? "read" : "write", move->len, move->off,
			  strerror((int)-result));
	else if (move->read)
		judge_read(move, result);
	else if (result != (int64_t)move->len)
		tally_add(mismatches, "%s: a short write", move->file->url);
	else
		model_write(&move->file->model, move->off, move->buf, move->len);
}

static void collect(const struct hf3fs_ior *ior, int n)
{
	struct hf3fs_cqe cqes[PLAYER_DEPTH];
	struct timespec until;
	int got;

	if (!n)
		return;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STUCK_S;
	got = hf3fs_wait_for_ios(ior, cqes, PLAYER_DEPTH, n, &until);
	must(got >= 0, "wait_for_ios: %s", strerror(-got));
	for (int i = 0; i < got; i++)
		judge((struct move *)cqes[i].userdata, cqes[i].result);
	if (got >= n)
		return;
	tally_add(stuck, "%d of %d I/Os did not end", n - got, n);
	tally_give_up(); /* their memory cannot be used again */
}

/* Up to PLAYER_DEPTH I/Os at once. */
static void batch(struct player *player)
{
	unsigned n = 1 + pick(player, PLAYER_DEPTH), reads = 0;
	uint64_t reading = next_random(&player->seed);
	bool taken[PLAYER_FILES][BLOCKS] = {0};
	struct move moves[PLAYER_DEPTH];

	for (unsigned i = 0; i < n; i++) {
		unsigned file = pick(player, PLAYER_FILES), block = pick(player, BLOCKS);
		size_t skip = pick(player, BLOCK);

		while (taken[file][block])
			block = (block + 1) % BLOCKS;
		taken[file][block] = true;
		moves[i] = (struct move){
			.file = &player->files[file],
			.buf = player->iov.base + (size_t)i * BLOCK,
			.off = (size_t)block * BLOCK + skip,
			.len = 1 + pick(player, (unsigned)(BLOCK - skip)),
			.read = reading >> file & 1,
		};
		reads += moves[i].read;
		prepare(player, &moves[i]);
	}
	must(!hf3fs_submit_ios(&player->reads), "submit reads");
	must(!hf3fs_submit_ios(&player->writes), "submit writes");
	collect(&player->reads, (int)reads);
	collect(&player->writes, (int)(n - reads));
	atomic_fetch_add(&player->done, n);
	atomic_fetch_add(&tally.ops, n);
}

static void truncate_one(struct player *player)
{
	struct played_file *file = &player->files[pick(player, PLAYER_FILES)];
	size_t size = pick(player, MODEL_SIZE + 1);

	if (went_well(usrbio_ftruncate(file->fd, size), "truncate", file->url))
		model_truncate(&file->model, size);
}

static void sync_one(struct player *player)
{
	struct played_file *file = &player->files[pick(player, PLAYER_FILES)];

	went_well(usrbio_fsync(file->fd), "fsync", file->url);
}

static void reopen_one(struct player *player)
{
	struct played_file *file = &player->files[pick(player, PLAYER_FILES)];

	close_file(file);
	open_file(file, O_RDWR);
}

/* Each of these can be done only once: a second time says that it has been done. */
static void once_only(struct player *player)
{
	char from[440], to[440];
	int fd;

	snprintf(from, sizeof(from), "%s.once", player->files[0].url);
	snprintf(to, sizeof(to), "%s.twice", player->files[0].url);
	fd = usrbio_open(from, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (!went_well(fd < 0 ? fd : 0, "exclusive open", from))
		goto out;
	usrbio_close(fd);
	if (went_well(usrbio_rename(from, to), "rename", from) &&
	    went_well(usrbio_unlink(to), "unlink", to))
		return;
out: /* whatever became of it, the next round finds neither */
	usrbio_unlink(from);
	usrbio_unlink(to);
}

static void *play(void *arg)
{
	struct player *player = arg;

	while (!atomic_load(&player->stop)) {
		unsigned dice = pick(player, 100);

		if (dice < 85)
			batch(player);
		else if (dice < 90)
			truncate_one(player);
		else if (dice < 93)
			sync_one(player);
		else if (dice < 97)
			reopen_one(player);
		else
			once_only(player);
		if (dice >= 85) {
			atomic_fetch_add(&player->done, 1);
			atomic_fetch_add(&tally.ops, 1);
		}
	}
	return NULL;
}

void player_start(struct player *player)
{
	const char *mount = player->mount;

	must(!hf3fs_iorcreate(&player->reads, mount, PLAYER_DEPTH, true, 0, -1), "ring");
	must(!hf3fs_iorcreate(&player->writes, mount, PLAYER_DEPTH, false, 0, -1), "ring");
	must(!hf3fs_iovcreate(&player->iov, mount, PLAYER_DEPTH * BLOCK, 0, -1), "iov");
	for (unsigned i = 0; i < PLAYER_FILES; i++) {
		struct played_file *file = &player->files[i];

		model_open(&file->model);
		snprintf(file->url, sizeof(file->url), "%.300s/player%u-%u", mount, player->number,
			 i);
		open_file(file, O_RDWR | O_CREAT | O_TRUNC);
	}
	must(!pthread_create(&player->thread, NULL, play, player), "thread");
}

static void read_back(struct player *player, struct played_file *file)
{
	for (size_t off = 0; off <= MODEL_SIZE; off += BLOCK) {
		struct move move = {.file = file,
				    .buf = player->iov.base,
				    .off = off,
				    .len = BLOCK,
				    .read = true};

		prepare(player, &move);
		must(!hf3fs_submit_ios(&player->reads), "submit");
		collect(&player->reads, 1);
	}
}

void player_finish(struct player *player)
{
	atomic_store(&player->stop, true);
	must(!pthread_join(player->thread, NULL), "join");
	for (unsigned i = 0; i < PLAYER_FILES; i++) {
		struct played_file *file = &player->files[i];

		read_back(player, file);
		close_file(file);
		model_close(&file->model);
	}
	hf3fs_iordestroy(&player->reads);
	hf3fs_iordestroy(&player->writes);
	hf3fs_iovdestroy(&player->iov);
}
