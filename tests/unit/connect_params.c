/* The connect parameters: ours are accepted; another protocol and another version are told apart.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "common/transport/connect_params.h"
#include "common/transport/transport.h"

static char why[TP_WHY_MAX];

static int check_with(size_t at, uint8_t value)
{
	struct connect_params wire, out;
	uint8_t bytes[sizeof(wire)];

	*why = '\0';
	connect_params_make(&wire, 8192, 64);
	memcpy(bytes, &wire, sizeof(wire));
	bytes[at] = value;
	memcpy(&wire, bytes, sizeof(wire));
	return connect_params_check(&wire, &out, why);
}

Test(connect_params, carries_the_limits)
{
	struct connect_params wire, out;
	static const uint8_t expected[16] = {0x55, 0x53, 0x52, 0x42, 2,	 0, 0, 0,
					     0,	   0x20, 0,    0,    64, 0, 0, 0};

	connect_params_make(&wire, 8192, 64);
	cr_expect_arr_eq((const uint8_t *)&wire, expected, sizeof(expected));
	cr_assert_eq(connect_params_check(&wire, &out, NULL), 0);
	cr_expect_eq(out.msg_max, 8192);
	cr_expect_eq(out.nr_recvs, 64);
}

Test(connect_params, a_generous_peer_is_taken_down_to_our_limit)
{
	struct connect_params wire, out;

	connect_params_make(&wire, UINT32_MAX, UINT32_MAX);
	cr_assert_eq(connect_params_check(&wire, &out, NULL), 0);
	cr_expect_eq(out.msg_max, TP_MSG_MAX);
}

Test(connect_params, a_refusal_is_for_now_whatever_its_number)
{
	struct connect_params wire, out;
	static const uint8_t expected[16] = {0x55, 0x53, 0x52, 0x42, 2, 0, EAGAIN};

	connect_params_refuse(&wire);
	cr_expect_arr_eq((const uint8_t *)&wire, expected, sizeof(expected));
	*why = '\0';
	cr_expect_eq(connect_params_check(&wire, &out, why), -EAGAIN);
	cr_expect_str_eq(why, TP_WHY_BUSY);
	cr_expect_eq(check_with(6, EKEYREJECTED), -EAGAIN);
	cr_expect_eq(check_with(7, 1), -EAGAIN);
	cr_expect_eq(check_with(4, 1), -EPROTONOSUPPORT, "the version comes first");
}

Test(connect_params, refuses_the_others)
{
	for (size_t at = 0; at < 4; at++)
		cr_expect_eq(check_with(at, 0), -EPROTO);
	cr_expect(strstr(why, "does not speak usrbio"), "%s", why);
	cr_expect_eq(check_with(4, 1), -EPROTONOSUPPORT);
	cr_expect_str_eq(why, "has version 1 of the transport, this side version 2");
	cr_expect_eq(check_with(4, 3), -EPROTONOSUPPORT);
	cr_expect_eq(check_with(5, 1), -EPROTONOSUPPORT);
	cr_expect_eq(check_with(9, 0), -EBADMSG, "messages of no size");
	cr_expect(strstr(why, "messages of 0 bytes"), "%s", why);
	cr_expect_eq(check_with(12, 1), -EBADMSG, "a single receive buffer");
}
