/*
 * An evil client: one connection to a real server, played by hand, and what is expected of the
 * server whatever is said to it. Memory it grants is checked at each one-sided operation. One
 * thread. What the server should not have done is an escape: said, counted, and the case goes on.
 */
#ifndef USRBIO_TESTS_EVIL_EVIL_H
#define USRBIO_TESTS_EVIL_EVIL_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/peer/heard.h"
#include "tests/peer/message.h"
#include "tests/peer/wire.h"

/* The bytes of a literal, and a call, for tables. */
#define TEXT(s)                                     \
	{                                           \
		(const uint8_t *)(s), sizeof(s) - 1 \
	}
#define CALL(...)            \
	&(const struct call) \
	{                    \
		__VA_ARGS__  \
	}

/*
 * What cases have before them: a server with the exports "data", "other", "ro" and "slow", each a
 * directory with a file "file" of FILE_SIZE bytes of the pattern's seed FILE_SEED. Writes to those
 * of "slow" take SLOW_MS.
 */
struct fixture {
	const char *url;      /* of the server, without an export */
	const char *data_dir; /* of "data"; "../secret" is a file beside it */
	int pid;	      /* the server's */
	bool thorough;	      /* no case is to be cut short */
};

#define SLOW_MS	  "500"
#define FILE_SIZE 65536u
#define FILE_SEED 7u
#define MEMORY	  (1u << 20) /* the client's, of which region 0 is the middle half */
#define GRANTED	  (MEMORY / 2)
#define MARGIN	  (MEMORY / 4)
#define CANARY	  0x5a
#define EVIL_IOS  8192u

enum stage {
	STAGE_SOCKET,  /* connected */
	STAGE_PARAMS,  /* the connect parameters of both are through */
	STAGE_WELCOME, /* a session of "data", no features */
	STAGE_FILE,    /* "file" is open as `file`, and region 0 announced */
	STAGE_SLOW,    /* the same in a session of "slow" */
};

enum seen { SEEN_END, SEEN_WELCOME, SEEN_REPLY, SEEN_RESULT, SEEN_PONG, SEEN_DATA };

/* What the server may reach: the I/Os asked for, in a ring, and where each region begins. */
struct evil_asked {
	struct evil_io {
		struct io_entry io;
		uint32_t op;
	} ios[EVIL_IOS];
	unsigned nr;
	uint64_t regions[REGIONS_MAX];
};

struct evil {
	const struct fixture *fixture;
	const char *name; /* of the case */
	unsigned escapes;
	struct wire wire;
	uint8_t *memory;
	uint64_t granted; /* where the server finds region 0, and by which key */
	uint32_t granted_key;
	uint64_t file;
	bool over; /* the server has left */
	uint32_t tag;

	struct heard heard;
	int status; /* of the last welcome or reply */
	uint32_t result_tag;
	int64_t result; /* INT64_MAX: an immediate */
	unsigned nr_results, nr_successes;

	struct evil_asked *asked_for;

	/* Called instead of answering a READ_REQ. */
	void (*asked)(struct evil *e);
};

/* A case of the table. */
struct lie {
	const char *name;
	enum stage stage;
	void (*tell)(struct evil *e, const struct lie *lie);
	const void *bytes; /* whatever the teller makes of them */
	size_t len;
	int64_t number;
};

void evil_open(struct evil *e, const struct fixture *fixture, const char *name, enum stage stage);
/* Takes the escapes of another connection of the same case along. */
void evil_close(struct evil *e, struct evil *into);
void escape(struct evil *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A one-sided operation or an immediate of the server's: serve it. */
enum seen evil_reached(struct evil *e, int op);
enum seen evil_result(struct evil *e, uint32_t tag, int64_t result);
/* Take one frame: serve it, or note what it says. */
enum seen evil_step(struct evil *e);
/* Take frames until one of this kind; false: the server has left. */
bool evil_until(struct evil *e, enum seen kind);

struct hello evil_hello(const char *export);
int evil_handshake(struct evil *e, const struct hello *hello);
void evil_region(struct evil *e, uint32_t region, uint64_t base, uint64_t size, uint32_t access);
int evil_call(struct evil *e, const struct call *call);
void evil_submit(struct evil *e, uint32_t op, const struct io_entry *io, size_t n);
/* One I/O, and its result. */
int64_t evil_io(struct evil *e, uint32_t op, struct io_entry io);
/* Of region 0, tag 1: fields are changed by who lies. */
struct io_entry good_io(const struct evil *e);

/* The connection ends, and until then nothing succeeds. */
void expect_end(struct evil *e);
/* It goes on: a ping is answered. */
void expect_alive(struct evil *e);
void expect_status(struct evil *e, int64_t status, int64_t wanted);
/* Honest once more: the file can be read, and is what it was. */
void expect_file(struct evil *e);

/* Tellers of a call, lie->bytes: it is answered with the status lie->number; it is a violation. */
void tell_status(struct evil *e, const struct lie *lie);
void tell_violation(struct evil *e, const struct lie *lie);

/* The process that a case kills: it has much under way, says so, and waits. */
void evil_linger(const char *url);

/* Over rdma, by the thousand: rdma_guess.c. */
void tell_guesses(struct evil *e, const struct lie *lie);

/* The tables; each ends with a name of NULL. And those of this program, ended by NULL. */
extern const struct lie frame_lies[], message_lies[], hello_lies[], io_lies[], call_lies[],
	abort_lies[], barrier_lies[], flood_lies[], killed_lies[], link_lies[], name_lies[],
	space_lies[], reach_lies[], key_lies[], send_lies[];
extern const struct lie *const client_lies[];

#endif
