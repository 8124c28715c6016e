/* Everything that a queue pair needs, and the queue pair. */
#ifndef USRBIO_COMMON_VERBS_CONN_WIRE_H
#define USRBIO_COMMON_VERBS_CONN_WIRE_H

struct verbs_conn;

/* Allocate and register all of it; conn->cm_id, conn->nic and conn->pd are set. 0 or -errno. */
int wire_open(struct verbs_conn *conn);
/* Free all of it, conn->cm_id included. */
void wire_close(struct verbs_conn *conn);
/* Destroy only the queue pair and conn->cm_id: the card touches nothing of ours from here on. */
void wire_cut(struct verbs_conn *conn);

#endif
