/* Everything a queue pair needs. */
#ifndef USRBIO_COMMON_VERBS_CONN_WIRE_H
#define USRBIO_COMMON_VERBS_CONN_WIRE_H

struct verbs_conn;

/* Everything a queue pair needs; conn->cm_id is bound to a card and conn->nic, conn->pd are set. */
int wire_open(struct verbs_conn *conn);
void wire_close(struct verbs_conn *conn);
/* The end of the queue pair alone: the card touches nothing of ours from here on. */
void wire_cut(struct verbs_conn *conn);

#endif
