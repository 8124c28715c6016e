"""Other programs: started, fed, ended, and asked what CPU time they took."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

TICK = os.sysconf("SC_CLK_TCK")
PR_SET_PDEATHSIG = 1


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start(argv, **options):
    return subprocess.Popen(argv, preexec_fn=_die_with_parent, **options)


def start_piped(argv):
    """For finish()."""
    return start(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def stop(process):
    process.terminate()
    process.wait()


def finish(process):
    """Until it ends: (stdout, CPU seconds). What fails ends the benchmark, and shows why."""
    out, err = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(process.args)}: exit status {process.returncode}\n{err}")
    return out, usage.ru_utime + usage.ru_stime


def run(argv):
    return finish(start_piped(argv))


def cpu_seconds(pid):
    """What a running process has used so far, all threads."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


class CpuSampler:
    """Looks again and again at what a process has used, while a `with` lasts."""

    PERIOD_S = 0.02

    def __init__(self, pid):
        self.pid = pid
        self.samples = []  # (CLOCK_MONOTONIC, CPU seconds)
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._sample)

    def _look(self):
        self.samples.append((time.monotonic(), cpu_seconds(self.pid)))

    def _sample(self):
        while not self.ending.wait(self.PERIOD_S):
            self._look()

    def __enter__(self):
        self._look()
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.ending.set()
        self.thread.join()
        self._look()

    def _at(self, when):
        for (before, low), (after, high) in zip(self.samples, self.samples[1:]):
            if before <= when <= after:
                return low + (high - low) * (when - before) / (after - before)
        raise ValueError("not in the time that was sampled")

    def between(self, begin, end):
        return self._at(end) - self._at(begin)
