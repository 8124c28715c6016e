/*
 * What goes through a connection's TLS once the handshake is over, and its farewell. Records are
 * made here where the kernel does not make them; one at a time may wait for the socket.
 */
#include "common/tcp/tls/tls_impl.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * What a call that did not succeed means, in errno's words; 0: the peer said goodbye. `err` is
 * errno after it. Leaves nothing in the thread's queue of errors, which belongs to the program.
 */
static int meaning(struct tls *tls, int ret, int err)
{
	int code = SSL_get_error(tls->ssl, ret);
	unsigned long first = ERR_peek_error();

	ERR_clear_error();
	if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE)
		return EAGAIN;
	if (code == SSL_ERROR_ZERO_RETURN)
		return 0;
	if (code == SSL_ERROR_SYSCALL)
		return err ? err : ECONNRESET;
	if (ERR_GET_REASON(first) != SSL_R_UNEXPECTED_EOF_WHILE_READING)
		snprintf(tls->why, sizeof(tls->why), "broke the rules of TLS: %s",
			 tls_reason(first));
	return ECONNRESET;
}

ssize_t tls_recv(struct tls *tls, const struct msghdr *msg, bool *more)
{
	size_t got;
	int ret;

	tls_begin();
	ret = SSL_read_ex(tls->ssl, msg->msg_iov->iov_base, msg->msg_iov->iov_len, &got);
	*more = !tls->drained || SSL_has_pending(tls->ssl);
	if (ret == 1)
		return (ssize_t)got;
	errno = meaning(tls, ret, errno);
	return errno ? -1 : 0;
}

bool tls_holds(const struct tls *tls)
{
	return tls->held;
}

/* One record, whole: OpenSSL wants to see the same bytes until the socket has all of it. */
int tls_push(struct tls *tls)
{
	size_t sent;
	int ret;

	tls_begin();
	ret = SSL_write_ex(tls->ssl, tls->out, tls->held, &sent);
	if (ret == 1) {
		tls->held = 0;
		return 0;
	}
	errno = meaning(tls, ret, errno);
	if (!errno)
		errno = EPIPE;
	return -1;
}

/* As much as fits a record. The segments are used up. */
static void gather(struct tls *tls, struct msghdr *msg)
{
	while (msg->msg_iovlen && tls->held < TLS_RECORD_MAX) {
		struct iovec *iov = msg->msg_iov;
		size_t n = TLS_RECORD_MAX - tls->held;

		if (n > iov->iov_len)
			n = iov->iov_len;
		memcpy(tls->out + tls->held, iov->iov_base, n);
		tls->held += (uint32_t)n;
		iov->iov_base = (char *)iov->iov_base + n;
		iov->iov_len -= n;
		if (!iov->iov_len) {
			msg->msg_iov++;
			msg->msg_iovlen--;
		}
	}
}

ssize_t tls_send(struct tls *tls, struct msghdr *msg, int flags)
{
	ssize_t taken = 0;

	if (tls->offloaded)
		return sendmsg(tls->fd, msg, flags);
	if (tls->held && tls_push(tls))
		return -1;
	while (msg->msg_iovlen) {
		gather(tls, msg);
		taken += tls->held;
		if (tls_push(tls))
			return errno == EAGAIN ? taken : -1;
	}
	return taken;
}

ssize_t tls_splice(struct tls *tls, int pipe, size_t len, unsigned flags)
{
	size_t taken = 0;

	if (tls->offloaded)
		return splice(pipe, NULL, tls->fd, NULL, len, flags);
	if (tls->held && tls_push(tls))
		return -1;
	while (taken < len) {
		size_t room = len - taken < TLS_RECORD_MAX ? len - taken : TLS_RECORD_MAX;
		ssize_t got = read(pipe, tls->out, room);

		if (got <= 0)
			return taken ? (ssize_t)taken : got;
		taken += (size_t)got;
		tls->held = (uint32_t)got;
		if (tls_push(tls))
			return errno == EAGAIN ? (ssize_t)taken : -1;
	}
	return (ssize_t)taken;
}

bool tls_farewell(struct tls *tls)
{
	int ret;

	tls_begin();
	ret = SSL_shutdown(tls->ssl);
	return ret >= 0 || meaning(tls, ret, errno) != EAGAIN;
}
