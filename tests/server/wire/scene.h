/*
 * The scene of barriers and aborts: a slow disk. The slow export and the fast one are the same
 * directory, so that a test can look and write past the slow disk.
 */
#ifndef USRBIO_TESTS_SERVER_SCENE_H
#define USRBIO_TESTS_SERVER_SCENE_H

#include "fixture.h"

#define RW  (OPEN_READ | OPEN_WRITE | OPEN_CREATE)
#define LEN 8192u

#define READ_AT (1u << 20) /* in the memory: where reads go to */

enum { OLD = 0xaa, NEW = 0xbb };

/* A file that was written, by an old connection that has left a write of OLD behind. */
struct scene {
	struct server *server;
	struct peer old, new, fast;
	uint64_t file, seen; /* the handle in the slow and in the fast export */
};

/* `rules` is what makes the slow export slow: "fault:...:". */
void scene_open(struct scene *scene, const char *scheme, const char *rules);
/* Lose the old connection while its I/O is with the disk, and resume its session. */
void scene_resume(struct scene *scene);
/* Close everything; `new` only if it was opened. */
void scene_close(struct scene *scene);
/* Wait until the slow disk is done with everything that it was given before. */
void scene_outlast(struct peer *peer);

/* The first byte of a file, past the server. */
uint8_t scene_byte(const char *name);
/* Until the worker has taken in what was sent before. */
void scene_ping(struct peer *peer);
/* One I/O of LEN bytes at 0: a write of this byte from the memory's start, or a read to READ_AT. */
void scene_submit(struct peer *peer, uint32_t op, uint32_t tag, uint64_t file, uint8_t byte);
int64_t scene_result(struct peer *peer, uint32_t tag);

#endif
