/*
 * Writes a file of a mount to a descriptor, in order, while a ring reads ahead. The caller owns it;
 * one thread.
 */
#ifndef USRBIO_TOOL_STREAM_H
#define USRBIO_TOOL_STREAM_H

#include <stdbool.h>

struct stream;

/* Make a ring and memory for a mount. 0 or -errno. */
int stream_open(struct stream **stream, const char *mount_point);
/* Wait for I/Os under way, and free everything. Accepts NULL. */
void stream_close(struct stream *stream);

/*
 * Write the file `fd`, a descriptor of usrbio_open, to the descriptor `out`, as far as it can be
 * read. 0 or -errno; *writing tells whose error it is: true of `out`, false of the file.
 */
int stream_copy(struct stream *stream, int fd, int out, bool *writing);

#endif
