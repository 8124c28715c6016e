/* The content of a file, kept in memory. One thread's. */
#include "tests/stress/model.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/must.h"

void model_open(struct model *model)
{
	*model = (struct model){.data = calloc(1, MODEL_SIZE)};
	must(model->data != NULL, "memory");
}

void model_close(struct model *model)
{
	free(model->data);
}

void model_write(struct model *model, size_t off, const void *data, size_t len)
{
	memcpy(model->data + off, data, len);
	if (off + len > model->size)
		model->size = off + len;
}

void model_truncate(struct model *model, size_t size)
{
	if (size < model->size)
		memset(model->data + size, 0, model->size - size);
	model->size = size;
}

size_t model_readable(const struct model *model, size_t off, size_t len)
{
	if (off >= model->size)
		return 0;
	return len < model->size - off ? len : model->size - off;
}
