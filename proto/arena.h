/*
 * A bump arena: what decoding one frame allocates, in one block, with a hard cap; freed all at
 * once. One per connection; used by that connection's thread.
 */
#ifndef USRBIO_PROTO_ARENA_H
#define USRBIO_PROTO_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena {
	uint8_t *base;
	size_t size, used;
};

/* 0 or -ENOMEM. arena_close tolerates a zeroed struct. */
int arena_open(struct arena *arena, size_t size);
void arena_close(struct arena *arena);
/* 16-byte aligned memory until the next reset; NULL when the cap is reached. */
void *arena_alloc(struct arena *arena, size_t size);
void arena_reset(struct arena *arena);

#endif
