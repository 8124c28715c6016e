/*
 * Files that were open when the server was killed, through its successors: opening them again asks
 * no more than opening did, and finds the same file or none. Each kind of server is killed twice
 * with the table of cases, because a successor seals the names again. Needs root.
 *
 * Prints RESULT reopen server= cases= open= stale= wrong= for each kind of server.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/usrbio.h"
#include "tests/support/must.h"
#include "tests/support/process.h"

#define HANG_S	 300
#define USER	 1501
#define GROUP	 1601
#define TEXT_(x) #x
#define TEXT(x)	 TEXT_(x)

static char base[] = "/tmp/usrbio-reopened-XXXXXX";

/* Who the server and its client are. */
struct kind {
	const char *name;
	bool as_user; /* the server is USER */
	bool mapped;  /* the client's key stands for USER */
	bool state;   /* the server has a state directory */
	bool overlay; /* the export is an overlayfs, without file handles */
	int denied;   /* the result for a file whose mode has changed */
};

static const struct kind kinds[] = {
	{.name = "root"},
	{.name = "user", .as_user = true, .state = true},
	{.name = "mapped", .mapped = true, .state = true},
	{.name = "overlay", .overlay = true},
	{.name = "overlay-mapped", .overlay = true, .mapped = true, .state = true},
	{.name = "user-without-state", .as_user = true, .denied = -ESTALE},
	{.name = "mapped-without-state", .mapped = true, .denied = -ESTALE},
};

static const struct kind *kind;
static char mount_point[200];

static const char *path_of(const char *dir, const char *name)
{
	static char paths[4][200];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s%s%s", base, dir, *name ? "/" : "", name);
	return path;
}

static const char *url_of(const char *name)
{
	static char urls[4][400];
	static unsigned next;
	char *url = urls[next++ % 4];

	snprintf(url, sizeof(urls[0]), "%s/%s", mount_point, name);
	return url;
}

/* What the client does with an open file, and what others do while no server is there. */
static void nothing(int fd, const char *name)
{
}

static void forbid(int fd, const char *name)
{
	must(!usrbio_fchmod(fd, 0), "%s", name);
}

static void rename_by_client(int fd, const char *name)
{
	char to[64];

	snprintf(to, sizeof(to), "%s-2", name);
	must(!usrbio_rename(url_of(name), url_of(to)), "%s", name);
}

static void move_by_client(int fd, const char *name)
{
	char to[64];

	snprintf(to, sizeof(to), "dir/%s", name);
	must(!usrbio_rename(url_of(name), url_of(to)), "%s", name);
}

static void rename_behind(int fd, const char *name)
{
	char to[64];

	snprintf(to, sizeof(to), "%s-2", name);
	must(!rename(path_of("export", name), path_of("export", to)), "%s", name);
}

static void move_behind(int fd, const char *name)
{
	char to[64];

	snprintf(to, sizeof(to), "dir/deeper/%s", name);
	must(!rename(path_of("export", name), path_of("export", to)), "%s", name);
}

static void make_other(const char *name)
{
	int other = open(path_of("export", name), O_CREAT | O_EXCL | O_WRONLY, 0666);

	must(other >= 0 && !fchmod(other, 0666) && write(other, "other", 5) == 5, "%s", name);
	close(other);
}

static void replace(int fd, const char *name)
{
	make_other("other");
	must(!rename(path_of("export", "other"), path_of("export", name)), "%s", name);
}

static void remove_and_make(int fd, const char *name)
{
	must(!unlink(path_of("export", name)), "%s", name);
	make_other(name);
}

static void remove_it(int fd, const char *name)
{
	must(!unlink(path_of("export", name)), "%s", name);
}

