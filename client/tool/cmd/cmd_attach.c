/*
 * usrbio attach and detach: make a directory a mount by the file 3fs-virt/usrbio.conf in it, and
 * undo that. No state; the main thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <usrbio.h>

#include "client/tool/fs/fs.h"
#include "client/tool/base/tool.h"
#include "client/tool/fs/virt.h"
#include "common/host/dead_links.h"
#include "common/host/local_fs.h"

static const char attach_help[] =
	"usage: usrbio attach URL DIRECTORY\n\n"
	"Make DIRECTORY, a view of the export at URL (the export itself, or an NFS mount of it), a\n"
	"mount: programs may then use it as a mount point and register the files below it. The\n"
	"command writes DIRECTORY/3fs-virt/usrbio.conf and makes DIRECTORY/3fs-virt/iovs. If the\n"
	"server does not export that directory, the command changes nothing.\n\n"
	"DIRECTORY must belong to root or to the caller, and no other user may write it: programs\n"
	"ignore a usrbio.conf that others could have written. To make a directory that others\n"
	"write a mount, name it in /etc/usrbio/mounts.\n";
static const char detach_help[] = "usage: usrbio detach DIRECTORY\n\n"
				  "Undo what attach did. Programs that use the mount go on.\n";

static const struct option only_help[] = {{"help", no_argument, NULL, 'h'}, {0}};

/*
 * True if the directory is the root of the export. Both have the same inode number, which network
 * mounts keep. On a file system that only this host mounts, host and device must be the same, too.
 */
static bool same_directory(int dir, const struct usrbio_stat *there)
{
	struct stat here;

	if (fstat(dir, &here) || there->ino != here.st_ino || !S_ISDIR(there->mode))
		return false;
	return (there->host == usrbio_host() && there->dev == here.st_dev) || !local_fs(dir);
}

/* Check that DIRECTORY is a view of the export. EXIT_FINE, or EXIT_FAILED after a report. */
static int check_view(const struct virt *virt, const char *mount_point, const char *url)
{
	struct usrbio_stat there;
	int err = usrbio_stat(mount_point, &there);

	if (err)
		return fail(url, err);
	if (!same_directory(virt->dir, &there))
		return fail_text("%s: is not the directory that %s exports", virt->path, url);
	return EXIT_FINE;
}

static int attach(struct virt *virt, const char *mount_point, const char *url)
{
	int status = check_view(virt, mount_point, url);

	if (!status)
		status = virt_check_directory(virt, url);
	if (status)
		return status;
	status = virt_make(virt);
	if (!status)
		status = virt_write_conf(virt, url);
	if (status)
		virt_unmake(virt);
	else
		dead_links_sweep(virt->iovs);
	return status;
}

static int run_attach(int argc, char **argv)
{
	struct endpoint endpoint;
	struct virt virt;
	const char *url;
	int status;

	next_option(argc, argv);
	if (argc - optind != 2)
		return usage("a URL and a directory are needed");
	url = argv[optind];
	if (!strstr(url, "://"))
		return usage("%s is no URL", url);
	if (!endpoint_on_mount(url, &endpoint))
		return EXIT_FAILED;
	if (*endpoint.rest)
		return fail_text("%s: a path behind the export cannot be attached", url);
	status = virt_open(&virt, argv[optind + 1]);
	if (!status)
		status = attach(&virt, endpoint.mount_point, url);
	virt_close(&virt);
	return status;
}

static int run_detach(int argc, char **argv)
{
	struct virt virt;
	int status;

	next_option(argc, argv);
	if (argc - optind != 1)
		return usage("a directory is needed");
	status = virt_open(&virt, argv[optind]);
	if (!status)
		status = virt_find(&virt);
	if (!status)
		status = virt_remove(&virt);
	virt_close(&virt);
	return status;
}

const struct command cmd_attach = {
	.name = "attach",
	.summary = "make a directory a mount",
	.help = attach_help,
	.run = run_attach,
	.letters = "h",
	.options = only_help,
};
const struct command cmd_detach = {
	.name = "detach",
	.summary = "undo attach",
	.help = detach_help,
	.run = run_detach,
	.letters = "h",
	.options = only_help,
};
