/*
 * The target of a peer's READ or WRITE when software serves it: bytes of one of our I/Os. The owner
 * of the connection knows which I/Os are under way and where (tp_domain_config.range). The device's
 * key table knows whether that memory is still registered. tcp and loop share this.
 */
#ifndef USRBIO_COMMON_TRANSPORT_REACH_H
#define USRBIO_COMMON_TRANSPORT_REACH_H

#include "common/transport/keys.h"
#include "common/transport/transport.h"

struct reach {
	uint64_t off; /* from the beginning of the I/O */
	uint32_t tag;
	uint32_t len;
};

/*
 * Return the memory if the peer of this connection may `access` it now, else NULL. keys: those of
 * the device that it was connected with; NULL: the connection was accepted, and grants nothing. The
 * caller has entered the key table, and the memory is valid until it leaves.
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

/*
 * End the connection because the peer may not access it: -EACCES, and conn->why. The caller has
 * entered the key table.
 */
int reach_deny(struct tp_conn *conn, const struct tp_domain_config *config, const struct keys *keys,
	       enum tp_access access, const struct reach *reach);

#endif
