/*
 * The table of the rdma provider. A device and a domain get it where they are opened, which is
 * here. All objects that are made from them take it over. The table never changes, and any thread
 * reads it.
 */
#include "common/verbs/conn/conn.h"
#include "common/verbs/conn/domain.h"
#include "common/verbs/conn/listener.h"
#include "common/verbs/conn/send.h"
#include "common/verbs/conn/state.h"
#include "common/verbs/device/device.h"
#include "common/verbs/device/mem.h"
#include "common/verbs/poll.h"

static int device_open(const struct tp_addr *peer, struct tp_device **device)
{
	int err = verbs_device_open(peer, device);

	if (!err)
		(*device)->ops = &tp_verbs;
	return err;
}

static int domain_open(const struct tp_domain_config *config, struct tp_domain **domain)
{
	int err = verbs_domain_open(config, domain);

	if (!err)
		(*domain)->ops = &tp_verbs;
	return err;
}

const struct tp_ops tp_verbs = {
	.name = "rdma",
	.pins = true,
	.device_open = device_open,
	.device_close = verbs_device_close,
	.mem_register = verbs_mem_register,
	.mem_deregister = verbs_mem_deregister,
	.domain_open = domain_open,
	.domain_close = verbs_domain_close,
	.domain_local = verbs_domain_local,
	.listen = verbs_listen,
	.unlisten = verbs_unlisten,
	.accept = verbs_accept,
	.connect = verbs_connect,
	.disconnect = verbs_disconnect,
	.conn_free = verbs_conn_free,
	.msg_buf = verbs_msg_buf,
	.msg_send = verbs_msg_send,
	.post = verbs_post,
	.flush = verbs_flush,
	.poll = verbs_poll,
	.arm = verbs_arm,
};
