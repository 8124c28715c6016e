/* hf3fs_reg_fd and hf3fs_dereg_fd: which descriptors, under which numbers, for how long. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/e2e/support/attached.h"
#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"
#include "tests/e2e/support/rw.h"

enum { SIZE = 100000, SEED = 3, THREADS = 16 };

static int open_url(const char *name, int flags)
{
	int fd = usrbio_open(url_of(name), flags, 0644);

	cr_assert_geq(fd, 0, "%s: %d", name, fd);
	return fd;
}

static void expect_not_ours(int fd, const char *what)
{
	cr_assert_geq(fd, 0, "%s: %s", what, strerror(errno));
	cr_assert_not(hf3fs_is_hf3fs(fd), "%s", what);
	cr_assert_eq(hf3fs_reg_fd(fd, 0), EBADF, "%s", what);
	close(fd);
	cr_assert_eq(hf3fs_reg_fd(fd, 0), EBADF, "%s, closed", what);
}

E2E(regfd, not_ours_closed_or_negative)
{
	int fd;

	file_make("file", SEED, SIZE);
	expect_not_ours(open_file("/dev/null", O_RDWR), "a device");
	expect_not_ours(open_file("/", O_RDONLY | O_DIRECTORY), "the root");
	expect_not_ours(open_file(e2e_scratch, O_RDONLY | O_DIRECTORY), "outside");
	expect_not_ours(open_file("/proc/self/status", O_RDONLY), "a file of /proc");
	expect_not_ours(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "a socket");
	expect_not_ours(eventfd(0, EFD_CLOEXEC), "an eventfd");
	expect_not_ours(memfd_create("x", MFD_CLOEXEC), "a memfd");
	cr_assert_eq(hf3fs_reg_fd(-1, 0), EBADF);
	cr_assert_eq(hf3fs_reg_fd(INT_MIN, 0), EBADF);
	cr_assert_eq(hf3fs_reg_fd(INT_MAX, 0), EBADF);
	fd = open_url("file", O_RDONLY);
	cr_assert_eq(usrbio_close(fd), 0);
	cr_assert_eq(hf3fs_reg_fd(fd, 0), EBADF);
	fd = open_url("file", O_RDONLY);
	cr_assert_eq(close(fd), 0); /* behind our back */
	cr_assert_eq(hf3fs_reg_fd(fd, 0), EBADF);
}

E2E(regfd, special_files_of_the_mount)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	char here[PATH_MAX];
	int fd, sock;

	attach_export();
	cr_assert_eq(mkfifo(path_of("fifo"), 0644), 0);
	expect_not_ours(open_file(path_of("fifo"), O_RDWR | O_NONBLOCK), "a fifo");
	fd = usrbio_open(url_of("fifo"), O_RDWR, 0);
	cr_assert_lt(fd, 0, "a fifo was opened");
	cr_assert_not_null(getcwd(here, sizeof(here)));
	cr_assert_eq(chdir(e2e_dir), 0);
	strcpy(addr.sun_path, "sock");
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(sock, (struct sockaddr *)&addr, sizeof(addr)), 0);
	cr_assert_eq(chdir(here), 0);
	expect_not_ours(sock, "a bound socket");
	cr_assert_lt(usrbio_open(url_of("sock"), O_RDWR, 0), 0);
	if (!mknod(path_of("null"), S_IFCHR | 0666, 1 << 8 | 3)) {
		fd = open(path_of("null"), O_RDWR | O_CLOEXEC);
		if (fd >= 0) /* the file system may forbid devices */
			expect_not_ours(fd, "a device");
		cr_assert_lt(usrbio_open(url_of("null"), O_RDWR, 0), 0);
	}
}

