/* A played server, one ring each way, one iov and one file: what most cases begin with. */
#ifndef TESTS_CLIENT_RIG_H
#define TESTS_CLIENT_RIG_H

#include "client/hf3fs_usrbio.h"
#include "tests/peer/server.h"

#define RIG_IOV (1u << 20)

struct rig {
	struct playserver server;
	struct hf3fs_ior reads, writes;
	struct hf3fs_iov iov;
	int fd;
};

/* The server's settings are made before. */
void rig_start(struct rig *rig, int entries, int io_depth, int timeout_ms);
void rig_stop(struct rig *rig);
int rig_open(struct rig *rig); /* another registered descriptor of the file */
void rig_close(int fd);
/* Prepare one in ior's direction, at the iov's start; its slot, or -errno. */
int rig_prep(struct rig *rig, const struct hf3fs_ior *ior, uint64_t off, uint64_t len);
/* The same, submitted and waited for: its result. */
int64_t rig_io(struct rig *rig, const struct hf3fs_ior *ior, uint64_t off, uint64_t len);
/* Wait, without a limit, for one: its result. */
int64_t rig_wait(const struct hf3fs_ior *ior);
/* Without the time limits a test must not have: until it is so, by looking. */
#define rig_until(condition)           \
	do {                           \
		while (!(condition))   \
			sched_yield(); \
	} while (0)

#endif
