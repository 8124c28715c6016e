/*
 * A session: its owner, its files and its replies. The registry owns it while it has members or
 * lingers. Any thread may use it: files and replies have locks of their own, and the other fields
 * of this file do not change.
 */
#include "server/session/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "server/account/account.h"
#include "server/base/budget.h"
#include "server/session/export.h"
#include "server/session/file.h"
#include "server/session/session_impl.h"

static int random_bytes(void *buf, size_t len)
{
	ssize_t n = getrandom(buf, len, 0);

	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

/* The memory that a session takes beside its files and replies. */
#define SESSION_BYTES (sizeof(struct server_session) + JOB_SESSION_BYTES)

void session_free(struct server_session *session)
{
	budget_id_return(&session->account->memory, session->leaving);
	account_give(session->account, ACCOUNT_FILES, session_nr_files(session));
	file_table_close(&session->handles);
	replies_close(&session->replies);
	job_session_close(session->export->calls, session->jobs);
	explicit_bzero(session->key, sizeof(session->key));
	/* Its files are being closed, and give their memory back to the budget themselves. */
	budget_share_release(&session->share, atomic_load(&session->share.used));
	budget_id_give(&session->account->memory, SESSION_BYTES);
	account_put(session->account);
	free(session);
}

int session_make(const struct sessions_config *config, struct export *export,
		 const struct claim *claim, struct server_session **out)
{
	struct budget_id *memory = &claim->account->memory;
	struct server_session *session;
	int err = -ENOMEM;

	if (!budget_id_take(memory, SESSION_BYTES, 0))
		return budget_id_has_more(memory, SESSION_BYTES) ? -EUSERS : -ENOMEM;
	session = calloc(1, sizeof(*session));
	if (!session)
		goto err_budget;
	err = random_bytes(session->id, sizeof(session->id));
	if (!err && !*claim->id)
		err = random_bytes(session->key, sizeof(session->key));
	if (err)
		goto err_free;
	err = -ENOMEM;
	session->jobs = job_session_open(export->calls, claim->account->name);
	if (!session->jobs)
		goto err_free;
	if (*claim->id)
		memcpy(session->key, claim->key, sizeof(session->key));
	strcpy(session->owner, claim->id);
	session->account = claim->account;
	account_ref(session->account);
	session->as_user = claim->as_user;
	session->user = claim->user;
	session->max_files = config->max_files;
	if (claim->max_files && claim->max_files < session->max_files)
		session->max_files = claim->max_files;
	session->config = config;
	atomic_init(&session->refs, 1);
	session->export = export;
	session->share.id = memory;
	file_table_init(&session->handles, session->max_files, &session->share);
	replies_init(&session->replies, &session->share);
	*out = session;
	return 0;

err_free:
	free(session);
err_budget:
	budget_id_give(memory, SESSION_BYTES);
	return err;
}

void session_ref(struct server_session *session)
{
	atomic_fetch_add_explicit(&session->refs, 1, memory_order_relaxed);
}

void session_unref(struct server_session *session)
{
	if (atomic_fetch_sub_explicit(&session->refs, 1, memory_order_acq_rel) == 1)
		job_threads_run(session->export->closes, NULL, &session->free);
}

bool session_has_user(const struct server_session *session, const struct claim *claim)
{
	return session->as_user == claim->as_user && session->user.uid == claim->user.uid &&
	       session->user.gid == claim->user.gid;
}

bool session_is_theirs(const struct server_session *session, const struct claim *claim)
{
	if (strcmp(session->owner, claim->id))
		return false;
	return *claim->id ? exchange_check_by(&claim->proof, session->key, claim->key)
			  : exchange_equal(session->key, claim->key, sizeof(session->key));
}

const uint8_t *session_id(const struct server_session *session)
{
	return session->id;
}

const uint8_t *session_key(const struct server_session *session)
{
	return session->key;
}

uint32_t session_max_files(const struct server_session *session)
{
	return session->max_files;
}

struct export *session_export(const struct server_session *session)
{
	return session->export;
}

struct job_session *session_jobs(struct server_session *session)
{
	return session->jobs;
}

struct replies *session_replies(struct server_session *session)
{
	return &session->replies;
}

int session_reserve_file(struct server_session *session)
{
	struct account *none;
	int err = account_take(session->account, ACCOUNT_FILES, &none);

	if (err)
		return err == -EDQUOT ? -EMFILE : err;
	if (budget_share_take(&session->share, FILE_BYTES))
		return 0;
	account_give(session->account, ACCOUNT_FILES, 1);
	return -ENOMEM;
}

void session_unreserve_file(struct server_session *session)
{
	account_give(session->account, ACCOUNT_FILES, 1);
	budget_share_give(&session->share, FILE_BYTES);
}

int session_add_file(struct server_session *session, struct store_file *store_file,
		     uint64_t *handle)
{
	struct server_file *file =
		file_new(store_file, session->export->closes, session->config->budget);
	int err;

	if (!file)
		return -ENOMEM;
	err = file_table_add(&session->handles, file, handle);
	if (err)
		free(file);
	return err;
}

void session_get_files(struct server_session *session, size_t n, const uint64_t *handles,
		       struct server_file **files)
{
	file_table_get(&session->handles, n, handles, files);
}

int session_close_file(struct server_session *session, uint64_t handle)
{
	struct server_file *file = file_table_take(&session->handles, handle);

	if (!file)
		return -ESTALE;
	/* file_close() gives the bytes back to the budget. */
	budget_share_release(&session->share, FILE_BYTES);
	account_give(session->account, ACCOUNT_FILES, 1);
	file_unref(file, 1);
	return 0;
}

uint32_t session_nr_files(struct server_session *session)
{
	return file_table_count(&session->handles);
}
