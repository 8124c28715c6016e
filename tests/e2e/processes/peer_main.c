/*
 * A process that shares memory, for a test that plays the other side: one iov, and commands of one
 * line each on stdin, answered by one line on stdout. Ends with its stdin.
 *
 *   create SIZE          the iov's id in hex digits
 *   open ID SIZE         0, or the errno
 *   unlink               0
 *   destroy              0
 *   fill SEED AT LEN     the pattern from offset AT on, into the memory: 0
 *   check SEED AT LEN    1: the memory holds it; 0
 *   read URL AT LEN      of the file, from offset AT, to the memory at AT: what the I/O gave
 *   write URL AT LEN     the other way
 *
 * usage: e2e_peer MOUNT
 */
#include <fcntl.h>
#include <string.h>

#include "tests/e2e/support/io.h"
#include "tests/support/must.h"
#include "tests/support/pattern.h"

static const char *mount;
static struct hf3fs_iov iov;

/* What a command line carries. */
struct args {
	char text[1024]; /* an id or a URL */
	unsigned long seed, at, len;
};

static long create(const struct args *args)
{
	iov_make(&iov, mount, args->len);
	for (int i = 0; i < 16; i++)
		printf("%02x", (uint8_t)iov.id[i]);
	printf(" ");
	return 0;
}

static long open_id(const struct args *args)
{
	uint8_t id[16];

	for (int i = 0; i < 16; i++)
		must(sscanf(args->text + 2 * i, "%2hhx", &id[i]) == 1, "id");
	return -hf3fs_iovopen(&iov, id, mount, args->len, 0, -1);
}

static long unlink_name(const struct args *args)
{
	hf3fs_iovunlink(&iov);
	return 0;
}

static long destroy(const struct args *args)
{
	hf3fs_iovdestroy(&iov);
	return 0;
}

static long fill(const struct args *args)
{
	pattern_fill(iov.base + args->at, args->len, args->seed, args->at);
	return 0;
}

static long check(const struct args *args)
{
	return pattern_diff(iov.base + args->at, args->len, args->seed, args->at) < 0;
}

static long transfer(const struct args *args, bool read)
{
	int fd = file_reg(args->text, read ? O_RDONLY : O_WRONLY | O_CREAT);
	struct hf3fs_ior ior;
	long result;

	ring_make(&ior, mount, read, 1);
	result = ring_io(&ior, &iov, iov.base + args->at, fd, args->at, args->len);
	hf3fs_iordestroy(&ior);
	file_unreg(fd);
	return result;
}

static long read_file(const struct args *args)
{
	return transfer(args, true);
}

static long write_file(const struct args *args)
{
	return transfer(args, false);
}

static const struct command {
	const char *name;
	enum { SIZE, ID_SIZE, NOTHING, RANGE, URL_RANGE } shape;
	long (*run)(const struct args *args);
} commands[] = {{"create", SIZE, create},
		{"open", ID_SIZE, open_id},
		{"unlink", NOTHING, unlink_name},
		{"destroy", NOTHING, destroy},
		{"fill", RANGE, fill},
		{"check", RANGE, check},
		{"read", URL_RANGE, read_file},
		{"write", URL_RANGE, write_file}};

static bool parse(const struct command *command, const char *rest, struct args *args)
{
	switch (command->shape) {
	case SIZE:
		return sscanf(rest, "%lu", &args->len) == 1;
	case ID_SIZE:
		return sscanf(rest, "%1023s %lu", args->text, &args->len) == 2;
	case RANGE:
		return sscanf(rest, "%lu %lu %lu", &args->seed, &args->at, &args->len) == 3;
	case URL_RANGE:
		return sscanf(rest, "%1023s %lu %lu", args->text, &args->at, &args->len) == 3;
	case NOTHING:
		return true;
	}
	return false;
}

static void obey(const char *line)
{
	size_t len = strcspn(line, " \n");
	struct args args = {0};

	for (unsigned i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (strlen(commands[i].name) != len || strncmp(line, commands[i].name, len))
			continue;
		must(parse(&commands[i], line + len, &args), "%s", line);
		printf("%ld\n", commands[i].run(&args));
		fflush(stdout);
		return;
	}
	must(false, "no command: %s", line);
}

int main(int argc, char **argv)
{
	char line[2048];

	must(argc == 2, "usage: e2e_peer MOUNT");
	mount = argv[1];
	while (fgets(line, sizeof(line), stdin))
		obey(line);
	return 0;
}
