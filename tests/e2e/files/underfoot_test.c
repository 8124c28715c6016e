/* Files cut, grown, unlinked, renamed, replaced and forbidden while rings work on them. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/support/attached.h"
#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"
#include "tests/e2e/support/rw.h"

enum { SIZE = 1 << 20, SEED = 3, LEN = 300000 };

/* Reads and writes of one file by a thread of their own. */
struct worker {
	pthread_t thread;
	atomic_bool stop;
	atomic_int rounds;
	const char *mount;
	int fd;
	bool may_be_short;
};

/* What others cut and grow reads as the pattern or as zeros, and ends at the end. */
static void check_read(const struct worker *worker, struct rw *rw, const char *want, uint64_t off)
{
	int64_t result = rw_read(rw, worker->fd, off, LEN);
	int64_t least = worker->may_be_short ? 0 : LEN;

	must(result >= least && result <= LEN, "%ld bytes at %lu", (long)result, off);
	for (int64_t i = 0; i < result; i++)
		must((worker->may_be_short && !rw->base[i]) || rw->base[i] == want[off + i],
		     "at %lu + %ld", off, (long)i);
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	char *want = malloc(SIZE);
	uint64_t random = 7;
	struct rw rw;

	must(want, "memory");
	pattern_fill(want, SIZE, SEED, 0);
	rw_open(&rw, worker->mount, LEN);
	while (!atomic_load(&worker->stop)) {
		check_read(worker, &rw, want, next_random(&random) % (SIZE - LEN));
		rw_put(&rw, worker->fd, SEED, next_random(&random) % (SIZE - LEN), LEN);
		atomic_fetch_add(&worker->rounds, 1);
	}
	rw_close(&rw);
	free(want);
	return NULL;
}

/* Until it has done some more of it. */
static void let_work(struct worker *worker)
{
	int now = atomic_load(&worker->rounds);

	while (atomic_load(&worker->rounds) < now + 2)
		nap_ms(1);
}

static void worker_start(struct worker *worker, const char *mount, int fd)
{
	*worker = (struct worker){.mount = mount, .fd = fd};
	cr_assert(!pthread_create(&worker->thread, NULL, work, worker));
	let_work(worker);
}

static void worker_stop(struct worker *worker)
{
	let_work(worker);
	atomic_store(&worker->stop, true);
	pthread_join(worker->thread, NULL);
}

/* Cut and grown by `change` while reads and writes run: short or zeros, never an error. */
static void change_length(int (*change)(int fd, uint64_t len), int fd)
{
	struct worker worker = {.fd = file_reg(url_of("file"), O_RDWR), .may_be_short = true};
	uint64_t random = 1;

	cr_assert(!pthread_create(&worker.thread, NULL, work, &worker));
	let_work(&worker);
	for (int i = 0; i < full_or_quick(2000, 20); i++)
		cr_assert_eq(change(fd, next_random(&random) % (2 * SIZE)), 0);
	worker_stop(&worker);
	file_unreg(worker.fd);
}

static int change_by_call(int fd, uint64_t len)
{
	return usrbio_ftruncate(fd, len);
}

static int change_locally(int fd, uint64_t len)
{
	return ftruncate(fd, len);
}

E2E(underfoot, truncated_by_another_client)
{
	int fd;

	file_make("file", SEED, SIZE);
	fd = usrbio_open(url_of("file"), O_RDWR, 0);
	cr_assert_geq(fd, 0);
	change_length(change_by_call, fd);
	cr_assert_eq(usrbio_close(fd), 0);
}

E2E(underfoot, truncated_on_the_server)
{
	int fd;

	e2e_needs_local_files();
	file_make("file", SEED, SIZE);
	fd = open_file(path_of("file"), O_RDWR);
	change_length(change_locally, fd);
	close(fd);
}

/* Step by step, where the results are known. */
E2E(underfoot, shorter_then_longer)
{
	struct rw rw;
	int fd;

	file_make("file", SEED, SIZE);
	fd = file_reg(url_of("file"), O_RDWR);
	rw_open(&rw, NULL, SIZE);
	cr_assert_eq(usrbio_truncate(url_of("file"), 1001), 0);
	cr_assert_eq(rw_read(&rw, fd, 0, SIZE), 1001);
	cr_assert_eq(rw_read(&rw, fd, 1001, SIZE), 0);
	cr_assert_eq(usrbio_truncate(url_of("file"), 500000), 0);
	cr_assert_eq(rw_read(&rw, fd, 0, SIZE), 500000);
	cr_assert_eq(pattern_diff(rw.base, 1001, SEED, 0), -1);
	cr_assert_eq(bytes_diff(rw.base + 1001, 500000 - 1001, 0), -1);
	rw_put(&rw, fd, SEED, 400000, 200000);
	cr_assert_eq(file_size("file"), 600000);
	cr_assert_eq(usrbio_ftruncate(fd, 0), 0);
	cr_assert_eq(rw_read(&rw, fd, 0, SIZE), 0);
	rw_put(&rw, fd, SEED, 0, 10);
	cr_assert_eq(file_size("file"), 10);
	rw_close(&rw);
	file_unreg(fd);
}

