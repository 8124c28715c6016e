/* The region table. */
#include "server/io/region.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "server/io/outbox.h"

static struct regions regions;

static void open_it(void)
{
	cr_assert_eq(regions_open(&regions), 0);
}

static void close_it(void)
{
	regions_close(&regions);
}

TestSuite(region, .init = open_it, .fini = close_it);

static int add(uint32_t id, uint64_t base, uint64_t size, uint32_t access)
{
	return region_add(
		&regions,
		&(struct region_add){.region = id, .base = base, .size = size, .access = access});
}

Test(region, ids)
{
	cr_assert_null(region_find(&regions, 0));
	cr_assert_eq(add(0, 4096, 100, ACCESS_READ), 0);
	cr_assert_eq(add(0, 4096, 100, ACCESS_READ), -EEXIST);
	cr_assert_eq(add(REGIONS_MAX - 1, 0, 1, ACCESS_READ), 0);
	cr_assert_eq(add(REGIONS_MAX, 0, 1, ACCESS_READ), -EINVAL);
	cr_assert_eq(add(1, UINT64_MAX - 1, 1, ACCESS_READ), 0);
	cr_assert_eq(add(2, UINT64_MAX - 1, 2, ACCESS_READ), -EINVAL);
	cr_assert_eq(add(2, 0, 0, ACCESS_READ), -EINVAL);
	cr_assert_not_null(region_find(&regions, REGIONS_MAX - 1));
	cr_assert_null(region_find(&regions, REGIONS_MAX));
	cr_assert_null(region_find(&regions, UINT32_MAX));
}

Test(region, ranges)
{
	static const struct {
		uint64_t off, len;
		int status;
	} cases[] = {
		{0, 100, 0},
		{99, 1, 0},
		{100, 0, 0},
		{0, 101, -EINVAL},
		{99, 2, -EINVAL},
		{100, 1, -EINVAL},
		{101, 0, -EINVAL},
		{1, UINT64_MAX, -EINVAL},
		{UINT64_MAX, 1, -EINVAL},
		{UINT64_MAX, 2, -EINVAL},
	};
	struct server_region *region;
	uint64_t raddr = 0;

	cr_assert_eq(add(7, 1000, 100, ACCESS_READ), 0);
	region = region_find(&regions, 7);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int status = region_range(region, ACCESS_READ, cases[i].off, cases[i].len, &raddr);

		cr_assert_eq(status, cases[i].status, "case %zu", i);
		if (!status)
			cr_assert_eq(raddr, 1000 + cases[i].off);
	}
	cr_assert_eq(region_range(region, ACCESS_WRITE, 0, 1, &raddr), -EACCES);
	cr_assert_eq(region_range(region, ACCESS_READ | ACCESS_WRITE, 0, 1, &raddr), -EACCES);
}

Test(region, drop_waits_for_users)
{
	struct outgoing answer;
	struct server_region *region;

	cr_assert_eq(add(7, 1000, 100, ACCESS_READ), 0);
	region = region_find(&regions, 7);
	cr_assert_null(region_end_drop(&regions, region));
	region->users = 2;
	region_start_drop(region, &answer);
	cr_assert_null(region_find(&regions, 7), "nobody new finds it");
	cr_assert_eq(add(7, 0, 1, ACCESS_READ), -EEXIST);
	cr_assert_null(region_end_drop(&regions, region));
	region->users = 0;
	cr_assert_eq(region_end_drop(&regions, region), &answer);
	cr_assert_null(region_end_drop(&regions, region), "once");
	cr_assert_eq(add(7, 0, 1, ACCESS_READ), 0);
}
