/*
 * Server and tool in control groups of version 1 or 2, whichever the machine has: what does not fit
 * is refused, and the kernel ends nobody. Groups need root; the other version is tested with
 * made-up files (tests/unit/group.c), and in the guest.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/e2e/support/rw.h"

enum { SEED = 3, CLIENTS = 40, BLOCKS = 32, BLOCK = 64 << 10 };

static char group[64];

static bool group_set(const char *name, unsigned long value)
{
	char path[PATH_MAX];
	FILE *file;
	bool done;

	snprintf(path, sizeof(path), "%s/%s", group, name);
	file = fopen(path, "we");
	if (!file)
		return false;
	done = fprintf(file, "%lu\n", value) > 0;
	return !fclose(file) && done;
}

/* What a group limits, and the file of the limit in each version. */
struct limit {
	const char *controller, *v1, *v2;
};

static const struct limit memory = {"memory", "memory.limit_in_bytes", "memory.max"};
static const struct limit threads = {"pids", "pids.max", "pids.max"};

/* The file of the limit in the version at hand. */
static const char *limit_file;

/* Make a group of version 2. The controller may have to be given to the groups below the top. */
static bool group_make_v2(const struct limit *limit)
{
	FILE *file = fopen("/sys/fs/cgroup/cgroup.subtree_control", "we");

	if (!file)
		return false;
	fprintf(file, "+%s\n", limit->controller);
	fclose(file);
	snprintf(group, sizeof(group), "/sys/fs/cgroup/usrbio-e2e-%d", getpid());
	limit_file = limit->v2;
	return !mkdir(group, 0755);
}

static bool group_make_v1(const struct limit *limit)
{
	snprintf(group, sizeof(group), "/sys/fs/cgroup/%s/usrbio-e2e-%d", limit->controller,
		 getpid());
	limit_file = limit->v1;
	return !mkdir(group, 0755);
}

/* Make a group with a limit; the test is skipped where that cannot be done. */
static void group_make(const struct limit *limit, unsigned long value)
{
	if (!group_make_v1(limit) && !group_make_v2(limit))
		cr_skip_test("no control group can be made here");
	if (!group_set(limit_file, value)) {
		rmdir(group);
		cr_skip_test("the control group takes no limit");
	}
}

/* The group's processes may take a moment to go. */
static void group_remove(void)
{
	for (int i = 0; i < 3000 && rmdir(group) && errno == EBUSY; i++)
		nap_ms(10);
	cr_expect(access(group, F_OK));
}

/* Begin a command of a shell in the group. Its standard error goes to the log. */
static void start_in_group(struct process *process, const char *command, const char *log)
{
	char script[1400];

	snprintf(script, sizeof(script), "echo $$ >%s/cgroup.procs && exec %s", group, command);
	process_start(process, (const char *const[]){"/bin/sh", "-c", script, NULL}, log);
}

/* Start a server of a directory in the group. False: it ended instead. */
static bool serve_dir_in_group(struct server *server, const char *dir, const char *options)
{
	char command[1024], line[256], addr[96] = "";

	snprintf(command, sizeof(command),
		 "%s --listen tcp://127.0.0.1:0 --export data=%s --log info %s", E2E_SERVER, dir,
		 options);
	snprintf(server->log, sizeof(server->log), "%s", scratch_file("group.log"));
	start_in_group(&server->process, command, server->log);
	while (process_line(&server->process, line, sizeof(line))) {
		sscanf(line, "listening on %95s", addr);
		snprintf(server->addr, sizeof(server->addr), "%s", addr);
		if (!strcmp(line, "ready"))
			return true;
	}
	return false;
}

static bool serve_in_group(struct server *server, const char *options)
{
	const char *dir = scratch_file("served");

	cr_assert_eq(mkdir(dir, 0755), 0);
	return serve_dir_in_group(server, dir, options);
}

static bool log_has(const char *log, const char *text)
{
	FILE *file = fopen(log, "re");
	char line[1024];
	bool found = false;

	must(file, "%s", log);
	while (!found && fgets(line, sizeof(line), file))
		found = strstr(line, text) != NULL;
	fclose(file);
	return found;
}

