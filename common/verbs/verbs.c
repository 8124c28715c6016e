/* The table of the rdma provider. */
#include "common/verbs/verbs.h"

const struct tp_ops tp_verbs = {
	.name = "rdma",
	.pins = true,
	.device_open = verbs_device_open,
	.device_close = verbs_device_close,
	.mem_register = verbs_mem_register,
	.mem_deregister = verbs_mem_deregister,
	.domain_open = verbs_domain_open,
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
