/* Secrets in the state directory. */
#include "server/base/state_secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

static char dir[] = "/tmp/usrbio-state-XXXXXX", file[64];

static void open_it(void)
{
	cr_assert(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/names.key", dir);
}

static void close_it(void)
{
	unlink(file);
	cr_assert_eq(rmdir(dir), 0, "nothing else is left there");
}

TestSuite(state_secret, .init = open_it, .fini = close_it);

Test(state_secret, a_secret_is_made_once)
{
	struct secret one, two = {{0}};
	struct stat st;

	cr_assert_eq(state_secret(dir, "names", &one), 0);
	cr_assert_eq(state_secret(dir, "names", &two), 0);
	cr_assert_eq(memcmp(&one, &two, sizeof(one)), 0);
	cr_assert_eq(stat(file, &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0600);
	cr_assert_eq(unlink(file), 0);
	cr_assert_eq(state_secret(dir, "names", &two), 0);
	cr_assert_neq(memcmp(&one, &two, sizeof(one)), 0, "a new one");
}

Test(state_secret, a_file_that_others_can_read_is_refused)
{
	struct secret secret;

	cr_assert_eq(state_secret(dir, "names", &secret), 0);
	cr_assert_eq(chmod(file, 0644), 0);
	cr_assert_eq(state_secret(dir, "names", &secret), -EACCES);
}

Test(state_secret, a_damaged_file_is_no_key)
{
	struct secret secret;

	cr_assert_eq(state_secret(dir, "names", &secret), 0);
	cr_assert_eq(truncate(file, 0), 0);
	cr_assert_eq(state_secret(dir, "names", &secret), -EINVAL);
	cr_assert_eq(state_secret("/tmp/no/such/directory", "names", &secret), -ENOENT);
}
