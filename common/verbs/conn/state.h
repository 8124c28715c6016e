/* The states of a connection, and the functions that move it from one to the next. */
#ifndef USRBIO_COMMON_VERBS_CONN_STATE_H
#define USRBIO_COMMON_VERBS_CONN_STATE_H

#include "common/transport/transport.h"
#include "common/verbs/device/cm.h"
#include "common/verbs/device/sink.h"

struct verbs_conn;

/* Handle an event of the connection manager; the handler is embedded in a connection. */
void state_cm_event(struct verbs_cm_handler *handler, const struct verbs_cm_event *event,
		    struct verbs_sink *out);
/* Note that both sides have agreed to connect: TP_EV_CONNECTED is due. */
void state_established(struct verbs_conn *conn);
/* Set limits and credits by the peer's connect parameters. Returns 0 or -EBADMSG. */
int state_agree(struct verbs_conn *conn, const struct connect_params *peer);
/* End the connection with a status; 0: the peer left. It has no effect on one that is ending. */
void state_fail(struct verbs_conn *conn, int status);
/* End it without waiting for work requests, because the card has refused one. */
void state_break(struct verbs_conn *conn, int status);
/* Handle that the deadline of the present state has passed. */
void state_expired(struct verbs_conn *conn);
/* Post buffers back after the caller has seen the messages, and return credits if due. */
void state_post_back(struct verbs_conn *conn);
void verbs_flush(struct tp_conn *conn);
/* Move an ending connection on, if it waits for nothing more. Called after each completion. */
void state_progress(struct verbs_conn *conn);
/* Report what is due. False: the sink is full and there is more. */
bool state_emit(struct verbs_conn *conn, struct verbs_sink *out);

#endif
