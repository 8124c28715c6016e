/*
 * The reasons why a peer may not access memory of this end. This code has no state and owns
 * nothing. The connection's thread calls it.
 */
#include "common/transport/reach.h"

#include <errno.h>

static const char *why_not(const struct tp_conn *conn, const struct tp_domain_config *config,
			   const struct keys *keys, enum tp_access access,
			   const struct reach *reach)
{
	struct tp_range range;

	if (!keys)
		return "this end grants no memory";
	if (!config->range || !config->range(conn->user, reach->tag, access, &range))
		return "no such I/O is under way in this direction";
	if (reach->off > range.len || reach->len > range.len - reach->off)
		return "that is beyond its end";
	return "its memory is not registered any more";
}

int reach_deny(struct tp_conn *conn, const struct tp_domain_config *config, const struct keys *keys,
	       enum tp_access access, const struct reach *reach)
{
	return tp_blame(conn, -EACCES, "tried to %s %u bytes at offset %llu of I/O %08x: %s",
			access == TP_REMOTE_WRITE ? "write" : "read", reach->len,
			(unsigned long long)reach->off, reach->tag,
			why_not(conn, config, keys, access, reach));
}
