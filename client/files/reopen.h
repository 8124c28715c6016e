/*
 * The open files of a session, which a new session opens again before it makes other calls. The
 * list is in the session (session_files), and so is a pointer to the function that opens them,
 * which is set here. Any thread.
 */
#ifndef USRBIO_CLIENT_FILES_REOPEN_H
#define USRBIO_CLIENT_FILES_REOPEN_H

#include <stdbool.h>

struct file;
struct session;

/*
 * Add a file. False: its session has ended, so the caller has to open the file again in the new
 * one.
 */
bool reopen_add(struct session *session, struct file *file);
void reopen_remove(struct session *session, struct file *file);

#endif
