"""Situations in which data can be lost, or in which somebody tries to lead the tool elsewhere."""
import contextlib
import os
import random
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time

from fixture import HANG_S, WAYS, check, differences, digest, noise, put, snapshot

RANDOM = random.Random()
NAMES = ["local", "tcp", "host", "options", "loop"]


def root(function):
    function.root = True
    return function


def unmount(path):
    """Lazily: the server may hold directories of sessions that rest."""
    subprocess.run(["umount", "-l", path], check=True)


def pairs(fixture, rel, other):
    """Every two names of x/REL and x/OTHER."""
    for a in NAMES:
        for b in NAMES:
            yield a, b, fixture.name(a, rel), fixture.name(b, other)


def same_file(fixture, way):
    """By every two names, by links of both kinds, by its directory, by another export."""
    data = noise(70000)
    put(fixture.path("t/f"), data, 0o644)
    os.link(fixture.path("t/f"), fixture.path("t/hard"))
    os.symlink("f", fixture.path("t/soft"))
    os.makedirs(fixture.path("t/d"))
    os.symlink("../f", fixture.path("t/d/f"))
    for a, b, source, target in pairs(fixture, "t/f", "t/f"):
        for to in (target, fixture.name(b, "t"), fixture.name(b, "t/hard"), fixture.name(b, "t/d")):
            status, said = fixture.cp(source, to)
            check(status == 1 and "are the same file" in said, f"{a} {b} {to}: {status} {said}")
    for source in (fixture.path("t/f"), fixture.url("t/f")):
        status, said = fixture.cp(source, f"tcp://127.0.0.1:{fixture.port}/inner/f")
        check(status == 1 and "are the same file" in said, f"inner: {status} {said}")
    status, said = fixture.cp(fixture.path("t/soft"), fixture.path("t/f"))
    check(status == 1, f"soft: {status} {said}")
    for name in ("f", "hard", "soft", "d/f"):
        check(open(fixture.path("t/" + name), "rb").read() == data, name, lost=True)
    fixture.no_temps()


def growing_onto_itself(fixture, way):
    """A log that a program goes on writing: by no pair of names a line of it is lost."""
    put(fixture.path("t/log"))
    stop = threading.Event()
    written = []

    def write():
        i = 0
        with open(fixture.path("t/log"), "ab", buffering=0) as f:
            while not stop.is_set():
                f.write(b"%010d\n" % i)
                i += 1
                time.sleep(0.0001)
        written.append(i)
    writer = threading.Thread(target=write)
    writer.start()
    try:
        for a, b, source, target in pairs(fixture, "t/log", "t/log"):
            status, said = fixture.cp(source, target)
            check(status == 1 and "same file" in said, f"{a} {b}: {status} {said}")
    finally:
        stop.set()
        writer.join()
    lines = open(fixture.path("t/log"), "rb").read().split()
    check(lines == [b"%010d" % i for i in range(written[0])], "lines are gone", lost=True)


def into_itself(fixture, way):
    """Refused before anything is written, by every two names."""
    put(fixture.path("t/a/sub/f"), b"x")
    put(fixture.path("t/a/g"), b"x")
    os.symlink("a", fixture.path("t/l"))
    before = snapshot(fixture.path("t"))
    for a, b, source, target in pairs(fixture, "t/a", "t/a/sub"):
        for to in (target, target + "/new", fixture.name(b, "t/a"), fixture.name(b, "t/l/new")):
            status, said = fixture.cp("-r", source, to)
            check(status == 1 and "itself" in said, f"{a} {b} {to}: {status} {said}")
            check(snapshot(fixture.path("t")) == before, f"{a} {b} {to}: something was written")
    inner = f"tcp://127.0.0.1:{fixture.port}/inner/a/new"
    for source in (fixture.top, fixture.path(""), fixture.path("t"), fixture.path("t/l"),
                   fixture.url(""), fixture.url("t/a")):
        status, said = fixture.cp("-r", source, inner)
        check(status == 1 and "itself" in said, f"{source}: {status} {said}")
    check(snapshot(fixture.path("t")) == before, "something was written")


