/*
 * Inside the rdma provider: reliable-connected queue pairs over rdma_cm. Nothing outside this
 * folder includes it. What each object is and who touches it stands at the top of its file.
 */
#ifndef USRBIO_COMMON_VERBS_VERBS_H
#define USRBIO_COMMON_VERBS_VERBS_H

#include <infiniband/verbs.h>
#include <rdma/rdma_cma.h>

#include "common/base/pages.h"
#include "common/transport/connect_params.h"
#include "common/transport/transport.h"
#include "common/verbs/device/source.h"

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

struct verbs_conn;
struct verbs_domain;

/* Where poll() puts events; full when n == max. */
struct sink {
	struct tp_event *events;
	int n;
	int max;
};

static inline bool sink_full(const struct sink *out)
{
	return out->n == out->max;
}

/* ---- card.c ---- */

struct card {
	struct card *next;
	struct ibv_context *verbs; /* ours; never librdmacm's */
	unsigned refs;		   /* under the lock of card.c */
};

/* The card an rdma_cm_id is bound to, opened at its first use. 0 or -errno. */
int card_get(const struct rdma_cm_id *id, struct card **card);
void card_put(struct card *card);

static inline bool card_of(const struct card *card, const struct rdma_cm_id *id)
{
	return card->verbs->device == id->verbs->device;
}

/* ---- device.c, mem.c: what a peer may reach ---- */

struct verbs_device {
	struct tp_device dev;
	struct rdma_event_channel *channel; /* for the id alone */
	struct rdma_cm_id *id; /* resolved to the peer: names our card and our address on it */
	struct card *card;
	struct ibv_pd *pd; /* of this peer alone: its keys are worth nothing elsewhere */
};

int verbs_device_open(const struct tp_addr *peer, struct tp_device **device);
void verbs_device_close(struct tp_device *device);
/* 0, or -ENODEV after a log line when this machine has no RDMA device at all. */
int verbs_present(void);

int verbs_mem_register(struct tp_device *device, void *base, size_t len, unsigned access,
		       struct tp_mem **mem);
void verbs_mem_deregister(struct tp_mem *mem);
/* ibv_reg_mr that explains itself when it fails. 0 or -errno. */
int mr_register(struct ibv_pd *pd, void *base, size_t len, int flags, struct ibv_mr **mr);

/* ---- domain.c, nic.c, timer.c ---- */

/* The nics of one domain, and what a new one needs. */
struct nic_list {
	struct nic *first;
	int epoll_fd;
	const struct tp_domain_config *config;
};

/* One card in one domain: the completion queue that all its connections share. */
struct nic {
	struct source source; /* the completion channel */
	struct nic_list *nics;
	struct nic *next;
	struct card *card;
	struct ibv_device_attr attr;
	struct ibv_comp_channel *channel;
	struct ibv_cq *cq;
	uint32_t reserved; /* completions its connections can cause at once, stale ones included */
	uint32_t stale;	   /* part of it: of queue pairs that are gone, until the queue is empty */
	unsigned unacked;  /* events taken from the channel and not yet acknowledged */
	unsigned nr_conns;
	bool armed;
	bool removed; /* unplugged: closed once it has no connection */
};

/* The nic an rdma_cm_id is bound to, opened at its first use. */
int nic_get(struct nic_list *nics, const struct rdma_cm_id *id, struct nic **nic);
void nic_close(struct nic *nic);
/* Room for n more completions of a new connection; the queue never overflows. */
int nic_reserve(struct nic *nic, uint32_t n);
/* The queue pair is destroyed; what it left in the completion queue may still be there. */
void nic_release(struct nic *nic, uint32_t n);
/* Take the events off the completion channel; the nic has to be armed again. */
void nic_take_events(struct nic *nic);
int nic_poll(struct nic *nic, struct ibv_wc *wcs, int max);
int nic_arm(struct nic *nic);

struct timer {
	struct source source;
	int fd;		       /* a timerfd */
	uint64_t ns;	       /* when it is set to go off, 0: never */
	unsigned nr_deadlines; /* set and not cleared */
};

