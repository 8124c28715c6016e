/* usrbio cat: writes files of mounts to standard output. No state; the main thread. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <errno.h>
#include <hf3fs_usrbio.h>

#include "client/tool/base/tool.h"
#include "client/tool/fs/fs.h"
#include "client/tool/stream/stream.h"

static const char help[] = "usage: usrbio cat PATH...\n\n"
			   "Write files of mounts to standard output, one after the other.\n";

static const struct option option_table[] = {{"help", no_argument, NULL, 'h'}, {0}};

/* Open a file, and register it for rings. A descriptor or -errno. */
static int open_file(const char *path)
{
	int fd = usrbio_open(path, O_RDONLY, 0), err;
	struct usrbio_stat st;

	if (fd < 0)
		return fd;
	err = usrbio_fstat(fd, &st);
	if (!err && S_ISDIR(st.mode))
		err = -EISDIR;
	if (!err)
		err = -hf3fs_reg_fd(fd, 0); /* it returns +errno, or at most 0 */
	if (err < 0) {
		usrbio_close(fd);
		return err;
	}
	return fd;
}

/* Write one file. EXIT_FINE, or EXIT_FAILED after a report; *broken: there is no output any more.
 */
static int cat(const char *path, bool *broken)
{
	struct stream *stream = NULL;
	struct endpoint endpoint;
	int fd, err;

	if (!endpoint_on_mount(path, &endpoint))
		return EXIT_FAILED;
	fd = open_file(path);
	if (fd < 0)
		return fail(path, fd);
	err = stream_open(&stream, endpoint.mount_point);
	if (!err)
		err = stream_copy(stream, fd, STDOUT_FILENO, broken);
	stream_close(stream);
	hf3fs_dereg_fd(fd);
	usrbio_close(fd);
	return err ? fail(*broken ? "standard output" : path, err) : EXIT_FINE;
}

static int run(int argc, char **argv)
{
	int status = EXIT_FINE;
	bool broken = false;

	next_option(argc, argv);
	if (optind == argc)
		return usage("a path is needed");
	for (; optind < argc && !broken; optind++)
		status |= cat(argv[optind], &broken);
	return status;
}

const struct command cmd_cat = {
	.name = "cat",
	.summary = "write files to standard output",
	.help = help,
	.run = run,
	.letters = "h",
	.options = option_table,
};
