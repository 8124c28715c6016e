/*
 * The one table between errno and what travels: a status on the wire is 0 or one of our own
 * numbers, so that two systems with different errno numbers understand each other.
 */
#ifndef USRBIO_COMMON_TRANSPORT_WIRE_ERRNO_H
#define USRBIO_COMMON_TRANSPORT_WIRE_ERRNO_H

#include <stdint.h>

/* -errno (or 0) to the wire's negative status (or 0). What the table lacks becomes EIO's. */
int32_t wire_from_errno(int err);
/* The wire's status to -errno. Unknown numbers, and positive ones, become -EIO. */
int wire_to_errno(int64_t status);

#endif