int timer_open(struct timer *timer, int epoll_fd);
void timer_close(struct timer *timer);
uint64_t timer_now_ns(void);
/* Let the timer go off at ns, 0: never. */
void timer_program(struct timer *timer, uint64_t ns);
/* Set a deadline to ms from now; 0 is no deadline. Each set one is cleared before it is freed. */
void timer_set(struct timer *timer, uint64_t *deadline_ns, unsigned ms);
void timer_clear(struct timer *timer, uint64_t *deadline_ns);

struct area {
	void *base;
	size_t len;
};

enum { MAX_AREAS = 16, WC_BATCH = 32 };

struct verbs_domain {
	struct tp_domain dom;
	struct tp_domain_config config;
	struct rdma_event_channel *channel;
	struct source cm;
	struct timer timer;
	struct nic_list nics;
	struct area areas[MAX_AREAS];
	unsigned nr_areas;

	struct verbs_conn **conns; /* by slot; names in work requests are checked against it */
	uint32_t nr_slots;
	uint16_t generation;

	struct verbs_conn *pending, **pending_tail; /* have events to give */
	struct verbs_conn *lent;		    /* gave messages at the last poll */
	struct ibv_wc wcs[WC_BATCH];		    /* taken from a queue, not yet looked at */
	int wc_next, nr_wcs;
	unsigned polls_to_look; /* until the epoll set is asked again */
};

int verbs_domain_open(const struct tp_domain_config *config, struct tp_domain **domain);
void verbs_domain_close(struct tp_domain *domain);
int verbs_domain_local(struct tp_domain *domain, void *base, size_t len);
/* Give the connection a slot and a name, or take it out of everything. */
int domain_add(struct verbs_domain *domain, struct verbs_conn *conn);
void domain_remove(struct verbs_domain *domain, struct verbs_conn *conn);
/* The connection of a work request, or NULL when it is gone. */
struct verbs_conn *domain_conn(struct verbs_domain *domain, uint32_t id);

/* Have conn_emit called for it before poll() looks for anything new. */
void conn_pend(struct verbs_conn *conn);

/* ---- poll.c ---- */

int verbs_poll(struct tp_domain *domain, struct tp_event *events, int max);
int verbs_arm(struct tp_domain *domain);

/* ---- cm.c: what the connection manager tells ---- */

/* A copy of an event: the event itself is acknowledged before anything is done about it. */
struct cm_note {
	enum rdma_cm_event_type type;
	int status;
	struct rdma_cm_id *id;
	uint8_t initiator_depth;
	bool has_prologue;
	struct connect_params prologue; /* as on the wire */
};

/* What an rdma_cm_id's context points at; NULL for a request nobody has accepted yet. */
struct cm_end {
	void (*note)(struct cm_end *end, const struct cm_note *note, struct sink *out);
};

/* A channel that neither exec nor fork passes on; no other thread forks during these. 0, -errno. */
int channel_open(bool nonblock, struct rdma_event_channel **channel);
void channel_close(struct rdma_event_channel *channel);
int id_create(struct rdma_event_channel *channel, void *context, struct rdma_cm_id **id);
void id_destroy(struct rdma_cm_id *id);

/* The next event as a note, and the end it is for or NULL. False: there is none. */
bool cm_take(struct rdma_event_channel *channel, struct cm_note *note, struct cm_end **end);

/* ---- listener.c ---- */

struct verbs_request {
	struct tp_request req;
	struct rdma_cm_id *id;		/* on the listener's channel until accepted */
	struct connect_params prologue; /* checked */
	uint8_t initiator_depth;	/* READs of ours the peer is ready to answer at once */
};

int verbs_listen(struct tp_domain *domain, const struct tp_addr *addr,
		 struct tp_listener **listener);
void verbs_unlisten(struct tp_listener *listener);
/* Consumes it; its id may be gone already. */
void request_refuse(struct verbs_request *request);

/* ---- conn.c, state.c, wire.c: the life of a connection ---- */