@root
def by_an_attached_directory(fixture, way):
    """A view of the export that is a mount of ours: not lost by any pair of names either."""
    view = os.path.join(fixture.top, "view")
    os.makedirs(view, exist_ok=True)
    subprocess.run(["mount", "--bind", fixture.path(""), view], check=True)
    status, said = fixture.run("attach", f"tcp://127.0.0.1:{fixture.port}/data", view)
    try:
        check(status == 0, said)
        put(fixture.path("t/a/sub/f"), b"all of it")
        before = snapshot(fixture.path("t"))
        for kind in NAMES:
            for a, b, word in (("t/a/sub/f", "t/a/sub/f", "same file"), ("t/a", "t/a/sub/new", "itself")):
                for source, to in ((f"{view}/{a}", fixture.name(kind, b)), (fixture.name(kind, a), f"{view}/{b}")):
                    status, said = fixture.cp("-r", source, to)
                    check(status == 1 and word in said, f"{source} {to}: {status} {said}")
                    check(snapshot(fixture.path("t")) == before, f"{source} {to}", lost=True)
    finally:
        fixture.run("detach", view)
        unmount(view)


@root
def into_itself_by_a_bind_mount(fixture, way):
    put(fixture.path("t/a/sub/f"), b"x")
    os.makedirs(fixture.path("t/view"))
    subprocess.run(["mount", "--bind", fixture.path("t/a"), fixture.path("t/view")], check=True)
    try:
        for source, to in (("t/a", "t/view/new"), ("t/view", "t/a/new")):
            status, said = fixture.cp("-r", fixture.name(way[0], source), fixture.name(way[1], to))
            check(status == 1 and "itself" in said, f"{status} {said}")
        status, said = fixture.cp(fixture.name(way[0], "t/a/sub/f"), fixture.name(way[1], "t/view/sub/f"))
        check(status == 1 and "same file" in said, f"{status} {said}")
        check(snapshot(fixture.path("t/a")).keys() == {"sub", "sub/f"}, "something was written")
        check(open(fixture.path("t/a/sub/f")).read() == "x", "f", lost=True)
    finally:
        unmount(fixture.path("t/view"))


@contextlib.contextmanager
def overlay(fixture, name):
    """t/view shows what is in t/up, with other device numbers; False: there is no overlayfs here."""
    for part in ("low", "up", "work", "view"):
        os.makedirs(os.path.join(fixture.path("t"), part), exist_ok=True)
    options = "lowerdir={0}/low,upperdir={0}/up,workdir={0}/work".format(fixture.path("t"))
    if subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, fixture.path("t/view")],
                      stderr=subprocess.DEVNULL, check=False).returncode:
        print(f"[SKIP] copy-{name}: no overlayfs here")
        yield False
        return
    try:
        yield True
    finally:
        unmount(fixture.path("t/view"))


@root
def same_file_by_an_overlay(fixture, way):
    """A view that changes device numbers: told by the temporary name, which shows in both."""
    put(fixture.path("t/up/f"), b"all of it")
    with overlay(fixture, "same_file_by_an_overlay") as there:
        if there:
            status, said = fixture.cp(fixture.path("t/view/f"), fixture.url("t/up/f"))
            check(status == 1 and "same file" in said, f"{status} {said}")
            check(open(fixture.path("t/up/f")).read() == "all of it", "f", lost=True)


@root
def into_itself_by_an_overlay(fixture, way):
    """Told by the mark in the target, which shows in the source: copied once at most, and said."""
    put(fixture.path("t/up/a/sub/f"), b"x")
    pairs_of_names = ((fixture.path("t/view/a"), fixture.url("t/up/a/sub/new")),
                      (fixture.path("t/view/a"), fixture.url("t/up/a/sub")),
                      (fixture.path("t/view/a") + "/.", fixture.url("t/up/a/sub")),
                      (fixture.url("t/up/a"), fixture.path("t/view/a/sub/new")))
    with overlay(fixture, "into_itself_by_an_overlay") as there:
        for source, to in pairs_of_names if there else ():
            status, said = fixture.cp("-r", source, to)
            deep = max(where.count("sub") for where, _, _ in os.walk(fixture.path("t/up/a")))
            check(status == 1 and said.count("itself") == 1 and deep <= 2, f"{source} {to}: {status} {deep} {said[-500:]}")
            check(open(fixture.path("t/up/a/sub/f")).read() == "x", "f", lost=True)
            for name in set(os.listdir(fixture.path("t/up/a/sub"))) - {"f"}:
                shutil.rmtree(fixture.path("t/view/a/sub/" + name))


