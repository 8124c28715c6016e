/*
 * Opens and closes the files of a benchmark: the path itself, or PATH.0, PATH.1 and so on. The
 * configuration owns them; the main thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <hf3fs_usrbio.h>
#include <usrbio.h>

#include "client/tool/bench/bench.h"
#include "client/tool/base/tool.h"

static char *name_of(const char *path, unsigned number, bool numbered)
{
	char *name;

	if (!numbered)
		return strdup(path);
	return asprintf(&name, "%s.%u", path, number) < 0 ? NULL : name;
}

int bench_file_open(const char *path, int flags)
{
	int fd = usrbio_open(path, flags, 0644), err;

	if (fd < 0)
		return fd;
	err = hf3fs_reg_fd(fd, 0);
	if (err > 0) {
		usrbio_close(fd);
		return -err;
	}
	return fd;
}

void bench_file_close(int fd)
{
	if (fd < 0)
		return;
	hf3fs_dereg_fd(fd);
	usrbio_close(fd);
}

/* Open one file. open(2) opens a directory for reading, too: that is -EISDIR here. */
static int open_first(const char *path, int flags)
{
	struct usrbio_stat st;
	int fd = bench_file_open(path, flags), err;

	if (fd < 0)
		return fd;
	err = usrbio_fstat(fd, &st);
	if (!err && S_ISDIR(st.mode))
		err = -EISDIR;
	if (err)
		bench_file_close(fd);
	return err ? err : fd;
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

		file->path = name_of(path, config->nr_files++, numbered);
		file->fd = file->path ? open_first(file->path, flags) : -ENOMEM;
		err = file->fd < 0 ? file->fd : 0;
		if (err == -EEXIST)
			fail_text("%s: exists; --create overwrites it with --force only",
				  file->path);
		else if (err)
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
	for (unsigned i = 0; i < config->nr_files; i++) {
		bench_file_close(config->files[i].fd);
		free(config->files[i].path);
	}
	free(config->files);
	config->files = NULL;
	config->nr_files = 0;
}
