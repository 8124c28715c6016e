/*
 * Operations on names and files, each done by the posix store and by plain system calls, and the
 * place they are done in.
 */
#ifndef USRBIO_TESTS_SANDBOX_IDENTITY_OPS_H
#define USRBIO_TESTS_SANDBOX_IDENTITY_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "server/store/store.h"

#define OWNER	    1500 /* of all that is in a place */
#define OWNER_GROUP 1600

struct place {
	char dir[96];
	bool is_export;
	unsigned flags; /* of the store */
	uint8_t name[PERSISTENT_MAX];
	size_t name_len;
};

/* The export's store. Each process has its own: a child has none of its parent's descriptors. */
extern struct store *place_store;
void place_open(const struct place *place);
void place_close(const struct place *place);

/*
 * As root: d with a file and a directory, of these modes, and a directory open to all; nothing
 * else.
 */
void place_set_up(struct place *place, mode_t dir_mode, mode_t mode);

/* 0 or -errno; the second in the current directory. */
struct op {
	const char *name;
	int (*store)(struct place *place);
	int (*kernel)(struct place *place);
	bool of_dir;	  /* the file's mode means nothing */
	const char *made; /* belongs to the user afterwards */
};

extern const struct op ops[];
extern const size_t nr_ops;

#endif