enum conn_state {
	CONN_RESOLVING,	 /* connect: looking for the address */
	CONN_ROUTING,	 /* connect: looking for the route */
	CONN_CONNECTING, /* connect: asked the peer */
	CONN_ACCEPTING,	 /* accept: answered the peer */
	CONN_UP,
	CONN_LEAVING,  /* disconnect: the messages before it are still on their way */
	CONN_DRAINING, /* the queue pair is in error, its work requests come back */
	CONN_OVER,     /* nothing is outstanding, TP_EV_CLOSED is due */
	CONN_CLOSED,
};

enum slot_kind {
	SLOT_OP,     /* a READ or WRITE: gives TP_EV_DONE */
	SLOT_MSG,    /* a message: gives a buffer back */
	SLOT_CREDIT, /* nothing but credits */
};

struct slot {
	struct ibv_send_wr wr;
	struct ibv_sge sge;
	enum slot_kind kind;
	int status;
	void *cookie;
	unsigned buf;
};

/*
 * The send queue: a ring, and four counts that only grow, each up to the next.
 * [reported, retired) is over, TP_EV_DONE not given yet; [retired, posted) is with the card;
 * [posted, queued) waits for flush().
 */
struct send_queue {
	struct slot *slots;
	uint32_t size; /* a power of two */
	uint32_t reported, retired, posted, queued;
	unsigned nr_ops, max_ops;
	unsigned nr_msgs; /* with the card or queued */
	unsigned nr_credits;
	unsigned run; /* work requests since the last signalled one, and their bytes */
	uint64_t run_bytes;
	unsigned *free_bufs; /* a stack of send buffers */
	unsigned nr_free_bufs;
	bool held; /* msg_buf gave the top of the stack away; its slot and credit are taken */
};

struct recv_queue {
	struct ibv_recv_wr *wrs; /* one per buffer, for ever */
	struct ibv_sge *sges;
	uint32_t nr;
	uint32_t posted;		  /* with the card */
	struct ibv_recv_wr *first, *last; /* used, to be posted again */
	unsigned nr_lent;
	uint32_t owed;	    /* posted again and the peer does not know */
	uint32_t owed_high; /* tell it at the latest now */
};

enum { WANT_MSG = 1, WANT_OP = 2, WANT_IMM = 4 };

struct verbs_conn {
	struct tp_conn conn;
	struct cm_end end;
	enum conn_state state;
	int status;  /* the first thing that went wrong */
	uint32_t id; /* slot and generation: its name in work requests */
	struct verbs_domain *domain;
	struct verbs_conn *pending_next, *lent_next;
	bool pending, lent;
	bool announce; /* TP_EV_CONNECTED is due */
	bool left;     /* by our own disconnect */
	uint64_t deadline_ns;

	struct rdma_cm_id *cm_id;
	struct nic *nic;
	struct ibv_qp *qp;
	struct ibv_pd *pd;  /* its own if accepted, else its device's */
	bool accepted;	    /* not connected by us: the peer may reach nothing */
	uint8_t read_depth; /* accepted: READs of ours the peer answers at once */
	struct pages slab;
	struct ibv_mr *slab_mr;
	struct ibv_mr *area_mrs[MAX_AREAS];
	unsigned nr_area_mrs;
	char *recv_bufs, *send_bufs; /* in the slab, `stride` apart */
	uint32_t *imm_cells;	     /* as well, one per slot */
	size_t stride;
	uint32_t max_inline;
	uint32_t cqes;

	uint32_t peer_recvs;
	uint32_t credits; /* receives of the peer that are ours to use */
	unsigned wants;	  /* what has met -EAGAIN */
	struct send_queue sq;
	struct recv_queue rq;
};

static inline struct verbs_conn *conn_of(struct tp_conn *conn)
{
	return container_of(conn, struct verbs_conn, conn);
}

int verbs_connect(struct tp_domain *domain, struct tp_device *device, const struct tp_addr *peer,
		  unsigned timeout_ms, void *user, struct tp_conn **conn);
int verbs_accept(struct tp_domain *domain, struct tp_request *request, void *user,
		 struct tp_conn **conn);
void verbs_disconnect(struct tp_conn *conn);
void verbs_conn_free(struct tp_conn *conn);

