/*
 * The state directory; see state.h. The file is small text: a line with the id, a line for each
 * export, and a checksum. Export names are in hexadecimal digits, because they may have any bytes.
 */
#include "server/base/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/lock.h"
#include "common/base/log.h"
#include "common/crypto/hkdf.h"
#include "common/fault_points/faults.h"
#include "proto/limits.h"

#define HEAD	 "usrbio-server losses 1\n"
#define EXPORTS	 256		       /* exports whose losses are kept */
#define NAME_HEX (2 * EXPORT_NAME_MAX) /* digits of a name */
#define FILE_MAX (256 + EXPORTS * (NAME_HEX + 40))

struct loss {
	char name[NAME_HEX + 1];
	uint64_t losses;
};

struct state {
	char *path;
	int dir, locked; /* descriptors of the directory and of its lock */
	uint64_t id;
	struct lock lock; /* LOCK_STATE; guards what follows and the file */
	unsigned nr;
	struct loss loss[EXPORTS];
	char text[FILE_MAX + 1]; /* the file, while it is read or written */
};

static void to_hex(const void *from, size_t len, char *to)
{
	for (size_t i = 0; i < len; i++)
		snprintf(to + 2 * i, 3, "%02x", ((const uint8_t *)from)[i]);
	to[2 * len] = '\0';
}

/* Compute the line with the checksum of a text. 0 or -errno. */
static int checksum(const char *text, size_t len, char line[2 * HKDF_SIZE + 8])
{
	static const char salt[] = "usrbio state";
	uint8_t sum[HKDF_SIZE];
	int err = hkdf_extract(salt, sizeof(salt) - 1, text, len, sum);

	if (err)
		return err;
	memcpy(line, "sum ", 4);
	to_hex(sum, sizeof(sum), line + 4);
	strcat(line, "\n");
	return 0;
}

static struct loss *find(struct state *state, const char *hex)
{
	for (unsigned i = 0; i < state->nr; i++)
		if (!strcmp(state->loss[i].name, hex))
			return &state->loss[i];
	return NULL;
}

/* Parse the lines between head and checksum. False: they are malformed. */
static bool parse_lines(struct state *state, char *text)
{
	char *save, *line = strtok_r(text, "\n", &save);
	int end = 0;

	if (!line || sscanf(line, "id %16lx%n", &state->id, &end) != 1 || line[end] || !state->id)
		return false;
	while ((line = strtok_r(NULL, "\n", &save))) {
		struct loss *loss = &state->loss[state->nr];

		end = 0;
		if (state->nr == EXPORTS ||
		    sscanf(line, "%lu %510[0-9a-f]%n", &loss->losses, loss->name, &end) != 2 ||
		    line[end])
			return false;
		state->nr++;
	}
	return true;
}

/* Parse the file, whose text is in state->text. False: it is damaged, or another program's. */
static bool parse(struct state *state, size_t len)
{
	const size_t head = sizeof(HEAD) - 1, tail = 2 * HKDF_SIZE + 5;
	char line[2 * HKDF_SIZE + 8], *text = state->text;

	if (len < head + tail || memcmp(text, HEAD, head) || checksum(text, len - tail, line) ||
	    memcmp(text + len - tail, line, tail))
		return false;
	text[len - tail] = '\0';
	return parse_lines(state, text + head);
}

