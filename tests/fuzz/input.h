/* What libFuzzer gives, taken bit by bit; at its end there are zeros. */
#ifndef USRBIO_TESTS_FUZZ_INPUT_H
#define USRBIO_TESTS_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct input {
	const uint8_t *data;
	size_t left;
};

static inline uint8_t take_byte(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->data++;
}

static inline uint16_t take_u16(struct input *in)
{
	uint16_t low = take_byte(in);

	return (uint16_t)(low | take_byte(in) << 8);
}

/* Up to len bytes; how many there are. */
static inline size_t take_bytes(struct input *in, size_t len, const uint8_t **bytes)
{
	size_t n = len < in->left ? len : in->left;

	*bytes = in->data;
	in->data += n;
	in->left -= n;
	return n;
}

/* A finding. */
#define insist(ok)                                                                       \
	do {                                                                             \
		if (!(ok)) {                                                             \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #ok); \
			abort();                                                         \
		}                                                                        \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#endif
