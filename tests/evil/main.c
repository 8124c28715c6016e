/*
 * Lying peers. An evil client against a server process, and in a second process clients of evil
 * servers; beside each a neighbour that must not notice.
 *
 * usage: evil [--long] [CASE...]
 *     these cases; -CASE...: all but these; --long: no case is cut short
 *     evil --victim URL [CASE...], evil --linger URL: the second process; one that is killed
 *
 * evil_rdma is the same over rdma, with lies of its own, in the guest or with USRBIO_RXE_ADDR.
 * Prints RESULT evil cases= escapes= crashes= neighbour_errors=
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/must.h"
#include "tests/support/pattern.h"
#include "tests/support/process.h"
#include "tests/evil/clients/evil.h"
#include "tests/evil/servers/hostile.h"
#include "tests/evil/neighbour.h"

#define HANG_S	 110 /* of one case, which it names; ctest's limit for all of them is higher */
#define NR_LANES 4
#define REST_MS	 200	 /* of the neighbour, with --long */
enum { NR_WORKERS = 2 }; /* of the server */
/* What a second round may add: the server's staging buffers are touched one by one. */
#define GROWTH_KIB 65536

#ifdef __SANITIZE_ADDRESS__
enum { ROUNDS = 1 }; /* LeakSanitizer looks instead; freed memory waits in its quarantine */
#else
enum { ROUNDS = EVIL_ROUNDS };
#endif

struct totals {
	unsigned cases, escapes, crashes;
	unsigned long neighbour_errors;
};

static char **chosen;
static const char *volatile doing = "", *volatile lanes_do[NR_LANES];
static char root[256];
static bool thorough;

/* A case begins: it hangs if it takes longer than this. With --long the caller has the limit. */
static void limit_time(unsigned seconds)
{
	alarm(thorough ? 0 : seconds);
}

static void say_hung(const char *what)
{
	static const char text[] = "evil: hangs in ";

	if (what && (write(2, text, sizeof(text) - 1) < 0 || write(2, what, strlen(what)) < 0 ||
		     write(2, "\n", 1) < 0))
		_exit(3);
}

static void hung(int sig)
{
	say_hung(doing);
	for (int i = 0; i < NR_LANES; i++)
		say_hung(lanes_do[i]);
	_exit(2);
}

/* By its name, or as none of those after a minus. */
static bool is_chosen(const char *name)
{
	bool all = true;

	for (char **arg = chosen; *arg; arg++) {
		if (**arg == '-' ? !strcmp(*arg + 1, name) : !strcmp(*arg, name))
			return **arg != '-';
		all &= **arg == '-';
	}
	return all;
}

static unsigned long rss_kib(pid_t pid)
{
	char path[64], line[256];
	unsigned long kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "VmRSS: %lu", &kib);
	if (f)
		fclose(f);
	return kib;
}

static unsigned check_growth(const char *who, unsigned long before, pid_t pid)
{
	unsigned long now = rss_kib(pid);

	if (now <= before + GROWTH_KIB)
		return 0;
	printf("evil: %s grew from %lu to %lu KiB\n", who, before, now);
	return 1;
}

/* The fixture. */

static void make_file(const char *dir, const char *name)
{
	static uint8_t content[FILE_SIZE];
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	pattern_fill(content, sizeof(content), FILE_SEED, 0);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	must(fd >= 0 && write(fd, content, sizeof(content)) == (ssize_t)sizeof(content), "%s",
	     path);
	close(fd);
}

/* Make the directory of an export, whose store has these rules in front of it. */
static void make_dir(const char *name, const char *rules, char *export, size_t size)
{
	char dir[400], path[512];
	bool ro = !strcmp(name, "ro");

	snprintf(dir, sizeof(dir), "%s/%s", root, name);
	must(!mkdir(dir, 0755), "%s", dir);
	make_file(dir, "file");
	snprintf(path, sizeof(path), "%s/out", dir);
	must(!symlink("..", path), "%s", path);
	snprintf(path, sizeof(path), "%s/link", dir);
	must(!symlink("../secret", path), "%s", path);
	snprintf(export, size, "%s=%s%s%s", name, rules, dir, ro ? ",ro" : "");
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path) && 0;
}

