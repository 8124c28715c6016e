/*
 * Acknowledged writes that are not synced when the server's write verifier changes: which syncs
 * fail, and which do not; against a played server.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "client/usrbio.h"
#include "rig.h"

static struct rig rig;

static void start_with(uint32_t export_flags)
{
	memset(&rig, 0, sizeof(rig));
	rig.server.export_flags = export_flags;
	rig_start(&rig, 64, 0, 0);
}

/* Write by another descriptor than that of the rig. */
static void put(int fd)
{
	int own = rig.fd;

	rig.fd = fd;
	cr_assert_eq(rig_io(&rig, &rig.writes, 0, 16), 16);
	rig.fd = own;
}

/* A restart of the server, after which its verifier is another one or not. */
static void restart(uint64_t verifier)
{
	unsigned before = atomic_load(&rig.server.nr_ended);

	atomic_store(&rig.server.verifier, verifier);
	atomic_store(&rig.server.forget, true);
	atomic_store(&rig.server.cut, true);
	rig_until(atomic_load(&rig.server.nr_ended) > before);
}

Test(unsynced, a_changed_verifier_fails_syncs_until_the_file_is_opened_again)
{
	int clean, fd;

	start_with(0);
	clean = rig_open(&rig);
	put(rig.fd);
	restart(2);
	cr_assert_eq(usrbio_fsync(rig.fd), -EIO);
	cr_assert_eq(usrbio_fsync(rig.fd), -EIO, "not only once");
	cr_assert_eq(rig_io(&rig, &rig.writes, 0, 16), 16, "I/O goes on");
	cr_assert_eq(usrbio_fsync(rig.fd), -EIO);
	cr_assert_eq(usrbio_fsync(clean), 0, "this one has written nothing");
	fd = rig_open(&rig);
	put(fd);
	cr_assert_eq(usrbio_fsync(fd), 0);
	rig_close(fd);
	rig_close(clean);
	rig_stop(&rig);
}

Test(unsynced, a_restart_with_the_same_verifier_is_a_delay)
{
	start_with(0);
	put(rig.fd);
	restart(1);
	cr_assert_eq(usrbio_fsync(rig.fd), 0);
	rig_stop(&rig);
}

Test(unsynced, what_was_synced_is_not_lost)
{
	start_with(0);
	put(rig.fd);
	cr_assert_eq(usrbio_fsync(rig.fd), 0);
	restart(2);
	cr_assert_eq(usrbio_fsync(rig.fd), 0);
	put(rig.fd);
	cr_assert_eq(usrbio_fsync(rig.fd), 0, "written and synced after the change");
	rig_stop(&rig);
}

Test(unsynced, a_sync_export_has_nothing_to_lose)
{
	start_with(EXPORT_SYNC);
	put(rig.fd);
	restart(2);
	cr_assert_eq(usrbio_fsync(rig.fd), 0);
	rig_stop(&rig);
}

Test(unsynced, a_loss_while_connected)
{
	int other, later;

	start_with(0);
	other = rig_open(&rig);
	later = rig_open(&rig);
	put(rig.fd);
	atomic_store(&rig.server.verifier, 2);
	cr_assert_eq(usrbio_fsync(other), 0, "the client learns of the loss");
	put(later);
	cr_assert_eq(usrbio_fsync(later), 0, "sent after the client has learnt of it");
	cr_assert_eq(usrbio_fsync(rig.fd), -EIO);
	cr_assert_eq(usrbio_fsync(rig.fd), -EIO);
	put(other);
	atomic_store(&rig.server.verifier, 3);
	cr_assert_eq(usrbio_fsync(other), -EIO, "the sync itself says so");
	rig_close(other);
	rig_close(later);
	rig_stop(&rig);
}

static void fail_once(struct playserver *server, const struct call *call, struct reply *reply)
{
	if (call->op != CALL_FSYNC)
		return;
	reply->status = -ENOSPC;
	reply->verifier = 2;
	atomic_store(&server->verifier, 2);
	server->tell = NULL;
}

Test(unsynced, a_failed_sync_stays_failed)
{
	int fd;

	start_with(0);
	put(rig.fd);
	rig.server.tell = fail_once;
	cr_assert_eq(usrbio_fsync(rig.fd), -EIO);
	cr_assert_eq(usrbio_fsync(rig.fd), -EIO);
	fd = rig_open(&rig);
	put(fd);
	cr_assert_eq(usrbio_fsync(fd), 0, "the failed sync has told the client the verifier");
	rig_close(fd);
	rig_stop(&rig);
}

