/*
 * What a peer's READ or WRITE names, where software serves it: bytes of an I/O of ours. The owner
 * of the connection knows which I/Os are under way and where (tp_domain_config.range), the device's
 * key table whether that memory is still there. Shared by tcp and loop.
 */
#ifndef USRBIO_COMMON_TRANSPORT_REACH_H
#define USRBIO_COMMON_TRANSPORT_REACH_H

#include "common/transport/keys.h"
#include "common/transport/transport.h"

struct reach {
	uint64_t off; /* in the I/O */
	uint32_t tag;
	uint32_t len;
};

/*
 * The memory, if the peer of this connection may `access` it now, or NULL. keys: of the device it
 * was connected with; NULL: it was accepted, and grants nothing. Inside the key table, and good
 * until that is left.
 */
static inline char *reach_find(const struct tp_conn *conn, const struct tp_domain_config *config,
			       const struct keys *keys, enum tp_access access,
			       const struct reach *reach)
{
	struct tp_range range;

	if (!keys || !config->range || !config->range(conn->user, reach->tag, access, &range))
		return NULL;
	if (reach->off > range.len || reach->len > range.len - reach->off)
		return NULL;
	return keys_find(keys, range.key, range.base + reach->off, reach->len, access);
}

/* The connection ends because it may not: -EACCES, and conn->why. Likewise inside. */
int reach_deny(struct tp_conn *conn, const struct tp_domain_config *config, const struct keys *keys,
	       enum tp_access access, const struct reach *reach);

#endif