static void start_server(struct process *server, char *url, size_t size)
{
	static const char listening[] = "listening on ";
	char exports[4][512], log[300], line[256];
	const char *const argv[] = {EVIL_SERVER,
				    "--insecure-no-auth",
				    "--listen",
				    wire_any(),
				    "--workers",
				    "2",
				    "--session-time",
				    "1",
				    "--export",
				    exports[0],
				    "--export",
				    exports[1],
				    "--export",
				    exports[2],
				    "--export",
				    exports[3],
				    NULL};

	make_dir("data", "", exports[0], sizeof(exports[0]));
	make_dir("other", "", exports[1], sizeof(exports[1]));
	make_dir("ro", "", exports[2], sizeof(exports[2]));
	make_dir("slow", "fault:write.delay_ms=" SLOW_MS ":", exports[3], sizeof(exports[3]));
	make_file(root, "secret");
	snprintf(log, sizeof(log), "%s/server.log", root);
	process_start(server, argv, log);
	do {
		must(process_line(server, line, sizeof(line)), "the server does not start");
		if (!strncmp(line, listening, strlen(listening)))
			snprintf(url, size, "%.90s", line + strlen(listening));
	} while (strcmp(line, "ready"));
}

/* The evil client. */

static bool is_dead(pid_t pid)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid;
}

static void run_client_lie(const struct fixture *fixture, const struct lie *lie,
			   struct totals *totals)
{
	struct evil e;

	doing = lie->name;
	limit_time(HANG_S);
	evil_open(&e, fixture, lie->name, lie->stage);
	lie->tell(&e, lie);
	evil_close(&e, NULL);
	totals->escapes += e.escapes;
}

static void run_client_lies(const struct fixture *fixture, pid_t server,
			    struct neighbour *neighbour, struct totals *totals)
{
	unsigned long before = 0;

	for (int round = 0; round < ROUNDS; round++) {
		totals->cases = 0;
		for (const struct lie *const *table = client_lies; *table; table++)
			for (const struct lie *lie = *table; lie->name; lie++) {
				if (!is_chosen(lie->name))
					continue;
				run_client_lie(fixture, lie, totals);
				neighbour_await(neighbour);
				totals->cases++;
				if (is_dead(server)) {
					printf("evil: client %s: the server died\n", lie->name);
					totals->crashes++;
					return;
				}
			}
		if (round)
			totals->escapes += check_growth("the server", before, server);
		before = rss_kib(server);
	}
}

/* The clients of evil servers: several at a time, for some of them wait. */

static atomic_uint next_lie, nr_run, nr_escapes;
static bool second_round;

/* Waiting for a timeout once will do. */
static bool is_run(const struct server_lie *lie)
{
	return is_chosen(lie->name) && !(second_round && lie->verdict == LATE);
}

static void *lane(void *arg)
{
	const char *volatile *does = arg;
	unsigned i;

	while ((i = atomic_fetch_add(&next_lie, 1)) < nr_server_lies) {
		if (!is_run(&server_lies[i]))
			continue;
		*does = server_lies[i].name;
		alarm(HANG_S - 10);
		atomic_fetch_add(&nr_escapes, victim_run(&server_lies[i]));
		atomic_fetch_add(&nr_run, 1);
		*does = NULL;
	}
	return NULL;
}

/* How many cases. */
static unsigned run_server_lies(void)
{
	pthread_t lanes[NR_LANES];

	atomic_store(&next_lie, 0);
	atomic_store(&nr_run, 0);
	for (int i = 0; i < NR_LANES; i++)
		must(!pthread_create(&lanes[i], NULL, lane, (void *)&lanes_do[i]), "thread");
	for (int i = 0; i < NR_LANES; i++)
		pthread_join(lanes[i], NULL);
	return atomic_load(&nr_run);
}

static int victim_main(const char *good)
{
	struct neighbour *neighbour = neighbour_start(good);
	unsigned fds = process_fds(getpid()), cases = run_server_lies();
	unsigned long rss = rss_kib(getpid());
	uint64_t errors;

	second_round = true;
	if (ROUNDS > 1) {
		run_server_lies();
		nr_escapes += check_growth("the clients", rss, getpid());
	}
	neighbour_await(neighbour);
	doing = "descriptors that stay open";
	while (process_fds(getpid()) > fds)
		nap_ms(10);
	errors = neighbour_stop(neighbour);
	printf("victim %u %u %lu\n", cases, atomic_load(&nr_escapes), (unsigned long)errors);
	return 0;
}

