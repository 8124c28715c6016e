/*
 * The transport contract: opaque messages, and one-sided reads and writes of registered memory.
 *
 * A provider (verbs, tcp, loop, or the fault wrapper around one of them) is a table of the calls
 * below. It knows no message type; whoever uses it knows no wire. Three objects:
 *
 *   device      what can be registered with: memory a peer may read or write. Shared by threads.
 *   domain      a completion queue, the receive buffers and the local memory of one thread.
 *   connection  a reliable, ordered channel to one peer. Belongs to one domain for life.
 *
 * Threads: a device may be used by any thread at any time. A domain and its connections are used
 * by one thread at a time; the caller serialises. A connection request may be handed to another
 * thread, which accepts it into its own domain.
 *
 * Nothing here blocks but device_open. Nothing allocates between connect and close, but OpenSSL.
 *
 * Errors are -errno. A call that fails changed nothing and causes no event.
 *
 * The rules every provider keeps, and tests/transport/ checks over each of them:
 *  1. A post that succeeds yields exactly one TP_EV_DONE, before or with an error when the
 *     connection ends; one that fails yields none.
 *  2. TP_EV_DONE of one connection comes in post order.
 *  3. What a WRITE carried is visible at the peer before a message or an immediate posted after it
 *     on the same connection arrives there. Messages arrive in order, whole, once.
 *  4. A READ or WRITE of what was not granted touches nothing at the peer and ends the connection:
 *     the initiator's TP_EV_DONE or, where the wire had already let the buffer go, only its
 *     TP_EV_CLOSED carries -EACCES. Hardware grants by key; software by the I/O under way
 *     (tp_domain_config.range), each time before it touches the memory.
 *  5. TP_EV_DONE of a WRITE says that the local buffer is free; of a READ that the data is in it.
 *  6. After TP_EV_CLOSED no event names the connection again and the wire touches none of its
 *     memory; only then may it be freed.
 *  7. Nobody sends into a missing receive buffer: credits are the provider's business. Where there
 *     is no credit or no room, msg_buf and post say -EAGAIN and TP_EV_READY follows.
 */
#ifndef USRBIO_COMMON_TRANSPORT_TRANSPORT_H
#define USRBIO_COMMON_TRANSPORT_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct tp_ops;

/* Where to connect to or listen at. The loop provider uses AF_UNIX with a plain name in it. */
struct tp_addr {
	struct sockaddr_storage ss;
	socklen_t len;
};

struct tp_device {
	const struct tp_ops *ops;
};

/* Registered memory. `key` is what the peer needs to reach it. */
struct tp_mem {
	const struct tp_ops *ops;
	uint32_t key;
};

enum tp_access {
	TP_REMOTE_READ = 1,
	TP_REMOTE_WRITE = 2,
};

/* What happened in a domain since it was opened; plain counters of its one thread. */
struct tp_counters {
	uint64_t msgs_sent;
	uint64_t msgs_received;
	uint64_t reads;
	uint64_t read_bytes;
	uint64_t writes;
	uint64_t write_bytes;
	uint64_t served_reads; /* the peer's, of our memory: where software serves them (tcp) */
	uint64_t served_writes;
	uint64_t imms_sent;
	uint64_t imms_received;
	uint64_t credits_sent; /* messages that carried nothing but credits */
	uint64_t doorbells;    /* posts to a queue pair, or sends on a socket */
	uint64_t signalled;    /* work requests that asked for a completion (verbs) */
	uint64_t polls;
	uint64_t arms; /* times somebody went to sleep */
};

/* What an I/O lets the peer reach: [base, base + len), inside what `key` is the key of. */
struct tp_range {
	uintptr_t base;
	uint64_t len;
	uint32_t key;
};

#define TP_PSK_SIZE	32
#define TP_IDENTITY_MAX 80

/*
 * Whose keys the tls provider's connections prove that they have. Lives as long as the domain that
 * is opened with it, and is looked at by the domain's thread, at each connect and accept.
 */
struct tp_tls_config {
	/* Who accepts: the key that goes with this identity. 0, or any -errno: unknown. */
	int (*find)(void *arg, const char *identity, uint8_t psk[TP_PSK_SIZE]);
	void *arg;
	/* Who connects: an identity, which travels in clear, and its key. "": none. */
	char identity[TP_IDENTITY_MAX];
	uint8_t psk[TP_PSK_SIZE];
};

