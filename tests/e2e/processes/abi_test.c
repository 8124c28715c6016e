/*
 * The library as programs that were not compiled against our headers use it: by name, by its second
 * name, with structs that are nothing but bytes.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "tests/e2e/support/attached.h"
#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"

enum { SIZE = 70000 };

E2E(abi, a_program_without_our_headers_writes_and_reads)
{
	cr_assert_eq(run(E2E_FOREIGN, "io", e2e_mount, url_of("file"), E2E_OTHER_NAME), 0);
	file_check("file", 7, 0, SIZE);
}

/* As on 3FS: a directory, open(2), and the library found by its bare name. */
E2E(abi, a_program_for_3fs_on_a_directory)
{
	attach_export();
	cr_assert_eq(setenv("LD_LIBRARY_PATH", E2E_LIBRARY_DIR, 1), 0);
	cr_assert_eq(run(E2E_FOREIGN, "io", e2e_dir, path_of("file"), "libhf3fs_api_shared.so"), 0);
	file_check("file", 7, 0, SIZE);
}

E2E(abi, loaded_and_unloaded_again_and_again)
{
	file_make("file", 7, SIZE);
	cr_assert_eq(run(E2E_FOREIGN, "reload", e2e_mount, url_of("file"),
			 full_or_quick("100", "30"), E2E_OTHER_NAME, E2E_LIBRARY),
		     0);
}

/* ctypes computes the layouts by itself, and moves structs where it likes. */
E2E(abi, a_binding_in_python)
{
	file_make("file", 7, SIZE);
	cr_assert_eq(run("/usr/bin/env", "LD_PRELOAD=" E2E_PRELOAD, "ASAN_OPTIONS=detect_leaks=0",
			 "/usr/bin/python3", E2E_BINDING, E2E_OTHER_NAME, e2e_mount, url_of("file"),
			 url_of("copy")),
		     0);
	file_check("copy", 7, 0, SIZE);
}

static void *other_name(const char *function)
{
	void *library = dlopen(E2E_OTHER_NAME, RTLD_NOW), *found;

	cr_assert(library, "%s", dlerror());
	found = dlsym(library, function);
	cr_assert(found, "%s", dlerror());
	dlclose(library);
	return found;
}

/* This program is linked to libusrbio. */
E2E(abi, both_names_in_one_process_are_one_library)
{
	__typeof__(&hf3fs_iorcreate4) create = other_name("hf3fs_iorcreate4");
	__typeof__(&hf3fs_iordestroy) destroy = other_name("hf3fs_iordestroy");
	__typeof__(&hf3fs_reg_fd) reg_fd = other_name("hf3fs_reg_fd");
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	int fd;

	file_make("file", 3, SIZE);
	fd = file_reg(url_of("file"), O_RDONLY);
	cr_assert_eq(reg_fd(fd, 0), EINVAL, "registered through the first name");
	cr_assert_eq(create(&ior, e2e_mount, 4, true, 0, 0, -1, 0), 0);
	iov_make(&iov, NULL, SIZE);
	cr_assert_eq(ring_io(&ior, &iov, iov.base, fd, 0, SIZE), SIZE);
	cr_assert_eq(pattern_diff(iov.base, SIZE, 3, 0), -1);
	destroy(&ior);
	cr_assert_eq(hf3fs_submit_ios(&ior), -EINVAL);
	hf3fs_iovdestroy(&iov);
	file_unreg(fd);
}

static void *moved(void *from, size_t size)
{
	void *to = malloc(size);

	cr_assert(to);
	memcpy(to, from, size);
	memset(from, 0xa5, size);
	return to;
}

E2E(abi, structs_copied_bitwise_are_the_same_ring_and_iov)
{
	struct hf3fs_ior ior, *moved_ior, dead_ior;
	struct hf3fs_iov iov, *moved_iov, dead_iov;
	struct hf3fs_cqe cqe;
	int fd;

	file_make("file", 3, SIZE);
	fd = file_reg(url_of("file"), O_RDONLY);
	ring_make(&ior, NULL, true, 4);
	iov_make(&iov, NULL, SIZE);
	moved_ior = moved(&ior, sizeof(ior));
	moved_iov = moved(&iov, sizeof(iov));
	cr_assert_eq(ring_io(moved_ior, moved_iov, moved_iov->base, fd, 0, SIZE), SIZE);
	cr_assert_eq(pattern_diff(moved_iov->base, SIZE, 3, 0), -1);

	/* Destroyed through one copy, dead in each; and the place of a struct means nothing. */
	dead_ior = *moved_ior;
	dead_iov = *moved_iov;
	hf3fs_iordestroy(moved_ior);
	hf3fs_iovdestroy(moved_iov);
	ring_make(moved_ior, NULL, true, 4);
	iov_make(moved_iov, NULL, SIZE);
	hf3fs_iordestroy(&dead_ior);
	hf3fs_iovdestroy(&dead_iov);
	cr_assert_eq(hf3fs_prep_io(&dead_ior, moved_iov, true, moved_iov->base, fd, 0, 1, NULL),
		     -EINVAL);
	cr_assert_eq(hf3fs_prep_io(moved_ior, &dead_iov, true, dead_iov.base, fd, 0, 1, NULL),
		     -EINVAL);
	cr_assert_eq(hf3fs_submit_ios(&dead_ior), -EINVAL);
	cr_assert_eq(hf3fs_wait_for_ios(&dead_ior, &cqe, 1, 0, NULL), -EINVAL);
	cr_assert_eq(ring_io(moved_ior, moved_iov, moved_iov->base, fd, 1, SIZE - 1), SIZE - 1);
	cr_assert_eq(pattern_diff(moved_iov->base, SIZE - 1, 3, 1), -1);
	hf3fs_iordestroy(moved_ior);
	hf3fs_iovdestroy(moved_iov);
	free(moved_ior);
	free(moved_iov);
	file_unreg(fd);
}
