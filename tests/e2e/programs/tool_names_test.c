/* The tool's commands for names and attributes at a server, and its completions. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"
#include "tests/support/terminal.h"

#define tool(...)	       run(E2E_TOOL, __VA_ARGS__)
#define output_of(out, ...)    run_into(out, sizeof(out), E2E_TOOL, __VA_ARGS__)
#define complaint_of(out, ...) complaints(out, sizeof(out), E2E_TOOL, __VA_ARGS__)

static void must_stat(const char *name, struct usrbio_stat *st)
{
	cr_assert_eq(usrbio_lstat(url_of(name), st), 0, "%s", name);
}

E2E(tool_names, ln)
{
	struct usrbio_stat a, b;
	char text[64], out[4096];

	file_make("f", 1, 1000);
	file_make("g", 2, 10);
	cr_assert_eq(tool("mkdir", url_of("d")), 0);
	cr_assert_eq(tool("ln", url_of("f"), url_of("hard")), 0);
	must_stat("f", &a);
	must_stat("hard", &b);
	cr_assert(a.ino == b.ino && a.nlink == 2);
	cr_assert_eq(tool("ln", url_of("f"), url_of("d")), 0); /* into a directory */
	must_stat("d/f", &b);
	cr_assert_eq(a.ino, b.ino);
	cr_assert_eq(tool("ln", "-s", "../f", url_of("d/soft")), 0);
	cr_assert_eq(usrbio_readlink(url_of("d/soft"), text, sizeof(text)), 4);
	cr_assert_str_eq(text, "../f");
	/* What exists is replaced with -f only. */
	cr_assert_eq(complaint_of(out, "ln", url_of("f"), url_of("g")), 1);
	cr_assert(strstr(out, "File exists"), "%s", out);
	cr_assert_eq(file_size("g"), 10);
	cr_assert_eq(tool("ln", "-f", url_of("f"), url_of("g")), 0);
	cr_assert_eq(file_size("g"), 1000);
	cr_assert_eq(tool("ln", "-f", url_of("f"), url_of("g")),
		     0); /* again: it is the same file */
	cr_assert_eq(tool("ln", "-sf", "nowhere", url_of("g")), 0);
	cr_assert_eq(usrbio_readlink(url_of("g"), text, sizeof(text)), 7);
	cr_assert_eq(output_of(out, "ls", url_of("")), 0);
	cr_assert_not(strstr(out, ".usrbio-"), "left behind: %s", out);
	cr_assert_eq(tool("ln", url_of("missing"), url_of("x")), 1);
	cr_assert_eq(tool("ln", url_of("f")), 2);
}

static mode_t mode_of(const char *name)
{
	struct usrbio_stat st;

	must_stat(name, &st);
	return st.mode & 07777;
}

E2E(tool_names, chmod)
{
	static const struct {
		const char *mode;
		mode_t before, after;
	} cases[] = {
		{"640", 0777, 0640}, {"u+x", 0640, 0740},      {"go-rwx", 0777, 0700},
		{"a=r", 0777, 0444}, {"u=rw,g+w", 0700, 0620}, {"+X", 0640, 0640},
		{"a+X", 0740, 0751}, {"ug+x-w", 0666, 0556},   {"=", 0777, 0000},
		{"0", 0777, 0000},
	};
	static const char *const wrong[] = {"", "u", "u+q", "8", "1777", "+t", "u+r,", "z=r"};

	umask(0);
	file_make("f", 1, 10);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		cr_assert_eq(usrbio_chmod(url_of("f"), cases[i].before), 0);
		cr_assert_eq(tool("chmod", cases[i].mode, url_of("f")), 0, "%s", cases[i].mode);
		cr_assert_eq(mode_of("f"), cases[i].after, "%s: %o", cases[i].mode, mode_of("f"));
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		cr_assert_eq(tool("chmod", wrong[i], url_of("f")), 2, "%s", wrong[i]);
	cr_assert_eq(mode_of("f"), 0);
	cr_assert_eq(tool("chmod", "600", url_of("missing")), 1);
}

