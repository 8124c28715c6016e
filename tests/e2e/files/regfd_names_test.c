/* hf3fs_reg_fd of the kernel's descriptors, whose files are found at the server by their names. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/support/attached.h"
#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/e2e/support/rw.h"

enum { SIZE = 100000, SEED = 3 };

/* A file whose name is gone or means another cannot be found at the server: never the other one. */
E2E(regfd, a_file_without_its_name_is_stale)
{
	int fd;

	attach_export();
	file_make("file", SEED, SIZE);
	file_make("other", 5, SIZE);
	fd = open_file(path_of("file"), O_RDONLY);
	cr_assert_eq(unlink(path_of("file")), 0);
	cr_assert(hf3fs_is_hf3fs(fd));
	cr_assert_eq(hf3fs_reg_fd(fd, 0), ESTALE);
	close(fd);
	file_make("file", SEED, SIZE);
	fd = open_file(path_of("file"), O_RDONLY);
	cr_assert_eq(rename(path_of("other"), path_of("file")), 0);
	cr_assert_eq(hf3fs_reg_fd(fd, 0), ESTALE);
	close(fd);
}

E2E(regfd, the_name_of_now_counts)
{
	struct rw rw;
	int fd;

	attach_export();
	rw_open(&rw, e2e_dir, SIZE);
	file_make("file", SEED, SIZE);
	cr_assert_eq(mkdir(path_of("dir"), 0755), 0);
	fd = open_file(path_of("file"), O_RDONLY);
	cr_assert_eq(rename(path_of("file"), path_of("dir/renamed")), 0);
	cr_assert_eq(rename(path_of("dir"), path_of("moved")), 0);
	file_make("file", 5, SIZE);
	cr_assert_eq(hf3fs_reg_fd(fd, 0), -fd);
	rw_expect(&rw, fd, SEED, 0, SIZE);
	close_reg(fd);
	/* What the kernel appends to the names of deleted files may be a name. */
	file_make("file (deleted)", 7, SIZE);
	fd = open_reg(path_of("file (deleted)"), O_RDONLY);
	rw_expect(&rw, fd, 7, 0, SIZE);
	close_reg(fd);
	rw_close(&rw);
}

static void *rename_to_and_fro(void *arg)
{
	atomic_bool *stop = arg;
	char a[600], b[600];

	snprintf(a, sizeof(a), "%s", path_of("file"));
	snprintf(b, sizeof(b), "%s", path_of("renamed"));
	while (!atomic_load(stop))
		must(!rename(a, b) && !rename(b, a), "rename");
	return NULL;
}

E2E(regfd, a_file_being_renamed)
{
	atomic_bool stop = false;
	pthread_t renamer;
	int good = 0, fd;
	struct rw rw;

	attach_export();
	file_make("file", SEED, SIZE);
	rw_open(&rw, e2e_dir, SIZE);
	fd = open_file(path_of("file"), O_RDONLY);
	cr_assert(!pthread_create(&renamer, NULL, rename_to_and_fro, &stop));
	for (int i = 0; i < full_or_quick(200, 20); i++) {
		int err = hf3fs_reg_fd(fd, 0);

		/* Never found is bad luck, another file's data would be a bug. */
		cr_assert(err == -fd || err == ESTALE || err == ENOENT, "%d", err);
		if (err > 0)
			continue;
		good++;
		rw_expect(&rw, fd, SEED, 0, SIZE);
		hf3fs_dereg_fd(fd);
	}
	atomic_store(&stop, true);
	pthread_join(renamer, NULL);
	cr_log_info("%d of them registered", good);
	close(fd);
	rw_close(&rw);
}
