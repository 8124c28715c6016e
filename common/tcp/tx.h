/* What a connection sends: a ring of frames, and the buffers of messages. */
#ifndef USRBIO_COMMON_TCP_TX_H
#define USRBIO_COMMON_TCP_TX_H

#include "common/transport/reach.h"
#include "common/tcp/wire.h"

struct tcp_conn;

/* A frame waiting to be handed to the kernel: header, then payload in place or in a pipe. */
struct tcp_frame {
	struct wire_header hdr;
	const char *payload;
	int pipe; /* 0: none */
	uint32_t len;
	uint32_t ref;	    /* of WRITE and READ_REQ: its post */
	struct reach reach; /* of READ_RESP: whose the payload is */
};

struct tcp_tx {
	struct tcp_frame *frames; /* a ring; free-running head and tail */
	uint32_t mask, head, tail;
	uint64_t sent; /* bytes of the head frame the kernel has already */
	char *slots;   /* send buffers, used in ring order */
	uint32_t nr_slots, next_slot, used_slots;
	uint32_t nr_resps; /* READ_RESPs among the frames */
	bool slot_taken;   /* msg_buf without msg_send */
	bool blocked;	   /* until the socket is writable (or connected) */
	bool unfinished;   /* a flush had to stop: poll() goes on with it */
	bool starved;	   /* msg_buf said NULL: owes a READY */
	int broken;	   /* the socket takes nothing any more: why */
};

/* What tcp_tx_init allocates. */
size_t tcp_tx_bytes(const struct tp_domain_config *config);
int tcp_tx_init(struct tcp_tx *tx, const struct tp_domain_config *config);
void tcp_tx_fini(struct tcp_tx *tx);

/* Queue a frame. The ring has room for every frame that the limits allow. */
struct tcp_frame *tcp_tx_add(struct tcp_tx *tx, enum wire_op op, const void *payload, uint32_t len,
			     uint32_t ref);
/* Send what is queued. 0, or -EACCES: a READ has to be answered with memory that is lost. */
int tcp_tx_flush(struct tcp_conn *conn);
/* The socket takes more: what TLS holds goes before all else. */
void tcp_tx_resume(struct tcp_conn *conn);
/* Forget all that has not begun to be sent. */
void tcp_tx_drop(struct tcp_tx *tx);

#endif
