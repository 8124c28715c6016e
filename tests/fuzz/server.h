/*
 * What the files of the server's target share: a server that is turned by hand, and clients that
 * the input plays. One thread.
 */
#ifndef USRBIO_TESTS_FUZZ_SERVER_H
#define USRBIO_TESTS_FUZZ_SERVER_H

#include "common/auth/secret.h"
#include "common/transport/transport.h"
#include "proto/codec.h"
#include "tests/fuzz/input.h"

#define SERVER_NAME "fuzz"
#define CLIENTS	    4
#define TURNS	    4 /* are enough for an answer */
#define MEMORY	    65536u
#define MARGIN	    (MEMORY / 4) /* not granted, before and behind */
#define GRANTED	    (MEMORY / 2)

/* served.c: the server; nothing happens in it but by these. */
void served_start(void);
/* With its keyring, or open to all. */
void served_keep_out(bool strangers);
bool served_keeps_out(void);
/* The one secret of its keyring, whose id is "a". */
const struct secret *served_secret(void);
/* False: there was nothing to do. */
bool served_turn(void);
void served_wait(uint64_t ns);
/* Nothing is left of anybody in it; and now in its store. */
void served_check_empty(void);

/* clients.c: one of them is the current one; they insist that what they hear is right. */
extern uint8_t *clients_memory; /* MEMORY bytes, registered */
void clients_open(void);
/* The server and the clients go on, so often if there is anything to do. */
void clients_turn(unsigned most);
bool clients_look(void);
/* Another is the current one, and connects if it is not. */
void client_join(unsigned n);
void client_leave(void);
/* A frame, with its message if it is one; a message. */
void client_send_frame(const uint8_t *frame, size_t len, const struct message *msg);
void client_send(const struct message *msg);
void client_post(const struct tp_op *op);
/* Make it a good one, with what the server has drawn at random, if it comes at the right time. */
void client_cook(struct message *msg, struct io_entry io[BATCH_MAX]);
void client_say_hello(void);
/* The next step of a handshake with a key. */
void client_step(void);
/* The first says hello, and opens a file; its memory is granted. */
void client_start(void);
void clients_leave(void);
/* What they have heard. */
void clients_forget(void);

#endif
