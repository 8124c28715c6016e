/* Content that tells where it belongs. Pure functions. */
#include "tests/support/pattern.h"

#include <string.h>

static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9u;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

uint64_t next_random(uint64_t *state)
{
	return mix(*state += 0x9e3779b97f4a7c15u);
}

/* The eight bytes at 8 * n. */
static uint64_t word(uint64_t seed, uint64_t n)
{
	return mix((seed + 1) * 0x9e3779b97f4a7c15u + n);
}

/* The pattern in pieces that lie within one word each; returns the length of the piece. */
static size_t piece(uint64_t seed, uint64_t off, size_t len, uint8_t bytes[8], size_t *skip)
{
	uint64_t w = word(seed, off / 8);

	memcpy(bytes, &w, 8);
	*skip = off % 8;
	return len < 8 - *skip ? len : 8 - *skip;
}

void pattern_fill(void *buf, size_t len, uint64_t seed, uint64_t off)
{
	uint8_t *to = buf, bytes[8];
	size_t skip, n;

	for (; len; to += n, off += n, len -= n) {
		n = piece(seed, off, len, bytes, &skip);
		memcpy(to, bytes + skip, n);
	}
}

ssize_t pattern_diff(const void *buf, size_t len, uint64_t seed, uint64_t off)
{
	const uint8_t *at = buf;
	uint8_t bytes[8];
	size_t done, skip, n;

	for (done = 0; done < len; done += n) {
		n = piece(seed, off + done, len - done, bytes, &skip);
		for (size_t i = 0; i < n; i++)
			if (at[done + i] != bytes[skip + i])
				return done + i;
	}
	return -1;
}

ssize_t bytes_diff(const void *buf, size_t len, uint8_t value)
{
	const uint8_t *at = buf;

	for (size_t i = 0; i < len; i++)
		if (at[i] != value)
			return i;
	return -1;
}