/* A link in the tree is left out, and so is what it leads to. */
E2E(tool_names, chmod_of_a_tree)
{
	cr_assert_eq(tool("mkdir", "-p", url_of("d/sub")), 0);
	file_make("d/sub/f", 1, 10);
	file_make("other", 1, 10);
	cr_assert_eq(usrbio_chmod(url_of("other"), 0644), 0);
	cr_assert_eq(tool("ln", "-s", "../other", url_of("d/link")), 0);
	cr_assert_eq(tool("chmod", "-R", "u=rwX,go=", url_of("d")), 0);
	cr_assert_eq(mode_of("d"), 0700);
	cr_assert_eq(mode_of("d/sub"), 0700);
	cr_assert_eq(mode_of("d/sub/f"), 0600);
	cr_assert_eq(mode_of("other"), 0644);
}

E2E(tool_names, touch)
{
	struct usrbio_stat a, b;

	cr_assert_eq(tool("touch", "-d", "@1000000.000000007", url_of("new")), 0);
	must_stat("new", &a);
	cr_assert(S_ISREG(a.mode) && !a.size);
	cr_assert_eq(a.mtime_ns, 1000000000000007);
	cr_assert_eq(a.atime_ns, 1000000000000007);
	cr_assert_eq(tool("touch", "-c", url_of("none")), 0);
	cr_assert_eq(usrbio_lstat(url_of("none"), &a), -ENOENT);
	cr_assert_eq(tool("touch", "-m", "-d", "@-1.5", url_of("new")),
		     2); /* before 1970: whole seconds only */
	cr_assert_eq(tool("touch", "-m", "-d", "@5", url_of("new")), 0);
	must_stat("new", &a);
	cr_assert(a.mtime_ns == 5000000000 && a.atime_ns == 1000000000000007);
	cr_assert_eq(tool("touch", "-r", url_of("new"), url_of("other")), 0);
	must_stat("other", &b);
	cr_assert(a.mtime_ns == b.mtime_ns && a.atime_ns == b.atime_ns);
	setenv("TZ", "UTC", 1);
	cr_assert_eq(tool("touch", "-d", "2020-01-02 03:04:05.25", url_of("other")), 0);
	must_stat("other", &b);
	cr_assert_eq(b.mtime_ns, 1577934245250000000);
	cr_assert_eq(tool("touch", url_of("other")), 0);
	must_stat("other", &b);
	cr_assert_gt(b.mtime_ns, 1577934245250000000);
	cr_assert_eq(tool("touch", "-d", "tomorrow", url_of("other")), 2);
}

/* More than is read ahead, and not a multiple of a block; several files, one after the other. */
E2E(tool_names, cat)
{
	enum { LARGE = 19 * 1024 * 1024 + 3 };
	char *out = malloc(LARGE + 4096);

	cr_assert(out);
	file_make("large", 3, LARGE);
	file_make("small", 4, 100);
	file_make("empty", 5, 0);
	cr_assert_eq(run_into(out, LARGE + 4096, "/bin/sh", "-c", "\"$0\" \"$@\" | wc -c", E2E_TOOL,
			      "cat", url_of("small"), url_of("empty"), url_of("large")),
		     0);
	cr_assert_eq(atoi(out), LARGE + 100, "%s", out);
	cr_assert_eq(run(E2E_TOOL, "cp", "-q", url_of("large"), scratch_file("large")), 0);
	cr_assert_eq(run("/bin/sh", "-c", "\"$0\" cat \"$1\" | cmp - \"$2\"", E2E_TOOL,
			 url_of("large"), scratch_file("large")),
		     0);
	cr_assert_eq(tool("cat", url_of("missing")), 1);
	cr_assert_eq(run_into(out, 4096, "/bin/sh", "-c", "\"$0\" cat \"$1\" 2>&1 >/dev/full",
			      E2E_TOOL, url_of("small")),
		     1);
	cr_assert(strstr(out, "standard output: No space left"), "%s", out);
	free(out);
}

static void make_tree(void)
{
	struct timespec times[2] = {{.tv_sec = 100}, {.tv_sec = 100}};

	cr_assert_eq(tool("mkdir", "-p", url_of("d/sub/deep")), 0);
	file_make("d/one.txt", 1, 100000);
	file_make("d/sub/two.txt", 2, 200000);
	file_make("d/sub/deep/three.bin", 3, 50);
	cr_assert_eq(tool("ln", url_of("d/one.txt"), url_of("d/sub/again.txt")), 0);
	cr_assert_eq(tool("ln", "-s", "sub", url_of("d/link")), 0);
	cr_assert_eq(usrbio_utimens(url_of("d/sub/two.txt"), times), 0);
}

