/* What a test works on: mount points, and where the files behind them are. Set before any use. */
#ifndef USRBIO_TESTS_E2E_TARGET_H
#define USRBIO_TESTS_E2E_TARGET_H

#include <stdbool.h>

extern char e2e_mount[256];	/* the mount point of the writable export */
extern char e2e_read_only[256]; /* and of the read-only one */
extern char e2e_scratch[400];	/* a directory of this test */
extern char e2e_prefix[160];	/* of file names, in an export that tests share */
extern const char *e2e_dir;	/* what e2e_mount exports; NULL: it is on another machine */
extern const char *e2e_read_only_dir;
extern bool e2e_quick;
extern bool e2e_on_loop; /* there is no server process: the library serves e2e_dir itself */

/* Either of two numbers. */
#define full_or_quick(full, quick) (e2e_quick ? (quick) : (full))

/* Of a file of the export: its URL, and its path here. Good until eight calls later. */
const char *url_of(const char *name);
const char *path_of(const char *name);
const char *scratch_file(const char *name);

/* The mount point of the writable export with options, "timeout=5". Good as long. */
const char *mount_with(const char *options);
/* Options of one that gives up before long, and not before a busy machine has connected. */
#define E2E_IMPATIENT "timeout=6"

#endif
