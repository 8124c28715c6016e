/* Rule 4: what was not granted is not touched, and the try costs the connection. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "tests/transport/harness.h"

#define WINDOW_OFF 65536u
#define WINDOW_LEN 65536u

/* What the client's I/Os are about, by their tags. */
enum { ALL, WINDOW, FOREIGN, NR_TAGS };

/* A pair whose client grants a window in the middle of its memory. */
struct scene {
	struct pair pair;
	struct tp_mem *window;
	struct tp_device *stranger; /* another device with the same memory */
	struct tp_mem *foreign;
	bool forgotten; /* the window has been deregistered */
	uint32_t window_key;
	unsigned access; /* of the window */
	bool generous;	 /* the owner's word for an I/O goes beyond the window */
};

/* One I/O each way may be under way with each tag. The owner's word for its direction is access. */
static bool scene_range(struct end *end, uint32_t tag, enum tp_access access,
			struct tp_range *range)
{
	struct scene *scene = end->ctx;
	const uint32_t keys[NR_TAGS] = {scene->pair.mem->key, scene->window_key,
					scene->foreign->key};

	if (tag >= NR_TAGS || (tag == WINDOW && !(scene->access & access)))
		return false;
	*range = (struct tp_range){.base = (uintptr_t)end->mem, .len = MEM_LEN, .key = keys[tag]};
	if (tag != ALL)
		*range = (struct tp_range){.base = (uintptr_t)end->mem + WINDOW_OFF,
					   .len = WINDOW_LEN << scene->generous,
					   .key = keys[tag]};
	return true;
}

static void scene_open(struct scene *scene, unsigned access)
{
	struct pair *pair = &scene->pair;

	*scene = (struct scene){.forgotten = false};
	pair_open(pair);
	memset(pair->client.mem, 0x11, MEM_LEN);
	memset(pair->server.mem, 0x22, MEM_LEN);
	must(!pair->ops->mem_register(pair->device, pair->client.mem + WINDOW_OFF, WINDOW_LEN,
				      access, &scene->window));
	scene->window_key = scene->window->key;
	scene->access = access;
	must(!pair->ops->device_open(&pair->listener->addr, &scene->stranger));
	must(!pair->ops->mem_register(scene->stranger, pair->client.mem, MEM_LEN,
				      TP_REMOTE_READ | TP_REMOTE_WRITE, &scene->foreign));
	pair->client.ctx = scene;
	pair->client.range = scene_range;
}

static void scene_close(struct scene *scene)
{
	if (!scene->forgotten)
		scene->pair.ops->mem_deregister(scene->window);
	scene->pair.ops->mem_deregister(scene->foreign);
	scene->pair.ops->device_close(scene->stranger);
	pair_close(&scene->pair);
}

static struct tp_op window_op(struct scene *scene, enum tp_kind kind, long off, uint32_t len)
{
	struct tp_op op = make_op(&scene->pair, kind, 0, WINDOW_OFF, len);

	op.raddr += (uint64_t)off;
	op.key = scene->window->key;
	op.tag = WINDOW;
	op.off = (uint64_t)off;
	return op;
}

static bool all(const char *mem, size_t len, char c)
{
	for (size_t i = 0; i < len; i++)
		if (mem[i] != c)
			return false;
	return true;
}

/* The post, and one more behind it that must not happen either. */
static void expect_refusal(struct scene *scene, const struct tp_op *bad)
{
	struct pair *pair = &scene->pair;
	struct tp_op next = make_op(pair, TP_WRITE, 0, 0, 100);
	unsigned posted;

	must(post_op(&pair->server, bad));
	posted = 1 + (unsigned)post_op(&pair->server, &next);
	pair->ops->flush(pair->server.conn);
	pump_until(pair, pair->server.closed && pair->client.closed);
	must(pair->server.dones == posted);
	must(pair->server.done_status == -EACCES || pair->server.closed_status == -EACCES);
	must(all(pair->client.mem, MEM_LEN, 0x11));
	must(all(pair->server.mem, MEM_LEN, 0x22));
}

