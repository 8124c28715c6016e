"""A FUSE file system in a page: DIRECTORY/3fs-virt/usrbio.conf, all of it root's, as it says itself."""
import contextlib
import os
import signal
import struct

from fixture import NotPlayed, mount, unmount

TEXT = b"tcp://127.0.0.1:1/evil\n"
ROOT, VIRT, CONF = 1, 2, 3
CHILDREN = {(ROOT, b"3fs-virt"): VIRT, (VIRT, b"usrbio.conf"): CONF}
LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE, INIT = 1, 2, 3, 14, 15, 17, 18, 26
OPENDIR, READDIR, RELEASEDIR, BATCH_FORGET = 27, 28, 29, 42


def attr(node):
    mode = 0o100644 if node == CONF else 0o40755
    size = len(TEXT) if node == CONF else 0
    return struct.pack("<6Q10I", node, size, 1, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def answer(op, node, body):
    """The body of an answer, or a negative errno; None: nobody waits for one."""
    if op in (FORGET, BATCH_FORGET):
        return None
    if op == INIT:
        return struct.pack("<4I4HIII7I", 7, 19, 65536, 0, 0, 0, 0, 0, 65536, 0, 0, *([0] * 7))[:24]
    if op == LOOKUP:
        found = CHILDREN.get((node, body.split(b"\0")[0]))
        return struct.pack("<4Q2I", found, 0, 1, 1, 0, 0) + attr(found) if found else -2
    if op == GETATTR:
        return struct.pack("<Q2I", 1, 0, 0) + attr(node)
    if op in (OPEN, OPENDIR):
        return struct.pack("<QII", 0, 0, 0)
    if op == READ:
        off, size = struct.unpack_from("<8xQI", body)
        return TEXT[off:off + size]
    if op == STATFS:
        return struct.pack("<5Q4I24x", 0, 0, 0, 0, 0, 512, 255, 512, 0)
    if op in (RELEASE, RELEASEDIR, READDIR):
        return b""
    return -38


def serve(fd):
    while True:
        try:
            request = os.read(fd, 1 << 20)
        except OSError:
            return
        size, op, unique, node = struct.unpack_from("<IIQQ", request)
        data = answer(op, node, request[40:size])
        if data is None:
            continue
        error, data = (data, b"") if isinstance(data, int) else (0, data)
        with contextlib.suppress(OSError):
            os.write(fd, struct.pack("<IiQ", 16 + len(data), error, unique) + data)


@contextlib.contextmanager
def mounted(path, uid):
    """Mounted by a user, for everybody."""
    try:
        fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        mount("evil", path, "fuse", 0,
              f"fd={fd},rootmode=40000,user_id={uid},group_id={uid},allow_other")
    except OSError as err:
        raise NotPlayed(f"FUSE cannot be mounted here: {err}") from err
    pid = os.fork()
    if not pid:
        serve(fd)
        os._exit(0)
    os.close(fd)
    try:
        yield
    finally:
        unmount(path)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
