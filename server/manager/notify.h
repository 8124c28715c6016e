/* Report the state of the server to systemd (sd_notify(3)), if NOTIFY_SOCKET is set. */
#ifndef USRBIO_SERVER_MANAGER_NOTIFY_H
#define USRBIO_SERVER_MANAGER_NOTIFY_H

/* Connect to NOTIFY_SOCKET, if it is set. The sandbox forbids this, so call it before. */
void notify_open(void);
/* Send lines of sd_notify(3), for instance "READY=1". Errors are only logged. */
void notify_send(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Send lines with a descriptor; fd < 0: without one. Returns 0 or -errno, which is not logged.
 * -EAGAIN: the receiver took nothing for a second. Any thread.
 */
int notify_descriptor(const char *text, int fd);

#endif
