/*
 * A library for LD_PRELOAD: from its first moment on, the program's system calls that REFUSE_CALLS
 * names are answered by an errno. It is "NUMBER=ERRNO" or "NUMBER.ARGUMENT=ERRNO", where ARGUMENT
 * is the value of the first argument; more of them follow after commas. The loader has done its
 * work before, so even what it needs itself may be refused.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { FILTER_MAX = 250, STEPS_EACH = 5 };

static struct sock_filter filter[FILTER_MAX];
static unsigned short nr_steps;

static void add(struct sock_filter step)
{
	filter[nr_steps++] = step;
}

static void load(size_t off)
{
	add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)off));
}

/* Without the value the next `steps` steps are skipped. */
static void only_if(uint32_t value, uint8_t steps)
{
	add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, steps));
}

static void refuse(uint32_t number, const long *argument, uint32_t error)
{
	load(offsetof(struct seccomp_data, nr));
	only_if(number, argument ? 3 : 1);
	if (argument) {
		load(offsetof(struct seccomp_data, args[0]));
		only_if((uint32_t)*argument, 1);
	}
	add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error));
}

static const char *take(const char *text)
{
	char *end;
	uint32_t number = (uint32_t)strtoul(text, &end, 10);
	long argument = 0;
	int has = *end == '.';

	if (has)
		argument = strtol(end + 1, &end, 10);
	if (*end != '=')
		_exit(97);
	refuse(number, has ? &argument : NULL, (uint32_t)strtoul(end + 1, &end, 10));
	return *end == ',' ? end + 1 : NULL;
}

__attribute__((constructor)) static void begin(void)
{
	struct sock_fprog program = {.filter = filter};
	const char *text = getenv("REFUSE_CALLS");

	while (text && *text && nr_steps + STEPS_EACH < FILTER_MAX)
		text = take(text);
	add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	program.len = nr_steps;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
		perror("refuse: seccomp");
		_exit(98);
	}
}