/* state.c: what moves a connection from state to state */
void conn_note(struct cm_end *end, const struct cm_note *note, struct sink *out);
void conn_established(struct verbs_conn *conn);
/* Settle limits and credits by the peer's prologue. 0 or -EBADMSG. */
int conn_agree(struct verbs_conn *conn, const struct connect_params *peer);
/* It ends, because of status; 0: the peer left. Nothing when it is ending already. */
void conn_fail(struct verbs_conn *conn, int status);
/* The same without waiting for what the card holds: it has refused a post. */
void conn_break(struct verbs_conn *conn, int status);
void conn_expired(struct verbs_conn *conn);
/* Post receives again after the caller has seen the messages, and return credits if due. */
void conn_post_back(struct verbs_conn *conn);
void verbs_flush(struct tp_conn *conn);
/* After every completion: an ending connection may have had its last. */
void conn_progress(struct verbs_conn *conn);
/* False: the sink is full and there is more. */
bool conn_emit(struct verbs_conn *conn, struct sink *out);

/* Everything a queue pair needs; conn->cm_id is bound to a card and conn->nic, conn->pd are set. */
int wire_open(struct verbs_conn *conn);
void wire_close(struct verbs_conn *conn);
/* The end of the queue pair alone: the card touches nothing of ours from here on. */
void wire_cut(struct verbs_conn *conn);

/* ---- qp.c: conn->qp; conn->cm_id knows the attributes ---- */

int qp_open(struct verbs_conn *conn);
void qp_close(struct verbs_conn *conn);
/* Ready to receive and to send, once the connection manager knows the peer's. 0 or -errno. */
int qp_start(struct verbs_conn *conn);
/* All its work requests come back. */
void qp_stop(struct verbs_conn *conn);
/* What a work completion's status means, as 0 or -errno. */
int qp_wc_errno(enum ibv_wc_status status);

/* ---- send.c, recv.c ---- */

int send_open(struct verbs_conn *conn);
void send_close(struct verbs_conn *conn);
/* Give the card what is queued, something at least. 0 or -errno: the card refuses it. */
int send_flush(struct verbs_conn *conn);
/* 0, or -errno: the connection has to end with it. */
int send_completed(struct verbs_conn *conn, const struct ibv_wc *wc);
/* All that is left ends with the connection's status. */
void send_abandon(struct verbs_conn *conn);
bool send_worth_retry(const struct verbs_conn *conn);
/* Queue an empty message with the credits owed; it takes one credit. False: no slot is free. */
bool send_credits(struct verbs_conn *conn);
void *verbs_msg_buf(struct tp_conn *conn);
void verbs_msg_send(struct tp_conn *conn, size_t len);
int verbs_post(struct tp_conn *conn, const struct tp_op *op);

int recv_open(struct verbs_conn *conn);
void recv_close(struct verbs_conn *conn);
/* Post the buffers again that the caller has seen. 0 or -errno. */
int recv_post_back(struct verbs_conn *conn);
/* 0, or -errno: the connection has to end with it. */
int recv_completed(struct verbs_conn *conn, const struct ibv_wc *wc, struct sink *out);
/* Receive buffers that a connection of this configuration posts and announces. */
static inline uint32_t recv_depth(const struct tp_domain_config *config)
{
	/* The last credit, and one that msg_buf may hold, are on top of what was asked for. */
	return (config->nr_recvs < 2 ? 2 : config->nr_recvs) + 2;
}
/* Queue a message that tells the peer what it is owed, if that is enough. False: it is not. */
bool recv_return_credits(struct verbs_conn *conn);

enum { RETRIES = 6 };	   /* of a packet; 7 means for ever, to soft-RoCE at least */
enum { CREDIT_SLOTS = 2 }; /* slots that only empty messages may use */

#define WR_RECV 0x80000000u /* in the low word of a work request's id; the high word: conn->id */

static inline uint64_t wr_id(const struct verbs_conn *conn, uint32_t low)
{
	return (uint64_t)conn->id << 32 | low;
}

static inline struct tp_event *sink_add(struct sink *out, enum tp_event_type type,
					struct verbs_conn *conn)
{
	struct tp_event *event = &out->events[out->n++];

	*event = (struct tp_event){.type = type, .conn = conn ? &conn->conn : NULL};
	return event;
}

#endif
