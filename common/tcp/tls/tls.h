/*
 * TLS 1.3 on the socket of a connection: it encrypts what tx.c sends, and decrypts what rx.c
 * receives. It uses an external pre-shared key in psk_dhe_ke mode, without certificates, tickets
 * and early data. The kernel encrypts what is sent (kTLS) if it can, else OpenSSL does. OpenSSL
 * decrypts what is received. The connection owns its TLS, and only the connection's thread uses it.
 */
#ifndef USRBIO_COMMON_TCP_TLS_TLS_H
#define USRBIO_COMMON_TCP_TLS_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "common/transport/transport.h"

/*
 * The most bytes that the TLS of a connection takes, which is during its handshake. OpenSSL 3.0
 * took 79 KiB (measured). Also a peer may send a ClientHello of 128 KiB, which OpenSSL collects.
 */
#define TLS_BYTES ((96u + 128u) << 10)

struct tls;

/*
 * Make the TLS of a socket that will be connected or has been accepted. The caller still owns the
 * socket. The end that connects reads `config` only now. The end that accepted keeps it until the
 * handshake is over. Returns 0 or -ENOMEM. -EKEYREJECTED: `config` has no key for this end.
 */
int tls_open(const struct tp_tls_config *config, bool accepted, int fd, struct tls **tls);
void tls_close(struct tls *tls);

/* Refuse a socket that was accepted, for now, without a handshake. The caller closes it. */
void tls_refuse(int fd);

/*
 * Go on with the handshake. Returns 0 if it is over; then *channel is the channel binding, which
 * lives as long as `tls`. -EINPROGRESS: call it again when the socket can be read, or also written
 * if tls_wants_out(). Any other error ends it: -EKEYREJECTED and -EPROTONOSUPPORT, with the reason
 * in tls_why(); -EAGAIN: the peer takes no connection now; -ECONNABORTED: the peer has closed the
 * connection; -EIO: OpenSSL failed at this end, and tls_why() says how.
 */
int tls_handshake(struct tls *tls, const uint8_t **channel);
bool tls_wants_out(const struct tls *tls);

/* Get the reason why the handshake or a call below failed, to follow "the peer"; "": unknown. */
const char *tls_why(const struct tls *tls);

/*
 * Receive like recvmsg(), but only into the first iovec. 0: the peer has ended the connection in
 * the regular way. ECONNRESET: the connection was cut, or bytes were changed. EPROTO: too many
 * messages of TLS itself came with little or no data. *more is true if there may be more bytes,
 * which epoll does not report. One call takes a limited number of bytes from the socket, whatever
 * they are: EAGAIN may also mean that it has reached the limit, and epoll reports the rest.
 */
ssize_t tls_recv(struct tls *tls, const struct msghdr *msg, bool *more);

/*
 * Send like sendmsg() and splice(); the iovecs are changed. TLS holds bytes that it took and that
 * the socket did not take. tls_push() sends them when the socket can be written, and returns 0, or
 * -1 and an errno of send().
 */
ssize_t tls_send(struct tls *tls, struct msghdr *msg, int flags);
ssize_t tls_splice(struct tls *tls, int pipe, size_t len, unsigned flags);
bool tls_holds(const struct tls *tls);
int tls_push(struct tls *tls);

/* Tell the peer that nothing more comes. False: call it again when the socket can be written. */
bool tls_farewell(struct tls *tls);

#endif
