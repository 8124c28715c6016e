/* The server stands still for a while: noticed soon, and a delay for those who wait. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/e2e/support/load.h"
#include "tests/support/pattern.h"
#include "tests/e2e/support/rw.h"
#include "tests/e2e/survive/again.h"

enum { SEED = 3, SIZE = PIECES * PIECE };

static void stop_under_load(unsigned ms)
{
	struct load *load;

	e2e_needs_server_process();
	load = load_start(e2e_mount, "load", 3);
	server_pause(&e2e_server);
	nap_ms(ms);
	server_signal(&e2e_server, SIGCONT);
	load_await(load);
	load_stop(load);
}

E2E(stopped_server, for_a_moment)
{
	stop_under_load(2000);
}

/* Longer than a client believes in it: it comes back to connections that are over. */
E2E(stopped_server, for_longer_than_its_clients_wait)
{
	stop_under_load(5000);
}

/* How long the server had been silent when a client's log says so; 0: it does not. */
static unsigned noticed_ms(const char *log)
{
	static const char text[] = " has been silent for ";
	FILE *f = fopen(log, "re");
	char line[512], *found;
	unsigned ms = 0;

	must(f, "%s", log);
	while (!ms && fgets(line, sizeof(line), f))
		if ((found = strstr(line, text)))
			ms = (unsigned)atoi(found + strlen(text));
	fclose(f);
	return ms;
}

/* On a mount that waits for ever, so that it is the silence that tells. Meant: after 3 seconds. */
E2E(stopped_server, is_noticed_without_a_deadline)
{
	const char *mount = mount_with("timeout=0"), *log = scratch_file("client.log");
	struct process client;
	char url[500], id[64];
	unsigned ms;

	e2e_needs_server_process();
	file_make("file", SEED, SIZE);
	snprintf(url, sizeof(url), "%s/file", mount);
	setenv("USRBIO_LOG", "info", 1);
	process_start(&client, (const char *const[]){E2E_LIFE, mount, "busy", url, NULL}, log);
	cr_assert(process_line(&client, id, sizeof(id)));
	server_pause(&e2e_server);
	while (!(ms = noticed_ms(log)))
		nap_ms(10);
	printf("noticed after %u ms\n", ms);
	fflush(stdout);
	cr_assert_geq(ms, 3000);
	cr_assert_lt(ms, 14000, "however slow the machine: %u ms", ms);
	server_signal(&e2e_server, SIGCONT);
	cr_assert_not(kill(client.pid, SIGKILL));
	cr_assert_eq(process_wait(&client), 128 + SIGKILL);
}

/* To the end of the mount's patience: each I/O ends, once, and then the server is back. */
E2E(stopped_server, to_the_deadline)
{
	const char *mount = mount_with(E2E_IMPATIENT);
	struct rw rw;
	char url[400];
	int fd;

	e2e_needs_server_process();
	file_make("file", SEED, SIZE);
	snprintf(url, sizeof(url), "%s/file", mount);
	rw_open(&rw, mount, 2 * SIZE);
	fd = file_reg(url, O_RDWR);
	rw_expect(&rw, fd, SEED, 0, 100);
	server_pause(&e2e_server);
	pieces_submit(&rw, &rw.reads, fd);
	pieces_submit(&rw, &rw.writes, fd);
	pieces_expect(&rw.reads, -EREMOTEIO);
	pieces_expect(&rw.writes, -EREMOTEIO);
	cr_assert_eq(usrbio_fsync(fd), -EREMOTEIO);
	server_signal(&e2e_server, SIGCONT);
	/* Nobody is kept waiting now; the first that comes has it connected. */
	while (usrbio_fsync(fd) == -EREMOTEIO)
		nap_ms(10);
	rw_put(&rw, fd, SEED + 1, 0, SIZE);
	file_check("file", SEED + 1, 0, SIZE);
	file_unreg(fd);
	rw_close(&rw);
}

/* The calls that must not be done twice, one thread each. */
enum { MKDIR, RENAME, UNLINK, EXCLUSIVE, LINK, RMDIR, NR_DEEDS };

static const char *const deeds[] = {"mkdir", "rename", "unlink", "exclusive", "link", "rmdir"};

struct deed {
	pthread_t thread;
	int what, result;
};

static void *do_it(void *arg)
{
	struct deed *deed = arg;
	int fd;

	switch (deed->what) {
	case MKDIR:
		deed->result = usrbio_mkdir(url_of("made"), 0755);
		break;
	case RENAME:
		deed->result = usrbio_rename(url_of("old"), url_of("new"));
		break;
	case UNLINK:
		deed->result = usrbio_unlink(url_of("unwanted"));
		break;
	case EXCLUSIVE:
		fd = usrbio_open(url_of("mine"), O_RDWR | O_CREAT | O_EXCL, 0600);
		deed->result = fd < 0 ? fd : usrbio_close(fd);
		break;
	case LINK:
		deed->result = -hf3fs_hardlink(url_of("linked"), url_of("link"));
		break;
	case RMDIR:
		deed->result = usrbio_rmdir(url_of("empty"));
		break;
	}
	return NULL;
}

static void prepare_deeds(void)
{
	file_make("old", SEED, 10);
	file_make("unwanted", SEED, 10);
	file_make("linked", SEED, 10);
	must(!usrbio_mkdir(url_of("empty"), 0755), "mkdir");
}

static void start_deeds(struct deed *all)
{
	for (int i = 0; i < NR_DEEDS; i++) {
		all[i] = (struct deed){.what = i, .result = 1};
		must(!pthread_create(&all[i].thread, NULL, do_it, &all[i]), "thread");
	}
}

static bool exists(const char *name)
{
	return !access(path_of(name), F_OK);
}

static void expect_deeds(struct deed *all, bool known)
{
	for (int i = 0; i < NR_DEEDS; i++) {
		pthread_join(all[i].thread, NULL);
		cr_expect(!all[i].result || (!known && all[i].result == -EREMOTEIO), "%s: %d",
			  deeds[i], all[i].result);
	}
	cr_expect(exists("made") && exists("new") && exists("mine") && exists("link"));
	cr_expect(!exists("old") && !exists("unwanted") && !exists("empty"));
}

/*
 * The server finds each call twice when it goes on: on the connection that is over, and again. It
 * does it once, and says so.
 */
E2E(stopped_server, calls_are_done_once)
{
	struct deed all[NR_DEEDS];

	e2e_needs_server_process();
	prepare_deeds();
	server_pause(&e2e_server);
	start_deeds(all);
	nap_ms(5000);
	server_signal(&e2e_server, SIGCONT);
	expect_deeds(all, true);
}

/* Killed somewhere in the middle: done, and where nobody can know that, said so. */
E2E(killed_server, calls_are_done_or_not_known)
{
	struct deed all[NR_DEEDS];

	e2e_needs_server_process();
	prepare_deeds();
	start_deeds(all);
	server_kill_and_again();
	expect_deeds(all, false);
}
