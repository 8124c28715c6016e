/* The ring's view of a file and everybody else's are one. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/support/attached.h"
#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"
#include "tests/e2e/support/rw.h"

enum { LEN = 5000 };

/* Written, deregistered, closed and never synced: everybody sees it. */
E2E(views, what_a_ring_wrote_is_seen_by_every_other_path)
{
	const int rounds = full_or_quick(50, 10);
	struct usrbio_stat st;
	struct rw rw, other;
	int fd;

	rw_open(&rw, NULL, 1 << 20);
	rw_open(&other, NULL, 1 << 20);
	for (int i = 0; i < rounds; i++) {
		uint64_t off = i * 3777;

		fd = file_reg(url_of("file"), O_WRONLY | O_CREAT);
		rw_put(&rw, fd, i, off, LEN);
		file_unreg(fd);
		file_check("file", i, off, LEN);
		cr_assert_eq(file_size("file"), off + LEN);
		cr_assert_eq(usrbio_stat(url_of("file"), &st), 0);
		cr_assert_eq(st.size, off + LEN);
		fd = file_reg(url_of("file"), O_RDONLY);
		rw_expect(&other, fd, i, off, LEN);
		file_unreg(fd);
	}
	rw_close(&rw);
	rw_close(&other);
}

E2E(views, another_program_reads_what_a_ring_wrote)
{
	char copy[500];
	struct rw rw;
	int fd = file_reg(url_of("file"), O_WRONLY | O_CREAT);

	e2e_needs_server_process();
	rw_open(&rw, NULL, 1 << 20);
	rw_put(&rw, fd, 9, 0, 1 << 20);
	file_unreg(fd);
	rw_close(&rw);
	snprintf(copy, sizeof(copy), "%s/copy", e2e_scratch);
	cr_assert_eq(run(E2E_TOOL, "cp", "-q", url_of("file"), copy), 0);
	cr_assert_eq(run("/usr/bin/cmp", copy, path_of("file")), 0);
}

E2E(views, a_ring_sees_local_writes_at_once)
{
	char buf[LEN], *map;
	uint64_t random = 5;
	struct rw rw;
	int fd, ring;

	attach_export();
	file_make("file", 1, 1 << 20);
	fd = open_file(path_of("file"), O_RDWR);
	ring = open_reg(path_of("file"), O_RDWR);
	map = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	cr_assert_neq(map, MAP_FAILED);
	rw_open(&rw, e2e_dir, LEN);
	for (int i = 0; i < full_or_quick(300, 40); i++) {
		uint64_t off = next_random(&random) % ((1 << 20) - LEN);

		pattern_fill(buf, LEN, i, off);
		cr_assert_eq(pwrite(fd, buf, LEN, off), LEN);
		rw_expect(&rw, ring, i, off, LEN);
		pattern_fill(map + off, LEN, i + 1000, off);
		rw_expect(&rw, ring, i + 1000, off, LEN);
		/* And the other way round. */
		rw_put(&rw, ring, i + 2000, off, LEN);
		cr_assert_eq(pattern_diff(map + off, LEN, i + 2000, off), -1);
		cr_assert_eq(pread(fd, buf, LEN, off), LEN);
		cr_assert_eq(pattern_diff(buf, LEN, i + 2000, off), -1);
	}
	munmap(map, 1 << 20);
	close(fd);
	close_reg(ring);
	rw_close(&rw);
}

/* Two ways in: what one name writes the other reads, and the size is one. */
E2E(views, the_url_and_the_directory_are_one_file)
{
	struct rw here, there;
	int path, url;
	struct stat st;

	attach_export();
	url = file_reg(url_of("file"), O_RDWR | O_CREAT);
	path = open_reg(path_of("file"), O_RDWR);
	rw_open(&here, e2e_dir, LEN);
	rw_open(&there, NULL, LEN);
	for (int i = 0; i < 20; i++) {
		rw_put(&here, path, i, i * LEN, LEN);
		rw_expect(&there, url, i, i * LEN, LEN);
		rw_put(&there, url, i + 50, i * LEN, LEN);
		rw_expect(&here, path, i + 50, i * LEN, LEN);
		cr_assert_eq(fstat(path, &st), 0);
		cr_assert_eq(st.st_size, (i + 1) * LEN);
	}
	file_unreg(url);
	close_reg(path);
	rw_close(&here);
	rw_close(&there);
}
