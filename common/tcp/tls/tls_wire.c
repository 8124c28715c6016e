/*
 * The BIO by which OpenSSL reads from and writes to the socket. It raises no SIGPIPE, limits
 * what a call reads, keeps the first byte of the peer, and supports kernel TLS. The process owns
 * the method, which is made once and never freed. A connection owns its BIO, and only the
 * connection's thread uses it.
 */
#include "common/tcp/tls/tls_impl.h"

#include <linux/tls.h>
#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method; /* NULL: no memory for it */
static int (*socket_read)(BIO *, char *, int);

/*
 * Read what is left of the turn at most. OpenSSL goes on reading until it has data, so a peer that
 * sends only other records would otherwise keep the thread for as long as it likes.
 */
static int wire_read(BIO *bio, char *buf, int len)
{
	struct tls *tls = BIO_get_app_data(bio);
	int got;

	if (!tls->turn) {
		BIO_clear_retry_flags(bio);
		BIO_set_retry_read(bio);
		return -1;
	}
	if ((uint32_t)len > tls->turn)
		len = (int)tls->turn;
	got = socket_read(bio, buf, len);
	tls->drained = got < len;
	if (got > 0)
		tls->turn -= (uint32_t)got;
	if (got > 0 && !tls->heard) {
		tls->heard = true;
		tls->first = *buf;
	}
	return got;
}

/*
 * When the kernel encrypts, OpenSSL itself sends only alerts, which have two bytes, and answers to
 * a KeyUpdate. The kernel cannot send the latter, so they fail here.
 */
static ssize_t send_alert(int fd, const char *buf, int len)
{
	char control[CMSG_SPACE(1)] = {0};
	struct iovec iov = {(char *)buf, (size_t)len};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	if (len != 2) {
		errno = EPROTO;
		return -1;
	}
	cmsg->cmsg_level = SOL_TLS;
	cmsg->cmsg_type = TLS_SET_RECORD_TYPE;
	cmsg->cmsg_len = CMSG_LEN(1);
	*CMSG_DATA(cmsg) = SSL3_RT_ALERT;
	return sendmsg(fd, &msg, MSG_NOSIGNAL);
}

static int wire_write(BIO *bio, const char *buf, int len)
{
	struct tls *tls = BIO_get_app_data(bio);
	ssize_t sent = BIO_get_ktls_send(bio) ? send_alert(tls->fd, buf, len)
					      : send(tls->fd, buf, (size_t)len, MSG_NOSIGNAL);

	BIO_clear_retry_flags(bio);
	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(bio);
	return (int)sent;
}

static bool derive_from(const BIO_METHOD *plain)
{
	socket_read = BIO_meth_get_read(plain);
	return BIO_meth_set_create(method, BIO_meth_get_create(plain)) &&
	       BIO_meth_set_destroy(method, BIO_meth_get_destroy(plain)) &&
	       BIO_meth_set_ctrl(method, BIO_meth_get_ctrl(plain)) &&
	       BIO_meth_set_read(method, wire_read) && BIO_meth_set_write(method, wire_write);
}

static void make_method(void)
{
	method = BIO_meth_new(BIO_TYPE_SOCKET, "usrbio");
	if (method && !derive_from(BIO_s_socket())) {
		BIO_meth_free(method);
		method = NULL;
	}
}

BIO *tls_wire(struct tls *tls)
{
	BIO *bio;

	pthread_once(&once, make_method);
	bio = method ? BIO_new(method) : NULL;
	if (!bio)
		return NULL;
	BIO_set_fd(bio, tls->fd, BIO_NOCLOSE);
	BIO_set_app_data(bio, tls);
	return bio;
}
