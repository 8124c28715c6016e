/* URLs as mount points: what each spelling means, and what is refused. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/spec/mountspec.h"

#define TEN	"aaaaaaaaaa"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static const struct {
	const char *text;
	int err;
	const char *mount_point; /* NULL: the text itself */
	const char *hosts;	 /* "name port name port" */
	const char *export;
	unsigned timeout_ms, nconnect;
} urls[] = {
	{"tcp://h/e", 0, NULL, "h 7040", "e", 60000, 1},
	{"rdma://h/e", 0, NULL, "h 7040", "e", 60000, 1},
	{"usrbio://h/e", 0, NULL, "h 7040", "e", 60000, 1},
	{"loop://h/e", 0, NULL, "h 7040", "e", 60000, 1},
	{"tcp://h:1/e", 0, NULL, "h 1", "e", 60000, 1},
	{"tcp://h:65535/e", 0, NULL, "h 65535", "e", 60000, 1},
	{"tcp://10.0.0.1:80/e", 0, NULL, "10.0.0.1 80", "e", 60000, 1},
	{"tcp://[::1]/e", 0, NULL, "::1 7040", "e", 60000, 1},
	{"tcp://[fe80::1%eth0]:9/e", 0, NULL, "fe80::1%eth0 9", "e", 60000, 1},
	{"tcp://a,b:2,[::3]:4/e", 0, NULL, "a 7040 b 2 ::3 4", "e", 60000, 1},
	{"tcp://1,2,3,4,5,6,7,8/e", 0, NULL,
	 "1 7040 2 7040 3 7040 4 7040 5 7040 6 7040 7 7040 8 7040", "e", 60000, 1},
	{"tcp://h/e/", 0, "tcp://h/e", "h 7040", "e", 60000, 1},
	{"tcp://h/e///", 0, "tcp://h/e", "h 7040", "e", 60000, 1},
	{"tcp://h//e", 0, "tcp://h/e", "h 7040", "e", 60000, 1},
	{"tcp://h///e//", 0, "tcp://h/e", "h 7040", "e", 60000, 1},
	{"tcp://h/an export", 0, NULL, "h 7040", "an export", 60000, 1},
	{"tcp://h/...", 0, NULL, "h 7040", "...", 60000, 1},
	{"tcp://h/e:1", 0, NULL, "h 7040", "e:1", 60000, 1},
	{"tcp://h/e?timeout=5", 0, NULL, "h 7040", "e", 5000, 1},
	{"tcp://h/e?timeout=0", 0, NULL, "h 7040", "e", 0, 1},
	{"tcp://h/e?timeout=4294967", 0, NULL, "h 7040", "e", 4294967000u, 1},
	{"tcp://h/e?nconnect=1", 0, NULL, "h 7040", "e", 60000, 1},
	{"tcp://h/e?nconnect=64", 0, NULL, "h 7040", "e", 60000, 64},
	{"tcp://h/e?timeout=1&nconnect=2", 0, NULL, "h 7040", "e", 1000, 2},
	{"tcp://h/e?nconnect=2&timeout=1/", 0, "tcp://h/e?nconnect=2&timeout=1", "h 7040", "e",
	 1000, 2},
	{"loop:///usr/bin", 0, NULL, "", "dir", 60000, 1},
	{"loop:////usr//bin//", 0, "loop:///usr/bin", "", "dir", 60000, 1},
	{"loop:///usr/./bin/..", 0, NULL, "", "dir", 60000, 1},
	{"loop:///", 0, NULL, "", "dir", 60000, 1},
	{"loop:////", 0, "loop:///", "", "dir", 60000, 1},
	{"loop:///?", 0, NULL, "", "dir", 60000, 1},
	{"loop:///usr?", 0, NULL, "", "dir", 60000, 1},
	{"loop:///usr/?/", 0, "loop:///usr?", "", "dir", 60000, 1},
	{"loop:///usr?timeout=5&nconnect=2&ro", 0, NULL, "", "dir", 5000, 2},
	{"", .err = -ENOENT},
	{"tcp", .err = -ENOENT},
	{"tcp:", .err = -ENOENT},
	{"tcp:/h/e", .err = -ENOENT},
	{"http://h/e", .err = -ENOENT},
	{"tcpx://h/e", .err = -ENOENT},
	{"TCP://h/e", .err = -ENOENT},
	{"://h/e", .err = -ENOENT},
	{"tcp://h/e/sub", .err = -ENOENT},
	{"tcp://h/e?timeout=1/sub", .err = -ENOENT},
	{"loop:///none such", .err = -ENOENT},
	{"loop:///dev/null", .err = -ENOENT},
	{"loop:///usr?/sub", .err = -ENOENT},
	{"loop:///usr?ro/sub", .err = -ENOENT},
	{"loop:///usr?x", .err = -EINVAL},
	{"loop:///usr?ro&", .err = -EINVAL},
	{"loop:///usr??", .err = -EINVAL},
	{"loop://", .err = -EINVAL},
	{"loop://usr", .err = -EINVAL},
	{"tcp://h/e?ro", .err = -EINVAL},
	{"loop://h/e?ro", .err = -EINVAL},
	{"tcp://", .err = -EINVAL},
	{"tcp:///e", .err = -EINVAL},
	{"tcp://h", .err = -EINVAL},
	{"tcp://h/", .err = -EINVAL},
	{"tcp://h//", .err = -EINVAL},
	{"tcp://h/.", .err = -EINVAL},
	{"tcp://h/..", .err = -EINVAL},
	{"tcp://h/?timeout=1", .err = -EINVAL},
	{"tcp://h:/e", .err = -EINVAL},
	{"tcp://h:0/e", .err = -EINVAL},
	{"tcp://h:65536/e", .err = -EINVAL},
	{"tcp://h:x/e", .err = -EINVAL},
	{"tcp://:1/e", .err = -EINVAL},
	{"tcp://[::1/e", .err = -EINVAL},
	{"tcp://[]/e", .err = -EINVAL},
	{"tcp://[::1]1/e", .err = -EINVAL},
	{"tcp://user@h/e", .err = -EINVAL},
	{"tcp://h h/e", .err = -EINVAL},
	{"tcp://h?timeout=1/e", .err = -EINVAL},
	{"tcp://h,/e", .err = -EINVAL},
	{"tcp://,h/e", .err = -EINVAL},
	{"tcp://h,,g/e", .err = -EINVAL},
	{"tcp://1,2,3,4,5,6,7,8,9/e", .err = -EINVAL},
	{"tcp://h/e?", .err = -EINVAL},
	{"tcp://h/e?x", .err = -EINVAL},
	{"tcp://h/e?x=1", .err = -EINVAL},
	{"tcp://h/e?timeout", .err = -EINVAL},
	{"tcp://h/e?timeout=", .err = -EINVAL},
	{"tcp://h/e?timeout=-1", .err = -EINVAL},
	{"tcp://h/e?timeout=1s", .err = -EINVAL},
	{"tcp://h/e?timeout=4294968", .err = -EINVAL},
	{"tcp://h/e?timeout=99999999999999999999999", .err = -EINVAL},
	{"tcp://h/e?nconnect=0", .err = -EINVAL},
	{"tcp://h/e?nconnect=65", .err = -EINVAL},
	{"tcp://h/e?timeout=1&", .err = -EINVAL},
	{"tcp://h/e?&timeout=1", .err = -EINVAL},
	{"tcp://h/e?timeout=1&x=2", .err = -EINVAL},
	{"tcp://h/" HUNDRED HUNDRED TEN TEN TEN TEN "aaaaaaa", 0, NULL, "h 7040",
	 HUNDRED HUNDRED TEN TEN TEN TEN "aaaaaaa", 60000, 1}, /* 255 bytes in all */
	{"tcp://h/" HUNDRED HUNDRED TEN TEN TEN TEN "aaaaaaaa", .err = -EINVAL},
};

