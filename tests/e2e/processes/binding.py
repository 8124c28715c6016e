"""Copy a file through the ring, as a binding for 3FS would: ctypes, structs returned by value.

usage: binding.py LIBRARY MOUNT FROM TO
"""
import ctypes as c
import os
import sys


class Iov(c.Structure):
    _fields_ = [("base", c.c_void_p), ("iovh", c.c_void_p), ("id", c.c_char * 16),
                ("mount_point", c.c_char * 256), ("size", c.c_size_t),
                ("block_size", c.c_size_t), ("numa", c.c_int)]


class Ior(c.Structure):
    _fields_ = [("iov", Iov), ("iorh", c.c_void_p), ("mount_point", c.c_char * 256),
                ("for_read", c.c_bool), ("io_depth", c.c_int), ("priority", c.c_int),
                ("timeout", c.c_int), ("flags", c.c_uint64)]


class Cqe(c.Structure):
    _fields_ = [("index", c.c_int32), ("reserved", c.c_int32), ("result", c.c_int64),
                ("userdata", c.c_void_p)]


SIZE = 70000
library, mount, source, target = (os.fsencode(arg) for arg in sys.argv[1:])
lib = c.CDLL(os.fsdecode(library))
lib.hf3fs_prep_io.argtypes = [c.POINTER(Ior), c.POINTER(Iov), c.c_bool, c.c_void_p, c.c_int,
                              c.c_size_t, c.c_uint64, c.c_void_p]


def iov_of(size):
    iov = Iov()
    assert lib.hf3fs_iovcreate(c.byref(iov), mount, c.c_size_t(size), c.c_size_t(0), -1) == 0
    return Iov.from_buffer_copy(iov)


def ring_of(for_read):
    ior = Ior()
    assert lib.hf3fs_iorcreate4(c.byref(ior), mount, 1, c.c_bool(for_read), 0, 0, -1,
                                c.c_uint64(0)) == 0
    return Ior.from_buffer_copy(ior)


def transfer(iov, path, for_read):
    fd = lib.usrbio_open(path, os.O_RDONLY if for_read else os.O_WRONLY | os.O_CREAT, 0o644)
    assert fd >= 0 and lib.hf3fs_reg_fd(fd, c.c_uint64(0)) <= 0, fd
    ior, cqe = ring_of(for_read), Cqe()
    slot = lib.hf3fs_prep_io(c.byref(ior), c.byref(iov), for_read, iov.base, fd, 0, SIZE, 4242)
    assert slot == 0 and lib.hf3fs_submit_ios(c.byref(ior)) == 0, slot
    assert lib.hf3fs_wait_for_ios(c.byref(ior), c.byref(cqe), 1, 1, None) == 1
    assert (cqe.index, cqe.result, cqe.userdata) == (0, SIZE, 4242), cqe.result
    lib.hf3fs_iordestroy(c.byref(ior))
    lib.hf3fs_dereg_fd(fd)
    assert lib.usrbio_close(fd) == 0


memory = iov_of(SIZE)
transfer(memory, source, True)
transfer(memory, target, False)
lib.hf3fs_iovdestroy(c.byref(memory))