struct tp_domain_config {
	uint32_t msg_max;  /* bytes in a message, at most TP_MSG_MAX */
	uint32_t nr_recvs; /* receive buffers per connection */
	uint32_t nr_sends; /* messages per connection that may wait to be sent */
	uint32_t nr_posts; /* READs and WRITEs per connection in flight */
	uint32_t nr_conns; /* connections in this domain, a hint */
	int numa;	   /* node for its buffers, -1 for any */
	/* The tls provider's; NULL: its connects and accepts fail with -EKEYREJECTED. */
	const struct tp_tls_config *tls;
	/*
	 * Of who connects, where software serves the peer's READs and WRITEs (tcp, tls, loop): what
	 * the I/O `tag` on the connection of that `user` lets the peer do to memory now; false: no
	 * such I/O is under way. Called inside poll and flush, for each operation and again before
	 * an unfinished one goes on; calls nothing of the transport. NULL: nothing is granted.
	 */
	bool (*range)(void *user, uint32_t tag, enum tp_access access, struct tp_range *range);
};

#define TP_MSG_MAX 16384

struct tp_domain {
	const struct tp_ops *ops;
	int fd; /* after arm() readable (POLLIN) when poll() has something to say */
	struct tp_counters count;
	size_t conn_bytes; /* of memory that a connection takes, at most */
};

#define TP_CHANNEL_SIZE 32
#define TP_WHY_MAX	160

struct tp_conn {
	const struct tp_ops *ops;
	struct tp_domain *domain;
	void *user;	  /* the caller's, set at connect or accept */
	uint32_t msg_max; /* the smaller of both ends' limits, valid once connected */
	/* Where the wire is encrypted, TP_CHANNEL_SIZE bytes that only its two ends know; else
	 * NULL. Valid once connected.
	 */
	const uint8_t *channel;
	/* At TP_EV_CLOSED, what its status does not say: words about the peer, "requires TLS". "":
	 * the status says all.
	 */
	char why[TP_WHY_MAX];
};

/* Somebody asks to connect; to be accepted into a domain of the same provider, or refused. */
struct tp_request {
	const struct tp_ops *ops;
	struct tp_addr peer;
};

struct tp_listener {
	const struct tp_ops *ops;
	struct tp_addr addr; /* as bound: a port of 0 has become a real one */
};

enum tp_event_type {
	TP_EV_REQUEST,	 /* a listener of this domain has `request` */
	TP_EV_CONNECTED, /* connect or accept came through */
	TP_EV_MSG,	 /* `msg`, `len` bytes, valid until the next poll of this domain */
	TP_EV_IMM,	 /* a WRITE with an immediate has been placed: `imm` is its tag */
	TP_EV_DONE,	 /* the post with `cookie` is over: `status` 0 or -errno */
	TP_EV_READY,	 /* an earlier -EAGAIN of this connection is worth another try */
	TP_EV_CLOSED,	 /* the last event of a connection; `status` says why, 0: the peer left;
			    conn->why */
};

struct tp_event {
	enum tp_event_type type;
	int status;
	struct tp_conn *conn;
	union {
		struct tp_request *request;
		void *cookie;
		const void *msg;
		uint32_t imm;
	};
	uint32_t len;
};

enum tp_kind {
	TP_READ,  /* the peer's memory into ours */
	TP_WRITE, /* ours into the peer's */
};

struct tp_op {
	enum tp_kind kind;
	bool has_imm; /* WRITE only: the peer gets TP_EV_IMM with the tag, even for len 0 */
	uint32_t len; /* bytes, at most TP_OP_MAX */
	/* The peer's memory, said twice: software finds it by tag and off, hardware by the rest. */
	uint32_t tag;	/* of the peer's I/O */
	uint32_t key;	/* the peer's tp_mem.key */
	uint64_t off;	/* in the I/O */
	uint64_t raddr; /* address in the peer's process */
	void *local;	/* inside memory given to domain_local; untouched until TP_EV_DONE */
	int pipe;	/* of a WRITE whose local is NULL */
	void *cookie;	/* comes back in TP_EV_DONE */
};

#define TP_OP_MAX (4u << 20)

/*
 * Where ops->takes_pipes, a WRITE may take its bytes out of a pipe instead of memory: `pipe`, above
 * 0, is the reading end of one that holds exactly `len` of them. A TP_EV_DONE without an error says
 * that it is empty; after another nobody knows what is left in it. File pages that were spliced
 * into the pipe travel by reference: a change of the file may show until they have arrived. The
 * domain's thread blocks or ignores SIGPIPE.
 */

struct tp_ops {
	const char *name; /* the URL scheme: "rdma", "tcp", "tls", "loop" */
	bool takes_pipes;
	bool pins; /* mem_register brings all of the memory in, and keeps it there */

