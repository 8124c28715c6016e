/* The errno table: there and back for everything in it, EIO for everything else. */
#include <criterion/criterion.h>
#include <errno.h>

#include "common/transport/wire_errno.h"

Test(wire_errno, there_and_back)
{
	static const int codes[] = {
		EPERM,	      ENOENT,	 EIO,	 EBADF,	    EAGAIN,  ENOMEM,	EACCES,
		EBUSY,	      EEXIST,	 EXDEV,	 EINVAL,    EMFILE,  EFBIG,	ENOSPC,
		EROFS,	      ENOSYS,	 ESTALE, EDQUOT,    ENODATA, EREMOTEIO, ECANCELED,
		ENAMETOOLONG, ENOTEMPTY, ELOOP,	 ETIMEDOUT, ENOTDIR, EISDIR};

	cr_expect_eq(wire_from_errno(0), 0);
	cr_expect_eq(wire_to_errno(0), 0);
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		cr_expect_eq(wire_to_errno(wire_from_errno(-codes[i])), -codes[i]);
}

Test(wire_errno, one_number_for_one_error)
{
	for (int a = 1; a < 134; a++)
		for (int b = a + 1; b < 134; b++) {
			int wa = wire_from_errno(-a), wb = wire_from_errno(-b);

			if (wa != -5 && wb != -5)
				cr_expect_neq(wa, wb, "errno %d and %d", a, b);
		}
}

Test(wire_errno, the_unknown_is_eio)
{
	cr_expect_eq(wire_from_errno(-4095), -5);
	cr_expect_eq(wire_to_errno(-4095), -EIO);
	cr_expect_eq(wire_to_errno(17), -EIO);
	cr_expect_eq(wire_to_errno(INT64_MIN), -EIO);
	cr_expect_eq(wire_to_errno(-((1ll << 32) + 2)), -EIO);
}