def two_sources(fixture, way):
    """One of them whole, the other refused: for files, in merging trees, and from two mounts."""
    first, second = noise(3 << 20, 5), noise(5 << 20, 6)
    for n in range(5):
        fixture.fresh()
        put(fixture.path("s/a/x"), first)
        put(fixture.path("s/b/x"), second)
        put(fixture.path("s/a/tree/x"), first)
        put(fixture.path("s/b/tree/x"), second)
        put(fixture.path("s/b/tree/y"), b"y")
        other = "local" if way[0] != "local" else "tcp"
        for source in (way[0], other):
            status, said = fixture.cp("-r", fixture.name(way[0], "s/a/x"), fixture.name(way[0], "s/a/tree"),
                                      fixture.name(source, "s/b/x"), fixture.name(source, "s/b/tree"),
                                      fixture.name(way[1], "t"))
            check(status == 1 and said.count("will not overwrite just-created") == 2, f"{status} {said}")
            for name in ("x", "tree/x"):
                check(open(fixture.path("t/" + name), "rb").read() == first, f"{name} is not the first", lost=True)
            check(os.path.exists(fixture.path("t/tree/y")), "the rest did not go on", lost=True)


def links_in_target(fixture, way):
    """Links to directories are not followed; a link where a file goes is replaced."""
    put(fixture.path("s/tree/sub/f"), b"new")
    put(fixture.path("s/tree/g"), b"new")
    put(fixture.path("s/tree/h"), b"new")
    put(fixture.path("outside") + "/f", b"mine")
    put(fixture.path("outside") + "/g", b"mine")
    os.makedirs(fixture.path("t/tree"))
    os.symlink("../../outside", fixture.path("t/tree/sub"))
    os.symlink("../../outside/g", fixture.path("t/tree/g"))
    os.symlink("../../outside/made", fixture.path("t/tree/h"))
    before = snapshot(fixture.path("outside"))
    status, said = fixture.cp("-r", fixture.name(way[0], "s/tree"), fixture.name(way[1], "t"))
    check(snapshot(fixture.path("outside")) == before, "written outside of the target", lost=True)
    check(status == 1 and "symbolic link" in said, f"{status} {said}")
    copied = fixture.path("t/tree/g")
    check(os.path.isfile(copied) and not os.path.islink(copied), "g is a link still")


def racer(paths, outside, stop):
    """Swap directories for links that lead outside, and back, as fast as it goes."""
    while not stop.is_set():
        for path in paths:
            try:
                os.rename(path, path + ".was")
                os.symlink(os.path.relpath(outside, os.path.dirname(path)), path)
                time.sleep(0.0005)
                os.unlink(path)
                os.rename(path + ".was", path)
            except OSError:
                pass


def race(fixture, paths, action):
    stop = threading.Event()
    thread = threading.Thread(target=racer, args=(paths, fixture.path("outside"), stop))
    thread.start()
    try:
        action()
    finally:
        stop.set()
        thread.join()


def swapped_while_copying(fixture, way):
    for n in range(60):
        put(fixture.path(f"s/tree/{n % 3}/in/{n}"), b"new")
        put(fixture.path("outside") + f"/in/{n}", b"mine")
    before = snapshot(fixture.path("outside"))

    def copy():
        for _ in range(12):
            fixture.cp("-r", "--no-sync", fixture.name(way[0], "s/tree"), fixture.name(way[1], "t"))
            check(snapshot(fixture.path("outside")) == before, "written outside", lost=True)
    for n in range(3):
        os.makedirs(fixture.path(f"t/tree/{n}/in"))
    race(fixture, [fixture.path(f"t/tree/{n}") for n in range(3)], copy)