static void start_victim(struct process *victim, const char *self, const char *mount)
{
	const char *argv[64] = {self, "--victim", mount};

	for (int i = 0; chosen[i] && i < 60; i++)
		argv[3 + i] = chosen[i];
	process_start(victim, argv, NULL);
}

static void end_victim(struct process *victim, struct totals *totals)
{
	unsigned cases, escapes;
	unsigned long errors;
	bool told = false;
	char line[512];

	while (process_line(victim, line, sizeof(line))) {
		if (sscanf(line, "victim %u %u %lu", &cases, &escapes, &errors) == 3) {
			totals->cases += cases;
			totals->escapes += escapes;
			totals->neighbour_errors += errors;
			told = true;
		} else {
			puts(line);
		}
	}
	if (process_wait(victim) || !told) {
		puts("evil: the clients of evil servers died");
		totals->crashes++;
	}
}

static void show(const char *log)
{
	char line[1024];
	FILE *f = fopen(log, "re");

	while (f && fgets(line, sizeof(line), f))
		printf("server| %s", line);
	if (f)
		fclose(f);
}

static void end_server(struct process *server, struct totals *totals)
{
	char log[300];
	int status;

	doing = "the server's end";
	kill(server->pid, SIGTERM);
	status = process_wait(server);
	if (!status)
		return;
	totals->crashes += !totals->crashes;
	snprintf(log, sizeof(log), "%s/server.log", root);
	show(log);
}

/* What the server has open once each of its workers has had a client: over rdma that stays. */
static unsigned count_fds(const struct fixture *fixture)
{
	struct evil firsts[NR_WORKERS];
	unsigned fds;

	for (int i = 0; i < NR_WORKERS; i++)
		evil_open(&firsts[i], fixture, "first", STAGE_WELCOME);
	fds = process_fds(fixture->pid) - NR_WORKERS * wire_fds;
	for (int i = 0; i < NR_WORKERS; i++)
		evil_close(&firsts[i], NULL);
	return fds;
}

static void play(const char *self)
{
	struct process server, victim;
	char url[128], mount[160], data[300];
	struct fixture fixture = {.url = url, .data_dir = data, .thorough = thorough};
	struct neighbour *neighbour;
	struct totals totals = {0};
	unsigned fds;
	bool good;

	start_server(&server, url, sizeof(url));
	fixture.pid = server.pid;
	snprintf(mount, sizeof(mount), "%s/data?timeout=20", url);
	snprintf(data, sizeof(data), "%s/data", root);
	neighbour = neighbour_start(mount);
	if (thorough)
		neighbour_rest(neighbour, REST_MS);
	fds = count_fds(&fixture);
	start_victim(&victim, self, mount);
	run_client_lies(&fixture, server.pid, neighbour, &totals);
	doing = "clients of evil servers";
	alarm(0); /* that process has a limit of its own, and knows the case */
	end_victim(&victim, &totals);
	limit_time(HANG_S);
	doing = "the server's descriptors, which stay open";
	while (!is_dead(server.pid) && process_fds(server.pid) > fds)
		nap_ms(10);
	totals.neighbour_errors += neighbour_stop(neighbour);
	end_server(&server, &totals);
	good = !totals.escapes && !totals.crashes && !totals.neighbour_errors && totals.cases;
	printf("RESULT " EVIL_NAME " cases=%u escapes=%u crashes=%u neighbour_errors=%lu\n",
	       totals.cases, totals.escapes, totals.crashes, totals.neighbour_errors);
	exit(!good);
}

static void clean_up(void)
{
	if (*root)
		nftw(root, remove_one, 32, FTW_DEPTH | FTW_PHYS);
}

int main(int argc, char **argv)
{
	const char *tmp = getenv("TMPDIR");

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGALRM, hung);
	signal(SIGPIPE, SIG_IGN);
	alarm(HANG_S);
	if (argc > 2 && !strcmp(argv[1], "--victim")) {
		alarm(HANG_S - 10);
		chosen = argv + 3;
		return victim_main(argv[2]);
	}
	if (argc > 2 && !strcmp(argv[1], "--linger"))
		evil_linger(argv[2]);
	chosen = argv + 1;
	if (*chosen && !strcmp(*chosen, "--long")) {
		alarm(0);
		thorough = true;
		chosen++;
	}
	snprintf(root, sizeof(root), "%.200s/usrbio-evil.XXXXXX", tmp ? tmp : "/tmp");
	must(mkdtemp(root), "%s", root);
	atexit(clean_up);
	play(argv[0]);
}
