/* usrbio stat: everything the server says about a file. */
#include <inttypes.h>
#include <stdio.h>

#include "client/tool/fs.h"
#include "client/tool/show.h"
#include "client/tool/tool.h"

static const char help[] = "usage: usrbio stat [-L] PATH...\n\n"
			   "Print the attributes of files.\n\n"
			   "  -L, --dereference  follow symbolic links\n";

static void print(const char *path, const struct endpoint *endpoint, const struct usrbio_stat *st)
{
	char mode[11], when[32];

	show_mode(st->mode, mode);
	printf("  path: %s\n mount: %s\n  mode: %s (%04o)\n", path, endpoint->mount_point, mode,
	       st->mode & 07777);
	printf("  size: %" PRIu64 " bytes, %" PRIu64 " blocks of 512\n", st->size, st->blocks);
	printf(" inode: %" PRIu64 " on device %" PRIx64 ", %u links\n", st->ino, st->dev,
	       st->nlink);
	printf(" owner: %u, group %u\n", st->uid, st->gid);
	show_time(st->atime_ns, when);
	printf("access: %s\n", when);
	show_time(st->mtime_ns, when);
	printf("modify: %s\n", when);
	show_time(st->ctime_ns, when);
	printf("change: %s\n", when);
}

static int run(int argc, char **argv)
{
	static const struct option table[] = {
		{"dereference", no_argument, NULL, 'L'}, {"help", no_argument, NULL, 'h'}, {0}};
	int option, status = EXIT_FINE;
	bool follow = false;

	while ((option = next_option(argc, argv, "Lh", table)) >= 0)
		follow = true;
	if (optind == argc)
		return usage("a path is needed");
	for (; optind < argc; optind++) {
		const char *path = argv[optind];
		struct endpoint endpoint;
		struct usrbio_stat st;
		int err;

		if (!endpoint_on_mount(path, &endpoint)) {
			status = EXIT_FAILED;
			continue;
		}
		err = follow ? usrbio_stat(path, &st) : usrbio_lstat(path, &st);
		if (err)
			status = fail(path, err);
		else
			print(path, &endpoint, &st);
	}
	return status;
}

const struct command cmd_stat = {"stat", "print the attributes of files", help, run};
