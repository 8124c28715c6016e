"""The rows of the tables: what load, and how fio and our own tool are told to make it."""

import collections
import json

from . import child

Row = collections.namedtuple("Row", "name op block depth")

KIB, MIB = 1024, 1024 * 1024
ROWS = [
    Row("4K read QD1", "read", 4 * KIB, 1),
    Row("4K read QD32", "read", 4 * KIB, 32),
    Row("4K write QD1", "write", 4 * KIB, 1),
    Row("4K write QD32", "write", 4 * KIB, 32),
    Row("1M read QD16", "read", MIB, 16),
    Row("1M write QD16", "write", MIB, 16),
]


def figures(iops, row, p50_us, client_cpu, server_cpu, ios):
    """One measurement; CPU seconds are given per GiB moved and per million I/Os."""
    gib = ios * row.block / (1 << 30)
    return {
        "iops": iops,
        "mib_s": iops * row.block / MIB,
        "p50_us": p50_us,
        "client_s_per_gib": client_cpu / gib,
        "server_s_per_gib": server_cpu / gib,
        "client_s_per_mio": client_cpu / ios * 1e6,
        "server_s_per_mio": server_cpu / ios * 1e6,
    }


def fio(row, seconds, size, engine, server_pid=None):
    """Run fio with an engine's options against `size` bytes; figures."""
    before = child.cpu_seconds(server_pid) if server_pid else 0.0
    out, cpu = child.run([
        "fio", "--name=row", f"--rw=rand{row.op}", f"--bs={row.block}", f"--iodepth={row.depth}",
        f"--size={size}", f"--runtime={seconds}", "--time_based", "--norandommap",
        "--randrepeat=0", "--thread", "--output-format=json", *engine])
    server = child.cpu_seconds(server_pid) - before if server_pid else 0.0
    job = json.loads(out[out.index("{"):])["jobs"][0][row.op]
    p50_us = job["clat_ns"]["percentile"]["50.000000"] / 1000
    return figures(job["iops"], row, p50_us, cpu, server, job["total_ios"])


def usrbio(tool, row, seconds, size, path, server_pid=None, more=()):
    """Run `usrbio bench` on a path of a running server; figures."""
    before = child.cpu_seconds(server_pid) if server_pid else 0.0
    out, _ = child.run([
        tool, "bench", f"--{row.op}", "--random", f"--block-size={row.block}",
        f"--depth={row.depth}", f"--size={size}", f"--time={seconds}", "--json", *more, path])
    server = child.cpu_seconds(server_pid) - before if server_pid else 0.0
    job = json.loads(out)
    result = figures(job["iops"], row, job["p50_us"], job["cpu_us_per_io"] * job["ios"] / 1e6,
                     server, job["ios"])
    for name in ("messages_per_io", "doorbells_per_io", "sleeps_per_io"):
        result[name] = job[name]
    return result