static const struct test_case {
	const char *name;
	mode_t mode;
	void (*before)(int fd, const char *name); /* the server is killed */
	void (*after)(int fd, const char *name);
	int result;
	bool needs_right; /* which the mode does not give any more */
} cases[] = {
	{"plain", 0644, nothing, nothing, 0, false},
	{"created-0444", 0444, nothing, nothing, 0, true},
	{"forbidden", 0644, forbid, nothing, 0, true},
	{"renamed", 0644, rename_by_client, nothing, 0, false},
	{"moved", 0644, move_by_client, nothing, 0, false},
	{"moved-0444", 0444, move_by_client, nothing, 0, true},
	{"renamed-behind", 0644, nothing, rename_behind, 0, false},
	{"moved-behind", 0644, nothing, move_behind, 0, false},
	{"replaced", 0644, nothing, replace, -ESTALE, false},
	{"made-anew", 0644, nothing, remove_and_make, -ESTALE, false},
	{"removed", 0644, nothing, remove_it, -ESTALE, false},
};

enum { CASES = sizeof(cases) / sizeof(*cases) };

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(path_of("", name), "w");

	must(file && !fchmod(fileno(file), 0600) && fputs(text, file) >= 0 && !fclose(file), "%s",
	     name);
}

static void write_keys(void)
{
	char text[512];

	snprintf(text, sizeof(text), "[mapped]\nkey = %064d\n", 1);
	write_file("mapped", text);
	snprintf(text, sizeof(text), "[mapped]\nkey = %064d\nexport = e:rw\nuid = %d\ngid = %d\n",
		 1, USER, GROUP);
	write_file("keyring", text);
}

/* An empty export of this kind. */
static void make_export(void)
{
	static const char *const dirs[] = {"export", "lower", "upper", "work", "state"};
	char options[700];

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		must(!mkdir(path_of(dirs[i], ""), 0755), "%s", dirs[i]);
	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s,workdir=%s",
		 path_of("lower", ""), path_of("upper", ""), path_of("work", ""));
	must(!kind->overlay || !mount("overlay", path_of("export", ""), "overlay", 0, options),
	     "overlay");
	must(!chmod(path_of("export", ""), 0777), "export");
	must(!chown(path_of("state", ""), kind->as_user ? USER : 0, 0), "state");
}

static void remove_export(void)
{
	must(!kind->overlay || !umount2(path_of("export", ""), 0), "overlay");
	must(!run("/bin/rm", "-r", path_of("export", ""), path_of("lower", ""),
		  path_of("upper", ""), path_of("work", "")),
	     "rm");
	must(!run("/bin/rm", "-r", path_of("state", "")), "rm");
}

/* Start the server at this address ("tcp://127.0.0.1:0": any port), and get the one it has. */
static void start(struct process *server, char address[100])
{
	static const char listening[] = "listening on ";
	char export[240], line[256], uid[32], gid[32];
	const char *argv[16];
	int argc = 0;

	if (kind->as_user) {
		snprintf(uid, sizeof(uid), "--reuid=%d", USER);
		snprintf(gid, sizeof(gid), "--regid=%d", GROUP);
		argv[argc++] = "/usr/bin/setpriv";
		argv[argc++] = uid;
		argv[argc++] = gid;
		argv[argc++] = "--clear-groups";
	}
	snprintf(export, sizeof(export), "e=%s", path_of("export", ""));
	argv[argc++] = REOPENED_SERVER;
	argv[argc++] = "--export";
	argv[argc++] = export;
	argv[argc++] = "--listen";
	argv[argc++] = address;
	if (kind->mapped) {
		argv[argc++] = "--keyring";
		argv[argc++] = path_of("keyring", "");
	}
	if (kind->state) {
		argv[argc++] = "--state";
		argv[argc++] = path_of("state", "");
	}
	argv[argc] = NULL;
	process_start(server, argv, NULL);
	must(process_line(server, line, sizeof(line)), "no server");
	snprintf(address, 100, "%.99s", line + strlen(listening));
	must(process_line(server, line, sizeof(line)), "not ready");
}

static void kill_server(struct process *server)
{
	must(!kill(server->pid, SIGKILL), "kill");
	must(process_wait(server) == 128 + SIGKILL, "the server's end");
}

static int expected(const struct test_case *c)
{
	return c->needs_right && kind->denied ? kind->denied : c->result;
}

