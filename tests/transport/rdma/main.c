/* The cases by name, in the order they run, and the one that measures. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "stress.h"

static int by_value(const void *a, const void *b)
{
	const long *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void latency(void)
{
	enum { NR = 3000 };
	static long ns[NR];
	struct pair p;

	pair_open(&p, &stress_usual, &stress_usual);
	for (uint64_t i = 0; i < NR; i++) {
		struct tp_op op = pair_op(&p, TP_WRITE, 0, 4096);
		struct timespec a, b;

		clock_gettime(CLOCK_MONOTONIC, &a);
		check(end_send(&p.client, 64));
		ops->flush(p.client.conn);
		while (p.server.msgs <= i)
			end_turn(&p.server);
		op.has_imm = true;
		check(!end_post(&p.server, op));
		ops->flush(p.server.conn);
		while (p.client.imms <= i)
			end_turn(&p.client);
		clock_gettime(CLOCK_MONOTONIC, &b);
		ns[i] = (b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec;
	}
	qsort(ns, NR, sizeof(*ns), by_value);
	printf("  64 B there, 4 KiB and an immediate back: p50 %.1f us, p99 %.1f us\n",
	       (double)ns[NR / 2] / 1e3, (double)ns[NR * 99 / 100] / 1e3);
	pair_close(&p);
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{"transfer", case_transfer},
	{"flood", case_flood},
	{"flood_narrow", case_flood_narrow},
	{"flood_one_way", case_flood_one_way},
	{"bad_key", case_bad_key},
	{"direction", case_direction},
	{"farewell", case_farewell},
	{"late_reader", case_late_reader},
	{"under_fire", case_under_fire},
	{"refused", case_refused},
	{"silence", case_silence},
	{"many", case_many},
	{"asleep", case_asleep},
	{"killed", case_killed},
	{"forked", case_forked},
	{"rights_lost", case_rights_lost},
	{"cloexec", case_cloexec},
	{"stranger", case_stranger},
	{"families", case_families},
	{"latency", latency},
	{"unplugged", case_unplugged},
};

int main(int argc, char **argv)
{
	struct tp_domain *domain;

	stress_address = getenv("USRBIO_RXE_ADDR");
	if (!stress_address || ops->domain_open(&stress_usual, &domain) == -ENODEV) {
		puts("no RDMA device, or USRBIO_RXE_ADDR does not name its address: skipped");
		return 77;
	}
	ops->domain_close(domain);
	if (argc == 3 && !strcmp(argv[1], "--victim"))
		return killed_victim(argv[2]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool wanted = argc == 1 && cases[i].run != case_unplugged;

		for (int a = 1; a < argc; a++)
			wanted |= !strcmp(argv[a], cases[i].name);
		if (!wanted)
			continue;
		printf("%s\n", cases[i].name);
		cases[i].run();
	}
	puts("passed");
	return 0;
}