static void needs_small_programs(void)
{
#ifdef __SANITIZE_ADDRESS__
	cr_skip_test("AddressSanitizer needs more memory than the group has");
#endif
}

E2E(group, a_server_that_does_not_fit_says_what_would)
{
	struct server server;

	e2e_needs_server_process();
	group_make(&memory, 128ul << 20);
	cr_expect_not(serve_in_group(&server, "--workers 64"));
	cr_expect_eq(process_wait(&server.process), 1);
	cr_expect(log_has(server.log, limit_file));
	cr_expect(log_has(server.log, " says 128 MiB: use --workers 13"));
	group_remove();
}

E2E(group, forty_clients_of_a_small_server)
{
	const int nr_clients = full_or_quick(CLIENTS, CLIENTS / 2 + 4);
	struct process clients[CLIENTS];
	struct server server;
	struct statfs fs;
	unsigned nr_served = 0;
	const char *size;

	e2e_needs_server_process();
	needs_small_programs();
	group_make(&memory, 128ul << 20);
	cr_assert(serve_in_group(&server, ""));
	cr_expect(log_has(server.log, "64 MiB of memory at most (by /sys/fs/cgroup/"));
	/* On a disk much more than the memory of the group; in tmpfs a part of that memory. */
	cr_assert_eq(statfs(e2e_scratch, &fs), 0);
	size = fs.f_type == TMPFS_MAGIC ? "256k" : "16M";
	for (int i = 0; i < nr_clients; i++) {
		char url[200];

		snprintf(url, sizeof(url), "%s/data/%d", server.addr, i);
		process_start(&clients[i],
			      (const char *const[]){E2E_TOOL, "bench", "--create", "--size", size,
						    "--block-size", "64k", "--depth", "64",
						    "--time", "2", url, NULL},
			      scratch_file("clients.log"));
	}
	for (int i = 0; i < nr_clients; i++)
		nr_served += !process_wait(&clients[i]);
	cr_expect_gt(nr_served, 0);
	cr_expect(log_has(server.log, "refusing connections: the limit --memory is reached: 64 MiB "
				      "(by /sys/fs/cgroup/") ||
		  log_has(server.log, "no room for another connection within --memory") ||
		  log_has(server.log, "no memory for the connection within --memory"));
	cr_expect_eq(kill(server.process.pid, SIGTERM), 0);
	cr_expect_eq(process_wait(&server.process), 0, "the kernel has ended it");
	group_remove();
}

E2E(group, a_copy_of_one_byte_needs_little_memory)
{
	char command[1200];
	struct process tool;
	struct stat st;
	FILE *file;

	e2e_needs_server_process();
	needs_small_programs();
	cr_assert_eq(mkdir(scratch_file("tree"), 0755), 0);
	file = fopen(scratch_file("tree/x"), "we");
	cr_assert(file);
	fputs("x", file);
	fclose(file);
	group_make(&memory, 64ul << 20);
	snprintf(command, sizeof(command), "%s cp -rq %s %s", E2E_TOOL, scratch_file("tree"),
		 e2e_mount);
	start_in_group(&tool, command, scratch_file("tool.log"));
	cr_expect_eq(process_wait(&tool), 0);
	cr_expect_eq(stat(path_of("tree/x"), &st), 0);
	cr_expect_eq(st.st_size, 1);
	group_remove();
}

/* The library is the server then, and it is this process that has no memory. */
E2E(group, a_mount_by_loop_that_does_not_fit_says_so)
{
	struct usrbio_stat st;
	char url[600];
	int status;
	pid_t pid;

	e2e_needs_local_files();
	needs_small_programs();
	cr_assert_eq(mkdir(scratch_file("tree"), 0755), 0);
	snprintf(url, sizeof(url), "loop://%s", scratch_file("tree"));
	group_make(&memory, 32ul << 20);
	pid = fork();
	if (!pid)
		_exit(group_set("cgroup.procs", (unsigned long)getpid()) ? -usrbio_stat(url, &st)
									 : 255);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect(WIFEXITED(status));
	cr_expect_eq(WEXITSTATUS(status), ENOMEM, "%s", strerror(WEXITSTATUS(status)));
	group_remove();
}

