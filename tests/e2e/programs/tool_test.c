/* The tool, from outside. */
#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"

enum { SIZE = 3 * 1024 * 1024 + 17 };

static void check_local(const char *path, uint64_t seed, size_t size)
{
	char *buf = malloc(size + 1);
	FILE *f = fopen(path, "re");

	cr_assert(buf && f, "%s", path);
	cr_assert_eq(fread(buf, 1, size + 1, f), size, "%s", path);
	cr_assert_eq(pattern_diff(buf, size, seed, 0), -1, "%s", path);
	fclose(f);
	free(buf);
}

static void make_local(const char *path, uint64_t seed, size_t size)
{
	char *buf = malloc(size + 1);
	FILE *f = fopen(path, "we");

	cr_assert(buf && f, "%s", path);
	pattern_fill(buf, size, seed, 0);
	cr_assert_eq(fwrite(buf, 1, size, f), size);
	cr_assert_eq(fclose(f), 0);
	free(buf);
}

#define copy(...) run(E2E_TOOL, "cp", "-q", __VA_ARGS__)

E2E(tool, cp_both_ways)
{
	make_local(scratch_file("in"), 5, SIZE);
	cr_assert_eq(copy(scratch_file("in"), url_of("there")), 0);
	cr_assert_eq(file_size("there"), SIZE);
	file_check("there", 5, 0, SIZE);
	cr_assert_eq(copy(url_of("there"), scratch_file("out")), 0);
	check_local(scratch_file("out"), 5, SIZE);
	/* Over a longer one. */
	make_local(scratch_file("in"), 6, 100);
	cr_assert_eq(copy(scratch_file("in"), url_of("there")), 0);
	cr_assert_eq(file_size("there"), 100);
	file_check("there", 6, 0, 100);
	cr_assert_neq(copy(url_of("missing"), scratch_file("x")), 0);
}

/* FILES files in each directory of a tree two levels deep; file i has size_of(i) bytes. */
enum { FILES = 12 };

static size_t size_of(int i)
{
	static const size_t sizes[] = {0, 1, 4096, 70000, 1048577};

	return sizes[i % 5] + i / 5;
}

static void make_tree(const char *root)
{
	char path[PATH_MAX];

	cr_assert_eq(mkdir(root, 0755), 0);
	snprintf(path, sizeof(path), "%s/sub", root);
	cr_assert_eq(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/sub/empty", root);
	cr_assert_eq(mkdir(path, 0755), 0);
	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "%s/%sf%d", root, i % 2 ? "sub/" : "", i);
		make_local(path, i, size_of(i));
	}
}

static void check_tree(const char *root)
{
	char path[PATH_MAX];
	struct stat st;

	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "%s/%sf%d", root, i % 2 ? "sub/" : "", i);
		check_local(path, i, size_of(i));
	}
	snprintf(path, sizeof(path), "%s/sub/empty", root);
	cr_assert(!stat(path, &st) && S_ISDIR(st.st_mode));
}

E2E(tool, cp_of_a_tree)
{
	make_tree(scratch_file("tree"));
	cr_assert_eq(copy("-r", "--verify", scratch_file("tree"), url_of("tree")), 0);
	if (e2e_dir)
		check_tree(path_of("tree"));
	cr_assert_eq(copy("-r", "--verify", url_of("tree"), scratch_file("back")), 0);
	check_tree(scratch_file("back"));
}

E2E(tool, ls_and_stat)
{
	char out[4096];

	cr_assert_eq(run(E2E_TOOL, "mkdir", url_of("dir")), 0);
	file_make("dir/one", 1, 12345);
	file_make("dir/two", 2, 1);
	cr_assert_eq(run_into(out, sizeof(out), E2E_TOOL, "ls", url_of("dir")), 0);
	cr_assert(strstr(out, "one") && strstr(out, "two"), "%s", out);
	cr_assert_eq(run_into(out, sizeof(out), E2E_TOOL, "stat", url_of("dir/one")), 0);
	cr_assert(strstr(out, "12345"), "%s", out);
	cr_assert_neq(run(E2E_TOOL, "ls", url_of("missing")), 0);
	cr_assert_neq(run(E2E_TOOL, "stat", url_of("missing")), 0);
	cr_assert_eq(run(E2E_TOOL, "mv", url_of("dir/one"), url_of("dir/three")), 0);
	file_check("dir/three", 1, 0, 12345);
	cr_assert_eq(run(E2E_TOOL, "rm", url_of("dir/three")), 0);
	cr_assert_eq(run_into(out, sizeof(out), E2E_TOOL, "ls", url_of("dir")), 0);
	cr_assert(!strstr(out, "three") && strstr(out, "two"), "%s", out);
}

E2E(tool, ping)
{
	char out[4096];

	cr_assert_eq(run_into(out, sizeof(out), E2E_TOOL, "ping", "-c", "3", e2e_mount), 0);
	cr_assert_gt(strlen(out), 0);
	cr_assert_neq(run(E2E_TOOL, "ping", "-c", "1", "tcp://127.0.0.1:1/data?timeout=1"), 0);
}

/*
 * JSON, as strictly as this takes: one value, its end returned, NULL when it is none.
 */
static const char *json_value(const char *at);

