/* A registry of sessions over two memory stores. The main thread only. */
#include "tests/server/registry.h"

#include <criterion/criterion.h>
#include <limits.h>

#include "proto/limits.h"
#include "server/base/budget.h"

struct sessions *registry;
struct exports registry_exports;
uint64_t registry_now_ns;

struct budget registry_budget = {.max = SIZE_MAX};

void registry_open_sessions(unsigned max_sessions, uint32_t max_files)
{
	registry_open_shared(1000, max_sessions, max_files);
}

void registry_open_shared(unsigned max_connections, unsigned max_sessions, uint32_t max_files)
{
	const struct sessions_config config = {
		.budget = &registry_budget,
		.max = {[ACCOUNT_CONNECTIONS] = max_connections,
			[ACCOUNT_SESSIONS] = max_sessions,
			[ACCOUNT_FILES] = UINT_MAX},
		.max_files = max_files,
		.session_ns = KEPT,
		.yield_ns = YIELDS,
	};

	cr_assert_eq(sessions_open(&registry, &config), 0);
}

void registry_open(void)
{
	static const struct export_config configs[] = {{.name = "a", .where = "memory:"},
						       {.name = "b", .where = "memory:"}};

	cr_assert_eq(exports_open(&registry_exports, configs, 2, 1, NULL), 0);
	cr_assert_eq(exports_start(&registry_exports, 2), 0);
	registry_open_sessions(4096, FILES_MAX);
}

void registry_close(void)
{
	sessions_end(registry);
	cr_assert_eq(exports_stop(&registry_exports, UINT64_MAX), 0);
	sessions_close(registry);
	exports_close(&registry_exports);
	cr_assert_eq(registry_budget.used, 0, "all is given back");
}

uint64_t registry_add_file(struct server_session *session)
{
	struct store *store = registry_exports.list[0].store;
	struct store_file *file;
	struct file_attr attr;
	uint64_t handle = 0;

	cr_assert_eq(store->ops->open_file(store, NULL, "f", OPEN_READ | OPEN_CREATE, 0644, &file,
					   &attr),
		     0);
	cr_assert_eq(session_reserve_file(session), 0);
	cr_assert_eq(session_add_file(session, file, &handle), 0);
	return handle;
}

static void notify(struct member *member)
{
	container_of(member, struct one, member)->notified++;
}

int registry_enter_export(struct one *one, unsigned export, const struct claim *claim)
{
	struct claim whole = *claim;
	int err;

	*one = (struct one){.member.notify = notify};
	whole.account = account_get(sessions_accounts(registry), claim->id);
	err = session_enter(registry, &registry_exports.list[export], &whole, &one->member,
			    registry_now_ns);
	account_put(whole.account);
	return err;
}

int registry_enter(struct one *one, const struct claim *claim)
{
	return registry_enter_export(one, 0, claim);
}

struct server_session *registry_enter_new(struct one *one)
{
	cr_assert_eq(registry_enter(one, &(struct claim){.id = ""}), 0);
	return one->member.session;
}

void registry_leave(struct one *one)
{
	session_leave(&one->member, 0);
}
