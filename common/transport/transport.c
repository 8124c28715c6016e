/*
 * Functions about a connection that all providers share. They have no state and own nothing. The
 * thread of the connection's domain calls them.
 */
#include "common/transport/transport.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int tp_blame(struct tp_conn *conn, int status, const char *fmt, ...)
{
	va_list args;

	if (*conn->why)
		return status;
	va_start(args, fmt);
	vsnprintf(conn->why, sizeof(conn->why), fmt, args);
	va_end(args);
	return status;
}

size_t tp_binding(const struct tp_conn *conn, uint8_t binding[TP_BINDING_MAX])
{
	size_t len = strlen(conn->ops->name);

	memcpy(binding, conn->ops->name, len);
	memset(binding + len, 0, TP_CHANNEL_SIZE);
	if (conn->channel)
		memcpy(binding + len, conn->channel, TP_CHANNEL_SIZE);
	return len + TP_CHANNEL_SIZE;
}
