/*
 * slowfs itself: it shows a directory as it is, and does what its rules say. Prints the name of
 * each case before it runs; ends with 77 where there can be no slowfs.
 */
#include "tests/support/slowfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/must.h"

#define HANG_S	90
#define NR_MANY 300

static char dir[] = "/tmp/usrbio-slowfs-XXXXXX";
static struct slowfs fs;

/* The path of a name in the file system. Good until four calls later. */
static const char *slow(const char *name)
{
	static _Thread_local char paths[4][600];
	static _Thread_local unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", fs.mount, name);
	return path;
}

static int make_file(const char *name, const char *text)
{
	int fd = open(slow(name), O_RDWR | O_CREAT | O_TRUNC, 0640);

	must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), "%s", name);
	return fd;
}

static unsigned count_names(const char *name)
{
	DIR *stream = opendir(slow(name));
	unsigned n = 0;

	must(stream, "%s", name);
	while (readdir(stream))
		n++;
	closedir(stream);
	return n;
}

static void shows_a_directory(void)
{
	char text[16] = "";
	struct stat st;
	int fd;

	must(!mkdir(slow("d"), 0750), "mkdir");
	fd = make_file("d/f", "hello");
	must(!fsync(fd) && pread(fd, text, sizeof(text), 1) == 4 && !strcmp(text, "ello"), "read");
	must(!fstat(fd, &st) && st.st_size == 5 && (st.st_mode & 0777) == 0640, "fstat");
	must(!ftruncate(fd, 3) && !fchmod(fd, 0600) && !stat(slow("d/f"), &st), "setattr");
	must(st.st_size == 3 && (st.st_mode & 0777) == 0600, "stat");
	must(!rename(slow("d/f"), slow("d/g")) && !link(slow("d/g"), slow("d/h")), "rename");
	must(count_names("d") == 4, "readdir");
	must(!symlink("g", slow("d/l")) && readlink(slow("d/l"), text, sizeof(text)) == 1, "link");
	must(stat(slow("d/f"), &st) && errno == ENOENT, "stat");
	must(!unlink(slow("d/g")) && !unlink(slow("d/h")) && !unlink(slow("d/l")), "unlink");
	must(!close(fd) && !rmdir(slow("d")), "rmdir");
}

static void *make_x(void *arg)
{
	int *err = arg;

	*err = mkdir(slow("a/x1"), 0700) ? errno : 0;
	return NULL;
}

static void hangs_what_a_rule_names(void)
{
	struct stat st;
	pthread_t thread;
	int rule, err;

	must(!mkdir(slow("a"), 0700) && !mkdir(slow("b"), 0700), "mkdir");
	rule = slowfs_rule(&fs, "mkdir,rmdir", "a/x*", "hang");
	must(!pthread_create(&thread, NULL, make_x, &err), "thread");
	slowfs_wait(&fs, rule, 1);
	must(slowfs_hung(&fs, rule) == 1, "hung");
	must(!mkdir(slow("b/x1"), 0700) && !stat(slow("b/x1"), &st), "another name hangs");
	must(slowfs_release(&fs, rule, 5) == 1, "release");
	pthread_join(thread, NULL);
	must(!err && !stat(slow("a/x1"), &st), "the operation is not done after its release");
	must(slowfs_matched(&fs, rule) == 1 && !slowfs_hung(&fs, rule), "matched");
	slowfs_drop(&fs, rule);
	must(!rmdir(slow("a/x1")), "a dropped rule hangs");
}

static void fails_and_counts(void)
{
	int fd = make_file("f", "text"), all, rule;

	all = slowfs_rule(&fs, "fsync", "*", "pass");
	rule = slowfs_rule(&fs, "fsync", "f", "fail 5 count 1");
	must(fsync(fd) && errno == EIO, "fsync does not fail");
	must(!fsync(fd), "fsync fails twice");
	must(slowfs_matched(&fs, rule) == 1 && slowfs_matched(&fs, all) == 1, "matched");
	slowfs_drop(&fs, 0);
	close(fd);
}

