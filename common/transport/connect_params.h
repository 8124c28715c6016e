/*
 * The connect parameters: both ends of a connection send them before the first message, in the
 * private data of rdma_cm's connect and accept, or as the first bytes on a TCP socket. They are
 * little-endian. Both ends use the smaller msg_max. nr_recvs is the number of credits that the
 * other end has at first. An end that takes no connection now sends parameters that refuse.
 * proto/PROTOCOL.md, "Connect parameters", defines them.
 */
#ifndef USRBIO_COMMON_TRANSPORT_CONNECT_PARAMS_H
#define USRBIO_COMMON_TRANSPORT_CONNECT_PARAMS_H

#include <stdint.h>

#define CONNECT_PARAMS_MAGIC   0x42525355u /* "USRB" */
#define CONNECT_PARAMS_VERSION 2

struct connect_params {
	uint32_t magic;
	uint16_t version;
	uint16_t refusal;  /* not 0: the sender takes no connection now, and closes this one */
	uint32_t msg_max;  /* the largest message that the sender accepts */
	uint32_t nr_recvs; /* receive buffers that the sender has posted */
};

_Static_assert(sizeof(struct connect_params) == 16, "the struct travels as it is");

/* Fill in the parameters of this end, in the byte order of the wire. */
void connect_params_make(struct connect_params *wire, uint32_t msg_max, uint32_t nr_recvs);
/* Fill in the parameters of an end that takes no connection now, in the byte order of the wire. */
void connect_params_refuse(struct connect_params *wire);
/*
 * Check and decode the peer's parameters. Returns 0, with *out in host byte order. -EPROTO: the
 * peer speaks another protocol. -EPROTONOSUPPORT: it has another version. -EBADMSG: its limits are
 * too small. -EAGAIN: it takes no connection now. After an error `why` (TP_WHY_MAX bytes, or NULL)
 * says what the peer did, for instance "does not speak usrbio".
 */
int connect_params_check(const struct connect_params *wire, struct connect_params *out, char *why);

#endif
