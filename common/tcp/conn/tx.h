/* The sending side of a connection: a ring of frames, and the buffers of messages. */
#ifndef USRBIO_COMMON_TCP_CONN_TX_H
#define USRBIO_COMMON_TCP_CONN_TX_H

#include "common/transport/reach.h"
#include "common/tcp/base/wire.h"

struct tcp_conn;

/* A frame that waits to be handed to the kernel. Its payload is in memory or in a pipe. */
struct tcp_frame {
	struct wire_header hdr;
	const char *payload;
	int pipe; /* 0: none */
	uint32_t len;
	uint32_t ref;	    /* WRITE and READ_REQ: the index of its post */
	struct reach reach; /* READ_RESP: the bytes that the peer asked for */
};

struct tcp_tx {
	struct tcp_frame *frames; /* a ring; free-running head and tail */
	uint32_t mask, head, tail;
	uint64_t sent; /* bytes of the head frame that the kernel has already */
	char *slots;   /* send buffers, used in ring order */
	uint32_t nr_slots, next_slot, used_slots;
	uint32_t nr_resps;    /* READ_RESPs among the frames */
	bool slot_taken;      /* msg_buf was called and msg_send was not */
	bool blocked;	      /* nothing is sent until the socket is writable or connected */
	bool unfinished;      /* a flush stopped before the end; poll goes on with it */
	bool waiting_for_buf; /* msg_buf returned NULL: TP_EV_READY has to follow */
	int broken;	      /* 0, or -errno: the socket takes nothing any more */
};

/* The bytes that tcp_tx_init() allocates. */
size_t tcp_tx_bytes(const struct tp_domain_config *config);
int tcp_tx_init(struct tcp_tx *tx, const struct tp_domain_config *config);
void tcp_tx_fini(struct tcp_tx *tx);

/* Queue a frame. The ring has room for every frame that the limits allow. */
struct tcp_frame *tcp_tx_add(struct tcp_tx *tx, enum wire_op op, const void *payload, uint32_t len,
			     uint32_t ref);
/* Send what is queued. Returns 0, or -EACCES if an answer to a READ needs memory that is lost. */
int tcp_tx_flush(struct tcp_conn *conn);
/* When the socket can be written again: send what TLS holds, before any frame. */
void tcp_tx_resume(struct tcp_conn *conn);
/* Drop all frames except one that is partly sent. */
void tcp_tx_drop(struct tcp_tx *tx);

#endif
