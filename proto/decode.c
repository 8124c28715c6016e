/*
 * The decoder turns frames into structs, by protobuf-c with the caller's arena as its allocator.
 * Each reader below checks everything that its message promises, so that later code need not check
 * it. The decoder has no state except the arena, which belongs to the caller. Any thread may
 * decode, one at a time for each arena.
 */
#include "proto/codec.h"

#include <errno.h>
#include <string.h>

#include "common/base/log.h"
#include "common/transport/wire_errno.h"
#include "usrbio.pb-c.h"

/* The 64-bit words of an entry have the order of its struct. */
#define IO_WORDS     (sizeof(struct io_entry) / sizeof(uint64_t))
#define RESULT_WORDS (sizeof(struct io_result) / sizeof(int64_t))

static void *pb_alloc(void *arena, size_t size)
{
	return arena_alloc(arena, size);
}

static void pb_free(void *arena, void *p)
{
	(void)arena;
	(void)p;
}

/* Read a byte string of at most max bytes; *out points to a copy that ends with a zero byte. */
static bool get_bytes(struct arena *arena, const ProtobufCBinaryData *in, size_t max,
		      struct bytes *out)
{
	uint8_t *copy;

	if (in->len > max)
		return false;
	copy = arena_alloc(arena, in->len + 1);
	if (!copy)
		return false;
	if (in->len)
		memcpy(copy, in->data, in->len);
	copy[in->len] = 0;
	*out = (struct bytes){.data = copy, .len = in->len};
	return true;
}

/* Read a byte string of at most max bytes in which no byte is zero. */
static bool get_string(struct arena *arena, const ProtobufCBinaryData *in, size_t max,
		       struct bytes *out)
{
	return !(in->len && memchr(in->data, 0, in->len)) && get_bytes(arena, in, max, out);
}

/* Read a byte string of exactly this size, or an empty one. */
static bool get_fixed(struct arena *arena, const ProtobufCBinaryData *in, size_t size,
		      struct bytes *out)
{
	return (!in->len || in->len == size) && get_bytes(arena, in, size, out);
}

/* Read the id and the key of a session. A peer that has proved a key sends only the id. */
static bool get_session(struct arena *arena, const ProtobufCBinaryData *id,
			const ProtobufCBinaryData *key, bool proved, struct bytes *out_id,
			struct bytes *out_key)
{
	return !key->len == (proved || !id->len) && get_fixed(arena, id, SESSION_ID_SIZE, out_id) &&
	       get_fixed(arena, key, SESSION_KEY_SIZE, out_key);
}

/* Read the fields of a client with a key: all of them, or none. */
static bool get_key(struct arena *arena, const Usrbio__Hello *pb, struct hello *m)
{
	bool none = !pb->key_id.len;

	return none == !pb->key_tag.len && none == !pb->nonce.len && none == !pb->share.len &&
	       get_string(arena, &pb->key_id, KEY_ID_MAX, &m->key_id) &&
	       get_fixed(arena, &pb->key_tag, KEY_TAG_SIZE, &m->key_tag) &&
	       get_fixed(arena, &pb->nonce, NONCE_SIZE, &m->nonce) &&
	       get_fixed(arena, &pb->share, SHARE_SIZE, &m->share);
}

static bool read_hello(struct arena *arena, const Usrbio__Hello *pb, struct hello *m)
{
	m->version_min = pb->version_min;
	m->version_max = pb->version_max;
	m->features = pb->features;
	m->max_inflight = pb->max_inflight;
	m->epoch = pb->epoch;
	m->channel = pb->channel;
	return m->version_min <= m->version_max && m->channel < SESSION_CONNS_MAX &&
	       (pb->session_id.len || !m->epoch) &&
	       get_string(arena, &pb->export, EXPORT_NAME_MAX, &m->export) &&
	       get_string(arena, &pb->client, TEXT_MAX, &m->client) && get_key(arena, pb, m) &&
	       get_session(arena, &pb->session_id, &pb->session_key, pb->key_id.len, &m->session_id,
			   &m->session_key);
}

