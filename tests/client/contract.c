/* The table of errors of ring and iov calls, row by row: docs say "contract". */
#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "client/usrbio.h"
#include "rig.h"

static struct rig rig;
static char long_name[300];

static void start(void)
{
	memset(&rig, 0, sizeof(rig));
	memset(long_name, 'x', sizeof(long_name) - 1);
	rig_start(&rig, 2, 0, 0);
}

Test(contract, iovcreate)
{
	struct hf3fs_iov iov, before;
	const char *mount;

	start();
	mount = rig.server.mount;
	memset(&iov, 0x77, sizeof(iov));
	before = iov;
	cr_assert_eq(hf3fs_iovcreate(NULL, mount, 4096, 0, -1), -EINVAL);
	cr_assert_eq(hf3fs_iovcreate(&iov, NULL, 4096, 0, -1), -EINVAL);
	cr_assert_eq(hf3fs_iovcreate(&iov, mount, 0, 0, -1), -EINVAL);
	cr_assert_eq(hf3fs_iovcreate(&iov, mount, 4096, 4097, -1), -EINVAL);
	cr_assert_eq(hf3fs_iovcreate(&iov, long_name, 4096, 0, -1), -EINVAL);
	cr_assert_eq(hf3fs_iovcreate(&iov, "", 4096, 0, -1), -ENOENT);
	cr_assert_eq(hf3fs_iovcreate(&iov, "/nowhere", 4096, 0, -1), -ENOENT);
	cr_assert_eq(hf3fs_iovcreate(&iov, mount, SIZE_MAX / 2, 0, -1), -ENOMEM);
	cr_assert_eq(memcmp(&iov, &before, sizeof(iov)), 0, "untouched");
	hf3fs_iovdestroy(&iov);
	cr_assert_eq(hf3fs_iovcreate(&iov, mount, 5000, 5000, 4711), 0);
	cr_assert_eq((uint8_t)iov.id[6] >> 4, 4);
	cr_assert_eq((uint8_t)iov.id[8] >> 6, 2);
	cr_assert_eq(iov.size, 5000);
	cr_assert_str_eq(iov.mount_point, mount);
	hf3fs_iovdestroy(&iov);
	hf3fs_iovdestroy(&iov);
	hf3fs_iovunlink(&iov);
	hf3fs_iovdestroy(NULL);
	hf3fs_iovunlink(NULL);
	memset(&iov, 0, sizeof(iov));
	hf3fs_iovdestroy(&iov);
	hf3fs_iovunlink(&iov);
	rig_stop(&rig);
}

Test(contract, iovopen)
{
	struct hf3fs_iov other;
	uint8_t id[16] = {1, 2, 3};

	start();
	cr_assert_eq(hf3fs_iovopen(NULL, id, rig.server.mount, 4096, 0, -1), -EINVAL);
	cr_assert_eq(hf3fs_iovopen(&other, id, rig.server.mount, 0, 0, -1), -EINVAL);
	cr_assert_eq(hf3fs_iovopen(&other, id, rig.server.mount, 4096, 0, -1), -ENOENT);
	memcpy(id, rig.iov.id, 16);
	cr_assert_eq(hf3fs_iovopen(&other, id, "", RIG_IOV, 0, -1), -ENOENT);
	cr_assert_eq(hf3fs_iovopen(&other, id, rig.server.mount, RIG_IOV, 64, -1), -ENOENT);
	cr_assert_eq(hf3fs_iovopen(&other, id, rig.server.mount, RIG_IOV * 2, 0, -1), -EINVAL);
	cr_assert_eq(hf3fs_iovopen(&other, id, rig.server.mount, RIG_IOV, 0, -1), 0);
	rig.iov.base[5] = 42;
	cr_assert_eq(other.base[5], 42);
	hf3fs_iovdestroy(&other);
	cr_assert_eq(rig_io(&rig, &rig.reads, 0, 16), 16, "the creator's is as it was");
	hf3fs_iovunlink(&rig.iov);
	cr_assert_eq(hf3fs_iovopen(&other, id, rig.server.mount, RIG_IOV, 0, -1), -ENOENT);
	cr_assert_eq(rig_io(&rig, &rig.reads, 0, 16), 16);
	rig_stop(&rig);
}