E2E(regfd, a_number_registers_once_until_deregistered)
{
	int fd;

	file_make("file", SEED, SIZE);
	fd = open_url("file", O_RDONLY);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(hf3fs_reg_fd(fd, 0), -fd);
		cr_assert_eq(hf3fs_reg_fd(fd, 0), EINVAL);
		cr_assert_eq(hf3fs_reg_fd(fd, 1), EINVAL);
		hf3fs_dereg_fd(i == 1 ? -fd : fd);
		hf3fs_dereg_fd(fd);
	}
	cr_assert_eq(usrbio_close(fd), 0);
}

E2E(regfd, unknown_numbers_deregister_silently)
{
	int fd;

	file_make("file", SEED, SIZE);
	fd = file_reg(url_of("file"), O_RDONLY);
	hf3fs_dereg_fd(-1);
	hf3fs_dereg_fd(fd + 1);
	hf3fs_dereg_fd(INT_MAX);
	hf3fs_dereg_fd(INT_MIN);
	hf3fs_dereg_fd(1 << 20);
	cr_assert_eq(hf3fs_reg_fd(fd, 0), EINVAL, "it was somebody else's");
	file_unreg(fd);
}

E2E(regfd, flags_mean_nothing)
{
	static const uint64_t flags[] = {0, 1, O_RDWR, 0xdeadbeef, 1ull << 63, UINT64_MAX};
	struct rw rw;
	int fd;

	file_make("file", SEED, SIZE);
	rw_open(&rw, NULL, SIZE);
	fd = open_url("file", O_RDONLY);
	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		cr_assert_eq(hf3fs_reg_fd(fd, flags[i]), -fd);
		rw_expect(&rw, fd, SEED, 0, SIZE);
		hf3fs_dereg_fd(fd);
	}
	rw_close(&rw);
	cr_assert_eq(usrbio_close(fd), 0);
}

E2E(regfd, three_names_of_one_registration)
{
	struct rw rw;
	int fd, reg;

	file_make("file", SEED, SIZE);
	rw_open(&rw, NULL, SIZE);
	fd = open_url("file", O_RDONLY);
	reg = hf3fs_reg_fd(fd, 0);
	cr_assert_leq(reg, 0);
	rw_expect(&rw, fd, SEED, 0, SIZE);
	rw_expect(&rw, -fd, SEED, 1, 1000);
	rw_expect(&rw, reg, SEED, 2, 1000);
	rw_close(&rw);
	file_unreg(fd);
}

E2E(regfd, descriptor_zero)
{
	struct rw rw;
	int fd;

	file_make("file", SEED, SIZE);
	rw_open(&rw, NULL, SIZE);
	fd = open_url("file", O_RDONLY); /* connects, which takes descriptors */
	close(0);
	cr_assert_eq(open_url("file", O_RDWR), 0);
	cr_assert_eq(usrbio_close(fd), 0);
	cr_assert(hf3fs_is_hf3fs(0));
	cr_assert_eq(hf3fs_reg_fd(0, 0), 0);
	cr_assert_eq(hf3fs_reg_fd(0, 0), EINVAL);
	rw_expect(&rw, 0, SEED, 0, SIZE);
	rw_put(&rw, 0, 5, 0, SIZE);
	file_check("file", 5, 0, SIZE);
	file_unreg(0);
	cr_assert_eq(hf3fs_prep_io(&rw.reads, &rw.iov, true, rw.base, 0, 0, 1, NULL), -EBADF);
	rw_close(&rw);
}

E2E(regfd, descriptor_zero_of_the_kernel)
{
	struct rw rw;
	int fd;

	attach_export();
	file_make("file", SEED, SIZE);
	rw_open(&rw, e2e_dir, SIZE);
	fd = open_file(path_of("file"), O_RDONLY);
	cr_assert_eq(dup2(fd, 0), 0);
	cr_assert_eq(hf3fs_reg_fd(0, 0), 0);
	close(fd);
	rw_expect(&rw, 0, SEED, 0, SIZE);
	close_reg(0);
	rw_close(&rw);
}

