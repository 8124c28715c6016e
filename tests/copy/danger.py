"""Situations in which data can be lost, or in which somebody tries to lead the tool elsewhere."""
import contextlib
import os
import random
import shutil
import signal
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


def pairs(bed, rel, other):
    """Every two names of x/REL and x/OTHER."""
    for a in NAMES:
        for b in NAMES:
            yield a, b, bed.name(a, rel), bed.name(b, other)


def same_file(bed, way):
    """By every two names, by links of both kinds, by its directory, by another export."""
    data = noise(70000)
    put(bed.path("t/f"), data, 0o644)
    os.link(bed.path("t/f"), bed.path("t/hard"))
    os.symlink("f", bed.path("t/soft"))
    os.makedirs(bed.path("t/d"))
    os.symlink("../f", bed.path("t/d/f"))
    for a, b, source, target in pairs(bed, "t/f", "t/f"):
        for to in (target, bed.name(b, "t"), bed.name(b, "t/hard"), bed.name(b, "t/d")):
            status, said = bed.cp(source, to)
            check(status == 1 and "are the same file" in said, f"{a} {b} {to}: {status} {said}")
    for source in (bed.path("t/f"), bed.url("t/f")):
        status, said = bed.cp(source, f"tcp://127.0.0.1:{bed.port}/inner/f")
        check(status == 1 and "are the same file" in said, f"inner: {status} {said}")
    status, said = bed.cp(bed.path("t/soft"), bed.path("t/f"))
    check(status == 1, f"soft: {status} {said}")
    for name in ("f", "hard", "soft", "d/f"):
        check(open(bed.path("t/" + name), "rb").read() == data, name, lost=True)
    bed.no_temps()


def growing_onto_itself(bed, way):
    """A log that a program goes on writing: by no pair of names a line of it is lost."""
    put(bed.path("t/log"))
    stop = threading.Event()
    written = []

    def write():
        i = 0
        with open(bed.path("t/log"), "ab", buffering=0) as f:
            while not stop.is_set():
                f.write(b"%010d\n" % i)
                i += 1
                time.sleep(0.0001)
        written.append(i)
    writer = threading.Thread(target=write)
    writer.start()
    try:
        for a, b, source, target in pairs(bed, "t/log", "t/log"):
            status, said = bed.cp(source, target)
            check(status == 1 and "same file" in said, f"{a} {b}: {status} {said}")
    finally:
        stop.set()
        writer.join()
    lines = open(bed.path("t/log"), "rb").read().split()
    check(lines == [b"%010d" % i for i in range(written[0])], "lines are gone", lost=True)


def into_itself(bed, way):
    """Refused before anything is written, by every two names."""
    put(bed.path("t/a/sub/f"), b"x")
    put(bed.path("t/a/g"), b"x")
    os.symlink("a", bed.path("t/l"))
    before = snapshot(bed.path("t"))
    for a, b, source, target in pairs(bed, "t/a", "t/a/sub"):
        for to in (target, target + "/new", bed.name(b, "t/a"), bed.name(b, "t/l/new")):
            status, said = bed.cp("-r", source, to)
            check(status == 1 and "itself" in said, f"{a} {b} {to}: {status} {said}")
            check(snapshot(bed.path("t")) == before, f"{a} {b} {to}: something was written")
    inner = f"tcp://127.0.0.1:{bed.port}/inner/a/new"
    for source in (bed.top, bed.path(""), bed.path("t"), bed.path("t/l"), bed.url(""), bed.url("t/a")):
        status, said = bed.cp("-r", source, inner)
        check(status == 1 and "itself" in said, f"{source}: {status} {said}")
    check(snapshot(bed.path("t")) == before, "something was written")


