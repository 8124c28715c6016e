/*
 * Each control connection has a thread of its own, because "wait" blocks. The threads live as long
 * as the process.
 */
#include "tests/support/slowfs/control.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/slowfs/rules.h"

#define LINE_SIZE 1024

/* "rule OPS PATTERN pass|hang|delay MS|fail ERRNO [count N]" */
static int add_rule(const char *args)
{
	struct rule_spec spec = {0};
	char ops[256], action[16] = "", rest[64] = "";

	if (sscanf(args, "%255s %255s %15s %63[^\n]", ops, spec.pattern, action, rest) < 3)
		return -EINVAL;
	spec.ops = rules_ops(ops);
	if (!strcmp(action, "delay"))
		spec.action = ACT_DELAY;
	else if (!strcmp(action, "fail"))
		spec.action = ACT_FAIL;
	else if (!strcmp(action, "hang"))
		spec.action = ACT_HANG;
	else if (strcmp(action, "pass"))
		return -EINVAL;
	if (spec.action == ACT_DELAY || spec.action == ACT_FAIL) {
		if (sscanf(rest, "%u count %u", &spec.number, &spec.count) < 1)
			return -EINVAL;
	} else if (*rest && sscanf(rest, "count %u", &spec.count) != 1) {
		return -EINVAL;
	}
	return spec.ops ? rules_add(&spec) : -EINVAL;
}

/* 0 or -errno; what else there is to say is written to `out`. */
static int obey(const char *line, char *out, size_t size)
{
	unsigned n = ~0u, hung, matched;
	int id, status, end = 0;

	*out = '\0';
	if (sscanf(line, "rule %n", &end), end) {
		status = add_rule(line + end);
		if (status > 0)
			snprintf(out, size, "%d", status);
	} else if (sscanf(line, "release %d %u", &id, &n) >= 1) {
		status = rules_release(id, n);
		if (status >= 0)
			snprintf(out, size, "%d", status);
	} else if (sscanf(line, "drop %d", &id) == 1) {
		status = rules_drop(id);
	} else if (sscanf(line, "state %d", &id) == 1) {
		status = rules_state(id, &hung, &matched);
		if (!status)
			snprintf(out, size, "%u %u", hung, matched);
	} else if (sscanf(line, "wait %d %u", &id, &n) == 2) {
		status = rules_wait_hung(id, n);
	} else if (sscanf(line, "wait-matched %d %u", &id, &n) == 2) {
		status = rules_wait_matched(id, n);
	} else {
		status = -EINVAL;
	}
	return status < 0 ? status : 0;
}

static void *serve(void *arg)
{
	int fd = (int)(intptr_t)arg, err;
	char line[LINE_SIZE], out[64];
	FILE *in = fdopen(fd, "r");

	while (in && fgets(line, sizeof(line), in)) {
		err = obey(line, out, sizeof(out));
		if (err)
			dprintf(fd, "error %d %s\n", -err, strerror(-err));
		else
			dprintf(fd, "ok %s\n", out);
	}
	if (in)
		fclose(in);
	else
		close(fd);
	return NULL;
}

static void *accept_all(void *arg)
{
	int listener = (int)(intptr_t)arg, fd;
	pthread_t thread;

	while ((fd = accept(listener, NULL, NULL)) >= 0 || errno == EINTR || errno == ECONNABORTED)
		if (fd >= 0 && !pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd))
			pthread_detach(thread);
	return NULL;
}

int control_listen(const char *name)
{
	struct sockaddr_un addr;
	socklen_t len;
	int fd = control_socket(name, &addr, &len);
	pthread_t thread;

	if (fd < 0)
		return fd;
	if (*name != '@')
		unlink(name);
	if (bind(fd, (struct sockaddr *)&addr, len) || listen(fd, 64))
		return -errno;
	return -pthread_create(&thread, NULL, accept_all, (void *)(intptr_t)fd);
}
