/*
 * The open files of a session, which a new session opens again before all other calls. The list is
 * in the session (session_files); its recover hook is set here. Any thread.
 */
#ifndef USRBIO_CLIENT_FILES_REOPEN_H
#define USRBIO_CLIENT_FILES_REOPEN_H

#include <stdbool.h>

struct file;
struct session;

/*
 * Add a file. False: its session has ended, and the files that were in the list then are being
 * opened again; the caller opens this one again.
 */
bool reopen_add(struct session *session, struct file *file);
void reopen_remove(struct session *session, struct file *file);

#endif