E2E(underfoot, unlinked)
{
	struct worker worker;
	struct usrbio_stat st;
	int fd;

	file_make("file", SEED, SIZE);
	fd = file_reg(url_of("file"), O_RDWR);
	worker_start(&worker, NULL, fd);
	cr_assert_eq(usrbio_unlink(url_of("file")), 0);
	let_work(&worker);
	cr_assert_eq(usrbio_stat(url_of("file"), &st), -ENOENT);
	cr_assert_eq(usrbio_fstat(fd, &st), 0);
	cr_assert_eq(st.nlink, 0);
	/* A new file of that name is another one. */
	file_make("file", 5, SIZE);
	worker_stop(&worker);
	file_check("file", 5, 0, SIZE);
	file_unreg(fd);
}

E2E(underfoot, renamed)
{
	struct worker worker;
	int fd;

	file_make("file", SEED, SIZE);
	cr_assert_eq(usrbio_mkdir(url_of("dir"), 0755), 0);
	fd = file_reg(url_of("file"), O_RDWR);
	worker_start(&worker, NULL, fd);
	cr_assert_eq(usrbio_rename(url_of("file"), url_of("dir/file")), 0);
	file_make("file", 5, SIZE);
	let_work(&worker);
	cr_assert_eq(usrbio_rename(url_of("dir/file"), url_of("back")), 0);
	worker_stop(&worker);
	file_check("file", 5, 0, SIZE);
	file_check("back", SEED, 0, SIZE);
	file_unreg(fd);
	cr_assert_eq(usrbio_rmdir(url_of("dir")), 0);
}

E2E(underfoot, replaced)
{
	struct worker worker;
	int fd;

	file_make("file", SEED, SIZE);
	file_make("new", 5, SIZE);
	fd = file_reg(url_of("file"), O_RDWR);
	worker_start(&worker, NULL, fd);
	cr_assert_eq(usrbio_rename(url_of("new"), url_of("file")), 0);
	worker_stop(&worker);
	file_check("file", 5, 0, SIZE);
	file_unreg(fd);
}

E2E(underfoot, its_directory_removed)
{
	struct worker worker;
	int fd;

	cr_assert_eq(usrbio_mkdir(url_of("dir"), 0755), 0);
	file_make("dir/file", SEED, SIZE);
	fd = file_reg(url_of("dir/file"), O_RDWR);
	worker_start(&worker, NULL, fd);
	cr_assert_eq(usrbio_unlink(url_of("dir/file")), 0);
	cr_assert_eq(usrbio_rmdir(url_of("dir")), 0);
	worker_stop(&worker);
	file_unreg(fd);
}

E2E(underfoot, forbidden)
{
	struct worker worker;
	int fd;

	e2e_needs_local_files();
	file_make("file", SEED, SIZE);
	fd = file_reg(url_of("file"), O_RDWR);
	worker_start(&worker, NULL, fd);
	cr_assert_eq(chmod(path_of("file"), 0), 0);
	cr_assert_eq(chmod(e2e_dir, 0), 0);
	worker_stop(&worker);
	cr_assert_eq(chmod(e2e_dir, 0755), 0);
	file_unreg(fd);
}

/* All of it at once to a descriptor of the kernel's that is closed in the end. */
E2E(underfoot, a_kernel_descriptor_closed_renamed_unlinked)
{
	struct worker worker;
	int fd, other;

	attach_export();
	file_make("file", SEED, SIZE);
	fd = open_reg(path_of("file"), O_RDWR);
	worker_start(&worker, e2e_dir, fd);
	cr_assert_eq(close(fd), 0);
	let_work(&worker);
	cr_assert_eq(rename(path_of("file"), path_of("renamed")), 0);
	file_make("file", 5, SIZE);
	other = open_file(path_of("file"), O_RDWR); /* has the number of the closed one */
	cr_assert_eq(other, fd);
	cr_assert_eq(hf3fs_reg_fd(other, 0), EINVAL);
	let_work(&worker);
	cr_assert_eq(unlink(path_of("renamed")), 0);
	worker_stop(&worker);
	file_check("file", 5, 0, SIZE);
	hf3fs_dereg_fd(fd);
	close(other);
}
