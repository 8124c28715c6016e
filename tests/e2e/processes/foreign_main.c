/*
 * A program that has nothing of ours but names, numbers and bytes, like the bindings of 3FS for
 * other languages: it loads the library at run time, its structs are arrays of bytes, moved about
 * in memory before use. One thread.
 *
 *   e2e_foreign io MOUNT FILE LIBRARY             write FILE through a ring and read it back
 *   e2e_foreign reload MOUNT FILE ROUNDS ONE TWO  read FILE with two names of the library, loaded
 * and unloaded in each round; nothing must pile up
 *
 * FILE is a path below the directory MOUNT, or a URL. Exit status 0; SIGABRT and a line for
 * anything wrong.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/must.h"
#include "tests/support/pattern.h"
#include "tests/support/process.h"

enum { SEED = 7, SIZE = 70000, ENTRIES = 3 };

/* As bindings declare it: untyped. */
struct api {
	void *library;
	int (*iovcreate)(void *iov, const char *mount, size_t size, size_t block_size, int numa);
	void (*iovdestroy)(void *iov);
	int (*iorcreate)(void *ior, const char *mount, int entries, bool for_read, int io_depth,
			 int timeout, int numa, uint64_t flags);
	void (*iordestroy)(void *ior);
	int (*reg_fd)(int fd, uint64_t flags);
	void (*dereg_fd)(int fd);
	int (*prep_io)(const void *ior, const void *iov, bool read, void *ptr, int fd, size_t off,
		       uint64_t len, const void *userdata);
	int (*submit_ios)(const void *ior);
	int (*wait_for_ios)(const void *ior, void *cqes, int cqec, int min, const void *timeout);
	int (*open)(const char *url, int flags, unsigned mode);
	int (*close)(int fd);
};

static const struct {
	const char *name;
	size_t at;
} functions[] = {
	{"hf3fs_iovcreate", offsetof(struct api, iovcreate)},
	{"hf3fs_iovdestroy", offsetof(struct api, iovdestroy)},
	{"hf3fs_iorcreate4", offsetof(struct api, iorcreate)},
	{"hf3fs_iordestroy", offsetof(struct api, iordestroy)},
	{"hf3fs_reg_fd", offsetof(struct api, reg_fd)},
	{"hf3fs_dereg_fd", offsetof(struct api, dereg_fd)},
	{"hf3fs_prep_io", offsetof(struct api, prep_io)},
	{"hf3fs_submit_ios", offsetof(struct api, submit_ios)},
	{"hf3fs_wait_for_ios", offsetof(struct api, wait_for_ios)},
	{"usrbio_open", offsetof(struct api, open)},
	{"usrbio_close", offsetof(struct api, close)},
};

static void load(struct api *api, const char *library)
{
	api->library = dlopen(library, RTLD_NOW);
	must(api->library, "%s", dlerror());
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		void *function = dlsym(api->library, functions[i].name);

		must(function, "%s", dlerror());
		memcpy((char *)api + functions[i].at, &function, sizeof(function));
	}
}

static void loading_starts_nothing(void)
{
	must(process_threads(getpid()) == 1, "loading started a thread");
}

/* A copy elsewhere, and nothing left of the original. */
static uint8_t *moved(uint8_t *bytes, size_t size)
{
	uint8_t *to = malloc(size);

	must(to, "memory");
	memcpy(to, bytes, size);
	memset(bytes, 0xa5, size);
	return to;
}

static uint8_t *ring_new(const struct api *api, const char *mount, bool for_read)
{
	uint8_t ior[600] = {0};
	int32_t depth, timeout;
	uint64_t flags;
	int err = api->iorcreate(ior, mount, ENTRIES, for_read, -2, 5, -1, 2);

	must(!err, "iorcreate4: %d", err);
	memcpy(&depth, ior + 580, sizeof(depth));
	memcpy(&timeout, ior + 588, sizeof(timeout));
	memcpy(&flags, ior + 592, sizeof(flags));
	must(!strcmp((char *)ior + 320, mount) && ior[576] == for_read, "fields of a ring");
	must(depth == -2 && timeout == 5 && flags == 2, "%d %d %lu", depth, timeout, flags);
	return moved(ior, sizeof(ior));
}

static uint8_t *iov_new(const struct api *api, const char *mount)
{
	uint8_t iov[312] = {0};
	size_t size, block_size;
	int32_t numa;
	int err = api->iovcreate(iov, mount, SIZE, SIZE, -1);

	must(!err, "iovcreate: %d", err);
	memcpy(&size, iov + 288, sizeof(size));
	memcpy(&block_size, iov + 296, sizeof(block_size));
	memcpy(&numa, iov + 304, sizeof(numa));
	must(!strcmp((char *)iov + 32, mount) && (iov[16 + 6] >> 4) == 4, "mount point, id");
	must(size == SIZE && block_size == SIZE && numa == -1, "fields of an iov");
	return moved(iov, sizeof(iov));
}

static uint8_t *base_of(const uint8_t *iov)
{
	uint8_t *base;

	memcpy(&base, iov, sizeof(base));
	return base;
}

