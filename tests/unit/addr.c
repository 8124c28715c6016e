/* Addresses by name: how text is split, and what the resolver's answers become. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "common/transport/addr.h"

static const struct {
	const char *text;
	int err;
	const char *host;
	uint16_t port;
} splits[] = {
	{"host", 0, "host", 9},
	{"host:1", 0, "host", 1},
	{"host:65535", 0, "host", 65535},
	{"host:0", 0, "host", 0},
	{"127.0.0.1:7040", 0, "127.0.0.1", 7040},
	{"[::1]", 0, "::1", 9},
	{"[::1]:80", 0, "::1", 80},
	{"::1", 0, "::1", 9},
	{"fe80::1%eth0", 0, "fe80::1%eth0", 9},
	{"", -EINVAL, NULL, 9},
	{":80", -EINVAL, NULL, 9},
	{"[]:80", -EINVAL, NULL, 9},
	{"[::1", -EINVAL, NULL, 9},
	{"[::1]80", -EINVAL, NULL, 9},
	{"host:", -EINVAL, NULL, 9},
	{"host:65536", -EINVAL, NULL, 9},
	{"host:-1", -EINVAL, NULL, 9},
	{"host:+1", -EINVAL, NULL, 9},
	{"host: 1", -EINVAL, NULL, 9},
	{"host:80x", -EINVAL, NULL, 9},
	{"host:99999999999999999999", -EINVAL, NULL, 9},
	{"a-host-that-is-longer-than-its-room", -ENAMETOOLONG, NULL, 9},
};

Test(addr, splits)
{
	for (size_t i = 0; i < sizeof(splits) / sizeof(*splits); i++) {
		char host[24] = "untouched";
		uint16_t port = 9;
		int err = addr_split(splits[i].text, host, sizeof(host), &port);

		cr_expect_eq(err, splits[i].err, "'%s' gave %d", splits[i].text, err);
		cr_expect_eq(port, splits[i].port, "'%s': port %u", splits[i].text, port);
		cr_expect_str_eq(host, splits[i].host ? splits[i].host : "untouched");
	}
}

static void expect_text(const char *scheme, const char *host, uint16_t port, const char *text)
{
	struct tp_addr addr;
	char buf[ADDR_TEXT_MAX];

	cr_assert_eq(addr_resolve(scheme, host, port, false, &addr, 1), 1, "%s", host);
	cr_expect_str_eq(addr_text(&addr, buf, sizeof(buf)), text);
	cr_expect_eq(addr_port(&addr), strcmp(scheme, "loop") ? port : 0);
}

Test(addr, resolves_numbers)
{
	expect_text("tcp", "127.0.0.1", 80, "127.0.0.1:80");
	expect_text("rdma", "::1", 80, "[::1]:80");
	expect_text("loop", "a name", 0, "a name");
}

Test(addr, resolves_names)
{
	struct tp_addr addrs[8];
	int n = addr_resolve("tcp", "localhost", 1, false, addrs, 8);

	cr_assert_geq(n, 1);
	for (int i = 0; i < n; i++)
		cr_expect(addr_is_loopback(&addrs[i]));
}

Test(addr, refuses_unknown_hosts)
{
	struct tp_addr addr;
	int err = addr_resolve("tcp", "no.such.host.invalid", 1, false, &addr, 1);

	cr_expect(err == -ENOENT || err == -EAGAIN, "gave %d", err);
	cr_expect_str_eq(addr_error(-ENOENT), "Name or service not known");
	cr_expect_eq(addr_resolve("tcp", "300.1.1.1.1", 1, false, &addr, 1) < 0, 1);
}

Test(addr, passive_means_every_address)
{
	struct tp_addr addrs[4];

	cr_assert_geq(addr_resolve("tcp", "*", 1, true, addrs, 4), 1);
	cr_expect_not(addr_is_loopback(&addrs[0]));
	cr_assert_geq(addr_resolve("tcp", "", 1, true, addrs, 4), 1);
}

Test(addr, knows_loopback)
{
	struct tp_addr addr;

	cr_assert_eq(addr_resolve("tcp", "127.9.9.9", 1, false, &addr, 1), 1);
	cr_expect(addr_is_loopback(&addr));
	cr_assert_eq(addr_resolve("tcp", "128.0.0.1", 1, false, &addr, 1), 1);
	cr_expect_not(addr_is_loopback(&addr));
	cr_assert_eq(addr_resolve("tcp", "::2", 1, false, &addr, 1), 1);
	cr_expect_not(addr_is_loopback(&addr));
}
