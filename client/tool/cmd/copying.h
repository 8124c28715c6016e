/*
 * What cp and sync share: a copy of sources to a target, from the options to the summary. The
 * command owns it; the main thread.
 */
#ifndef USRBIO_TOOL_COPYING_H
#define USRBIO_TOOL_COPYING_H

#include "client/tool/base/exclude.h"
#include "client/tool/copy/copy.h"
#include "client/tool/tree/target.h"

#define STANDARD "-" /* standard input as a source, standard output as a target */

/* Options that cp and sync have in common and that have no letter. */
enum {
	COPYING_VERIFY = 256,
	COPYING_NO_SYNC,
	COPYING_BLOCK,
	COPYING_DEPTH,
	COPYING_RINGS,
	COPYING_EXCLUDE,
	COPYING_JSON,
};

#define COPYING_OPTIONS                                                                       \
	{"exclude", required_argument, NULL, COPYING_EXCLUDE},                                \
		{"verify", no_argument, NULL, COPYING_VERIFY},                                \
		{"no-sync", no_argument, NULL, COPYING_NO_SYNC},                              \
		{"block", required_argument, NULL, COPYING_BLOCK},                            \
		{"depth", required_argument, NULL, COPYING_DEPTH},                            \
		{"rings", required_argument, NULL, COPYING_RINGS},                            \
		{"quiet", no_argument, NULL, 'q'}, {"json", no_argument, NULL, COPYING_JSON}, \
		{"help", no_argument, NULL, 'h'},                                             \
	{                                                                                     \
		0                                                                             \
	}

#define COPYING_HELP                                                                     \
	"  --exclude PATTERN  leave out names that match; repeat it for more patterns\n" \
	"  --verify           read source and target again and compare\n"                \
	"  --no-sync          do not wait until the copies are on disk\n"                \
	"  --block BYTES      bytes per I/O, default 1M\n"                               \
	"  --depth N          I/Os under way per ring, default 16\n"                     \
	"  --rings N          rings, each with a thread of its own, default 4\n"         \
	"  -q, --quiet        no progress, no summary\n"                                 \
	"  --json             the summary as JSON\n"

struct copying {
	struct copy_config config;
	bool recursive;
	bool contents; /* the source itself is no object in the target: its contents are */
	bool quiet, json;
	struct exclude exclude;
};

/* Return the default options. */
struct copying copying_defaults(void);
/* Set an option that cp and sync have in common. False: it is another one. */
bool copying_set(struct copying *copying, int option);
/* Copy n sources to the target behind them in the array, and report. Returns the exit status. */
int copying_run(struct copying *copying, char **paths, int n);

/* sources.c: find out what a source is, and add it to the copy; report why it cannot be copied. */
void sources_add(struct copy *copy, const struct copying *copying, const struct target *target,
		 const char *path);

/* summary.c: print the totals. */
void summary_print(const struct copying *copying, const struct copy_totals *totals, int status,
		   uint64_t ns);

#endif