@root
def by_an_attached_directory(bed, way):
    """A view of the export that is a mount of ours: not lost by any pair of names either."""
    view = os.path.join(bed.top, "view")
    os.makedirs(view, exist_ok=True)
    subprocess.run(["mount", "--bind", bed.path(""), view], check=True)
    status, said = bed.run("attach", f"tcp://127.0.0.1:{bed.port}/data", view)
    try:
        check(status == 0, said)
        put(bed.path("t/a/sub/f"), b"all of it")
        before = snapshot(bed.path("t"))
        for kind in NAMES:
            for a, b, word in (("t/a/sub/f", "t/a/sub/f", "same file"), ("t/a", "t/a/sub/new", "itself")):
                for source, to in ((f"{view}/{a}", bed.name(kind, b)), (bed.name(kind, a), f"{view}/{b}")):
                    status, said = bed.cp("-r", source, to)
                    check(status == 1 and word in said, f"{source} {to}: {status} {said}")
                    check(snapshot(bed.path("t")) == before, f"{source} {to}", lost=True)
    finally:
        bed.run("detach", view)
        unmount(view)


@root
def into_itself_by_a_bind_mount(bed, way):
    put(bed.path("t/a/sub/f"), b"x")
    os.makedirs(bed.path("t/view"))
    subprocess.run(["mount", "--bind", bed.path("t/a"), bed.path("t/view")], check=True)
    try:
        for source, to in (("t/a", "t/view/new"), ("t/view", "t/a/new")):
            status, said = bed.cp("-r", bed.name(way[0], source), bed.name(way[1], to))
            check(status == 1 and "itself" in said, f"{status} {said}")
        status, said = bed.cp(bed.name(way[0], "t/a/sub/f"), bed.name(way[1], "t/view/sub/f"))
        check(status == 1 and "same file" in said, f"{status} {said}")
        check(snapshot(bed.path("t/a")).keys() == {"sub", "sub/f"}, "something was written")
        check(open(bed.path("t/a/sub/f")).read() == "x", "f", lost=True)
    finally:
        unmount(bed.path("t/view"))


@contextlib.contextmanager
def overlay(bed, name):
    """t/view shows what is in t/up, with other device numbers; False: there is no overlayfs here."""
    for part in ("low", "up", "work", "view"):
        os.makedirs(os.path.join(bed.path("t"), part), exist_ok=True)
    options = "lowerdir={0}/low,upperdir={0}/up,workdir={0}/work".format(bed.path("t"))
    if subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, bed.path("t/view")],
                      stderr=subprocess.DEVNULL, check=False).returncode:
        print(f"[SKIP] copy-{name}: no overlayfs here")
        yield False
        return
    try:
        yield True
    finally:
        unmount(bed.path("t/view"))


@root
def same_file_by_an_overlay(bed, way):
    """A view that changes device numbers: told by the temporary name, which shows in both."""
    put(bed.path("t/up/f"), b"all of it")
    with overlay(bed, "same_file_by_an_overlay") as there:
        if there:
            status, said = bed.cp(bed.path("t/view/f"), bed.url("t/up/f"))
            check(status == 1 and "same file" in said, f"{status} {said}")
            check(open(bed.path("t/up/f")).read() == "all of it", "f", lost=True)


@root
def into_itself_by_an_overlay(bed, way):
    """Told by the mark in the target, which shows in the source: copied once at most, and said."""
    put(bed.path("t/up/a/sub/f"), b"x")
    pairs_of_names = ((bed.path("t/view/a"), bed.url("t/up/a/sub/new")),
                      (bed.path("t/view/a"), bed.url("t/up/a/sub")),
                      (bed.path("t/view/a") + "/.", bed.url("t/up/a/sub")),
                      (bed.url("t/up/a"), bed.path("t/view/a/sub/new")))
    with overlay(bed, "into_itself_by_an_overlay") as there:
        for source, to in pairs_of_names if there else ():
            status, said = bed.cp("-r", source, to)
            deep = max(where.count("sub") for where, _, _ in os.walk(bed.path("t/up/a")))
            check(status == 1 and said.count("itself") == 1 and deep <= 2, f"{source} {to}: {status} {deep} {said[-500:]}")
            check(open(bed.path("t/up/a/sub/f")).read() == "x", "f", lost=True)
            for name in set(os.listdir(bed.path("t/up/a/sub"))) - {"f"}:
                shutil.rmtree(bed.path("t/view/a/sub/" + name))


