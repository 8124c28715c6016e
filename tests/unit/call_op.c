/* The names of calls: each has one of its own, and no other number has one. */
#include <criterion/criterion.h>
#include <string.h>

#include "proto/call_op.h"
#include "proto/limits.h"

Test(call_op, each_call_has_a_name_of_its_own)
{
	for (uint32_t a = 1; a < NR_CALLS; a++) {
		cr_expect_neq(strcmp(call_op_name(a), "?"), 0, "call %u", a);
		for (uint32_t b = a + 1; b < NR_CALLS; b++)
			cr_expect_neq(strcmp(call_op_name(a), call_op_name(b)), 0, "calls %u, %u",
				      a, b);
	}
}

Test(call_op, no_other_number_has_a_name)
{
	static const uint32_t others[] = {0, NR_CALLS, NR_CALLS + 1, 1u << 31, UINT32_MAX};

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		cr_expect_str_eq(call_op_name(others[i]), "?", "number %u", others[i]);
}
