/*
 * The sandbox: a landlock ruleset that denies all it can, with a rule for each place that is needed
 * later. The process owns it. Landlock confines the calling thread and the threads that it starts,
 * so the main thread enters the sandbox before there are others. What has been opened before stays
 * usable. RDMA devices are an exception: the kernel wants them used with the same credentials with
 * which they were opened, and these change here. So the server opens them afterwards.
 *
 * The headers of Debian 12 may be older than the kernel, so the numbers of linux/landlock.h are
 * repeated here.
 */
#include "server/program/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/base/log.h"
#include "server/program/server.h"
#include "server/store/store.h"

#define RULESET_VERSION 1u /* asks for the version of the ABI instead of a ruleset */
#define RULE_BENEATH	1
#define RULE_PORT	2

enum {
	FS_EXECUTE = 1 << 0,
	FS_WRITE_FILE = 1 << 1,
	FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3,
	FS_REMOVE_DIR = 1 << 4,
	FS_REMOVE_FILE = 1 << 5,
	FS_MAKE_CHAR = 1 << 6,
	FS_MAKE_DIR = 1 << 7,
	FS_MAKE_REG = 1 << 8,
	FS_MAKE_SOCK = 1 << 9,
	FS_MAKE_FIFO = 1 << 10,
	FS_MAKE_BLOCK = 1 << 11,
	FS_MAKE_SYM = 1 << 12,
	FS_REFER = 1 << 13,	/* ABI 2: rename and link across directories; forbidden before */
	FS_TRUNCATE = 1 << 14,	/* ABI 3 */
	FS_IOCTL_DEV = 1 << 15, /* ABI 5 */

	FS_READ = FS_READ_FILE | FS_READ_DIR,
	/*
	 * A client may rename sockets, FIFOs and symbolic links that others made, which needs the
	 * right to make them. It may not rename devices.
	 */
	FS_CHANGE = FS_READ | FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR |
		    FS_MAKE_REG | FS_MAKE_SOCK | FS_MAKE_FIFO | FS_MAKE_SYM | FS_REFER |
		    FS_TRUNCATE,
	FS_DRIVE = FS_READ | FS_WRITE_FILE | FS_IOCTL_DEV,
};

enum { NET_BIND_TCP = 1 << 0, NET_CONNECT_TCP = 1 << 1 };     /* ABI 4 */
enum { SCOPE_ABSTRACT_UNIX = 1 << 0, SCOPE_SIGNAL = 1 << 1 }; /* ABI 6 */

#define ABI_MIN 2 /* Linux 5.19 */

/* struct landlock_ruleset_attr. Older kernels accept it if the fields unknown to them are 0. */
struct ruleset {
	uint64_t fs, net, scoped;
};

struct rule {
	uint64_t allowed;
	int32_t dir;
} __attribute__((packed));

struct port_rule {
	uint64_t allowed, port;
};

/* The paths that librdmacm and libibverbs open to find and use devices and their drivers. */
static const struct sandbox_path {
	const char *path;
	uint64_t allowed;
} rdma_places[] = {
	{"/dev/infiniband", FS_DRIVE},	{"/sys/class", FS_READ},
	{"/sys/devices", FS_READ}, /* the names above are links to here */
	{"/etc/libibverbs.d", FS_READ}, {"/etc/ld.so.cache", FS_READ},
	{"/usr/lib", FS_READ},		{"/usr/lib64", FS_READ},
};

static struct ruleset all_of(int abi)
{
	struct ruleset all = {.fs = FS_REFER * 2 - 1};

	if (abi >= 3)
		all.fs |= FS_TRUNCATE;
	if (abi >= 4)
		all.net = NET_BIND_TCP | NET_CONNECT_TCP;
	if (abi >= 5)
		all.fs |= FS_IOCTL_DEV;
	if (abi >= 6)
		all.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
	return all;
}

static int allow(int ruleset, const struct ruleset *all, const char *path, uint64_t allowed)
{
	struct rule rule = {.allowed = allowed & all->fs};
	struct stat st;
	int err = 0;

	rule.dir = open(path, O_PATH | O_CLOEXEC);
	if (rule.dir < 0)
		return -errno;
	if (!fstat(rule.dir, &st) && !S_ISDIR(st.st_mode))
		rule.allowed &= FS_READ_FILE;
	if (syscall(SYS_landlock_add_rule, ruleset, RULE_BENEATH, &rule, 0) < 0)
		err = -errno;
	close(rule.dir);
	return err;
}

