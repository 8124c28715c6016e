/*
 * What the tests about kept descriptors share: an export, a server that a made-up service manager
 * starts, and files that a client and the test have open. One thread.
 */
#ifndef USRBIO_TESTS_SANDBOX_KEPT_BED_H
#define USRBIO_TESTS_SANDBOX_KEPT_BED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/sandbox/manager.h"

#define USER 1501

/* A kind of server, and of file system. */
struct kept_kind {
	const char *name;
	struct managed_start how;
	bool reaches;  /* the server finds and opens each file by its handle */
	bool nameless; /* the file system has neither handles nor times of birth */
};

/* A file, and what happens to it while it is open. */
struct kept_case {
	const char *name;
	bool of_root; /* made by root, for all to write */
	mode_t mode;
	void (*happens)(int fd, const char *name);
	/* Without a manager: for a server that modes limit, and for another one. */
	int limited, other;
};

extern char kept_base[]; /* the directory of all */
extern const struct kept_kind *kind;
/* For how long the server waits for the clients of files that were left. */
extern const char *session_time;

const char *path_of(const char *dir, const char *name);
/* A URL of the export. */
const char *url_of(const char *name);

void make_export(void);
void remove_export(void);
/* Start a server of this kind, or in another way; at the address of the one before. */
void start(struct process *server);
void start_with(struct process *server, const struct managed_start *how);
void kill_server(struct process *server);
void stop_server(struct process *server);
/* Wait until nothing is kept of files that were closed. */
void wait_for_none(void);
/* True if a server of this export has logged a line with this text. */
bool logged(const char *text);

void remove_it(int fd, const char *name);
/* Open a file as a client, and as the test. */
int open_case(const struct kept_case *c, int *own);
/*
 * Give the file a new size through the client's descriptor. Returns 0 or -errno; -EBADMSG: it is
 * not that file.
 */
int use(int fd, int own, uint64_t size);

/* kept_lies.c: a manager that lies, has no room, or keeps what nobody wants */
void kept_lies(void);

#endif
