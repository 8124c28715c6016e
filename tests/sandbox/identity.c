/*
 * Clients who stand for users: what a thread may do that has become one is what the kernel lets
 * that user do. Each operation of the posix store is tried by each user on files and directories of
 * every mode, beside a process that has really become the user and does the same by system calls;
 * the answers must be equal, and what has been made must belong to the same. Needs root.
 *
 * Prints RESULT uid-map cases= allowed= wrong=
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/list.h"
#include "server/base/identity.h"
#include "server/base/job_threads.h"
#include "tests/support/must.h"
#include "tests/sandbox/identity_ops.h"

#define SERVER	     1700 /* and no other of what is here */
#define SERVER_GROUP 1800

/* Of files and directories that belong to OWNER and OWNER_GROUP. */
static const struct identity users[] = {
	{OWNER, OWNER_GROUP}, {OWNER, 1601}, {1501, OWNER_GROUP}, {1501, 1601}, {0, 0}, {1501, 0},
};

/* Of the directory that an object is in; and of the object. */
static const mode_t dir_modes[] = {0,	 0700, 0500, 0300, 0100, 0070,	0050, 0030,
				   0007, 0005, 0003, 0755, 0777, 01777, 02777};
static const mode_t modes[] = {0, 0600, 0400, 0200, 0060, 0040, 0020, 0006, 0004, 0002, 0644, 0777};

/* Processes that are told an operation and say the answer, below a place and for a user. */
struct helper {
	pid_t pid;
	int ask, answer;
};

/* How a helper is who it is: before the first operation, and for each. */
struct manner {
	void (*become)(const struct identity *user);
	int (*run)(struct place *place, const struct identity *user, uint8_t op);
};

/* In all ways, and for good. */
static void become_really(const struct identity *user)
{
	must(!setgroups(0, NULL) && !setgid(user->gid) && !setuid(user->uid), "user %u", user->uid);
}

static int run_by_kernel(struct place *place, const struct identity *user, uint8_t op)
{
	return ops[op].kernel(place);
}

/* A server that is root. Its groups would let it in where its users may not go. */
static void stay_root(const struct identity *user)
{
	const gid_t group = OWNER_GROUP;

	must(!setgroups(1, &group), "groups");
}

/* A server that is nobody, and may be others: what its unit has with users.conf. */
static void become_server(const struct identity *user)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
	const gid_t group = OWNER_GROUP;

	must(!prctl(PR_SET_KEEPCAPS, 1) && !setgroups(1, &group) && !setgid(SERVER_GROUP) &&
		     !setuid(SERVER),
	     "server");
	data[0].permitted = data[0].effective = 1u << CAP_SETUID | 1u << CAP_SETGID;
	must(!syscall(SYS_capset, &header, data), "capset");
	must(!identity_missing(), "%s", identity_missing());
}

static int run_by_store(struct place *place, const struct identity *user, uint8_t op)
{
	int err;

	must(!identity_become(user), "identity %u", user->uid);
	err = ops[op].store(place);
	must(!identity_become(NULL), "back again");
	return err;
}

static const struct manner really = {become_really, run_by_kernel};
static const struct manner mapped_by_root = {stay_root, run_by_store};
static const struct manner mapped_by_server = {become_server, run_by_store};

static void help(struct place *place, const struct manner *manner, const struct identity *user,
		 int ask, int answer)
{
	uint8_t op;
	int err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	must(!chdir(place->dir), "%s", place->dir);
	place_open(place);
	manner->become(user);
	while (read(ask, &op, 1) == 1) {
		err = manner->run(place, user, op);
		must(write(answer, &err, sizeof(err)) == sizeof(err), "write");
	}
	_exit(0);
}

static void helper_start(struct helper *helper, struct place *place, const struct manner *manner,
			 const struct identity *user)
{
	int ask[2], answer[2];

	must(!pipe2(ask, O_CLOEXEC) && !pipe2(answer, O_CLOEXEC), "pipe");
	helper->pid = fork();
	must(helper->pid >= 0, "fork");
	if (!helper->pid) {
		close(ask[1]);
		help(place, manner, user, ask[0], answer[1]);
	}
	close(ask[0]);
	close(answer[1]);
	helper->ask = ask[1];
	helper->answer = answer[0];
}

