/* Addresses by name, through getaddrinfo(). This code has no state and owns nothing. Any thread. */
#include "common/transport/addr.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static int parse_port(const char *text, uint16_t *port)
{
	char *end;
	unsigned long value;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	value = strtoul(text, &end, 10);
	if (*end || value > UINT16_MAX)
		return -EINVAL;
	*port = (uint16_t)value;
	return 0;
}

int addr_split(const char *text, char *host, size_t hostlen, uint16_t *port)
{
	const char *start = text, *end, *colon = strchr(text, ':');

	if (*text == '[') {
		start = text + 1;
		end = strchr(start, ']');
		if (!end || (end[1] && end[1] != ':'))
			return -EINVAL;
		colon = end[1] ? end + 1 : NULL;
	} else if (colon && strchr(colon + 1, ':')) { /* two colons make it a bare v6 address */
		colon = NULL;
		end = text + strlen(text);
	} else {
		end = colon ? colon : text + strlen(text);
	}
	if (end == start)
		return -EINVAL;
	if ((size_t)(end - start) >= hostlen)
		return -ENAMETOOLONG;
	if (colon) {
		uint16_t value;
		int err = parse_port(colon + 1, &value);

		if (err)
			return err;
		*port = value;
	}
	memcpy(host, start, (size_t)(end - start));
	host[end - start] = '\0';
	return 0;
}

static int resolve_loop(const char *name, struct tp_addr *addr)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&addr->ss;

	if (strlen(name) >= sizeof(un->sun_path))
		return -ENAMETOOLONG;
	*addr = (struct tp_addr){.len = sizeof(*un)};
	un->sun_family = AF_UNIX;
	strcpy(un->sun_path, name);
	return 1;
}

static int errno_of_gai(int code)
{
	switch (code) {
	case EAI_AGAIN:
		return -EAGAIN;
	case EAI_MEMORY:
		return -ENOMEM;
	case EAI_SYSTEM:
		return -errno;
	default:
		return -ENOENT;
	}
}

const char *addr_error(int err)
{
	switch (err) {
	case -EAGAIN:
		return gai_strerror(EAI_AGAIN);
	case -ENOENT:
		return gai_strerror(EAI_NONAME);
	default:
		return strerror(-err);
	}
}

int addr_resolve(const char *scheme, const char *host, uint16_t port, bool passive,
		 struct tp_addr *addrs, int max)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *list, *it;
	char service[8];
	int n = 0, code;

	if (!strcmp(scheme, "loop"))
		return resolve_loop(host, addrs);
	if (passive) {
		hints.ai_flags = AI_PASSIVE;
		if (!*host || !strcmp(host, "*"))
			host = NULL;
	}
	snprintf(service, sizeof(service), "%u", port);
	code = getaddrinfo(host, service, &hints, &list);
	if (code)
		return errno_of_gai(code);
	for (it = list; it && n < max; it = it->ai_next) {
		addrs[n].len = it->ai_addrlen;
		memset(&addrs[n].ss, 0, sizeof(addrs[n].ss));
		memcpy(&addrs[n].ss, it->ai_addr, it->ai_addrlen);
		n++;
	}
	freeaddrinfo(list);
	return n ? n : -ENOENT;
}

const char *addr_text(const struct tp_addr *addr, char *buf, size_t len)
{
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (addr->ss.ss_family == AF_UNIX) {
		snprintf(buf, len, "%s", ((const struct sockaddr_un *)&addr->ss)->sun_path);
	} else if (getnameinfo((const struct sockaddr *)&addr->ss, addr->len, host, sizeof(host),
			       port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV)) {
		snprintf(buf, len, "?");
	} else {
		const char *fmt = strchr(host, ':') ? "[%s]:%s" : "%s:%s";

		snprintf(buf, len, fmt, host, port);
	}
	return buf;
}

uint16_t addr_port(const struct tp_addr *addr)
{
	switch (addr->ss.ss_family) {
	case AF_INET:
		return ntohs(((const struct sockaddr_in *)&addr->ss)->sin_port);
	case AF_INET6:
		return ntohs(((const struct sockaddr_in6 *)&addr->ss)->sin6_port);
	default:
		return 0;
	}
}

bool addr_is_loopback(const struct tp_addr *addr)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)&addr->ss;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&addr->ss;

	switch (addr->ss.ss_family) {
	case AF_UNIX:
		return true;
	case AF_INET:
		return ntohl(in->sin_addr.s_addr) >> 24 == 127;
	case AF_INET6:
		return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
	default:
		return false;
	}
}
