/* The state of one `usrbio cp`; see run.h. The command owns it; any thread, under its lock. */
#include "client/tool/run/run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "client/tool/base/tool.h"

/* Descriptors that are left for lanes, connections, and the threads of the library. */
#define OTHER_DESCRIPTORS 40
#define DIRS_MIN	  4
#define DIRS_MAX	  256
#define FILES_MAX	  4096

static uint64_t clamp(uint64_t n, uint64_t min, uint64_t max)
{
	return n < min ? min : n > max ? max : n;
}

/* Divide the descriptors between directories and files; each file has two. */
static void share_descriptors(struct run *run)
{
	struct rlimit limit = {.rlim_cur = 1024};
	uint64_t rest, nr_dirs;

	getrlimit(RLIMIT_NOFILE, &limit);
	rest = limit.rlim_cur > OTHER_DESCRIPTORS ? limit.rlim_cur - OTHER_DESCRIPTORS : 0;
	nr_dirs = clamp(rest / 4, DIRS_MIN, DIRS_MAX);
	rest = rest > nr_dirs ? rest - nr_dirs : 0;
	run->max_files = (unsigned)clamp(rest / 2, 1, FILES_MAX);
	dirs_init(&run->dirs, (unsigned)nr_dirs);
}

void run_init(struct run *run, const struct copy_config *config)
{
	*run = (struct run){.config = *config, .umask = umask(0)};
	umask(run->umask);
	ledger_init(&run->ledger);
	share_descriptors(run);
	pthread_mutex_init(&run->lock, NULL);
}

void run_destroy(struct run *run)
{
	for (unsigned i = 0; i < MISSING_SHOWN; i++)
		free(run->missing[i]);
	pthread_mutex_destroy(&run->lock);
	dirs_destroy(&run->dirs);
	ledger_destroy(&run->ledger);
}

void run_count_failure(struct run *run)
{
	atomic_fetch_add(&run->totals.failed, 1);
}

void run_add_missing(struct run *run, char *path)
{
	pthread_mutex_lock(&run->lock);
	if (run->nr_missing < MISSING_SHOWN)
		run->missing[run->nr_missing] = path;
	else
		free(path);
	run->nr_missing++;
	pthread_mutex_unlock(&run->lock);
}

void run_add_unread(struct run *run)
{
	pthread_mutex_lock(&run->lock);
	run->unread = true;
	pthread_mutex_unlock(&run->lock);
}

void run_tell_missing(struct run *run)
{
	for (unsigned i = 0; i < MISSING_SHOWN && run->missing[i]; i++)
		fail_text("%s: not copied, because the copy was stopped", run->missing[i]);
	if (run->nr_missing > MISSING_SHOWN)
		fail_text("and %" PRIu64 " more were not copied", run->nr_missing - MISSING_SHOWN);
	if (run->unread)
		fail_text("the contents of directories that were not read yet are missing, too");
}
