/*
 * The messages as plain structs: input and output of the codec. Byte strings and arrays point to
 * the sender's memory when encoding, and into the arena (or the frame) after decoding.
 */
#ifndef USRBIO_PROTO_MESSAGE_H
#define USRBIO_PROTO_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "proto/limits.h"

/* The first byte of a frame is one of these. */
enum msg_type {
	MSG_HELLO = 1,
	MSG_WELCOME,
	MSG_REGION_ADD,
	MSG_REGION_DROP,
	MSG_SUBMIT,
	MSG_COMPLETION,
	MSG_CALL,
	MSG_REPLY,
	MSG_PING,
	MSG_CHALLENGE,
	MSG_PROOF,
	MSG_ABORT,
	MSG_GOODBYE, /* it has no fields */
	NR_MSG_TYPES,
};

/*
 * A byte string. After decoding, data[len] is a zero byte. A path has no other zero byte, so that a
 * decoded path is a C string.
 */
struct bytes {
	const uint8_t *data;
	size_t len;
};

struct hello {
	uint32_t version_min, version_max;
	uint64_t features;
	struct bytes export, client;
	struct bytes session_id, session_key; /* empty, or of their full size */
	uint32_t max_inflight;
	uint32_t epoch, channel;
	/* Only a client with a key sends these, and it sends no session_key. */
	struct bytes key_id, key_tag, nonce, share;
};

/* A mac is the last field of its frame; seal.h describes it. */
struct challenge {
	uint32_t version;
	struct bytes nonce, share, mac;
};

struct proof {
	struct bytes session_mac; /* empty, or of its full size */
	struct bytes mac;
};

struct welcome {
	int status; /* 0 or -errno */
	uint32_t version;
	uint64_t features;
	struct bytes session_id, session_key;
	uint64_t boot_id;
	uint32_t max_inflight, max_regions, max_files, export_flags;
	uint64_t host;
	uint64_t verifier; /* the export's write verifier */
	struct bytes server, text;
	struct bytes mac; /* empty, or sent instead of a session_key */
};

struct region_add {
	uint32_t region, key;
	uint64_t base, size;
	uint32_t access;
};

struct region_drop {
	uint32_t tag, region;
};

/* One I/O, with the words of a SubmitBatch, which protobuf-c copies unchanged. */
struct io_entry {
	uint64_t ids; /* region << 32 | tag */
	uint64_t file, off, len, region_off;
};

static inline uint64_t io_ids(uint32_t region, uint32_t tag)
{
	return (uint64_t)region << 32 | tag;
}

static inline uint32_t io_region(const struct io_entry *io)
{
	return (uint32_t)(io->ids >> 32);
}

static inline uint32_t io_tag(const struct io_entry *io)
{
	return (uint32_t)io->ids;
}

struct submit {
	uint32_t op, flags, priority;
	size_t n;
	const struct io_entry *io;
};

/* One result, with the words of a CompletionBatch. */
struct io_result {
	int64_t tag;	/* 32 bits, unsigned */
	int64_t result; /* bytes, or -errno of this machine (wire_to_errno has translated it) */
};

struct completion {
	size_t n;
	const struct io_result *done;
};

struct call {
	uint32_t tag, op;
	uint64_t file;
	struct bytes path, path2;
	uint32_t flags, mode;
	uint64_t off, len;
	size_t nr_ranges; /* a range is two numbers: where it begins, and where it ends */
	const uint64_t *range;
	uint32_t replay;
	struct bytes persistent;
	uint64_t at, at2;
	struct bytes target; /* of a symbolic link; like a path, it has no zero byte */
	uint32_t uid, gid;
	int64_t atime_ns, mtime_ns;
	struct bytes name, value; /* of an extended attribute; the name has no zero byte */
	struct bytes names;	  /* of CALL_STATS: paths, each of which ends with a zero byte */
	size_t nr_names;
};

struct file_attr {
	uint32_t mode, nlink, uid, gid;
	uint64_t ino, dev, size, blocks;
	int64_t atime_ns, mtime_ns, ctime_ns;
};

/* The attributes of one path, with the words of a Reply, which protobuf-c copies unchanged. */
struct attr_row {
	int64_t status; /* 0, or -errno of this machine (wire_to_errno has translated it) */
	uint64_t kind;	/* nlink << 32 | mode */
	uint64_t owner; /* gid << 32 | uid */
	uint64_t ino, dev, size, blocks;
	int64_t atime_ns, mtime_ns, ctime_ns;
};

/* A row with this status, and with *attr if that is 0. */
static inline struct attr_row attr_to_row(int status, const struct file_attr *attr)
{
	if (status)
		return (struct attr_row){.status = status};
	return (struct attr_row){
		.kind = (uint64_t)attr->nlink << 32 | attr->mode,
		.owner = (uint64_t)attr->gid << 32 | attr->uid,
		.ino = attr->ino,
		.dev = attr->dev,
		.size = attr->size,
		.blocks = attr->blocks,
		.atime_ns = attr->atime_ns,
		.mtime_ns = attr->mtime_ns,
		.ctime_ns = attr->ctime_ns,
	};
}

static inline struct file_attr attr_of_row(const struct attr_row *row)
{
	return (struct file_attr){
		.mode = (uint32_t)row->kind,
		.nlink = (uint32_t)(row->kind >> 32),
		.uid = (uint32_t)row->owner,
		.gid = (uint32_t)(row->owner >> 32),
		.ino = row->ino,
		.dev = row->dev,
		.size = row->size,
		.blocks = row->blocks,
		.atime_ns = row->atime_ns,
		.mtime_ns = row->mtime_ns,
		.ctime_ns = row->ctime_ns,
	};
}

struct reply {
	uint32_t tag;
	int status; /* 0 or -errno */
	uint64_t file;
	struct bytes persistent;
	uint32_t attr_valid;
	struct file_attr attr;
	struct bytes names; /* each name ends with a zero byte */
	size_t nr_types;
	const uint32_t *types; /* as many as there are names */
	uint64_t next;
	uint32_t counts_width;
	size_t nr_counts; /* counts_width for each of the types */
	const uint64_t *counts;
	size_t nr_ids; /* an id is two numbers, of the device and of the file */
	const uint64_t *ids;
	uint64_t verifier;   /* of CALL_FSYNC: the export's write verifier when the sync ended */
	struct bytes target; /* of a symbolic link */
	size_t nr_fs;	     /* of CALL_STATFS: enum fs_number */
	const uint64_t *fs;
	struct bytes value; /* of an extended attribute, or the names of all */
	size_t nr_attrs;    /* of CALL_STATS: as many as the call had names */
	const struct attr_row *attrs;
};

struct ping {
	uint64_t nonce;
	uint32_t pong;
};

/*
 * Tags of I/Os and calls that the client gives up, and of calls that it sent on earlier connections
 * and does not repeat; at least one, at most ABORT_MAX of each.
 */
struct abort {
	size_t nr_ios, nr_calls, nr_former;
	const uint32_t *ios, *calls, *former;
};

struct message {
	enum msg_type type;
	union {
		struct hello hello;
		struct welcome welcome;
		struct region_add region_add;
		struct region_drop region_drop;
		struct submit submit;
		struct completion completion;
		struct call call;
		struct reply reply;
		struct ping ping;
		struct challenge challenge;
		struct proof proof;
		struct abort abort;
	};
};

#endif