static void expect_hosts(const struct mountspec *spec, const char *want)
{
	char text[4096] = "";

	for (unsigned i = 0; i < spec->nr_hosts; i++) {
		size_t used = strlen(text);

		snprintf(text + used, sizeof(text) - used, "%s%s %u", i ? " " : "",
			 spec->hosts[i].name, spec->hosts[i].port);
	}
	cr_expect_str_eq(text, want, "%s: hosts %s", spec->mount_point, text);
}

Test(spec, urls)
{
	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		const char *text = urls[i].text;
		struct mountspec spec, before;
		int err;

		memset(&spec, 0x5a, sizeof(spec));
		before = spec;
		err = mountspec_find(text, &spec);
		cr_expect_eq(err, urls[i].err, "'%s' gave %d", text, err);
		if (err) {
			cr_expect_not(memcmp(&spec, &before, sizeof(spec)), "'%s': touched", text);
			continue;
		}
		cr_expect_str_eq(spec.mount_point,
				 urls[i].mount_point ? urls[i].mount_point : text);
		cr_expect_str_eq(spec.dir, "");
		cr_expect_eq(strncmp(spec.scheme, text, strlen(spec.scheme)), 0);
		cr_expect_eq(text[strlen(spec.scheme)], ':');
		cr_expect_str_eq(spec.export, urls[i].export);
		cr_expect_eq(spec.timeout_ms, urls[i].timeout_ms, "'%s'", text);
		cr_expect_eq(spec.nconnect, urls[i].nconnect, "'%s'", text);
		expect_hosts(&spec, urls[i].hosts);
	}
}

