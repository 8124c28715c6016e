/*
 * The open files of a session: what a new session has to open again before anything else goes on.
 * The list is in the session (session_files); its recover hook is set here. Any thread.
 */
#ifndef USRBIO_CLIENT_FILES_REOPEN_H
#define USRBIO_CLIENT_FILES_REOPEN_H

#include <stdbool.h>

struct file;
struct session;

/*
 * False: the file's session is over, and the files that were in the list then are being opened
 * again; this one is for the caller to open again.
 */
bool reopen_add(struct session *session, struct file *file);
void reopen_remove(struct session *session, struct file *file);

#endif
