/* The thread in between: blocking sockets, one poll. `lock` guards what its owner sets and asks. */
#include "tests/auth/play/between.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/transport/connect_params.h"
#include "common/tcp/base/wire.h"
#include "proto/codec.h"
#include "tests/support/must.h"

#define ROOM (FRAME_MAX + 4096)

struct between {
	char url[64];
	struct sockaddr_in server;
	int listener, stop[2];
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t idle;
	bool busy;
	unsigned nr_conns;
	between_touch *touch, *next_touch;
	void *arg, *next_arg;
	int fds[2];    /* the client's, the server's */
	bool begun[2]; /* its connect parameters are through */
	struct arena arena;
	uint8_t frame[ROOM];
};

static bool take(int fd, void *bytes, size_t len)
{
	return !len || recv(fd, bytes, len, MSG_WAITALL) == (ssize_t)len;
}

static bool put(int fd, const void *bytes, size_t len)
{
	return !len || send(fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static bool put_frame(int fd, struct wire_header hdr, const void *frame, size_t len)
{
	hdr.len = htole32((uint32_t)len);
	return put(fd, &hdr, sizeof(hdr)) && put(fd, frame, len);
}

void between_say(struct between *b, const struct message *msg)
{
	uint8_t frame[2048];
	long len = codec_encode(msg, frame, sizeof(frame));

	must(len > 0, "a message that cannot be encoded");
	put_frame(b->fds[0], (struct wire_header){.op = WIRE_MSG}, frame, (size_t)len);
}

bool between_decode(struct between *b, const uint8_t *frame, size_t len, struct message *msg)
{
	return !codec_decode(&b->arena, frame, len, msg);
}

/* What came in at one end goes out at the other. False: it is over. */
static bool pass(struct between *b, int from)
{
	struct wire_header hdr;
	bool carries;
	size_t len;

	if (!b->begun[from]) {
		struct connect_params params;

		b->begun[from] = true;
		return take(b->fds[from], &params, sizeof(params)) &&
		       put(b->fds[!from], &params, sizeof(params));
	}
	if (!take(b->fds[from], &hdr, sizeof(hdr)))
		return false;
	carries = hdr.op == WIRE_MSG || hdr.op == WIRE_WRITE || hdr.op == WIRE_READ_RESP;
	len = le32toh(hdr.len);
	must(!carries || len <= FRAME_MAX, "a frame of %zu bytes", len);
	if (!carries)
		return put(b->fds[!from], &hdr, sizeof(hdr));
	if (!take(b->fds[from], b->frame, len))
		return false;
	if (hdr.op == WIRE_MSG && b->touch)
		len = b->touch(b, b->arg, from == 0, b->frame, len, ROOM);
	return !len || put_frame(b->fds[!from], hdr, b->frame, len);
}

static void serve(struct between *b)
{
	struct pollfd fds[3] = {{.fd = b->stop[0], .events = POLLIN},
				{.fd = b->fds[0], .events = POLLIN},
				{.fd = b->fds[1], .events = POLLIN}};
	bool on = true;

	while (on) {
		must(poll(fds, 3, -1) > 0 || errno == EINTR, "poll");
		on = !fds[0].revents;
		for (int i = 0; on && i < 2; i++)
			if (fds[i + 1].revents)
				on = pass(b, i);
	}
}

static void set_busy(struct between *b, bool busy)
{
	pthread_mutex_lock(&b->lock);
	for (int i = 0; !busy && i < 2; i++)
		close(b->fds[i]);
	b->busy = busy;
	b->nr_conns += busy;
	b->touch = b->next_touch;
	b->arg = b->next_arg;
	pthread_cond_broadcast(&b->idle);
	pthread_mutex_unlock(&b->lock);
}

static void *run_between(void *arg)
{
	struct between *b = arg;
	struct pollfd fds[2] = {{.fd = b->stop[0], .events = POLLIN},
				{.fd = b->listener, .events = POLLIN}};
	const int yes = 1;

	for (;;) {
		must(poll(fds, 2, -1) > 0 || errno == EINTR, "poll");
		if (fds[0].revents)
			return NULL;
		b->fds[0] = accept4(b->listener, NULL, NULL, SOCK_CLOEXEC);
		b->fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		must(b->fds[0] >= 0 && b->fds[1] >= 0, "socket");
		for (int i = 0; i < 2; i++)
			setsockopt(b->fds[i], IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
		memset(b->begun, 0, sizeof(b->begun));
		set_busy(b, true);
		if (!connect(b->fds[1], (struct sockaddr *)&b->server, sizeof(b->server)))
			serve(b);
		set_busy(b, false);
	}
}

struct between *between_start(const char *server)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct between *b = calloc(1, sizeof(*b));
	socklen_t len = sizeof(here);

	must(b && !arena_open(&b->arena, ARENA_SIZE) && !pipe(b->stop), "memory");
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->idle, NULL);
	b->server = here;
	b->server.sin_port = htons((uint16_t)atoi(strrchr(server, ':') + 1));
	b->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(!bind(b->listener, (struct sockaddr *)&here, sizeof(here)) &&
		     !listen(b->listener, 64) &&
		     !getsockname(b->listener, (struct sockaddr *)&here, &len),
	     "listen");
	snprintf(b->url, sizeof(b->url), "tcp://127.0.0.1:%u", ntohs(here.sin_port));
	must(!pthread_create(&b->thread, NULL, run_between, b), "thread");
	return b;
}

void between_stop(struct between *b)
{
	must(write(b->stop[1], "", 1) == 1, "stop");
	pthread_join(b->thread, NULL);
	close(b->listener);
	close(b->stop[0]);
	close(b->stop[1]);
	arena_close(&b->arena);
	pthread_cond_destroy(&b->idle);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

const char *between_url(const struct between *b)
{
	return b->url;
}

void between_set(struct between *b, between_touch *touch, void *arg)
{
	pthread_mutex_lock(&b->lock);
	for (int i = 0; b->busy && i < 2; i++)
		shutdown(b->fds[i], SHUT_RDWR);
	while (b->busy)
		pthread_cond_wait(&b->idle, &b->lock);
	b->next_touch = touch;
	b->next_arg = arg;
	pthread_mutex_unlock(&b->lock);
}

unsigned between_count(struct between *b)
{
	unsigned n;

	pthread_mutex_lock(&b->lock);
	n = b->nr_conns;
	pthread_mutex_unlock(&b->lock);
	return n;
}
