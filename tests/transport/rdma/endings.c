/*
 * How connections end: by leave, under fire, never begun, with a killed peer, beside and in forked
 * children, without rights, without a device. Whatever the end, nothing is left waiting.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/transport/addr.h"
#include "stress.h"

/* What was sent before a disconnect arrives, even behind much else. */
void case_farewell(void)
{
	struct pair p;

	pair_open(&p, &stress_usual, &stress_usual);
	for (int i = 0; i < 16; i++)
		check(!end_post(&p.server, pair_op(&p, TP_WRITE, 0, WINDOW)));
	while (end_send(&p.server, 3000))
		;
	ops->disconnect(p.server.conn);
	ops->disconnect(p.server.conn);
	check(!ops->msg_buf(p.server.conn));
	until(&p, p.client.closed && p.server.closed);
	check(p.client.msgs == p.server.sent && p.client.msgs == 16);
	check(!p.server.failed_dones && p.server.dones == 16);
	check(!p.client.close_status && !p.server.close_status);
	ops->conn_free(p.client.conn);
	ops->conn_free(p.server.conn);
	ends_close(&p);
}

/* Messages and the end of the connection wait together for their receiver's first look. */
void case_late_reader(void)
{
	struct pair p;

	pair_open(&p, &stress_usual, &stress_usual);
	while (end_send(&p.client, 3000))
		;
	ops->disconnect(p.client.conn);
	while (!p.client.closed)
		end_turn(&p.client);
	check(ops->arm(p.server.domain) == 1); /* and have it look at everything at once */
	while (!p.server.closed)
		end_turn(&p.server);
	check(p.server.msgs == p.client.sent && p.server.msgs == 16);
	ops->conn_free(p.client.conn);
	ops->conn_free(p.server.conn);
	ends_close(&p);
}

void case_under_fire(void)
{
	for (int round = 0; round < 6; round++) {
		struct pair p;
		struct end *leaver = round & 1 ? &p.client : &p.server;

		pair_open(&p, &stress_usual, &stress_usual);
		for (int i = 0; i < 32; i++)
			check(!end_post(&p.server,
					pair_op(&p, i & 1 ? TP_READ : TP_WRITE, 0, 65536)));
		ops->flush(p.server.conn);
		if (round >= 4) { /* freed with everything on its way; the peer hears of it */
			struct end *other = leaver == &p.client ? &p.server : &p.client;

			ops->conn_free(leaver->conn);
			until(&p, other->closed);
			ops->conn_free(other->conn);
			ends_close(&p);
			continue;
		}
		ops->disconnect(leaver->conn);
		until(&p, p.client.closed && p.server.closed);
		check(p.server.dones == 32);
		ops->conn_free(p.client.conn);
		ops->conn_free(p.server.conn);
		ends_close(&p);
	}
}

void case_refused(void)
{
	struct pair p;
	struct tp_addr addr = stress_addr(1), taken;
	struct tp_listener *second;

	ends_open(&p, &stress_usual, &stress_usual);
	taken = p.listener->addr;
	check(ops->listen(p.server.domain, &taken, &second) == -EADDRINUSE);
	check(!ops->connect(p.client.domain, p.device, &addr, 5000, NULL, &p.client.conn));
	until(&p, p.client.closed);
	check(p.client.close_status == -ECONNREFUSED && !p.client.connected);
	ops->conn_free(p.client.conn);

	p.client.closed = 0;
	ends_begin(&p);
	check(!ops->accept(NULL, p.server.request, NULL, NULL));
	until(&p, p.client.closed);
	check(p.client.close_status == -EAGAIN && !p.client.connected);
	check(!strcmp(p.client.conn->why, TP_WHY_BUSY));
	ops->conn_free(p.client.conn);

	p.client.closed = 0;
	ends_begin(&p); /* gives up before the answer */
	ops->disconnect(p.client.conn);
	until(&p, p.client.closed);
	ops->conn_free(p.client.conn);
	check(!ops->accept(NULL, p.server.request, NULL, NULL));
	ends_close(&p);
}

/* A listener that never answers: only our own timer ends it. */
void case_silence(void)
{
	struct pair p;
	struct tp_addr addr;

	ends_open(&p, &stress_usual, &stress_usual);
	addr = p.listener->addr;
	check(!ops->connect(p.client.domain, p.device, &addr, 300, NULL, &p.client.conn));
	while (!p.client.closed) {
		struct pollfd pfd = {.fd = p.client.domain->fd, .events = POLLIN};

		if (!end_turn(&p.client) && !ops->arm(p.client.domain))
			check(poll(&pfd, 1, 20000) == 1);
	}
	check(p.client.close_status == -ETIMEDOUT);
	ops->conn_free(p.client.conn);
	ends_close(&p);
}

