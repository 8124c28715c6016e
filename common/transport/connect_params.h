/*
 * What both ends of a connection tell each other before the first message: in the private data of
 * rdma_cm's connect and accept, or as the first bytes on a TCP socket. Little-endian.
 * PROTOCOL.md, "Prologue".
 */
#ifndef USRBIO_COMMON_TRANSPORT_CONNECT_PARAMS_H
#define USRBIO_COMMON_TRANSPORT_CONNECT_PARAMS_H

#include <stdint.h>

#define PROLOGUE_MAGIC	 0x42525355u /* "USRB" */
#define PROLOGUE_VERSION 2

struct connect_params {
	uint32_t magic;
	uint16_t version;
	uint16_t reserved;
	uint32_t msg_max;  /* the largest message I take; both use the smaller of the two */
	uint32_t nr_recvs; /* receive buffers I have posted: your first credits */
};

_Static_assert(sizeof(struct connect_params) == 16, "travels as it is");

/* Fill in mine (host order to wire order). */
void connect_params_make(struct connect_params *wire, uint32_t msg_max, uint32_t nr_recvs);
/*
 * Check and decode the peer's. 0 and host order in *out; -EPROTO for a stranger, -EPROTONOSUPPORT
 * for another version, -EBADMSG for limits nobody could work with. Then `why` (TP_WHY_MAX bytes, or
 * NULL) says which of the peer: "does not speak usrbio".
 */
int connect_params_check(const struct connect_params *wire, struct connect_params *out, char *why);

#endif
