/*
 * Bytes without work over tls, from a client that has a key and never says its Hello, beside a
 * neighbour at the same worker, the only one of the server.
 *
 * usage: evil_tls [CASE...]
 *     each flood goes on while the neighbour does some rounds, all of which must succeed; the
 *     server ends connections with nothing but KeyUpdates, and says why
 * usage: evil_tls --measure SECONDS [CASE...]
 *     prints the longest wait of the neighbour without and beside each flood, by the clock and
 *     by the time that the worker has run meanwhile, whatever else the machine does
 * Prints RESULT evil-tls cases= neighbour_errors= or
 * RESULT evil-tls-CASE longest_us= p99_us= worker_longest_us= worker_p99_us=
 */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/hf3fs_usrbio.h"
#include "client/usrbio.h"
#include "common/auth/keyfile.h"
#include "common/auth/secret.h"
#include "common/base/clock.h"
#include "tests/evil/neighbour.h"
#include "tests/evil/tls/flooder.h"
#include "tests/support/must.h"
#include "tests/support/process.h"

#define HANG_S	  280 /* of one case, which it names; ctest's limit for all of them is higher */
#define FLOOD_MIN (1u << 20)
enum { ROUNDS = 20, IO_SIZE = 4096, WAITS_MAX = 1 << 20 };

static const struct flood floods[] = {
	{"key-updates-before-a-hello", flood_keys},
	{"hello-in-crumbs", flood_hello},
	{"tls-hello-in-crumbs", flood_crumbs},
};
#define NR_FLOODS (sizeof(floods) / sizeof(*floods))

static char root[128];
static const char *volatile doing = "starting";
static struct process server;
static char url[128], mount[300];
static struct tp_tls_config key;

static void hung(int sig)
{
	if (write(1, "evil_tls: hangs in ", 19) < 0 || write(1, doing, strlen(doing)) < 0 ||
	    write(1, "\n", 1) < 0)
		_exit(3);
	_exit(2);
}

/* A key for all, and where the client and the server find it. */
static void draw_key(const char *file, const char *keyring)
{
	struct secret secret;
	uint8_t tag[TAG_SIZE];
	char line[256];
	FILE *from, *to;

	must(!secret_draw(&secret) && !secret_tag(&secret, tag) && !secret_psk(&secret, key.psk),
	     "no randomness");
	secret_identity("all", tag, key.identity);
	must(!keyfile_write(file, "all", &secret), "%s", file);
	from = fopen(file, "re");
	to = fopen(keyring, "we");
	must(from && to && !fchmod(fileno(to), 0600), "%s", keyring);
	while (fgets(line, sizeof(line), from))
		fputs(line, to);
	fputs("export = data:rw\n", to);
	fclose(from);
	fclose(to);
	setenv("USRBIO_KEY", file, 1);
}

static void start(void)
{
	static const char listening[] = "listening on ";
	char file[160], keyring[160], log[160], line[256];
	const char *const argv[] = {EVIL_SERVER, "--workers",	      "1",
				    "--listen",	 "tls://127.0.0.1:0", "--keyring",
				    keyring,	 "--export",	      "data=memory:67108864",
				    NULL};

	snprintf(file, sizeof(file), "%s/key", root);
	snprintf(keyring, sizeof(keyring), "%s/keyring", root);
	snprintf(log, sizeof(log), "%s/server.log", root);
	draw_key(file, keyring);
	process_start(&server, argv, log);
	do {
		must(process_line(&server, line, sizeof(line)), "the server does not start");
		if (!strncmp(line, listening, strlen(listening)))
			snprintf(url, sizeof(url), "%.100s", line + strlen(listening));
	} while (strcmp(line, "ready"));
	snprintf(mount, sizeof(mount), "%s/data?timeout=60", url);
}

static bool said(const char *text)
{
	char log[160], line[1024];
	bool found = false;
	FILE *f;

	snprintf(log, sizeof(log), "%s/server.log", root);
	f = fopen(log, "re");
	while (f && fgets(line, sizeof(line), f))
		found |= strstr(line, text) != NULL;
	if (f)
		fclose(f);
	return found;
}

static void run_case(const struct flood *flood, struct neighbour *neighbour)
{
	struct flooder *flooder = flooder_start(url, &key, flood);
	uint64_t most;

	doing = flood->name;
	alarm(HANG_S);
	for (int i = 0; i < ROUNDS; i++) {
		flooder_await(flooder, 1);
		neighbour_await(neighbour);
	}
	flooder_await(flooder, FLOOD_MIN);
	neighbour_await(neighbour);
	most = flooder_stop(flooder);
	if (flood->body != flood_keys)
		return;
	must(most, "the server has ended no connection");
	must(said("messages of TLS, such as KeyUpdate"),
	     "the server does not say why it ended them");
}

/* The neighbour that is measured. */

struct reader {
	struct hf3fs_ior ring;
	struct hf3fs_iov iov;
	int fd;
	unsigned nr;
	uint32_t *waits_us, *runs_us;
	char schedstat[64]; /* of the worker */
};

static void find_worker(struct reader *reader)
{
	char path[64], name[32];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", server.pid);
	dir = opendir(path);
	must(dir, "%s", path);
	while (!*reader->schedstat && (entry = readdir(dir))) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/task/%.10s/comm", server.pid, entry->d_name);
		f = fopen(path, "re");
		if (f && fgets(name, sizeof(name), f) && !strcmp(name, "usrbio-worker\n"))
			snprintf(reader->schedstat, sizeof(reader->schedstat),
				 "/proc/%d/task/%.10s/schedstat", server.pid, entry->d_name);
		if (f)
			fclose(f);
	}
	closedir(dir);
	must(*reader->schedstat, "the server has no worker");
}

