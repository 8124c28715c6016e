/* Telling systemd how the server is (sd_notify(3)), where it wants to know: NOTIFY_SOCKET is set.
 */
#ifndef USRBIO_SERVER_PROGRAM_NOTIFY_H
#define USRBIO_SERVER_PROGRAM_NOTIFY_H

/* Connect: before the sandbox, which lets nobody connect. Without NOTIFY_SOCKET nothing happens. */
void notify_open(void);
/* "READY=1", "STATUS=...": lines of sd_notify(3). Never blocks for long; errors are logged. */
void notify_send(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
