/* Modes: nobody gets set-id bits from a client, or keeps them on what a client has written; also
 * where the server is root. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"
#include "tests/e2e/support/rw.h"

enum { SIZE = 200000, SEED = 1 };

static mode_t mode_of(const char *name)
{
	struct stat st;

	cr_assert_eq(stat(path_of(name), &st), 0, "%s", name);
	return st.st_mode & 07777;
}

/* Both bits, and for the group to run it: what a write takes away. */
static void give_bits(const char *name)
{
	cr_assert_eq(chmod(path_of(name), 06755), 0);
	cr_assert_eq(mode_of(name), 06755);
}

static void write_some(const char *name, uint64_t off, uint64_t len)
{
	struct rw rw;
	int fd;

	rw_open(&rw, NULL, SIZE);
	fd = file_reg(url_of(name), O_WRONLY);
	give_bits(name); /* while it is open, as well as before */
	rw_put(&rw, fd, 2, off, len);
	file_unreg(fd);
	rw_close(&rw);
}

E2E(modes, set_id_bits_go_when_a_client_writes)
{
	static const struct {
		uint64_t off, len;
	} writes[] = {{0, 1}, {0, 4096}, {100, SIZE - 100}, {SIZE, 4096}, {SIZE + 65536, 10}};

	e2e_needs_local_files();
	file_make("file", SEED, SIZE);
	for (size_t i = 0; i < sizeof(writes) / sizeof(*writes); i++) {
		write_some("file", writes[i].off, writes[i].len);
		cr_expect_eq(mode_of("file"), 0755, "write %zu: %o", i, mode_of("file"));
	}
}

E2E(modes, set_id_bits_go_when_a_client_cuts_or_punches)
{
	const size_t start = 4096, end = 8192;
	int fd;

	e2e_needs_local_files();
	file_make("file", SEED, SIZE);
	give_bits("file");
	cr_assert_eq(usrbio_truncate(url_of("file"), SIZE - 1), 0);
	cr_expect_eq(mode_of("file"), 0755, "truncate: %o", mode_of("file"));
	fd = file_reg(url_of("file"), O_RDWR);
	give_bits("file");
	cr_assert_eq(usrbio_ftruncate(fd, SIZE + 5), 0);
	cr_expect_eq(mode_of("file"), 0755, "ftruncate: %o", mode_of("file"));
	give_bits("file");
	cr_assert_eq(hf3fs_punchhole(fd, 1, &start, &end, 0), 0);
	cr_expect_eq(mode_of("file"), 0755, "punch: %o", mode_of("file"));
	file_unreg(fd);
	give_bits("file");
	fd = usrbio_open(url_of("file"), O_WRONLY | O_TRUNC, 0);
	cr_assert_geq(fd, 0);
	cr_expect_eq(mode_of("file"), 0755, "O_TRUNC: %o", mode_of("file"));
	give_bits("file");
	cr_assert_eq(usrbio_fchmod(fd, 07755), 0);
	cr_expect_eq(mode_of("file"), 0755, "fchmod: %o", mode_of("file"));
	usrbio_close(fd);
}

E2E(modes, what_a_client_makes_has_no_special_bits)
{
	struct usrbio_stat st;
	int fd = usrbio_open(url_of("file"), O_RDWR | O_CREAT, 07755), dir;

	cr_assert_geq(fd, 0);
	cr_assert_eq(usrbio_fstat(fd, &st), 0);
	cr_expect_eq(st.mode & 07000, 0, "%o", st.mode);
	usrbio_close(fd);
	cr_assert_eq(usrbio_mkdir(url_of("dir"), 07755), 0);
	cr_assert_eq(usrbio_stat(url_of("dir"), &st), 0);
	cr_expect_eq(st.mode & 07000, 0, "%o", st.mode);
	dir = usrbio_open(url_of("dir"), O_RDONLY | O_DIRECTORY, 0);
	cr_assert_eq(usrbio_mkdirat(dir, "dir", 07755), 0);
	cr_assert_eq(usrbio_fstatat(dir, "dir", &st, 0), 0);
	cr_expect_eq(st.mode & 07000, 0, "%o", st.mode);
	fd = usrbio_openat(dir, "file", O_RDWR | O_CREAT, 07755);
	cr_assert_geq(fd, 0);
	cr_assert_eq(usrbio_fstat(fd, &st), 0);
	cr_expect_eq(st.mode & 07000, 0, "%o", st.mode);
	usrbio_close(fd);
	usrbio_close(dir);
}