static int helper_do(struct helper *helper, uint8_t op)
{
	int err;

	must(write(helper->ask, &op, 1) == 1, "write");
	must(read(helper->answer, &err, sizeof(err)) == sizeof(err), "read");
	return err;
}

static void helper_stop(struct helper *helper)
{
	int status;

	close(helper->ask);
	close(helper->answer);
	must(waitpid(helper->pid, &status, 0) == helper->pid && !status, "a helper's end");
}

struct tally {
	unsigned cases, allowed, wrong;
};

/* The same in both trees. */
static bool alike(const struct place *a, const struct place *b, const char *name)
{
	struct stat x, y;
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", a->dir, name);
	must(!stat(path, &x), "%s", path);
	snprintf(path, sizeof(path), "%s/%s", b->dir, name);
	must(!stat(path, &y), "%s", path);
	return x.st_uid == y.st_uid && x.st_gid == y.st_gid && x.st_mode == y.st_mode;
}

/* A row of the matrix. */
struct row {
	struct place *mapped, *kernel;
	struct helper by_store, by_kernel;
	const struct identity *user;
	uint8_t op;
	struct tally *tally;
};

static void compare(struct row *row, mode_t dir_mode, mode_t mode)
{
	const struct op *op = &ops[row->op];
	int got, wanted;

	place_set_up(row->kernel, dir_mode, mode);
	wanted = helper_do(&row->by_kernel, row->op);
	place_set_up(row->mapped, dir_mode, mode);
	got = helper_do(&row->by_store, row->op);
	row->tally->cases++;
	row->tally->allowed += !wanted;
	if (got == wanted && (got || !op->made || alike(row->mapped, row->kernel, op->made)))
		return;
	row->tally->wrong++;
	printf("%s: user %u, group %u, directory %04o, file %04o: %s, should be %s\n", op->name,
	       row->user->uid, row->user->gid, dir_mode, mode, strerror(-got), strerror(-wanted));
}

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void compare_modes(struct row *row)
{
	size_t nr_modes = ops[row->op].of_dir ? 1 : COUNT(modes);

	for (size_t d = 0; d < COUNT(dir_modes); d++)
		for (size_t m = 0; m < nr_modes; m++)
			compare(row, dir_modes[d], modes[m]);
}

/* Helpers see what is learnt of a place. */
static struct place *place_make(const char *base, const char *name)
{
	struct place *place = mmap(NULL, sizeof(*place), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	must(place != MAP_FAILED, "mmap");
	snprintf(place->dir, sizeof(place->dir), "%s/%s", base, name);
	must(!mkdir(place->dir, 0777), "%s", place->dir);
	return place;
}

static void run_all(const char *base, const char *name, unsigned flags, const struct manner *manner,
		    struct tally *tally)
{
	struct row row = {.mapped = place_make(base, name), .tally = tally};
	char beside[64];

