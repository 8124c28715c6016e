/*
 * Listeners by name in this process, and how two ends find each other. The caller that opened a
 * listener owns it, and any thread may connect to it. loop_lock protects all of it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "common/base/fork.h"
#include "common/loop/loop.h"
#include "common/base/clock.h"

static struct list listeners = {&listeners, &listeners};

/* Forget the parent's listeners in a forked child. */
static void forget(void)
{
	list_init(&listeners);
}

static void watch(void)
{
	fork_watch(forget);
}

static const char *name_of(const struct tp_addr *addr)
{
	return ((const struct sockaddr_un *)&addr->ss)->sun_path;
}

static struct loop_listener *find_listener(const struct tp_addr *addr)
{
	list_for_each (node, &listeners) {
		struct loop_listener *lis = container_of(node, struct loop_listener, link);

		if (!strcmp(name_of(&lis->base.addr), name_of(addr)))
			return lis;
	}
	return NULL;
}

/* Give a listener without a name a unique one, like port 0 of other providers. */
static void make_name(struct tp_addr *addr)
{
	static unsigned last;
	struct sockaddr_un *un = (struct sockaddr_un *)&addr->ss;

	if (un->sun_path[0])
		return;
	do {
		snprintf(un->sun_path, sizeof(un->sun_path), "#%u", ++last);
	} while (find_listener(addr));
}

int loop_listen(struct tp_domain *domain, const struct tp_addr *addr, struct tp_listener **listener)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct loop_listener *lis;
	int err = 0;

	if (addr->ss.ss_family != AF_UNIX)
		return -EADDRNOTAVAIL;
	pthread_once(&once, watch);
	lis = calloc(1, sizeof(*lis));
	if (!lis)
		return -ENOMEM;
	lis->base = (struct tp_listener){.ops = domain->ops, .addr = *addr};
	lis->domain = (struct loop_domain *)domain;
	lock_acquire(&loop_lock);
	make_name(&lis->base.addr);
	if (find_listener(&lis->base.addr))
		err = -EADDRINUSE;
	else
		list_add_tail(&listeners, &lis->link);
	lock_release(&loop_lock);
	if (err) {
		free(lis);
		return err;
	}
	*listener = &lis->base;
	return 0;
}

/* Close the client's end with a status and free the request. */
static void refuse(struct loop_request *request, int status)
{
	struct loop_conn *client = &request->pair->ends[0];

	if (status == -EAGAIN)
		tp_blame(&client->base, status, "%s", TP_WHY_BUSY);
	loop_conn_close(client, status);
	loop_conn_put(loop_peer(client));
	free(request);
}

void loop_unlisten(struct tp_listener *listener)
{
	struct loop_listener *lis = (struct loop_listener *)listener;

	lock_acquire(&loop_lock);
	list_del(&lis->link);
	list_for_each_safe (node, &lis->domain->requests) {
		struct loop_request *request = container_of(node, struct loop_request, link);

		if (request->listener != lis)
			continue;
		list_del(&request->link);
		refuse(request, -ECONNREFUSED);
	}
	lock_release(&loop_lock);
	free(lis);
}

/* Open both ends, with the smaller limit of the two. */
static void agree(struct loop_conn *a, struct loop_conn *b)
{
	uint32_t x = loop_domain_of(a)->config.msg_max, y = loop_domain_of(b)->config.msg_max;

	a->base.msg_max = b->base.msg_max = x < y ? x : y;
	a->state = b->state = LOOP_STATE_OPEN;
}

int loop_accept(struct tp_domain *domain, struct tp_request *request, void *user,
		struct tp_conn **out)
{
	struct loop_request *req = (struct loop_request *)request;
	struct loop_conn *client = &req->pair->ends[0], *server = &req->pair->ends[1];
	int err = 0;

	lock_acquire(&loop_lock);
	if (domain)
		err = loop_conn_init(server, (struct loop_domain *)domain, user);
	if (!domain || err) {
		refuse(req, -EAGAIN);
		goto out_unlock;
	}
	if (client->state == LOOP_STATE_CONNECTING)
		agree(client, server);
	else /* the client has left, or its timeout has passed */
		loop_conn_close(server, -ECONNRESET);
	loop_conn_connecting(client, false);
	loop_make_ready(client);
	loop_make_ready(server);
	free(req);
	*out = &server->base;
out_unlock:
	lock_release(&loop_lock);
	return err;
}

/* Queue a request at the listener of that name, or refuse it if there is none. */
static void ask(struct loop_pair *pair, struct loop_request *request, const struct tp_addr *peer)
{
	struct loop_listener *lis = find_listener(peer);

	*request = (struct loop_request){
		.base = {.ops = pair->ends[0].base.ops, .peer = *peer},
		.listener = lis,
		.pair = pair,
	};
	if (!lis) {
		refuse(request, -ECONNREFUSED);
		return;
	}
	loop_conn_connecting(&pair->ends[0], true);
	list_add_tail(&lis->domain->requests, &request->link);
	loop_wake(lis->domain);
}

int loop_connect(struct tp_domain *domain, struct tp_device *device, const struct tp_addr *peer,
		 unsigned timeout_ms, void *user, struct tp_conn **out)
{
	struct loop_pair *pair = calloc(1, sizeof(*pair));
	struct loop_request *request = malloc(sizeof(*request));
	struct loop_conn *client;
	int err = -ENOMEM;

	if (!pair || !request)
		goto err_free;
	client = &pair->ends[0];
	client->pair = pair->ends[1].pair = pair;
	lock_acquire(&loop_lock);
	err = loop_conn_init(client, (struct loop_domain *)domain, user);
	if (err) {
		lock_release(&loop_lock);
		goto err_free;
	}
	client->keys = &((struct key_device *)device)->keys;
	client->deadline_ns = now_ns() + (uint64_t)timeout_ms * 1000000u;
	pair->ends[1].taken = true; /* the request owns this end */
	ask(pair, request, peer);
	lock_release(&loop_lock);
	*out = &client->base;
	return 0;

err_free:
	free(request);
	free(pair);
	return err;
}