static void fail_always(struct playserver *server, const struct call *call, struct reply *reply)
{
	if (call->op == CALL_FSYNC)
		reply->status = -EINTR;
}

Test(unsynced, a_sync_that_fails_without_a_loss_leaves_the_writes_unsynced)
{
	start_with(0);
	put(rig.fd);
	rig.server.tell = fail_always;
	cr_assert_eq(usrbio_fsync(rig.fd), -EINTR);
	rig.server.tell = NULL;
	restart(2);
	cr_assert_eq(usrbio_fsync(rig.fd), -EIO);
	rig_stop(&rig);
}

Test(unsynced, a_write_counts_from_when_it_was_sent)
{
	struct hf3fs_cqe cqe;
	int other;

	start_with(0);
	other = rig_open(&rig);
	atomic_store(&rig.server.hold, true);
	cr_assert_geq(rig_prep(&rig, &rig.writes, 0, 16), 0);
	cr_assert_eq(hf3fs_submit_ios(&rig.writes), 0);
	rig_until(atomic_load(&rig.server.nr_batches) == 1);
	atomic_store(&rig.server.verifier, 2);
	cr_assert_eq(usrbio_fsync(other), 0);
	atomic_store(&rig.server.hold, false);
	cr_assert_eq(hf3fs_wait_for_ios(&rig.writes, &cqe, 1, 1, NULL), 1);
	cr_assert_eq(cqe.result, 16);
	cr_assert_eq(usrbio_fsync(rig.fd), -EIO);
	rig_close(other);
	rig_stop(&rig);
}

static void *sync_it(void *arg)
{
	*(int *)arg = usrbio_fsync(rig.fd);
	return NULL;
}

Test(unsynced, a_sync_does_not_cover_what_is_written_meanwhile)
{
	unsigned before;
	pthread_t thread;
	int err = 1;

	start_with(0);
	put(rig.fd);
	before = atomic_load(&rig.server.nr_calls);
	atomic_store(&rig.server.mute, true);
	cr_assert_eq(pthread_create(&thread, NULL, sync_it, &err), 0);
	rig_until(atomic_load(&rig.server.nr_calls) == before + 1);
	put(rig.fd);
	atomic_store(&rig.server.mute, false);
	restart(1);
	pthread_join(thread, NULL);
	cr_assert_eq(err, 0);
	restart(2);
	cr_assert_eq(usrbio_fsync(rig.fd), -EIO);
	rig_stop(&rig);
}

static void change_by(int how)
{
	const size_t start = 0, end = 16;
	char path[200];

	snprintf(path, sizeof(path), "%s/f", rig.server.mount);
	switch (how) {
	case 0:
		cr_assert_eq(usrbio_ftruncate(rig.fd, 5), 0);
		break;
	case 1:
		cr_assert_eq(hf3fs_punchhole(rig.fd, 1, &start, &end, 0), 0);
		break;
	case 2:
		cr_assert_eq(usrbio_fchmod(rig.fd, 0600), 0);
		break;
	case 3:
		cr_assert_eq(usrbio_fallocate(rig.fd, 0, 0, 9), 0);
		break;
	default:
		rig_close(rig.fd);
		rig.fd = usrbio_open(path, O_RDWR | O_TRUNC, 0);
		cr_assert_geq(rig.fd, 0);
		cr_assert_leq(hf3fs_reg_fd(rig.fd, 0), 0);
	}
}

Test(unsynced, calls_that_change_a_file_count)
{
	for (int how = 0; how < 5; how++) {
		start_with(0);
		change_by(how);
		restart(2);
		cr_assert_eq(usrbio_fsync(rig.fd), -EIO, "%d", how);
		rig_stop(&rig);
	}
}

static void no_verifier(struct playserver *server, const struct call *call, struct reply *reply)
{
	reply->verifier = 0;
}

Test(unsynced, a_sync_without_a_verifier_is_a_violation)
{
	start_with(0);
	rig.server.tell = no_verifier;
	cr_assert_eq(usrbio_fsync(rig.fd), -EPROTO);
	rig.server.tell = NULL;
	cr_assert_eq(usrbio_fsync(rig.fd), 0);
	rig_stop(&rig);
}