static void refused_if(enum tp_kind kind, unsigned access, bool generous, long off, uint32_t len)
{
	struct scene scene;
	struct tp_op op;

	scene_open(&scene, access);
	if (generous)
		scene.access = TP_REMOTE_READ | TP_REMOTE_WRITE;
	scene.generous = generous;
	op = window_op(&scene, kind, off, len);
	expect_refusal(&scene, &op);
	scene_close(&scene);
}

/* By the owner's word for its I/O, and by the registration when that word is too good. */
static void refused(enum tp_kind kind, unsigned access, long off, uint32_t len)
{
	refused_if(kind, access, false, off, len);
	refused_if(kind, access, true, off, len);
}

#define BOTH (TP_REMOTE_READ | TP_REMOTE_WRITE)

Test(access, write_one_byte_too_long)
{
	refused(TP_WRITE, BOTH, 0, WINDOW_LEN + 1);
}

Test(access, read_one_byte_too_long)
{
	refused(TP_READ, BOTH, 0, WINDOW_LEN + 1);
}

Test(access, write_one_byte_before)
{
	refused(TP_WRITE, BOTH, -1, 10);
}

Test(access, read_one_byte_before)
{
	refused(TP_READ, BOTH, -1, 10);
}

Test(access, write_one_byte_after)
{
	refused(TP_WRITE, BOTH, WINDOW_LEN, 1);
}

Test(access, write_without_the_right)
{
	refused(TP_WRITE, TP_REMOTE_READ, 0, 100);
}

Test(access, read_without_the_right)
{
	refused(TP_READ, TP_REMOTE_WRITE, 0, 100);
}

Test(access, a_large_write_without_the_right)
{
	refused(TP_WRITE, TP_REMOTE_READ, 0, WINDOW_LEN);
}

Test(access, the_range_wraps_around)
{
	struct scene scene;
	struct tp_op op;

	scene_open(&scene, BOTH);
	op = window_op(&scene, TP_WRITE, 0, 4096);
	op.raddr = op.off = UINT64_MAX - 100;
	expect_refusal(&scene, &op);
	scene_close(&scene);
}

Test(access, address_zero)
{
	struct scene scene;
	struct tp_op op;

	scene_open(&scene, BOTH);
	op = window_op(&scene, TP_READ, 0, 4096);
	op.raddr = 0;
	op.off = -(uint64_t)(uintptr_t)(scene.pair.client.mem + WINDOW_OFF);
	expect_refusal(&scene, &op);
	scene_close(&scene);
}

static void wrong_key(uint32_t flip)
{
	struct scene scene;
	struct tp_op op;

	scene_open(&scene, BOTH);
	op = window_op(&scene, TP_WRITE, 0, 4096);
	op.key ^= flip;
	op.tag ^= flip;
	expect_refusal(&scene, &op);
	scene_close(&scene);
}

Test(access, a_key_with_its_low_bits_changed)
{
	wrong_key(0xff);
}

Test(access, a_key_with_its_high_bits_changed)
{
	wrong_key(0xff000000);
}

Test(access, the_key_of_another_device)
{
	struct scene scene;
	struct tp_op op;

	scene_open(&scene, BOTH);
	op = window_op(&scene, TP_WRITE, 0, 4096);
	op.key = scene.foreign->key;
	op.tag = FOREIGN;
	if (op.key != scene.window->key && op.key != scene.pair.mem->key)
		expect_refusal(&scene, &op);
	scene_close(&scene);
}

Test(access, a_key_that_was_taken_back)
{
	struct scene scene;
	struct tp_op op;

	scene_open(&scene, BOTH);
	op = window_op(&scene, TP_WRITE, 0, 4096);
	scene.pair.ops->mem_deregister(scene.window);
	scene.forgotten = true;
	expect_refusal(&scene, &op);
	scene_close(&scene);
}

