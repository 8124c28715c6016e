/* Rings: what the four ways to make one refuse and take, and how they end. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "tests/e2e/contract/contract.h"
#include "tests/support/pattern.h"

enum { JUNK = 0x77, TIMEOUTS_SINCE = 3, MANY = 131072, MOST = 1 << 20 };

static int version; /* iorcreate, iorcreate2, ... */
static struct hf3fs_ior out;

static struct {
	struct hf3fs_ior *ior;
	const char *mount;
	int entries;
	bool for_read;
	int io_depth, priority, timeout, numa;
	uint64_t flags;
} a;

static void good(void)
{
	memset(&out, JUNK, sizeof(out));
	a.ior = &out;
	a.mount = e2e_mount;
	a.entries = KIT_ENTRIES;
	a.for_read = true;
	a.io_depth = a.priority = a.timeout = 0;
	a.numa = -1;
	a.flags = 0;
}

static int create(void)
{
	switch (version) {
	case 1:
		return hf3fs_iorcreate(a.ior, a.mount, a.entries, a.for_read, a.io_depth, a.numa);
	case 2:
		return hf3fs_iorcreate2(a.ior, a.mount, a.entries, a.for_read, a.io_depth,
					a.priority, a.numa);
	case 3:
		return hf3fs_iorcreate3(a.ior, a.mount, a.entries, a.for_read, a.io_depth,
					a.priority, a.timeout, a.numa);
	default:
		return hf3fs_iorcreate4(a.ior, a.mount, a.entries, a.for_read, a.io_depth,
					a.timeout, a.numa, a.flags);
	}
}

/* A failure leaves the struct as it was, and that may be destroyed, whatever it holds. */
static int create_and_destroy(void)
{
	int err = create();

	if (err)
		cr_expect_eq(bytes_diff(&out, sizeof(out), JUNK), -1, "a failure wrote into *ior");
	hf3fs_iordestroy(&out);
	return err;
}

static int mistake(unsigned pick, const char **text)
{
	MISTAKE(-EINVAL, "ior NULL", a.ior = NULL);
	MISTAKE(-EINVAL, "mp NULL", a.mount = NULL);
	MISTAKE(-EINVAL, "mp empty", a.mount = "");
	if (version >= TIMEOUTS_SINCE) {
		MISTAKE(-EINVAL, "timeout < 0", a.timeout = -1);
		MISTAKE(-EINVAL, "timeout INT_MIN", a.timeout = INT_MIN);
	}
	MISTAKE(-EINVAL, "entries 0", a.entries = 0);
	MISTAKE(-EINVAL, "entries < 0", a.entries = a.io_depth = -1);
	MISTAKE(-EINVAL, "entries INT_MIN", a.entries = a.io_depth = INT_MIN);
	MISTAKE(-EINVAL, "io_depth > entries", a.entries = 4; a.io_depth = 5);
	MISTAKE(-EINVAL, "io_depth INT_MAX", a.entries = 4; a.io_depth = INT_MAX);
	MISTAKE(-EINVAL, "entries 1048577", a.entries = MOST + 1);
	MISTAKE(-EINVAL, "entries beyond all bounds", a.entries = INT_MAX);
	MISTAKE(-EINVAL, "mp of 256 characters", a.mount = mount_of_256());
	MISTAKE(-ENOENT, "mp does not exist", a.mount = "/nowhere");
	MISTAKE(-ENOENT, "mp is a directory not ours", a.mount = "/tmp");
	MISTAKE(-ENOENT, "mp is a foreign URL", a.mount = "http://127.0.0.1/data");
	MISTAKE(-ENOENT, "mp is a file's URL", a.mount = url_of("kit"));
	return ROWS_END;
}

E2E(contract_ring, iorcreate_errors_in_the_order_of_checks)
{
	static const char *const names[] = {"iorcreate", "iorcreate2", "iorcreate3", "iorcreate4"};

	kit_open();
	for (version = 1; version <= 4; version++)
		rows_check(&(struct rows){names[version - 1], good, mistake, create_and_destroy});
	kit_close();
}

/* A ring that was made: its fields, and an I/O in it. */
static void check_made(const char *what)
{
	const struct hf3fs_iov zero = {.base = NULL};
	int64_t got;

	row(what, hf3fs_io_entries(&out) == a.entries);
	row(what, out.iorh && !strcmp(out.mount_point, a.mount));
	row(what, out.for_read == a.for_read && out.io_depth == a.io_depth);
	row(what, version == 1 || version == 4 || out.priority == a.priority);
	row(what, version < TIMEOUTS_SINCE || out.timeout == a.timeout);
	row(what, out.flags == (version == 4 ? a.flags : 0));
	row(what, !memcmp(&out.iov, &zero, sizeof(zero)));
	got = ring_io(&out, &kit.iov, kit.iov.base, kit.fd, 0, KIT_IOV);
	cr_expect_eq(got, KIT_IOV, "%s: %ld", what, got);
}

#define TAKES(ways, what, ...)                                            \
	for (version = 1; version <= 4; version++) {                      \
		if (!((ways)&1 << version))                               \
			continue;                                         \
		good();                                                   \
		__VA_ARGS__;                                              \
		cr_assert_eq(create(), 0, "iorcreate%d: " what, version); \
		check_made(what);                                         \
		hf3fs_iordestroy(&out);                                   \
		hf3fs_iordestroy(&out);                                   \
	}