def swapped_while_removing(fixture, way):
    before = None
    for n in range(40):
        put(fixture.path("outside") + f"/in/{n}", b"mine")
    before = snapshot(fixture.path("outside"))
    where = fixture.name("tcp" if way[1] == "local" else way[1], "t/tree")

    def remove():
        for _ in range(12):
            for n in range(60):
                try:
                    put(fixture.path(f"t/tree/{n % 3}/in/{n}"), b"x")
                except OSError:
                    pass
            # put() may have been led outside by the racer itself: count what is missing only
            fixture.run("rm", "-r", "-f", where)
            gone = before.keys() - snapshot(fixture.path("outside")).keys()
            check(not gone, f"removed outside: {sorted(gone)[:3]}", lost=True)
    race(fixture, [fixture.path(f"t/tree/{n}") for n in range(3)], remove)


def removing(fixture, way):
    """rm -r: links go, not what they lead to; many names; what is deep."""
    put(fixture.path("outside") + "/f", b"mine")
    for n in range(5000):
        put(fixture.path(f"t/tree/many/{n}"))
    put(fixture.path("t/tree/" + "/".join(["d"] * 300) + "/f"), b"x")
    os.symlink("../../outside", fixture.path("t/tree/l"))
    os.symlink("nowhere", fixture.path("t/tree/m"))
    os.mkfifo(fixture.path("t/tree/fifo"))
    put(fixture.path("t/tree/new\nline/-r"), b"x")
    status, said = fixture.run("rm", "-r", fixture.name(way[1] if way[1] != "local" else "tcp", "t/tree"), nofile=100)
    check(os.path.exists(fixture.path("outside") + "/f"), "removed outside", lost=True)
    check(status == 0 and not os.path.exists(fixture.path("t/tree")), f"{status} {said}")


def whole(fixture, olds, news, rel):
    """Every final name is the old or the new file, as a whole."""
    for name, new in news.items():
        path = fixture.path(f"{rel}/{name}")
        if not os.path.exists(path):
            check(name not in olds, f"{name} is gone", lost=True)
            continue
        now = digest(path)
        check(now in (new, olds.get(name)), f"{name} is neither old nor new", lost=True)


def stopped(fixture, way, number, rounds):
    for n in range(24):
        put(fixture.path(f"s/tree/{n % 4}/{n}"), noise((n % 6) * 300000 + 7))
        if n % 2:
            put(fixture.path(f"t/tree/{n % 4}/{n}"), noise(100000))
    news = {f"{n % 4}/{n}": digest(fixture.path(f"s/tree/{n % 4}/{n}")) for n in range(24)}
    finished = 0
    for _ in range(rounds):
        olds = {n: digest(fixture.path("t/tree/" + n)) for n in news if os.path.exists(fixture.path("t/tree/" + n))}
        process = fixture.start("cp", "-rq", *RANDOM.choice(([], ["--no-sync"])), fixture.name(way[0], "s/tree"),
                                fixture.name(way[1], "t"))
        time.sleep(RANDOM.uniform(0.002, 0.12))
        process.send_signal(number)
        said = process.communicate(timeout=HANG_S)[1].decode()
        whole(fixture, olds, news, "t/tree")
        if number == signal.SIGKILL:
            for temp in fixture.temps():
                os.unlink(temp)
            continue
        fixture.no_temps()
        if process.returncode == 0:
            finished += 1
            check(all(os.path.exists(fixture.path("t/tree/" + n)) for n in news), "0, and not complete", lost=True)
        elif process.returncode > 0:
            check(process.returncode == 128 + number, f"status {process.returncode}: {said}")
            check("stopping" in said, said)
    check(finished < rounds, "it was never stopped")


def killed(fixture, way):
    stopped(fixture, way, signal.SIGKILL, 34)


def interrupted(fixture, way):
    stopped(fixture, way, signal.SIGINT, 20)


def terminated(fixture, way):
    stopped(fixture, way, signal.SIGTERM, 8)


def says_what_is_missing(fixture, way):
    for n in range(400):
        put(fixture.path(f"s/tree/{n}"), noise(200000, n))
    process = fixture.start("cp", "-rq", fixture.name(way[0], "s/tree"), fixture.name(way[1], "t"))
    time.sleep(0.06)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=HANG_S)[1].decode()
    missing = said.count("not copied, because the copy was stopped")
    there = len(os.listdir(fixture.path("t/tree"))) if os.path.exists(fixture.path("t/tree")) else 0
    if process.returncode > 0 and there < 400:
        more = [int(w) for line in said.splitlines() if "more were not copied" in line for w in line.split() if w.isdigit()]
        check(missing <= 20, "more than 20 lines")
        top = fixture.name(way[0], "s/tree") + ": not copied"  # stopped before the walk began
        check("not read yet" in said or top in said or there + missing + sum(more) == 400, f"{there} there; {said}")