/* How long the worker has run so far. */
static uint64_t worker_ns(const struct reader *reader)
{
	FILE *f = fopen(reader->schedstat, "re");
	unsigned long long ns = 0;

	must(f && fscanf(f, "%llu", &ns) == 1, "%s", reader->schedstat);
	fclose(f);
	return ns;
}

static void reader_open(struct reader *reader)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/measured", mount);
	reader->fd = usrbio_open(path, O_RDWR | O_CREAT, 0644);
	reader->waits_us = malloc(WAITS_MAX * sizeof(*reader->waits_us));
	reader->runs_us = malloc(WAITS_MAX * sizeof(*reader->runs_us));
	find_worker(reader);
	must(reader->waits_us && reader->runs_us, "memory");
	must(reader->fd >= 0 && hf3fs_reg_fd(reader->fd, 0) <= 0, "%s", path);
	must(!usrbio_ftruncate(reader->fd, IO_SIZE), "ftruncate");
	must(!hf3fs_iorcreate(&reader->ring, mount, 1, true, 0, -1), "iorcreate");
	must(!hf3fs_iovcreate(&reader->iov, mount, IO_SIZE, 0, -1), "iovcreate");
}

static void read_once(struct reader *reader)
{
	uint64_t begin = now_ns(), ran = worker_ns(reader);
	struct hf3fs_cqe cqe;

	must(hf3fs_prep_io(&reader->ring, &reader->iov, true, reader->iov.base, reader->fd, 0,
			   IO_SIZE, NULL) >= 0 &&
		     !hf3fs_submit_ios(&reader->ring) &&
		     hf3fs_wait_for_ios(&reader->ring, &cqe, 1, 1, NULL) == 1 &&
		     cqe.result == IO_SIZE,
	     "a read of the neighbour");
	reader->waits_us[reader->nr % WAITS_MAX] = (uint32_t)((now_ns() - begin) / 1000);
	reader->runs_us[reader->nr++ % WAITS_MAX] = (uint32_t)((worker_ns(reader) - ran) / 1000);
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void measure_for(struct reader *reader, const char *name, unsigned seconds)
{
	uint64_t end = now_ns() + seconds * 1000000000ull;
	unsigned nr;

	reader->nr = 0;
	while (now_ns() < end)
		read_once(reader);
	nr = reader->nr < WAITS_MAX ? reader->nr : WAITS_MAX;
	qsort(reader->waits_us, nr, sizeof(*reader->waits_us), compare);
	qsort(reader->runs_us, nr, sizeof(*reader->runs_us), compare);
	printf("RESULT evil-tls-%s reads=%u longest_us=%u p99_us=%u worker_longest_us=%u "
	       "worker_p99_us=%u\n",
	       name, reader->nr, reader->waits_us[nr - 1],
	       reader->waits_us[(uint64_t)nr * 99 / 100], reader->runs_us[nr - 1],
	       reader->runs_us[(uint64_t)nr * 99 / 100]);
}

static bool is_chosen(char **chosen, const char *name)
{
	bool any = !*chosen;

	for (; *chosen; chosen++)
		any |= !strcmp(*chosen, name);
	return any;
}

static void measure(unsigned seconds, char **chosen)
{
	struct reader reader;

	reader_open(&reader);
	measure_for(&reader, "quiet", seconds);
	for (size_t i = 0; i < NR_FLOODS; i++) {
		struct flooder *flooder;

		if (!is_chosen(chosen, floods[i].name))
			continue;
		flooder = flooder_start(url, &key, &floods[i]);
		flooder_await(flooder, 1);
		measure_for(&reader, floods[i].name, seconds);
		flooder_stop(flooder);
	}
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path) && 0;
}

static unsigned run_cases(char **chosen, uint64_t *errors)
{
	struct neighbour *neighbour = neighbour_start(mount);
	unsigned cases = 0;

	for (size_t i = 0; i < NR_FLOODS; i++)
		if (is_chosen(chosen, floods[i].name)) {
			run_case(&floods[i], neighbour);
			cases++;
		}
	*errors = neighbour_stop(neighbour);
	return cases;
}

int main(int argc, char **argv)
{
	bool measures = argc > 2 && !strcmp(argv[1], "--measure");
	const char *tmp = getenv("TMPDIR");
	unsigned cases = 0;
	uint64_t errors = 0;
	int status;

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGALRM, hung);
	signal(SIGPIPE, SIG_IGN);
	snprintf(root, sizeof(root), "%.80s/usrbio-evil.XXXXXX", tmp ? tmp : "/tmp");
	must(mkdtemp(root), "%s", root);
	start();
	if (measures)
		measure((unsigned)atoi(argv[2]), argv + 3);
	else
		cases = run_cases(argv + 1, &errors);
	doing = "the server's end";
	kill(server.pid, SIGTERM);
	status = process_wait(&server);
	nftw(root, remove_one, 32, FTW_DEPTH | FTW_PHYS);
	if (!measures)
		printf("RESULT evil-tls cases=%u neighbour_errors=%llu server=%d\n", cases,
		       (unsigned long long)errors, status);
	return status || errors || (!measures && cases < (unsigned)argc - 1) ||
	       (!measures && !cases);
}
