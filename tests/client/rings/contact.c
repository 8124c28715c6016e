/*
 * The first contact: a client that has never reached its server waits for what may change, and ends
 * soon where nobody is there. The servers here refuse for a while and are gone then. A client that
 * did not wait would end with the reason of the beginning, and not with that of the end.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "client/usrbio.h"
#include "common/transport/connect_params.h"
#include "rig.h"

/* Attempts that take more than the second after which nobody counts as there. */
enum { MANY = 15 };

static struct rig rig;
static char url[200];
static _Atomic unsigned nr_unresolved, nr_asked;

int __real_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		       struct addrinfo **list);
int __wrap_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		       struct addrinfo **list);

int __wrap_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		       struct addrinfo **list)
{
	if (!name || strcmp(name, "late.test"))
		return __real_getaddrinfo(name, service, hints, list);
	if (atomic_fetch_add(&nr_asked, 1) < atomic_load(&nr_unresolved))
		return EAI_AGAIN;
	return __real_getaddrinfo("127.0.0.1", service, hints, list);
}

static const char *reason(void)
{
	static char text[512];

	must(usrbio_reason(url, -EREMOTEIO, text, sizeof(text)) > 0, "a reason");
	return text;
}

static void expect_end(const char *why)
{
	cr_assert_eq(usrbio_open(url, O_RDONLY, 0), -EREMOTEIO);
	cr_assert(strstr(reason(), why), "%s", reason());
}

static void play(const char *options)
{
	memset(&rig, 0, sizeof(rig));
	play_start(&rig.server);
	strcat(rig.server.mount, options);
	snprintf(url, sizeof(url), "%s/file", rig.server.mount);
}

Test(contact, what_may_change_is_waited_for)
{
	int fd;

	play("");
	atomic_store(&rig.server.full, MANY);
	atomic_store(&rig.server.early, MANY);
	fd = usrbio_open(url, O_RDONLY, 0);
	cr_assert_geq(fd, 0, "%d", fd);
	cr_assert_eq(atomic_load(&rig.server.full) + atomic_load(&rig.server.early), 0);
	usrbio_close(fd);
	play_stop(&rig.server);
}

Test(contact, a_full_server_is_named_at_the_timeout)
{
	play("?timeout=2");
	atomic_store(&rig.server.full, 1000000);
	expect_end(TP_WHY_BUSY);
	play_stop(&rig.server);
}

static int listener(uint16_t *port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(fd >= 0 && !bind(fd, (struct sockaddr *)&in, len) && !listen(fd, 8), "listen");
	must(!getsockname(fd, (struct sockaddr *)&in, &len), "getsockname");
	*port = ntohs(in.sin_port);
	return fd;
}

struct stranger {
	int fd;
	const void *says;
	size_t len;
};

/* Takes MANY connections, says the same to each and closes it. Then nobody listens any more. */
static void *stranger_main(void *arg)
{
	struct stranger *stranger = arg;

	for (int i = 0; i < MANY; i++) {
		int fd = accept(stranger->fd, NULL, NULL);

		must(fd >= 0, "accept");
		if (stranger->len)
			must(send(fd, stranger->says, stranger->len, 0) == (ssize_t)stranger->len,
			     "send");
		close(fd);
	}
	close(stranger->fd);
	return NULL;
}

static void meet(const void *says, size_t len)
{
	struct stranger stranger = {.says = says, .len = len};
	pthread_t thread;
	uint16_t port;

	stranger.fd = listener(&port);
	snprintf(url, sizeof(url), "tcp://127.0.0.1:%u/data/file", port);
	must(!pthread_create(&thread, NULL, stranger_main, &stranger), "thread");
	expect_end("Connection refused");
	pthread_join(thread, NULL);
}

Test(contact, a_server_that_refuses_for_now_is_waited_for)
{
	struct connect_params params;

	connect_params_refuse(&params);
	meet(&params, sizeof(params));
}

Test(contact, a_connection_closed_at_once_is_waited_for)
{
	meet(NULL, 0);
}

Test(contact, a_name_that_does_not_resolve_for_now_is_waited_for)
{
	atomic_store(&nr_unresolved, MANY);
	snprintf(url, sizeof(url), "tcp://late.test:1/data/file");
	expect_end("Connection refused");
	cr_assert_gt(atomic_load(&nr_asked), MANY);
}

Test(contact, one_of_two_names_is_enough_to_wait)
{
	atomic_store(&nr_unresolved, MANY);
	snprintf(url, sizeof(url), "tcp://127.0.0.1:1,late.test:1/data/file");
	expect_end("Connection refused");
	cr_assert_gt(atomic_load(&nr_asked), MANY);
}

Test(contact, a_name_that_does_not_resolve_ends_at_the_timeout)
{
	atomic_store(&nr_unresolved, 1000000);
	snprintf(url, sizeof(url), "tcp://late.test:1/data?timeout=2/file");
	expect_end("cannot resolve the name late.test: ");
}
