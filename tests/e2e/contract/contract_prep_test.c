/* prep_io and submit_ios: what they refuse, in which order, and what they promise. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/contract/contract.h"
#include "tests/support/pattern.h"

static bool reading; /* the direction of the table */
static struct hf3fs_ior full, dead_ior, zero_ior;
static struct hf3fs_iov dead_iov, zero_iov, boast, other_iov, lost, stray;
static uint8_t memory[KIT_IOV];
static int read_only, write_only, other_fd, unregistered, deregistered, closed;

static struct {
	const struct hf3fs_ior *ior;
	const struct hf3fs_iov *iov;
	bool read;
	uint8_t *ptr;
	int fd;
	uint64_t len;
} a;

static void good(void)
{
	a.ior = reading ? &kit.reads : &kit.writes;
	a.iov = &kit.iov;
	a.read = reading;
	a.ptr = kit.iov.base;
	a.fd = kit.fd;
	a.len = 1;
}

static int call(void)
{
	return hf3fs_prep_io(a.ior, a.iov, a.read, a.ptr, a.fd, 0, a.len, NULL);
}

static int mistake(unsigned pick, const char **text)
{
	uint8_t *base = kit.iov.base;

	MISTAKE(-EINVAL, "ior NULL", a.ior = NULL);
	MISTAKE(-EINVAL, "ior zeroed", a.ior = &zero_ior);
	MISTAKE(-EINVAL, "ior destroyed", a.ior = &dead_ior);
	MISTAKE(-EINVAL, "iov NULL", a.iov = NULL);
	MISTAKE(-EINVAL, "iov zeroed", a.iov = &zero_iov);
	MISTAKE(-EINVAL, "iov destroyed", a.iov = &dead_iov);
	MISTAKE(-EINVAL, "direction differs from the ring's", a.read = !reading);
	MISTAKE(-EINVAL, "len 0", a.len = 0);
	MISTAKE(-EINVAL, "ptr NULL", a.ptr = NULL);
	MISTAKE(-EINVAL, "ptr before the iov", a.ptr = base - 1; a.len = 2);
	MISTAKE(-EINVAL, "ptr at the iov's end", a.ptr = base + KIT_IOV; a.len = 1);
	MISTAKE(-EINVAL, "range crosses the iov's end", a.ptr = base + 1; a.len = KIT_IOV);
	MISTAKE(-EINVAL, "ptr + len overflows", a.ptr = base + 1; a.len = UINT64_MAX);
	MISTAKE(-EINVAL, "struct lies about the size", a.iov = &boast; a.ptr = base + KIT_IOV);
	MISTAKE(-EINVAL, "wrapped iov of no mount", a.iov = &lost; a.ptr = memory);
	MISTAKE(-EINVAL, "fd INT_MIN", a.fd = INT_MIN);
	MISTAKE(-EBADF, "fd not registered", a.fd = unregistered);
	MISTAKE(-EBADF, "its negation", a.fd = -unregistered);
	MISTAKE(-EBADF, "fd deregistered", a.fd = deregistered);
	MISTAKE(-EBADF, "fd closed", a.fd = closed);
	MISTAKE(-EBADF, "fd INT_MAX", a.fd = INT_MAX);
	MISTAKE(-EBADF, "fd not ours", a.fd = 2);
	MISTAKE(-EACCES, "fd of the other direction", a.fd = reading ? write_only : read_only);
	MISTAKE(-EXDEV, "fd of another mount", a.fd = other_fd);
	MISTAKE(-EXDEV, "iov of another mount", a.iov = &other_iov; a.ptr = other_iov.base);
	MISTAKE(-EXDEV, "wrapped iov of another mount", a.iov = &stray; a.ptr = memory);
	MISTAKE(-EAGAIN, "entries I/Os are outstanding", a.ior = &full);
	return ROWS_END;
}

static int fd_of_kit(int flags)
{
	return file_reg(url_of("kit"), flags);
}

static void prepare_files(void)
{
	char url[600];

	snprintf(url, sizeof(url), "%s/%skit", mount_again(), e2e_prefix);
	other_fd = file_reg(url, O_RDWR);
	read_only = fd_of_kit(O_RDONLY);
	write_only = fd_of_kit(O_WRONLY);
	deregistered = fd_of_kit(O_RDWR);
	hf3fs_dereg_fd(deregistered);
	unregistered = usrbio_open(url_of("kit"), O_RDWR, 0);
	cr_assert_geq(unregistered, 0);
	closed = usrbio_open(url_of("kit"), O_RDWR, 0);
	cr_assert_eq(usrbio_close(closed), 0);
}

static void check_prep(bool read)
{
	const uint8_t id[16] = {7};
	struct hf3fs_ior copy;
	struct hf3fs_iov same;

	reading = read;
	kit_open();
	prepare_files();
	ring_make(&copy, NULL, read, 1);
	dead_ior = copy;
	hf3fs_iordestroy(&copy);
	iov_make(&same, NULL, KIT_IOV);
	dead_iov = same;
	hf3fs_iovdestroy(&same);
	iov_make(&other_iov, mount_again(), KIT_IOV);
	cr_assert_eq(hf3fs_iovwrap(&stray, memory, id, mount_again(), KIT_IOV, 0, -1), 0);
	cr_assert_eq(hf3fs_iovwrap(&lost, memory, id, "/nowhere", KIT_IOV, 0, -1), 0);
	boast = kit.iov;
	boast.size = SIZE_MAX;
	ring_make(&full, NULL, read, 1);
	cr_assert_eq(ring_prep(&full, &kit.iov, kit.iov.base, kit.fd, 5, 1, NULL), 0);

	rows_check(&(struct rows){"prep_io", good, mistake, call});

	ring_submit(&full);
	ring_wait(&full, &(struct hf3fs_cqe){.result = 0}, 1);
	hf3fs_iordestroy(&full);
	hf3fs_iovdestroy(&other_iov);
	file_unreg(other_fd);
	file_unreg(read_only);
	file_unreg(write_only);
	usrbio_close(unregistered);
	usrbio_close(deregistered);
	kit_close();
}

