/* Iovs: what making, opening and wrapping them refuse, and what they take. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/e2e/contract/contract.h"
#include "tests/support/pattern.h"

enum { JUNK = 0x77, SIZE = 8192, BLOCK = 4096 };

static struct hf3fs_iov out, owner;

static struct {
	struct hf3fs_iov *iov;
	const uint8_t *id;
	const char *mount;
	size_t size, block;
	int numa;
} a;

static void good(void)
{
	memset(&out, JUNK, sizeof(out));
	a.iov = &out;
	a.id = (const uint8_t *)owner.id;
	a.mount = e2e_mount;
	a.size = SIZE;
	a.block = BLOCK;
	a.numa = -1;
}

/* A failure leaves the struct as it was, and that may be destroyed, whatever it holds. */
static int made(int err)
{
	if (err)
		cr_expect_eq(bytes_diff(&out, sizeof(out), JUNK), -1, "a failure wrote into *iov");
	hf3fs_iovunlink(&out);
	hf3fs_iovdestroy(&out);
	return err;
}

static int create(void)
{
	return made(hf3fs_iovcreate(a.iov, a.mount, a.size, a.block, a.numa));
}

static int create_mistake(unsigned pick, const char **text)
{
	MISTAKE(-EINVAL, "iov NULL", a.iov = NULL);
	MISTAKE(-EINVAL, "mp NULL", a.mount = NULL);
	MISTAKE(-EINVAL, "size 0", a.size = a.block = 0);
	MISTAKE(-EINVAL, "block_size > size", a.size = SIZE; a.block = SIZE + 1);
	MISTAKE(-EINVAL, "block_size SIZE_MAX", a.size = SIZE; a.block = SIZE_MAX);
	MISTAKE(-EINVAL, "mp of 256 characters", a.mount = mount_of_256());
	MISTAKE(-ENOENT, "mp empty", a.mount = "");
	MISTAKE(-ENOENT, "mp does not exist", a.mount = "/nowhere");
	MISTAKE(-ENOENT, "mp is a directory not ours", a.mount = "/tmp");
	MISTAKE(-ENOENT, "mp is a file", a.mount = "/etc/passwd");
	MISTAKE(-ENOENT, "mp is a foreign URL", a.mount = "http://127.0.0.1/data");
	MISTAKE(-ENOENT, "mp is a file's URL", a.mount = url_of("kit"));
	MISTAKE(-ENOMEM, "size of 64 TiB", a.size = (size_t)1 << 46);
	MISTAKE(-ENOMEM, "size SSIZE_MAX", a.size = SSIZE_MAX);
	MISTAKE(-ENOMEM, "size SIZE_MAX", a.size = SIZE_MAX);
	return ROWS_END;
}

E2E(contract_iov, iovcreate_errors_in_the_order_of_checks)
{
	kit_open();
	rows_check(&(struct rows){"iovcreate", good, create_mistake, create});
	kit_close();
}

static int open_it(void)
{
	return made(hf3fs_iovopen(a.iov, a.id, a.mount, a.size, a.block, a.numa));
}

static int open_mistake(unsigned pick, const char **text)
{
	static const uint8_t unknown[16] = {1, 2, 3}, nil[16];

	MISTAKE(-EINVAL, "iov NULL", a.iov = NULL);
	MISTAKE(-EINVAL, "id NULL", a.id = NULL);
	MISTAKE(-EINVAL, "mp NULL", a.mount = NULL);
	MISTAKE(-EINVAL, "size 0", a.size = 0);
	MISTAKE(-EINVAL, "mp of 256 characters", a.mount = mount_of_256());
	MISTAKE(-ENOENT, "mp empty", a.mount = "");
	MISTAKE(-ENOENT, "mp not ours", a.mount = "/nowhere");
	MISTAKE(-ENOENT, "id unknown", a.id = unknown);
	MISTAKE(-ENOENT, "id all zero", a.id = nil);
	MISTAKE(-ENOENT, "another block_size", a.block = BLOCK / 2);
	MISTAKE(-ENOENT, "no block_size", a.block = 0);
	MISTAKE(-EINVAL, "size larger than the object", a.size = SIZE + 1);
	MISTAKE(-EINVAL, "size SIZE_MAX", a.size = SIZE_MAX);
	return ROWS_END;
}