Test(contract, iovwrap)
{
	struct hf3fs_iov iov;
	uint8_t id[16] = {9};
	char memory[64];

	start();
	cr_assert_eq(hf3fs_iovwrap(NULL, memory, id, rig.server.mount, 64, 0, -1), -EINVAL);
	cr_assert_eq(hf3fs_iovwrap(&iov, memory, id, long_name, 64, 0, -1), -EINVAL);
	cr_assert_eq(hf3fs_iovwrap(&iov, memory, id, rig.server.mount, 64, 32, 3), 0);
	cr_assert_null(iov.iovh);
	cr_assert_eq((char *)iov.base, memory);
	cr_assert_eq(iov.size, 64);
	cr_assert_eq(iov.block_size, 32);
	cr_assert_eq(iov.numa, 3);
	cr_assert_eq(memcmp(iov.id, id, 16), 0);
	hf3fs_iovunlink(&iov);
	hf3fs_iovdestroy(&iov);
	rig_stop(&rig);
}

static int make_ring(struct hf3fs_ior *ior, const char *mount, int entries, int depth, int timeout)
{
	int err = hf3fs_iorcreate4(ior, mount, entries, true, depth, timeout, -1, 0);

	cr_assert_eq(hf3fs_iorcreate3(ior, mount, entries, true, depth, 0, timeout, -1), err);
	return err;
}

Test(contract, iorcreate)
{
	struct hf3fs_ior ior = {0};
	const char *mount;

	start();
	mount = rig.server.mount;
	cr_assert_eq(make_ring(NULL, mount, 4, 0, 0), -EINVAL);
	cr_assert_eq(make_ring(&ior, NULL, 4, 0, 0), -EINVAL);
	cr_assert_eq(make_ring(&ior, "", 4, 0, 0), -EINVAL);
	cr_assert_eq(make_ring(&ior, long_name, 4, 0, 0), -EINVAL);
	cr_assert_eq(make_ring(&ior, mount, 4, 0, -1), -EINVAL);
	cr_assert_eq(make_ring(&ior, mount, 0, 0, 0), -EINVAL);
	cr_assert_eq(make_ring(&ior, mount, -1, -2, 0), -EINVAL);
	cr_assert_eq(make_ring(&ior, mount, 4, 5, 0), -EINVAL);
	cr_assert_eq(make_ring(&ior, mount, INT_MAX, 0, 0), -EINVAL);
	cr_assert_eq(make_ring(&ior, "/nowhere", 4, 0, 0), -ENOENT);
	cr_assert_eq(hf3fs_iorcreate2(&ior, mount, 131072, true, INT_MIN, INT_MIN, 99), 0);
	cr_assert_eq(hf3fs_io_entries(&ior), 131072);
	hf3fs_iordestroy(&ior);
	cr_assert_eq(hf3fs_io_entries(&ior), -EINVAL);
	hf3fs_iordestroy(&ior);
	hf3fs_iordestroy(NULL);
	cr_assert_eq(hf3fs_iorcreate(&ior, mount, 1, true, 1, -1), 0);
	cr_assert_eq(rig_io(&rig, &ior, 0, 8), 8);
	hf3fs_iordestroy(&ior);
	cr_assert_eq(hf3fs_ior_size(10), 4240 + 960);
	rig_stop(&rig);
}

static int prep(void *ptr, uint64_t len, int fd)
{
	return hf3fs_prep_io(&rig.reads, &rig.iov, true, ptr, fd, 0, len, NULL);
}