static int write_file(struct state *state, size_t len)
{
	int fd = openat(state->dir, "losses.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int err = 0;

	if (fd < 0)
		return -errno;
	errno = EIO; /* for a short write */
	if (fault_errno(STATE_SAVE_EIO, EIO) || write(fd, state->text, len) != (ssize_t)len ||
	    fsync(fd))
		err = -errno;
	close(fd);
	if (!err && (renameat(state->dir, "losses.new", state->dir, "losses") || fsync(state->dir)))
		err = -errno;
	return err;
}

/* Write the file. The caller holds the lock, or is the only user. 0 or -errno, logged. */
static int save(struct state *state)
{
	char line[2 * HKDF_SIZE + 8];
	size_t len = (size_t)snprintf(state->text, FILE_MAX, HEAD "id %016lx\n", state->id);
	int err;

	for (unsigned i = 0; i < state->nr; i++)
		len += (size_t)snprintf(state->text + len, FILE_MAX - len, "%lu %s\n",
					state->loss[i].losses, state->loss[i].name);
	err = checksum(state->text, len, line);
	if (!err) {
		memcpy(state->text + len, line, strlen(line));
		err = write_file(state, len + strlen(line));
	}
	if (err)
		log_error("--state %s: %s: a loss of data may be forgotten at the next restart",
			  state->path, strerror(-err));
	return err;
}

/* Begin an empty directory. */
static int create(struct state *state)
{
	while (!state->id)
		if (getrandom(&state->id, sizeof(state->id), 0) < 0)
			return -errno;
	return save(state);
}

static int load(struct state *state)
{
	int fd = openat(state->dir, "losses", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t len;

	if (fd < 0 && errno == ENOENT)
		return create(state);
	if (fd < 0) {
		log_error("--state %s: losses: %s", state->path, strerror(errno));
		return -EACCES;
	}
	len = read(fd, state->text, FILE_MAX);
	close(fd);
	if (len >= 0 && parse(state, (size_t)len))
		return 0;
	log_error(
		"--state %s: the file losses is damaged, or is not of usrbio-server; see FILES in "
		"usrbio-server(8) before you remove it",
		state->path);
	return -EBADMSG;
}

/* Open the directory and lock it. 0 or -errno, logged. */
static int take(struct state *state)
{
	struct stat st;

	if (mkdir(state->path, 0700) && errno != EEXIST)
		goto err;
	state->dir = open(state->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (state->dir < 0 || fstat(state->dir, &st))
		goto err;
	if ((st.st_uid != geteuid() && st.st_uid) || st.st_mode & 022) {
		log_error("--state %s: other users could change it; it has to belong to the user "
			  "of the server, with mode 0700",
			  state->path);
		return -EPERM;
	}
	state->locked = openat(state->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (state->locked < 0)
		goto err;
	if (!flock(state->locked, LOCK_EX | LOCK_NB))
		return 0;
	log_error("--state %s: another server uses this directory; give each server its own",
		  state->path);
	return -EBUSY;

err:
	log_error("--state %s: %s", state->path, strerror(errno));
	return -errno;
}

int state_open(const char *path, struct state **out)
{
	struct state *state = calloc(1, sizeof(*state));
	int err = -ENOMEM;

	if (!state)
		return -ENOMEM;
	state->dir = state->locked = -1;
	lock_init(&state->lock, LOCK_STATE);
	state->path = strdup(path);
	if (state->path)
		err = take(state);
	if (!err)
		err = load(state);
	if (err)
		state_close(state);
	else
		*out = state;
	return err;
}

void state_unlock(struct state *state)
{
	if (!state)
		return;
	lock_acquire(&state->lock);
	if (state->locked >= 0)
		close(state->locked);
	state->locked = -1;
	lock_release(&state->lock);
}

void state_close(struct state *state)
{
	if (!state)
		return;
	if (state->locked >= 0)
		close(state->locked);
	if (state->dir >= 0)
		close(state->dir);
	lock_destroy(&state->lock);
	free(state->path);
	free(state);
}

uint64_t state_id(const struct state *state)
{
	return state ? state->id : 0;
}

uint64_t state_losses(struct state *state, const char *export)
{
	char hex[NAME_HEX + 1];
	const struct loss *loss;
	uint64_t losses;

	if (!state)
		return 0;
	to_hex(export, strnlen(export, EXPORT_NAME_MAX), hex);
	lock_acquire(&state->lock);
	loss = find(state, hex);
	losses = loss ? loss->losses : 0;
	lock_release(&state->lock);
	return losses;
}

int state_store(struct state *state, const char *export, uint64_t losses)
{
	char hex[NAME_HEX + 1];
	struct loss *loss;
	int err = 0;

	if (!state)
		return 0;
	to_hex(export, strnlen(export, EXPORT_NAME_MAX), hex);
	lock_acquire(&state->lock);
	loss = find(state, hex);
	if (!loss && state->nr < EXPORTS) {
		loss = &state->loss[state->nr++];
		memcpy(loss->name, hex, sizeof(hex));
		loss->losses = 0;
	}
	if (!loss)
		err = -ENOSPC;
	else if (loss->losses < losses && state->locked >= 0) {
		loss->losses = losses;
		err = save(state);
	}
	lock_release(&state->lock);
	return err;
}