/* Every second one opens a file, and the others look for names in one directory. */
static void *open_f(void *arg)
{
	static atomic_uint nr;
	unsigned number = atomic_fetch_add(&nr, 1);
	struct stat st;
	char name[32];
	int fd;

	(void)arg;
	snprintf(name, sizeof(name), "n%u", number);
	if (number % 2) {
		must(stat(slow(name), &st) && errno == ENOENT, "stat");
	} else {
		fd = open(slow("f"), O_RDONLY);
		must(fd >= 0, "open");
		close(fd);
	}
	return NULL;
}

static void hangs_many(void)
{
	int opens = slowfs_rule(&fs, "open", "f", "hang");
	int names = slowfs_rule(&fs, "lookup", "n*", "hang");
	pthread_t threads[NR_MANY];

	for (int i = 0; i < NR_MANY; i++)
		must(!pthread_create(&threads[i], NULL, open_f, NULL), "thread");
	slowfs_wait(&fs, opens, NR_MANY / 2);
	slowfs_wait(&fs, names, NR_MANY / 2);
	must(slowfs_release(&fs, opens, 100) == 100, "release");
	must(slowfs_hung(&fs, opens) == NR_MANY / 2 - 100, "hung");
	slowfs_drop(&fs, opens);
	slowfs_drop(&fs, names);
	for (int i = 0; i < NR_MANY; i++)
		pthread_join(threads[i], NULL);
}

static bool is_mounted(const char *path)
{
	FILE *file = fopen("/proc/self/mounts", "re");
	bool found = false;
	char line[4096];

	must(file, "mounts");
	while (fgets(line, sizeof(line), file))
		found |= strstr(line, path) != NULL;
	fclose(file);
	return found;
}

/* A test that is killed while an operation hangs. */
static void dying_starter(int out)
{
	pthread_t thread;
	int rule, err;

	slowfs_start(&fs, dir);
	must(!mkdir(slow("a"), 0700) || errno == EEXIST, "mkdir");
	rule = slowfs_rule(&fs, "mkdir", "a/x*", "hang");
	must(!pthread_create(&thread, NULL, make_x, &err), "thread");
	slowfs_wait(&fs, rule, 1);
	must(write(out, "", 1) == 1, "pipe");
	pause();
}

static void ends_with_its_starter(void)
{
	int ends[2], status;
	pid_t child;
	char byte;

	must(!pipe(ends), "pipe");
	child = fork();
	if (!child)
		dying_starter(ends[1]);
	close(ends[1]);
	must(read(ends[0], &byte, 1) == 1, "the child does not start");
	must(!kill(child, SIGKILL) && waitpid(child, &status, 0) == child, "kill");
	while (is_mounted(dir))
		nap_ms(10);
}

static void ends_what_hangs(void)
{
	pthread_t thread;
	int rule, err;

	slowfs_start(&fs, dir);
	must(!mkdir(slow("a"), 0700) || errno == EEXIST, "mkdir");
	rule = slowfs_rule(&fs, "mkdir", "a/x*", "hang");
	must(!pthread_create(&thread, NULL, make_x, &err), "thread");
	slowfs_wait(&fs, rule, 1);
	slowfs_stop(&fs);
	pthread_join(thread, NULL);
	must(err && !is_mounted(dir), "it ended with %d", err);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path) && 0;
}

int main(void)
{
	static const struct {
		const char *name;
		void (*play)(void);
	} cases[] = {
		{"shows-a-directory", shows_a_directory},
		{"hangs-what-a-rule-names", hangs_what_a_rule_names},
		{"fails-and-counts", fails_and_counts},
		{"hangs-many", hangs_many},
	};

	if (slowfs_missing()) {
		printf("slowfs: skipped: %s\n", slowfs_missing());
		return 77;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	alarm(HANG_S);
	umask(0);
	must(mkdtemp(dir), "%s", dir);
	slowfs_start(&fs, dir);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		puts(cases[i].name);
		cases[i].play();
	}
	slowfs_stop(&fs);
	must(!is_mounted(dir), "it is still mounted");
	puts("ends-with-its-starter");
	ends_with_its_starter();
	puts("ends-what-hangs");
	ends_what_hangs();
	nftw(dir, remove_one, 32, FTW_DEPTH | FTW_PHYS);
	return 0;
}