/* Who accepted owns nothing its peer could reach. */
Test(access, the_accepting_end_exposes_nothing)
{
	struct scene scene;
	struct pair *pair = &scene.pair;
	struct tp_op op;

	scene_open(&scene, BOTH);
	op = (struct tp_op){
		.kind = TP_WRITE,
		.len = 100,
		.tag = WINDOW,
		.key = scene.window->key,
		.raddr = (uintptr_t)pair->server.mem,
		.local = pair->client.mem,
	};
	must(post_op(&pair->client, &op));
	pair->ops->flush(pair->client.conn);
	pump_until(pair, pair->server.closed && pair->client.closed);
	must(pair->client.dones == 1);
	must(pair->client.done_status == -EACCES || pair->client.closed_status == -EACCES);
	must(all(pair->server.mem, MEM_LEN, 0x22));
	scene_close(&scene);
}

/* A neighbour in the same domains does not notice. */
Test(access, the_error_ends_that_connection_only)
{
	struct scene scene;
	struct pair *pair = &scene.pair;
	struct tp_conn *client, *server;
	struct tp_op op;

	scene_open(&scene, BOTH);
	client = pair->client.conn;
	server = pair->server.conn;
	pair->client.conn = pair->server.conn = NULL;
	pair->client.connected = pair->server.connected = 0;
	pair_connect(pair);
	op = window_op(&scene, TP_WRITE, 0, 4096);
	op.key ^= 0x5555;
	op.tag ^= 0x5555;
	expect_refusal(&scene, &op);
	pair->ops->conn_free(pair->client.conn);
	pair->ops->conn_free(pair->server.conn);
	pair->client.conn = client;
	pair->server.conn = server;
	pair->client.closed = pair->server.closed = 0;
	pair->server.dones = pair->server.failed_dones = 0;
	op = window_op(&scene, TP_WRITE, 0, 4096);
	must(post_op(&pair->server, &op));
	must(send_msg(&pair->server, "x", 1));
	pair->ops->flush(pair->server.conn);
	pump_until(pair, pair->server.dones == 1 && pair->client.msgs == 1);
	must(!pair->server.failed_dones && !pair->server.closed);
	must(all(pair->client.mem + WINDOW_OFF, 4096, 0x22));
	scene_close(&scene);
}

/* Hardware knows no I/O: what follows is what software does for it. */
static void skip_hardware(void)
{
	if (test_is("rdma"))
		cr_skip_test("a card knows keys, not I/Os");
}

static void refused_tag(enum tp_kind kind, uint32_t tag, uint64_t off, uint32_t len)
{
	struct scene scene;
	struct tp_op op;

	skip_hardware();
	scene_open(&scene, BOTH);
	op = window_op(&scene, kind, 0, len);
	op.tag = tag;
	op.off = off;
	op.has_imm = kind == TP_WRITE;
	expect_refusal(&scene, &op);
	must(!scene.pair.client.imms);
	scene_close(&scene);
}

Test(access, the_right_key_and_no_io)
{
	refused_tag(TP_WRITE, NR_TAGS, 0, 4096);
	refused_tag(TP_READ, NR_TAGS, 0, 4096);
	refused_tag(TP_WRITE, UINT32_MAX, 0, 4096);
}

/* Nothing is moved, and yet it would be the immediate of an I/O. */
Test(access, no_bytes_and_no_io)
{
	refused_tag(TP_WRITE, NR_TAGS, 0, 0);
	refused_tag(TP_READ, NR_TAGS, 0, 0);
}

Test(access, offsets_beyond_the_io)
{
	refused_tag(TP_WRITE, WINDOW, WINDOW_LEN + 1, 0);
	refused_tag(TP_WRITE, WINDOW, 1, WINDOW_LEN);
	refused_tag(TP_WRITE, WINDOW, UINT64_MAX, 1);
	refused_tag(TP_WRITE, WINDOW, UINT64_MAX - 4095, 4096);
	refused_tag(TP_READ, WINDOW, 1ull << 63, 4096);
	refused_tag(TP_READ, WINDOW, 1ull << 32, 4096);
}
