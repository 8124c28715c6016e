/* Names that are exchanged over the wire, with files that stay open. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"

enum { SIZE = 10000 };

/* usrbio_rename_flags of two names of the export. */
static int exchange(const char *one, const char *other)
{
	char from[600];

	snprintf(from, sizeof(from), "%s", url_of(one));
	return usrbio_rename_flags(from, url_of(other), RENAME_EXCHANGE);
}

E2E(exchange, of_paths_and_names)
{
	int dir;

	file_make("f", 1, SIZE);
	cr_assert_eq(usrbio_mkdir(url_of("d"), 0755), 0);
	file_make("d/g", 2, SIZE);
	cr_assert_eq(exchange("f", "d/g"), 0);
	file_check("f", 2, 0, SIZE);
	file_check("d/g", 1, 0, SIZE);
	dir = usrbio_open(url_of("d"), O_RDONLY | O_DIRECTORY, 0);
	cr_assert_geq(dir, 0);
	file_make("d/h", 3, SIZE);
	cr_assert_eq(usrbio_renameat(dir, "g", dir, "h", RENAME_EXCHANGE), 0);
	file_check("d/g", 3, 0, SIZE);
	file_check("d/h", 1, 0, SIZE);
	usrbio_close(dir);
	cr_assert_eq(exchange("f", "d"), 0);
	file_check("f/g", 3, 0, SIZE);
	file_check("d", 2, 0, SIZE);
	cr_assert_eq(exchange("f", "f/g"), -EINVAL);
	cr_assert_eq(exchange("f/g", "f"), -EINVAL);
	cr_assert_eq(exchange("f", "none"), -ENOENT);
	cr_assert_eq(exchange("none", "f"), -ENOENT);
	cr_assert_eq(exchange("f", "3fs-virt"), -EPERM);
	cr_assert_eq(
		usrbio_rename_flags(url_of("f"), url_of("f"), RENAME_EXCHANGE | RENAME_NOREPLACE),
		-EINVAL);
	cr_assert_eq(usrbio_rename_flags(url_of("f"), url_of("f"), RENAME_WHITEOUT), -EINVAL);
}
