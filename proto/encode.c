/*
 * The encoder turns structs into frames. It fills in the generated struct on the stack, with
 * pointers to the caller's arrays, and packs it into the caller's buffer. It has no state and
 * allocates nothing, so any thread may use it. The caller owns message and buffer.
 */
#include "proto/codec.h"

#include <errno.h>

#include "common/transport/wire_errno.h"
#include "usrbio.pb-c.h"

static ProtobufCBinaryData data_of(struct bytes bytes)
{
	return (ProtobufCBinaryData){.len = bytes.len, .data = (uint8_t *)(uintptr_t)bytes.data};
}

/*
 * The largest size in bytes of a field's number, below 16, together with its value of 32 bits or
 * with the length of its packed array.
 */
#define FIELD_MAX 6u

/* Remove const for protobuf-c, which does not write to the arrays. */
#define ARRAY(type, array) ((type *)(uintptr_t)(array))

/*
 * Pack a message. bound is at least its packed size, which is computed only if the buffer is
 * smaller.
 */
static long pack_bounded(enum msg_type type, const ProtobufCMessage *base, size_t bound,
			 uint8_t *buf, size_t cap)
{
	if (bound >= cap && protobuf_c_message_get_packed_size(base) >= cap)
		return -EMSGSIZE;
	buf[0] = (uint8_t)type;
	return 1 + (long)protobuf_c_message_pack(base, buf + 1);
}

static long pack(enum msg_type type, const ProtobufCMessage *base, uint8_t *buf, size_t cap)
{
	return pack_bounded(type, base, SIZE_MAX, buf, cap);
}

static long encode_hello(const struct hello *m, uint8_t *buf, size_t cap)
{
	Usrbio__Hello pb = USRBIO__HELLO__INIT;

	pb.version_min = m->version_min;
	pb.version_max = m->version_max;
	pb.features = m->features;
	pb.export = data_of(m->export);
	pb.client = data_of(m->client);
	pb.session_id = data_of(m->session_id);
	pb.session_key = data_of(m->session_key);
	pb.max_inflight = m->max_inflight;
	pb.epoch = m->epoch;
	pb.channel = m->channel;
	pb.key_id = data_of(m->key_id);
	pb.key_tag = data_of(m->key_tag);
	pb.nonce = data_of(m->nonce);
	pb.share = data_of(m->share);
	return pack(MSG_HELLO, &pb.base, buf, cap);
}

static long encode_welcome(const struct welcome *m, uint8_t *buf, size_t cap)
{
	Usrbio__Welcome pb = USRBIO__WELCOME__INIT;

	pb.status = wire_from_errno(m->status);
	pb.version = m->version;
	pb.features = m->features;
	pb.session_id = data_of(m->session_id);
	pb.session_key = data_of(m->session_key);
	pb.boot_id = m->boot_id;
	pb.host = m->host;
	pb.verifier = m->verifier;
	pb.max_inflight = m->max_inflight;
	pb.max_regions = m->max_regions;
	pb.max_files = m->max_files;
	pb.export_flags = m->export_flags;
	pb.server = data_of(m->server);
	pb.text = data_of(m->text);
	pb.mac = data_of(m->mac);
	return pack(MSG_WELCOME, &pb.base, buf, cap);
}

static long encode_challenge(const struct challenge *m, uint8_t *buf, size_t cap)
{
	Usrbio__Challenge pb = USRBIO__CHALLENGE__INIT;

	pb.version = m->version;
	pb.nonce = data_of(m->nonce);
	pb.share = data_of(m->share);
	pb.mac = data_of(m->mac);
	return pack(MSG_CHALLENGE, &pb.base, buf, cap);
}

static long encode_proof(const struct proof *m, uint8_t *buf, size_t cap)
{
	Usrbio__Proof pb = USRBIO__PROOF__INIT;

	pb.session_mac = data_of(m->session_mac);
	pb.mac = data_of(m->mac);
	return pack(MSG_PROOF, &pb.base, buf, cap);
}