	snprintf(beside, sizeof(beside), "%s-kernel", name);
	row.kernel = place_make(base, beside);
	row.mapped->is_export = true;
	row.mapped->flags = flags | STORE_UNLOCKED;
	place_open(row.mapped);
	for (size_t u = 0; u < COUNT(users); u++) {
		row.user = &users[u];
		if (!row.user->uid && manner == &mapped_by_server)
			continue; /* nor can it be root */
		helper_start(&row.by_kernel, row.kernel, &really, row.user);
		helper_start(&row.by_store, row.mapped, manner, row.user);
		for (row.op = 0; row.op < nr_ops; row.op++)
			compare_modes(&row);
		helper_stop(&row.by_store); /* the younger first: it has the other's pipe, too */
		helper_stop(&row.by_kernel);
	}
	place_close(row.mapped);
	munmap(row.mapped, sizeof(*row.mapped));
	munmap(row.kernel, sizeof(*row.kernel));
}

/* Descriptors stay good when the one who opened them has gone from the thread. */
static void check_io_goes_on(const char *base)
{
	const struct identity user = {1501, 1601}, another = {1502, 1602};
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/open-to-all", base);
	must(!mkdir(path, 0777), "mkdir");
	strcat(path, "/file");
	must(!identity_become(&user), "identity");
	fd = open(path, O_RDWR | O_CREAT, 0600);
	must(fd >= 0, "open");
	must(!identity_become(&another), "identity");
	must(open(path, O_RDWR) < 0 && errno == EACCES, "another user");
	must(write(fd, "x", 1) == 1, "write");
	must(!identity_become(NULL), "back again");
	close(fd);
}

/* From any user to any other and back, the thread is who it should be. */
static void check_turns(void)
{
	static const struct identity a = {1501, 1601}, b = {1501, 1602}, c = {1502, 1602},
				     root = {0, 0};
	static const struct identity *const turns[] = {&a, &a,	  &b, &c,   &root, &a, NULL,
						       &c, &root, &c, NULL, NULL,  &a, NULL};

	for (size_t i = 0; i < COUNT(turns); i++) {
		uid_t uid = turns[i] ? turns[i]->uid : geteuid();
		gid_t gid = turns[i] ? turns[i]->gid : getegid();

		must(!identity_become(turns[i]), "turn %zu", i);
		must((uid_t)setfsuid((uid_t)-1) == uid && (gid_t)setfsgid((gid_t)-1) == gid,
		     "turn %zu", i);
	}
}

/* A job that tells as whom it runs, becomes a user, and queues the next one meanwhile. */
struct queued {
	struct job job;
	struct job_threads *threads;
	struct queued *next; /* NULL: none */
	uid_t uid;
	sem_t done;
};

static void run_queued(struct job *job)
{
	static const struct identity user = {1501, 1601};
	struct queued *queued = container_of(job, struct queued, job);
	struct job_load load;

	queued->uid = (uid_t)setfsuid((uid_t)-1);
	must(!identity_become(&user), "identity");
	if (queued->next) {
		job_threads_run(queued->threads, NULL, &queued->next->job);
		job_threads_load(queued->threads, &load);
		must(load.nr_threads == 1, "a user's job starts a thread");
	}
	sem_post(&queued->done);
}

/* A thread inherits the user of its starter: none is started by a job that acts as one. */
static void check_threads(void)
{
	struct queued jobs[3] = {{.next = &jobs[1]}, {.next = &jobs[2]}};
	struct job_threads *threads;

	must(!job_threads_open(&threads, "usrbio-calls", 8), "threads");
	for (size_t i = 0; i < COUNT(jobs); i++) {
		jobs[i].job.run = run_queued;
		jobs[i].threads = threads;
		sem_init(&jobs[i].done, 0, 0);
	}
	job_threads_run(threads, NULL, &jobs[0].job);
	for (size_t i = 0; i < COUNT(jobs); i++)
		while (sem_wait(&jobs[i].done))
			;
	must(jobs[0].uid == geteuid(), "the first thread is user %u", jobs[0].uid);
	must(!job_threads_close(threads, 60000), "close");
}

int main(void)
{
	char base[64] = "/tmp/usrbio-identity-XXXXXX", command[96];
	struct tally tally = {0};

	if (geteuid() || identity_missing()) {
		printf("needs root: %s\n", geteuid() ? "is not" : identity_missing());
		return 77;
	}
	check_turns();
	check_threads();
	umask(0);
	must(mkdtemp(base) && !chmod(base, 0777), "%s", base);
	check_io_goes_on(base);
	run_all(base, "root", 0, &mapped_by_root, &tally);
	run_all(base, "sync", STORE_SYNC, &mapped_by_root, &tally);
	run_all(base, "server", STORE_SYNC, &mapped_by_server, &tally);
	must(!chdir("/"), "chdir");
	snprintf(command, sizeof(command), "rm -r %s", base);
	must(!system(command), "%s", command);
	printf("RESULT uid-map cases=%u allowed=%u wrong=%u\n", tally.cases, tally.allowed,
	       tally.wrong);
	return tally.wrong || !tally.allowed;
}
