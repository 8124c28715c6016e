/*
 * One end of a connection played by hand below the transport, so that it can say what no provider
 * would: a plain socket (wire.c), or a queue pair (rdma/), as the program is linked. One thread;
 * blocks. A peer that neither answers nor leaves is ended by the program's alarm.
 */
#ifndef USRBIO_TESTS_PEER_WIRE_H
#define USRBIO_TESTS_PEER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/tcp/base/wire.h"
#include "proto/arena.h"
#include "proto/message.h"

struct rdma_end;

struct wire {
	int fd; /* -1: closed */
	struct rdma_end *rdma;
	struct arena arena;
	struct wire_header hdr; /* of the last frame, in host order */
	uint8_t *payload;	/* and what followed it */
};

struct wire_listener {
	int fd; /* tcp: the socket; rdma: wakes whoever accepts */
	struct rdma_cm_id *id;
};

/* ---- over both ---- */

/* What a server has of each connection in /proc/PID/fd. */
extern const unsigned wire_fds;
/* Where a server of these tests listens: an address of this machine, any port. */
const char *wire_any(void);
/* To a server, as far as the connect parameters. */
void wire_begin_to(struct wire *wire, const char *url);
void wire_end(struct wire *wire);
/* From any thread, while it is open: whoever waits for the peer finds it gone. */
void wire_shut(struct wire *wire);

/* The URL is where it listens. */
void wire_listen(struct wire_listener *listener, char *url, size_t size);
/* False: nobody came. */
bool wire_accept(struct wire_listener *listener, struct wire *wire);
/* From any thread: nobody will come. */
void wire_wake(struct wire_listener *listener);
void wire_unlisten(struct wire_listener *listener);

/* A peer that has gone is no error: what follows says so. */
void wire_send_params(struct wire *wire);
bool wire_take_params(struct wire *wire);
void wire_frame(struct wire *wire, const void *frame, size_t len);
void wire_msg(struct wire *wire, const struct message *msg);
void wire_pong(struct wire *wire, const struct ping *ping);
void wire_welcome(struct wire *wire, const struct welcome *welcome);
void wire_reply(struct wire *wire, const struct reply *reply);
void wire_complete(struct wire *wire, uint64_t tag, int64_t result);

/* Bytes [off, off + len) of a client's memory are the server's to use: what to call them. */
void wire_grant(struct wire *wire, void *memory, size_t off, size_t len, uint64_t *addr,
		uint32_t *key);
/* What a server uses: all of an I/O of its client, as the wire wants it named. */
struct wire_place {
	uint32_t tag, key;
	uint64_t addr;
};
/* WIRE_READ_RESP brings what was fetched. */
void wire_give(struct wire *wire, const struct wire_place *place, const void *data, uint32_t len);
void wire_fetch(struct wire *wire, const struct wire_place *place, uint32_t len, uint64_t cookie);
/* The client's end knows which I/O an operation belongs to, and not only which registration. */
extern const bool wire_knows_ios;

/* The next frame of the peer, or 0: it has left. */
int wire_next(struct wire *wire);
/* The last frame as a message; ends the program when it is none. */
struct message wire_decode(struct wire *wire);

/* ---- over tcp ---- */

#define BASE 0x700000000000u /* what a client's memory is called */
#define KEY  0x5eedf00du

/* Takes over the socket. */
void wire_begin(struct wire *wire, int fd);
/* Close it so that the peer's kernel hears of a reset. */
void wire_reset(struct wire *wire);
/* To "tcp://127.0.0.1:PORT". */
int wire_connect(const char *url);
void wire_bytes(struct wire *wire, const void *bytes, size_t len);
/* Little-endian by here; `len` goes as it is, whatever follows. */
void wire_header(struct wire *wire, const struct wire_header *hdr);
/* All of a message's frame with its header; the length. */
size_t wire_pack(const struct message *msg, uint8_t *bytes, size_t size);

#endif
