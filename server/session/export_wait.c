/*
 * The thread that waits for exports of other servers; see export.h. The list of exports owns
 * it. The thread tries to get each of them again and again. It is a thread of its own because a
 * hung file system may block that.
 */
#include "server/session/export.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "server/base/identity.h"
#include "server/store/store.h"

#define PAUSE_NS 100000000l /* between two attempts */

/*
 * A server that was killed had rings, and the kernel frees them, and unlocks the exports, some
 * milliseconds after the end of the process. A start waits so long for all exports together.
 */
#define RINGS_NS       (500 * NS_PER_MS)
#define RINGS_PAUSE_NS 5000000l

static bool same_directory(const char *a, const char *b)
{
	struct stat sa, sb;

	return a && b && !stat(a, &sa) && !stat(b, &sb) && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

/* True if another server still has the directory when the rings of a killed one must be gone. */
static bool stays_elsewhere(struct exports *exports, struct store *store)
{
	const struct timespec pause = {.tv_nsec = RINGS_PAUSE_NS};
	bool elsewhere = store->elsewhere;

	if (elsewhere && !exports->rings_ns)
		exports->rings_ns = now_ns() + RINGS_NS;
	while (elsewhere && now_ns() < exports->rings_ns) {
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		elsewhere = store->ops->claim(store) != 0;
	}
	return elsewhere;
}

int export_wait_decide(struct exports *exports, const struct export_config *config,
		       struct export *export)
{
	const char *dir = store_directory(config->where);

	atomic_store(&export->elsewhere, stays_elsewhere(exports, export->store));
	if (!atomic_load(&export->elsewhere))
		return 0;
	for (unsigned i = 1; i <= exports->nr; i++) {
		const struct export_config *other = config - i;

		if (!same_directory(store_directory(other->where), dir))
			continue;
		log_error("--export: \"%s\" and \"%s\" have one directory, %s; remove one",
			  other->name, config->name, dir);
		return -EBUSY;
	}
	log_warn("export \"%s\": another server has %s; clients wait until that server has ended",
		 config->name, dir);
	return 0;
}

/* Try to get each export that another server had. True: all are here. */
static bool claim_all(struct exports *exports)
{
	bool all = true;

	for (unsigned i = 0; i < exports->nr; i++) {
		struct export *export = &exports->list[i];

		if (!atomic_load(&export->elsewhere))
			continue;
		if (export->store->ops->claim(export->store)) {
			all = false;
			continue;
		}
		log_warn("export \"%s\": the other server has ended; it is served now",
			 export->name);
		atomic_store(&export->elsewhere, false);
	}
	return all;
}

static void *run(void *arg)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	struct exports *exports = arg;

	pthread_setname_np(pthread_self(), "usrbio-exports");
	identity_forgo_set_id();
	while (!atomic_load(&exports->stopping) && !claim_all(exports))
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	return NULL;
}

int export_wait_start(struct exports *exports)
{
	int err = 0;

	for (unsigned i = 0; i < exports->nr; i++)
		exports->waiting |= atomic_load(&exports->list[i].elsewhere);
	if (exports->waiting)
		err = -pthread_create(&exports->waiter, NULL, run, exports);
	if (!err)
		return 0;
	exports->waiting = false;
	log_error("cannot start a thread to wait for an export: %s", strerror(-err));
	return err;
}

int export_wait_stop(struct exports *exports, uint64_t until_ns)
{
	const struct timespec until = {.tv_sec = (time_t)(until_ns / NS_PER_S),
				       .tv_nsec = (long)(until_ns % NS_PER_S)};

	atomic_store(&exports->stopping, true);
	if (!exports->waiting)
		return 0;
	if (!pthread_clockjoin_np(exports->waiter, NULL, CLOCK_MONOTONIC, &until)) {
		exports->waiting = false;
		return 0;
	}
	log_error("an export of another server: its file system hangs; the server stops without "
		  "waiting for it any longer");
	return -ETIMEDOUT;
}
