"""Counting system calls by strace, which slows down what it looks at: for the count alone."""

import json
import os
import re
import time

from . import child


def _total(path):
    """Of a summary; strace writes it when the program has ended."""
    for _ in range(500):
        if os.path.exists(path):
            with open(path, encoding="utf-8") as summary:
                found = re.search(r"^100\.00 +\S+ +(?:\d+ +)?(\d+) .*total$", summary.read(), re.M)
            if found:
                os.unlink(path)
                return int(found.group(1))
        time.sleep(0.01)
    raise SystemExit(f"{path}: no summary by strace")


def of_client(argv, scratch):
    """System calls and I/Os of a run of `usrbio bench --json`."""
    path = os.path.join(scratch, "strace.client")
    out, _ = child.run(["strace", "-f", "-c", "-o", path, *argv])
    return _total(path), json.loads(out)["ios"]


def of_server(start, argv_for, scratch):
    """The same for a server that start(under) starts and argv_for(server) makes a client for."""
    path = os.path.join(scratch, "strace.server")
    server = start(["strace", "-D", "-f", "-c", "-o", path])
    out, _ = child.run(argv_for(server))
    child.stop(server.process)
    return _total(path), json.loads(out)["ios"]
