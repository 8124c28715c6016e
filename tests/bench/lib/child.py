"""Other programs: started, fed, ended, and asked what CPU time they took."""

import ctypes
import os
import signal
import subprocess
import sys

TICK = os.sysconf("SC_CLK_TCK")
PR_SET_PDEATHSIG = 1


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start(argv, **options):
    return subprocess.Popen(argv, preexec_fn=_die_with_parent, **options)


def stop(process):
    process.terminate()
    process.wait()


def run(argv):
    """Run to the end: (stdout, CPU seconds). What fails ends the benchmark, and shows why."""
    process = start(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, err = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(argv)}: exit status {process.returncode}\n{err}")
    return out, usage.ru_utime + usage.ru_stime


def cpu_seconds(pid):
    """What a running process has used so far, all threads."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK
