/* hardlink and punchhole: 0 or +errno, in the order of their checks. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/contract/contract.h"
#include "tests/support/pattern.h"

static const char *target, *name;
static char kit_file[600], missing[600], directory[600], taken[600], fresh[600], below_file[600],
	nowhere[600], elsewhere[600];

static void set(char path[600], const char *mount, const char *file)
{
	snprintf(path, 600, "%s/%s%s", mount, e2e_prefix, file);
}

static void name_files(void)
{
	set(kit_file, e2e_mount, "kit");
	set(missing, e2e_mount, "missing");
	set(directory, e2e_mount, "dir");
	set(taken, e2e_mount, "taken");
	set(fresh, e2e_mount, "fresh");
	set(below_file, e2e_mount, "kit/x");
	set(nowhere, e2e_mount, "nowhere/x");
	set(elsewhere, mount_again(), "fresh");
	cr_assert_eq(usrbio_mkdir(directory, 0755), 0);
	file_make("taken", 1, 1);
}

static void good_link(void)
{
	target = kit_file;
	name = fresh;
}

static int link_them(void)
{
	return hf3fs_hardlink(target, name);
}

/* Behind -EXDEV: what link(2) says, about directories first. */
static int link_mistake(unsigned pick, const char **text)
{
	MISTAKE(EINVAL, "target NULL", target = NULL);
	MISTAKE(ENOENT, "target empty", target = "");
	MISTAKE(ENOTTY, "target not ours", target = "/etc/passwd");
	MISTAKE(EINVAL, "link_name NULL", name = NULL);
	MISTAKE(ENOENT, "link_name empty", name = "");
	MISTAKE(ENOTTY, "link_name not ours", name = "/tmp/usrbio-not-ours");
	MISTAKE(EXDEV, "link_name on another mount", name = elsewhere);
	MISTAKE(ENOTDIR, "link_name below a file", name = below_file);
	MISTAKE(ENOENT, "link_name in no directory", name = nowhere);
	MISTAKE(ENOENT, "target does not exist", target = missing);
	MISTAKE(EEXIST, "link_name exists", name = taken);
	MISTAKE(EPERM, "target is a directory", target = directory);
	return ROWS_END;
}

E2E(contract_path, hardlink_errors_are_positive_and_in_order)
{
	struct usrbio_stat one, two;

	kit_open();
	name_files();
	rows_check(&(struct rows){"hardlink", good_link, link_mistake, link_them});
	good_link();
	cr_expect_eq(link_them(), 0);
	cr_expect_eq(usrbio_stat(kit_file, &one), 0);
	cr_expect_eq(usrbio_stat(fresh, &two), 0);
	row("one file by two names", one.ino == two.ino && two.nlink == 2);
	cr_expect_eq(link_them(), EEXIST);
	kit_close();
}

static size_t start[1001], end[1001];
static const size_t *starts, *ends;
static int fd, n, read_only, closed;

static void good_punch(void)
{
	fd = kit.fd;
	n = 2;
	starts = start;
	ends = end;
}

static int punch(void)
{
	return hf3fs_punchhole(fd, n, starts, ends, UINT64_MAX);
}

static int punch_mistake(unsigned pick, const char **text)
{
	MISTAKE(0, "n 0", n = 0);
	MISTAKE(0, "n < 0", n = -1);
	MISTAKE(0, "n INT_MIN", n = INT_MIN);
	MISTAKE(EINVAL, "n > 1000", n = 1001);
	MISTAKE(EINVAL, "n INT_MAX", n = INT_MAX);
	MISTAKE(EINVAL, "start NULL", starts = NULL);
	MISTAKE(EINVAL, "end NULL", ends = NULL);
	MISTAKE(EBADF, "fd negative", fd = -1);
	MISTAKE(EBADF, "fd INT_MIN", fd = INT_MIN);
	MISTAKE(EBADF, "fd closed", fd = closed);
	MISTAKE(EBADF, "fd not ours", fd = 2);
	MISTAKE(EBADF, "fd not writable", fd = read_only);
	MISTAKE(0, "start = end", start[0] = end[0]; start[1] = end[1]);
	MISTAKE(0, "start > end", start[0] = end[0] + 1; start[1] = SIZE_MAX);
	return ROWS_END;
}

E2E(contract_path, punchhole_errors_are_positive_and_in_order)
{
	kit_open();
	read_only = file_reg(url_of("kit"), O_RDONLY);
	closed = usrbio_open(url_of("kit"), O_RDWR, 0);
	cr_assert_eq(usrbio_close(closed), 0);
	/* Beyond what the kit uses, so that it sees no zeros. */
	end[0] = end[1] = 20000;
	start[0] = start[1] = 20000;
	rows_check(&(struct rows){"punchhole", good_punch, punch_mistake, punch});
	file_check("kit", KIT_SEED, 0, 100000);
	file_unreg(read_only);
	kit_close();
}
