/*
 * Keeps the list of open files of a session, and opens them again in a new session. The session
 * owns the list; any thread, under its lock. The reconnector's thread moves a group of files from
 * the front of the list to its end and takes a reference to each, so that other threads may end
 * files meanwhile. It gives these references back to file.c, which uses this module for the list:
 * the list is a part of a file's state.
 */
#include "client/files/reopen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "client/calls/request.h"
#include "client/conn/conn.h"
#include "client/files/fileobj.h"
#include "client/session/session.h"
#include "common/base/log.h"

#define BUNCH_MAX 32u
#define REOPEN_NS (10 * NS_PER_S) /* time limit for the answers to one group of files */

struct reopening {
	struct request request;
	struct call call;
	struct persistent_name persistent; /* the one that the new session gave */
	struct file *file;
	char *path; /* a copy of the file's; NULL: out of memory */
};

struct bunch {
	struct waiter waiter;
	unsigned n;
	struct reopening items[BUNCH_MAX];
};

static int reopen_all(struct session *session, struct conn *conn);

bool reopen_add(struct session *session, struct file *file)
{
	struct session_files *files = &session->files;
	bool is_current;

	lock_acquire(&files->lock);
	files->recover = reopen_all;
	is_current = file->remote.session == files->session;
	if (is_current) {
		list_add_tail(&files->list, &file->link);
		files->nr++;
	}
	lock_release(&files->lock);
	return is_current;
}

void reopen_remove(struct session *session, struct file *file)
{
	struct session_files *files = &session->files;

	lock_acquire(&files->lock);
	list_del(&file->link);
	files->nr--;
	lock_release(&files->lock);
}

void reopen_path(struct session *session, const struct file *file, char *path, size_t size)
{
	lock_acquire(&session->files.lock);
	snprintf(path, size, "%s", file->path ? file->path : "");
	lock_release(&session->files.lock);
}

/* Return the new path of a file that has moved, allocated; NULL: out of memory, or it has not. */
static char *moved_path(const char *path, const char *from, const char *to)
{
	size_t len = strlen(from);
	char *moved;

	if (strncmp(path, from, len) || (path[len] && path[len] != '/') ||
	    strlen(to) + strlen(path + len) > PROTO_PATH_MAX)
		return NULL;
	return asprintf(&moved, "%s%s", to, path + len) < 0 ? NULL : moved;
}

void reopen_renamed(struct session *session, const char *from, const char *to, bool exchanged)
{
	struct session_files *files = &session->files;

	lock_acquire(&files->lock);
	list_for_each (it, &files->list) {
		struct file *file = container_of(it, struct file, link);
		char *moved = moved_path(file->path, from, to);

		if (!moved && exchanged)
			moved = moved_path(file->path, to, from);
		if (!moved)
			continue;
		free(file->path);
		file->path = moved;
	}
	lock_release(&files->lock);
}

/*
 * Look at the first max files of the list, and take a reference to those that have to be opened.
 * Returns how many were looked at.
 */
static unsigned take(struct session_files *files, struct bunch *bunch, unsigned max)
{
	unsigned looked = 0;

	bunch->n = 0;
	lock_acquire(&files->lock);
	for (; looked < max && bunch->n < BUNCH_MAX && !list_empty(&files->list); looked++) {
		struct file *file = container_of(files->list.next, struct file, link);

		list_del(&file->link);
		list_add_tail(&files->list, &file->link);
		if (file->remote.session != files->session && !file->dead &&
		    fileobj_try(fileobj_of(file))) {
			bunch->items[bunch->n].path = strdup(file->path);
			bunch->items[bunch->n++].file = file;
		}
	}
	lock_release(&files->lock);
	return looked;
}

static bool is_done(const struct waiter *waiter)
{
	const struct bunch *bunch = (const struct bunch *)(const void *)waiter;

	for (unsigned i = 0; i < bunch->n; i++)
		if (!bunch->items[i].request.done)
			return false;
	return true;
}

static void ask(struct conn *conn, struct reopening *r)
{
	const struct file *file = r->file;
	const char *path = r->path ? r->path : "";

	r->call = (struct call){
		.op = CALL_REOPEN,
		.path = {(const uint8_t *)path, strlen(path)},
		.flags = file->flags,
		.persistent = {file->persistent.data, file->persistent.len},
	};
	r->request = (struct request){
		.kind = REQUEST_CALL,
		.call = &r->call,
		.persistent = &r->persistent,
		.recovers = true,
	};
	request_start(conn, &r->request);
}

/* Ask the server to open the files. 0: it has answered for each; or -errno. */
static int ask_all(struct conn *conn, struct bunch *bunch)
{
	int err;

	bunch->waiter.ready = is_done;
	conn_lock(conn);
	for (unsigned i = 0; i < bunch->n; i++)
		ask(conn, &bunch->items[i]);
	conn_wait(conn, &bunch->waiter, now_ns() + REOPEN_NS);
	if (!is_done(&bunch->waiter)) {
		conn_shut(conn, -ETIMEDOUT);
		conn_wait(conn, &bunch->waiter, NEVER);
	}
	err = conn->state == CONN_WELCOMED ? 0 : conn->error;
	conn_unlock(conn);
	return err;
}

/* Store the answers. Returns how many files could not be opened. */
static unsigned keep_answers(struct session_files *files, const struct bunch *bunch)
{
	unsigned nr_dead = 0;

	lock_acquire(&files->lock);
	for (unsigned i = 0; i < bunch->n; i++) {
		const struct request *request = &bunch->items[i].request;
		struct file *file = bunch->items[i].file;

		file->dead = request->status;
		nr_dead += file->dead;
		if (file->dead) {
			log_info("cannot open \"%s\" again: %s", file->path,
				 strerror(-request->status));
			continue;
		}
		/* This server seals names with its own key, so the old one may prove nothing. */
		if (bunch->items[i].persistent.len)
			file->persistent = bunch->items[i].persistent;
		file->remote.handle = request->handle;
		file->remote.session = files->session;
	}
	lock_release(&files->lock);
	return nr_dead;
}

static void put_all(const struct bunch *bunch)
{
	for (unsigned i = 0; i < bunch->n; i++) {
		free(bunch->items[i].path);
		file_put(bunch->items[i].file);
	}
}

/*
 * Open the files of earlier sessions again, on a connection that has just been welcomed. A file
 * that cannot be opened is dead. 0; -errno: the connection broke. The reconnector's thread.
 */
static int reopen_all(struct session *session, struct conn *conn)
{
	struct session_files *files = &session->files;
	unsigned left, nr_dead = 0;
	struct bunch bunch;
	int err = 0;

	lock_acquire(&files->lock);
	left = files->nr;
	lock_release(&files->lock);
	while (!err && left) {
		unsigned looked = take(files, &bunch, left);

		if (!looked)
			break;
		left -= looked;
		err = ask_all(conn, &bunch);
		if (!err)
			nr_dead += keep_answers(files, &bunch);
		put_all(&bunch);
	}
	if (nr_dead)
		log_warn("%s: %u files could not be opened again; their I/O ends with ESTALE",
			 session->spec->mount_point, nr_dead);
	return err;
}
