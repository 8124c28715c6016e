/* Memory that cannot be had: -ENOMEM when the iov is made, and never a signal later. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/e2e/contract/contract.h"
#include "tests/support/pattern.h"

enum { MIB = 1 << 20 };

/* In a child, for limits stay; it must end well. */
static void in_child(void (*body)(void))
{
	int status;
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (!pid) {
		alarm(100);
		body();
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0, "the child's status is %#x", status);
}

static void limit(int resource, rlim_t value)
{
	const struct rlimit to = {value, value};

	must(!setrlimit(resource, &to), "setrlimit");
}

/* Iovs of MIB until there are no more: each whole, the last one refused, and room after one goes.
 */
static void make_all(unsigned max)
{
	struct hf3fs_iov *iovs = calloc(max, sizeof(*iovs)), before;
	unsigned n = 0;
	int err;

	must(iovs, "memory");
	while (n < max && !(err = hf3fs_iovcreate(&iovs[n], e2e_mount, MIB, 0, -1)))
		n++;
	must(n > 0 && n < max, "%u iovs", n);
	must(err == -ENOMEM, "iovcreate: %d", err);
	before = (struct hf3fs_iov){.base = NULL};
	must(!memcmp(&iovs[n], &before, sizeof(before)), "a failure wrote into *iov");
	for (unsigned i = 0; i < n; i++)
		memset(iovs[i].base, 0x77, MIB);
	hf3fs_iovdestroy(&iovs[0]);
	must(!hf3fs_iovcreate(&iovs[0], e2e_mount, MIB, 0, -1), "no room after one is gone");
	for (unsigned i = 0; i < n; i++)
		hf3fs_iovdestroy(&iovs[i]);
	free(iovs);
}

/* What this process has mapped, in bytes. */
static rlim_t mapped(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	must(f && fscanf(f, "%lu", &pages) == 1, "statm");
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

static void without_address_space(void)
{
	struct hf3fs_ior ior = {.iorh = NULL};
	struct hf3fs_iov iov;

	/* A mount of the child's own first: its buffers are mapped as well. */
	iov_make(&iov, NULL, MIB);
	limit(RLIMIT_AS, mapped() + 40 * MIB);
	make_all(100);
	must(hf3fs_iorcreate(&ior, e2e_mount, 1 << 20, true, 0, -1) == -ENOMEM, "a large ring");
	must(!ior.iorh, "a failure wrote into *ior");
	hf3fs_iordestroy(&ior);
	ring_make(&ior, NULL, true, 1);
	hf3fs_iordestroy(&ior);
	hf3fs_iovdestroy(&iov);
}

E2E(contract_memory, too_little_address_space_is_enomem)
{
	in_child(without_address_space);
}

static void with_short_files(void)
{
	struct hf3fs_iov iov;

	limit(RLIMIT_FSIZE, MIB);
	must(hf3fs_iovcreate(&iov, e2e_mount, MIB + 1, 0, -1) == -ENOMEM, "longer than a file");
	iov_make(&iov, NULL, MIB);
	memset(iov.base, 0x77, MIB);
	hf3fs_iovdestroy(&iov);
}

/* Not even by SIGXFSZ. */
E2E(contract_memory, a_limit_of_file_sizes_is_enomem)
{
	in_child(with_short_files);
}

static void without_descriptors(void)
{
	struct hf3fs_iov iov, many[64];
	int n = 0, err;

	iov_make(&iov, NULL, MIB);
	limit(RLIMIT_NOFILE, 40);
	while (n < 64 && !(err = hf3fs_iovcreate(&many[n], e2e_mount, 4096, 0, -1)))
		n++;
	must(n < 64 && err == -EMFILE, "%d iovs, then %d", n, err);
	while (n)
		hf3fs_iovdestroy(&many[--n]);
	hf3fs_iovdestroy(&iov);
}

E2E(contract_memory, too_few_descriptors_is_emfile)
{
	in_child(without_descriptors);
}

/* A file that is made and cannot be had would be left behind. */
static void making_without_descriptors(void)
{
	struct usrbio_stat st;
	int dir = usrbio_open(url_of(""), O_RDONLY | O_DIRECTORY, 0), fd, last = -1;

	must(dir >= 0, "the directory: %d", dir);
	limit(RLIMIT_NOFILE, 60);
	while ((fd = dup(dir)) >= 0)
		last = fd;
	must(usrbio_open(url_of("made"), O_WRONLY | O_CREAT, 0600) == -EMFILE, "open");
	must(usrbio_openat(dir, "made", O_WRONLY | O_CREAT, 0600) == -EMFILE, "openat");
	close(last);
	must(usrbio_fstatat(dir, "made", &st, 0) == -ENOENT, "it was made");
	usrbio_close(dir);
}

E2E(contract_memory, without_descriptors_nothing_is_made)
{
	in_child(making_without_descriptors);
}

/* Root may lock what it likes, until it gives that right up. */
static void give_up_locking(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct rights[2];

	must(!syscall(SYS_capget, &header, rights), "capget");
	rights[0].effective &= ~(1u << CAP_IPC_LOCK);
	rights[0].permitted &= ~(1u << CAP_IPC_LOCK);
	must(!syscall(SYS_capset, &header, rights), "capset");
}

static void without_locked_memory(void)
{
	struct hf3fs_iov iov;
	struct hf3fs_ior ior;
	int fd;

	limit(RLIMIT_MEMLOCK, 16 * MIB);
	give_up_locking();
	make_all(100);
	/* And there is enough for I/O. */
	fd = file_reg(url_of("file"), O_RDONLY);
	ring_make(&ior, NULL, true, 1);
	iov_make(&iov, NULL, 4096);
	must(ring_io(&ior, &iov, iov.base, fd, 0, 4096) == 4096, "read");
	hf3fs_iordestroy(&ior);
	hf3fs_iovdestroy(&iov);
	file_unreg(fd);
}

/* Registration that fails must fail here too. */
E2E(contract_memory, memory_that_may_not_be_pinned_is_enomem)
{
	if (strncmp(e2e_mount, "rdma:", 5))
		cr_skip_test("only RDMA pins memory");
	file_make("file", 3, 4096);
	in_child(without_locked_memory);
}
