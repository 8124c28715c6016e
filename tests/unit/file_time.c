/* Times of files as one number, and back: to the nanosecond, and at the ends of what fits. */
#include <criterion/criterion.h>

#include "common/base/clock.h"

Test(file_time, there_and_back)
{
	static const int64_t all[] = {
		0,	     1,		  -1,	     999999999, 1000000000,    -999999999,
		-1000000000, -1000000001, INT64_MAX, INT64_MIN, INT64_MIN + 1, 1234567890123456789};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct timespec time = file_time_of(all[i]);

		cr_expect(time.tv_nsec >= 0 && time.tv_nsec < 1000000000, "%ld", (long)all[i]);
		/* The first second is not whole in 64 bits. */
		if (all[i] > INT64_MIN + 1000000000)
			cr_expect_eq(file_time_ns(time.tv_sec, time.tv_nsec), all[i]);
	}
	cr_expect_eq(file_time_of(-1).tv_sec, -1);
	cr_expect_eq(file_time_of(-1).tv_nsec, 999999999);
}

/* ext4 has times up to the year 2446, and others have more. */
Test(file_time, out_of_reach_is_the_nearest)
{
	cr_expect_eq(file_time_ns(15032385535, 0), INT64_MAX);
	cr_expect_eq(file_time_ns(INT64_MAX, 999999999), INT64_MAX);
	cr_expect_eq(file_time_ns(9223372036, 854775807), INT64_MAX);
	cr_expect_eq(file_time_ns(9223372036, 854775808), INT64_MAX);
	cr_expect_eq(file_time_ns(-9223372037, 0), INT64_MIN);
	cr_expect_eq(file_time_ns(INT64_MIN, 0), INT64_MIN);
	cr_expect_eq(file_time_ns(-9223372036, 0), -9223372036000000000);
}
