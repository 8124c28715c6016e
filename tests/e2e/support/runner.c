/*
 * What happens in Criterion's own process, around the processes of the tests: the scratch root is
 * made and removed, and what the server of a failed test said is shown.
 */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char root[256];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path) && 0;
}

static void remove_tree(const char *path)
{
	nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS);
}

static void end_of(const struct criterion_test *test, bool failed)
{
	char path[512], line[1024];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.%s/server.log", root, test->category, test->name);
	f = failed ? fopen(path, "re") : NULL;
	while (f && fgets(line, sizeof(line), f))
		fprintf(stderr, "server of %s::%s| %s", test->category, test->name, line);
	if (f)
		fclose(f);
	snprintf(path, sizeof(path), "%s/%s.%s", root, test->category, test->name);
	remove_tree(path);
}

ReportHook(PRE_ALL)(struct criterion_test_set *set)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(root, sizeof(root), "%.200s/usrbio-e2e.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(root) || setenv("USRBIO_E2E_ROOT", root, 1)) {
		perror(root);
		exit(1);
	}
}

ReportHook(POST_TEST)(struct criterion_test_stats *stats)
{
	end_of(stats->test, stats->test_status == CR_STATUS_FAILED);
}

ReportHook(TEST_CRASH)(struct criterion_test_stats *stats)
{
	end_of(stats->test, true);
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
	remove_tree(root);
}
