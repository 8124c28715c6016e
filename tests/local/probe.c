/*
 * A user's program, as short as can be: what the library says of a path. For tests/local, which
 * runs it as several users.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client/hf3fs_usrbio.h"
#include "client/usrbio.h"

/* mount PATH [TIMES]: the mount that it lies on, or "none"; "mixed" when the answer changes. */
static int say_mount(char **argv)
{
	int times = argv[1] ? atoi(argv[1]) : 1, found = 0;
	char buf[PATH_MAX] = "none";

	for (int i = 0; i < times; i++)
		found += hf3fs_extract_mount_point(buf, sizeof(buf), argv[0]) >= 0;
	puts(found && found < times ? "mixed" : buf);
	return 0;
}

/* reg PATH: what reg_fd says of its descriptor. */
static int say_registered(char **argv)
{
	int fd = open(argv[0], O_RDONLY | O_CLOEXEC), err;

	if (fd < 0)
		return 1;
	err = hf3fs_reg_fd(fd, 0);
	puts(err <= 0 ? "registered" : strerror(err));
	return 0;
}

/* use MOUNT: make a ring on it. */
static int use_mount(char **argv)
{
	struct hf3fs_ior ior;
	int err = hf3fs_iorcreate(&ior, argv[0], 1, true, 0, -1);

	printf("%d\n", err);
	if (!err)
		hf3fs_iordestroy(&ior);
	return 0;
}

/* link FROM TO, make PATH, mode PATH, shorten PATH: 0 or the error. */
static int say_link(char **argv)
{
	printf("%d\n", -hf3fs_hardlink(argv[0], argv[1]));
	return 0;
}

static int say_made(char **argv)
{
	int fd = usrbio_open(argv[0], O_RDWR | O_CREAT, 0644);

	printf("%d\n", fd < 0 ? fd : 0);
	return 0;
}

static int say_mode(char **argv)
{
	int fd = usrbio_open(argv[0], O_RDONLY, 0);

	printf("%d\n", fd < 0 ? fd : usrbio_fchmod(fd, 0666));
	return 0;
}

static int say_shortened(char **argv)
{
	printf("%d\n", usrbio_truncate(argv[0], 0));
	return 0;
}

/* makeat DIRECTORY NAME: by the open directory. */
static int say_made_at(char **argv)
{
	int dir = usrbio_open(argv[0], O_RDONLY, 0);
	int fd = dir < 0 ? dir : usrbio_openat(dir, argv[1], O_RDWR | O_CREAT, 0644);

	printf("%d\n", fd < 0 ? fd : 0);
	return 0;
}

/* map NAME: memory of that name, which it maps and whose name goes; then wait for the input's end.
 */
static int hold_memory(char **argv)
{
	int fd = shm_open(argv[0], O_RDWR | O_CREAT | O_EXCL, 0600);
	char c;

	if (fd < 0 || ftruncate(fd, 4096) ||
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ||
	    close(fd) || shm_unlink(argv[0]))
		return 1;
	puts("mapped");
	fflush(stdout);
	return read(STDIN_FILENO, &c, 1) != 0;
}

static const struct {
	const char *name;
	int nr_args; /* at least */
	int (*run)(char **argv);
} commands[] = {
	{"mount", 1, say_mount}, {"reg", 1, say_registered},	{"use", 1, use_mount},
	{"link", 2, say_link},	 {"make", 1, say_made},		{"makeat", 2, say_made_at},
	{"mode", 1, say_mode},	 {"shorten", 1, say_shortened}, {"map", 1, hold_memory},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(*commands); i++) {
		if (!strcmp(argv[1], commands[i].name) && argc - 2 >= commands[i].nr_args)
			return commands[i].run(argv + 2);
	}
	fputs("probe: no such command\n", stderr);
	return 2;
}
