/* Over rdma: messages, immediates and one-sided operations of a queue pair played by hand. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/transport/addr.h"
#include "common/transport/transport.h"
#include "tests/support/must.h"
#include "tests/peer/rdma/end.h"
#include "tests/peer/wire.h"

const unsigned wire_fds = 0;

static const char *address(void)
{
	const char *address = getenv("USRBIO_RXE_ADDR");

	must(address, "USRBIO_RXE_ADDR does not name an RDMA device's address");
	return address;
}

const char *wire_any(void)
{
	static char url[160];

	snprintf(url, sizeof(url), "rdma://%.128s:0", address());
	return url;
}

static void begin(struct wire *wire, struct rdma_end *end)
{
	*wire = (struct wire){.fd = -1, .rdma = end, .payload = malloc(FRAME_MAX)};
	must(wire->payload && !arena_open(&wire->arena, ARENA_SIZE), "a wire");
}

void wire_begin_to(struct wire *wire, const char *url)
{
	begin(wire, rdma_open(rdma_id_to(url), RDMA_RECVS));
}

void wire_end(struct wire *wire)
{
	if (wire->rdma)
		rdma_close(wire->rdma);
	free(wire->payload);
	arena_close(&wire->arena);
	*wire = (struct wire){.fd = -1};
}

void wire_shut(struct wire *wire)
{
	rdma_break(wire->rdma);
}

/* ---- who listens ---- */

void wire_listen(struct wire_listener *listener, char *url, size_t size)
{
	struct rdma_event_channel *channel = rdma_create_event_channel();
	struct tp_addr addr;

	must(channel && !rdma_create_id(channel, &listener->id, NULL, RDMA_PS_TCP), "an id");
	must(addr_resolve("rdma", address(), 0, false, &addr, 1) == 1, "%s", address());
	must(!rdma_bind_addr(listener->id, (struct sockaddr *)&addr.ss) &&
		     !rdma_listen(listener->id, 16),
	     "listen: %s", strerror(errno));
	listener->fd = eventfd(0, EFD_CLOEXEC);
	must(listener->fd >= 0, "eventfd");
	snprintf(url, size, "rdma://%.32s:%d", address(), ntohs(rdma_get_src_port(listener->id)));
}

void wire_wake(struct wire_listener *listener)
{
	must(!eventfd_write(listener->fd, 1), "eventfd");
}

void wire_unlisten(struct wire_listener *listener)
{
	struct rdma_event_channel *channel = listener->id->channel;

	rdma_destroy_id(listener->id);
	rdma_destroy_event_channel(channel);
	close(listener->fd);
}

bool wire_accept(struct wire_listener *listener, struct wire *wire)
{
	struct pollfd fds[] = {{.fd = listener->id->channel->fd, .events = POLLIN},
			       {.fd = listener->fd, .events = POLLIN}};
	struct rdma_cm_event *event;
	struct rdma_cm_id *id = NULL;
	uint8_t depth = 0;

	if (poll(fds, 2, -1) < 0 || !fds[0].revents ||
	    rdma_get_cm_event(listener->id->channel, &event))
		return false;
	if (event->event == RDMA_CM_EVENT_CONNECT_REQUEST) {
		id = event->id;
		depth = event->param.conn.initiator_depth;
	}
	rdma_ack_cm_event(event);
	if (!id)
		return false;
	must(!rdma_migrate_id(id, NULL), "rdma_migrate_id: %s", strerror(errno));
	begin(wire, rdma_open(id, RDMA_RECVS));
	wire->rdma->accepts = true;
	wire->rdma->param.responder_resources = 1;
	wire->rdma->param.initiator_depth = depth < 4 ? depth : 4;
	return true;
}

/* ---- what is said ---- */

void wire_send_params(struct wire *wire)
{
	struct rdma_end *end = wire->rdma;

	end->connected = end->accepts ? !rdma_accept(end->id, &end->param)
				      : !rdma_connect(end->id, &end->param);
	end->over = !end->connected;
}

bool wire_take_params(struct wire *wire)
{
	return wire->rdma->connected;
}

void wire_frame(struct wire *wire, const void *frame, size_t len)
{
	struct rdma_end *end = wire->rdma;

	rdma_post(end, &(struct rdma_op){.opcode = IBV_WR_SEND_WITH_IMM,
					 .data = frame,
					 .len = (uint32_t)len,
					 .imm = end->unannounced});
	end->unannounced = 0;
}

