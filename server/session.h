/*
 * A session: one client's open files, shared by its connections, whichever worker serves them.
 * Found by id, entered by key; gone with its last connection.
 */
#ifndef USRBIO_SERVER_SESSION_H
#define USRBIO_SERVER_SESSION_H

#include <stddef.h>
#include <stdint.h>

struct export;
struct file;
struct pool;
struct session;
struct sessions;
struct store_file;

/* The registry. 0 or -ENOMEM. All sessions are gone before it closes. */
int sessions_open(struct sessions **sessions, struct pool *pool);
void sessions_close(struct sessions *sessions);

/* A new session, held once. 0, -ENOMEM, or what getrandom says. */
int session_new(struct sessions *sessions, struct export *export, struct session **session);
/*
 * Hold the session with this id, if the key and the export are its own. -ESTALE otherwise,
 * whichever was wrong; -EUSERS: it has SESSION_CONNS_MAX connections.
 */
int session_join(struct sessions *sessions, struct export *export, const uint8_t *id,
		 const uint8_t *key, struct session **session);
/* The last put closes its files, on the pool. */
void session_put(struct session *session);

const uint8_t *session_id(const struct session *session);
const uint8_t *session_key(const struct session *session);
struct export *session_export(const struct session *session);

/* Take over an open file and name it. 0, -EMFILE, -ENOMEM (then the caller still owns it). */
int session_add_file(struct session *session, struct store_file *store_file, uint64_t *handle);
/* Hold n files by handle under one lock; NULL where there is none. */
void session_get_files(struct session *session, size_t n, const uint64_t *handles,
		       struct file **files);
/* Forget a handle; I/O under way keeps the file open until it ends. 0 or -ESTALE. */
int session_close_file(struct session *session, uint64_t handle);

#endif
