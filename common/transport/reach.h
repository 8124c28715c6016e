/*
 * The target of a peer's READ or WRITE when software serves it: bytes of an I/O of this end. The
 * owner of the connection knows which I/Os are under way, and their memory
 * (tp_domain_config.range). The device's key table knows whether that memory is still registered.
 * The tcp, tls and loop providers share this.
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
 * Return the memory if the peer of this connection may `access` it now, else NULL. `keys` are those
 * of the device that it was connected with. They are NULL if the connection was accepted, which
 * grants nothing. The caller has entered the key table, and the memory is valid until it leaves.
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
 * Set conn->why to the reason why the peer may not access the memory, and return -EACCES, with
 * which the caller ends the connection. The caller has entered the key table.
 */
int reach_deny(struct tp_conn *conn, const struct tp_domain_config *config, const struct keys *keys,
	       enum tp_access access, const struct reach *reach);

#endif
