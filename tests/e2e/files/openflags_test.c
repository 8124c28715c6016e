/* Descriptors opened in every way: O_APPEND, O_DIRECT and the others, and the access mode. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/support/attached.h"
#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"
#include "tests/e2e/support/rw.h"
#include "tests/support/tiny.h"

enum { SIZE = 300000, SEED = 3, NEW = 8 };

/* pwrite(2) on Linux would append; a ring writes where the program says. */
static void write_at_offsets(const char *mount, int fd)
{
	struct rw rw;

	rw_open(&rw, mount, SIZE);
	rw_put(&rw, fd, NEW, 1000, 500);
	rw_put(&rw, fd, NEW, 0, 1);
	rw_put(&rw, fd, NEW, SIZE, 10);
	cr_assert_eq(file_size("file"), SIZE + 10);
	file_check("file", NEW, 0, 1);
	file_check("file", SEED, 1, 999);
	file_check("file", NEW, 1000, 500);
	file_check("file", SEED, 1500, SIZE - 1500);
	file_check("file", NEW, SIZE, 10);
	rw_close(&rw);
}

E2E(openflags, o_append_leaves_offsets_alone)
{
	int fd;

	file_make("file", SEED, SIZE);
	fd = file_reg(url_of("file"), O_WRONLY | O_APPEND);
	write_at_offsets(NULL, fd);
	file_unreg(fd);
}

E2E(openflags, o_append_of_the_kernel_leaves_offsets_alone)
{
	int fd;

	attach_export();
	file_make("file", SEED, SIZE);
	fd = open_reg(path_of("file"), O_WRONLY | O_APPEND);
	write_at_offsets(e2e_dir, fd);
	close_reg(fd);
}

/* Any offset, length and address, against a buffer that is changed alike. */
static void use_unaligned(const char *mount, int fd)
{
	enum { FILE_MAX = 600000 };
	char *model = calloc(1, 2 * FILE_MAX);
	uint64_t random = 99, size = 0;
	struct rw rw;

	cr_assert(model);
	rw_open(&rw, mount, FILE_MAX);
	for (int i = 0; i < full_or_quick(400, 20); i++) {
		bool aligned = i % 4 == 0;
		size_t off = next_random(&random) % (FILE_MAX / 2);
		size_t len = 1 + next_random(&random) % (FILE_MAX / 4);
		size_t at = next_random(&random) % 5000;
		uint64_t left;

		if (aligned) {
			off &= ~4095ul;
			at &= ~4095ul;
			len = (len + 4095) & ~4095ul;
		}
		if (i % 2) {
			pattern_fill(rw.base + at, len, i, off);
			cr_assert_eq(ring_io(&rw.writes, &rw.iov, rw.base + at, fd, off, len), len);
			memcpy(model + off, rw.base + at, len);
			size = off + len > size ? off + len : size;
			continue;
		}
		left = off < size ? size - off : 0;
		cr_assert_eq(ring_io(&rw.reads, &rw.iov, rw.base + at, fd, off, len),
			     len < left ? len : left);
		cr_assert_eq(memcmp(rw.base + at, model + off, len < left ? len : left), 0,
			     "%zu bytes at %zu", len, off);
	}
	rw_close(&rw);
	free(model);
}

E2E(openflags, o_direct_has_no_alignment_rule)
{
	int fd = file_reg(url_of("file"), O_RDWR | O_CREAT | O_DIRECT);

	use_unaligned(NULL, fd);
	file_unreg(fd);
}

E2E(openflags, o_direct_of_the_kernel_has_no_alignment_rule)
{
	int fd;

	attach_export();
	fd = open(path_of("file"), O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0644);
	if (fd < 0 && errno == EINVAL)
		cr_skip_test("this file system has no O_DIRECT");
	cr_assert_eq(hf3fs_reg_fd(fd, 0), -fd);
	use_unaligned(e2e_dir, fd);
	close_reg(fd);
}

/* Through and beside the page cache, the last writer's bytes are there. */
E2E(openflags, o_direct_and_others_see_one_file)
{
	int direct, plain;
	struct rw rw;

	file_make("file", SEED, SIZE);
	direct = file_reg(url_of("file"), O_RDWR | O_DIRECT);
	plain = file_reg(url_of("file"), O_RDWR);
	rw_open(&rw, NULL, SIZE);
	for (int i = 0; i < 20; i++) {
		size_t off = i % 3 ? i * 4096 : i * 4096 + i, len = i % 2 ? 65536 : 65537;

		rw_put(&rw, i % 2 ? direct : plain, 10 + i, off, len);
		rw_expect(&rw, i % 2 ? plain : direct, 10 + i, off, len);
		file_check("file", 10 + i, off, len);
	}
	file_unreg(direct);
	file_unreg(plain);
	rw_close(&rw);
}