E2E(contract_iov, iovopen_errors_in_the_order_of_checks)
{
	kit_open();
	cr_assert_eq(hf3fs_iovcreate(&owner, e2e_mount, SIZE, BLOCK, -1), 0);
	rows_check(&(struct rows){"iovopen", good, open_mistake, open_it});
	good();
	cr_expect_eq(open_it(), 0, "nothing wrong with it");
	good();
	a.size = 1;
	cr_expect_eq(open_it(), 0, "a part of it");
	/* What was opened is gone by now; its creator's is as it was. */
	cr_expect_eq(ring_io(&kit.reads, &owner, owner.base, kit.fd, 0, BLOCK), BLOCK);
	hf3fs_iovunlink(&owner);
	good();
	cr_expect_eq(open_it(), -ENOENT, "unlinked");
	cr_expect_eq(ring_io(&kit.reads, &owner, owner.base, kit.fd, 0, BLOCK), BLOCK);
	hf3fs_iovdestroy(&owner);
	kit_close();
}

/* Another user's process finds the iov, and is told that it may not. */
E2E(contract_iov, iovopen_of_another_user_is_eperm)
{
	int status;
	pid_t pid;

	if (geteuid())
		cr_skip_test("only root can become another user");
	cr_assert_eq(hf3fs_iovcreate(&owner, e2e_mount, SIZE, BLOCK, -1), 0);
	pid = fork();
	if (!pid) {
		must(!setgid(65534) && !setuid(65534), "setuid");
		good();
		a.mount = "tcp://127.0.0.1:1/its-own";
		_exit(open_it() == -EPERM ? 0 : 1);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(status, 0, "%#x", status);
	hf3fs_iovdestroy(&owner);
}

static int wrap(void)
{
	static uint8_t memory[SIZE];

	return made(hf3fs_iovwrap(a.iov, memory, a.id, a.mount, a.size, a.block, a.numa));
}

static int wrap_mistake(unsigned pick, const char **text)
{
	MISTAKE(-EINVAL, "iov NULL", a.iov = NULL);
	MISTAKE(-EINVAL, "mp NULL", a.mount = NULL);
	MISTAKE(-EINVAL, "mp of 256 characters", a.mount = mount_of_256());
	return ROWS_END;
}

E2E(contract_iov, iovwrap_errors_and_what_it_fills_in)
{
	static uint8_t memory[SIZE];
	uint8_t id[16] = {9, 8, 7};

	kit_open();
	rows_check(&(struct rows){"iovwrap", good, wrap_mistake, wrap});
	cr_assert_eq(hf3fs_iovwrap(&out, memory, id, mount_with_slashes(), SIZE, 32, 3), 0);
	row("base", out.base == memory);
	row("iovh = NULL", !out.iovh);
	row("id", !memcmp(out.id, id, 16));
	row("mount_point as given", !strcmp(out.mount_point, mount_with_slashes()));
	row("size", out.size == SIZE);
	row("block_size and numa, which mean nothing here", out.block_size == 32 && out.numa == 3);
	hf3fs_iovunlink(&out);
	hf3fs_iovdestroy(&out);
	hf3fs_iovdestroy(&out);
	cr_expect_eq(ring_io(&kit.reads, &out, memory, kit.fd, 0, SIZE), SIZE, "never block_size");
	cr_assert_eq(hf3fs_iovwrap(&out, memory, id, "/nowhere", SIZE, 0, -1), 0);
	cr_expect_eq(hf3fs_prep_io(&kit.reads, &out, true, memory, kit.fd, 0, 1, NULL), -EINVAL);
	kit_works();
	kit_close();
}

/* An iov that was made: its fields, all of its memory, and I/O into it. */
static void check_made(const char *what, const struct hf3fs_iov *iov)
{
	size_t len = iov->block_size ? iov->block_size : iov->size;

	if (len > KIT_IOV)
		len = KIT_IOV;
	row(what, iov->base && iov->iovh && iov->size == a.size && iov->block_size == a.block &&
			  iov->numa == a.numa && !strcmp(iov->mount_point, a.mount));
	row(what, bytes_diff(iov->base, iov->size, 0) == -1);
	memset(iov->base, JUNK, iov->size);
	cr_expect_eq(ring_io(&kit.reads, iov, iov->base, kit.fd, 0, len), (int64_t)len, "%s", what);
	cr_expect_eq(pattern_diff(iov->base, len, KIT_SEED, 0), -1, "%s", what);
}

#define TAKES(what, ...)                                                                        \
	do {                                                                                    \
		good();                                                                         \
		__VA_ARGS__;                                                                    \
		cr_assert_eq(hf3fs_iovcreate(&out, a.mount, a.size, a.block, a.numa), 0, what); \
		check_made(what, &out);                                                         \
		hf3fs_iovdestroy(&out);                                                         \
	} while (0)

E2E(contract_iov, iovcreate_takes_any_size_block_size_and_node)
{
	kit_open();
	TAKES("size 1", a.size = 1; a.block = 0);
	TAKES("size 1, block_size 1", a.size = a.block = 1);
	TAKES("size just above a page", a.size = 4097; a.block = 4096);
	TAKES("size just below a page", a.size = 4095; a.block = 0);
	TAKES("size of no page multiple", a.size = (1 << 20) + 12345);
	TAKES("block_size = size", a.size = a.block = 5000);
	TAKES("no block_size", a.block = 0);
	TAKES("numa < 0", a.numa = -7);
	TAKES("numa INT_MIN", a.numa = INT_MIN);
	TAKES("numa 0", a.numa = 0);
	TAKES("numa >= number of nodes", a.numa = 1024);
	TAKES("numa INT_MAX", a.numa = INT_MAX);
	TAKES("mp with trailing and doubled slashes", a.mount = mount_with_slashes());
	kit_close();
}

E2E(contract_iov, mount_points_of_255_characters_work)
{
	char url[700];

	kit_open();
	good();
	a.mount = mount_of_255();
	cr_assert_eq(strlen(a.mount), 255);
	cr_assert_eq(hf3fs_iovcreate(&out, a.mount, SIZE, 0, -1), 0);
	cr_expect_str_eq(out.mount_point, a.mount);
	ring_make(&kit.reads, a.mount, true, 1);
	snprintf(url, sizeof(url), "%s/%skit", a.mount, e2e_prefix);
	file_unreg(kit.fd);
	kit.fd = file_reg(url, O_RDONLY);
	cr_expect_eq(ring_io(&kit.reads, &out, out.base, kit.fd, 0, SIZE), SIZE);
	hf3fs_iovdestroy(&out);
	kit_close();
}

E2E(contract_iov, ids_are_random_uuids_of_version_4)
{
	struct hf3fs_iov iovs[64];
	uint8_t all = 0, any = 0xff;

	for (int i = 0; i < 64; i++) {
		iov_make(&iovs[i], NULL, 1);
		row("version 4", (uint8_t)iovs[i].id[6] >> 4 == 4);
		row("variant 10", (uint8_t)iovs[i].id[8] >> 6 == 2);
		all |= (uint8_t)iovs[i].id[0];
		any &= (uint8_t)iovs[i].id[0];
		for (int k = 0; k < i; k++)
			row("no two alike", memcmp(iovs[i].id, iovs[k].id, 16));
	}
	row("random: each bit is now set, now not", all == 0xff && !any);
	for (int i = 0; i < 64; i++)
		hf3fs_iovdestroy(&iovs[i]);
}

/* Silent and idempotent, over NULL, zeroed, destroyed and made-up structs. */
E2E(contract_iov, unlink_and_destroy_take_anything)
{
	struct hf3fs_iov zeroed = {.base = NULL}, made_up;

	memset(&made_up, JUNK, sizeof(made_up));
	kit_open();
	iov_make(&out, NULL, SIZE);
	for (int i = 0; i < 2; i++) {
		hf3fs_iovunlink(NULL);
		hf3fs_iovdestroy(NULL);
		hf3fs_iovunlink(&zeroed);
		hf3fs_iovdestroy(&zeroed);
		hf3fs_iovunlink(&made_up);
		hf3fs_iovdestroy(&made_up);
		hf3fs_iovunlink(&out);
	}
	cr_expect_eq(ring_io(&kit.reads, &out, out.base, kit.fd, 0, SIZE), SIZE, "unlinked only");
	for (int i = 0; i < 2; i++) {
		hf3fs_iovdestroy(&out);
		hf3fs_iovunlink(&out);
	}
	kit_works();
	kit_close();
}
