/* Checks answers against the calls that they answer; see reply_check.h. No state; any thread. */
#include "client/calls/reply_check.h"

#include <stdbool.h>
#include <string.h>

#include "proto/name.h"

#define MODE_MAX 0177777u /* four bits for the type, and twelve permission bits */

/*
 * Check the names of a listing. The codec has checked that there is a type for each name, and a
 * zero byte after it.
 */
static const char *wrong_names(const struct reply *reply)
{
	const char *name = (const char *)reply->names.data;

	for (size_t i = 0; i < reply->nr_types; i++) {
		size_t len = strlen(name);

		if (!name_is_plain(name, len))
			return "a malformed name in a listing";
		if (len > PROTO_NAME_MAX)
			return "an overlong name in a listing";
		if (reply->types[i] > UINT8_MAX)
			return "an unknown type in a listing";
		name += len + 1;
	}
	return NULL;
}

static bool has_rows(uint32_t op)
{
	return op == CALL_READDIR || op == CALL_COUNTERS;
}

static const char *wrong_surplus(const struct call *call, const struct reply *reply)
{
	if (!has_rows(call->op) && (reply->names.len || reply->nr_types))
		return "names that were not requested";
	if (call->op != CALL_COUNTERS && (reply->counts_width || reply->nr_counts))
		return "counters that were not requested";
	if (call->op != CALL_ANCESTORS && reply->nr_ids)
		return "directories that were not requested";
	if (call->op != CALL_READLINK && reply->target.len)
		return "a symbolic link that was not requested";
	if (call->op != CALL_STATS && reply->nr_attrs)
		return "attributes of paths that were not requested";
	if (call->op != CALL_STATFS && reply->nr_fs)
		return "numbers of a file system that were not requested";
	if (call->op != CALL_GETXATTR && call->op != CALL_LISTXATTR && reply->value.len)
		return "extended attributes that were not requested";
	return NULL;
}

/* Callers use sizes as offsets, so a size must not exceed INT64_MAX. */
static const char *wrong_attr(const struct file_attr *attr)
{
	return attr->size > INT64_MAX || attr->blocks > INT64_MAX || attr->mode > MODE_MAX
		       ? "attributes that no file has"
		       : NULL;
}

static const char *wrong_attributes(const struct reply *reply)
{
	return reply->attr_valid ? wrong_attr(&reply->attr)
				 : "an answer without the requested attributes";
}

static const char *wrong_rows(const struct call *call, const struct reply *reply)
{
	const char *wrong = NULL;

	if (reply->nr_attrs != call->nr_names)
		return "attributes of fewer or more paths than were asked for";
	for (size_t i = 0; i < reply->nr_attrs && !wrong; i++) {
		struct file_attr attr = attr_of_row(&reply->attrs[i]);

		wrong = reply->attrs[i].status ? NULL : wrong_attr(&attr);
	}
	return wrong;
}

static const char *wrong_place(const struct call *call, const struct reply *reply)
{
	return reply->next < call->off || reply->next > INT64_MAX
		       ? "data before where it was sought"
		       : NULL;
}

static const char *wrong_fs(const struct reply *reply)
{
	return reply->nr_fs < NR_FS_NUMBERS || !reply->fs[FS_BLOCK_SIZE]
		       ? "a file system without its numbers"
		       : NULL;
}

static const char *wrong_xattr_names(const struct reply *reply)
{
	const char *at = (const char *)reply->value.data, *end = at + reply->value.len;

	while (at < end) {
		size_t len = strnlen(at, (size_t)(end - at));

		if (at + len == end || !name_is_xattr(at, len))
			return "a malformed name of an extended attribute";
		at += len + 1;
	}
	return NULL;
}

static const char *wrong_success(const struct call *call, const struct reply *reply)
{
	switch (call->op) {
	case CALL_OPEN:
	case CALL_REOPEN:
		/* In later calls, a handle of 0 means that there is no file. */
		return reply->file ? wrong_attributes(reply) : "an open file without a handle";
	case CALL_FSYNC:
		return reply->verifier ? NULL : "a sync without a write verifier";
	case CALL_STAT:
		return wrong_attributes(reply);
	case CALL_READDIR:
		return wrong_names(reply);
	case CALL_SEEK:
		return wrong_place(call, reply);
	case CALL_READLINK:
		return reply->target.len ? NULL : "a symbolic link without a target";
	case CALL_LISTXATTR:
		return wrong_xattr_names(reply);
	case CALL_STATS:
		return wrong_rows(call, reply);
	case CALL_STATFS:
		return wrong_fs(reply);
	case CALL_ANCESTORS:
		return reply->nr_ids ? NULL : "a directory that is nothing";
	default:
		return NULL;
	}
}

const char *reply_check(const struct call *call, const struct reply *reply)
{
	const char *wrong = wrong_surplus(call, reply);

	return wrong || reply->status ? wrong : wrong_success(call, reply);
}
