/*
 * bench_bare ADDRESS BLOCK DEPTH SECONDS: server and client as two processes over one device;
 * prints {"iops": ..., "p50_us": ...}.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exchange.h"

#define PORT "7999"

static struct rdma_cm_id *endpoint(const char *address, int flags, struct ibv_qp_init_attr *qp)
{
	struct rdma_addrinfo hints = {.ai_flags = flags, .ai_port_space = RDMA_PS_TCP}, *found;
	struct rdma_cm_id *id;

	must(!rdma_getaddrinfo(address, PORT, &hints, &found), address);
	must(!rdma_create_ep(&id, found, NULL, qp), "endpoint");
	rdma_freeaddrinfo(found);
	return id;
}

static void serve(const char *address, uint32_t block, int ready)
{
	struct ibv_qp_init_attr qp = exchange_qp();
	struct rdma_cm_id *listener, *id;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	listener = endpoint(address, RAI_PASSIVE, &qp);
	must(!rdma_listen(listener, 1), "listen");
	must(write(ready, "", 1) == 1, "pipe");
	must(!rdma_get_request(listener, &id), "request");
	exchange_serve(id, block);
}

int main(int argc, char **argv)
{
	struct ibv_qp_init_attr qp = exchange_qp();
	struct rdma_cm_id *id;
	struct outcome outcome;
	int ready[2];
	unsigned depth;
	char byte;
	pid_t pid;

	if (argc != 5 || (depth = (unsigned)atoi(argv[3])) < 1 || depth > DEPTH_MAX)
		return 2;
	must(!pipe(ready), "pipe");
	pid = fork();
	if (!pid) {
		serve(argv[1], (uint32_t)atoi(argv[2]), ready[1]);
		_exit(0);
	}
	must(read(ready[0], &byte, 1) == 1, "the server");
	id = endpoint(argv[1], 0, &qp);
	outcome = exchange_drive(id, (uint32_t)atoi(argv[2]), depth, (unsigned)atoi(argv[4]));
	printf("{\"iops\": %.1f, \"p50_us\": %.2f}\n", outcome.iops, outcome.p50_us);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return 0;
}
