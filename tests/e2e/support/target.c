/* What a test works on. Set by its main thread before others start. */
#include "tests/e2e/support/target.h"

#include <string.h>

#include "tests/support/must.h"

char e2e_mount[256], e2e_read_only[256], e2e_scratch[400], e2e_prefix[160];
const char *e2e_dir, *e2e_read_only_dir;
bool e2e_quick, e2e_on_loop;

enum { ROOM = 1024 };

static char *next_text(void)
{
	static _Thread_local char texts[8][ROOM];
	static _Thread_local unsigned next;

	return texts[next++ % 8];
}

static const char *join(const char *dir, const char *prefix, const char *name)
{
	char *to = next_text();

	snprintf(to, ROOM, "%s/%s%s", dir, prefix, name);
	return to;
}

const char *url_of(const char *name)
{
	return join(e2e_mount, e2e_prefix, name);
}

const char *path_of(const char *name)
{
	must(e2e_dir, "the files are on another machine");
	return join(e2e_dir, "", name);
}

const char *scratch_file(const char *name)
{
	return join(e2e_scratch, "", name);
}

const char *mount_with(const char *options)
{
	char *to = next_text();

	/* A loop mount ends in a '?', for paths to follow. */
	snprintf(to, ROOM, "%s%s%s", e2e_mount, strchr(e2e_mount, '?') ? "" : "?", options);
	return to;
}