static unsigned lines_of(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

E2E(tool_names, find)
{
	char out[16384];

	make_tree();
	cr_assert_eq(output_of(out, "find", url_of("d")), 0);
	cr_assert_eq(lines_of(out), 8, "%s", out);
	cr_assert(strstr(out, "d/sub/deep/three.bin\n"), "%s", out);
	cr_assert_eq(output_of(out, "find", "--name", "*.txt", "--type", "f", url_of("d")), 0);
	cr_assert_eq(lines_of(out), 3, "%s", out);
	cr_assert_not(strstr(out, "three"), "%s", out);
	cr_assert_eq(output_of(out, "find", "--newer", url_of("d/sub/two.txt"), "--type", "f",
			       url_of("d")),
		     0);
	cr_assert_eq(lines_of(out), 3, "%s", out);
	cr_assert_not(strstr(out, "two"), "%s", out);
	cr_assert_eq(output_of(out, "find", "--max-depth", "1", "--type", "l", url_of("d")), 0);
	cr_assert_eq(lines_of(out), 1, "%s", out);
	cr_assert_eq(output_of(out, "find", "--json", "--name", "two.txt", url_of("d")), 0);
	cr_assert(strstr(out, "\"size\": 200000,") && strstr(out, "\"type\": \"file\""), "%s", out);
	cr_assert_eq(output_of(out, "find", "--json", "--name", "none", url_of("d")), 0);
	cr_assert_str_eq(out, "[]\n");
	cr_assert_eq(tool("find", url_of("missing")), 1);
	cr_assert_eq(tool("find", "--type", "x", url_of("d")), 2);
}

E2E(tool_names, du)
{
	char out[16384];

	make_tree();
	cr_assert_eq(output_of(out, "du", "--json", url_of("d")), 0);
	cr_assert_eq(lines_of(out), 3, "%s", out);
	/* A file with two names counts once: where the walk finds it first. */
	cr_assert(strstr(out, "\"files\": 4, \"directories\": 3}"), "%s", out);
	cr_assert_eq(output_of(out, "du", "-s", url_of("d")), 0);
	cr_assert_eq(lines_of(out), 1, "%s", out);
	cr_assert_eq(output_of(out, "du", "-b", "--apparent-size", url_of("d/sub/two.txt")), 0);
	cr_assert_eq(atoi(out), 200000, "%s", out);
	cr_assert_eq(tool("du", url_of("missing")), 1);
}

static uint64_t member(const char *json, const char *name)
{
	char key[64];
	const char *at;

	snprintf(key, sizeof(key), "\"%s\": ", name);
	at = strstr(json, key);
	cr_assert(at, "%s: %s", name, json);
	return strtoull(at + strlen(key), NULL, 10);
}

E2E(tool_names, df)
{
	char out[4096];
	uint64_t size;

	cr_assert_eq(output_of(out, "df", "--json", url_of("")), 0);
	size = member(out, "size");
	cr_assert(size && member(out, "used") <= size && member(out, "available") <= size, "%s",
		  out);
	cr_assert(strstr(out, "\"read_only\": false"), "%s", out);
	cr_assert_eq(output_of(out, "df", "-b", url_of("")), 0);
	cr_assert_eq(lines_of(out), 2, "%s", out);
	cr_assert_eq(strtoull(strchr(out, '\n'), NULL, 10), size, "%s", out);
	cr_assert_eq(tool("df", url_of("missing")), 1);
}

E2E(tool_names, ping_json)
{
	char out[4096];

	cr_assert_eq(output_of(out, "ping", "-c", "3", "--json", e2e_mount), 0);
	cr_assert(member(out, "sent") == 3 && member(out, "answered") == 3, "%s", out);
	cr_assert(strstr(out, "\"p99_us\": ") && lines_of(out) == 1, "%s", out);
	cr_assert_eq(output_of(out, "ping", "-c", "2", "--json", "tcp://127.0.0.1:1/data"), 1);
	cr_assert(member(out, "sent") == 2 && !member(out, "answered"), "%s", out);
}

/* What bash offers for the last word of a command line. */
static void complete(const char *script, const char *line, char *out, size_t size)
{
	cr_assert_eq(run_into(out, size, "/bin/bash", "-c",
			      "source \"$0\"; IFS=' ' read -ra COMP_WORDS <<<\"$1\"; "
			      "[[ $1 == *' ' ]] && COMP_WORDS+=(''); "
			      "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _usrbio; "
			      "printf '%s\\n' \"${COMPREPLY[@]}\"",
			      script, line),
		     0);
}

/* Each option that --help names, of each command, is offered by each shell. */
static void check_options(const char *command, const char *script)
{
	char help[16384], offered[16384], line[64], option[64];

	snprintf(line, sizeof(line), "usrbio %s --", command);
	complete(script, line, offered, sizeof(offered));
	cr_assert_eq(output_of(help, command, "--help"), 0, "%s", command);
	for (char *at = help; (at = strstr(at, " --")); at++) {
		snprintf(option, sizeof(option), "%.*s\n",
			 (int)strspn(at + 1, "-abcdefghijklmnopqrstuvwxyz"), at + 1);
		cr_assert(strlen(option) < 5 || strstr(offered, option), "%s %s", command, option);
	}
}

E2E(tool_names, completion)
{
	char out[65536], help[16384], command[32];
	const char *script = scratch_file("script");

	cr_assert_eq(run("/bin/sh", "-c", "\"$0\" completion bash >\"$1\"", E2E_TOOL, script), 0);
	complete(script, "usrbio ch", out, sizeof(out));
	cr_assert_str_eq(out, "chmod\n");
	complete(script, "usrbio completion ", out, sizeof(out));
	cr_assert_str_eq(out, "bash\nzsh\nfish\n");
	complete(script, "usrbio cp --ver", out, sizeof(out));
	cr_assert_str_eq(out, "--verify\n");
	cr_assert_eq(chdir(e2e_scratch), 0);
	complete(script, "usrbio find --name scr", out, sizeof(out)); /* a value is no option */
	cr_assert_str_eq(out, "script\n");
	cr_assert_eq(output_of(help, "--help"), 0);
	for (char *at = strstr(help, "commands:\n"); (at = strstr(at, "\n  ")); at++)
		if (sscanf(at, " %31[a-z]", command) == 1)
			check_options(command, script);
	cr_assert_eq(output_of(out, "completion", "fish"), 0);
	cr_assert(strstr(out, "from ln' -l symbolic -s s\n"), "%s", out);
	cr_assert_eq(output_of(out, "completion", "zsh"), 0);
	cr_assert(strstr(out, "find) _arguments '--name=:value:_files'"), "%s", out);
	cr_assert_eq(tool("completion", "csh"), 2);
}

static void add_calls(void *arg, const struct usrbio_server_counters *row)
{
	if (strcmp(row->kind, "worker"))
		return;
	for (size_t i = 0; i < row->nr; i++)
		if (!strcmp(row->names[i], "calls"))
			*(uint64_t *)arg += row->values[i];
}

/* The calls that the server has been asked for, by whomever. */
static uint64_t calls_so_far(void)
{
	uint64_t calls = 0;

	cr_assert_eq(usrbio_server_counters(e2e_mount, add_calls, &calls), 0);
	return calls;
}

E2E(tool_names, ls_with_attributes_takes_one_call_for_a_hundred_names)
{
	enum { FILES = 3000 };
	static char out[400000];
	uint64_t before;
	char path[600];

	e2e_needs_local_files();
	e2e_needs_server_process();
	cr_assert_eq(usrbio_mkdir(url_of("many"), 0755), 0);
	for (int i = 0; i < FILES; i++) {
		int fd;

		snprintf(path, sizeof(path), "%s/many/sample-%05d.bin", e2e_dir, i);
		fd = open(path, O_WRONLY | O_CREAT, 0600 + i % 64);
		must(fd >= 0 && !close(fd), "%s", path);
	}
	before = calls_so_far();
	cr_assert_eq(output_of(out, "ls", "-l", url_of("many")), 0);
	cr_assert_lt(calls_so_far() - before, FILES / 100 + 10);
	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), " sample-%05d.bin\n", i);
		cr_assert(strstr(out, path), "%s", path);
	}
	cr_assert(strstr(out, "-rw-r-xr-x   1 "), "the mode of a file");
}