def two_sources(bed, way):
    """One of them whole, the other refused: for files, in merging trees, and from two mounts."""
    first, second = noise(3 << 20, 5), noise(5 << 20, 6)
    for n in range(5):
        bed.fresh()
        put(bed.path("s/a/x"), first)
        put(bed.path("s/b/x"), second)
        put(bed.path("s/a/tree/x"), first)
        put(bed.path("s/b/tree/x"), second)
        put(bed.path("s/b/tree/y"), b"y")
        other = "local" if way[0] != "local" else "tcp"
        for source in (way[0], other):
            status, said = bed.cp("-r", bed.name(way[0], "s/a/x"), bed.name(way[0], "s/a/tree"),
                                  bed.name(source, "s/b/x"), bed.name(source, "s/b/tree"), bed.name(way[1], "t"))
            check(status == 1 and said.count("will not overwrite just-created") == 2, f"{status} {said}")
            for name in ("x", "tree/x"):
                check(open(bed.path("t/" + name), "rb").read() == first, f"{name} is not the first", lost=True)
            check(os.path.exists(bed.path("t/tree/y")), "the rest did not go on", lost=True)


def links_in_target(bed, way):
    """Links to directories are not followed; a link where a file goes is replaced."""
    put(bed.path("s/tree/sub/f"), b"new")
    put(bed.path("s/tree/g"), b"new")
    put(bed.path("s/tree/h"), b"new")
    put(bed.path("outside") + "/f", b"mine")
    put(bed.path("outside") + "/g", b"mine")
    os.makedirs(bed.path("t/tree"))
    os.symlink("../../outside", bed.path("t/tree/sub"))
    os.symlink("../../outside/g", bed.path("t/tree/g"))
    os.symlink("../../outside/made", bed.path("t/tree/h"))
    before = snapshot(bed.path("outside"))
    status, said = bed.cp("-r", bed.name(way[0], "s/tree"), bed.name(way[1], "t"))
    check(snapshot(bed.path("outside")) == before, "written outside of the target", lost=True)
    check(status == 1 and "symbolic link" in said, f"{status} {said}")
    check(os.path.isfile(bed.path("t/tree/g")) and not os.path.islink(bed.path("t/tree/g")), "g is a link still")


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


def race(bed, paths, action):
    stop = threading.Event()
    thread = threading.Thread(target=racer, args=(paths, bed.path("outside"), stop))
    thread.start()
    try:
        action()
    finally:
        stop.set()
        thread.join()


def swapped_while_copying(bed, way):
    for n in range(60):
        put(bed.path(f"s/tree/{n % 3}/in/{n}"), b"new")
        put(bed.path("outside") + f"/in/{n}", b"mine")
    before = snapshot(bed.path("outside"))

    def copy():
        for _ in range(12):
            bed.cp("-r", "--no-sync", bed.name(way[0], "s/tree"), bed.name(way[1], "t"))
            check(snapshot(bed.path("outside")) == before, "written outside", lost=True)
    for n in range(3):
        os.makedirs(bed.path(f"t/tree/{n}/in"))
    race(bed, [bed.path(f"t/tree/{n}") for n in range(3)], copy)


def swapped_while_removing(bed, way):
    before = None
    for n in range(40):
        put(bed.path("outside") + f"/in/{n}", b"mine")
    before = snapshot(bed.path("outside"))
    where = bed.name("tcp" if way[1] == "local" else way[1], "t/tree")

    def remove():
        for _ in range(12):
            for n in range(60):
                try:
                    put(bed.path(f"t/tree/{n % 3}/in/{n}"), b"x")
                except OSError:
                    pass
            # put() may have been led outside by the racer itself: count what is missing only
            bed.run("rm", "-r", "-f", where)
            gone = before.keys() - snapshot(bed.path("outside")).keys()
            check(not gone, f"removed outside: {sorted(gone)[:3]}", lost=True)
    race(bed, [bed.path(f"t/tree/{n}") for n in range(3)], remove)