static bool read_challenge(struct arena *arena, const Usrbio__Challenge *pb, struct challenge *m)
{
	m->version = pb->version;
	return pb->nonce.len && pb->share.len && pb->mac.len &&
	       get_fixed(arena, &pb->nonce, NONCE_SIZE, &m->nonce) &&
	       get_fixed(arena, &pb->share, SHARE_SIZE, &m->share) &&
	       get_fixed(arena, &pb->mac, MAC_SIZE, &m->mac);
}

static bool read_proof(struct arena *arena, const Usrbio__Proof *pb, struct proof *m)
{
	return pb->mac.len && get_fixed(arena, &pb->session_mac, MAC_SIZE, &m->session_mac) &&
	       get_fixed(arena, &pb->mac, MAC_SIZE, &m->mac);
}

static bool read_welcome(struct arena *arena, const Usrbio__Welcome *pb, struct welcome *m)
{
	m->status = wire_to_errno(pb->status);
	m->version = pb->version;
	m->features = pb->features;
	m->boot_id = pb->boot_id;
	m->host = pb->host;
	m->verifier = pb->verifier;
	m->max_inflight = pb->max_inflight;
	m->max_regions = pb->max_regions;
	m->max_files = pb->max_files;
	m->export_flags = pb->export_flags;
	if (!m->status && (!m->max_inflight || m->max_inflight > INFLIGHT_MAX || !m->max_regions ||
			   m->max_regions > REGIONS_MAX || !pb->session_id.len))
		return false;
	return get_session(arena, &pb->session_id, &pb->session_key, pb->mac.len, &m->session_id,
			   &m->session_key) &&
	       get_fixed(arena, &pb->mac, MAC_SIZE, &m->mac) &&
	       get_string(arena, &pb->server, TEXT_MAX, &m->server) &&
	       get_string(arena, &pb->text, TEXT_MAX, &m->text);
}

static bool read_region_add(struct arena *arena, const Usrbio__RegionAdd *pb, struct region_add *m)
{
	(void)arena;
	m->region = pb->region;
	m->key = pb->key;
	m->base = pb->addr;
	m->size = pb->size;
	m->access = pb->access;
	return m->region < REGIONS_MAX && m->size && m->size <= UINT64_MAX - m->base && m->access &&
	       !(m->access & ~(uint32_t)(ACCESS_READ | ACCESS_WRITE));
}

static bool read_region_drop(struct arena *arena, const Usrbio__RegionDrop *pb,
			     struct region_drop *m)
{
	(void)arena;
	m->tag = pb->tag;
	m->region = pb->region;
	return m->region < REGIONS_MAX;
}

static bool read_submit(struct arena *arena, const Usrbio__SubmitBatch *pb, struct submit *m)
{
	(void)arena;
	*m = (struct submit){
		.op = pb->kind & 0xff,
		.flags = pb->kind >> 8 & 0xff,
		.priority = pb->kind >> 16,
		.n = pb->n_io / IO_WORDS,
		.io = (const struct io_entry *)pb->io,
	};
	return m->n && m->n <= BATCH_MAX && pb->n_io % IO_WORDS == 0 &&
	       (m->op == IO_READ || m->op == IO_WRITE) && !(m->flags & ~(uint32_t)IO_NO_HOLES) &&
	       m->priority < NR_PRIORITIES;
}

static bool read_completion(struct arena *arena, const Usrbio__CompletionBatch *pb,
			    struct completion *m)
{
	size_t n = pb->n_done / RESULT_WORDS;
	struct io_result *done = (struct io_result *)pb->done;

	(void)arena;
	if (!n || n > COMPLETIONS_MAX || pb->n_done % RESULT_WORDS)
		return false;
	for (size_t i = 0; i < n; i++) {
		if ((uint64_t)done[i].tag > UINT32_MAX)
			return false;
		if (done[i].result < 0)
			done[i].result = wire_to_errno(done[i].result);
	}
	*m = (struct completion){.n = n, .done = done};
	return true;
}

/* Count names, each of which ends with a zero byte. SIZE_MAX: the last one does not. */
static size_t count_names(struct bytes names)
{
	size_t n = 0;

	for (size_t i = 0; i < names.len; i++)
		n += names.data[i] == 0;
	return names.len && names.data[names.len - 1] ? SIZE_MAX : n;
}