Test(spec, null_is_invalid)
{
	struct mountspec spec;
	const char *rest;
	char canonical[4096];

	cr_expect_eq(mountspec_find(NULL, &spec), -EINVAL);
	cr_expect_eq(mountspec_of_url(NULL, &spec, &rest), -EINVAL);
	cr_expect_eq(mountspec_of_path(NULL, &spec, canonical, &rest), -EINVAL);
}

static const struct {
	const char *text;
	const char *mount_point, *rest;
} paths[] = {
	{"tcp://h/e", "tcp://h/e", ""},
	{"tcp://h/e/", "tcp://h/e", ""},
	{"tcp://h/e/a", "tcp://h/e", "a"},
	{"tcp://h/e//a/b", "tcp://h/e", "a/b"},
	{"tcp://h//e/a//b/", "tcp://h/e", "a//b/"},
	{"tcp://h/e/a?timeout=x", "tcp://h/e", "a?timeout=x"},
	{"tcp://h/e?timeout=3/a/b", "tcp://h/e?timeout=3", "a/b"},
	{"tcp://h/e/../x", "tcp://h/e", "../x"}, /* the server's to refuse */
	{"loop:///usr?/a/b", "loop:///usr?", "a/b"},
	{"loop:////usr/?timeout=5//a", "loop:///usr?timeout=5", "a"},
	{"loop:///?ro/a?b", "loop:///?ro", "a?b"},
	{"loop:///usr/", "loop:///usr", ""},
};

Test(spec, urls_with_a_path)
{
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		struct mountspec spec;
		const char *rest;

		cr_assert_eq(mountspec_of_url(paths[i].text, &spec, &rest), 0, "%s", paths[i].text);
		cr_expect_str_eq(spec.mount_point, paths[i].mount_point);
		cr_expect_str_eq(rest, paths[i].rest, "%s: %s", paths[i].text, rest);
		cr_expect(rest >= paths[i].text && rest <= paths[i].text + strlen(paths[i].text));
	}
}

static const char *serves(const char *text, bool read_only)
{
	static struct mountspec spec;

	cr_assert_eq(mountspec_find(text, &spec), 0, "%s", text);
	cr_expect_eq(spec.read_only, read_only, "%s", text);
	return spec.serve;
}

Test(spec, directories_to_serve)
{
	struct mountspec spec;

	cr_expect_str_eq(serves("loop:///usr//bin/", false), "/usr/bin");
	cr_expect_str_eq(serves("loop:///usr?timeout=5&ro", true), "/usr");
	cr_expect_str_eq(serves("loop:///", false), "/");
	cr_expect_str_eq(serves("loop:///?ro", true), "/");
	cr_expect_str_eq(serves("loop://h/e", false), "");
	cr_expect_str_eq(serves("tcp://h/e", false), "");

	cr_assert_eq(mountspec_find("loop:///usr?", &spec), 0);
	cr_expect(mountspec_is(&spec, "loop:///usr?"));
	cr_expect(mountspec_is(&spec, "loop:///usr"));
	cr_expect_not(mountspec_is(&spec, "loop:///us"));
	cr_expect_not(mountspec_is(&spec, "loop:///usr?ro"));
	cr_expect_not(mountspec_is(&spec, ""));
}