	/*
	 * Open what reaches `peer`: for verbs the card that routes to it, with a protection domain
	 * of its own. May block for a second or two. -ENODEV: no device reaches it.
	 */
	int (*device_open)(const struct tp_addr *peer, struct tp_device **device);
	/* All its registrations and connections are gone before. */
	void (*device_close)(struct tp_device *device);

	/*
	 * Let the peers of this device reach memory; `access` of enum tp_access. -ENOMEM, -EFAULT.
	 * Without `pins` it looks at no memory: whoever grants a range of it to an I/O has seen to
	 * it (pages_touch) that all of that can be accessed, or the process may die of it.
	 */
	int (*mem_register)(struct tp_device *device, void *base, size_t len, unsigned access,
			    struct tp_mem **mem);
	/* A peer that still uses the key loses its connection. Before the memory is unmapped. */
	void (*mem_deregister)(struct tp_mem *mem);

	int (*domain_open)(const struct tp_domain_config *config, struct tp_domain **domain);
	/* All its connections and listeners are gone before. */
	void (*domain_close)(struct tp_domain *domain);
	/*
	 * Memory that READs and WRITEs of this domain's connections use on our side. Never
	 * reachable by a peer. A few times per domain, before its first connection.
	 */
	int (*domain_local)(struct tp_domain *domain, void *base, size_t len);

	/* -EADDRINUSE, -EADDRNOTAVAIL, -ENODEV. */
	int (*listen)(struct tp_domain *domain, const struct tp_addr *addr,
		      struct tp_listener **listener);
	void (*unlisten)(struct tp_listener *listener);
	/*
	 * Take a request into `domain`; TP_EV_CONNECTED or TP_EV_CLOSED follows there. With a NULL
	 * domain: refuse it. Either way the request is consumed, also on error.
	 */
	int (*accept)(struct tp_domain *domain, struct tp_request *request, void *user,
		      struct tp_conn **conn);

	/*
	 * Begin to connect; TP_EV_CONNECTED or TP_EV_CLOSED (-ETIMEDOUT, -ECONNREFUSED, ...)
	 * follows within timeout_ms. The peer reaches memory registered with `device` and no other.
	 */
	int (*connect)(struct tp_domain *domain, struct tp_device *device,
		       const struct tp_addr *peer, unsigned timeout_ms, void *user,
		       struct tp_conn **conn);
	/*
	 * Begin to end it. Messages already sent are still delivered if the wire allows; posts
	 * under way end with an error; TP_EV_CLOSED comes last. Repeating it is harmless.
	 */
	void (*disconnect)(struct tp_conn *conn);
	/* After TP_EV_CLOSED, or after disconnect when no event of it matters any more. */
	void (*conn_free)(struct tp_conn *conn);

	/*
	 * A send buffer of conn->msg_max bytes, to be filled and given back by msg_send before any
	 * other call for this connection. NULL: none now, TP_EV_READY follows (or TP_EV_CLOSED).
	 * Calling it again instead of msg_send gives the same buffer.
	 */
	void *(*msg_buf)(struct tp_conn *conn);
	/* Queue the buffer's first len bytes (> 0) as one message. Cannot fail after msg_buf. */
	void (*msg_send)(struct tp_conn *conn, size_t len);
	/* Queue a READ or WRITE. -EAGAIN: no room or credit; -ENOTCONN: the connection is over. */
	int (*post)(struct tp_conn *conn, const struct tp_op *op);
	/* Everything queued goes out: one doorbell, one system call. poll() does not imply it. */
	void (*flush)(struct tp_conn *conn);

	/* Up to max events; 0: nothing now. Messages of the poll before are given back. */
	int (*poll)(struct tp_domain *domain, struct tp_event *events, int max);
	/* Before sleeping on fd: 0 armed, 1 there is something already, poll again. */
	int (*arm)(struct tp_domain *domain);
};

/* What tells a connection's wire from others: its provider's name and its channel, or zeroes. How
 * long.
 */
#define TP_BINDING_MAX 64
size_t tp_binding(const struct tp_conn *conn, uint8_t binding[TP_BINDING_MAX]);

/* For providers: keep why a connection ends, unless it has a reason already. Returns status. */
int tp_blame(struct tp_conn *conn, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The providers; provider_find finds one by its name. */
extern const struct tp_ops tp_tcp;
extern const struct tp_ops tp_tls; /* tcp's, with TLS 1.3 between its frames and the socket */
extern const struct tp_ops tp_verbs;
extern const struct tp_ops tp_loop;

#endif