@root
def full_disk(fixture, way):
    """Nothing under a final name but whole files; space freed, it works again."""
    os.makedirs(fixture.path("t/full"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", fixture.path("t/full")], check=True)
    try:
        put(fixture.path("t/full/tree/2"), b"old")
        for n in range(8):
            put(fixture.path(f"s/tree/{n}"), noise(1 << 20, n))
        news = {str(n): digest(fixture.path(f"s/tree/{n}")) for n in range(8)}
        olds = {"2": digest(fixture.path("t/full/tree/2"))}
        status, said = fixture.cp("-r", fixture.name(way[0], "s/tree"), fixture.name(way[1], "t/full"))
        whole(fixture, olds, news, "t/full/tree")
        fixture.no_temps()
        check(status == 1 and "space" in said, f"{status} {said}")
        for name in news:  # a file needs room beside the one that it replaces
            if name != "2":
                os.unlink(fixture.path("s/tree/" + name))
            if os.path.exists(fixture.path("t/full/tree/" + name)):
                os.unlink(fixture.path("t/full/tree/" + name))
        status, said = fixture.cp("-r", fixture.name(way[0], "s/tree"), fixture.name(way[1], "t/full"))
        check(status == 0, said)
    finally:
        unmount(fixture.path("t/full"))


def file_size_limit(fixture, way):
    """A limit of the process, whose signal would end it: an error of that file, nothing left."""
    put(fixture.path("s/d/big"), noise(2 << 20))
    put(fixture.path("s/d/small"), noise(1000))
    status, said = fixture.cp("-r", fixture.path("s/d"), fixture.path("t"), fsize=1 << 20)
    check(status == 1 and snapshot(fixture.path("t")).keys() == {"d", "d/small"}, f"{status} {said}")


def few_descriptors(fixture, way):
    for n in range(500):
        put(fixture.path(f"s/many/{n}"), b"%d" % n)
    names = fixture.name(way[0], "s/many"), fixture.name(way[1], "t")
    for nofile in (100, 72):
        status, said = fixture.cp("-r", "--no-sync", *names, nofile=nofile)
        check(status == 0, f"{nofile}: {said[-500:]}")
        check(not [n for n in range(500) if digest(fixture.path(f"t/many/{n}")) != digest(fixture.path(f"s/many/{n}"))],
              "files differ", lost=True)
        shutil.rmtree(fixture.path("t/many"))


def descriptors_shared(fixture, way):
    """A server within the process takes its descriptors from the same few."""
    for n in range(400):
        put(fixture.path(f"s/tree/{n % 40}/a/b/{n}"), b"%d" % n)
    for nofile in (96, 80, 72, 64):
        status, said = fixture.cp("-r", fixture.name(way[0], "s/tree"), fixture.name(way[1], "t"), nofile=nofile)
        check(status == 0, f"{nofile}: {said[-500:]}")
        fixture.no_temps()
        diff = differences(snapshot(fixture.path("s/tree")), snapshot(fixture.path("t/tree")))
        check(not diff, f"{nofile}: {diff[:3]}", lost=True)
        shutil.rmtree(fixture.path("t/tree"))


def deep_tree(fixture, way):
    path = "s/deep"
    for n in range(200):
        path += "/d"
        put(fixture.path(path + "/f"), b"%d" % n)
    names = fixture.name(way[0], "s/deep"), fixture.name(way[1], "t")
    # With descriptors held by others there are fewer than the limit says.
    for nofile, held in ((100, 0), (128, 92)):
        status, said = fixture.cp("-r", "--no-sync", *names, nofile=nofile, held=held)
        check(status == 0, f"{held}: {said[-500:]}")
        check(snapshot(fixture.path("t/deep")) == snapshot(fixture.path("s/deep")), "not complete", lost=True)
        shutil.rmtree(fixture.path("t/deep"))


def deeper_than_a_path(fixture, way):
    """Deeper than PATH_MAX allows to name: reached by descriptors only."""
    at = os.open(fixture.path("s"), os.O_RDONLY)
    for n in range(60):
        os.mkdir("d" * 200, dir_fd=at)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    fd = os.open("f", os.O_WRONLY | os.O_CREAT, dir_fd=at)
    os.write(fd, b"deep")
    os.close(fd)
    os.close(at)
    status, said = fixture.cp("-r", fixture.name(way[0], "s/" + "d" * 200), fixture.name(way[1], "t"))
    check(status == 0, said[-300:])
    found = subprocess.run(f"cd {fixture.path('t')} && for i in $(seq 60); do cd -P ./d* || exit 1; done; cat f",
                           shell=True, capture_output=True, check=False)
    check(found.stdout == b"deep", str(found), lost=True)
    subprocess.run(["rm", "-rf", fixture.path("s/" + "d" * 200)], check=True)
    status, said = fixture.run("rm", "-r", fixture.url("t/" + "d" * 200))
    check(status == 0 and not os.listdir(fixture.path("t")), f"rm -r: {status} {said[-300:]}")


@root
def unreadable(fixture, way):
    """What may not be read is said, one line each, and the rest goes on."""
    put(fixture.path("s/d/open"), b"1", 0o644)
    put(fixture.path("s/d/closed"), b"1", 0o600)
    put(fixture.path("s/d/dir/f"), b"1", 0o644)
    os.chmod(fixture.path("s/d/dir"), 0o700)
    os.chmod(fixture.path("t"), 0o777)
    os.chmod(fixture.top, 0o755)
    status, said = fixture.cp("-r", fixture.path("s/d"), fixture.name(way[1], "t"), uid=65534)
    check(status == 1 and said.count("Permission denied") == 2 and said.count("\n") == 2, f"{status} {said}")
    check(os.path.exists(fixture.path("t/d/open")), "the rest did not go on", lost=True)


@root
def link_of_another_user(fixture, way):
    """Root is not led by somebody's link to a file that this somebody may not read."""
    put(fixture.path("s/d/theirs"), b"1", 0o600)
    os.chown(fixture.path("s/d/theirs"), 1234, 1234)
    put(fixture.path("outside") + "/secret", b"secret", 0o600)
    for name, to in (("evil", fixture.path("outside") + "/secret"), ("good", "theirs"),
                     ("dir", fixture.path("outside"))):
        os.symlink(to, fixture.path("s/d/" + name))
        os.lchown(fixture.path("s/d/" + name), 1234, 1234)
    status, said = fixture.cp("-r", fixture.path("s/d"), fixture.name(way[1], "t"))
    check(snapshot(fixture.path("t")).keys() == {"d", "d/theirs", "d/good"}, str(snapshot(fixture.path("t")).keys()))
    check(status == 1 and said.count("another user") == 2, f"{status} {said}")


@root
def device_in_tree(fixture, way):
    put(fixture.path("s/d/f"), b"1")
    os.mknod(fixture.path("s/d/null"), stat.S_IFCHR | 0o666, os.makedev(1, 3))
    status, said = fixture.cp("-r", fixture.name(way[0], "s/d"), fixture.name(way[1], "t"))
    check(status == 1 and "skipped" in said, f"{status} {said}")
    check(snapshot(fixture.path("t")).keys() == {"d", "d/f"}, "names")


@root
def read_only_target(fixture, way):
    """An error for each file, and nothing changed."""
    put(fixture.path("t/d/f"), b"old")
    put(fixture.path("s/f"), b"new")
    subprocess.run(["mount", "--bind", fixture.path("t/d"), fixture.path("t/d")], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", fixture.path("t/d")], check=True)
    try:
        status, said = fixture.cp(fixture.name(way[0], "s/f"), fixture.name(way[1], "t/d"))
        check(status == 1 and "Read-only" in said and said.count("\n") == 1, f"{status} {said}")
        check(open(fixture.path("t/d/f")).read() == "old", "changed", lost=True)
    finally:
        unmount(fixture.path("t/d"))


@root
def taken_over_owner(fixture, way):
    """Locally, a file that is replaced keeps its owner, and no set-id bit comes back."""
    put(fixture.path("s/f"), b"new", 0o644)
    put(fixture.path("t/f"), b"old", 0o4750)
    os.chown(fixture.path("t/f"), 1234, 4321)
    os.chmod(fixture.path("t/f"), 0o4750)
    status, said = fixture.cp(fixture.name(way[0], "s/f"), fixture.path("t"))
    st = os.stat(fixture.path("t/f"))
    check(status == 0 and (st.st_uid, st.st_gid, st.st_mode & 0o7777) == (1234, 4321, 0o750), f"{st} {said}")


def null_and_fifo_as_target(fixture, way):
    data = noise(3 << 20)
    put(fixture.path("s/f"), data)
    status, said = fixture.cp(fixture.name(way[0], "s/f"), "/dev/null")
    check(status == 0 and stat.S_ISCHR(os.stat("/dev/null").st_mode), said)
    os.mkfifo(fixture.path("t/fifo"))
    process = fixture.start("cp", "-q", fixture.name(way[0], "s/f"), fixture.path("t/fifo"))
    with open(fixture.path("t/fifo"), "rb") as f:
        got = f.read()
    process.communicate(timeout=HANG_S)
    check(process.returncode == 0 and got == data, "not what was written", lost=True)
    status, said = fixture.cp("--verify", fixture.name(way[0], "s/f"), "/dev/null")
    check(status == 1 and "--verify" in said, said)


def socket_as_target(fixture, way):
    """A socket cannot be opened; only a FIFO may get a reader later, which is waited for."""
    put(fixture.path("s/f"), b"x")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(fixture.path("t/socket"))
    process = fixture.start("cp", "-q", fixture.name(way[0], "s/f"), fixture.path("t/socket"))
    try:
        said = process.communicate(timeout=HANG_S)[1].decode()
    finally:
        process.kill()
        listener.close()
    check(process.returncode == 1 and "t/socket" in said, f"{process.returncode} {said}")


def vanishing(fixture, way):
    """Files that go while the tree is read are a line each; the others are copied."""
    for n in range(400):
        put(fixture.path(f"s/d/{n}"), b"x")

    def remove():
        for n in range(0, 400, 2):
            os.unlink(fixture.path(f"s/d/{n}"))
            time.sleep(0.0001)
    thread = threading.Thread(target=remove)
    thread.start()
    status, said = fixture.cp("-r", "--no-sync", fixture.name(way[0], "s/d"), fixture.name(way[1], "t"))
    thread.join()
    check(all(os.path.exists(fixture.path(f"t/d/{n}")) for n in range(1, 400, 2)), "others are missing", lost=True)
    check(bool(status) == bool(said), f"{status} {said}")


def bench_keeps_files(fixture, way):
    put(fixture.path("t/f"), b"precious")
    url = fixture.name(way[1] if way[1] != "local" else "tcp", "t/f")
    status, said = fixture.run("bench", "--create", "--size", "64k", "--time", "0", url)
    check(status == 1 and "--force" in said and open(fixture.path("t/f")).read() == "precious", said, lost=status == 0)
    status, said = fixture.run("bench", "--create", "--force", "--size", "64k", "--time", "0", url)
    check(status == 0 and os.stat(fixture.path("t/f")).st_size == 65536, said)


SITUATIONS = [(f, ["across"]) for f in (same_file, growing_onto_itself, into_itself, same_file_by_an_overlay, into_itself_by_an_overlay,
                                         by_an_attached_directory)]
SITUATIONS += [(f, ["up", "down", "across"]) for f in (
    into_itself_by_a_bind_mount, swapped_while_copying, killed, interrupted, terminated, says_what_is_missing,
    few_descriptors, deep_tree, deeper_than_a_path, vanishing)]
SITUATIONS += [(f, list(WAYS)) for f in (two_sources, links_in_target, full_disk, read_only_target, device_in_tree)]
SITUATIONS += [(descriptors_shared, ["loop-up", "loop-down"])]
SITUATIONS += [(f, ["across", "loop-up"]) for f in (removing, swapped_while_removing, bench_keeps_files)]
SITUATIONS += [(f, ["local", "down"]) for f in (taken_over_owner, null_and_fifo_as_target, socket_as_target)]
SITUATIONS += [(f, ["up", "local"]) for f in (unreadable, link_of_another_user)] + [(file_size_limit, ["local"])]
