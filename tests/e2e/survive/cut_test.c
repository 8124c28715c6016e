/* The connection is cut, the server goes on: the session is resumed, and nothing is done twice. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/e2e/support/load.h"
#include "tests/e2e/survive/proxy.h"

static void cuts_beside_load(const char *options)
{
	struct proxy *proxy = proxy_start();
	struct load *load;
	char mount[200];

	snprintf(mount, sizeof(mount), "%s%s", proxy_mount(proxy), options);
	load = load_start(mount, "load", 3);
	for (int i = 0; i < full_or_quick(20, 5); i++) {
		proxy_cut(proxy);
		load_await(load);
	}
	load_stop(load);
	proxy_stop(proxy);
}

E2E(cut, under_load)
{
	cuts_beside_load("");
}

E2E(cut, under_load_on_several_connections)
{
	cuts_beside_load("?nconnect=3");
}

/* Nobody says that anything is wrong; only nothing comes any more. */
E2E(cut, a_black_hole_for_a_while)
{
	struct proxy *proxy = proxy_start();
	struct load *load = load_start(proxy_mount(proxy), "load", 3);

	proxy_swallow(proxy);
	nap_ms(4000);
	proxy_pass(proxy);
	load_await(load);
	load_stop(load);
	proxy_stop(proxy);
}

enum { DOERS = 4 };

struct doer {
	pthread_t thread;
	const char *mount;
	int number;
	_Atomic bool stop;
	_Atomic unsigned rounds;
};

static void once(int result, const char *what)
{
	must(!result, "%s: %d", what, result);
}

/* Each of these says an error when it is done a second time. */
static void do_and_undo(const char *base)
{
	char a[300], b[300], c[300];
	int fd;

	snprintf(a, sizeof(a), "%s.a", base);
	snprintf(b, sizeof(b), "%s.b", base);
	snprintf(c, sizeof(c), "%s.c", base);
	once(usrbio_mkdir(a, 0755), "mkdir");
	once(usrbio_rename(a, b), "rename");
	once(usrbio_rmdir(b), "rmdir");
	fd = usrbio_open(a, O_RDWR | O_CREAT | O_EXCL, 0600);
	must(fd >= 0, "exclusive create: %d", fd);
	once(usrbio_close(fd), "close");
	once(hf3fs_hardlink(a, c), "link");
	once(usrbio_unlink(a), "unlink");
	once(usrbio_unlink(c), "unlink of the link");
}

static void *work(void *arg)
{
	struct doer *doer = arg;
	char base[200];

	snprintf(base, sizeof(base), "%s/doer%d", doer->mount, doer->number);
	for (; !atomic_load(&doer->stop); atomic_fetch_add(&doer->rounds, 1))
		do_and_undo(base);
	return NULL;
}

E2E(cut, calls_are_done_once)
{
	struct proxy *proxy = proxy_start();
	struct doer doers[DOERS] = {0};

	for (int i = 0; i < DOERS; i++) {
		doers[i].mount = proxy_mount(proxy);
		doers[i].number = i;
		must(!pthread_create(&doers[i].thread, NULL, work, &doers[i]), "thread");
	}
	for (int i = 0; i < full_or_quick(40, 10); i++) {
		unsigned until = atomic_load(&doers[i % DOERS].rounds) + 1;

		while (atomic_load(&doers[i % DOERS].rounds) < until)
			nap_ms(1);
		proxy_cut(proxy);
	}
	for (int i = 0; i < DOERS; i++) {
		atomic_store(&doers[i].stop, true);
		pthread_join(doers[i].thread, NULL);
	}
	proxy_stop(proxy);
}
