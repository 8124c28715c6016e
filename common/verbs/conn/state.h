/* What moves a connection from state to state. */
#ifndef USRBIO_COMMON_VERBS_CONN_STATE_H
#define USRBIO_COMMON_VERBS_CONN_STATE_H

#include "common/transport/transport.h"
#include "common/verbs/device/cm.h"
#include "common/verbs/device/sink.h"

struct verbs_conn;

void conn_note(struct cm_end *end, const struct cm_note *note, struct sink *out);
void conn_established(struct verbs_conn *conn);
/* Settle limits and credits by the peer's prologue. 0 or -EBADMSG. */
int conn_agree(struct verbs_conn *conn, const struct connect_params *peer);
/* It ends, because of status; 0: the peer left. Nothing when it is ending already. */
void conn_fail(struct verbs_conn *conn, int status);
/* The same without waiting for what the card holds: it has refused a post. */
void conn_break(struct verbs_conn *conn, int status);
void conn_expired(struct verbs_conn *conn);
/* Post receives again after the caller has seen the messages, and return credits if due. */
void conn_post_back(struct verbs_conn *conn);
void verbs_flush(struct tp_conn *conn);
/* After every completion: an ending connection may have had its last. */
void conn_progress(struct verbs_conn *conn);
/* False: the sink is full and there is more. */
bool conn_emit(struct verbs_conn *conn, struct sink *out);

#endif