/* Prepared through one name of the library, submitted and collected through another. */
static void transfer(const struct api *one, const struct api *two, const uint8_t *ior,
		     const uint8_t *iov, int fd)
{
	uint8_t cqe[24] = {0};
	int32_t index;
	int64_t result;
	const void *userdata;
	int n, slot = one->prep_io(ior, iov, ior[576], base_of(iov), fd, 0, SIZE, cqe);

	must(slot >= 0 && slot < ENTRIES, "prep_io: %d", slot);
	must(!two->submit_ios(ior), "submit_ios");
	n = two->wait_for_ios(ior, cqe, 1, 1, NULL);
	must(n == 1, "wait_for_ios: %d", n);
	memcpy(&index, cqe, sizeof(index));
	memcpy(&result, cqe + 8, sizeof(result));
	memcpy(&userdata, cqe + 16, sizeof(userdata));
	must(index == slot && result == SIZE && userdata == cqe, "slot %d: %d, %ld", slot, index,
	     (long)result);
}

static int open_reg(const struct api *api, const char *file, int flags)
{
	int fd = strstr(file, "://") ? api->open(file, flags, 0644) : open(file, flags, 0644);
	int reg;

	must(fd >= 0, "%s: %d", file, fd);
	reg = api->reg_fd(fd, 0);
	must(reg <= 0, "reg_fd: %d", reg);
	return fd;
}

static void close_reg(const struct api *api, const char *file, int fd)
{
	api->dereg_fd(fd);
	must(!(strstr(file, "://") ? api->close(fd) : close(fd)), "close");
}

static void io(const char *mount, const char *file, const char *library)
{
	uint8_t *reads, *writes, *iov;
	struct api api;
	int fd;

	load(&api, library);
	loading_starts_nothing();
	fd = open_reg(&api, file, O_RDWR | O_CREAT | O_CLOEXEC);
	reads = ring_new(&api, mount, true);
	writes = ring_new(&api, mount, false);
	iov = iov_new(&api, mount);
	pattern_fill(base_of(iov), SIZE, SEED, 0);
	transfer(&api, &api, writes, iov, fd);
	memset(base_of(iov), 0, SIZE);
	transfer(&api, &api, reads, iov, fd);
	must(pattern_diff(base_of(iov), SIZE, SEED, 0) < 0, "content");
	api.iovdestroy(iov);
	api.iordestroy(reads);
	api.iordestroy(writes);
	close_reg(&api, file, fd);
	free(iov);
	free(reads);
	free(writes);
}

/* A ring with its memory and file. */
struct kit {
	uint8_t *ior, *iov;
	int fd;
};

static void kit_open(struct kit *kit, const struct api *api, const char *mount, const char *file)
{
	kit->fd = open_reg(api, file, O_RDONLY | O_CLOEXEC);
	kit->ior = ring_new(api, mount, true);
	kit->iov = iov_new(api, mount);
}

static void kit_use(struct kit *kit, const struct api *one, const struct api *two)
{
	memset(base_of(kit->iov), 0, SIZE);
	transfer(one, two, kit->ior, kit->iov, kit->fd);
	must(pattern_diff(base_of(kit->iov), SIZE, SEED, 0) < 0, "content");
}

static void kit_close(struct kit *kit, const struct api *api, const char *file)
{
	api->iordestroy(kit->ior);
	api->iovdestroy(kit->iov);
	close_reg(api, file, kit->fd);
	free(kit->ior);
	free(kit->iov);
}

static unsigned mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned n = 0;
	int c;

	must(f, "/proc/self/maps");
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

struct holdings {
	unsigned fds, threads, maps;
};

static struct holdings now(void)
{
	return (struct holdings){process_fds(getpid()), process_threads(getpid()), mappings()};
}

/* One a round piles up; a few more or fewer are the library's housekeeping, or an allocator's. */
static void nothing_piled_up(const struct holdings *was, int rounds)
{
	struct holdings is = now();
	unsigned few = rounds / 3;

	must(is.fds <= was->fds + few, "%u descriptors, then %u", was->fds, is.fds);
	must(is.threads <= was->threads + few, "%u threads, then %u", was->threads, is.threads);
	must(is.maps <= was->maps + few, "%u mappings, then %u", was->maps, is.maps);
}

/*
 * What was made through one name is used and destroyed through the other. `kept` outlives all
 * rounds but the last, and with it the library's threads.
 */
static void reload(const char *mount, const char *file, int rounds, const char *const names[2])
{
	struct holdings early = {0};
	struct kit kept, kit;
	struct api api[2];

	for (int i = 0; i < rounds; i++) {
		load(&api[0], names[i % 2]);
		load(&api[1], names[(i + 1) % 2]);
		if (!i) {
			loading_starts_nothing();
			kit_open(&kept, &api[0], mount, file);
		}
		kit_open(&kit, &api[0], mount, file);
		kit_use(&kit, &api[0], &api[1]);
		kit_close(&kit, &api[1], file);
		kit_use(&kept, &api[1], &api[0]);
		if (i == rounds / 10)
			early = now();
		if (i == rounds - 1)
			kit_close(&kept, &api[0], file);
		must(!dlclose(api[0].library) && !dlclose(api[1].library), "%s", dlerror());
	}
	nothing_piled_up(&early, rounds);
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "io"))
		io(argv[2], argv[3], argv[4]);
	else if (argc == 7 && !strcmp(argv[1], "reload"))
		reload(argv[2], argv[3], atoi(argv[4]), (const char *const *)argv + 5);
	else
		must(0, "usage: see the source");
	return 0;
}
