/* What moves a connection from state to state. */
#ifndef USRBIO_COMMON_VERBS_CONN_STATE_H
#define USRBIO_COMMON_VERBS_CONN_STATE_H

#include "common/transport/transport.h"
#include "common/verbs/device/cm.h"
#include "common/verbs/device/sink.h"

struct verbs_conn;

void state_cm_event(struct verbs_cm_handler *handler, const struct verbs_cm_event *event,
		    struct verbs_sink *out);
void state_established(struct verbs_conn *conn);
/* Settle limits and credits by the peer's prologue. 0 or -EBADMSG. */
int state_agree(struct verbs_conn *conn, const struct connect_params *peer);
/* It ends, because of status; 0: the peer left. Nothing when it is ending already. */
void state_fail(struct verbs_conn *conn, int status);
/* The same without waiting for what the card holds: it has refused a post. */
void state_break(struct verbs_conn *conn, int status);
void state_expired(struct verbs_conn *conn);
/* Post receives again after the caller has seen the messages, and return credits if due. */
void state_post_back(struct verbs_conn *conn);
void verbs_flush(struct tp_conn *conn);
/* After every completion: an ending connection may have had its last. */
void state_progress(struct verbs_conn *conn);
/* False: the sink is full and there is more. */
bool state_emit(struct verbs_conn *conn, struct verbs_sink *out);

#endif