static long encode_region_add(const struct region_add *m, uint8_t *buf, size_t cap)
{
	Usrbio__RegionAdd pb = USRBIO__REGION_ADD__INIT;

	pb.region = m->region;
	pb.key = m->key;
	pb.addr = m->base;
	pb.size = m->size;
	pb.access = m->access;
	return pack(MSG_REGION_ADD, &pb.base, buf, cap);
}

static long encode_region_drop(const struct region_drop *m, uint8_t *buf, size_t cap)
{
	Usrbio__RegionDrop pb = USRBIO__REGION_DROP__INIT;

	pb.tag = m->tag;
	pb.region = m->region;
	return pack(MSG_REGION_DROP, &pb.base, buf, cap);
}

static long encode_submit(const struct submit *m, uint8_t *buf, size_t cap)
{
	Usrbio__SubmitBatch pb = USRBIO__SUBMIT_BATCH__INIT;

	pb.kind = m->op | m->flags << 8 | m->priority << 16;
	pb.n_io = m->n * sizeof(*m->io) / sizeof(*pb.io);
	pb.io = ARRAY(uint64_t, m->io);
	return pack_bounded(MSG_SUBMIT, &pb.base, 2 * FIELD_MAX + m->n * sizeof(*m->io), buf, cap);
}

static long encode_completion(const struct completion *m, uint8_t *buf, size_t cap)
{
	Usrbio__CompletionBatch pb = USRBIO__COMPLETION_BATCH__INIT;
	struct io_result done[COMPLETIONS_MAX];

	if (m->n > COMPLETIONS_MAX)
		return -EMSGSIZE;
	for (size_t i = 0; i < m->n; i++) {
		done[i] = m->done[i];
		if (done[i].result < 0)
			done[i].result = wire_from_errno((int)done[i].result);
	}
	pb.n_done = m->n * sizeof(*done) / sizeof(*pb.done);
	pb.done = ARRAY(int64_t, done);
	return pack_bounded(MSG_COMPLETION, &pb.base, FIELD_MAX + m->n * sizeof(*done), buf, cap);
}

static long encode_call(const struct call *m, uint8_t *buf, size_t cap)
{
	Usrbio__Call pb = USRBIO__CALL__INIT;

	pb.tag = m->tag;
	pb.op = m->op;
	pb.file = m->file;
	pb.path = data_of(m->path);
	pb.path2 = data_of(m->path2);
	pb.flags = m->flags;
	pb.mode = m->mode;
	pb.off = m->off;
	pb.len = m->len;
	pb.n_range = 2 * m->nr_ranges;
	pb.range = ARRAY(uint64_t, m->range);
	pb.replay = m->replay;
	pb.persistent = data_of(m->persistent);
	pb.at = m->at;
	pb.at2 = m->at2;
	pb.target = data_of(m->target);
	pb.uid = m->uid;
	pb.gid = m->gid;
	pb.atime_ns = m->atime_ns;
	pb.mtime_ns = m->mtime_ns;
	pb.name = data_of(m->name);
	pb.value = data_of(m->value);
	pb.names = data_of(m->names);
	return pack(MSG_CALL, &pb.base, buf, cap);
}

