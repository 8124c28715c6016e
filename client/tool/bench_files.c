/* The files a benchmark works on: the path itself, or PATH.0, PATH.1, ... The main thread's. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hf3fs_usrbio.h>
#include <usrbio.h>

#include "client/tool/bench.h"
#include "client/tool/tool.h"

static char *name_of(const char *path, unsigned number, bool numbered)
{
	char *name;

	if (!numbered)
		return strdup(path);
	return asprintf(&name, "%s.%u", path, number) < 0 ? NULL : name;
}

static int open_one(struct bench_file *file, int flags)
{
	int fd = usrbio_open(file->path, flags, 0644), err;

	if (fd < 0)
		return fd;
	err = hf3fs_reg_fd(fd, 0);
	if (err > 0) {
		usrbio_close(fd);
		return -err;
	}
	file->fd = fd;
	return 0;
}

static void close_one(struct bench_file *file)
{
	if (file->fd >= 0) {
		hf3fs_dereg_fd(file->fd);
		usrbio_close(file->fd);
	}
	free(file->path);
}

int bench_files_open(struct bench_config *config, const char *path, unsigned numbered, int flags)
{
	unsigned n = numbered ? numbered : 1;
	int err = 0;

	config->files = calloc(n, sizeof(*config->files));
	if (!config->files)
		return -ENOMEM;
	while (!err && config->nr_files < n) {
		struct bench_file *file = &config->files[config->nr_files];

		file->fd = -1;
		file->path = name_of(path, config->nr_files++, numbered);
		err = file->path ? open_one(file, flags) : -ENOMEM;
		if (err)
			fail(file->path ? file->path : path, err);
	}
	if (err)
		bench_files_close(config);
	return err;
}

int bench_files_size(const struct bench_config *config, uint64_t *size)
{
	uint64_t smallest = UINT64_MAX;

	for (unsigned i = 0; i < config->nr_files; i++) {
		struct usrbio_stat st;
		int err = usrbio_fstat(config->files[i].fd, &st);

		if (err)
			return err;
		smallest = st.size < smallest ? st.size : smallest;
	}
	*size = smallest;
	return 0;
}

int bench_files_truncate(const struct bench_config *config, uint64_t size)
{
	int err = 0;

	for (unsigned i = 0; !err && i < config->nr_files; i++)
		err = usrbio_ftruncate(config->files[i].fd, size);
	return err;
}

void bench_files_close(struct bench_config *config)
{
	for (unsigned i = 0; i < config->nr_files; i++)
		close_one(&config->files[i]);
	free(config->files);
	config->files = NULL;
	config->nr_files = 0;
}
