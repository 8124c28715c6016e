/*
 * Syncs of open files, and what they may promise. A file knows the number of the write verifier
 * under which its oldest acknowledged, unsynced change was sent. A sync is clean only if the server
 * still has that verifier when the sync has ended. If not, the data may be lost, and every sync of
 * this open file fails. The file belongs to its references; any thread. The fields that only syncs
 * use are guarded by the lock of the session's open files.
 */
#include "client/files/unsynced.h"

#include <errno.h>

#include "client/session/session.h"
#include "common/base/log.h"

/* One sync under way. */
struct sync {
	uint32_t number; /* of this sync of the file */
	uint32_t since;	 /* the number of the verifier that was known when it began */
	uint32_t under;	 /* the oldest number of the changes that it covers; 0: there are none */
};

/* Return the number that began earlier; 0 is none. */
static uint32_t older(uint32_t a, uint32_t b)
{
	return a && (!b || a < b) ? a : b;
}

uint32_t unsynced_number(struct mount *mount)
{
	return session_writes_under(mount_to_session(mount));
}

void file_wrote(struct file *file, uint32_t under)
{
	uint32_t old = atomic_load_explicit(&file->unsynced, memory_order_relaxed);

	while (older(under, old) != old &&
	       !atomic_compare_exchange_weak(&file->unsynced, &old, under))
		;
}

/*
 * Begin a sync: it covers what was acknowledged before. A change that is acknowledged while it runs
 * is noted in file->unsynced again. False: the data of the file is lost.
 */
static bool begin(struct session *session, struct file *file, struct sync *sync)
{
	bool lost;

	sync->since = session_verifier_learn(session, 0, 0);
	lock_acquire(&session->files.lock);
	file->syncing = older(file->syncing, atomic_exchange(&file->unsynced, 0));
	sync->under = file->syncing;
	sync->number = ++file->nr_syncs;
	lost = file->lost;
	lock_release(&session->files.lock);
	return !lost;
}

static void report(const struct session *session, const struct file *file)
{
	log_warn("%s: acknowledged writes to \"%s\" may be lost: the server's machine was started "
		 "again, or a disk lost data; every fsync of this open file fails",
		 session->spec->mount_point, file->path);
}

/*
 * End a sync with the status and the verifier of the server; 0: it did not answer. Only the latest
 * sync covers all that is noted in file->syncing. Returns 0 or -errno for the caller.
 */
static int end(struct session *session, struct file *file, const struct sync *sync, int err,
	       uint64_t verifier)
{
	uint32_t number = session_verifier_learn(session, sync->since, verifier);
	bool was_lost, lost;

	lock_acquire(&session->files.lock);
	was_lost = file->lost;
	if (sync->under && sync->under != number)
		file->lost = true;
	lost = file->lost;
	if (!err && !lost && sync->number == file->nr_syncs)
		file->syncing = 0;
	lock_release(&session->files.lock);
	if (lost && !was_lost)
		report(session, file);
	return lost ? -EIO : err;
}

int file_sync(struct file *file)
{
	const struct call call = {.op = CALL_FSYNC};
	struct session *session = mount_to_session(file->mount);
	uint64_t verifier = 0;
	struct sync sync;
	int err;

	if (!begin(session, file, &sync))
		return -EIO;
	err = mount_sync(file->mount, &file->remote, &call, &verifier);
	return end(session, file, &sync, err, verifier);
}

int file_change(struct file *file, const struct call *call)
{
	uint32_t under = unsynced_number(file->mount);
	int err = file_call(file, call, NULL);

	if (!err && under)
		file_wrote(file, under);
	return err;
}
