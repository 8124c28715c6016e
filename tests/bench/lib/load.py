"""The rows of the tables: what load, and how fio and our own tool are told to make it."""

import collections
import json
import statistics

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
    """One measurement; CPU seconds, the server's if known, per GiB moved and per million I/Os."""
    gib = ios * row.block / (1 << 30)
    result = {"ios": ios, "iops": iops, "mib_s": iops * row.block / MIB, "p50_us": p50_us}
    for side, cpu in (("client", client_cpu), ("server", server_cpu)):
        if cpu is not None:
            result[f"{side}_s_per_gib"] = cpu / gib
            result[f"{side}_s_per_mio"] = cpu / ios * 1e6
    return result


def fio(row, seconds, size, engine, server_pid=None):
    """Run fio with an engine's options against `size` bytes; figures."""
    before = child.cpu_seconds(server_pid) if server_pid else None
    out, cpu = child.run([
        "fio", "--name=row", f"--rw=rand{row.op}", f"--bs={row.block}", f"--iodepth={row.depth}",
        f"--size={size}", f"--runtime={seconds}", "--time_based", "--norandommap",
        "--randrepeat=0", "--thread", "--output-format=json", *engine])
    server_cpu = child.cpu_seconds(server_pid) - before if server_pid else None
    job = json.loads(out[out.index("{"):])["jobs"][0][row.op]
    p50_us = job["clat_ns"]["percentile"]["50.000000"] / 1000
    return figures(job["iops"], row, p50_us, cpu, server_cpu, job["total_ios"])


def usrbio_argv(tool, row, seconds, size, path, more=()):
    return [tool, "bench", f"--{row.op}", "--random", f"--block-size={row.block}",
            f"--depth={row.depth}", f"--size={size}", f"--time={seconds}", "--json", *more, path]


def usrbio(tool, row, seconds, size, path, server_pid, more=(), clients=1):
    """Run `usrbio bench`, as several processes if asked, on a path of a running server; figures.

    Of the time when all of them were at it; of all the time if that never was.
    """
    argv = usrbio_argv(tool, row, seconds, size, path, more)
    with child.CpuSampler(server_pid) as server:
        running = [child.start_piped(argv) for _ in range(clients)]
        jobs = [json.loads(child.finish(process)[0]) for process in running]
    begins = [job["begin_s"] for job in jobs]
    ends = [job["begin_s"] + job["seconds"] for job in jobs]
    begin, end = max(begins), min(ends)
    if begin >= end:
        begin, end = min(begins), max(ends)
    ios = 0
    for job, its_begin, its_end in zip(jobs, begins, ends):
        ios += job["ios"] * (min(end, its_end) - max(begin, its_begin)) / job["seconds"]

    def per_io(name):
        return sum(job[name] * job["ios"] for job in jobs) / sum(job["ios"] for job in jobs)

    result = figures(ios / (end - begin), row, statistics.median(job["p50_us"] for job in jobs),
                     per_io("cpu_us_per_io") * ios / 1e6, server.between(begin, end), ios)
    for name in ("messages_per_io", "doorbells_per_io", "sleeps_per_io"):
        result[name] = per_io(name)
    return result