/* ramfs refuses O_DIRECT: the page cache is used, and the log says so, once. */
E2E(openflags, o_direct_works_where_the_file_system_has_none)
{
	char url[400], line[1024];
	struct tiny tiny;
	int fd, told = 0;
	FILE *log;

	cr_assert_eq(setenv("USRBIO_LOG", "info", 1), 0);
	tiny_open(&tiny, "ramfs", NULL);
	snprintf(url, sizeof(url), "%s/file", tiny.mount);
	for (int i = 0; i < 3; i++) {
		fd = file_reg(url, O_RDWR | O_CREAT | O_TRUNC | O_DIRECT);
		use_unaligned(tiny.mount, fd);
		file_unreg(fd);
	}
	log = fopen(tiny.server.log, "re");
	cr_assert(log);
	while (fgets(line, sizeof(line), log))
		told += !!strstr(line, "O_DIRECT");
	fclose(log);
	cr_assert_eq(told, 1);
	tiny_close(&tiny);
}

E2E(openflags, others_make_no_difference)
{
	static const int flags[] = {O_SYNC,
				    O_DSYNC,
				    O_NOATIME,
				    O_NONBLOCK,
				    O_LARGEFILE,
				    O_TRUNC,
				    O_NOFOLLOW,
				    O_CREAT,
				    O_NOCTTY,
				    O_RSYNC,
				    O_SYNC | O_APPEND | O_TRUNC,
				    O_CLOEXEC};
	struct rw here, there;
	int fd;

	attach_export();
	rw_open(&there, NULL, SIZE);
	rw_open(&here, e2e_dir, SIZE);
	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		file_make("file", SEED, SIZE);
		fd = open_reg(path_of("file"), O_RDWR | flags[i]);
		cr_assert_eq(file_size("file"), flags[i] & O_TRUNC ? 0 : SIZE, "%x", flags[i]);
		rw_put(&here, fd, NEW, 77, 1000);
		rw_expect(&here, fd, NEW, 77, 1000);
		close_reg(fd);
		file_make("file", SEED, SIZE);
		fd = file_reg(url_of("file"), O_RDWR | flags[i]);
		cr_assert_eq(file_size("file"), flags[i] & O_TRUNC ? 0 : SIZE, "%x", flags[i]);
		rw_put(&there, fd, NEW, 77, 1000);
		rw_expect(&there, fd, NEW, 77, 1000);
		file_unreg(fd);
	}
	rw_close(&here);
	rw_close(&there);
}

static int prep(struct rw *rw, bool read, int fd)
{
	return hf3fs_prep_io(read ? &rw->reads : &rw->writes, &rw->iov, read, rw->base, fd, 0, 10,
			     NULL);
}

/* Of a registered descriptor: reading and writing are allowed, or refused with -EACCES. */
static void expect_mode(const char *mount, int fd, bool read, bool write)
{
	struct rw rw;

	rw_open(&rw, mount, 4096);
	if (write)
		rw_put(&rw, fd, NEW, 0, 10);
	else
		cr_assert_eq(prep(&rw, false, fd), -EACCES);
	if (read)
		rw_expect(&rw, fd, NEW, 0, 10);
	else
		cr_assert_eq(prep(&rw, true, fd), -EACCES);
	rw_close(&rw);
}

E2E(openflags, the_access_mode_holds)
{
	static const int modes[] = {O_RDWR, O_RDONLY, O_WRONLY};
	int fd;

	file_make("file", SEED, SIZE);
	for (int i = 0; i < 3; i++) {
		fd = file_reg(url_of("file"), modes[i]);
		expect_mode(NULL, fd, modes[i] != O_WRONLY, modes[i] != O_RDONLY);
		file_unreg(fd);
	}
}

E2E(openflags, the_access_mode_of_the_kernel_holds)
{
	static const int modes[] = {O_RDWR, O_RDONLY, O_WRONLY};
	int fd;

	attach_export();
	file_make("file", SEED, SIZE);
	for (int i = 0; i < 3; i++) {
		fd = open_reg(path_of("file"), modes[i]);
		expect_mode(e2e_dir, fd, modes[i] != O_WRONLY, modes[i] != O_RDONLY);
		close_reg(fd);
	}
	/* Neither: O_PATH, and the mode that is for device ioctls. */
	fd = open_file(path_of("file"), O_PATH);
	cr_assert_eq(hf3fs_reg_fd(fd, 0), EBADF);
	close(fd);
	fd = open_file(path_of("file"), O_ACCMODE);
	cr_assert_eq(hf3fs_reg_fd(fd, 0), EBADF);
	close(fd);
}

E2E(openflags, the_access_mode_is_the_one_at_registration)
{
	int fd, other;

	attach_export();
	file_make("file", NEW, SIZE);
	fd = open_reg(path_of("file"), O_RDONLY);
	other = open_file(path_of("file"), O_RDWR);
	cr_assert_eq(dup2(other, fd), fd);
	expect_mode(e2e_dir, fd, true, false);
	hf3fs_dereg_fd(fd);
	cr_assert_eq(hf3fs_reg_fd(fd, 0), -fd);
	expect_mode(e2e_dir, fd, true, true);
	close_reg(fd);
	close(other);
}
