/* The sandbox of a case: made, and looked at afterwards. One thread. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/must.h"
#include "tests/evil/outside/outside.h"

static char said[512];

static void make_dir(const char *path)
{
	must(!mkdir(path, 0755), "%s: %s", path, strerror(errno));
}

static void make_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	must(f && fputs(text, f) >= 0 && !fclose(f), "%s", path);
}

/* For nftw, which takes no argument. */
static FILE *into;
static const char *top, *wrong;

static void describe_content(const char *path)
{
	uint64_t sum = 1469598103934665603u;
	FILE *f = fopen(path, "re");
	int c;

	while (f && (c = getc(f)) != EOF)
		sum = (sum ^ (unsigned)c) * 1099511628211u;
	if (f)
		fclose(f);
	fprintf(into, " %llx", (unsigned long long)sum);
}

static int describe(const char *path, const struct stat *st, int type, struct FTW *where)
{
	size_t len = strlen(top);

	if (!strcmp(path + len, "/home/target"))
		return FTW_SKIP_SUBTREE;
	/* What lies in a directory says whether it was changed; its size and time do not. */
	fprintf(into, "%s %o", path + len, st->st_mode);
	if (!S_ISDIR(st->st_mode))
		fprintf(into, " %lld %lld.%ld", (long long)st->st_size,
			(long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
	if (S_ISREG(st->st_mode))
		describe_content(path);
	putc('\n', into);
	return FTW_CONTINUE;
}

static int by_line(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The order of a directory is the file system's. */
static char *sorted(char *text)
{
	char *lines[4096], *out = calloc(1, strlen(text) + 2);
	size_t n = 0;

	must(out, "memory");
	for (char *line = strtok(text, "\n"); line && n < 4096; line = strtok(NULL, "\n"))
		lines[n++] = line;
	qsort(lines, n, sizeof(*lines), by_line);
	for (size_t i = 0; i < n; i++)
		strcat(strcat(out, lines[i]), "\n");
	free(text);
	return out;
}

static char *describe_outside(const struct sandbox *box)
{
	char path[300], *text = NULL;
	size_t size;

	snprintf(path, sizeof(path), "%s/outside", box->root);
	top = path;
	into = open_memstream(&text, &size);
	must(into && !nftw(path, describe, 16, FTW_PHYS | FTW_ACTIONRETVAL) && !fclose(into), "%s",
	     path);
	return sorted(text);
}

void sandbox_make(struct sandbox *box, const char *parent, const char *name)
{
	snprintf(box->root, sizeof(box->root), "%s/%s", parent, name);
	make_dir(box->root);
	must(!chdir(box->root), "%s", box->root);
	make_dir("outside");
	make_dir("outside/dir");
	make_dir("outside/home");
	make_dir("outside/home/tree");
	make_dir("outside/home/tree/sub");
	make_dir("outside/home/target");
	make_file("outside/secret", "a secret\n");
	make_file("outside/dir/file", "a file\n");
	make_file("outside/home/file", "beside the target\n");
	make_file("outside/home/tree/a", "first\n");
	make_file("outside/home/tree/sub/b", "second\n");
	must(!chdir("outside/home"), "home");
	box->before = describe_outside(box);
}

/* Without an option that asks for it, nothing of the server's has special bits, or more than the
 * umask allows. */
static int judge(const char *path, const struct stat *st, int type, struct FTW *where)
{
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
		wrong = "something that is neither a file nor a directory";
	else if (st->st_mode & 07000)
		wrong = "special bits in a mode";
	else if (st->st_mode & 0022)
		wrong = "a mode beyond the umask";
	if (wrong)
		snprintf(said, sizeof(said), "%s: %s", wrong, path);
	return wrong != NULL;
}

/* The first line that differs. */
static const char *difference(const char *a, const char *b)
{
	size_t start = 0;

	for (size_t i = 0; a[i] && a[i] == b[i]; i++)
		if (a[i] == '\n')
			start = i + 1;
	snprintf(said, sizeof(said), "outside of the target: %.*s", (int)strcspn(b + start, "\n"),
		 b + start);
	return said;
}

const char *sandbox_check(const struct sandbox *box)
{
	char path[300], *after = describe_outside(box);
	const char *result = NULL;

	if (strcmp(box->before, after))
		result = difference(box->before, after);
	free(after);
	if (result)
		return result;
	wrong = NULL;
	snprintf(path, sizeof(path), "%s/outside/home/target", box->root);
	if (!access(path, F_OK) && nftw(path, judge, 16, FTW_PHYS) && wrong)
		return said;
	return NULL;
}

/* Bytes of UTF-8 that stand for U+0080 to U+009F steer, as such bytes alone do. */
static bool steers(int byte, int before, bool terminal)
{
	if (byte == '\n' || (terminal && byte == '\r'))
		return false;
	if (byte < ' ' || byte == 0x7f)
		return true;
	return byte >= 0x80 && byte < 0xa0 && (before < 0x80 || before == 0xc2);
}

const char *steering(const char *path, bool terminal)
{
	FILE *f = fopen(path, "re");
	int byte, before = 0;
	long at = 0;

	while (f && (byte = getc(f)) != EOF) {
		if (steers(byte, before, terminal)) {
			snprintf(said, sizeof(said), "byte %ld of %s is %#x", at, path, byte);
			fclose(f);
			return said;
		}
		before = byte;
		at++;
	}
	if (f)
		fclose(f);
	return NULL;
}
