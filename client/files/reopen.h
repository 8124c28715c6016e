/*
 * The open files of a session, which a new session opens again before it makes other calls. The
 * list is in the session (session_files), and so is a pointer to the function that opens them,
 * which is set here. Any thread.
 */
#ifndef USRBIO_CLIENT_FILES_REOPEN_H
#define USRBIO_CLIENT_FILES_REOPEN_H

#include <stdbool.h>
#include <stddef.h>

struct file;
struct session;

/*
 * Add a file. False: its session has ended, so the caller has to open the file again in the new
 * one.
 */
bool reopen_add(struct session *session, struct file *file);
void reopen_remove(struct session *session, struct file *file);
/* Copy the path of a file. */
void reopen_path(struct session *session, const struct file *file, char *path, size_t size);
/*
 * A name was moved at the server, from one path of the export to another: change the paths of the
 * files that have it, or are below it. exchanged: the other name was moved the other way.
 */
void reopen_renamed(struct session *session, const char *from, const char *to, bool exchanged);

#endif