static bool read_call(struct arena *arena, const Usrbio__Call *pb, struct call *m)
{
	m->tag = pb->tag;
	m->op = pb->op;
	m->file = pb->file;
	m->flags = pb->flags;
	m->mode = pb->mode;
	m->off = pb->off;
	m->len = pb->len;
	m->nr_ranges = pb->n_range / 2;
	m->range = pb->range;
	m->replay = pb->replay;
	m->at = pb->at;
	m->at2 = pb->at2;
	m->uid = pb->uid;
	m->gid = pb->gid;
	m->atime_ns = pb->atime_ns;
	m->mtime_ns = pb->mtime_ns;
	return m->op && m->op < NR_CALLS && pb->n_range % 2 == 0 && m->nr_ranges <= RANGES_MAX &&
	       m->replay <= 1 &&
	       get_bytes(arena, &pb->persistent, PERSISTENT_MAX, &m->persistent) &&
	       get_string(arena, &pb->path, PROTO_PATH_MAX, &m->path) &&
	       get_string(arena, &pb->path2, PROTO_PATH_MAX, &m->path2) &&
	       get_string(arena, &pb->target, PROTO_PATH_MAX, &m->target) &&
	       get_string(arena, &pb->name, PROTO_NAME_MAX, &m->name) &&
	       get_bytes(arena, &pb->value, XATTR_VALUE_MAX, &m->value) &&
	       get_bytes(arena, &pb->names, FRAME_MAX, &m->names) &&
	       (m->nr_names = count_names(m->names)) <= STATS_MAX;
}

/* True if there is a full row of counters for each name, or no counters at all. */
static bool counts_match(const struct reply *m)
{
	return m->counts_width <= COUNTS_MAX && m->nr_counts == m->counts_width * m->nr_types;
}

/* Take the rows of attributes. False: they are too many, or incomplete. */
static bool get_attrs(const Usrbio__Reply *pb, struct reply *m)
{
	const size_t words = sizeof(*m->attrs) / sizeof(*pb->attrs);
	struct attr_row *rows = (struct attr_row *)pb->attrs;

	m->nr_attrs = pb->n_attrs / words;
	if (pb->n_attrs % words || m->nr_attrs > STATS_MAX)
		return false;
	for (size_t i = 0; i < m->nr_attrs; i++) {
		if (rows[i].status > 0 || rows[i].status < INT32_MIN)
			return false;
		rows[i].status = wire_to_errno(rows[i].status);
	}
	m->attrs = rows;
	return true;
}

static bool read_reply(struct arena *arena, const Usrbio__Reply *pb, struct reply *m)
{
	*m = (struct reply){
		.tag = pb->tag,
		.status = wire_to_errno(pb->status),
		.file = pb->file,
		.attr_valid = pb->attr_valid,
		.attr = {.mode = pb->mode,
			 .nlink = pb->nlink,
			 .uid = pb->uid,
			 .gid = pb->gid,
			 .ino = pb->ino,
			 .dev = pb->dev,
			 .size = pb->size,
			 .blocks = pb->blocks,
			 .atime_ns = pb->atime_ns,
			 .mtime_ns = pb->mtime_ns,
			 .ctime_ns = pb->ctime_ns},
		.nr_types = pb->n_types,
		.types = pb->types,
		.next = pb->next,
		.counts_width = pb->counts_width,
		.nr_counts = pb->n_counts,
		.counts = pb->counts,
		.nr_ids = pb->n_ids / 2,
		.ids = pb->ids,
		.verifier = pb->verifier,
		.nr_fs = pb->n_fs,
		.fs = pb->fs,
	};
	return m->nr_fs <= FS_NUMBERS_MAX && pb->n_ids % 2 == 0 && m->nr_ids <= ANCESTORS_MAX &&
	       get_bytes(arena, &pb->persistent, PERSISTENT_MAX, &m->persistent) &&
	       get_bytes(arena, &pb->names, FRAME_MAX, &m->names) &&
	       count_names(m->names) == m->nr_types && counts_match(m) && get_attrs(pb, m) &&
	       get_string(arena, &pb->target, PROTO_PATH_MAX, &m->target) &&
	       get_bytes(arena, &pb->value, XATTR_VALUE_MAX, &m->value);
}