E2E(contract_prep, errors_in_the_order_of_checks_when_reading)
{
	check_prep(true);
}

E2E(contract_prep, errors_in_the_order_of_checks_when_writing)
{
	check_prep(false);
}

E2E(contract_prep, takes_fd_its_negation_and_what_reg_fd_returned)
{
	int fd = usrbio_open(url_of("file"), O_RDWR | O_CREAT, 0644), reg = hf3fs_reg_fd(fd, 0);

	kit_open();
	cr_assert_eq(reg, -fd);
	cr_expect_eq(ring_io(&kit.writes, &kit.iov, kit.iov.base, fd, 0, 10), 10);
	cr_expect_eq(ring_io(&kit.writes, &kit.iov, kit.iov.base, -fd, 10, 10), 10);
	cr_expect_eq(ring_io(&kit.writes, &kit.iov, kit.iov.base, reg, 20, 10), 10);
	cr_expect_eq(file_size("file"), 30);
	file_unreg(fd);
	kit_close();
}

/* Slots lie in [0, entries), are the cqe's index, unique while outstanding, and come back. */
E2E(contract_prep, slots_are_unique_and_reusable)
{
	struct hf3fs_cqe cqes[KIT_ENTRIES];

	kit_open();
	for (int round = 0; round < 50; round++) {
		int n = 1 + round % KIT_ENTRIES, slots[KIT_ENTRIES];
		unsigned seen = 0;

		for (int i = 0; i < n; i++) {
			slots[i] = ring_prep(&kit.reads, &kit.iov, kit.iov.base, kit.fd, 0, 1,
					     i % 2 ? NULL : &slots[i]);
			cr_assert_not(seen & 1u << slots[i], "slot %d twice", slots[i]);
			seen |= 1u << slots[i];
		}
		ring_submit(&kit.reads);
		ring_wait(&kit.reads, cqes, n);
		for (int i = 0; i < n; i++) {
			cr_assert_eq(cqes[i].index, slots[i]);
			cr_assert_eq(cqes[i].userdata, i % 2 ? NULL : &slots[i]);
		}
	}
	kit_close();
}

/* Rings and iovs are handles: a bitwise copy is as good, at any address. */
E2E(contract_prep, structs_may_be_copied_bitwise)
{
	struct hf3fs_ior *ior = malloc(sizeof(*ior));
	struct hf3fs_iov *iov = malloc(sizeof(*iov));

	cr_assert(ior && iov);
	kit_open();
	memcpy(ior, &kit.reads, sizeof(*ior));
	memcpy(iov, &kit.iov, sizeof(*iov));
	cr_assert_eq(ring_io(ior, iov, iov->base, kit.fd, 0, KIT_IOV), KIT_IOV);
	cr_assert_eq(pattern_diff(kit.iov.base, KIT_IOV, KIT_SEED, 0), -1);
	hf3fs_iordestroy(ior);
	hf3fs_iovdestroy(iov);
	cr_expect_eq(hf3fs_submit_ios(&kit.reads), -EINVAL, "the original outlived its copy");
	cr_expect_eq(hf3fs_prep_io(&kit.writes, &kit.iov, false, kit.iov.base, kit.fd, 0, 1, NULL),
		     -EINVAL);
	free(ior);
	free(iov);
	kit_close();
}

E2E(contract_prep, crossing_a_block_fails_in_the_completion)
{
	struct hf3fs_iov blocks;

	kit_open();
	cr_assert_eq(hf3fs_iovcreate(&blocks, e2e_mount, 8192, 1024, -1), 0);
	cr_expect_eq(ring_io(&kit.reads, &blocks, blocks.base + 1024, kit.fd, 0, 1024), 1024);
	cr_expect_eq(ring_io(&kit.reads, &blocks, blocks.base + 1024, kit.fd, 0, 1025), -EINVAL);
	cr_expect_eq(ring_io(&kit.reads, &blocks, blocks.base + 1023, kit.fd, 0, 2), -EINVAL);
	cr_expect_eq(ring_io(&kit.writes, &blocks, blocks.base, kit.fd, 0, 8192), -EINVAL);
	kit_works();
	hf3fs_iovdestroy(&blocks);
	kit_close();
}

static int submit_mistake(unsigned pick, const char **text)
{
	MISTAKE(-EINVAL, "ior NULL", a.ior = NULL);
	MISTAKE(-EINVAL, "ior zeroed", a.ior = &zero_ior);
	MISTAKE(-EINVAL, "ior destroyed", a.ior = &dead_ior);
	return ROWS_END;
}

static int submit(void)
{
	return hf3fs_submit_ios(a.ior);
}

E2E(contract_prep, submit_refuses_dead_rings_and_takes_nothing_prepared)
{
	kit_open();
	ring_make(&dead_ior, NULL, true, 1);
	hf3fs_iordestroy(&dead_ior);
	rows_check(&(struct rows){"submit_ios", good, submit_mistake, submit});
	cr_expect_eq(hf3fs_submit_ios(&kit.reads), 0);
	cr_expect_eq(hf3fs_submit_ios(&kit.reads), 0);
	kit_close();
}
