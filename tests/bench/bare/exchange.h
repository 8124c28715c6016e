/*
 * A bare exchange over one queue pair: the client SENDs a request of 64 bytes, the server answers
 * with one WRITE_WITH_IMM into the client's memory. No files, no encoding, no checks: what is above
 * this in the product is its overhead.
 */
#ifndef USRBIO_TESTS_BENCH_EXCHANGE_H
#define USRBIO_TESTS_BENCH_EXCHANGE_H

#include <rdma/rdma_cma.h>
#include <stdint.h>

#define REQUEST_SIZE 64
#define DEPTH_MAX    128

struct request {
	uint64_t addr;
	uint32_t rkey, len, slot;
	uint8_t rest[REQUEST_SIZE - 20];
};

/* Serve one client until it disconnects. */
void exchange_serve(struct rdma_cm_id *id, uint32_t block);

struct outcome {
	double iops, p50_us;
};

/* Keep `depth` requests under way for so many seconds. */
struct outcome exchange_drive(struct rdma_cm_id *id, uint32_t block, unsigned depth,
			      unsigned seconds);

/* What a queue pair must have room for. */
struct ibv_qp_init_attr exchange_qp(void);

/* A failed call ends the program. */
void must(int good, const char *what);

#endif