static bool read_ping(struct arena *arena, const Usrbio__Ping *pb, struct ping *m)
{
	(void)arena;
	m->nonce = pb->nonce;
	m->pong = pb->pong;
	return m->pong <= 1;
}

static bool read_abort(struct arena *arena, const Usrbio__Abort *pb, struct abort *m)
{
	(void)arena;
	*m = (struct abort){
		.nr_ios = pb->n_io,
		.ios = pb->io,
		.nr_calls = pb->n_call,
		.calls = pb->call,
		.nr_former = pb->n_former,
		.former = pb->former,
	};
	return m->nr_ios <= ABORT_MAX && m->nr_calls <= ABORT_MAX && m->nr_former <= ABORT_MAX &&
	       (m->nr_ios || m->nr_calls || m->nr_former);
}

static bool read_body(struct arena *arena, const ProtobufCMessage *pb, struct message *msg)
{
	const void *body = pb;

	switch (msg->type) {
	case MSG_HELLO:
		return read_hello(arena, body, &msg->hello);
	case MSG_WELCOME:
		return read_welcome(arena, body, &msg->welcome);
	case MSG_REGION_ADD:
		return read_region_add(arena, body, &msg->region_add);
	case MSG_REGION_DROP:
		return read_region_drop(arena, body, &msg->region_drop);
	case MSG_SUBMIT:
		return read_submit(arena, body, &msg->submit);
	case MSG_COMPLETION:
		return read_completion(arena, body, &msg->completion);
	case MSG_CALL:
		return read_call(arena, body, &msg->call);
	case MSG_REPLY:
		return read_reply(arena, body, &msg->reply);
	case MSG_PING:
		return read_ping(arena, body, &msg->ping);
	case MSG_CHALLENGE:
		return read_challenge(arena, body, &msg->challenge);
	case MSG_PROOF:
		return read_proof(arena, body, &msg->proof);
	case MSG_ABORT:
		return read_abort(arena, body, &msg->abort);
	case MSG_GOODBYE:
		return true;
	case NR_MSG_TYPES:
		break;
	}
	return false;
}

static const ProtobufCMessageDescriptor *const descriptors[NR_MSG_TYPES] = {
	[MSG_HELLO] = &usrbio__hello__descriptor,
	[MSG_WELCOME] = &usrbio__welcome__descriptor,
	[MSG_REGION_ADD] = &usrbio__region_add__descriptor,
	[MSG_REGION_DROP] = &usrbio__region_drop__descriptor,
	[MSG_SUBMIT] = &usrbio__submit_batch__descriptor,
	[MSG_COMPLETION] = &usrbio__completion_batch__descriptor,
	[MSG_CALL] = &usrbio__call__descriptor,
	[MSG_REPLY] = &usrbio__reply__descriptor,
	[MSG_PING] = &usrbio__ping__descriptor,
	[MSG_CHALLENGE] = &usrbio__challenge__descriptor,
	[MSG_PROOF] = &usrbio__proof__descriptor,
	[MSG_ABORT] = &usrbio__abort__descriptor,
	[MSG_GOODBYE] = &usrbio__goodbye__descriptor,
};

int codec_type(const void *frame, size_t len)
{
	const uint8_t *bytes = frame;

	if (len && len <= FRAME_MAX && bytes[0] < NR_MSG_TYPES && descriptors[bytes[0]])
		return bytes[0];
	log_debug("a frame of %zu bytes has the unknown type %d, or is too long", len,
		  len ? bytes[0] : -1);
	return -EBADMSG;
}

int codec_decode(struct arena *arena, const void *frame, size_t len, struct message *msg)
{
	ProtobufCAllocator allocator = {
		.alloc = pb_alloc, .free = pb_free, .allocator_data = arena};
	const uint8_t *bytes = frame;
	int type = codec_type(frame, len);
	ProtobufCMessage *pb;

	arena_reset(arena);
	if (type < 0)
		return type;
	msg->type = (enum msg_type)type;
	pb = protobuf_c_message_unpack(descriptors[type], &allocator, len - 1, bytes + 1);
	if (!pb || !read_body(arena, pb, msg)) {
		log_debug("a frame of %zu bytes and type %d is malformed", len, type);
		return -EBADMSG;
	}
	return 0;
}
