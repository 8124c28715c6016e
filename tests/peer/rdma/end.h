/*
 * A queue pair played by hand, with librdmacm and libibverbs alone: what a wire is over rdma, and
 * what lies are told through. One thread, but for wire_shut.
 */
#ifndef USRBIO_TESTS_PEER_RDMA_END_H
#define USRBIO_TESTS_PEER_RDMA_END_H

#include <infiniband/verbs.h>
#include <rdma/rdma_cma.h>
#include <stdbool.h>

#include "common/transport/connect_params.h"
#include "proto/limits.h"

enum { RDMA_RECVS = 32, RDMA_SLOTS = 32 };

struct rdma_slot {
	bool fetches; /* a READ whose data nobody has taken yet */
	uint32_t len;
	uint64_t cookie;
};

struct rdma_end {
	struct rdma_cm_id *id; /* synchronous, on a channel of its own */
	struct ibv_pd *pd;
	struct ibv_comp_channel *channel;
	struct ibv_cq *sends, *recvs;
	struct ibv_mr *mr;	/* of the buffers, for local use */
	struct ibv_mr *granted; /* or NULL */
	uint8_t *bufs; /* of the receives, then of the slots, FRAME_MAX each, and a spare */

	/* What goes with connect or accept: to be changed before. */
	struct rdma_conn_param param;
	struct connect_params params;

	bool accepts; /* is asked, and does not ask */
	bool connected, over;
	uint32_t unannounced; /* receives posted again that the peer does not know of */
	/* Work requests: handed over, completed, and those before that hold nothing for us. */
	uint32_t posted, reaped, taken;
	struct rdma_slot slots[RDMA_SLOTS];
	enum ibv_wc_status status; /* of the last completed */
	uint64_t nr_succeeded;
};

struct rdma_op {
	enum ibv_wr_opcode opcode;
	uint64_t addr;
	uint32_t key;
	uint32_t len; /* of the slot's buffer, which holds `data` if given */
	uint32_t imm; /* or the key to invalidate */
	const void *data;
};

/* On an id that has a device. `nr_recvs` are posted. */
struct rdma_end *rdma_open(struct rdma_cm_id *id, unsigned nr_recvs);
/* An id to the server at "rdma://HOST:PORT". */
struct rdma_cm_id *rdma_id_to(const char *url);
void rdma_close(struct rdma_end *end);

/* Begin an operation. */
void rdma_post(struct rdma_end *end, const struct rdma_op *op);
/* Do it and look: has it succeeded? */
bool rdma_does(struct rdma_end *end, const struct rdma_op *op);
/* All have completed: true: with success. */
bool rdma_settled(struct rdma_end *end);
/* Take one completion of what has been posted; false: there is none. */
bool rdma_reap(struct rdma_end *end);
/* Sleep until something has completed, or the connection ends. */
void rdma_await(struct rdma_end *end);
/* The queue pair to error; any thread. */
void rdma_break(struct rdma_end *end);

uint8_t *rdma_slot_buf(struct rdma_end *end, uint32_t nr);
uint8_t *rdma_recv_buf(struct rdma_end *end, uint64_t nr);
void rdma_recv(struct rdma_end *end, uint64_t nr);
/* A registration in the end's protection domain. */
struct ibv_mr *rdma_register(struct rdma_end *end, void *base, size_t len, int access);

/* What a table of lies has to send, and to say first. */
#define SEND(...)               \
	&(const struct rdma_op) \
	{                       \
		__VA_ARGS__     \
	}
#define PARAMS(...)                    \
	&(const struct connect_params) \
	{                              \
		__VA_ARGS__            \
	}

#endif