E2E(group, a_tmpfs_ends_before_the_group_does)
{
	char dir[] = "/dev/shm/usrbio-e2e-XXXXXX", mount[120], url[160], command[64];
	struct server server;
	struct statfs fs;
	struct rw rw;
	int64_t n = BLOCK;
	uint64_t off = 0;
	int fd;

	e2e_needs_server_process();
	needs_small_programs();
	if (statfs("/dev/shm", &fs) || fs.f_type != TMPFS_MAGIC || !mkdtemp(dir))
		cr_skip_test("/dev/shm is no tmpfs");
	group_make(&memory, 128ul << 20);
	cr_assert(serve_dir_in_group(&server, dir, ""));
	snprintf(mount, sizeof(mount), "%s/data", server.addr);
	snprintf(url, sizeof(url), "%s/file", mount);
	rw_open(&rw, mount, BLOCK);
	fd = file_reg(url, O_RDWR | O_CREAT);
	/* Pages that are allocated count like pages that are written. */
	cr_expect_eq(usrbio_fallocate(fd, 0, 0, 200 << 20), -ENOSPC);
	cr_expect_eq(usrbio_fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 4 << 20), 0);
	cr_expect_eq(usrbio_fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 200 << 20),
		     0);
	for (; n == BLOCK && off < 200 << 20; off += BLOCK)
		n = rw_write(&rw, fd, off, BLOCK);
	cr_expect_eq(n, -ENOSPC, "%ld at %lu", (long)n, (unsigned long)off);
	cr_expect_gt(off, 8 << 20);
	/* What is there can be read, and written anew; and what goes makes room. */
	rw_put(&rw, fd, SEED, 0, BLOCK);
	rw_expect(&rw, fd, SEED, 0, BLOCK);
	cr_expect_eq(hf3fs_punchhole(fd, 1, (size_t[]){0}, (size_t[]){off}, 0), 0);
	rw_put(&rw, fd, SEED, 0, BLOCK);
	rw_expect(&rw, fd, SEED, 0, BLOCK);
	file_unreg(fd);
	rw_close(&rw);
	server_stop(&server);
	group_remove();
	snprintf(command, sizeof(command), "rm -r %s", dir);
	cr_expect_eq(system(command), 0);
}

/* As many threads and processes as the group has, and no more. */
static void allow_no_threads(void)
{
	char path[PATH_MAX];
	unsigned long nr = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/pids.current", group);
	file = fopen(path, "re");
	cr_assert(file);
	cr_assert_eq(fscanf(file, "%lu", &nr), 1);
	fclose(file);
	cr_assert(group_set("pids.max", nr));
}

E2E(group, without_more_threads_io_goes_on)
{
	char mount[120], url[160];
	struct server server;
	struct statfs fs;
	struct rw rw;
	int fd;

	e2e_needs_server_process();
	cr_assert_eq(statfs(e2e_scratch, &fs), 0);
	if (fs.f_type == TMPFS_MAGIC)
		cr_skip_test("the I/O of tmpfs needs no thread");
	group_make(&threads, 1000);
	cr_assert(serve_in_group(&server, "--workers 2 --staging 8"));
	snprintf(mount, sizeof(mount), "%s/data", server.addr);
	snprintf(url, sizeof(url), "%s/file", mount);
	rw_open(&rw, mount, BLOCKS * BLOCK);
	fd = file_reg(url, O_RDWR | O_CREAT);
	allow_no_threads();
	for (int i = 0; i < BLOCKS; i++)
		rw_put(&rw, fd, SEED, (uint64_t)i * BLOCK, BLOCK);
	rw_expect(&rw, fd, SEED, 0, BLOCKS * BLOCK);
	cr_expect(log_has(server.log, "the kernel gives io_uring no more threads: raise "));
	cr_expect(group_set("pids.max", 1000));
	file_unreg(fd);
	rw_close(&rw);
	server_stop(&server);
	group_remove();
}
