/*
 * Keys that stand for users, from the keyring to the file: what a client makes belongs to its user,
 * what is not for that user is refused, and a key without one is the server's own. A server that
 * cannot be others does not start with such a keyring. Needs root.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/usrbio.h"
#include "tests/support/must.h"
#include "tests/support/process.h"

#define HANG_S 50
#define USER   1501
#define OTHER  1502
#define GROUP  1601

static char base[] = "/tmp/usrbio-users-XXXXXX";

static const char *below(const char *name)
{
	static char path[200];

	snprintf(path, sizeof(path), "%s/%s", base, name);
	return path;
}

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(below(name), "w");

	must(file && !fchmod(fileno(file), 0600) && fputs(text, file) >= 0 && !fclose(file), "%s",
	     name);
}

static void write_keyring(int uid)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "[mapped]\nkey = %064d\nexport = e:rw\nuid = %d\ngid = %d\n"
		 "[plain]\nkey = %064d\nexport = e:rw\n",
		 1, uid, GROUP, 2);
	write_file("keyring", text);
}

/* Key files of two clients, and the keyring that knows them. */
static void write_keys(void)
{
	char text[512];

	snprintf(text, sizeof(text), "[mapped]\nkey = %064d\n", 1);
	write_file("mapped", text);
	snprintf(text, sizeof(text), "[plain]\nkey = %064d\n", 2);
	write_file("plain", text);
	write_keyring(USER);
}

static void start(struct process *server, char url[160])
{
	static const char listening[] = "listening on ";
	char export[240], keyring[200], line[256];
	const char *argv[] = {USERS_SERVER, "--export",		 export, "--keyring", keyring,
			      "--listen",   "tcp://127.0.0.1:0", NULL};

	snprintf(export, sizeof(export), "e=%s", below("export"));
	strcpy(keyring, below("keyring"));
	process_start(server, argv, NULL);
	must(process_line(server, line, sizeof(line)), "no server");
	snprintf(url, 160, "%.120s/e", line + strlen(listening));
}

static int open_as(const char *url, const char *key, const char *name, int flags)
{
	char path[300];

	snprintf(path, sizeof(path), "%s?key=%s/%s", url, key, name);
	return usrbio_open(path, flags, 0640);
}

static void check_owner(const char *name, uid_t uid, gid_t gid)
{
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "export/%s", name);
	must(!stat(below(path), &st), "%s", path);
	must(st.st_uid == uid && st.st_gid == gid, "%s is %u's", name, st.st_uid);
}

static int stat_as(const char *url, const char *key, const char *name)
{
	struct usrbio_stat st;
	char path[300];

	snprintf(path, sizeof(path), "%s?key=%s/%s", url, key, name);
	return usrbio_stat(path, &st);
}

/* What is in memory since the server itself has asked is still not for everybody. */
static void check_attributes(const char *url)
{
	must(!mkdir(below("export/closed"), 0700), "closed");
	write_file("export/closed/file", "");
	for (int i = 0; i < 3; i++) {
		must(!stat_as(url, "plain", "closed/file"), "the server's own");
		must(stat_as(url, "mapped", "closed/file") == -EACCES, "a closed directory");
		must(!stat_as(url, "mapped", "closed"), "the directory itself");
	}
}

static void check_clients(const char *url)
{
	int fd = open_as(url, "mapped", "theirs", O_RDWR | O_CREAT);

	must(fd >= 0 && !usrbio_ftruncate(fd, 10) && !usrbio_close(fd), "theirs: %d", fd);
	check_owner("theirs", USER, GROUP);
	fd = open_as(url, "plain", "ours", O_RDWR | O_CREAT);
	must(fd >= 0 && !usrbio_close(fd), "ours: %d", fd);
	check_owner("ours", geteuid(), getegid());
	must(open_as(url, "mapped", "ours", O_RDONLY) == -EACCES, "ours");
	fd = open_as(url, "plain", "theirs", O_RDONLY);
	must(fd >= 0 && !usrbio_close(fd), "theirs: %d", fd);
}

/* The same key stands for somebody else now, who has no part in what is open. */
static void check_change(const struct process *server, const char *url)
{
	int fd = open_as(url, "mapped", "theirs", O_RDWR), others;
	struct stat st;

	must(fd >= 0, "theirs: %d", fd);
	write_file("export/others", "");
	must(!chown(below("export/others"), OTHER, GROUP), "chown");
	write_keyring(OTHER);
	must(!kill(server->pid, SIGHUP), "SIGHUP");
	do {
		others = open_as(url, "mapped", "others", O_RDWR);
	} while (others == -EACCES);
	must(others >= 0 && !usrbio_close(others), "others: %d", others);
	must(usrbio_ftruncate(fd, 5), "a file that another user has opened");
	must(!stat(below("export/theirs"), &st) && st.st_size == 10, "theirs");
	usrbio_close(fd);
}

/* As a user who may not be others. */
static void check_refusal(void)
{
	char export[240], keyring[200];
	pid_t pid;
	int status;

	snprintf(export, sizeof(export), "e=%s", below("export"));
	strcpy(keyring, below("keyring"));
	must(!chown(keyring, USER, GROUP), "chown");
	pid = fork();
	must(pid >= 0, "fork");
	if (!pid) {
		must(!setgroups(0, NULL) && !setgid(GROUP) && !setuid(USER), "user");
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(USERS_SERVER, USERS_SERVER, "--export", export, "--keyring", keyring,
		      "--listen", "tcp://127.0.0.1:0", NULL);
		_exit(127);
	}
	must(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 1,
	     "it started");
}

int main(void)
{
	struct process server;
	char url[160];

	if (geteuid()) {
		puts("needs root");
		return 77;
	}
	alarm(HANG_S);
	must(mkdtemp(base) && !chmod(base, 0755), "%s", base);
	must(!mkdir(below("export"), 0777) && !chmod(below("export"), 0777), "mkdir");
	write_keys();
	setenv("USRBIO_KEYS", base, 1);
	start(&server, url);
	check_clients(url);
	check_attributes(url);
	check_change(&server, url);
	kill(server.pid, SIGTERM);
	must(!process_wait(&server), "the server's exit status");
	check_refusal();
	must(!run("/bin/rm", "-r", base), "rm");
	return 0;
}
