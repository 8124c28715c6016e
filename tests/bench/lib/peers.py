"""The contestants over tcp: NBD servers, iperf3, the file itself, and ours."""

import json
import os
import socket
import subprocess
import time

from . import child, load


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port):
    """Until somebody listens; the servers say nothing when they do."""
    for _ in range(500):
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.01)
    raise SystemExit(f"nobody listens on port {port}")


class Nbd:
    """An NBD server over the file, driven by fio's nbd engine."""

    def __init__(self, argv, port, seconds, size):
        self.process = child.start(argv, stdout=subprocess.DEVNULL)
        wait_for_port(port)
        self.engine = ["--ioengine=nbd", f"--uri=nbd://127.0.0.1:{port}"]
        self.seconds, self.size = seconds, size

    def __call__(self, row):
        return load.fio(row, self.seconds, self.size, self.engine, self.process.pid)


def nbdkit(path, seconds, size):
    port = free_port()
    return Nbd(["nbdkit", "-f", "-i", "127.0.0.1", "-p", str(port), "file", path], port, seconds,
               size)


def qemu_nbd(path, seconds, size):
    port = free_port()
    return Nbd(["qemu-nbd", "-t", "-e", "4", "-f", "raw", "--cache=writeback", "-b", "127.0.0.1",
                "-p", str(port), path], port, seconds, size)


class Iperf3:
    """One stream; it has figures for the rows that are about bandwidth."""

    def __init__(self, seconds):
        self.port = free_port()
        self.seconds = seconds
        self.process = child.start(["iperf3", "-s", "-B", "127.0.0.1", "-p", str(self.port)],
                                   stdout=subprocess.DEVNULL)
        wait_for_port(self.port)

    def __call__(self, row):
        if row.op != "read" or row.block < load.MIB:
            return None
        out, _ = child.run(["iperf3", "-c", "127.0.0.1", "-p", str(self.port), "-t",
                            str(self.seconds), "-J"])
        rate = json.loads(out)["end"]["sum_received"]["bits_per_second"]
        return {"mib_s": rate / 8 / load.MIB, "iops": rate / 8 / row.block}


class LocalFile:
    """io_uring on the file itself: no wire, for scale."""

    def __init__(self, path, seconds, size):
        self.engine = ["--ioengine=io_uring", f"--filename={path}"]
        self.seconds, self.size = seconds, size

    def __call__(self, row):
        return load.fio(row, self.seconds, self.size, self.engine)


class Ours:
    """A server of its own on loopback, and `usrbio bench`."""

    def __init__(self, build, listen, directory, name, seconds, size, workers=None, under=(),
                 more=()):
        """under: a program, such as strace, that runs the server; more: options of the server."""
        argv = [*under, os.path.join(build, "server/usrbio-server"), "--insecure-no-auth",
                "--export", f"bench={directory}", "--listen", listen, *more]
        if workers:
            argv += ["--workers", str(workers)]
        self.process = child.start(argv, stdout=subprocess.PIPE, text=True)
        self.address = None
        for line in self.process.stdout:
            if line.startswith("listening on "):
                self.address = line.split()[2]
            if line.strip() == "ready":
                break
        if not self.address:
            raise SystemExit("usrbio-server does not start")
        self.tool = os.path.join(build, "client/usrbio")
        self.path = f"{self.address}/bench/{name}"
        self.seconds, self.size = seconds, size

    def __call__(self, row):
        return load.usrbio(self.tool, row, self.seconds, self.size, self.path, self.process.pid)