static const char *blanks(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

static const char *json_string(const char *at)
{
	if (*at++ != '"')
		return NULL;
	for (; *at != '"'; at++)
		if (!*at || (*at == '\\' && !*++at))
			return NULL;
	return at + 1;
}

static const char *json_number(const char *at)
{
	char *end;

	if (*at != '-' && !isdigit((unsigned char)*at))
		return NULL;
	strtod(at, &end);
	return end == at ? NULL : end;
}

static const char *json_list(const char *at, char last, bool named)
{
	at = blanks(at + 1);
	if (*at == last)
		return at + 1;
	for (;; at = blanks(at + 1)) {
		if (named) {
			at = json_string(at);
			at = at ? blanks(at) : NULL;
			if (!at || *at++ != ':')
				return NULL;
		}
		at = json_value(at);
		at = at ? blanks(at) : NULL;
		if (!at || *at == last)
			return at ? at + 1 : NULL;
		if (*at != ',')
			return NULL;
	}
}

static const char *json_value(const char *at)
{
	static const char *const words[] = {"true", "false", "null"};

	at = blanks(at);
	if (*at == '{')
		return json_list(at, '}', true);
	if (*at == '[')
		return json_list(at, ']', false);
	if (*at == '"')
		return json_string(at);
	for (int i = 0; i < 3; i++)
		if (!strncmp(at, words[i], strlen(words[i])))
			return at + strlen(words[i]);
	return json_number(at);
}

static bool is_json(const char *text)
{
	const char *end = json_value(text);

	return end && !*blanks(end);
}

static void check_json_reader(void)
{
	cr_assert(is_json("{\"a\": [1, -2.5e3, true, {}], \"b\": \"x\\\"y\"}\n"));
	cr_assert_not(is_json("{\"a\": 1"));
	cr_assert_not(is_json("{\"a\": 1,}"));
	cr_assert_not(is_json("{\"a\": nan}"));
	cr_assert_not(is_json("{} {}"));
}

static void check_bench(const char *direction)
{
	char out[16384];

	cr_assert_eq(run_into(out, sizeof(out), E2E_TOOL, "bench", "--create", "--force", "--size",
			      "1M", "--time", "1", direction, "--json", url_of("bench")),
		     0);
	cr_assert(is_json(out), "%s", out);
	cr_assert(strstr(out, "iops"), "%s", out);
}

E2E(tool, bench)
{
	check_json_reader();
	check_bench("--read");
	check_bench("--write");
}

/* Something anew for each I/O: the figures say what, and I/O there was. */
E2E(tool, bench_per_io)
{
	static const char *const whats[] = {"ring", "iov", "wrap", "open"};
	char out[16384], want[64];

	file_make("bench", 7, SIZE);
	for (int i = 0; i < 4; i++) {
		cr_assert_eq(run_into(out, sizeof(out), E2E_TOOL, "bench", "--per-io", whats[i],
				      "--time", "1", "--depth", "3", "--threads", "2", "--json",
				      url_of("bench")),
			     0);
		cr_assert(is_json(out), "%s", out);
		snprintf(want, sizeof(want), "\"per_io\": \"%s\"", whats[i]);
		cr_assert(strstr(out, want), "%s", out);
		cr_assert_not(strstr(out, "\"ios\": 0,"), "%s", out);
		cr_assert(strstr(out, "\"messages_per_io\": "), "%s", out);
	}
	cr_assert_eq(run(E2E_TOOL, "bench", "--per-io", "nonsense", url_of("bench")), 2);
}

/* --files: so many, numbered, each made and filled; --time 0: as many I/Os as there is room for. */
E2E(tool, bench_numbered_files)
{
	char out[16384], name[32];
	struct stat st;

	e2e_needs_local_files();
	cr_assert_eq(run_into(out, sizeof(out), E2E_TOOL, "bench", "--create", "--files", "3",
			      "--size", "8k", "--time", "0", "--depth", "5", "--json",
			      url_of("many")),
		     0);
	cr_assert(strstr(out, "\"files\": 3,") && strstr(out, "\"ios\": 5,"), "%s", out);
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "many.%d", i);
		cr_assert_eq(stat(path_of(name), &st), 0, "%s", name);
		cr_assert_eq(st.st_size, 8192, "%s", name);
		cr_assert_gt(st.st_blocks, 0, "%s was not written", name);
	}
	cr_assert_neq(stat(path_of("many.3"), &st), 0);
	cr_assert_neq(stat(path_of("many"), &st), 0);
	cr_assert_eq(run(E2E_TOOL, "bench", "--files", "4", "--time", "0", url_of("many")), 1);
}

E2E(tool, usage)
{
	char out[4096];

	cr_assert_eq(run_into(out, sizeof(out), E2E_TOOL, "--help"), 0);
	cr_assert(strstr(out, "bench"));
	cr_assert_eq(run_into(out, sizeof(out), E2E_TOOL, "--version"), 0);
	cr_assert(strstr(out, usrbio_version()));
	cr_assert_eq(run(E2E_TOOL), 2);
	cr_assert_eq(run(E2E_TOOL, "nonsense"), 2);
	cr_assert_eq(run(E2E_TOOL, "cp"), 2);
}
