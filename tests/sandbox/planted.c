/*
 * What a hole in the server would be worth: the server's program with code planted in it (plant.c)
 * reaches for what is outside its export, by system calls, by a ring of its own, and by the rings
 * of its workers. In the sandbox all of it is refused while the export works; without, the same
 * attempts succeed, but for what a worker's ring never does.
 *
 * usage: sandbox_planted [ATTEMPT]...
 * Prints RESULT sandbox attempts= refused= got_out= skipped= without: ... Exit status 77: the
 * kernel has no landlock.
 */
#include <arpa/inet.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/usrbio.h"
#include "tests/support/must.h"
#include "tests/support/process.h"
#include "tests/sandbox/plant.h"

#define HANG_S 100

/* What each meets in the sandbox, and without. */
static const struct attempt {
	const char *name;
	int abi; /* of landlock, from which on it is refused. 0: not by landlock, always */
	int refused;
	bool root; /* without a sandbox only root may */
} attempts[] = {
	{"open", 2, -EACCES},	       {"openat2", 2, -EACCES},
	{"magic", 2, -EACCES},	       {"symlink", 2, -EACCES},
	{"list", 2, -EACCES},	       {"write", 2, -EACCES},
	{"truncate", 3, -EACCES},      {"create", 2, -EACCES},
	{"unlink", 2, -EACCES},	       {"rename-in", 2, -EACCES},
	{"link-in", 2, -EXDEV},	       {"rename-out", 2, -EACCES},
	{"device", 2, -EACCES, true},  {"exec", 2, -EACCES},
	{"exec-inside", 2, -EACCES},   {"connect", 4, -EACCES},
	{"listen", 4, -EACCES},	       {"abstract", 6, -EPERM},
	{"signal", 6, -EPERM},	       {"trace", 2, -EPERM, true},
	{"own-ring", 2, -EACCES},      {"worker-open", 0, -EACCES},
	{"worker-open2", 0, -EACCES},  {"worker-connect", 0, -EACCES},
	{"worker-unlink", 0, -EACCES}, {"worker-personality", 0, -EACCES},
};
#define NR_ATTEMPTS (sizeof(attempts) / sizeof(*attempts))

static char base[64], export[80], outside[80];
static char **chosen; /* attempts by name, up to NULL; none: all */

static bool is_chosen(const struct attempt *a)
{
	for (char **name = chosen; *name; name++)
		if (!strcmp(*name, a->name))
			return true;
	return !*chosen;
}

static void make_file(const char *dir, const char *name)
{
	char path[200];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	must(file && fputs("secret", file) >= 0 && !fclose(file), "%s", path);
}

/* A program that needs no other file: exit(0), for x86_64. */
static void make_program(void)
{
	static const uint8_t code[] = {0x31, 0xff, 0xb8, 60, 0, 0, 0, 0x0f, 0x05};
	struct {
		Elf64_Ehdr file;
		Elf64_Phdr segment;
		uint8_t code[sizeof(code)];
	} program = {
		.file = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				     EV_CURRENT},
			 .e_type = ET_EXEC,
			 .e_machine = EM_X86_64,
			 .e_version = EV_CURRENT,
			 .e_entry = 0x400000 + offsetof(typeof(program), code),
			 .e_phoff = offsetof(typeof(program), segment),
			 .e_ehsize = sizeof(Elf64_Ehdr),
			 .e_phentsize = sizeof(Elf64_Phdr),
			 .e_phnum = 1},
		.segment = {.p_type = PT_LOAD,
			    .p_flags = PF_R | PF_X,
			    .p_vaddr = 0x400000,
			    .p_filesz = sizeof(program),
			    .p_memsz = sizeof(program),
			    .p_align = 4096},
	};
	char path[100];
	int fd;

	memcpy(program.code, code, sizeof(code));
	snprintf(path, sizeof(path), "%s/program", export);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
	must(write(fd, &program, sizeof(program)) == sizeof(program) && !close(fd), "%s", path);
}

static void make_place(void)
{
	strcpy(base, "/tmp/usrbio-sandbox-XXXXXX");
	must(mkdtemp(base), "%s", base);
	snprintf(export, sizeof(export), "%s/export", base);
	snprintf(outside, sizeof(outside), "%s/outside", base);
	must(!mkdir(export, 0700) && !mkdir(outside, 0700), "mkdir");
	make_program();
	make_file(export, "leaving");
	make_file(outside, "file");
	make_file(outside, "moving");
	make_file(outside, "spare");
	make_file(outside, "spare2");
}

static void remove_place(void)
{
	must(!run("/bin/rm", "-r", base), "rm");
}

static int listen_tcp(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char port[16];

	must(!bind(fd, (struct sockaddr *)&at, len) && !listen(fd, 8) &&
		     !getsockname(fd, (struct sockaddr *)&at, &len),
	     "tcp");
	snprintf(port, sizeof(port), "%u", ntohs(at.sin_port));
	setenv(PLANT_PORT, port, 1);
	return fd;
}

static int listen_abstract(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path + 1, sizeof(at.sun_path) - 1, "%s", base);
	must(!bind(fd, (struct sockaddr *)&at,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(base))) &&
		     !listen(fd, 8),
	     "abstract socket");
	setenv(PLANT_SOCKET, base, 1);
	return fd;
}

