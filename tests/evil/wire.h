/*
 * One end of a TCP connection played by hand: a plain socket, so that it can say what no transport
 * would. One thread; blocks. A peer that neither answers nor leaves is ended by the program's
 * alarm.
 */
#ifndef USRBIO_TESTS_EVIL_WIRE_H
#define USRBIO_TESTS_EVIL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/tcp/wire.h"
#include "proto/arena.h"
#include "proto/message.h"

struct wire {
	int fd; /* -1: closed */
	struct arena arena;
	struct wire_header hdr; /* of the last frame, in host order */
	uint8_t *payload;	/* and what followed it */
};

/* Takes over the socket. */
void wire_begin(struct wire *wire, int fd);
void wire_end(struct wire *wire);
/* Close it so that the peer's kernel hears of a reset. */
void wire_reset(struct wire *wire);
/* To "tcp://127.0.0.1:PORT". */
int wire_connect(const char *url);

/* A peer that has gone is no error: what follows says so. */
void wire_bytes(struct wire *wire, const void *bytes, size_t len);
void wire_prologue(struct wire *wire);
bool wire_take_prologue(struct wire *wire);
/* Little-endian by here; `len` goes as it is, whatever follows. */
void wire_header(struct wire *wire, const struct wire_header *hdr);
void wire_frame(struct wire *wire, const void *frame, size_t len);
void wire_msg(struct wire *wire, const struct message *msg);
/* All of a message's frame with its header; the length. */
size_t wire_pack(const struct message *msg, uint8_t *bytes, size_t size);

/* The next frame of the peer, or 0: it has left. */
int wire_next(struct wire *wire);
/* The last frame as a message; ends the program when it is none. */
struct message wire_decode(struct wire *wire);

#endif
