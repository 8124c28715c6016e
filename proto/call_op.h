/* The names of calls, for messages to people. */
#ifndef USRBIO_PROTO_CALL_OP_H
#define USRBIO_PROTO_CALL_OP_H

#include <stdint.h>

/* Name a call by its CALL_*, such as "open"; constant. A number that is none has the name "?". */
const char *call_op_name(uint32_t op);

#endif