/* Closed, and the number used for another file: the registration is of the old one. */
E2E(regfd, a_number_used_again_stands_for_the_old_file)
{
	struct rw rw;
	int fd;

	file_make("old", SEED, SIZE);
	file_make("new", 5, SIZE);
	rw_open(&rw, NULL, SIZE);
	fd = file_reg(url_of("old"), O_RDWR);
	cr_assert_eq(usrbio_close(fd), 0);
	rw_expect(&rw, fd, SEED, 0, SIZE);
	cr_assert_eq(open_url("new", O_RDWR), fd);
	cr_assert_eq(hf3fs_reg_fd(fd, 0), EINVAL);
	rw_expect(&rw, fd, SEED, 0, SIZE);
	rw_put(&rw, fd, 7, 0, 1000);
	file_check("old", 7, 0, 1000);
	file_check("new", 5, 0, SIZE);
	hf3fs_dereg_fd(fd);
	cr_assert_eq(hf3fs_prep_io(&rw.reads, &rw.iov, true, rw.base, fd, 0, 1, NULL), -EBADF);
	cr_assert_eq(hf3fs_reg_fd(fd, 0), -fd);
	rw_expect(&rw, fd, 5, 0, SIZE);
	cr_assert_eq(usrbio_close(fd), 0);
	hf3fs_dereg_fd(fd); /* works after close, too */
	cr_assert_eq(hf3fs_prep_io(&rw.reads, &rw.iov, true, rw.base, fd, 0, 1, NULL), -EBADF);
	rw_close(&rw);
}

