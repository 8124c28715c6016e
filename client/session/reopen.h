/*
 * The open files of a mount: what a new session has to open again before anything else goes on.
 * Any thread.
 */
#ifndef USRBIO_CLIENT_SESSION_REOPEN_H
#define USRBIO_CLIENT_SESSION_REOPEN_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/base/list.h"

struct conn;
struct file;

struct reopen_list {
	pthread_mutex_t lock; /* taken after a connection's, if both are */
	struct list list;
	unsigned nr;
	uint64_t session; /* the files of this one are in the list, or will be added to it */
};

void reopen_init(struct reopen_list *files);
void reopen_close(struct reopen_list *files);

/* False: its session is over, and those that were in the list then are being opened again. */
bool reopen_add(struct reopen_list *files, struct file *file);
void reopen_remove(struct reopen_list *files, struct file *file);

/*
 * Open those of earlier sessions in that of a connection that has just been greeted. What cannot be
 * opened is dead. 0, or -errno when the connection broke. The reconnector's.
 */
int reopen_all(struct reopen_list *files, struct conn *conn);

#endif
