/*
 * A call is done, its answer is lost by a reset, and for three seconds there is no way back: the
 * session rests at the server, and the call reports its true result.
 */
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/e2e/survive/proxy.h"

static char names[4][300]; /* URLs through the proxy */
enum { RENAMED, TARGET, CREATED, REMOVED };

static void *do_rename(void *unused)
{
	(void)unused;
	return (void *)(intptr_t)usrbio_rename(names[RENAMED], names[TARGET]);
}

static void *do_create(void *unused)
{
	(void)unused;
	return (void *)(intptr_t)usrbio_open(names[CREATED], O_RDWR | O_CREAT | O_EXCL, 0600);
}

static void *do_remove(void *unused)
{
	(void)unused;
	return (void *)(intptr_t)usrbio_unlink(names[REMOVED]);
}

static void await_file(const char *name, bool there)
{
	while (!access(path_of(name), F_OK) != there)
		nap_ms(1);
}

E2E(rests, a_done_call_reports_success_after_three_seconds_without_a_way_back)
{
	static void *(*const calls[])(void *) = {do_rename, do_create, do_remove};
	static const char *const files[] = {"renamed", "target", "created", "removed"};
	struct proxy *proxy = proxy_start();
	pthread_t threads[3];
	void *results[3];

	for (int i = 0; i < 4; i++)
		snprintf(names[i], sizeof(names[i]), "%s/%s", proxy_mount(proxy), files[i]);
	for (int i = 0; i < 4; i += 3)
		cr_assert_eq(usrbio_close(usrbio_open(names[i], O_RDWR | O_CREAT, 0600)), 0);
	proxy_lose_answers(proxy);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, calls[i], NULL), 0);
	await_file("target", true);
	await_file("created", true);
	await_file("removed", false);
	proxy_down(proxy);
	nap_ms(3000);
	proxy_up(proxy);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(pthread_join(threads[i], &results[i]), 0);
	cr_expect_eq((intptr_t)results[0], 0, "rename: %ld", (long)results[0]);
	cr_expect_geq((intptr_t)results[1], 0, "exclusive create: %ld", (long)results[1]);
	cr_expect_eq((intptr_t)results[2], 0, "unlink: %ld", (long)results[2]);
	usrbio_close((int)(intptr_t)results[1]);
	proxy_stop(proxy);
}
