/* For tests that look at what the tls provider does of itself: without a wrapper. */
#ifndef USRBIO_TESTS_TRANSPORT_ONLY_TLS_H
#define USRBIO_TESTS_TRANSPORT_ONLY_TLS_H

#include <criterion/criterion.h>

#include "tests/transport/harness.h"

static inline void only_tls(void)
{
	if (test_ops() != &tp_tls)
		cr_skip_test("there is TLS over tls only");
}

#endif
