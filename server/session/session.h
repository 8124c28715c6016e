/*
 * A session: one client's open files and the replies to its calls. The connections of the session
 * share it, also if different workers serve them. sessions.h describes how a connection enters a
 * session and when the session ends.
 */
#ifndef USRBIO_SERVER_SESSION_SESSION_H
#define USRBIO_SERVER_SESSION_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct export;
struct job_session;
struct server_file;
struct replies;
struct server_session;
struct store_file;

/*
 * Take or drop a reference. Any thread. A session of the registry has one. When the last one is
 * dropped, a thread of the export closes its files and frees it.
 */
void session_ref(struct server_session *session);
void session_unref(struct server_session *session);

const uint8_t *session_id(const struct server_session *session);
const uint8_t *session_key(const struct server_session *session);
struct export *session_export(const struct server_session *session);
struct replies *session_replies(struct server_session *session);
/* Where its calls wait for a thread of the export. */
struct job_session *session_jobs(struct server_session *session);

/*
 * Reserve room for a file to be opened. 0; -ENOMEM: the budget has none; -EMFILE: the id of the
 * session has as many files as it may have now. Or give the room back if the file was not opened.
 */
int session_reserve_file(struct server_session *session);
void session_unreserve_file(struct server_session *session);
/*
 * Take over an open file with its reserved room, and give it a handle. Returns 0. -EMFILE, -ENOMEM
 * or -EIO: the caller still owns the file and the room.
 */
int session_add_file(struct server_session *session, struct store_file *store_file,
		     uint64_t *handle);
/* Take references to n files by their handles. files[i] is NULL for an unknown handle. */
void session_get_files(struct server_session *session, size_t n, const uint64_t *handles,
		       struct server_file **files);
/* Forget a handle. I/O under way keeps the file open until it ends. Returns 0 or -ESTALE. */
int session_close_file(struct server_session *session, uint64_t handle);
uint32_t session_nr_files(struct server_session *session);
uint32_t session_max_files(const struct server_session *session);

#endif
