/*
 * The transport contract: opaque messages, and one-sided reads and writes of registered memory.
 *
 * A provider (verbs, tcp, loop, or the fault wrapper around one of them) is a table of the calls
 * below. It knows no message type, and its users do not know the wire. There are three objects:
 *
 *   device      memory that a peer may read or write is registered with it. Threads share it.
 *   domain      a completion queue, the receive buffers and the local memory of one thread.
 *   connection  a reliable, ordered channel to one peer. It always belongs to the same domain.
 *
 * Threads: any thread may use a device at any time. One thread at a time uses a domain and its
 * connections; the caller serialises. The caller may hand a connection request to another thread,
 * which accepts it into its own domain.
 *
 * Only device_open blocks. Between connect and close only OpenSSL allocates memory.
 *
 * Errors are -errno. A call that fails changes nothing and causes no event.
 *
 * Every provider keeps these rules, and tests/transport/ checks each provider:
 *  1. A post that succeeds causes exactly one TP_EV_DONE: when it ends, or with an error when the
 *     connection ends. A post that fails causes none.
 *  2. TP_EV_DONE of one connection comes in post order.
 *  3. The data of a WRITE is visible at the peer before a message or an immediate posted after it
 *     on the same connection arrives there. Messages arrive complete, in order and once.
 *  4. A READ or WRITE of memory that is not granted touches nothing at the peer and ends the
 *     connection: the initiator's TP_EV_DONE has -EACCES or, if the wire had released the buffer
 *     before, only its TP_EV_CLOSED has it. Hardware grants by key. Software grants by the I/O that
 *     is under way (tp_domain_config.range), each time before it touches the memory.
 *  5. TP_EV_DONE of a WRITE says that the local buffer is free; that of a READ, that it has the
 *     data.
 *  6. After TP_EV_CLOSED no event names the connection again, and the wire touches none of its
 *     memory. Only then the caller may free it.
 *  7. No message is sent without a receive buffer for it: the provider manages the credits. Without
 *     a credit or space, msg_buf returns NULL or post returns -EAGAIN, and TP_EV_READY follows.
 */
#ifndef USRBIO_COMMON_TRANSPORT_TRANSPORT_H
#define USRBIO_COMMON_TRANSPORT_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct tp_ops;

/*
 * The address to connect to or to listen at. For the loop provider it is AF_UNIX with a plain name.
 */
struct tp_addr {
	struct sockaddr_storage ss;
	socklen_t len;
};

struct tp_device {
	const struct tp_ops *ops;
};

/* Registered memory. The peer needs `key` to reach it. */
struct tp_mem {
	const struct tp_ops *ops;
	uint32_t key;
};

enum tp_access {
	TP_REMOTE_READ = 1,
	TP_REMOTE_WRITE = 2,
};

/* Counters of a domain since it was opened. They are plain numbers of the domain's thread. */
struct tp_counters {
	uint64_t msgs_sent;
	uint64_t msgs_received;
	uint64_t reads;
	uint64_t read_bytes;
	uint64_t writes;
	uint64_t write_bytes;
	uint64_t served_reads;	/* READs by the peer that software has served (tcp) */
	uint64_t served_writes; /* the same for WRITEs */
	uint64_t imms_sent;
	uint64_t imms_received;
	uint64_t credits_sent; /* messages that carried only credits */
	uint64_t doorbells;    /* posts to a queue pair, or sends on a socket */
	uint64_t signalled;    /* work requests that asked for a completion (verbs) */
	uint64_t polls;
	uint64_t arms; /* times that the caller went to sleep */
};

/* The memory that an I/O lets the peer reach: [base, base + len), inside the memory of `key`. */
struct tp_range {
	uintptr_t base;
	uint64_t len;
	uint32_t key;
};

#define TP_PSK_SIZE	32
#define TP_IDENTITY_MAX 80

/*
 * The keys that the connections of the tls provider prove. It lives as long as the domain that is
 * opened with it. The domain's thread uses it at each connect and accept.
 */
struct tp_tls_config {
	/* For an end that accepts: find the key of an identity. 0; -errno: it is unknown. */
	int (*find)(void *arg, const char *identity, uint8_t psk[TP_PSK_SIZE]);
	void *arg;
	/* For an end that connects: its identity, which travels in clear, and its key. "": none. */
	char identity[TP_IDENTITY_MAX];
	uint8_t psk[TP_PSK_SIZE];
};

