/* The export, the server and the files of the tests about kept descriptors. */
#include "tests/sandbox/kept_bed.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/usrbio.h"
#include "tests/support/must.h"

char kept_base[] = "/tmp/usrbio-kept-XXXXXX";
const struct kept_kind *kind;
const char *session_time = "--session-time=600";

static char address[100], mount_point[200];

const char *path_of(const char *dir, const char *name)
{
	static char paths[4][200];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s%s%s", kept_base, dir, *name ? "/" : "", name);
	return path;
}

const char *url_of(const char *name)
{
	static char urls[4][400];
	static unsigned next;
	char *url = urls[next++ % 4];

	snprintf(url, sizeof(urls[0]), "%s/%s", mount_point, name);
	return url;
}

void make_export(void)
{
	static const char *const dirs[] = {"export/dir", "export/locked", "state"};

	must(!mkdir(path_of("export", ""), 0755), "export");
	must(!kind->nameless || !mount("none", path_of("export", ""), "ramfs", 0, NULL), "ramfs");

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		must(!mkdir(path_of(dirs[i], ""), 0755), "%s", dirs[i]);
	must(!chmod(path_of("export", ""), 0777) && !chmod(path_of("export/dir", ""), 0777) &&
		     !chmod(path_of("export/locked", ""), 0700),
	     "chmod");
	must(!chown(path_of("state", ""), kind->how.uid, 0), "state");
	strcpy(address, "tcp://127.0.0.1:0");
}

void remove_export(void)
{
	must(!kind->nameless || !umount2(path_of("export", ""), MNT_DETACH), "ramfs");
	must(!run("/bin/rm", "-r", path_of("export", ""), path_of("state", "")), "rm");
	unlink(path_of("log", ""));
	manager_clear();
}

void start_with(struct process *server, const struct managed_start *how)
{
	static const char listening[] = "listening on ";
	char export[240], line[256];
	const char *argv[] = {KEPT_SERVER, "--export",		 export,       "--listen", address,
			      "--state",   path_of("state", ""), session_time, NULL};

	snprintf(export, sizeof(export), "e=%s", path_of("export", ""));
	manager_run(server, how, argv, path_of("log", ""));
	must(process_line(server, line, sizeof(line)), "no server");
	snprintf(address, sizeof(address), "%.90s", line + strlen(listening));
	must(process_line(server, line, sizeof(line)), "not ready");
	snprintf(mount_point, sizeof(mount_point), "%s/e?timeout=120", address);
}

void start(struct process *server)
{
	start_with(server, &kind->how);
}

void kill_server(struct process *server)
{
	must(!kill(server->pid, SIGKILL), "kill");
	must(process_wait(server) == 128 + SIGKILL, "the server's end");
	manager_sync();
}

void stop_server(struct process *server)
{
	must(!kill(server->pid, SIGTERM) && !process_wait(server), "the server's exit status");
	manager_sync();
}

/* Nothing is kept of files that were closed. */
void wait_for_none(void)
{
	for (manager_sync(); nr_managed; manager_sync())
		nap_ms(20);
}

bool logged(const char *text)
{
	FILE *file = fopen(path_of("log", ""), "r");
	char line[1024];
	bool found = false;

	must(file, "log");
	while (fgets(line, sizeof(line), file))
		found |= strstr(line, text) != NULL;
	fclose(file);
	return found;
}

void remove_it(int fd, const char *name)
{
	must(!unlink(path_of("export", name)), "%s", name);
}

/* Open a file as a client, and as the test. */
int open_case(const struct kept_case *c, int *own)
{
	int fd;

	if (c->of_root) {
		fd = open(path_of("export", c->name), O_CREAT | O_EXCL | O_RDWR, 0600);
		must(fd >= 0 && !fchmod(fd, c->mode) && !close(fd), "%s", c->name);
	}
	fd = usrbio_open(url_of(c->name), O_RDWR | (c->of_root ? 0 : O_CREAT | O_EXCL), c->mode);
	must(fd >= 0, "%s: %d", c->name, fd);
	*own = open(path_of("export", c->name), O_RDONLY);
	must(*own >= 0, "%s", c->name);
	return fd;
}

/* The file gets a new size through the client's descriptor, and it is that file. */
int use(int fd, int own, uint64_t size)
{
	int result = usrbio_ftruncate(fd, size);
	struct stat st;

	must(!fstat(own, &st), "fstat");
	if (!result && (uint64_t)st.st_size != size)
		return -EBADMSG;
	return result && (uint64_t)st.st_size == size ? -EBADMSG : result;
}
