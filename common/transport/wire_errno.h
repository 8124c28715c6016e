/*
 * The table between errno and the status on the wire. A status is 0 or one of the protocol's own
 * numbers, so that two systems with different errno numbers understand each other.
 */
#ifndef USRBIO_COMMON_TRANSPORT_WIRE_ERRNO_H
#define USRBIO_COMMON_TRANSPORT_WIRE_ERRNO_H

#include <stdint.h>

/*
 * Translate -errno or 0 to the wire's status, which is negative or 0. An errno without a number
 * becomes that of EIO.
 */
int32_t wire_from_errno(int err);
/* Translate the wire's status to -errno. Unknown numbers, and positive ones, become -EIO. */
int wire_to_errno(int64_t status);

#endif
