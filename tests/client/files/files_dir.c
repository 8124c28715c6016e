/* Reading directories, one answer after the other. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "client/usrbio.h"
#include "files_fake.h"

TestSuite(dir, .init = fake_reset);

static void answer(int i, const char *names, size_t len, size_t n)
{
	fake.dir[i].names = names;
	fake.dir[i].len = len;
	fake.dir[i].n = n;
}

static void expect_entry(struct usrbio_dir *dir, const char *name, uint8_t type)
{
	struct usrbio_dirent entry;

	cr_assert_eq(usrbio_readdir(dir, &entry), 1);
	cr_expect_str_eq(entry.name, name);
	cr_expect_eq(entry.type, type);
}

static struct usrbio_dir *open_dir(void)
{
	struct usrbio_dir *dir;

	cr_assert_eq(usrbio_opendir("tcp://h/e/d", &dir), 0);
	cr_expect_str_eq(fake.path, "d");
	return dir;
}

Test(dir, several_answers)
{
	struct usrbio_dirent entry;
	struct usrbio_dir *dir;

	answer(0, ".\0..\0first", 11, 3);
	answer(1, "", 0, 0);
	answer(2, "a\0bb\0ccc", 9, 3);
	dir = open_dir();
	expect_entry(dir, "first", 10);
	expect_entry(dir, "a", 4);
	cr_expect_eq(fake.off, 2);
	expect_entry(dir, "bb", 8);
	expect_entry(dir, "ccc", 10);
	cr_expect_eq(usrbio_readdir(dir, &entry), 0);
	cr_expect_eq(usrbio_readdir(dir, &entry), 0);
	usrbio_closedir(dir);
	cr_expect_eq(fake.mounts, 0);
}

Test(dir, an_empty_one)
{
	struct usrbio_dirent entry;
	struct usrbio_dir *dir;

	answer(0, "", 0, 0);
	dir = open_dir();
	cr_expect_eq(usrbio_readdir(dir, &entry), 0);
	usrbio_closedir(dir);
}

Test(dir, errors)
{
	struct usrbio_dirent entry;
	struct usrbio_dir *dir;

	fake.status = -ENOTDIR;
	cr_expect_eq(usrbio_opendir("tcp://h/e/d", &dir), -ENOTDIR);
	fake.status = 0;
	answer(0, "a", 2, 1);
	answer(1, "b", 2, 1);
	dir = open_dir();
	expect_entry(dir, "a", 4);
	fake.status = -EREMOTEIO;
	cr_expect_eq(usrbio_readdir(dir, &entry), -EREMOTEIO);
	cr_expect_eq(usrbio_readdir(dir, &entry), 0, "and that is all there is");
	usrbio_closedir(dir);
	usrbio_closedir(NULL);
	cr_expect_eq(fake.mounts, 0);
}

/* More names announced than there are: the codec lets nothing of the kind through, nor do we. */
Test(dir, a_lying_answer)
{
	struct usrbio_dirent entry;
	struct usrbio_dir *dir;

	answer(0, "a", 2, 16);
	dir = open_dir();
	expect_entry(dir, "a", 4);
	cr_expect_eq(usrbio_readdir(dir, &entry), 0);
	usrbio_closedir(dir);
}
