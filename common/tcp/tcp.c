/*
 * The tables of the two providers, tcp and tls. They differ in the function that opens a domain.
 * The tables do not change, and any thread reads them.
 */
#include "common/tcp/conn/conn.h"
#include "common/tcp/conn/listener.h"
#include "common/tcp/poll.h"
#include "common/tcp/conn/send.h"
#include "common/tcp/conn/state.h"

static int device_open(const struct tp_addr *peer, struct tp_device **device)
{
	(void)peer;
	return key_device_open(&tp_tcp, device);
}

static int device_open_tls(const struct tp_addr *peer, struct tp_device **device)
{
	(void)peer;
	return key_device_open(&tp_tls, device);
}

static int open_domain(const struct tp_ops *ops, const struct tp_domain_config *config,
		       struct tp_domain **out)
{
	struct tcp_domain *domain;
	int err = tcp_domain_open(ops, config, &domain);

	if (err)
		return err;
	domain->secure = ops == &tp_tls;
	domain->base.conn_bytes = tcp_conn_bytes(domain);
	*out = &domain->base;
	return 0;
}

static int domain_open(const struct tp_domain_config *config, struct tp_domain **domain)
{
	return open_domain(&tp_tcp, config, domain);
}

static int domain_open_tls(const struct tp_domain_config *config, struct tp_domain **domain)
{
	return open_domain(&tp_tls, config, domain);
}

#define BOTH                                                                                    \
	.takes_pipes = true, .device_close = key_device_close,                                  \
	.mem_register = key_device_register, .mem_deregister = key_device_deregister,           \
	.domain_close = tcp_domain_close, .domain_local = tcp_domain_local,                     \
	.listen = tcp_listener_open, .unlisten = tcp_listener_close, .accept = tcp_conn_accept, \
	.connect = tcp_conn_connect, .disconnect = tcp_state_disconnect,                        \
	.conn_free = tcp_conn_free, .msg_buf = tcp_send_buf, .msg_send = tcp_send_msg,          \
	.post = tcp_send_post, .flush = tcp_send_flush, .poll = tcp_poll, .arm = tcp_poll_arm

const struct tp_ops tp_tcp = {
	.name = "tcp",
	.device_open = device_open,
	.domain_open = domain_open,
	BOTH,
};

const struct tp_ops tp_tls = {
	.name = "tls",
	.device_open = device_open_tls,
	.domain_open = domain_open_tls,
	BOTH,
};
