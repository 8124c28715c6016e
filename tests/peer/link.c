/* A client's end of a connection. Owned by its player, one thread. */
#include "tests/peer/link.h"

#include <sched.h>
#include <string.h>

#include "common/provider/provider.h"
#include "common/transport/addr.h"
#include "tests/support/must.h"
#include "tests/peer/message.h"

struct tp_domain_config link_config(void)
{
	return (struct tp_domain_config){.msg_max = FRAME_MAX,
					 .nr_recvs = 32,
					 .nr_sends = 32,
					 .nr_posts = 32,
					 .nr_conns = 1,
					 .numa = -1};
}

static void resolve(struct link *link, const char *url, struct tp_addr *addr)
{
	const char *host = strstr(url, "://") + 3;
	char scheme[8] = "", name[256];
	uint16_t port = 0;

	memcpy(scheme, url, (size_t)(host - 3 - url));
	link->ops = provider_find(scheme);
	must(link->ops && !addr_split(host, name, sizeof(name), &port), "%s", url);
	must(addr_resolve(scheme, name, port, false, addr, 1) >= 1, "%s", url);
}

void link_open(struct link *link, const char *url, const struct tp_domain_config *config,
	       void (*take)(struct link *link, const struct tp_event *event))
{
	const struct tp_domain_config ordinary = link_config();
	struct tp_addr addr;

	*link = (struct link){.max_events = 32, .take = take};
	resolve(link, url, &addr);
	must(!arena_open(&link->arena, ARENA_SIZE), "memory");
	must(!link->ops->device_open(&addr, &link->device), "a device for %s", url);
	must(!link->ops->domain_open(config ? config : &ordinary, &link->domain), "a domain");
	must(!link->ops->connect(link->domain, link->device, &addr, 5000, link, &link->conn),
	     "connect to %s", url);
	while (!link->connected && !link->closed)
		link_step(link);
}

void link_close(struct link *link)
{
	link->ops->disconnect(link->conn);
	while (!link->closed)
		link_step(link);
	link->ops->conn_free(link->conn);
	link->ops->domain_close(link->domain);
	if (link->mem)
		link->ops->mem_deregister(link->mem);
	link->ops->device_close(link->device);
	arena_close(&link->arena);
}

void link_step(struct link *link)
{
	struct tp_event events[32];
	int n = link->ops->poll(link->domain, events, link->max_events);

	for (int i = 0; i < n; i++) {
		if (events[i].type == TP_EV_CONNECTED)
			link->connected = true;
		if (events[i].type == TP_EV_CLOSED) {
			link->closed = true;
			link->closed_status = events[i].status;
		}
		link->take(link, &events[i]);
	}
	if (n < 1)
		sched_yield();
}

void link_send_frame(struct link *link, const void *frame, size_t len)
{
	void *buf;

	while (!(buf = link->ops->msg_buf(link->conn)) && !link->closed)
		link_step(link);
	if (!buf)
		return;
	memcpy(buf, frame, len);
	link->ops->msg_send(link->conn, len);
	link->ops->flush(link->conn);
}

void link_send(struct link *link, const struct message *msg)
{
	uint8_t frame[FRAME_MAX];

	link_send_frame(link, frame, message_frame(msg, frame, sizeof(frame)));
}
