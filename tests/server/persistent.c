/* Sealed persistent names: what they prove, and that no change of them proves anything. */
#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>

#include "server/calls/persistent.h"
#include "server/session/export.h"
#include "server/store/store.h"
#include "server/worker/server_impl.h"

#define RW (OPEN_READ | OPEN_WRITE)

/* A client with a key for a user, its server, and a file that it has opened. */
struct scene {
	struct server server;
	struct export export;
	struct persistent_owner owner;
	struct store_file file;
	uint8_t sealed[PERSISTENT_MAX];
	size_t len;
};

static void scene_open(struct scene *scene)
{
	*scene = (struct scene){
		.export.id = 7,
		.owner = {.key = &scene->server.names,
			  .export = &scene->export,
			  .permit = {.as_user = true, .uid = 1501, .gid = 1601},
			  .id = "alice"},
		.file = {.flags = OPEN_READ, .persistent_len = STORE_NAME_MAX},
	};
	cr_assert_eq(secret_draw(&scene->server.names), 0);
	memset(scene->file.persistent, 'n', STORE_NAME_MAX);
	scene->len = persistent_seal(&scene->owner, &scene->file, scene->sealed);
	cr_assert_gt(scene->len, STORE_NAME_MAX);
	cr_assert_leq(scene->len, PERSISTENT_MAX);
}

/* Returns 1 if the name proves that these flags were granted, 0 if it does not, or -errno. */
static int prove(const struct scene *scene, uint32_t flags)
{
	struct bytes name;
	bool proven;
	int err = persistent_open(&scene->owner, (struct bytes){scene->sealed, scene->len}, flags,
				  &name, &proven);

	if (err)
		return err;
	cr_assert_leq(name.len, STORE_NAME_MAX);
	return proven;
}

Test(persistent, a_name_proves_what_was_granted)
{
	struct scene scene;
	struct bytes name;
	bool proven;

	scene_open(&scene);
	cr_expect_eq(prove(&scene, OPEN_READ), 1);
	cr_expect_eq(prove(&scene, OPEN_READ | OPEN_DIRECT), 1);
	cr_expect_eq(prove(&scene, OPEN_WRITE), 0);
	cr_expect_eq(prove(&scene, RW), 0);
	cr_assert_eq(persistent_open(&scene.owner, (struct bytes){scene.sealed, scene.len},
				     OPEN_READ, &name, &proven),
		     0);
	cr_expect_eq(name.len, scene.file.persistent_len);
	cr_expect_eq(memcmp(name.data, scene.file.persistent, name.len), 0);
	scene.file.flags = RW;
	scene.len = persistent_seal(&scene.owner, &scene.file, scene.sealed);
	cr_expect_eq(prove(&scene, RW), 1);
	scene.file.persistent_len = 0;
	cr_expect_eq(persistent_seal(&scene.owner, &scene.file, scene.sealed), 0, "no name");
}

Test(persistent, a_changed_name_proves_nothing)
{
	struct scene scene;

	scene_open(&scene);
	for (size_t bit = 0; bit < 8 * scene.len; bit++) {
		scene.sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
		cr_expect_leq(prove(&scene, OPEN_READ), 0, "bit %zu", bit);
		cr_expect_leq(prove(&scene, OPEN_WRITE), 0, "bit %zu", bit);
		scene.sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t len = scene.len; len-- > 0;) {
		scene.len = len;
		cr_expect_leq(prove(&scene, OPEN_READ), 0, "length %zu", len);
	}
}

Test(persistent, nobody_else_can_use_it)
{
	struct scene scene;

	scene_open(&scene);
	strcpy(scene.owner.id, "bob");
	cr_expect_eq(prove(&scene, OPEN_READ), 0);
	strcpy(scene.owner.id, "alice");
	scene.owner.permit.uid++;
	cr_expect_eq(prove(&scene, OPEN_READ), 0);
	scene.owner.permit.uid--;
	scene.owner.permit.gid++;
	cr_expect_eq(prove(&scene, OPEN_READ), 0);
	scene.owner.permit.gid--;
	scene.owner.permit.as_user = false;
	cr_expect_eq(prove(&scene, OPEN_READ), 0);
	scene.owner.permit.as_user = true;
	scene.export.id++;
	cr_expect_eq(prove(&scene, OPEN_READ), -ESTALE, "another export");
	scene.export.id--;
	cr_expect_eq(prove(&scene, OPEN_READ), 1);
	cr_assert_eq(secret_draw(&scene.server.names), 0);
	cr_expect_eq(prove(&scene, OPEN_READ), 0, "another server");
}
