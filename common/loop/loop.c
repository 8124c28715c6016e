/*
 * The table of the loop provider. A device and a domain get it where they are opened, which is
 * here. All objects that are made from them copy it. The table never changes, and any thread reads
 * it.
 */
#include "common/loop/loop.h"

static int device_open(const struct tp_addr *peer, struct tp_device **device)
{
	(void)peer;
	return key_device_open(&tp_loop, device);
}

static int domain_open(const struct tp_domain_config *config, struct tp_domain **domain)
{
	int err = loop_domain_open(config, domain);

	if (!err)
		(*domain)->ops = &tp_loop;
	return err;
}

const struct tp_ops tp_loop = {
	.name = "loop",
	.device_open = device_open,
	.device_close = key_device_close,
	.mem_register = key_device_register,
	.mem_deregister = key_device_deregister,
	.domain_open = domain_open,
	.domain_close = loop_domain_close,
	.domain_local = loop_domain_local,
	.listen = loop_listen,
	.unlisten = loop_unlisten,
	.accept = loop_accept,
	.connect = loop_connect,
	.disconnect = loop_disconnect,
	.conn_free = loop_conn_free,
	.msg_buf = loop_msg_buf,
	.msg_send = loop_msg_send,
	.post = loop_post,
	.flush = loop_flush,
	.poll = loop_poll,
	.arm = loop_arm,
};