def removing(bed, way):
    """rm -r: links go, not what they lead to; many names; what is deep."""
    put(bed.path("outside") + "/f", b"mine")
    for n in range(5000):
        put(bed.path(f"t/tree/many/{n}"))
    put(bed.path("t/tree/" + "/".join(["d"] * 300) + "/f"), b"x")
    os.symlink("../../outside", bed.path("t/tree/l"))
    os.symlink("nowhere", bed.path("t/tree/m"))
    os.mkfifo(bed.path("t/tree/fifo"))
    put(bed.path("t/tree/new\nline/-r"), b"x")
    status, said = bed.run("rm", "-r", bed.name(way[1] if way[1] != "local" else "tcp", "t/tree"), nofile=100)
    check(os.path.exists(bed.path("outside") + "/f"), "removed outside", lost=True)
    check(status == 0 and not os.path.exists(bed.path("t/tree")), f"{status} {said}")


def whole(bed, olds, news, rel):
    """Every final name is the old or the new file, as a whole."""
    for name, new in news.items():
        path = bed.path(f"{rel}/{name}")
        if not os.path.exists(path):
            check(name not in olds, f"{name} is gone", lost=True)
            continue
        now = digest(path)
        check(now in (new, olds.get(name)), f"{name} is neither old nor new", lost=True)


def stopped(bed, way, number, rounds):
    for n in range(24):
        put(bed.path(f"s/tree/{n % 4}/{n}"), noise((n % 6) * 300000 + 7))
        if n % 2:
            put(bed.path(f"t/tree/{n % 4}/{n}"), noise(100000))
    news = {f"{n % 4}/{n}": digest(bed.path(f"s/tree/{n % 4}/{n}")) for n in range(24)}
    finished = 0
    for _ in range(rounds):
        olds = {n: digest(bed.path("t/tree/" + n)) for n in news if os.path.exists(bed.path("t/tree/" + n))}
        process = bed.start("cp", "-rq", *RANDOM.choice(([], ["--no-sync"])), bed.name(way[0], "s/tree"),
                            bed.name(way[1], "t"))
        time.sleep(RANDOM.uniform(0.002, 0.12))
        process.send_signal(number)
        said = process.communicate(timeout=HANG_S)[1].decode()
        whole(bed, olds, news, "t/tree")
        if number == signal.SIGKILL:
            for temp in bed.temps():
                os.unlink(temp)
            continue
        bed.no_temps()
        if process.returncode == 0:
            finished += 1
            check(all(os.path.exists(bed.path("t/tree/" + n)) for n in news), "0, and not complete", lost=True)
        elif process.returncode > 0:
            check(process.returncode == 128 + number, f"status {process.returncode}: {said}")
            check("stopping" in said, said)
    check(finished < rounds, "it was never stopped")


def killed(bed, way):
    stopped(bed, way, signal.SIGKILL, 34)


def interrupted(bed, way):
    stopped(bed, way, signal.SIGINT, 20)


def terminated(bed, way):
    stopped(bed, way, signal.SIGTERM, 8)


def says_what_is_missing(bed, way):
    for n in range(400):
        put(bed.path(f"s/tree/{n}"), noise(200000, n))
    process = bed.start("cp", "-rq", bed.name(way[0], "s/tree"), bed.name(way[1], "t"))
    time.sleep(0.06)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=HANG_S)[1].decode()
    missing = said.count("not copied, stopped before")
    there = len(os.listdir(bed.path("t/tree"))) if os.path.exists(bed.path("t/tree")) else 0
    if process.returncode > 0 and there < 400:
        more = [int(w) for line in said.splitlines() if "more were not copied" in line for w in line.split() if w.isdigit()]
        check(missing <= 20, "more than 20 lines")
        check("not read yet" in said or there + missing + sum(more) == 400, f"{there} there; {said}")


