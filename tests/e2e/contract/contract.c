/* The tables' runner, and the kit beside them. One of each; the main thread's. */
#include "tests/e2e/contract/contract.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "tests/support/pattern.h"

struct kit kit;

static void check_one(const struct rows *rows, unsigned i)
{
	const char *text = "";
	int want, got;

	rows->good();
	want = rows->mistake(i, &text);
	got = rows->call();
	cr_expect_eq(got, want, "%s: %s: %d instead of %d", rows->name, text, got, want);
}

static void check_two(const struct rows *rows, unsigned early, unsigned late)
{
	const char *first = "", *second = "";
	int want, got;

	rows->good();
	/* The later one first: where both change the same argument, the earlier one stays. */
	rows->mistake(late, &second);
	want = rows->mistake(early, &first);
	got = rows->call();
	cr_expect_eq(got, want, "%s: %s, and %s: %d instead of %d", rows->name, first, second, got,
		     want);
}

static unsigned count(const struct rows *rows)
{
	const char *text;
	unsigned n = 0;

	while (rows->mistake(n, &text) != ROWS_END)
		n++;
	return n;
}

void rows_check(const struct rows *rows)
{
	unsigned n = count(rows);

	cr_assert_gt(n, 0);
	for (unsigned i = 0; i < n; i++) {
		check_one(rows, i);
		kit_works();
		for (unsigned late = i + 1; late < n; late++)
			check_two(rows, i, late);
	}
	kit_works();
}

/* Options make it another mount; leading zeros make them as long as one likes. */
static const char *with_timeout(size_t len)
{
	char option[300];
	size_t used = strlen(mount_with("timeout=60"));

	must(used <= 250, "the scratch directory's name is too long: %s", e2e_mount);
	snprintf(option, sizeof(option), "timeout=%0*d", len > used ? (int)(len - used) + 2 : 2,
		 60);
	return mount_with(option);
}

const char *mount_again(void)
{
	return with_timeout(0);
}

const char *mount_of_255(void)
{
	return with_timeout(255);
}

const char *mount_of_256(void)
{
	return with_timeout(256);
}

const char *mount_with_slashes(void)
{
	static char spelled[300];
	const char *last = strrchr(e2e_mount, '/');

	snprintf(spelled, sizeof(spelled), "%.*s/%s//", (int)(last - e2e_mount), e2e_mount, last);
	return spelled;
}

void kit_open(void)
{
	file_make("kit", KIT_SEED, 100000);
	kit.fd = file_reg(url_of("kit"), O_RDWR);
	ring_make(&kit.reads, NULL, true, KIT_ENTRIES);
	ring_make(&kit.writes, NULL, false, KIT_ENTRIES);
	iov_make(&kit.iov, NULL, KIT_IOV);
}

static void ring_works(const struct hf3fs_ior *ior)
{
	const uint64_t len = KIT_IOV / KIT_ENTRIES;
	struct hf3fs_cqe cqes[KIT_ENTRIES + 1];

	ring_submit(ior);
	cr_assert_eq(hf3fs_wait_for_ios(ior, cqes, KIT_ENTRIES + 1, 0, NULL), 0, "it has some I/O");
	for (uint64_t i = 0; i < KIT_ENTRIES; i++)
		ring_prep(ior, &kit.iov, kit.iov.base + i * len, kit.fd, i * len, len,
			  (void *)(i + 1));
	cr_assert_eq(hf3fs_prep_io(ior, &kit.iov, ior->for_read, kit.iov.base, kit.fd, 0, 1, NULL),
		     -EAGAIN);
	ring_submit(ior);
	ring_wait(ior, cqes, KIT_ENTRIES);
	for (uint64_t i = 0; i < KIT_ENTRIES; i++) {
		cr_assert_eq(cqes[i].userdata, (void *)(i + 1));
		cr_assert_eq(cqes[i].result, (int64_t)len, "%ld", cqes[i].result);
	}
}

void kit_works(void)
{
	memset(kit.iov.base, 0, KIT_IOV);
	ring_works(&kit.reads);
	cr_assert_eq(pattern_diff(kit.iov.base, KIT_IOV, KIT_SEED, 0), -1);
	ring_works(&kit.writes); /* what was read, back to where it was */
}

void kit_close(void)
{
	file_unreg(kit.fd);
	hf3fs_iordestroy(&kit.reads);
	hf3fs_iordestroy(&kit.writes);
	hf3fs_iovdestroy(&kit.iov);
}
