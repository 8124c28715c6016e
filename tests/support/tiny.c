/* A private file system behind a second server. */
#include "tests/support/tiny.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* As root, or else in a namespace where the test is. */
static bool mount_private(const char *type, const char *dir, const char *options)
{
	if (unshare(CLONE_NEWNS) && unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return false;
	return !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("tiny", dir, type, 0, options);
}

void tiny_open(struct tiny *tiny, const char *type, const char *options)
{
	char export[600];

	e2e_needs_server_process();
	snprintf(tiny->dir, sizeof(tiny->dir), "%s/tiny", e2e_scratch);
	must(!mkdir(tiny->dir, 0755), "%s", tiny->dir);
	if (!mount_private(type, tiny->dir, options))
		cr_skip_test("%s cannot be mounted here: %s", type, strerror(errno));
	snprintf(export, sizeof(export), "tiny=%s", tiny->dir);
	server_start(&tiny->server, NULL, export, NULL);
	snprintf(tiny->mount, sizeof(tiny->mount), "%s/tiny", tiny->server.addr);
}

void tiny_close(struct tiny *tiny)
{
	server_stop(&tiny->server);
	must(!umount2(tiny->dir, MNT_DETACH), "umount");
}