/* Room for many descriptors in this process, and few at first in the servers it starts. */
static void set_descriptors(rlim_t soft)
{
	struct rlimit limit;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = soft;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

E2E(regfd, one_file_many_times_at_a_server_of_few_descriptors)
{
	enum { N = 1000 };
	const int n = full_or_quick(N, 100);
	char export[600], mount[300], url[400], dir[500];
	struct server server;
	struct rw rw;
	int fds[N];

	e2e_needs_server_process();
	snprintf(dir, sizeof(dir), "%s/many", e2e_scratch);
	cr_assert_eq(mkdir(dir, 0755), 0);
	snprintf(export, sizeof(export), "m=%s", dir);
	set_descriptors(64);
	server_start(&server, NULL, export, NULL);
	set_descriptors(N + 200);
	snprintf(mount, sizeof(mount), "%s/m", server.addr);
	snprintf(url, sizeof(url), "%s/file", mount);
	rw_open(&rw, mount, SIZE);
	for (int i = 0; i < n; i++)
		fds[i] = file_reg(url, O_RDWR | O_CREAT);
	rw_put(&rw, fds[0], SEED, 0, SIZE);
	for (int i = 0; i < n; i++)
		rw_expect(&rw, fds[i], SEED, i, 64);
	for (int i = 0; i < n; i += 2)
		file_unreg(fds[i]);
	for (int i = 1; i < n; i += 2) {
		rw_expect(&rw, fds[i], SEED, i, 64);
		file_unreg(fds[i]);
	}
	rw_close(&rw);
	server_stop(&server);
}

struct registrations {
	int fd; /* one that all of them want */
	atomic_int won, lost;
};

static void *register_much(void *arg)
{
	struct registrations *all = arg;
	char name[32];
	struct rw rw;
	int err, me, fd;

	err = hf3fs_reg_fd(all->fd, 0);
	must(err == -all->fd || err == EINVAL, "%d", err);
	me = atomic_fetch_add(err <= 0 ? &all->won : &all->lost, 1);
	me += err <= 0 ? 0 : 1;
	snprintf(name, sizeof(name), "file%d", me);
	rw_open(&rw, NULL, 4096);
	for (int i = 0; i < full_or_quick(100, 2); i++) {
		fd = file_reg(url_of(name), O_RDWR | O_CREAT);
		rw_put(&rw, fd, me * 1000 + i, 0, 500);
		rw_expect(&rw, fd, me * 1000 + i, 0, 500);
		rw_expect(&rw, all->fd, SEED, me, 100);
		file_unreg(fd);
	}
	rw_close(&rw);
	return NULL;
}

E2E(regfd, sixteen_threads_at_once)
{
	pthread_t threads[THREADS];
	struct registrations all = {0};

	file_make("file", SEED, SIZE);
	all.fd = open_url("file", O_RDONLY);
	for (int i = 0; i < THREADS; i++)
		cr_assert(!pthread_create(&threads[i], NULL, register_much, &all));
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	cr_assert_eq(all.won, 1, "%d threads registered one number", all.won);
	cr_assert_eq(all.lost, THREADS - 1);
	file_unreg(all.fd);
}

/* Deregistered and closed while they wait: they run on the file they were prepared for. */
static void let_go(struct rw *rw, int fd, bool submitted)
{
	struct hf3fs_cqe cqes[RW_ENTRIES];

	for (long i = 0; i < RW_ENTRIES; i++)
		ring_prep(&rw->reads, &rw->iov, rw->base + i * 1000, fd, i * 1000, 1000, (void *)i);
	if (submitted)
		ring_submit(&rw->reads);
	hf3fs_dereg_fd(fd);
	cr_assert_eq(usrbio_close(fd), 0);
	cr_assert_eq(hf3fs_prep_io(&rw->writes, &rw->iov, false, rw->base, fd, 0, 1, NULL), -EBADF);
	if (submitted && !e2e_on_loop && e2e_dir)
		server_signal(&e2e_server, SIGCONT);
	ring_submit(&rw->reads);
	ring_wait(&rw->reads, cqes, RW_ENTRIES);
	for (long i = 0; i < RW_ENTRIES; i++) {
		cr_assert_eq(cqes[i].result, 1000);
		cr_assert_eq((long)cqes[i].userdata, i);
	}
	cr_assert_eq(pattern_diff(rw->base, RW_ENTRIES * 1000, SEED, 0), -1);
}

E2E(regfd, io_prepared_before_dereg_goes_on)
{
	struct rw rw;

	file_make("file", SEED, SIZE);
	rw_open(&rw, NULL, SIZE);
	for (int i = 0; i < 20; i++) {
		int fd = file_reg(url_of("file"), O_RDWR);

		let_go(&rw, fd, false);
	}
	rw_close(&rw);
}

E2E(regfd, io_in_flight_at_dereg_goes_on)
{
	struct rw rw;

	e2e_needs_server_process();
	file_make("file", SEED, SIZE);
	rw_open(&rw, NULL, SIZE);
	for (int i = 0; i < 5; i++) {
		int fd = file_reg(url_of("file"), O_RDWR);

		server_pause(&e2e_server);
		let_go(&rw, fd, true);
	}
	rw_close(&rw);
}

static void expect_no_io(const char *mount, int fd)
{
	struct rw rw;

	rw_open(&rw, mount, 4096);
	cr_assert_eq(rw_read(&rw, fd, 0, 100), -EBADF);
	rw_close(&rw);
}

E2E(regfd, directories_register_and_their_io_says_ebadf)
{
	int fd = open_url("", O_RDONLY | O_DIRECTORY);

	cr_assert(hf3fs_is_hf3fs(fd));
	cr_assert_eq(hf3fs_reg_fd(fd, 0), -fd);
	expect_no_io(NULL, fd);
	file_unreg(fd);
}

E2E(regfd, directories_of_the_kernel_register_too)
{
	int fd;

	attach_export();
	cr_assert_eq(mkdir(path_of("dir"), 0755), 0);
	fd = open_reg(path_of("dir"), O_RDONLY | O_DIRECTORY);
	cr_assert(hf3fs_is_hf3fs(fd));
	expect_no_io(e2e_dir, fd);
	close_reg(fd);
	fd = open_reg(e2e_dir, O_RDONLY | O_DIRECTORY);
	expect_no_io(e2e_dir, fd);
	close_reg(fd);
}