struct tp_domain_config {
	uint32_t msg_max;  /* bytes in a message, at most TP_MSG_MAX */
	uint32_t nr_recvs; /* receive buffers per connection */
	uint32_t nr_sends; /* messages per connection that may wait to be sent */
	uint32_t nr_posts; /* READs and WRITEs per connection in flight */
	uint32_t nr_conns; /* expected number of connections in this domain */
	int numa;	   /* NUMA node of its buffers, -1 for any */
	/* Only for the tls provider; NULL: its connects and accepts fail with -EKEYREJECTED. */
	const struct tp_tls_config *tls;
	/*
	 * For an end that connects, where software serves the peer's READs and WRITEs (tcp, tls,
	 * loop): get the memory that the I/O `tag` on the connection of that `user` lets the peer
	 * access now. False: no such I/O is under way. It is called inside poll and flush, for each
	 * operation and again before an unfinished one continues. It calls no function of the
	 * transport. NULL: nothing is granted.
	 */
	bool (*range)(void *user, uint32_t tag, enum tp_access access, struct tp_range *range);
};

#define TP_MSG_MAX 16384

struct tp_domain {
	const struct tp_ops *ops;
	int fd; /* readable (POLLIN) after arm() when poll() has something to report */
	struct tp_counters count;
	size_t conn_bytes; /* memory that a connection takes, at most */
};

#define TP_CHANNEL_SIZE 32
#define TP_WHY_MAX	160
/* The text about a peer that has refused a request because it takes no connection now. */
#define TP_WHY_BUSY "takes no connection now: it is full, starting or stopping"

struct tp_conn {
	const struct tp_ops *ops;
	struct tp_domain *domain;
	void *user;	  /* belongs to the caller, set at connect or accept */
	uint32_t msg_max; /* the smaller limit of the two ends, valid once connected */
	/*
	 * On an encrypted wire, TP_CHANNEL_SIZE bytes that only its two ends know; else NULL. Valid
	 * once connected.
	 */
	const uint8_t *channel;
	/*
	 * At TP_EV_CLOSED, a text about the peer that adds to the status: "requires TLS". "": the
	 * status is the whole reason.
	 */
	char why[TP_WHY_MAX];
};

/*
 * A peer asks to connect. The caller accepts the request into a domain of the same provider, or
 * refuses it.
 */
struct tp_request {
	const struct tp_ops *ops;
	struct tp_addr peer;
};

struct tp_listener {
	const struct tp_ops *ops;
	struct tp_addr addr; /* the bound address: a port of 0 has been replaced by the real one */
};

enum tp_event_type {
	TP_EV_REQUEST,	 /* a listener of this domain has `request` */
	TP_EV_CONNECTED, /* connect or accept has succeeded */
	TP_EV_MSG,	 /* `msg`, `len` bytes, valid until the next poll of this domain */
	TP_EV_IMM,	 /* a WRITE with an immediate has been placed: `imm` is its tag */
	TP_EV_DONE,	 /* the post with `cookie` has ended: `status` 0 or -errno */
	TP_EV_READY,	 /* the caller may repeat what got -EAGAIN on this connection */
	TP_EV_CLOSED,	 /* the last event of a connection: `status` and conn->why are the reason;
			    0: the peer left */
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
	TP_READ,  /* from the peer's memory into that of this end */
	TP_WRITE, /* from the memory of this end into the peer's */
};

struct tp_op {
	enum tp_kind kind;
	bool has_imm; /* WRITE only: the peer gets TP_EV_IMM with the tag, even for len 0 */
	uint32_t len; /* bytes, at most TP_OP_MAX */
	/*
	 * The peer's memory in two forms: software finds it by tag and off, hardware by key and
	 * raddr.
	 */
	uint32_t tag;	/* the tag of the peer's I/O */
	uint32_t key;	/* the peer's tp_mem.key */
	uint64_t off;	/* from the beginning of that I/O */
	uint64_t raddr; /* address in the peer's process */
	void *local;	/* in memory of domain_local; the caller keeps it until TP_EV_DONE */
	int pipe;	/* the source of a WRITE with a NULL local */
	void *cookie;	/* comes back in TP_EV_DONE */
};

#define TP_OP_MAX (4u << 20)

/*
 * If ops->takes_pipes, a WRITE may take its bytes out of a pipe instead of memory: `pipe`, above 0,
 * is the reading end of a pipe that holds exactly `len` bytes. After a TP_EV_DONE without an error
 * the pipe is empty; after one with an error its contents are unknown. File pages that were spliced
 * into the pipe travel by reference: a change of the file may be visible until they have arrived.
 * The domain's thread blocks or ignores SIGPIPE.
 */

struct tp_ops {
	const char *name; /* the URL scheme: "rdma", "tcp", "tls", "loop" */
	bool takes_pipes;
	bool pins; /* mem_register brings all of the memory in, and keeps it there */

	/*
	 * Open the device that reaches `peer`: for verbs the card that routes to it, with its own
	 * protection domain. It may block for about two seconds. -ENODEV: no device reaches it.
	 */
	int (*device_open)(const struct tp_addr *peer, struct tp_device **device);
	/* The caller has ended all its registrations and connections before. */
	void (*device_close)(struct tp_device *device);