@root
def full_disk(bed, way):
    """Nothing under a final name but whole files; space freed, it works again."""
    os.makedirs(bed.path("t/full"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", bed.path("t/full")], check=True)
    try:
        put(bed.path("t/full/tree/2"), b"old")
        for n in range(8):
            put(bed.path(f"s/tree/{n}"), noise(1 << 20, n))
        news = {str(n): digest(bed.path(f"s/tree/{n}")) for n in range(8)}
        olds = {"2": digest(bed.path("t/full/tree/2"))}
        status, said = bed.cp("-r", bed.name(way[0], "s/tree"), bed.name(way[1], "t/full"))
        whole(bed, olds, news, "t/full/tree")
        bed.no_temps()
        check(status == 1 and "space" in said, f"{status} {said}")
        for name in news:  # a file needs room beside the one that it replaces
            if name != "2":
                os.unlink(bed.path("s/tree/" + name))
            if os.path.exists(bed.path("t/full/tree/" + name)):
                os.unlink(bed.path("t/full/tree/" + name))
        status, said = bed.cp("-r", bed.name(way[0], "s/tree"), bed.name(way[1], "t/full"))
        check(status == 0, said)
    finally:
        unmount(bed.path("t/full"))


def file_size_limit(bed, way):
    """A limit of the process, whose signal would end it: an error of that file, nothing left."""
    put(bed.path("s/d/big"), noise(2 << 20))
    put(bed.path("s/d/small"), noise(1000))
    status, said = bed.cp("-r", bed.path("s/d"), bed.path("t"), fsize=1 << 20)
    check(status == 1 and snapshot(bed.path("t")).keys() == {"d", "d/small"}, f"{status} {said}")


def few_descriptors(bed, way):
    for n in range(500):
        put(bed.path(f"s/many/{n}"), b"%d" % n)
    names = bed.name(way[0], "s/many"), bed.name(way[1], "t")
    for nofile in (100, 72):
        status, said = bed.cp("-r", "--no-sync", *names, nofile=nofile)
        check(status == 0, f"{nofile}: {said[-500:]}")
        check(not [n for n in range(500) if digest(bed.path(f"t/many/{n}")) != digest(bed.path(f"s/many/{n}"))],
              "files differ", lost=True)
        shutil.rmtree(bed.path("t/many"))


def descriptors_shared(bed, way):
    """A server within the process takes its descriptors from the same few."""
    for n in range(400):
        put(bed.path(f"s/tree/{n % 40}/a/b/{n}"), b"%d" % n)
    for nofile in (96, 80, 72, 64):
        status, said = bed.cp("-r", bed.name(way[0], "s/tree"), bed.name(way[1], "t"), nofile=nofile)
        check(status == 0, f"{nofile}: {said[-500:]}")
        bed.no_temps()
        diff = differences(snapshot(bed.path("s/tree")), snapshot(bed.path("t/tree")))
        check(not diff, f"{nofile}: {diff[:3]}", lost=True)
        shutil.rmtree(bed.path("t/tree"))


def deep_tree(bed, way):
    path = "s/deep"
    for n in range(200):
        path += "/d"
        put(bed.path(path + "/f"), b"%d" % n)
    names = bed.name(way[0], "s/deep"), bed.name(way[1], "t")
    # With descriptors held by others there are fewer than the limit says.
    for nofile, held in ((100, 0), (128, 92)):
        status, said = bed.cp("-r", "--no-sync", *names, nofile=nofile, held=held)
        check(status == 0, f"{held}: {said[-500:]}")
        check(snapshot(bed.path("t/deep")) == snapshot(bed.path("s/deep")), "not complete", lost=True)
        shutil.rmtree(bed.path("t/deep"))


def deeper_than_a_path(bed, way):
    """Deeper than PATH_MAX allows to name: reached by descriptors only."""
    at = os.open(bed.path("s"), os.O_RDONLY)
    for n in range(60):
        os.mkdir("d" * 200, dir_fd=at)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    fd = os.open("f", os.O_WRONLY | os.O_CREAT, dir_fd=at)
    os.write(fd, b"deep")
    os.close(fd)
    os.close(at)
    status, said = bed.cp("-r", bed.name(way[0], "s/" + "d" * 200), bed.name(way[1], "t"))
    check(status == 0, said[-300:])
    found = subprocess.run(f"cd {bed.path('t')} && for i in $(seq 60); do cd -P ./d* || exit 1; done; cat f",
                           shell=True, capture_output=True, check=False)
    check(found.stdout == b"deep", str(found), lost=True)
    subprocess.run(["rm", "-rf", bed.path("s/" + "d" * 200)], check=True)
    status, said = bed.run("rm", "-r", bed.url("t/" + "d" * 200))
    check(status == 0 and not os.listdir(bed.path("t")), f"rm -r: {status} {said[-300:]}")


@root
def unreadable(bed, way):
    """What may not be read is said, one line each, and the rest goes on."""
    put(bed.path("s/d/open"), b"1", 0o644)
    put(bed.path("s/d/closed"), b"1", 0o600)
    put(bed.path("s/d/dir/f"), b"1", 0o644)
    os.chmod(bed.path("s/d/dir"), 0o700)
    os.chmod(bed.path("t"), 0o777)
    os.chmod(bed.top, 0o755)
    status, said = bed.cp("-r", bed.path("s/d"), bed.name(way[1], "t"), uid=65534)
    check(status == 1 and said.count("Permission denied") == 2 and said.count("\n") == 2, f"{status} {said}")
    check(os.path.exists(bed.path("t/d/open")), "the rest did not go on", lost=True)


@root
def link_of_another_user(bed, way):
    """Root is not led by somebody's link to a file that this somebody may not read."""
    put(bed.path("s/d/theirs"), b"1", 0o600)
    os.chown(bed.path("s/d/theirs"), 1234, 1234)
    put(bed.path("outside") + "/secret", b"secret", 0o600)
    for name, to in (("evil", bed.path("outside") + "/secret"), ("good", "theirs"), ("dir", bed.path("outside"))):
        os.symlink(to, bed.path("s/d/" + name))
        os.lchown(bed.path("s/d/" + name), 1234, 1234)
    status, said = bed.cp("-r", bed.path("s/d"), bed.name(way[1], "t"))
    check(snapshot(bed.path("t")).keys() == {"d", "d/theirs", "d/good"}, str(snapshot(bed.path("t")).keys()))
    check(status == 1 and said.count("another user") == 2, f"{status} {said}")


@root
def device_in_tree(bed, way):
    put(bed.path("s/d/f"), b"1")
    os.mknod(bed.path("s/d/null"), stat.S_IFCHR | 0o666, os.makedev(1, 3))
    status, said = bed.cp("-r", bed.name(way[0], "s/d"), bed.name(way[1], "t"))
    check(status == 1 and "skipped" in said, f"{status} {said}")
    check(snapshot(bed.path("t")).keys() == {"d", "d/f"}, "names")


@root
def read_only_target(bed, way):
    """An error for each file, and nothing changed."""
    put(bed.path("t/d/f"), b"old")
    put(bed.path("s/f"), b"new")
    subprocess.run(["mount", "--bind", bed.path("t/d"), bed.path("t/d")], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", bed.path("t/d")], check=True)
    try:
        status, said = bed.cp(bed.name(way[0], "s/f"), bed.name(way[1], "t/d"))
        check(status == 1 and "Read-only" in said and said.count("\n") == 1, f"{status} {said}")
        check(open(bed.path("t/d/f")).read() == "old", "changed", lost=True)
    finally:
        unmount(bed.path("t/d"))


@root
def taken_over_owner(bed, way):
    """Locally, a file that is replaced keeps its owner, and no set-id bit comes back."""
    put(bed.path("s/f"), b"new", 0o644)
    put(bed.path("t/f"), b"old", 0o4750)
    os.chown(bed.path("t/f"), 1234, 4321)
    os.chmod(bed.path("t/f"), 0o4750)
    status, said = bed.cp(bed.name(way[0], "s/f"), bed.path("t"))
    st = os.stat(bed.path("t/f"))
    check(status == 0 and (st.st_uid, st.st_gid, st.st_mode & 0o7777) == (1234, 4321, 0o750), f"{st} {said}")


def null_and_fifo_as_target(bed, way):
    data = noise(3 << 20)
    put(bed.path("s/f"), data)
    status, said = bed.cp(bed.name(way[0], "s/f"), "/dev/null")
    check(status == 0 and stat.S_ISCHR(os.stat("/dev/null").st_mode), said)
    os.mkfifo(bed.path("t/fifo"))
    process = bed.start("cp", "-q", bed.name(way[0], "s/f"), bed.path("t/fifo"))
    with open(bed.path("t/fifo"), "rb") as f:
        got = f.read()
    process.communicate(timeout=HANG_S)
    check(process.returncode == 0 and got == data, "not what was written", lost=True)
    status, said = bed.cp("--verify", bed.name(way[0], "s/f"), "/dev/null")
    check(status == 1 and "--verify" in said, said)


def vanishing(bed, way):
    """Files that go while the tree is read are a line each; the others are copied."""
    for n in range(400):
        put(bed.path(f"s/d/{n}"), b"x")

    def remove():
        for n in range(0, 400, 2):
            os.unlink(bed.path(f"s/d/{n}"))
            time.sleep(0.0001)
    thread = threading.Thread(target=remove)
    thread.start()
    status, said = bed.cp("-r", "--no-sync", bed.name(way[0], "s/d"), bed.name(way[1], "t"))
    thread.join()
    check(all(os.path.exists(bed.path(f"t/d/{n}")) for n in range(1, 400, 2)), "others are missing", lost=True)
    check(bool(status) == bool(said), f"{status} {said}")


def bench_keeps_files(bed, way):
    put(bed.path("t/f"), b"precious")
    url = bed.name(way[1] if way[1] != "local" else "tcp", "t/f")
    status, said = bed.run("bench", "--create", "--size", "64k", "--time", "0", url)
    check(status == 1 and "--force" in said and open(bed.path("t/f")).read() == "precious", said, lost=status == 0)
    status, said = bed.run("bench", "--create", "--force", "--size", "64k", "--time", "0", url)
    check(status == 0 and os.stat(bed.path("t/f")).st_size == 65536, said)


SITUATIONS = [(f, ["across"]) for f in (same_file, growing_onto_itself, into_itself, same_file_by_an_overlay, into_itself_by_an_overlay,
                                         by_an_attached_directory)]
SITUATIONS += [(f, ["up", "down", "across"]) for f in (
    into_itself_by_a_bind_mount, swapped_while_copying, killed, interrupted, terminated, says_what_is_missing,
    few_descriptors, deep_tree, deeper_than_a_path, vanishing)]
SITUATIONS += [(f, list(WAYS)) for f in (two_sources, links_in_target, full_disk, read_only_target, device_in_tree)]
SITUATIONS += [(descriptors_shared, ["loop-up", "loop-down"])]
SITUATIONS += [(f, ["across", "loop-up"]) for f in (removing, swapped_while_removing, bench_keeps_files)]
SITUATIONS += [(f, ["local", "down"]) for f in (taken_over_owner, null_and_fifo_as_target)]
SITUATIONS += [(f, ["up", "local"]) for f in (unreadable, link_of_another_user)] + [(file_size_limit, ["local"])]
