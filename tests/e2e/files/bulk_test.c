/* usrbio_stats: the attributes of many paths at once, beside those of each alone. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"

enum { MANY = 1000 };

static void same(const char *path, int flags, const struct usrbio_stat *attr, int err)
{
	struct usrbio_stat alone, none = {0};
	int status = flags ? usrbio_lstat(path, &alone) : usrbio_stat(path, &alone);

	cr_assert_eq(err, status, "%s: %d", path, err);
	cr_assert(!memcmp(attr, status ? &none : &alone, sizeof(*attr)), "%s", path);
}

static void compare(const char *const *paths, size_t n, int flags)
{
	struct usrbio_stat *attrs = malloc(n * sizeof(*attrs));
	int *errs = malloc(n * sizeof(*errs)), found, good = 0;

	memset(attrs, 0x5a, n * sizeof(*attrs));
	found = usrbio_stats(paths, n, flags, attrs, errs);
	for (size_t i = 0; i < n; i++) {
		if (paths[i])
			same(paths[i], flags, &attrs[i], errs[i]);
		good += !errs[i];
	}
	cr_assert_eq(found, good, "%d", found);
	cr_assert_eq(usrbio_stats(paths, n, flags, attrs, NULL), found);
	free(attrs);
	free(errs);
}

/* What is odd about a path stands beside what is not, in all orders. */
E2E(bulk, odd_paths)
{
	static char texts[24][600], longest[6000];
	const char *paths[26];
	size_t n = 0;

	file_make("f", 1, 100);
	cr_assert_eq(usrbio_mkdir(url_of("d"), 0755), 0);
	file_make("d/g", 2, 200);
	cr_assert_eq(usrbio_symlink("../f", url_of("d/link")), 0);
	cr_assert_eq(usrbio_symlink("nowhere", url_of("d/dangling")), 0);
	for (size_t i = 0; i < 11; i++) {
		static const char *const names[] = {"f",      "d/g",	    "d/g", "d/none",
						    "d/link", "d/dangling", "d/",  "d//g",
						    "f/x",    "d/../f",	    "../f"};

		snprintf(texts[n], sizeof(texts[n]), "%s", url_of(names[i]));
		paths[n] = texts[n];
		n++;
	}
	snprintf(texts[n], sizeof(texts[n]), "%s", e2e_mount);
	paths[n] = texts[n];
	n++;
	snprintf(texts[n], sizeof(texts[n]), "%s/", e2e_mount);
	paths[n] = texts[n];
	n++;
	snprintf(texts[n], sizeof(texts[n]), "%snot/d", e2e_mount); /* another export */
	paths[n++] = "tcp://";
	paths[n++] = "";
	paths[n++] = "relative";
	paths[n++] = NULL;
	memset(longest, 'n', sizeof(longest) - 1);
	memcpy(longest, e2e_mount, strlen(e2e_mount));
	longest[strlen(e2e_mount)] = '/';
	paths[n++] = longest;
	for (size_t first = 0; first < n; first++) {
		const char *once = paths[0];

		compare(paths, n, 0);
		compare(paths, n, AT_SYMLINK_NOFOLLOW);
		compare(paths, 1, 0);
		memmove(paths, paths + 1, (n - 1) * sizeof(*paths));
		paths[n - 1] = once;
	}
}

/* More than a call, and more than are under way at once, on two mounts. */
E2E(bulk, many_paths_of_two_mounts)
{
	static char texts[MANY][600];
	static const char *paths[MANY];
	char name[64];

	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		file_make(name, 1, (uint64_t)i);
	}
	for (int i = 0; i < MANY; i++) {
		const char *options = i / 300 % 2 && !strchr(e2e_mount, '?') ? "?timeout=50" : "";

		snprintf(texts[i], sizeof(texts[i]), "%s%s/file%d", e2e_mount, options, i % 12);
		paths[i] = texts[i];
	}
	compare(paths, MANY, 0);
	for (int i = 0; i < MANY; i++)
		paths[i] = texts[i * 301 % MANY];
	compare(paths, full_or_quick(MANY, 50), 0);
}

E2E(bulk, what_is_refused)
{
	const char *path = url_of("");
	struct usrbio_stat attr;

	cr_assert_eq(usrbio_stats(NULL, 1, 0, &attr, NULL), -EINVAL);
	cr_assert_eq(usrbio_stats(&path, 1, 0, NULL, NULL), -EINVAL);
	cr_assert_eq(usrbio_stats(&path, (size_t)INT32_MAX + 1, 0, &attr, NULL), -EINVAL);
	cr_assert_eq(usrbio_stats(&path, 1, AT_EMPTY_PATH, &attr, NULL), -EINVAL);
	cr_assert_eq(usrbio_stats(&path, 0, 0, &attr, NULL), 0);
}