static long encode_reply(const struct reply *m, uint8_t *buf, size_t cap)
{
	Usrbio__Reply pb = USRBIO__REPLY__INIT;
	struct attr_row attrs[STATS_MAX];

	if (m->nr_attrs > STATS_MAX)
		return -EMSGSIZE;
	for (size_t i = 0; i < m->nr_attrs; i++) {
		attrs[i] = m->attrs[i];
		attrs[i].status = wire_from_errno((int)attrs[i].status);
	}
	pb.n_attrs = m->nr_attrs * sizeof(*attrs) / sizeof(*pb.attrs);
	pb.attrs = ARRAY(uint64_t, attrs);

	pb.tag = m->tag;
	pb.status = wire_from_errno(m->status);
	pb.file = m->file;
	pb.persistent = data_of(m->persistent);
	pb.attr_valid = m->attr_valid;
	pb.mode = m->attr.mode;
	pb.nlink = m->attr.nlink;
	pb.uid = m->attr.uid;
	pb.gid = m->attr.gid;
	pb.ino = m->attr.ino;
	pb.dev = m->attr.dev;
	pb.size = m->attr.size;
	pb.blocks = m->attr.blocks;
	pb.atime_ns = m->attr.atime_ns;
	pb.mtime_ns = m->attr.mtime_ns;
	pb.ctime_ns = m->attr.ctime_ns;
	pb.names = data_of(m->names);
	pb.n_types = m->nr_types;
	pb.types = ARRAY(uint32_t, m->types);
	pb.next = m->next;
	pb.counts_width = m->counts_width;
	pb.n_counts = m->nr_counts;
	pb.counts = ARRAY(uint64_t, m->counts);
	pb.n_ids = 2 * m->nr_ids;
	pb.ids = ARRAY(uint64_t, m->ids);
	pb.verifier = m->verifier;
	pb.target = data_of(m->target);
	pb.n_fs = m->nr_fs;
	pb.fs = ARRAY(uint64_t, m->fs);
	pb.value = data_of(m->value);
	return pack(MSG_REPLY, &pb.base, buf, cap);
}

static long encode_ping(const struct ping *m, uint8_t *buf, size_t cap)
{
	Usrbio__Ping pb = USRBIO__PING__INIT;

	pb.nonce = m->nonce;
	pb.pong = m->pong;
	return pack(MSG_PING, &pb.base, buf, cap);
}

static long encode_abort(const struct abort *m, uint8_t *buf, size_t cap)
{
	Usrbio__Abort pb = USRBIO__ABORT__INIT;

	pb.n_io = m->nr_ios;
	pb.io = ARRAY(uint32_t, m->ios);
	pb.n_call = m->nr_calls;
	pb.call = ARRAY(uint32_t, m->calls);
	pb.n_former = m->nr_former;
	pb.former = ARRAY(uint32_t, m->former);
	return pack(MSG_ABORT, &pb.base, buf, cap);
}

static long encode_goodbye(uint8_t *buf, size_t cap)
{
	Usrbio__Goodbye pb = USRBIO__GOODBYE__INIT;

	return pack(MSG_GOODBYE, &pb.base, buf, cap);
}

long codec_encode(const struct message *msg, void *buf, size_t cap)
{
	switch (msg->type) {
	case MSG_HELLO:
		return encode_hello(&msg->hello, buf, cap);
	case MSG_WELCOME:
		return encode_welcome(&msg->welcome, buf, cap);
	case MSG_REGION_ADD:
		return encode_region_add(&msg->region_add, buf, cap);
	case MSG_REGION_DROP:
		return encode_region_drop(&msg->region_drop, buf, cap);
	case MSG_SUBMIT:
		return encode_submit(&msg->submit, buf, cap);
	case MSG_COMPLETION:
		return encode_completion(&msg->completion, buf, cap);
	case MSG_CALL:
		return encode_call(&msg->call, buf, cap);
	case MSG_REPLY:
		return encode_reply(&msg->reply, buf, cap);
	case MSG_PING:
		return encode_ping(&msg->ping, buf, cap);
	case MSG_CHALLENGE:
		return encode_challenge(&msg->challenge, buf, cap);
	case MSG_PROOF:
		return encode_proof(&msg->proof, buf, cap);
	case MSG_ABORT:
		return encode_abort(&msg->abort, buf, cap);
	case MSG_GOODBYE:
		return encode_goodbye(buf, cap);
	case NR_MSG_TYPES:
		break;
	}
	return -EMSGSIZE;
}
