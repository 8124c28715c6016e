#include "rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/usrbio.h"

int rig_open(struct rig *rig)
{
	char url[128];
	int fd;

	snprintf(url, sizeof(url), "%s/file", rig->server.mount);
	fd = usrbio_open(url, O_RDWR, 0);
	must(fd >= 0);
	must(hf3fs_reg_fd(fd, 0) <= 0);
	return fd;
}

void rig_close(int fd)
{
	hf3fs_dereg_fd(fd);
	usrbio_close(fd);
}

void rig_start(struct rig *rig, int entries, int io_depth, int timeout_ms)
{
	const char *mount = rig->server.mount;

	play_start(&rig->server);
	rig->fd = rig_open(rig);
	must(!hf3fs_iorcreate4(&rig->reads, mount, entries, true, io_depth, timeout_ms, -1, 0));
	must(!hf3fs_iorcreate4(&rig->writes, mount, entries, false, io_depth, timeout_ms, -1, 0));
	must(!hf3fs_iovcreate(&rig->iov, mount, RIG_IOV, 0, -1));
}

void rig_stop(struct rig *rig)
{
	atomic_store(&rig->server.hold, false);
	hf3fs_iordestroy(&rig->reads);
	hf3fs_iordestroy(&rig->writes);
	hf3fs_iovdestroy(&rig->iov);
	rig_close(rig->fd);
	play_stop(&rig->server);
}

int rig_prep(struct rig *rig, const struct hf3fs_ior *ior, uint64_t off, uint64_t len)
{
	return hf3fs_prep_io(ior, &rig->iov, ior->for_read, rig->iov.base, rig->fd, off, len, NULL);
}

int64_t rig_wait(const struct hf3fs_ior *ior)
{
	struct hf3fs_cqe cqe;

	must(hf3fs_wait_for_ios(ior, &cqe, 1, 1, NULL) == 1);
	return cqe.result;
}

int64_t rig_io(struct rig *rig, const struct hf3fs_ior *ior, uint64_t off, uint64_t len)
{
	must(rig_prep(rig, ior, off, len) >= 0);
	must(!hf3fs_submit_ios(ior));
	return rig_wait(ior);
}
