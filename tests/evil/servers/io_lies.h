/* The lies about an I/O, for the table. */
#ifndef USRBIO_TESTS_EVIL_SERVERS_IO_LIES_H
#define USRBIO_TESTS_EVIL_SERVERS_IO_LIES_H

#include "tests/evil/servers/hostile.h"

/* A frame with a place; WRITE takes its payload from zeros. */
void lie_reach_for(struct hostile_peer *peer, uint8_t op, uint32_t tag, uint64_t off, uint32_t len);

lie_fn lie_complete;
lie_fn lie_immediate;
lie_fn lie_served_and_immediate;
lie_fn lie_write_to;
lie_fn lie_read_from;
lie_fn lie_half_the_data;
lie_fn lie_half_after_the_end;
lie_fn lie_drip;
lie_fn lie_many_reads;

#endif