/* The peer is killed under WRITEs: the connection ends soon, nothing is left waiting. */
void case_killed(void)
{
	struct pair p;
	uint64_t remote[3];
	int down[2], up[2];
	pid_t child;
	char port[8];

	ends_open(&p, &stress_usual, &stress_usual);
	check(!pipe(down) && !pipe(up));
	snprintf(port, sizeof(port), "%u", addr_port(&p.listener->addr));
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(up[1], STDOUT_FILENO);
		execl("/proc/self/exe", "rdma_stress", "--victim", port, NULL);
		_exit(127);
	}
	while (!p.server.request)
		end_turn(&p.server);
	check(!ops->accept(p.server.domain, p.server.request, NULL, &p.server.conn));
	while (!p.server.connected)
		end_turn(&p.server);
	check(read(up[0], remote, sizeof(remote)) == sizeof(remote));
	for (int rounds = 0; !p.server.closed; rounds++) {
		struct tp_op op = pair_op(&p, TP_WRITE, 0, 65536);

		op.key = (uint32_t)remote[0];
		op.raddr = remote[1];
		while (!end_post(&p.server, op))
			;
		ops->flush(p.server.conn);
		end_turn(&p.server);
		if (rounds == 50)
			check(!kill(child, SIGKILL));
	}
	check(p.server.dones == p.server.posted);
	check(waitpid(child, NULL, 0) == child);
	ops->conn_free(p.server.conn);
	ends_close(&p);
	for (int i = 0; i < 2; i++) {
		close(up[i]);
		close(down[i]);
	}
}

int killed_victim(const char *port)
{
	struct tp_addr addr = stress_addr((uint16_t)atoi(port));
	struct pair p = {0};
	uint64_t tell[3];

	check(!ops->domain_open(&stress_usual, &p.client.domain));
	check(!ops->device_open(&addr, &p.device));
	p.window = mmap(NULL, WINDOW, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(!ops->mem_register(p.device, p.window, WINDOW, TP_REMOTE_WRITE, &p.mem));
	check(!ops->connect(p.client.domain, p.device, &addr, 5000, NULL, &p.client.conn));
	while (!p.client.connected)
		end_turn(&p.client);
	tell[0] = p.mem->key;
	tell[1] = (uintptr_t)p.window;
	check(write(STDOUT_FILENO, tell, sizeof(tell)) == sizeof(tell));
	for (;;)
		end_turn(&p.client);
}

/* ---- forked children ---- */

/* Run in a child, which must end well. */
static void in_child(void (*body)(void))
{
	pid_t child = fork();
	int status;

	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		body();
		_exit(0);
	}
	check(waitpid(child, &status, 0) == child && !status);
}

/* A child has connections of its own, while its parent keeps the ones it has. */
void case_forked(void)
{
	struct pair p;

	pair_open(&p, &stress_usual, &stress_usual);
	for (int i = 0; i < 3; i++) {
		in_child(case_transfer);
		check(!end_post(&p.server, pair_op(&p, TP_READ, 0, 4096)));
		ops->flush(p.server.conn);
		until(&p, p.server.dones == p.server.posted);
		check(!p.server.failed_dones);
	}
	pair_close(&p);
	/* And when its parent has none left. */
	in_child(case_transfer);
	case_transfer();
}

/*
 * The kernel takes no work requests (of soft-RoCE, which asks it) after a change of credentials:
 * the posts fail, and so must the connection, at once.
 */
static void lose_rights(void)
{
	struct pair p;

	pair_open(&p, &stress_usual, &stress_usual);
	check(!setgid(getgid()));
	for (int i = 0; i < 3; i++)
		check(!end_post(&p.server, pair_op(&p, TP_WRITE, 0, 4096)));
	ops->flush(p.server.conn);
	end_turn(&p.server);
	check(p.server.closed && p.server.close_status == -EACCES);
	check(p.server.failed_dones == 3 && p.server.done_status == -EACCES);
	check(end_post(&p.server, pair_op(&p, TP_WRITE, 0, 4096)) == -ENOTCONN);
	ops->conn_free(p.server.conn);
	p.server.closed = 0;
}

void case_rights_lost(void)
{
	in_child(lose_rights);
}

void case_cloexec(void)
{
	struct pair p;

	pair_open(&p, &stress_usual, &stress_usual);
	for (int fd = 3; fd < 256; fd++) {
		char path[64], name[64] = "";
		int flags = fcntl(fd, F_GETFD);

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (flags >= 0 && readlink(path, name, sizeof(name) - 1) > 0 &&
		    (strstr(name, "infiniband") || strstr(name, "anon_inode")))
			check(flags & FD_CLOEXEC);
	}
	pair_close(&p);
}

/* ---- the device ---- */

/* Not among the usual cases: it takes the device away from everybody. */
void case_unplugged(void)
{
	struct pair p;

	pair_open(&p, &stress_usual, &stress_usual);
	check(!system("rdma link del rxe0 &"));
	while (!p.client.closed || !p.server.closed) {
		struct tp_op op = pair_op(&p, TP_WRITE, 0, 4096);

		end_post(&p.server, op);
		ops->flush(p.server.conn);
		end_turn(&p.server);
		end_turn(&p.client);
	}
	check(p.client.close_status == -ENODEV && p.server.close_status == -ENODEV);
	ops->conn_free(p.client.conn);
	ops->conn_free(p.server.conn);
	ends_close(&p);
}