E2E(contract_ring, iorcreate_takes_what_the_contract_allows)
{
	enum {
		ALL = 0x1e,
		FIRST = 1 << 1,
		PRIORITY = 1 << 2 | 1 << 3,
		TIME = 1 << 3 | 1 << 4,
		FLAGS = 1 << 4
	};

	kit_open();
	TAKES(ALL, "entries = io_depth = 1", a.entries = a.io_depth = 1);
	TAKES(ALL, "for writing", a.for_read = false);
	TAKES(ALL, "entries 3, no power of two", a.entries = 3);
	TAKES(ALL, "entries 102400, io_depth -1", a.entries = 102400; a.io_depth = -1);
	TAKES(ALL, "entries 131072", a.entries = MANY);
	TAKES(ALL, "entries 1048576", a.entries = MOST);
	TAKES(ALL, "io_depth INT_MIN", a.io_depth = INT_MIN);
	TAKES(ALL, "numa 0", a.numa = 0);
	TAKES(ALL, "numa >= number of nodes", a.numa = 1024);
	TAKES(ALL, "numa INT_MAX", a.numa = INT_MAX);
	TAKES(ALL, "numa INT_MIN", a.numa = INT_MIN);
	TAKES(FIRST, "mp with trailing and doubled slashes", a.mount = mount_with_slashes());
	TAKES(PRIORITY, "priority INT_MIN", a.priority = INT_MIN);
	TAKES(PRIORITY, "priority INT_MAX", a.priority = INT_MAX);
	TAKES(TIME, "timeout INT_MAX, without effect", a.timeout = INT_MAX);
	TAKES(TIME, "timeout 1 ms", a.io_depth = -2; a.timeout = 1);
	TAKES(FLAGS, "flags of the header", a.flags = HF3FS_IOR_ALLOW_READ_UNCOMMITTED);
	TAKES(FLAGS, "unknown flag bits", a.flags = UINT64_MAX & ~HF3FS_IOR_FORBID_READ_HOLES);
	kit_close();
}

/* As many entries as asked for, no more and no less. */
static void check_capacity(int entries)
{
	struct hf3fs_ior ior;
	uint8_t *seen = calloc(entries, 1);

	cr_assert(seen);
	ring_make(&ior, NULL, true, entries);
	for (int i = 0; i < entries; i++) {
		int slot = ring_prep(&ior, &kit.iov, kit.iov.base, kit.fd, 0, 1, NULL);

		cr_assert_eq(seen[slot]++, 0, "slot %d twice", slot);
	}
	cr_assert_eq(hf3fs_prep_io(&ior, &kit.iov, true, kit.iov.base, kit.fd, 0, 1, NULL),
		     -EAGAIN);
	cr_assert_eq(hf3fs_io_entries(&ior), entries);
	hf3fs_iordestroy(&ior);
	free(seen);
}

E2E(contract_ring, a_ring_holds_exactly_its_entries)
{
	kit_open();
	check_capacity(1);
	check_capacity(3);
	check_capacity(64);
	check_capacity(1000);
	check_capacity(MANY);
	check_capacity(MOST);
	kit_works();
	kit_close();
}

E2E(contract_ring, ior_size_is_4240_and_96_per_entry)
{
	row("0", hf3fs_ior_size(0) == 4240);
	row("1", hf3fs_ior_size(1) == 4336);
	row("1024", hf3fs_ior_size(1024) == 4240 + 96 * 1024);
	row("131072", hf3fs_ior_size(MANY) == 4240 + 96ull * MANY);
	row("INT_MAX", hf3fs_ior_size(INT_MAX) == 4240 + 96ull * INT_MAX);
}

/* Silent and idempotent, over NULL, zeroed, destroyed, copied and made-up structs. */
E2E(contract_ring, iordestroy_takes_anything)
{
	struct hf3fs_ior zeroed = {.iorh = NULL}, made_up, copy;

	memset(&made_up, JUNK, sizeof(made_up));
	kit_open();
	ring_make(&out, NULL, true, 2);
	copy = out;
	/* With an I/O that is never submitted, one under way, and one that nobody collects. */
	ring_prep(&out, &kit.iov, kit.iov.base, kit.fd, 0, KIT_IOV, NULL);
	ring_submit(&out);
	ring_prep(&out, &kit.iov, kit.iov.base, kit.fd, 0, KIT_IOV, NULL);
	for (int i = 0; i < 2; i++) {
		hf3fs_iordestroy(NULL);
		hf3fs_iordestroy(&zeroed);
		hf3fs_iordestroy(&made_up);
		hf3fs_iordestroy(&out);
		hf3fs_iordestroy(&copy);
	}
	row("NULL has no entries", hf3fs_io_entries(NULL) == -EINVAL);
	row("nor has a zeroed one", hf3fs_io_entries(&zeroed) == -EINVAL);
	row("nor a made-up one", hf3fs_io_entries(&made_up) == -EINVAL);
	row("nor a destroyed one", hf3fs_io_entries(&out) == -EINVAL);
	row("nor its copy", hf3fs_io_entries(&copy) == -EINVAL);
	kit_works();
	kit_close();
}
