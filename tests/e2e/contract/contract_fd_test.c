/* Descriptors and paths: reg_fd, is_hf3fs, extract_mount_point, hardlink, punchhole. Their errors
 * are positive. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/contract/contract.h"
#include "tests/support/pattern.h"

static char dir[400]; /* the export, mounted by the table */

static void mount_by_table(void)
{
	const char *table = scratch_file("mounts");
	FILE *f;

	e2e_needs_local_files();
	snprintf(dir, sizeof(dir), "%s", e2e_dir);
	f = fopen(table, "we");
	cr_assert(f);
	fprintf(f, "%s %s\n%s %s\n", e2e_dir, e2e_mount, e2e_read_only_dir, e2e_read_only);
	cr_assert_eq(fclose(f), 0);
	cr_assert_eq(setenv("USRBIO_MOUNTS", table, 1), 0);
}

/* Descriptors of every kind. */
static struct {
	int url, dir, file, closed, reused, device, pipe[2], socket, elsewhere, path;
} fds;

static int open_at(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0644);

	cr_assert_geq(fd, 0, "%s: %s", path, strerror(errno));
	return fd;
}

static void open_all(void)
{
	mount_by_table();
	file_make("file", 4, 1000);
	fds.url = usrbio_open(url_of("file"), O_RDWR, 0);
	fds.dir = open_at(dir, O_RDONLY | O_DIRECTORY);
	fds.file = open_at(path_of("file"), O_RDWR);
	fds.device = open_at("/dev/zero", O_RDWR);
	cr_assert_eq(pipe2(fds.pipe, O_CLOEXEC), 0);
	fds.socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	fds.elsewhere = open_at(scratch_file("mounts"), O_RDONLY);
	fds.path = open_at(path_of("file"), O_PATH);
	/* Registered, closed, and the number used again, by another file of ours. */
	fds.reused = open_at(path_of("file"), O_RDWR);
	cr_assert_eq(hf3fs_reg_fd(fds.reused, 0), -fds.reused);
	cr_assert_eq(dup2(fds.file, fds.reused), fds.reused);
	fds.closed = open_at(path_of("file"), O_RDWR);
	close(fds.closed);
}

static int fd;

static void good(void)
{
	fd = fds.file;
}

static int mistake(unsigned pick, const char **text)
{
	MISTAKE(EBADF, "negative", fd = -1);
	MISTAKE(EBADF, "INT_MIN", fd = INT_MIN);
	MISTAKE(EBADF, "INT_MAX", fd = INT_MAX);
	MISTAKE(EBADF, "closed", fd = fds.closed);
	MISTAKE(EBADF, "negation of a good one", fd = -fds.file);
	MISTAKE(EBADF, "a device", fd = fds.device);
	MISTAKE(EBADF, "a pipe", fd = fds.pipe[0]);
	MISTAKE(EBADF, "a socket", fd = fds.socket);
	MISTAKE(EBADF, "a file not ours", fd = fds.elsewhere);
	MISTAKE(EBADF, "opened for neither direction", fd = fds.path);
	MISTAKE(EINVAL, "registered already", fd = kit.fd);
	MISTAKE(EINVAL, "registered, closed, and used again", fd = fds.reused);
	return ROWS_END;
}

static int reg(void)
{
	return hf3fs_reg_fd(fd, 1);
}

E2E(contract_fd, reg_fd_errors_are_positive)
{
	kit_open();
	open_all();
	rows_check(&(struct rows){"reg_fd", good, mistake, reg});
	close(fds.reused);
	cr_expect_eq(hf3fs_reg_fd(fds.reused, 0), EINVAL, "closed, and still registered");
	hf3fs_dereg_fd(fds.reused);
	cr_expect_eq(hf3fs_reg_fd(fds.reused, 0), EBADF, "closed, and registered no more");
	kit_close();
}

E2E(contract_fd, is_hf3fs_is_true_for_files_and_directories_of_ours)
{
	open_all();
	row("a file by URL", hf3fs_is_hf3fs(fds.url));
	row("a file below a mount", hf3fs_is_hf3fs(fds.file));
	row("a mount's directory", hf3fs_is_hf3fs(fds.dir));
	row("not a closed one", !hf3fs_is_hf3fs(fds.closed));
	row("not a negative one", !hf3fs_is_hf3fs(-1));
	row("not INT_MIN", !hf3fs_is_hf3fs(INT_MIN));
	row("not INT_MAX", !hf3fs_is_hf3fs(INT_MAX));
	row("not a negation", !hf3fs_is_hf3fs(-fds.file));
	row("not a device", !hf3fs_is_hf3fs(fds.device));
	row("not a pipe", !hf3fs_is_hf3fs(fds.pipe[1]));
	row("not a socket", !hf3fs_is_hf3fs(fds.socket));
	row("not a file elsewhere", !hf3fs_is_hf3fs(fds.elsewhere));
	cr_assert_eq(usrbio_close(fds.url), 0);
	row("not a URL's after usrbio_close", !hf3fs_is_hf3fs(fds.url));
}

/* What is returned, and what stands in a buffer of `size` bytes that was full of x. */
static bool extracts(const char *path, int size, int want, const char *text)
{
	char buf[512];

	memset(buf, 'x', sizeof(buf));
	if (hf3fs_extract_mount_point(buf, size, path) != want)
		return false;
	return text ? !strcmp(buf, text) : bytes_diff(buf, sizeof(buf), 'x') == -1;
}

E2E(contract_fd, extract_mount_point_returns_strlen_plus_1_or_minus_1)
{
	int need;

	open_all();
	need = (int)strlen(dir) + 1;
	cr_assert_eq(mkfifo(path_of("fifo"), 0600), 0);
	cr_assert_eq(mkdir(path_of("sub"), 0755), 0);
	cr_assert_eq(symlink(path_of("sub"), scratch_file("link")), 0);
	cr_assert_eq(symlink("/etc/passwd", path_of("out")), 0);
	cr_assert_eq(mkdir(scratch_file("data-2"), 0755), 0);
	row("the mount itself", extracts(dir, 512, need, dir));
	row("with a slash", extracts(path_of(""), 512, need, dir));
	row("a file", extracts(path_of("file"), 512, need, dir));
	row("a fifo", extracts(path_of("fifo"), 512, need, dir));
	row("a directory by a detour", extracts(path_of("sub/../sub//."), 512, need, dir));
	row("a link that leads in", extracts(scratch_file("link"), 512, need, dir));
	row("it just fits", extracts(dir, need, need, dir));
	row("a byte too small: untouched", extracts(dir, need - 1, need, NULL));
	row("size 0", extracts(dir, 0, need, NULL));
	row("size negative", extracts(dir, -1, need, NULL));
	row("size INT_MIN", extracts(dir, INT_MIN, need, NULL));
	row("no buffer", hf3fs_extract_mount_point(NULL, 512, dir) == need);
	row("NULL", extracts(NULL, 512, -1, NULL));
	row("empty", extracts("", 512, -1, NULL));
	row("does not exist", extracts(path_of("missing"), 512, -1, NULL));
	row("a link that leads out", extracts(path_of("out"), 512, -1, NULL));
	row("/dev/zero", extracts("/dev/zero", 512, -1, NULL));
	row("/", extracts("/", 512, -1, NULL));
	row("a neighbour whose name begins alike", extracts(scratch_file("data-2"), 512, -1, NULL));
	row("a URL", extracts(e2e_mount, 512, -1, NULL));
}
