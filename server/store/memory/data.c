/*
 * The bytes of a file in memory. The file's node owns them. Any thread may call this while it holds
 * the store's lock: for writing if it changes them.
 */
#include <stdlib.h>
#include <string.h>

#include "server/store/memory/memory.h"

#define FAN_BITS 9
#define FAN	 (1u << FAN_BITS)
#define LEVELS	 3

_Static_assert(DATA_MAX == (uint64_t)CHUNK_SIZE << (LEVELS * FAN_BITS),
	       "the tables hold DATA_MAX bytes");

struct table {
	void *slot[FAN]; /* tables; on the last level chunks */
};

bool memory_pool_charge(struct mem_pool *pool, uint64_t bytes)
{
	uint64_t left = atomic_load_explicit(&pool->left, memory_order_relaxed);

	do
		if (left < bytes)
			return false;
	while (!atomic_compare_exchange_weak(&pool->left, &left, left - bytes));
	return true;
}

void memory_pool_uncharge(struct mem_pool *pool, uint64_t bytes)
{
	atomic_fetch_add(&pool->left, bytes);
}

static void *pool_alloc(struct mem_pool *pool, size_t bytes)
{
	void *memory;

	if (!memory_pool_charge(pool, bytes))
		return NULL;
	memory = calloc(1, bytes);
	if (!memory)
		memory_pool_uncharge(pool, bytes);
	return memory;
}

static unsigned index_at(uint64_t chunk, int level)
{
	return (unsigned)(chunk >> ((LEVELS - 1 - level) * FAN_BITS)) & (FAN - 1);
}

static uint8_t *chunk_find(const struct data *data, uint64_t chunk)
{
	void *at = data->root;

	for (int level = 0; at && level < LEVELS; level++)
		at = ((struct table *)at)->slot[index_at(chunk, level)];
	return at;
}

static uint8_t *chunk_make(struct data *data, struct mem_pool *pool, uint64_t chunk)
{
	void **slot = (void **)&data->root;

	for (int level = 0; level <= LEVELS; level++) {
		if (!*slot) {
			*slot = pool_alloc(pool,
					   level < LEVELS ? sizeof(struct table) : CHUNK_SIZE);
			if (!*slot)
				return NULL;
			data->nr_chunks += level == LEVELS;
		}
		if (level < LEVELS)
			slot = &((struct table *)*slot)->slot[index_at(chunk, level)];
	}
	return *slot;
}

static void chunk_drop(struct data *data, struct mem_pool *pool, uint64_t chunk)
{
	struct table *at = data->root;

	for (int level = 0; at && level < LEVELS - 1; level++)
		at = at->slot[index_at(chunk, level)];
	if (!at || !at->slot[index_at(chunk, LEVELS - 1)])
		return;
	free(at->slot[index_at(chunk, LEVELS - 1)]);
	at->slot[index_at(chunk, LEVELS - 1)] = NULL;
	memory_pool_uncharge(pool, CHUNK_SIZE);
	data->nr_chunks--;
}

/* Get how many of len bytes at off lie in one chunk. */
static size_t piece(uint64_t off, uint64_t len)
{
	size_t left = CHUNK_SIZE - off % CHUNK_SIZE;

	return len < left ? (size_t)len : left;
}

void data_read(const struct data *data, void *buf, size_t len, uint64_t off)
{
	while (len) {
		const uint8_t *chunk = chunk_find(data, off / CHUNK_SIZE);
		size_t n = piece(off, len);

		if (chunk)
			memcpy(buf, chunk + off % CHUNK_SIZE, n);
		else
			memset(buf, 0, n);
		buf = (char *)buf + n;
		off += n;
		len -= n;
	}
}

size_t data_write(struct data *data, struct mem_pool *pool, const void *buf, size_t len,
		  uint64_t off)
{
	size_t done = 0;

	while (done < len) {
		uint8_t *chunk = chunk_make(data, pool, off / CHUNK_SIZE);
		size_t n = piece(off, len - done);

		if (!chunk)
			break;
		memcpy(chunk + off % CHUNK_SIZE, (const char *)buf + done, n);
		off += n;
		done += n;
	}
	return done;
}

bool data_has_hole(const struct data *data, uint64_t start, uint64_t end)
{
	for (uint64_t chunk = start / CHUNK_SIZE; chunk <= (end - 1) / CHUNK_SIZE; chunk++)
		if (!chunk_find(data, chunk))
			return true;
	return false;
}

/*
 * Get the number of the next chunk; or, if a whole table is missing here, of the first one behind
 * it.
 */
static uint64_t chunk_after(const struct data *data, uint64_t chunk)
{
	unsigned shift = LEVELS * FAN_BITS;
	void *at = data->root;

	for (int level = 0; at && level < LEVELS; level++) {
		at = ((struct table *)at)->slot[index_at(chunk, level)];
		shift -= FAN_BITS;
	}
	return ((chunk >> shift) + 1) << shift;
}

bool data_reserve(struct data *data, struct mem_pool *pool, uint64_t start, uint64_t end)
{
	for (uint64_t chunk = start / CHUNK_SIZE; chunk <= (end - 1) / CHUNK_SIZE; chunk++)
		if (!chunk_make(data, pool, chunk))
			return false;
	return true;
}

void data_zero(struct data *data, uint64_t start, uint64_t end)
{
	while (start < end && data->nr_chunks) {
		uint8_t *chunk = chunk_find(data, start / CHUNK_SIZE);

		if (chunk)
			memset(chunk + start % CHUNK_SIZE, 0, piece(start, end - start));
		start = chunk_after(data, start / CHUNK_SIZE) * CHUNK_SIZE;
	}
}

void data_punch(struct data *data, struct mem_pool *pool, uint64_t start, uint64_t end)
{
	while (start < end && data->nr_chunks) {
		uint8_t *chunk = chunk_find(data, start / CHUNK_SIZE);
		size_t n = piece(start, end - start);

		uint64_t next = chunk_after(data, start / CHUNK_SIZE) * CHUNK_SIZE;

		if (chunk && n == CHUNK_SIZE)
			chunk_drop(data, pool, start / CHUNK_SIZE);
		else if (chunk)
			memset(chunk + start % CHUNK_SIZE, 0, n);
		start = next;
	}
}

uint64_t data_seek(const struct data *data, uint64_t off, bool hole)
{
	uint64_t chunk = off / CHUNK_SIZE, first = chunk;

	while (chunk < DATA_MAX / CHUNK_SIZE && hole == (chunk_find(data, chunk) != NULL))
		chunk = hole ? chunk + 1 : chunk_after(data, chunk);
	return chunk == first ? off : chunk * CHUNK_SIZE;
}

static void table_free(struct table *table, int level, struct mem_pool *pool)
{
	for (unsigned i = 0; i < FAN; i++) {
		if (!table->slot[i])
			continue;
		if (level + 1 < LEVELS) {
			table_free(table->slot[i], level + 1, pool);
			continue;
		}
		free(table->slot[i]);
		memory_pool_uncharge(pool, CHUNK_SIZE);
	}
	free(table);
	memory_pool_uncharge(pool, sizeof(*table));
}

void data_free(struct data *data, struct mem_pool *pool)
{
	if (data->root)
		table_free(data->root, 0, pool);
	*data = (struct data){0};
}