	/*
	 * Let the peers of this device reach memory; `access` is made of enum tp_access. -ENOMEM,
	 * -EFAULT. Without `pins` the memory is not checked: a caller that grants a range of it to
	 * an I/O has checked (pages_touch) that all of it is accessible, because otherwise the
	 * process may be killed.
	 */
	int (*mem_register)(struct tp_device *device, void *base, size_t len, unsigned access,
			    struct tp_mem **mem);
	/*
	 * End a registration, before the memory is unmapped. A peer that still uses the key loses
	 * its connection.
	 */
	void (*mem_deregister)(struct tp_mem *mem);

	int (*domain_open)(const struct tp_domain_config *config, struct tp_domain **domain);
	/* The caller has ended all its connections and listeners before. */
	void (*domain_close)(struct tp_domain *domain);
	/*
	 * Give the domain memory that READs and WRITEs of its connections use at this end. A peer
	 * can never reach it. The caller does this before the domain's first connection.
	 */
	int (*domain_local)(struct tp_domain *domain, void *base, size_t len);

	/* Listen at an address. -EADDRINUSE, -EADDRNOTAVAIL, -ENODEV. */
	int (*listen)(struct tp_domain *domain, const struct tp_addr *addr,
		      struct tp_listener **listener);
	void (*unlisten)(struct tp_listener *listener);
	/*
	 * Take a request into `domain`; TP_EV_CONNECTED or TP_EV_CLOSED follows there. A NULL
	 * domain refuses it for now: at the peer TP_EV_CLOSED has -EAGAIN, and nothing is kept
	 * here. An accept that fails does the same. The request is consumed in any case.
	 */
	int (*accept)(struct tp_domain *domain, struct tp_request *request, void *user,
		      struct tp_conn **conn);

	/*
	 * Begin to connect; TP_EV_CONNECTED or TP_EV_CLOSED follows within timeout_ms.
	 * -ECONNREFUSED: nobody listens there. -EAGAIN: the peer has refused the request for now.
	 * -ECONNABORTED: it has closed the connection without a reason. -ETIMEDOUT, and others.
	 * The peer reaches only memory that is registered with `device`.
	 */
	int (*connect)(struct tp_domain *domain, struct tp_device *device,
		       const struct tp_addr *peer, unsigned timeout_ms, void *user,
		       struct tp_conn **conn);
	/*
	 * Begin to end the connection. Messages that were sent are still delivered if the wire
	 * allows it. Posts under way end with an error. TP_EV_CLOSED comes last. It may be called
	 * again.
	 */
	void (*disconnect)(struct tp_conn *conn);
	/*
	 * Free the connection, after TP_EV_CLOSED, or after disconnect when its events are not
	 * needed any more.
	 */
	void (*conn_free)(struct tp_conn *conn);

	/*
	 * Get a send buffer of conn->msg_max bytes. The caller fills it and calls msg_send before
	 * any other call for this connection. NULL: there is none now, and TP_EV_READY follows (or
	 * TP_EV_CLOSED). Calling it again instead of msg_send returns the same buffer.
	 */
	void *(*msg_buf)(struct tp_conn *conn);
	/*
	 * Queue the first len bytes (> 0) of the buffer as one message. It cannot fail after
	 * msg_buf.
	 */
	void (*msg_send)(struct tp_conn *conn, size_t len);
	/*
	 * Queue a READ or WRITE. -EAGAIN: no space or credit; -ENOTCONN: the connection has ended.
	 */
	int (*post)(struct tp_conn *conn, const struct tp_op *op);
	/*
	 * Send everything that is queued, with one doorbell or one system call. poll() does not do
	 * this.
	 */
	void (*flush)(struct tp_conn *conn);

	/*
	 * Get up to max events; 0: there are none now. This gives back the messages of the last
	 * poll.
	 */
	int (*poll)(struct tp_domain *domain, struct tp_event *events, int max);
	/* Arm fd before sleeping on it. Returns 0, or 1 if there are events already: poll again. */
	int (*arm)(struct tp_domain *domain);
};

/*
 * Write what distinguishes the wire of a connection: the name of its provider and its channel, or
 * zeroes. Returns the length.
 */
#define TP_BINDING_MAX 64
size_t tp_binding(const struct tp_conn *conn, uint8_t binding[TP_BINDING_MAX]);

/*
 * For providers: keep the reason why a connection ends, unless it has one already. Returns status.
 */
int tp_blame(struct tp_conn *conn, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The providers; provider_find finds one by its name. */
extern const struct tp_ops tp_tcp;
extern const struct tp_ops
	tp_tls; /* the tcp provider with TLS 1.3 between its frames and the socket */
extern const struct tp_ops tp_verbs;
extern const struct tp_ops tp_loop;

#endif
