/* A mount without a server: remembers what was asked of it and answers as told. */
#ifndef TESTS_CLIENT_FILES_FAKE_H
#define TESTS_CLIENT_FILES_FAKE_H

#include <stdatomic.h>
#include <stdint.h>

#include "client/mount/mount.h"

struct fake {
	atomic_int mounts;   /* references held */
	atomic_int handles;  /* open at the "server" */
	atomic_int reserved; /* places for a close, which mount_reserve_close() gave */
	atomic_int calls;
	int status;    /* the next answers */
	uint32_t mode; /* of files opened */
	/* the last call */
	uint32_t op, flags, call_mode;
	uint64_t file, at, at2, len, off;
	char path[4096], path2[4096], mount_point[256];
	size_t nr_ranges;
	uint64_t range[2 * RANGES_MAX];
	/* READDIR: one answer per entry, each names ended by zero bytes */
	struct {
		const char *names;
		size_t len, n;
	} dir[4];
	/* 1: what is opened has another number, or lies on another device or host, than here */
	unsigned other_ino, other_dev, other_host;
	bool quiet; /* threads at work: remember nothing but the counts */
};

extern struct fake fake;

/* Everything as at the start. */
void fake_reset(void);

#endif
