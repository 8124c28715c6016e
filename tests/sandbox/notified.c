/*
 * What the server's program tells systemd: that it is ready once clients can come, that it reads
 * its keyring again, and that it stops; by a socket in a directory and by an abstract one, out of
 * its sandbox.
 */
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/usrbio.h"
#include "tests/support/must.h"
#include "tests/support/process.h"

#define HANG_S 50

static int listen_at(const char *name)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strncpy(at.sun_path, name, sizeof(at.sun_path) - 1);
	if (*name == '@')
		*at.sun_path = '\0';
	must(!bind(fd, (struct sockaddr *)&at,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
	     "%s", name);
	return fd;
}

static void expect(int fd, const char *line)
{
	char text[1024];
	ssize_t len = recv(fd, text, sizeof(text) - 1, 0);

	must(len > 0, "recv");
	text[len] = '\0';
	must(!strncmp(text, line, strlen(line)), "%s instead of %s", text, line);
}

static char dir[] = "/tmp/usrbio-notify-XXXXXX";

static const char *below(const char *name)
{
	static char path[96];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

/* A file of keys: with what its owner may do, for the server. In the place of what was there. */
static void write_keys(const char *name, const char *grant)
{
	char new[96];
	FILE *file;

	strcpy(new, below("new"));
	file = fopen(new, "w");
	must(file && !fchmod(fileno(file), 0600), "%s", new);
	fprintf(file, "[me]\nkey = %064d\n%s", 7, grant);
	must(!fclose(file) && !rename(new, below(name)), "%s", name);
}

static void reload(const struct process *server, int fd, const char *status)
{
	kill(server->pid, SIGHUP);
	expect(fd, "RELOADING=1");
	expect(fd, status);
}

static void check_reload(const struct process *server, int fd)
{
	write_keys("keyring", "export = *:ro\n");
	reload(server, fd, "READY=1\nSTATUS=The keyring has been read again");
	must(!chmod(below("keyring"), 0644), "chmod");
	reload(server, fd, "READY=1\nSTATUS=The keyring is the old one");
}

static void check(const char *name)
{
	char keyring[96], line[256], url[300];
	const char *argv[] = {
		NOTIFYING_SERVER, "--export", "e=null:1M", "--keyring",		keyring,
		"--log",	  "off",      "--listen",  "tcp://127.0.0.1:0", NULL};
	struct process server;
	int fd = listen_at(name);
	uint64_t ns;

	write_keys("keyring", "export = e:rw\n");
	strcpy(keyring, below("keyring"));
	setenv("NOTIFY_SOCKET", name, 1);
	process_start(&server, argv, NULL);
	expect(fd, "READY=1\nSTATUS=Listening on tcp://");
	must(process_line(&server, line, sizeof(line)), "no address");
	snprintf(url, sizeof(url), "%s/e", line + strlen("listening on "));
	must(!usrbio_ping(url, &ns), "ready, and not there");
	check_reload(&server, fd);
	kill(server.pid, SIGTERM);
	expect(fd, "STOPPING=1\n");
	must(!process_wait(&server), "the server's exit status");
	close(fd);
}

int main(void)
{
	char name[96];

	alarm(HANG_S);
	must(mkdtemp(dir), "%s", dir);
	write_keys("key", "");
	setenv("USRBIO_KEY", below("key"), 1);
	strcpy(name, below("socket"));
	check(name);
	snprintf(name, sizeof(name), "@%s", dir);
	check(name);
	must(!run("/bin/rm", "-r", dir), "rm");
	return 0;
}