static int allow_exports(int ruleset, const struct ruleset *all, const struct server_config *config)
{
	for (unsigned i = 0; i < config->nr_exports; i++) {
		const struct export_config *export = &config->exports[i];
		const char *dir = store_directory(export->where);
		int err = !dir ? 0
			       : allow(ruleset, all, dir, export->read_only ? FS_READ : FS_CHANGE);

		if (err) {
			log_error("sandbox: export %s: %s", dir, strerror(-err));
			return err;
		}
	}
	return 0;
}

/*
 * The directory of the file is allowed, because a reload may read another file of that name. If
 * links lead from there to another directory, that one is allowed as well.
 */
static int allow_keyring(int ruleset, const struct ruleset *all, const char *path)
{
	char dir[PATH_MAX], real[PATH_MAX];
	int err = -ENAMETOOLONG;

	if (strlen(path) < sizeof(dir)) {
		strcpy(dir, path);
		err = allow(ruleset, all, dirname(dir), FS_READ_FILE);
	}
	if (!err && !realpath(path, real))
		err = -errno;
	if (!err)
		err = allow(ruleset, all, dirname(real), FS_READ_FILE);
	if (err)
		log_error("sandbox: directory of %s: %s", path, strerror(-err));
	return err;
}

static int allow_state(int ruleset, const struct ruleset *all, const char *path)
{
	int err = allow(ruleset, all, path,
			FS_READ | FS_WRITE_FILE | FS_MAKE_REG | FS_TRUNCATE | FS_REMOVE_FILE);

	if (err)
		log_error("sandbox: %s: %s", path, strerror(-err));
	return err;
}

/* A path that does not exist needs no rule. */
static int allow_rdma(int ruleset, const struct ruleset *all)
{
	for (size_t i = 0; i < sizeof(rdma_places) / sizeof(*rdma_places); i++) {
		const struct sandbox_path *place = &rdma_places[i];
		int err = allow(ruleset, all, place->path, place->allowed);

		if (err && err != -ENOENT) {
			log_error("sandbox: %s: %s", place->path, strerror(-err));
			return err;
		}
	}
	return 0;
}

/* Allow the ports that the server listens at. Port 0 allows any free port. */
static int allow_ports(int ruleset, const struct ruleset *all, const struct server_config *config)
{
	for (unsigned i = 0; i < config->nr_listens && all->net; i++) {
		struct port_rule rule = {NET_BIND_TCP, config->listens[i].port};

		if (syscall(SYS_landlock_add_rule, ruleset, RULE_PORT, &rule, 0) < 0) {
			int err = -errno;

			log_error("sandbox: port %u: %s", config->listens[i].port, strerror(-err));
			return err;
		}
	}
	return 0;
}

static bool listens_on_rdma(const struct server_config *config)
{
	for (unsigned i = 0; i < config->nr_listens; i++)
		if (!strcmp(config->listens[i].scheme, "rdma"))
			return true;
	return false;
}

static int allow_needed(int ruleset, const struct ruleset *all, const struct server_config *config)
{
	int err = allow_exports(ruleset, all, config);

	if (!err)
		err = allow_ports(ruleset, all, config);
	if (!err && config->keyring)
		err = allow_keyring(ruleset, all, config->keyring);
	if (!err && config->state)
		err = allow_state(ruleset, all, config->state);
	if (!err && listens_on_rdma(config))
		err = allow_rdma(ruleset, all);
	return err;
}

static int restrict_self(int abi, const struct server_config *config)
{
	struct ruleset all = all_of(abi);
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0), err;

	if (ruleset < 0) {
		err = -errno;
		log_error("sandbox: landlock: %s", strerror(-err));
		return err;
	}
	err = allow_needed(ruleset, &all, config);
	if (!err && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0) {
		err = -errno;
		log_error("sandbox: landlock: %s", strerror(-err));
	}
	close(ruleset);
	return err;
}

int sandbox_enter(const struct server_config *config, bool required)
{
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, RULESET_VERSION), err;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) {
		err = -errno;
		log_error("sandbox: no new privileges: %s", strerror(-err));
		return err;
	}
	if (abi >= ABI_MIN) {
		log_info("sandbox: landlock, version %d", abi);
		return restrict_self(abi, config);
	}
	log_at(required ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN,
	       "sandbox: this kernel has no landlock%s: a bug in the server would expose everything "
	       "that its user can access",
	       abi < 0 ? "" : " that could be used (before Linux 5.19)");
	return -EOPNOTSUPP;
}
