/*
 * The library libhf3fs_api_shared.so. It has the names of 3FS's functions, so that a program can be
 * linked with it. The library is a filter: the loader looks each name up in libusrbio.so.0 instead,
 * and fails if that library is missing. So no function here is ever called; there is no state.
 */
#pragma GCC visibility push(default)

#define FILTERED(name)            \
	void name(void);          \
	void name(void)           \
	{                         \
		__builtin_trap(); \
	}

FILTERED(hf3fs_is_hf3fs)
FILTERED(hf3fs_extract_mount_point)
FILTERED(hf3fs_iovcreate)
FILTERED(hf3fs_iovopen)
FILTERED(hf3fs_iovunlink)
FILTERED(hf3fs_iovdestroy)
FILTERED(hf3fs_iovwrap)
FILTERED(hf3fs_ior_size)
FILTERED(hf3fs_iorcreate)
FILTERED(hf3fs_iorcreate2)
FILTERED(hf3fs_iorcreate3)
FILTERED(hf3fs_iorcreate4)
FILTERED(hf3fs_iordestroy)
FILTERED(hf3fs_reg_fd)
FILTERED(hf3fs_dereg_fd)
FILTERED(hf3fs_io_entries)
FILTERED(hf3fs_prep_io)
FILTERED(hf3fs_submit_ios)
FILTERED(hf3fs_wait_for_ios)
FILTERED(hf3fs_hardlink)
FILTERED(hf3fs_punchhole)
