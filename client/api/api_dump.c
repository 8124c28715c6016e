/*
 * The state dump of this process. The mounts are kept while they are looked at; the text is
 * gathered under locks and written without any. Any thread.
 */
#include <errno.h>
#include <unistd.h>

#include "client/base/cancel.h"
#include "client/base/dump.h"
#include "client/calls/request_dump.h"
#include "client/conn/conn.h"
#include "client/conn/conn_dump.h"
#include "client/memory/region_dump.h"
#include "client/mount/mount.h"
#include "client/ring/ring_dump.h"
#include "client/session/session.h"
#include "client/session/session_dump.h"
#include "client/usrbio.h"

static void dump_conn(const struct session *session, struct conn *conn, struct dump *dump)
{
	uint64_t now;

	if (!conn_dump_lock(conn)) {
		dump_line(dump, "connection %u: busy: its lock was not free for %d ms", conn->index,
			  DUMP_LOCK_MS);
		return;
	}
	now = now_ns();
	conn_dump_to(conn, dump, now);
	ring_dump_to(conn, dump, now);
	request_dump_to(conn, dump, now);
	region_dump_announced(session, conn, dump);
	conn_unlock(conn);
}

static void dump_mount(struct mount *mount, bool first, void *arg)
{
	struct session *session = mount_to_session(mount);
	struct dump *dump = arg;

	if (!first) {
		dump_line(dump, "mount %s: another name of %s", mount_spec(mount)->mount_point,
			  session->spec->mount_point);
		return;
	}
	dump_line(dump, "mount %s: %u connections, timeout %u ms", mount_spec(mount)->mount_point,
		  session->nr_conns, session->spec->timeout_ms);
	session_dump_to(session, dump, now_ns());
	region_dump_to(session, dump);
	for (unsigned i = 0; i < session->nr_conns; i++)
		dump_conn(session, session->conns[i], dump);
}

static int dump_all(int fd)
{
	struct dump dump = {0};

	dump_line(&dump, "usrbio %s, process %d, %s", USRBIO_VERSION, getpid(),
		  program_invocation_short_name);
	if (!mount_each(dump_mount, &dump))
		dump_line(&dump, "mounts: busy: their lock was not free for %d ms", DUMP_LOCK_MS);
	dump_line(&dump, "end");
	return dump_write(&dump, fd, -1);
}

int usrbio_dump(int fd)
{
	NOT_CANCELLED;

	return dump_all(fd);
}
