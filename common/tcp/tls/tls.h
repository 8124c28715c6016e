/*
 * TLS 1.3 on a connection's socket: between the bytes rx.c and tx.c move and those that travel.
 * By an external pre-shared key in psk_dhe_ke mode: no certificates, no tickets, no early data.
 * What is sent is encrypted by the kernel (kTLS) where it can; what is received is OpenSSL's.
 *
 * Threads: an object belongs to its connection.
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
 * What one takes at most, which is during its handshake. OpenSSL 3.0's share, measured: 79 KiB; and
 * a peer may say hello in 128 KiB, which OpenSSL collects.
 */
#define TLS_BYTES ((96u + 128u) << 10)

struct tls;

/*
 * For a socket that will be connected, or has been accepted; it stays the caller's. `config` is
 * looked at now by the end that connects, until the handshake is over by the one that accepted.
 * -EKEYREJECTED: it has no key for this end; -ENOMEM.
 */
int tls_open(const struct tp_tls_config *config, bool accepted, int fd, struct tls **tls);
void tls_close(struct tls *tls);

/*
 * Go on with the handshake. 0: it is over, and this is the channel, which lives as long as `tls`.
 * -EAGAIN: not before the socket can be read, or written if tls_wants_out(). -EKEYREJECTED,
 * -EPROTONOSUPPORT: no, and tls_why() says more; -ECONNREFUSED: the peer has gone.
 */
int tls_handshake(struct tls *tls, const uint8_t **channel);
bool tls_wants_out(const struct tls *tls);

/* Why the handshake failed, or a call below did, in words about the peer; "": nothing to add. */
const char *tls_why(const struct tls *tls);

/*
 * As recvmsg, into the first segment only. 0: the peer said goodbye; ECONNRESET: cut or changed.
 * *more: there may be more, of which epoll knows nothing.
 */
ssize_t tls_recv(struct tls *tls, const struct msghdr *msg, bool *more);

/*
 * As sendmsg and splice; segments are used up. What they took and the socket did not is held here,
 * to be pushed when the socket can be written: 0, or -1 and errno as of send.
 */
ssize_t tls_send(struct tls *tls, struct msghdr *msg, int flags);
ssize_t tls_splice(struct tls *tls, int pipe, size_t len, unsigned flags);
bool tls_holds(const struct tls *tls);
int tls_push(struct tls *tls);

/* Say that nothing more comes. False: again when the socket can be written. */
bool tls_farewell(struct tls *tls);

#endif
