/*
 * The names and objects that a run of cp has written so far; see ledger.h. The run owns the ledger;
 * any thread uses it, under its lock.
 */
#include "client/tool/ledger/ledger.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

enum kind { NAMED_FILE, NAMED_DIRECTORY, MADE_FILE, MADE_DIRECTORY };

void ledger_init(struct ledger *ledger)
{
	*ledger = (struct ledger){.seed = {0x5eed, 0xfeed}};
	pthread_mutex_init(&ledger->lock, NULL);
	/*
	 * The seed is random, so that a user cannot choose names whose keys collide. If there are
	 * no random numbers, the fixed seed stays.
	 */
	if (getrandom(ledger->seed, sizeof(ledger->seed), GRND_NONBLOCK) < 0)
		return;
}

void ledger_destroy(struct ledger *ledger)
{
	idset_free(&ledger->set);
	pthread_mutex_destroy(&ledger->lock);
}

static struct idkey key_of_id(const struct ledger *ledger, const struct usrbio_id *id,
			      enum kind kind)
{
	uint64_t words[] = {id->host, id->dev, id->ino, kind};

	return idset_key_of(words, sizeof(words), ledger->seed[0], ledger->seed[1]);
}

static struct idkey key_of_name(const struct ledger *ledger, const struct usrbio_id *dir,
				const char *name, enum kind kind)
{
	struct idkey key = key_of_id(ledger, dir, kind);

	return idset_key_of(name, strlen(name), key.a, key.b);
}

int ledger_claim(struct ledger *ledger, const struct usrbio_id *dir, const char *name,
		 enum claim kind)
{
	struct idkey file = key_of_name(ledger, dir, name, NAMED_FILE);
	struct idkey directory = key_of_name(ledger, dir, name, NAMED_DIRECTORY);
	int err = 0;

	pthread_mutex_lock(&ledger->lock);
	if (kind == CLAIM_FILE && idset_has(&ledger->set, directory))
		err = -EISDIR;
	else if (kind == CLAIM_DIRECTORY && idset_has(&ledger->set, file))
		err = -ENOTDIR;
	else if (!idset_add(&ledger->set, kind == CLAIM_FILE ? file : directory) &&
		 kind == CLAIM_FILE)
		err = -EEXIST;
	pthread_mutex_unlock(&ledger->lock);
	return err;
}

static void add(struct ledger *ledger, const struct usrbio_id *id, enum kind kind)
{
	pthread_mutex_lock(&ledger->lock);
	idset_add(&ledger->set, key_of_id(ledger, id, kind));
	pthread_mutex_unlock(&ledger->lock);
}

static bool has(struct ledger *ledger, const struct usrbio_id *id, enum kind kind)
{
	bool found;

	pthread_mutex_lock(&ledger->lock);
	found = idset_has(&ledger->set, key_of_id(ledger, id, kind));
	pthread_mutex_unlock(&ledger->lock);
	return found;
}

void ledger_add_file(struct ledger *ledger, const struct usrbio_id *id)
{
	add(ledger, id, MADE_FILE);
}

bool ledger_has_file(struct ledger *ledger, const struct usrbio_id *id)
{
	return has(ledger, id, MADE_FILE);
}

void ledger_add_dir(struct ledger *ledger, const struct usrbio_id *id)
{
	add(ledger, id, MADE_DIRECTORY);
}

bool ledger_has_dir(struct ledger *ledger, const struct usrbio_id *id)
{
	return has(ledger, id, MADE_DIRECTORY);
}
