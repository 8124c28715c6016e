/* Ordinary descriptors below an attached directory. What fails here ends the process. */
#include "tests/e2e/support/attached.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "client/hf3fs_usrbio.h"
#include "tests/e2e/support/harness.h"

void attach(const char *mount, const char *dir)
{
	must(!run(E2E_TOOL, "attach", mount, dir), "%s at %s", mount, dir);
}

void attach_export(void)
{
	e2e_needs_local_files();
	attach(e2e_mount, e2e_dir);
}

int open_file(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0644);

	must(fd >= 0, "%s: %s", path, strerror(errno));
	return fd;
}

int open_reg(const char *path, int flags)
{
	int fd = open_file(path, flags), reg = hf3fs_reg_fd(fd, 0);

	must(reg <= 0, "reg_fd of %s: %d", path, reg);
	return fd;
}

void close_reg(int fd)
{
	hf3fs_dereg_fd(fd);
	must(!close(fd), "close");
}
