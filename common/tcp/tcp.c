/* The table of the tcp provider. */
#include "common/tcp/tcp.h"

static int device_open(const struct tp_addr *peer, struct tp_device **device)
{
	(void)peer;
	return keyed_device_open(&tp_tcp, device);
}

const struct tp_ops tp_tcp = {
	.name = "tcp",
	.takes_pipes = true,
	.device_open = device_open,
	.device_close = keyed_device_close,
	.mem_register = keyed_mem_register,
	.mem_deregister = keyed_mem_deregister,
	.domain_open = tcp_domain_open,
	.domain_close = tcp_domain_close,
	.domain_local = tcp_domain_local,
	.listen = tcp_listen,
	.unlisten = tcp_unlisten,
	.accept = tcp_accept,
	.connect = tcp_connect,
	.disconnect = tcp_disconnect,
	.conn_free = tcp_conn_free,
	.msg_buf = tcp_msg_buf,
	.msg_send = tcp_msg_send,
	.post = tcp_post,
	.flush = tcp_flush,
	.poll = tcp_poll,
	.arm = tcp_arm,
};