/* Use the file, which must be the one that was opened. Returns 1 if it was not as expected. */
static unsigned check(const struct test_case *c, int fd, unsigned life)
{
	const uint64_t size = 1000 + life;
	int result = usrbio_ftruncate(fd, size);
	struct usrbio_stat st = {0};

	if (!result && (usrbio_fstat(fd, &st) || st.size != size))
		result = -EBADMSG;
	if (result == expected(c))
		return 0;
	printf("%s: %s, life %u: %d instead of %d\n", kind->name, c->name, life, result,
	       expected(c));
	return 1;
}

/* What has taken the place of a file is as it was. Returns how many are not. */
static unsigned check_others(void)
{
	static const char *const names[] = {"replaced", "made-anew"};
	unsigned wrong = 0;
	struct stat st;

	for (size_t i = 0; i < 2; i++)
		wrong += stat(path_of("export", names[i]), &st) || st.st_size != 5;
	if (wrong)
		printf("%s: %u other files were changed\n", kind->name, wrong);
	return wrong;
}

static void check_modes(unsigned *wrong)
{
	struct stat st;

	if (stat(path_of("export", "created-0444"), &st) || (st.st_mode & 07777) != 0444 ||
	    stat(path_of("export", "forbidden"), &st) || st.st_mode & 07777) {
		printf("%s: a mode has changed\n", kind->name);
		++*wrong;
	}
}

static unsigned run_kind(void)
{
	unsigned wrong = 0, nr_open = 0, nr_stale = 0;
	char address[100] = "tcp://127.0.0.1:0";
	struct process server;
	int fds[CASES];

	make_export();
	start(&server, address);
	snprintf(mount_point, sizeof(mount_point), "%s/e?timeout=120%s", address,
		 kind->mapped ? "&key=mapped" : "");
	must(!usrbio_mkdir(url_of("dir"), 0777) && !usrbio_mkdir(url_of("dir/deeper"), 0777),
	     "mkdir");
	for (int i = 0; i < CASES; i++) {
		fds[i] = usrbio_open(url_of(cases[i].name), O_RDWR | O_CREAT | O_EXCL,
				     cases[i].mode);
		must(fds[i] >= 0, "%s: %d", cases[i].name, fds[i]);
		cases[i].before(fds[i], cases[i].name);
	}
	for (unsigned life = 1; life <= 2; life++) {
		kill_server(&server);
		for (int i = 0; i < CASES && life == 1; i++)
			cases[i].after(fds[i], cases[i].name);
		start(&server, address);
		for (int i = 0; i < CASES; i++)
			wrong += check(&cases[i], fds[i], life);
	}
	for (int i = 0; i < CASES; i++) {
		*(expected(&cases[i]) ? &nr_stale : &nr_open) += 1;
		usrbio_close(fds[i]);
	}
	wrong += check_others();
	check_modes(&wrong);
	must(!kill(server.pid, SIGTERM) && !process_wait(&server), "the server's exit status");
	remove_export();
	printf("RESULT reopen server=%s cases=%d open=%u stale=%u wrong=%u\n", kind->name, CASES,
	       nr_open, nr_stale, wrong);
	return wrong;
}

/* A mount namespace, so that no mount outlives this process. A tmpfs has a time of birth. */
static bool may_mount(void)
{
	return !unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("none", base, "tmpfs", 0, NULL) && !chmod(base, 0755);
}

int main(void)
{
	unsigned wrong = 0;

	if (geteuid()) {
		puts("needs root");
		return 77;
	}
	alarm(HANG_S);
	must(mkdtemp(base), "%s", base);
	if (!may_mount()) {
		puts("needs to mount");
		rmdir(base);
		return 77;
	}
	write_keys();
	setenv("USRBIO_KEYS", base, 1);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		kind = &kinds[i];
		wrong += run_kind();
	}
	must(!umount2(base, MNT_DETACH) && !rmdir(base), "%s", base);
	return wrong ? 1 : 0;
}