static void aim(void)
{
	char own[100];

	snprintf(own, sizeof(own), "%s/file", outside);
	setenv(PLANT_SECRET, access("/etc/shadow", R_OK) ? own : "/etc/shadow", 1);
	setenv(PLANT_OUTSIDE, outside, 1);
	setenv(PLANT_EXPORT, export, 1);
}

static void start(struct process *server, const char *sandbox, char url[160])
{
	static const char listening[] = "listening on ";
	char what[120], line[256];
	const char *argv[] = {
		PLANTED_SERVER, "--export",	     what,	  "--sandbox", sandbox,
		"--listen",	"tcp://127.0.0.1:0", "--workers", "2",	       NULL};

	snprintf(what, sizeof(what), "e=%s", export);
	process_start(server, argv, NULL);
	do {
		must(process_line(server, line, sizeof(line)), "no server");
		if (!strncmp(line, listening, strlen(listening)))
			snprintf(url, 160, "%.120s/e", line + strlen(listening));
	} while (strcmp(line, "ready"));
}

static int attempt(const char *url, const char *name)
{
	char path[256];
	int err;

	snprintf(path, sizeof(path), "%s/" PLANT_PREFIX "%s", url, name);
	while ((err = usrbio_mkdir(path, 0700)) == -EBUSY)
		nap_ms(1);
	return err;
}

/* Names and data, which the server is there for. */
static void check_export(const char *url)
{
	char dir[200], file[200], file2[200];
	int fd;

	snprintf(dir, sizeof(dir), "%s/dir", url);
	snprintf(file, sizeof(file), "%s/dir/file", url);
	snprintf(file2, sizeof(file2), "%s/file", url);
	must(!usrbio_mkdir(dir, 0700), "mkdir");
	fd = usrbio_open(file, O_RDWR | O_CREAT, 0600);
	must(fd >= 0 && !usrbio_ftruncate(fd, 10) && !usrbio_fsync(fd) && !usrbio_close(fd),
	     "file");
	must(!usrbio_rename(file, file2) && !usrbio_truncate(file2, 5), "rename");
	must(!usrbio_unlink(file2) && !usrbio_rmdir(dir), "remove");
}

struct tally {
	unsigned refused, got_out, skipped;
};

static void try_one(const char *url, const struct attempt *a, bool off, struct tally *tally)
{
	int wanted = off && a->abi ? 0 : a->refused, err = attempt(url, a->name);

	if (off && a->root && err == -EPERM) /* some roots may do less */
		tally->skipped++;
	else if (err == a->refused)
		tally->refused++;
	else
		tally->got_out++;
	if (err == wanted)
		return;
	printf("sandbox %s: %s: %s, should be %s\n", off ? "off" : "required", a->name,
	       strerror(-err), strerror(-wanted));
}

static void run_all(bool off, int abi, struct tally *tally)
{
	int tcp, abstract;
	struct process server;
	char url[160];

	make_place();
	tcp = listen_tcp();
	abstract = listen_abstract();
	aim();
	start(&server, off ? "off" : "required", url);
	check_export(url);
	for (size_t i = 0; i < NR_ATTEMPTS; i++) {
		const struct attempt *a = &attempts[i];

		if (!is_chosen(a))
			continue;
		if (off ? a->root && geteuid() : a->abi > abi)
			tally->skipped++;
		else
			try_one(url, a, off, tally);
	}
	check_export(url);
	kill(server.pid, SIGTERM);
	must(!process_wait(&server), "the server's exit status");
	close(tcp);
	close(abstract);
	remove_place();
}

/* Where the kernel has none: not started when it is required, else started all the same. */
static void check_unavailable(void)
{
	char url[160];
	struct process server;

	make_place();
	must(run(PLANTED_SERVER, "--export", "e=null:1M", "--listen", "tcp://127.0.0.1:0",
		 "--sandbox", "required") == 1,
	     "started");
	start(&server, "on", url);
	kill(server.pid, SIGTERM);
	must(!process_wait(&server), "the server's exit status");
	remove_place();
}

/* What cannot be refused by landlock is refused without it, too. */
static unsigned always_refused(void)
{
	unsigned n = 0;

	for (size_t i = 0; i < NR_ATTEMPTS; i++)
		n += !attempts[i].abi && is_chosen(&attempts[i]);
	return n;
}

int main(int argc, char **argv)
{
	/* 1: tell the version */
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1u);
	struct tally inside = {0}, without = {0};

	chosen = argv + 1;
	alarm(HANG_S);
	if (abi < 2)
		check_unavailable();
	else
		run_all(false, abi, &inside);
	run_all(true, abi, &without);
	printf("RESULT sandbox attempts=%u refused=%u got_out=%u skipped=%u without: refused=%u "
	       "got_out=%u skipped=%u landlock=%d\n",
	       without.refused + without.got_out + without.skipped, inside.refused, inside.got_out,
	       inside.skipped, without.refused, without.got_out, without.skipped,
	       abi < 0 ? 0 : abi);
	if (abi < 2)
		return without.refused == always_refused() ? 77 : 1;
	return !inside.got_out && inside.refused && without.refused == always_refused() ? 0 : 1;
}
