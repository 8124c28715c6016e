/*
 * What files should hold: a copy of each in memory. A model belongs to one thread, as do its files.
 */
#ifndef USRBIO_TESTS_STRESS_MODEL_H
#define USRBIO_TESTS_STRESS_MODEL_H

#include <stddef.h>
#include <stdint.h>

#define MODEL_SIZE (256u << 10) /* bytes a file may have */

struct model {
	uint8_t *data; /* MODEL_SIZE bytes, zero from `size` on */
	size_t size;
};

void model_open(struct model *model);
void model_close(struct model *model);
void model_write(struct model *model, size_t off, const void *data, size_t len);
void model_truncate(struct model *model, size_t size);
/* How much a read of len bytes gives. */
size_t model_readable(const struct model *model, size_t off, size_t len);

#endif
