/*
 * The bytes that travel on a TCP connection. proto/PROTOCOL.md, "TCP", refers to this file.
 *
 * Each end sends its connect parameters (common/transport/connect_params.h, 16 bytes) without
 * waiting for those of the other. Frames follow: a header of 32 bytes, little-endian, and `len`
 * bytes of payload if the operation has one. Fields that an operation does not use are zero.
 *
 *   op         flags    len               tag, off         status   cookie    payload
 *   MSG        0        1..msg_max        0                0        0         the message
 *   WRITE      HAS_IMM  0..4 MiB          the target's     0        0         the data
 *              or 0
 *   READ_REQ   0        0..4 MiB, wanted  the source's     0        any       none
 *   READ_RESP  0        as requested      0                0        echoed    the data
 *   TERMINATE  0        0                 0                why      0         none
 *
 * Over tls, all of this travels inside TLS 1.3, from the connect parameters on (tls.h). There a FIN
 * without a close_notify before it is a loss in every case.
 *
 * msg_max is the smaller of the two in the connect parameters.
 *
 * One-sided: WRITE and READ_REQ name memory by the tag of the I/O that it belongs to, and by an
 * offset in that I/O. No address travels. The owner of the memory checks:
 * - The I/O is under way on this connection.
 * - Its direction is that of the operation: WRITE for an I/O that reads a file.
 * - [off, off + len) lies inside it, also when len is 0.
 * - Its memory is still registered.
 * Then the owner places the payload, or answers, without its application. If the socket interrupts
 * an operation, the owner checks again before it goes on. Only the end that connected owns memory.
 *
 * Order: frames act in the order in which they were sent. HAS_IMM is delivered, as the tag, after
 * the payload has been placed. READ_RESPs come in the order of the READ_REQs, and other frames may
 * come between them. At most WIRE_READS_MAX requests may wait for their response.
 *
 * Flow control is that of TCP: an end that does not receive stops its peer.
 *
 * End: a FIN between two frames is a regular end, and anywhere else a loss. An end that receives a
 * frame against these rules sends TERMINATE and then FIN. The status of TERMINATE is a signed
 * number (common/transport/wire_errno.h): that of EACCES for memory that is not granted, that of
 * EPROTO for other reasons. The end discards what still arrives, and drops the connection when the
 * peer has closed, or when a second has passed. An end that receives a TERMINATE closes at once,
 * and its operations under way fail with that status.
 */
#ifndef USRBIO_COMMON_TCP_BASE_WIRE_H
#define USRBIO_COMMON_TCP_BASE_WIRE_H

#include <stdint.h>

#define WIRE_READS_MAX 256

enum wire_op {
	WIRE_MSG = 1,
	WIRE_WRITE,
	WIRE_READ_REQ,
	WIRE_READ_RESP,
	WIRE_TERMINATE,
	WIRE_NR_OPS,
};

enum wire_flag {
	WIRE_HAS_IMM = 1, /* WRITE only */
};

struct wire_header {
	uint8_t op;
	uint8_t flags;
	uint16_t reserved;
	uint32_t len;
	uint64_t off;
	uint32_t tag;
	uint32_t status;
	uint64_t cookie;
};

_Static_assert(sizeof(struct wire_header) == 32, "the struct travels as it is");

#endif
