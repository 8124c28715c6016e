/*
 * The bytes that go through the TLS of a connection after the handshake, and its end. If the kernel
 * does not make the records, they are made here, and one of them may wait for the socket. The
 * connection owns its TLS, and only the connection's thread uses it.
 */
#include "common/tcp/tls/tls_impl.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * Convert the result of a failed call to an errno; 0: the peer has ended the connection in the
 * regular way. `err` is errno after the call. The thread's error queue of OpenSSL belongs to the
 * program, so it is left empty.
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

static int say_flood(struct tls *tls)
{
	ERR_clear_error();
	snprintf(tls->why, sizeof(tls->why),
		 "sent more than %d messages of TLS, such as KeyUpdate, with little or no data",
		 TLS_UNPAID_MAX);
	return EPROTO;
}

/* Data has come: it pays for messages of TLS itself that came before. */
static void pay(struct tls *tls, size_t bytes)
{
	tls->paid += (uint32_t)bytes; /* a record at most */
	if (tls->paid < TLS_PRICE)
		return;
	tls->paid -= TLS_PRICE;
	tls->nr_unpaid--;
	if (!tls->nr_unpaid)
		tls->paid = 0;
}

ssize_t tls_recv(struct tls *tls, const struct msghdr *msg, bool *more)
{
	size_t got;
	int ret;

	tls_begin(tls, TLS_TURN);
	ret = SSL_read_ex(tls->ssl, msg->msg_iov->iov_base, msg->msg_iov->iov_len, &got);
	*more = !tls->drained || SSL_has_pending(tls->ssl);
	if (tls->nr_unpaid > TLS_UNPAID_MAX) {
		errno = say_flood(tls);
		return -1;
	}
	if (ret == 1) {
		if (tls->nr_unpaid)
			pay(tls, got);
		return (ssize_t)got;
	}
	errno = meaning(tls, ret, errno);
	return errno ? -1 : 0;
}

bool tls_holds(const struct tls *tls)
{
	return tls->held;
}

/* Push the one record. OpenSSL wants the same bytes again until the socket has taken all of it. */
int tls_push(struct tls *tls)
{
	size_t sent;
	int ret;

	tls_begin(tls, TLS_TURN);
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

/* Copy as many bytes as fit into a record. The iovecs move on. */
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

	tls_begin(tls, TLS_TURN);
	ret = SSL_shutdown(tls->ssl);
	return ret >= 0 || meaning(tls, ret, errno) != EAGAIN;
}
