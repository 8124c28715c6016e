/*
 * A session: one client's open files and the answers to its calls, shared by its connections,
 * whichever worker serves them. sessions.h says how it is entered and when it ends.
 */
#ifndef USRBIO_SERVER_SESSION_SESSION_H
#define USRBIO_SERVER_SESSION_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct export;
struct server_file;
struct replies;
struct server_session;
struct store_file;

const uint8_t *session_id(const struct server_session *session);
const uint8_t *session_key(const struct server_session *session);
struct export *session_export(const struct server_session *session);
struct replies *session_replies(struct server_session *session);

/*
 * Reserve room in the budget for a file to be opened, or give it back for one that was not opened.
 */
bool session_reserve_file(struct server_session *session);
void session_unreserve_file(struct server_session *session);
/*
 * Take over an open file with its reserved room, and give it a handle. 0; -EMFILE, -ENOMEM: the
 * caller still owns the file and the room.
 */
int session_add_file(struct server_session *session, struct store_file *store_file,
		     uint64_t *handle);
/* Take references to n files by their handles, under one lock; NULL where there is none. */
void session_get_files(struct server_session *session, size_t n, const uint64_t *handles,
		       struct server_file **files);
/* Forget a handle; I/O under way keeps the file open until it ends. 0 or -ESTALE. */
int session_close_file(struct server_session *session, uint64_t handle);
uint32_t session_nr_files(struct server_session *session);
uint32_t session_max_files(const struct server_session *session);

#endif