void wire_grant(struct wire *wire, void *memory, size_t off, size_t len, uint64_t *addr,
		uint32_t *key)
{
	struct rdma_end *end = wire->rdma;

	end->granted = rdma_register(end, (uint8_t *)memory + off, len,
				     IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ |
					     IBV_ACCESS_REMOTE_WRITE);
	*addr = (uintptr_t)memory + off;
	*key = end->granted->rkey;
}

const bool wire_knows_ios = false;

void wire_give(struct wire *wire, const struct wire_place *place, const void *data, uint32_t len)
{
	rdma_post(wire->rdma, &(struct rdma_op){.opcode = IBV_WR_RDMA_WRITE,
						.addr = place->addr,
						.key = place->key,
						.data = data,
						.len = len});
}

void wire_fetch(struct wire *wire, const struct wire_place *place, uint32_t len, uint64_t cookie)
{
	struct rdma_end *end = wire->rdma;
	uint32_t nr = end->posted;

	rdma_post(end, &(struct rdma_op){.opcode = IBV_WR_RDMA_READ,
					 .addr = place->addr,
					 .key = place->key,
					 .len = len});
	if (end->posted == nr)
		return;
	end->slots[nr % RDMA_SLOTS].fetches = true;
	end->slots[nr % RDMA_SLOTS].cookie = cookie;
}

/* ---- what is heard ---- */

/* The data of a READ that has come. */
static bool take_fetched(struct wire *wire)
{
	struct rdma_end *end = wire->rdma;

	while (rdma_reap(end))
		;
	while (end->taken != end->reaped) {
		uint32_t nr = end->taken++;
		struct rdma_slot *slot = &end->slots[nr % RDMA_SLOTS];

		if (!slot->fetches)
			continue;
		slot->fetches = false;
		wire->hdr = (struct wire_header){
			.op = WIRE_READ_RESP, .len = slot->len, .cookie = slot->cookie};
		memcpy(wire->payload, rdma_slot_buf(end, nr), slot->len);
		return true;
	}
	return false;
}

/* The shapes of what arrives are those of PROTOCOL.md. False: it was only credits. */
static bool take_arrived(struct wire *wire, const struct ibv_wc *wc)
{
	const uint8_t *buf = rdma_recv_buf(wire->rdma, wc->wr_id);
	bool has_imm = wc->wc_flags & IBV_WC_WITH_IMM;

	wire->hdr = (struct wire_header){.op = WIRE_MSG, .len = wc->byte_len};
	if (wc->opcode == IBV_WC_RECV_RDMA_WITH_IMM || !has_imm) {
		uint32_t imm = wc->imm_data;

		if (!has_imm)
			memcpy(&imm, buf, sizeof(imm));
		wire->hdr = (struct wire_header){
			.op = WIRE_WRITE, .flags = WIRE_HAS_IMM, .tag = ntohl(imm)};
		return true;
	}
	memcpy(wire->payload, buf, wc->byte_len);
	return wc->byte_len;
}

/* Once half of its credits are unannounced, the peer learns of it without a message of ours. */
static void post_again(struct rdma_end *end, uint64_t nr)
{
	rdma_recv(end, nr);
	if (++end->unannounced < RDMA_RECVS / 2)
		return;
	rdma_post(end, &(struct rdma_op){.opcode = IBV_WR_SEND_WITH_IMM, .imm = end->unannounced});
	end->unannounced = 0;
}

static bool take_received(struct wire *wire)
{
	struct rdma_end *end = wire->rdma;
	struct ibv_wc wc;
	bool taken;

	while (ibv_poll_cq(end->recvs, 1, &wc) == 1) {
		if (wc.status != IBV_WC_SUCCESS) {
			end->over = true;
			return false;
		}
		taken = take_arrived(wire, &wc);
		post_again(end, wc.wr_id);
		if (taken)
			return true;
	}
	return false;
}

int wire_next(struct wire *wire)
{
	while (!take_fetched(wire) && !take_received(wire)) {
		if (wire->rdma->over)
			return 0;
		rdma_await(wire->rdma);
	}
	return wire->hdr.op;
}