/* What programs do: mount point, slash, relative path. */
Test(spec, a_mount_point_and_a_path_make_a_path)
{
	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		struct mountspec spec, again;
		const char *rest;
		char path[600];

		if (mountspec_find(urls[i].text, &spec))
			continue;
		if (*spec.serve && !strchr(spec.mount_point, '?'))
			continue; /* the mounts in use decide: client/files/path.h */
		snprintf(path, sizeof(path), "%s/dir/file", spec.mount_point);
		cr_assert_eq(mountspec_of_url(path, &again, &rest), 0, "%s", path);
		cr_expect_str_eq(again.mount_point, spec.mount_point);
		cr_expect_str_eq(rest, "dir/file");
	}
}

Test(spec, a_host_list_may_fill_the_mount_point_only)
{
	struct mountspec spec;

	cr_expect_eq(mountspec_find("tcp://" HUNDRED HUNDRED TEN TEN TEN TEN "/e", &spec), 0);
	cr_expect_eq(mountspec_find("tcp://" HUNDRED HUNDRED HUNDRED "/e", &spec), -EINVAL);
}

/* Pairs of mount points, and whether they mean the same. */
Test(spec, what_means_the_same)
{
	static const struct {
		const char *one, *other;
		bool same;
	} pairs[] = {
		{"tcp://h/e", "tcp://h/e/", true},
		{"tcp://h/e", "tcp://h:7040//e//", true},
		{"tcp://h/e", "tcp://H/e", true},
		{"tcp://h/e?timeout=5&nconnect=2", "tcp://h/e?nconnect=2&timeout=5", true},
		{"tcp://h/e?timeout=5", "tcp://h/e?timeout=7&timeout=05", true},
		{"tls://h/e", "tcp://h/e?tls=required", true},
		{"tcp://[::1]/e", "tcp://[::1]:7040/e", true},
		{"tcp://h,g/e", "tcp://h:7040,g:7040/e", true},
		{"loop:///usr", "loop:////usr//", true},
		{"loop:///usr", "loop:///usr?", true},
		{"loop:///usr?ro&timeout=9", "loop:///usr?timeout=9&ro", true},
		{"tcp://h/e", "tcp://h/E", false},
		{"tcp://h/e", "tcp://h:7041/e", false},
		{"tcp://h/e", "tcp://g/e", false},
		{"tcp://h/e", "tcp://h,g/e", false},
		{"tcp://h,g/e", "tcp://g,h/e", false},
		{"tcp://h/e", "usrbio://h/e", false},
		{"tcp://h/e", "rdma://h/e", false},
		{"tcp://h/e", "tls://h/e", false},
		{"tcp://h/e", "tcp://h/e?timeout=60", false},
		{"tcp://h/e", "tcp://h/e?nconnect=1", false},
		{"tcp://h/e", "tcp://h/e?timeout=61", false},
		{"tcp://h/e", "tcp://h/e?nconnect=2", false},
		{"tcp://h/e", "tcp://h/e?key=k", false},
		{"tcp://h/e?key=j", "tcp://h/e?key=k", false},
		{"loop:///usr", "loop:///usr?ro", false},
		{"loop:///usr", "loop:///etc", false},
		{"loop://h/e", "loop://g/e", false},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		struct mountspec one, other;

		cr_assert_eq(mountspec_find(pairs[i].one, &one), 0, "%s", pairs[i].one);
		cr_assert_eq(mountspec_find(pairs[i].other, &other), 0, "%s", pairs[i].other);
		cr_expect_eq(mountspec_same(&one, &other), pairs[i].same, "%s and %s", pairs[i].one,
			     pairs[i].other);
		cr_expect_eq(mountspec_same(&other, &one), pairs[i].same, "%s and %s",
			     pairs[i].other, pairs[i].one);
	}
}
