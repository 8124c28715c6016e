/*
 * Sessions and their registry. The registry's lock guards the list and the counts of connections;
 * each session's lock its file table. A handle is 16 bits of index and 48 random ones, never 0.
 */
#include "server/session.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "proto/limits.h"
#include "server/export.h"
#include "server/file.h"
#include "server/list.h"

#define INDEX_BITS 16
#define SLOTS_MIN  16u

_Static_assert(FILES_MAX <= 1u << INDEX_BITS, "an index fits into its bits of a handle");

struct sessions {
	pthread_mutex_t lock;
	struct list list;
	struct pool *pool;
};

/* A place in the file table: taken with a file, else on the chain of free ones. */
struct slot {
	struct file *file;
	uint64_t handle;
	uint32_t next_free;
};

struct session {
	struct list node; /* registry's lock */
	unsigned nr_conns;
	struct sessions *sessions;
	struct export *export;
	uint8_t id[SESSION_ID_SIZE], key[SESSION_KEY_SIZE];
	struct job free;

	pthread_mutex_t lock; /* all below */
	struct slot *slots;
	uint32_t nr_slots, first_free; /* first_free == nr_slots: all are taken */
};

static int random_bytes(void *buf, size_t len)
{
	ssize_t n = getrandom(buf, len, 0);

	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

/* Takes as long whatever differs, so that time tells nothing about the key. */
static bool keys_equal(const uint8_t *a, const uint8_t *b)
{
	volatile uint8_t diff = 0;

	for (size_t i = 0; i < SESSION_KEY_SIZE; i++)
		diff |= a[i] ^ b[i];
	return !diff;
}

int sessions_open(struct sessions **out, struct pool *pool)
{
	struct sessions *sessions = calloc(1, sizeof(*sessions));

	if (!sessions)
		return -ENOMEM;
	pthread_mutex_init(&sessions->lock, NULL);
	list_init(&sessions->list);
	sessions->pool = pool;
	*out = sessions;
	return 0;
}

void sessions_close(struct sessions *sessions)
{
	pthread_mutex_destroy(&sessions->lock);
	free(sessions);
}

/* On the pool: a session may have tens of thousands of files. */
static void session_free(struct job *job)
{
	struct session *session = container_of(job, struct session, free);

	for (uint32_t i = 0; i < session->nr_slots; i++)
		if (session->slots[i].file)
			file_unref(session->slots[i].file, 1);
	free(session->slots);
	pthread_mutex_destroy(&session->lock);
	explicit_bzero(session->key, sizeof(session->key));
	free(session);
}

int session_new(struct sessions *sessions, struct export *export, struct session **out)
{
	struct session *session = calloc(1, sizeof(*session));
	int err;

	if (!session)
		return -ENOMEM;
	err = random_bytes(session->id, sizeof(session->id));
	if (!err)
		err = random_bytes(session->key, sizeof(session->key));
	if (err) {
		free(session);
		return err;
	}
	pthread_mutex_init(&session->lock, NULL);
	session->sessions = sessions;
	session->export = export;
	session->free.run = session_free;
	session->nr_conns = 1;
	pthread_mutex_lock(&sessions->lock);
	list_add_tail(&sessions->list, &session->node);
	pthread_mutex_unlock(&sessions->lock);
	*out = session;
	return 0;
}

static struct session *find(struct sessions *sessions, const uint8_t *id)
{
	list_for_each (it, &sessions->list) {
		struct session *session = container_of(it, struct session, node);

		if (!memcmp(session->id, id, SESSION_ID_SIZE))
			return session;
	}
	return NULL;
}

int session_join(struct sessions *sessions, struct export *export, const uint8_t *id,
		 const uint8_t *key, struct session **out)
{
	struct session *session;
	int err = 0;

	pthread_mutex_lock(&sessions->lock);
	session = find(sessions, id);
	if (!session || !keys_equal(session->key, key) || session->export != export)
		err = -ESTALE;
	else if (session->nr_conns == SESSION_CONNS_MAX)
		err = -EUSERS;
	else
		session->nr_conns++;
	pthread_mutex_unlock(&sessions->lock);
	if (!err)
		*out = session;
	return err;
}

void session_put(struct session *session)
{
	struct sessions *sessions = session->sessions;
	bool last;

	pthread_mutex_lock(&sessions->lock);
	last = !--session->nr_conns;
	if (last)
		list_del(&session->node);
	pthread_mutex_unlock(&sessions->lock);
	if (last)
		pool_run(sessions->pool, &session->free);
}

const uint8_t *session_id(const struct session *session)
{
	return session->id;
}

const uint8_t *session_key(const struct session *session)
{
	return session->key;
}

struct export *session_export(const struct session *session)
{
	return session->export;
}

static int grow(struct session *session)
{
	uint32_t old = session->nr_slots, nr = old ? 2 * old : SLOTS_MIN;
	struct slot *slots;

	if (old == FILES_MAX)
		return -EMFILE;
	slots = realloc(session->slots, nr * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (uint32_t i = old; i < nr; i++)
		slots[i] = (struct slot){.next_free = i + 1};
	session->slots = slots;
	session->nr_slots = nr;
	return 0;
}

static int take_slot(struct session *session, struct file *file, uint64_t generation)
{
	uint32_t index = session->first_free;
	struct slot *slot;

	if (index == session->nr_slots) {
		int err = grow(session);

		if (err)
			return err;
	}
	slot = &session->slots[index];
	session->first_free = slot->next_free;
	slot->file = file;
	slot->handle = generation << INDEX_BITS | index;
	return (int)index;
}

int session_add_file(struct session *session, struct store_file *store_file, uint64_t *handle)
{
	struct file *file = file_new(store_file, session->sessions->pool);
	uint64_t generation = 0;
	int index;

	if (!file)
		return -ENOMEM;
	index = random_bytes(&generation, 6);
	if (!generation)
		generation = 1;
	if (index >= 0) {
		pthread_mutex_lock(&session->lock);
		index = take_slot(session, file, generation);
		pthread_mutex_unlock(&session->lock);
	}
	if (index < 0) {
		free(file);
		return index;
	}
	*handle = generation << INDEX_BITS | (uint32_t)index;
	return 0;
}

/* Under the session's lock. */
static struct slot *find_slot(struct session *session, uint64_t handle)
{
	uint32_t index = handle & ((1u << INDEX_BITS) - 1);
	struct slot *slot;

	if (index >= session->nr_slots)
		return NULL;
	slot = &session->slots[index];
	return slot->file && slot->handle == handle ? slot : NULL;
}

void session_get_files(struct session *session, size_t n, const uint64_t *handles,
		       struct file **files)
{
	size_t i = 0;

	pthread_mutex_lock(&session->lock);
	while (i < n) {
		struct slot *slot = find_slot(session, handles[i]);
		struct file *file = slot ? slot->file : NULL;
		unsigned same = 0;

		/* Batches mostly name one file: look it up, and count it, once per run. */
		for (uint64_t handle = handles[i]; i < n && handles[i] == handle; i++, same++)
			files[i] = file;
		if (file)
			file_ref(file, same);
	}
	pthread_mutex_unlock(&session->lock);
}

int session_close_file(struct session *session, uint64_t handle)
{
	struct file *file = NULL;
	struct slot *slot;

	pthread_mutex_lock(&session->lock);
	slot = find_slot(session, handle);
	if (slot) {
		file = slot->file;
		*slot = (struct slot){.next_free = session->first_free};
		session->first_free = (uint32_t)(slot - session->slots);
	}
	pthread_mutex_unlock(&session->lock);
	if (!file)
		return -ESTALE;
	file_unref(file, 1);
	return 0;
}
