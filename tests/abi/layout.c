/*
 * What programs and bindings for 3FS have compiled in: sizes, offsets, constants and prototypes of
 * hf3fs_usrbio.h, and that each of its functions is there at run time and answers. Compiled as C11
 * and as C++17 by `check`, against the installed header alone.
 */
#include <hf3fs_usrbio.h>

#include <errno.h>
#include <stdio.h>

#ifdef __cplusplus
#include <type_traits>
#define SAME(what, ...) static_assert(std::is_same<decltype(what), __VA_ARGS__>::value, #what)
#else
#define static_assert _Static_assert
#define SAME(what, ...) \
	static_assert(__builtin_types_compatible_p(__typeof__(what), __VA_ARGS__), #what)
#endif

#define FIELD(struct_name, name, at, ...)                                              \
	static_assert(offsetof(struct struct_name, name) == (at), "offset of " #name); \
	SAME(((struct struct_name *)0)->name, __VA_ARGS__)

#if HF3FS_SUPER_MAGIC != 0x8f3f5fff || HF3FS_IOR_ALLOW_READ_UNCOMMITTED != 1 || \
	HF3FS_IOR_FORBID_READ_HOLES != 2
#error "a constant of 3FS's header has another value"
#endif

static_assert(sizeof(struct hf3fs_iov) == 312, "size of an iov");
FIELD(hf3fs_iov, base, 0, uint8_t *);
FIELD(hf3fs_iov, iovh, 8, void *);
FIELD(hf3fs_iov, id, 16, char[16]);
FIELD(hf3fs_iov, mount_point, 32, char[256]);
FIELD(hf3fs_iov, size, 288, size_t);
FIELD(hf3fs_iov, block_size, 296, size_t);
FIELD(hf3fs_iov, numa, 304, int);

static_assert(sizeof(struct hf3fs_ior) == 600, "size of a ring");
FIELD(hf3fs_ior, iov, 0, struct hf3fs_iov);
FIELD(hf3fs_ior, iorh, 312, void *);
FIELD(hf3fs_ior, mount_point, 320, char[256]);
FIELD(hf3fs_ior, for_read, 576, bool);
FIELD(hf3fs_ior, io_depth, 580, int);
FIELD(hf3fs_ior, priority, 584, int);
FIELD(hf3fs_ior, timeout, 588, int);
FIELD(hf3fs_ior, flags, 592, uint64_t);

static_assert(sizeof(struct hf3fs_cqe) == 24, "size of a completion");
FIELD(hf3fs_cqe, index, 0, int32_t);
FIELD(hf3fs_cqe, reserved, 4, int32_t);
FIELD(hf3fs_cqe, result, 8, int64_t);
FIELD(hf3fs_cqe, userdata, 16, const void *);

static hf3fs_iov_handle iov_handle;
static hf3fs_ior_handle ior_handle;
SAME(iov_handle, void *);
SAME(ior_handle, void *);

/* clang-format off */
SAME(hf3fs_is_hf3fs, bool(int));
SAME(hf3fs_extract_mount_point, int(char *, int, const char *));
SAME(hf3fs_iovcreate, int(struct hf3fs_iov *, const char *, size_t, size_t, int));
SAME(hf3fs_iovopen, int(struct hf3fs_iov *, const uint8_t *, const char *, size_t, size_t, int));
SAME(hf3fs_iovunlink, void(struct hf3fs_iov *));
SAME(hf3fs_iovdestroy, void(struct hf3fs_iov *));
SAME(hf3fs_iovwrap, int(struct hf3fs_iov *, void *, const uint8_t *, const char *, size_t, size_t,
			int));
SAME(hf3fs_ior_size, size_t(int));
SAME(hf3fs_iorcreate, int(struct hf3fs_ior *, const char *, int, bool, int, int));
SAME(hf3fs_iorcreate2, int(struct hf3fs_ior *, const char *, int, bool, int, int, int));
SAME(hf3fs_iorcreate3, int(struct hf3fs_ior *, const char *, int, bool, int, int, int, int));
SAME(hf3fs_iorcreate4, int(struct hf3fs_ior *, const char *, int, bool, int, int, int, uint64_t));
SAME(hf3fs_iordestroy, void(struct hf3fs_ior *));
SAME(hf3fs_reg_fd, int(int, uint64_t));
SAME(hf3fs_dereg_fd, void(int));
SAME(hf3fs_io_entries, int(const struct hf3fs_ior *));
SAME(hf3fs_prep_io, int(const struct hf3fs_ior *, const struct hf3fs_iov *, bool, void *, int,
			size_t, uint64_t, const void *));
SAME(hf3fs_submit_ios, int(const struct hf3fs_ior *));
SAME(hf3fs_wait_for_ios, int(const struct hf3fs_ior *, struct hf3fs_cqe *, int, int,
			     const struct timespec *));
SAME(hf3fs_hardlink, int(const char *, const char *));
SAME(hf3fs_punchhole, int(int, int, const size_t *, const size_t *, size_t));
/* clang-format on */

static int failed;

static void expect(const char *what, long got, long wanted)
{
	if (got == wanted)
		return;
	printf("%s: %ld instead of %ld\n", what, got, wanted);
	failed = 1;
}

#define EXPECT(call, wanted) expect(#call, (long)(call), wanted)

/* Bindings allocate by these numbers. */
static void sizes_of_rings(void)
{
	EXPECT(hf3fs_ior_size(1), 4336);
	EXPECT(hf3fs_ior_size(2), 4432);
	EXPECT(hf3fs_ior_size(32), 7312);
	EXPECT(hf3fs_ior_size(1024), 102544);
	EXPECT(hf3fs_ior_size(102400), 9834640);
	EXPECT(hf3fs_ior_size(131072), 12587152);
}

/* What needs no server, with each function's own sign of failure. */
static void answers(void)
{
	static const uint8_t id[16] = {1};

	EXPECT(hf3fs_is_hf3fs(-1), 0);
	EXPECT(hf3fs_extract_mount_point(NULL, 0, "/dev/zero"), -1);
	EXPECT(hf3fs_iovcreate(NULL, "tcp://127.0.0.1/x", 1, 0, -1), -EINVAL);
	EXPECT(hf3fs_iovopen(NULL, id, "tcp://127.0.0.1/x", 1, 0, -1), -EINVAL);
	EXPECT(hf3fs_iovwrap(NULL, NULL, id, "tcp://127.0.0.1/x", 1, 0, -1), -EINVAL);
	EXPECT(hf3fs_iorcreate(NULL, "tcp://127.0.0.1/x", 1, true, 0, -1), -EINVAL);
	EXPECT(hf3fs_iorcreate2(NULL, "tcp://127.0.0.1/x", 1, true, 0, 0, -1), -EINVAL);
	EXPECT(hf3fs_iorcreate3(NULL, "tcp://127.0.0.1/x", 1, true, 0, 0, 0, -1), -EINVAL);
	EXPECT(hf3fs_iorcreate4(NULL, "tcp://127.0.0.1/x", 1, true, 0, 0, -1, 0), -EINVAL);
	EXPECT(hf3fs_reg_fd(-1, 0), EBADF);
	EXPECT(hf3fs_io_entries(NULL), -EINVAL);
	EXPECT(hf3fs_prep_io(NULL, NULL, true, NULL, 0, 0, 1, NULL), -EINVAL);
	EXPECT(hf3fs_submit_ios(NULL), -EINVAL);
	EXPECT(hf3fs_wait_for_ios(NULL, NULL, 1, 0, NULL), -EINVAL);
	EXPECT(hf3fs_hardlink("/dev/null", "/dev/x"), ENOTTY);
	EXPECT(hf3fs_punchhole(-1, 0, NULL, NULL, 0), 0);
	hf3fs_dereg_fd(-1);
	hf3fs_iovunlink(NULL);
	hf3fs_iovdestroy(NULL);
	hf3fs_iordestroy(NULL);
}

int main(void)
{
	(void)iov_handle;
	(void)ior_handle;
	sizes_of_rings();
	answers();
	return failed;
}
