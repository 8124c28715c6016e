/* The state dump: what hangs is in it, with its age, and nobody is harmed by it. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/e2e/support/load.h"

#define SIZE 16384

static char text[1 << 20];

static const char *read_text(int fd)
{
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	cr_assert_geq(n, 0);
	text[n] = '\0';
	return text;
}

/* Overwrites the last one. */
static const char *dump(void)
{
	int fd = open(scratch_file("dump"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	cr_assert_geq(fd, 0);
	cr_assert_eq(usrbio_dump(fd), 0);
	read_text(fd);
	close(fd);
	cr_assert_not(strncmp(text, "dump: usrbio ", 13), "%s", text);
	cr_assert_str_eq(text + strlen(text) - 10, "dump: end\n");
	return text;
}

/* The dump has this part; returns what follows it. */
static const char *follows(const char *dump, const char *part)
{
	const char *at = strstr(dump, part);

	cr_assert(at, "no \"%s\" in\n%s", part, dump);
	return at + strlen(part);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void *stat_file(void *url)
{
	struct usrbio_stat st;

	must(!usrbio_stat(url, &st), "%s", (char *)url);
	return NULL;
}

/* A read that hangs while the server stands still, and a call beside it. */
E2E(dump, shows_what_hangs_and_since_when)
{
	enum { TIMEOUT = 8 };
	static const char io[] =
		"oldest I/O under way: read of 4096 bytes at 8192 of \"hangs?[31m\", for ";
	const double tick = TIMEOUT / 16.;
	const char *mount = mount_with("timeout=8");
	char url[400], name[64];
	double begin, submitted, asked, age;
	struct hf3fs_cqe cqe;
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	pthread_t thread;
	int fd;

	e2e_needs_server_process();
	snprintf(name, sizeof(name), "hangs\033[31m");
	file_make(name, 1, SIZE);
	snprintf(url, sizeof(url), "%s/%s", mount, name);
	ring_make(&ior, mount, true, 4);
	iov_make(&iov, mount, SIZE);
	fd = file_reg(url, O_RDONLY);
	cr_assert_eq(ring_io(&ior, &iov, iov.base, fd, 0, 4096), 4096);
	follows(dump(), "I/Os: 0 of ");
	cr_assert_not(strstr(text, "oldest I/O"), "nothing is under way");

	server_pause(&e2e_server);
	begin = seconds();
	ring_prep(&ior, &iov, iov.base, fd, 8192, 4096, NULL);
	ring_prep(&ior, &iov, iov.base + 8192, fd, 12288, 1024, NULL);
	ring_submit(&ior);
	submitted = seconds();
	cr_assert_not(pthread_create(&thread, NULL, stat_file, url));
	nap_ms(1500);
	asked = seconds();
	age = atof(follows(dump(), io));
	cr_assert_geq(age, asked - submitted - 0.001);
	cr_assert_leq(age, seconds() - begin + tick + 0.001, "at most a tick more: %f", age);
	follows(text, ": up; incarnation ");
	follows(text, "I/Os: 2 of ");
	follows(text, "0 submitted and held back by io_depth, 0 to be sent, 2 sent, 0 completed");
	follows(text, "1 of 64 under way");
	age = atof(follows(text, "call stat: under way, for "));
	cr_assert(age > 1 && age < 4, "%f", age);
	follows(text, "session: up\n");
	follows(text, "regions: 1 of 16384 bytes, 0 of them wrapped memory, 1 registered");
	follows(text, "regions announced: 1 for reading files, 0 for writing");

	/* The silence ends the connection, and what was sent waits for the next one. */
	while (!strstr(dump(), "waits to be sent again: read of 4096 bytes at 8192"))
		nap_ms(20);
	follows(text, "I/Os: 0 of ");
	follows(text, "2 wait to be sent again");
	follows(text, "session: reconnecting for ");
	follows(text, "session: incarnation 1 was lost: Connection timed out");
	follows(text, "call stat: waits to be sent again, for ");
	server_signal(&e2e_server, SIGCONT);
	ring_wait(&ior, &cqe, 1);
	ring_wait(&ior, &cqe, 1);
	pthread_join(thread, NULL);
	cr_assert_not(strstr(dump(), "oldest I/O"), "%s", text);
	file_unreg(fd);
	hf3fs_iordestroy(&ior);
	hf3fs_iovdestroy(&iov);
}

/* I/Os in each of the states that the client alone decides about. */
E2E(dump, shows_what_waits_in_the_ring)
{
	struct hf3fs_cqe cqes[4];
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	int fd;

	file_make("file", 1, SIZE);
	iov_make(&iov, NULL, SIZE);
	cr_assert_not(hf3fs_iorcreate4(&ior, e2e_mount, 8, true, 4, 0, -1, 0));
	fd = file_reg(url_of("file"), O_RDONLY);
	for (int i = 0; i < 3; i++)
		ring_prep(&ior, &iov, iov.base, fd, 0, 1024, NULL);
	follows(dump(), "for reading, 8 entries, io_depth 4; I/Os: 3 prepared, 0 submitted");
	ring_submit(&ior);
	follows(dump(), "I/Os: 0 prepared, 3 submitted and held back by io_depth, 0 to be sent");
	ring_prep(&ior, &iov, iov.base, fd, 0, 1024, NULL);
	ring_submit(&ior);
	while (!strstr(dump(), "0 to be sent, 0 sent, 4 completed and to be collected; 0 waiters"))
		nap_ms(5);
	ring_wait(&ior, cqes, 4);
	follows(dump(), "0 sent, 0 completed and to be collected; 0 waiters");
	file_unreg(fd);
	hf3fs_iordestroy(&ior);
	hf3fs_iovdestroy(&iov);
	cr_assert_not(strstr(dump(), ": ring "), "%s", text);
}

E2E(dump, says_why_it_could_not_be_written)
{
	int ends[2];

	cr_assert_eq(usrbio_dump(-1), -EBADF);
	cr_assert_not(pipe(ends));
	signal(SIGPIPE, SIG_IGN);
	close(ends[0]);
	cr_assert_eq(usrbio_dump(ends[1]), -EPIPE);
	close(ends[1]);
}

E2E(dump, harms_nobody_under_load)
{
	struct load *load = load_start(e2e_mount, "load", 4);
	unsigned nr_busy = 0;

	for (int i = 0; i < 200; i++)
		nr_busy += strstr(dump(), "busy") != NULL;
	printf("busy in %u of 200 dumps\n", nr_busy);
	fflush(stdout);
	cr_assert_lt(nr_busy, 200);
	load_await(load);
	load_stop(load);
}

/* What a process with such an environment says on a signal, at work or idle. */
static void signal_child(const char *name, int sig, const char *how)
{
	const char *log = scratch_file("client.log");
	struct process client;
	char id[64];
	int fd;

	file_make("file", 1, SIZE);
	setenv("USRBIO_DUMP_SIGNAL", name, 1);
	process_start(&client,
		      (const char *const[]){E2E_LIFE, e2e_mount, how, url_of("file"), NULL}, log);
	unsetenv("USRBIO_DUMP_SIGNAL");
	cr_assert(process_line(&client, id, sizeof(id)));
	fd = open(log, O_RDONLY | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	for (int i = 0; i < 3; i++) {
		size_t len = strlen(read_text(fd));

		cr_assert_not(kill(client.pid, sig));
		while (!strstr(read_text(fd) + len, "dump: end\n"))
			nap_ms(5);
		follows(text + len, "dump: mount ");
		follows(text + len, ": ring ");
	}
	close(fd);
	cr_assert_not(kill(client.pid, SIGKILL));
	cr_assert_eq(process_wait(&client), 128 + SIGKILL);
}

E2E(dump, comes_on_the_signal_of_the_environment)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", SIGRTMIN + 1);
	signal_child("USR1", SIGUSR1, "busy");
	signal_child("SIGUSR2", SIGUSR2, "orphan");
	signal_child(number, SIGRTMIN + 1, "orphan");
}

static volatile sig_atomic_t nr_own;

static void handle_own(int sig)
{
	nr_own++;
}

/* Our first mount is made while the program handles the signal itself, or names none. */
static void refused(const char *name, const char *word)
{
	int log = open(scratch_file("log"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int before = dup(STDERR_FILENO);
	struct usrbio_stat st;

	signal(SIGUSR1, handle_own);
	setenv("USRBIO_DUMP_SIGNAL", name, 1);
	dup2(log, STDERR_FILENO);
	cr_expect_eq(usrbio_stat(url_of("none"), &st), -ENOENT);
	cr_expect_not(raise(SIGUSR1));
	dup2(before, STDERR_FILENO);
	close(before);
	follows(read_text(log), word);
	close(log);
	cr_assert_eq(nr_own, 1);
	cr_assert_not(strstr(text, "dump: end"));
}

E2E(dump, replaces_no_handler)
{
	refused("USR1", "USRBIO_DUMP_SIGNAL=USR1: the program handles or ignores this signal");
}

E2E(dump, wants_a_signal_that_can_be_handled)
{
	refused("11", "USRBIO_DUMP_SIGNAL=11: not USR1, USR2 or the number of a signal");
}
