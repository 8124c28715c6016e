/* What a failed check of the bench means to Criterion. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/transport/harness.h"

void harness_fail(const char *file, int line, const char *what)
{
	cr_assert_fail("%s:%d: %s", file, line, what);
	abort();
}
