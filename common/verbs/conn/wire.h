/* A queue pair with the resources that it needs. */
#ifndef USRBIO_COMMON_VERBS_CONN_WIRE_H
#define USRBIO_COMMON_VERBS_CONN_WIRE_H

struct verbs_conn;

/* Allocate and register all of it. conn->cm_id, ->nic and ->pd are set. Returns 0 or -errno. */
int wire_open(struct verbs_conn *conn);
/* Free all of it, conn->cm_id included. */
void wire_close(struct verbs_conn *conn);
/* Destroy only the queue pair and conn->cm_id. Then the card does not use the buffers any more. */
void wire_cut(struct verbs_conn *conn);

#endif
