/*
 * Secrets in the state directory. The administrator owns the directory. Only the thread that starts
 * the server uses it.
 */
#include "server/base/state_secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/auth/keyfile.h"
#include "common/base/log.h"

struct wanted {
	const char *name;
	struct secret *secret;
	bool found;
};

static const char *take_line(void *arg, const char *id, const char *word, char *value)
{
	struct wanted *wanted = arg;

	if (!word)
		return strcmp(id, wanted->name) ? "this is a section of another file" : NULL;
	if (strcmp(word, "key"))
		return "only \"key\" is known here";
	wanted->found = true;
	return keyfile_secret(value, wanted->secret);
}

static int sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd) && errno != EINVAL)
		err = -errno;
	close(fd);
	return err;
}

/* Make the file with a random secret. Another server may make it at the same time, and wins. */
static int make(const char *dir, const char *path, const char *name)
{
	char temporary[PATH_MAX + 16];
	struct secret secret;
	int err = secret_draw(&secret);

	if (err)
		return err;
	snprintf(temporary, sizeof(temporary), "%s.%d", path, (int)getpid());
	unlink(temporary); /* of a process that was killed meanwhile */
	err = keyfile_write(temporary, name, &secret);
	secret_wipe(&secret);
	if (err)
		return err;
	if (link(temporary, path) && errno != EEXIST)
		err = -errno;
	unlink(temporary);
	return err ? err : sync_dir(dir);
}

int state_secret(const char *dir, const char *name, struct secret *secret)
{
	struct wanted wanted = {.name = name, .secret = secret};
	char path[PATH_MAX];
	int err = 0;

	if (snprintf(path, sizeof(path), "%s/%s.key", dir, name) >= (int)sizeof(path))
		err = -ENAMETOOLONG;
	if (!err && access(path, F_OK))
		err = errno == ENOENT ? make(dir, path, name) : -errno;
	if (err) {
		log_error("--state %s: cannot make %s.key: %s", dir, name, strerror(-err));
		return err;
	}
	err = keyfile_read(path, take_line, &wanted);
	if (!err && !wanted.found) {
		log_error("%s: there is no key in it; remove the file to get a new one", path);
		err = -EINVAL;
	}
	return err;
}
