"""What the three commands have in common: options, packages, the guest, and where results go."""

import argparse
import os
import subprocess
import sys

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(os.path.dirname(BENCH))


def parser(doc, rounds, seconds):
    """Of the options every benchmark takes."""
    made = argparse.ArgumentParser(description=doc.splitlines()[0])
    made.add_argument("--quick", action="store_true", help="fewer rounds, of 1 second")
    made.add_argument("--rounds", type=int, default=rounds)
    made.add_argument("--seconds", type=int, default=seconds, help="of each measurement")
    made.add_argument("--build", default=os.path.join(ROOT, "build"))
    made.add_argument("--out", default=".", help="folder for the JSON file")
    return made


def parse(made, quick_rounds):
    options = made.parse_args()
    if options.quick:
        options.rounds, options.seconds = quick_rounds, 1
    options.out = os.environ.get("USRBIO_RXE_OUT") or os.path.abspath(options.out)
    options.build = os.path.abspath(options.build)
    os.makedirs(options.out, exist_ok=True)
    return options


def install():
    """What to compare with, and what to measure with."""
    subprocess.run([os.path.join(ROOT, "scripts/setup"), os.path.join(BENCH, "packages")],
                   check=True, stdout=subprocess.DEVNULL)


def in_guest():
    return bool(os.environ.get("USRBIO_RXE"))


def run_in_guest(options, memory=2048):
    """Run this same command in the guest of tests/rxe, of so many MiB; its exit status."""
    install()
    return subprocess.run(
        [os.path.join(ROOT, "tests/rxe/run"), "--timeout", "1200", "--memory", str(memory),
         "--out", options.out, "--", sys.executable, os.path.abspath(sys.argv[0]), *sys.argv[1:], "--build", options.build],
        check=False).returncode
