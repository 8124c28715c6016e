/* Over tcp: a socket, and frames written and read by hand. Used by one thread. */
#include "tests/peer/wire.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/transport/connect_params.h"
#include "common/transport/transport.h"
#include "tests/support/must.h"
#include "tests/peer/message.h"

void wire_begin(struct wire *wire, int fd)
{
	const int yes = 1;

	*wire = (struct wire){.fd = fd, .payload = malloc(TP_OP_MAX)};
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	must(fd >= 0 && wire->payload && !arena_open(&wire->arena, ARENA_SIZE), "a wire");
}

void wire_end(struct wire *wire)
{
	if (wire->fd >= 0)
		close(wire->fd);
	free(wire->payload);
	arena_close(&wire->arena);
	*wire = (struct wire){.fd = -1};
}

void wire_reset(struct wire *wire)
{
	const struct linger now = {.l_onoff = 1};

	setsockopt(wire->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	wire_end(wire);
}

const unsigned wire_fds = 1;

const char *wire_any(void)
{
	return "tcp://127.0.0.1:0";
}

void wire_begin_to(struct wire *wire, const char *url)
{
	wire_begin(wire, wire_connect(url));
}

void wire_shut(struct wire *wire)
{
	shutdown(wire->fd, SHUT_RDWR);
}

void wire_listen(struct wire_listener *listener, char *url, size_t size)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(!bind(fd, (struct sockaddr *)&addr, len) && !listen(fd, 16) &&
		     !getsockname(fd, (struct sockaddr *)&addr, &len),
	     "listen: %s", strerror(errno));
	listener->fd = fd;
	snprintf(url, size, "tcp://127.0.0.1:%d", ntohs(addr.sin_port));
}

bool wire_accept(struct wire_listener *listener, struct wire *wire)
{
	int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return false;
	wire_begin(wire, fd);
	return true;
}

void wire_wake(struct wire_listener *listener)
{
	shutdown(listener->fd, SHUT_RDWR);
}

void wire_unlisten(struct wire_listener *listener)
{
	close(listener->fd);
}

int wire_connect(const char *url)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr.sin_port = htons((uint16_t)atoi(strrchr(url, ':') + 1));
	must(fd >= 0, "socket: %s", strerror(errno));
	must(!connect(fd, (struct sockaddr *)&addr, sizeof(addr)), "%s: %s", url, strerror(errno));
	return fd;
}

void wire_bytes(struct wire *wire, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len) {
		ssize_t n = send(wire->fd, at, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		at += n;
		len -= (size_t)n;
	}
}

void wire_send_params(struct wire *wire)
{
	struct connect_params mine;

	connect_params_make(&mine, FRAME_MAX, 32);
	wire_bytes(wire, &mine, sizeof(mine));
}

static bool take(struct wire *wire, void *bytes, size_t len)
{
	return !len || recv(wire->fd, bytes, len, MSG_WAITALL) == (ssize_t)len;
}

bool wire_take_params(struct wire *wire)
{
	struct connect_params theirs;

	return take(wire, &theirs, sizeof(theirs));
}

static struct wire_header to_wire(const struct wire_header *hdr)
{
	return (struct wire_header){
		.op = hdr->op,
		.flags = hdr->flags,
		.reserved = htole16(hdr->reserved),
		.len = htole32(hdr->len),
		.off = htole64(hdr->off),
		.tag = htole32(hdr->tag),
		.status = htole32(hdr->status),
		.cookie = htole64(hdr->cookie),
	};
}

void wire_header(struct wire *wire, const struct wire_header *hdr)
{
	struct wire_header out = to_wire(hdr);

	wire_bytes(wire, &out, sizeof(out));
}

void wire_frame(struct wire *wire, const void *frame, size_t len)
{
	wire_header(wire, &(struct wire_header){.op = WIRE_MSG, .len = (uint32_t)len});
	wire_bytes(wire, frame, len);
}

size_t wire_pack(const struct message *msg, uint8_t *bytes, size_t size)
{
	struct wire_header hdr = {.op = WIRE_MSG};
	size_t len = message_frame(msg, bytes + sizeof(hdr), size - sizeof(hdr));

	hdr.len = (uint32_t)len;
	hdr = to_wire(&hdr);
	memcpy(bytes, &hdr, sizeof(hdr));
	return sizeof(hdr) + len;
}

void wire_grant(struct wire *wire, void *memory, size_t off, size_t len, uint64_t *addr,
		uint32_t *key)
{
	*addr = BASE + off;
	*key = KEY;
}

void wire_give(struct wire *wire, const struct wire_place *place, const void *data, uint32_t len)
{
	wire_header(wire, &(struct wire_header){.op = WIRE_WRITE, .len = len, .tag = place->tag});
	wire_bytes(wire, data, len);
}

void wire_fetch(struct wire *wire, const struct wire_place *place, uint32_t len, uint64_t cookie)
{
	wire_header(wire,
		    &(struct wire_header){
			    .op = WIRE_READ_REQ, .len = len, .tag = place->tag, .cookie = cookie});
}

const bool wire_knows_ios = true;

int wire_next(struct wire *wire)
{
	struct wire_header hdr;
	bool carries;

	if (!take(wire, &hdr, sizeof(hdr)))
		return 0;
	wire->hdr = (struct wire_header){
		.op = hdr.op,
		.flags = hdr.flags,
		.len = le32toh(hdr.len),
		.off = le64toh(hdr.off),
		.tag = le32toh(hdr.tag),
		.status = le32toh(hdr.status),
		.cookie = le64toh(hdr.cookie),
	};
	carries = hdr.op == WIRE_MSG || hdr.op == WIRE_WRITE || hdr.op == WIRE_READ_RESP;
	must(wire->hdr.len <= TP_OP_MAX, "the victim sent a frame of %u bytes", wire->hdr.len);
	return !carries || take(wire, wire->payload, wire->hdr.len) ? hdr.op : 0;
}