Test(contract, prep_io)
{
	struct hf3fs_ior dead = {0}, copy;
	struct hf3fs_iov none = {0}, iov;
	struct hf3fs_cqe cqes[2];
	uint8_t *base;
	int a, b;

	start();
	base = rig.iov.base;
	iov = rig.iov;
	iov.size = SIZE_MAX; /* the handle carries the truth */
	cr_assert_eq(hf3fs_prep_io(NULL, &iov, true, base, rig.fd, 0, 1, NULL), -EINVAL);
	cr_assert_eq(hf3fs_prep_io(&dead, &iov, true, base, rig.fd, 0, 1, NULL), -EINVAL);
	cr_assert_eq(hf3fs_prep_io(&rig.reads, NULL, true, base, rig.fd, 0, 1, NULL), -EINVAL);
	cr_assert_eq(hf3fs_prep_io(&rig.reads, &none, true, base, rig.fd, 0, 1, NULL), -EINVAL);
	cr_assert_eq(hf3fs_prep_io(&rig.reads, &iov, false, base, rig.fd, 0, 1, NULL), -EINVAL);
	cr_assert_eq(hf3fs_prep_io(&rig.reads, &iov, true, base + RIG_IOV, rig.fd, 0, 1, NULL),
		     -EINVAL);
	cr_assert_eq(prep(base, 0, rig.fd), -EINVAL);
	cr_assert_eq(prep(base - 1, 1, rig.fd), -EINVAL);
	cr_assert_eq(prep(base + 1, RIG_IOV, rig.fd), -EINVAL);
	cr_assert_eq(prep(base + 1, UINT64_MAX, rig.fd), -EINVAL);
	cr_assert_eq(prep(base, 1, INT_MIN), -EINVAL);
	cr_assert_eq(prep(base, 1, 0), -EBADF);
	cr_assert_eq(prep(base, 1, 99999), -EBADF);
	a = prep(base, RIG_IOV, rig.fd);
	b = prep(base, 1, -rig.fd);
	cr_assert(a >= 0 && a < 2 && b >= 0 && b < 2 && a != b);
	cr_assert_eq(prep(base, 1, rig.fd), -EAGAIN);
	copy = rig.reads;
	cr_assert_eq(hf3fs_submit_ios(&copy), 0);
	cr_assert_eq(hf3fs_submit_ios(&copy), 0, "nothing left is fine");
	cr_assert_eq(hf3fs_wait_for_ios(&copy, cqes, 2, 7, NULL), 2, "more than fits is clamped");
	cr_assert_eq(cqes[0].index, a);
	cr_assert_eq(cqes[1].index, b);
	cr_assert_eq(cqes[1].result, 1);
	cr_assert_eq(hf3fs_submit_ios(&dead), -EINVAL);
	cr_assert_eq(hf3fs_submit_ios(NULL), -EINVAL);
	cr_assert_eq(hf3fs_wait_for_ios(&dead, cqes, 2, 1, NULL), -EINVAL);
	cr_assert_eq(hf3fs_wait_for_ios(NULL, cqes, 2, 1, NULL), -EINVAL);
	cr_assert_eq(hf3fs_wait_for_ios(&copy, cqes, 0, 0, NULL), -EINVAL);
	cr_assert_eq(hf3fs_wait_for_ios(&copy, cqes, -1, 0, NULL), -EINVAL);
	cr_assert_eq(hf3fs_wait_for_ios(&copy, cqes, 2, -1, NULL), 0);
	rig_stop(&rig);
}

Test(contract, other_mounts)
{
	static struct rig other;
	struct hf3fs_iov wrapped;
	uint8_t id[16] = {4};
	char memory[64];

	start();
	memset(&other, 0, sizeof(other));
	rig_start(&other, 2, 0, 0);
	cr_assert_eq(hf3fs_prep_io(&rig.reads, &rig.iov, true, rig.iov.base, other.fd, 0, 1, NULL),
		     -EXDEV);
	cr_assert_eq(
		hf3fs_prep_io(&rig.reads, &other.iov, true, other.iov.base, rig.fd, 0, 1, NULL),
		-EXDEV);
	cr_assert_eq(hf3fs_iovwrap(&wrapped, memory, id, other.server.mount, 64, 0, -1), 0);
	cr_assert_eq(hf3fs_prep_io(&rig.reads, &wrapped, true, memory, rig.fd, 0, 1, NULL), -EXDEV);
	cr_assert_eq(hf3fs_iovwrap(&wrapped, memory, id, "/nowhere", 64, 0, -1), 0);
	cr_assert_eq(hf3fs_prep_io(&rig.reads, &wrapped, true, memory, rig.fd, 0, 1, NULL),
		     -EINVAL);
	rig_stop(&other);
	rig_stop(&rig);
}
