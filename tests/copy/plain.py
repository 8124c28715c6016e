"""Situations where the tool and cp(1) have to agree, and those where they are meant to differ."""
import os
import socket
import stat
import subprocess
import threading
import time

from fixture import WAYS, check, digest, noise, put, snapshot

BLOCK = 65536


def tree(fixture, top="s/tree"):
    put(fixture.path(top + "/a"), noise(5000, 1))
    put(fixture.path(top + "/empty"))
    put(fixture.path(top + "/sub/b"), noise(3 << 20, 2), 0o640)
    put(fixture.path(top + "/sub/deeper/c"), noise(4096, 3), 0o755)
    os.makedirs(fixture.path(top + "/sub/nothing"))


def new_file(fixture, way):
    put(fixture.path("s/f"), noise(3 << 20), 0o644)
    fixture.like_cp(way, ["s/f", "t/g"])


def into_directory(fixture, way):
    put(fixture.path("s/f"), noise(100))
    put(fixture.path("s/g"), noise(200))
    fixture.like_cp(way, ["s/f", "s/g", "t"])


def over_longer_and_shorter(fixture, way):
    for n, old in (("f", 4 << 20), ("g", 10), ("h", 0)):
        put(fixture.path("s/" + n), noise(70000), 0o664)
        put(fixture.path("t/" + n), noise(old), 0o600)
    fixture.like_cp(way, ["s/f", "s/g", "s/h", "t"])


def whole_tree(fixture, way):
    tree(fixture)
    fixture.like_cp(way, ["s/tree", "t"])


def tree_by_new_name(fixture, way):
    tree(fixture)
    fixture.like_cp(way, ["s/tree", "t/new"])


def contents_of_tree(fixture, way):
    tree(fixture)
    fixture.like_cp(way, ["s/tree/.", "t"])


def merging(fixture, way):
    tree(fixture)
    tree(fixture, "t/tree")
    put(fixture.path("t/tree/sub/b"), noise(9))
    put(fixture.path("t/tree/sub/own"), noise(9))
    os.chmod(fixture.path("t/tree/sub"), 0o711)
    fixture.like_cp(way, ["s/tree", "t"])


def two_trees_merge(fixture, way):
    put(fixture.path("s/1/tree/a"), b"1")
    put(fixture.path("s/2/tree/b"), b"2")
    fixture.like_cp(way, ["s/1/tree", "s/2/tree", "t"])


def block_multiples(fixture, way):
    for n in (0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 5 * BLOCK, 4095, 4096, 4097):
        put(fixture.path(f"s/m/{n}"), noise(n))
    fixture.like_cp(way, ["s/m", "t"], ["--block", str(BLOCK)])
    fixture.like_cp(way, ["s/m", "t"], ["--block", "512", "--verify"])


def odd_names(fixture, way):
    for n in ("with space", "-r", "--", "new\nline", "tab\t", "?x=1", "a%b", "\u00fcml", "x" * 255, "\\", "*", ".hidden", "a://b"):
        put(fixture.path(f"s/n/{n}"), n.encode())
        put(fixture.path(f"s/n/d/{n[:200]}-/f"), n.encode())
    put(os.fsencode(fixture.path("s/n/")) + b"\xff\xfe\x9b", b"no utf-8")
    fixture.like_cp(way, ["s/n", "t"])


def thousands(fixture, way):
    for n in range(2500):
        put(fixture.path(f"s/many/{n % 7}/{n}"), b"%d" % n)
    fixture.like_cp(way, ["s/many", "t"], ["--no-sync"])


def verified(fixture, way):
    tree(fixture)
    status, _ = fixture.like_cp(way, ["s/tree", "t"], ["--verify"])
    check(status == 0, "status")


def modes(fixture, way):
    for mode in (0o644, 0o666, 0o777, 0o400, 0o444, 0o700, 0o751):
        put(fixture.path(f"s/m/{mode:o}"), b"x", mode)
        os.makedirs(fixture.path(f"s/m/d{mode:o}"), exist_ok=True)
        put(fixture.path(f"s/m/d{mode:o}/f"), b"x", mode)
        os.chmod(fixture.path(f"s/m/d{mode:o}"), mode)
    fixture.like_cp(way, ["s/m", "t"], umask=0o027)


def set_id(fixture, way):
    """cp(1) drops the bits of files, too, and keeps those of directories: we keep none."""
    for mode in (0o4755, 0o2755, 0o6777, 0o1777):
        put(fixture.path(f"s/m/{mode:o}"), b"x", mode)
        os.makedirs(fixture.path(f"s/m/d{mode:o}"))
        os.chmod(fixture.path(f"s/m/d{mode:o}"), mode)
    status, said = fixture.cp("-r", fixture.name(way[0], "s/m"), fixture.name(way[1], "t"))
    check(status == 0, said)
    for name, what in snapshot(fixture.path("t/m")).items():
        want = 0o755 if "1777" not in name else 0o755
        check(int(what[1], 8) == want, f"{name}: {what[1]}")


def existing_keeps_mode(fixture, way):
    put(fixture.path("s/f"), b"new", 0o666)
    put(fixture.path("t/f"), b"old", 0o4640)
    status, said = fixture.cp(fixture.name(way[0], "s/f"), fixture.name(way[1], "t"))
    check(status == 0, said)
    mode = stat.S_IMODE(os.stat(fixture.path("t/f")).st_mode)
    check(mode == 0o640, f"mode {mode:o}")


def hard_link_is_broken(fixture, way):
    """Replaced by rename: cp(1) writes into the file, all of whose names change."""
    put(fixture.path("s/f"), b"new")
    put(fixture.path("t/f"), b"old")
    os.link(fixture.path("t/f"), fixture.path("t/other"))
    status, said = fixture.cp(fixture.name(way[0], "s/f"), fixture.name(way[1], "t"))
    check(status == 0 and digest(fixture.path("t/f")) == digest(fixture.path("s/f")), said)
    check(open(fixture.path("t/other")).read() == "old", "the other name changed", lost=True)


def directory_over_file(fixture, way):
    put(fixture.path("s/x/f"), b"1")
    put(fixture.path("s/y/g"), b"2")
    put(fixture.path("t/x"), b"a file")
    fixture.like_cp(way, ["s/x", "s/y", "t"])


def file_over_directory(fixture, way):
    put(fixture.path("s/d/x"), b"1")
    put(fixture.path("s/d/y"), b"2")
    put(fixture.path("t/d/x/f"), b"a file in a directory")
    fixture.like_cp(way, ["s/d", "t"])


def missing_source(fixture, way):
    put(fixture.path("s/f"), b"1")
    status, said = fixture.like_cp(way, ["s/f", "s/missing", "t"])
    check(said.count("\n") == 1, f"not one line: {said}")


def several_into_file(fixture, way):
    put(fixture.path("s/f"), b"1")
    put(fixture.path("s/g"), b"1")
    put(fixture.path("t/x"), b"old")
    fixture.like_cp(way, ["s/f", "s/g", "t/x"])


def directory_without_r(fixture, way):
    put(fixture.path("s/d/f"), b"1")
    put(fixture.path("s/g"), b"1")
    status, _ = fixture.cp(fixture.name(way[0], "s/d"), fixture.name(way[0], "s/g"), fixture.name(way[1], "t"))
    check(status == 1 and os.listdir(fixture.path("t")) == ["g"], "status, or what there is")


def links_followed(fixture, way):
    put(fixture.path("s/l/blobs/b"), noise(70000, 4))
    put(fixture.path("s/l/blobs/d/in"), b"x")
    os.makedirs(fixture.path("s/l/snap"))
    os.symlink("../blobs/b", fixture.path("s/l/snap/file"))
    os.symlink("../blobs/d", fixture.path("s/l/snap/dir"))
    os.symlink("file", fixture.path("s/l/snap/twice"))
    fixture.like_cp(way, ["s/l", "t"])


def links_dangling(fixture, way):
    put(fixture.path("s/l/f"), b"1")
    os.symlink("nowhere", fixture.path("s/l/dangling"))
    os.symlink("itself", fixture.path("s/l/itself"))
    fixture.like_cp(way, ["s/l", "t"])


def links_looping(fixture, way):
    """cp(1) says so, too, and makes an empty directory first in some versions."""
    put(fixture.path("s/l/d/f"), b"1")
    os.symlink("..", fixture.path("s/l/d/up"))
    os.symlink(".", fixture.path("s/l/here"))
    status, said = fixture.cp("-r", fixture.name(way[0], "s/l"), fixture.name(way[1], "t"))
    check(status == 1 and said.count("a directory that contains it") == 2, said)
    check(snapshot(fixture.path("t")).keys() == {"l", "l/d", "l/d/f"}, str(snapshot(fixture.path("t"))))


def source_by_link(fixture, way):
    tree(fixture)
    os.symlink("tree", fixture.path("s/link"))
    os.symlink("tree/a", fixture.path("s/flink"))
    fixture.like_cp(way, ["s/link", "s/flink", "t"])


def fifo_in_tree(fixture, way):
    """cp -r makes a FIFO; we copy files and directories, and say what was skipped."""
    put(fixture.path("s/d/f"), b"1")
    os.mkfifo(fixture.path("s/d/fifo"))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(fixture.path("s/d/sock"))
    status, said = fixture.cp("-r", fixture.name(way[0], "s/d"), fixture.name(way[1], "t"))
    listener.close()
    check(status == 1 and said.count("skipped") == 2, said)
    check(snapshot(fixture.path("t")).keys() == {"d", "d/f"}, str(snapshot(fixture.path("t"))))


def fifo_in_target(fixture, way):
    """cp(1) writes into it, and waits for a reader: whoever planted it. We refuse."""
    put(fixture.path("s/d/f"), b"1")
    put(fixture.path("s/d/g"), b"1")
    os.makedirs(fixture.path("t/d"))
    os.mkfifo(fixture.path("t/d/f"))
    status, said = fixture.cp("-r", fixture.name(way[0], "s/d"), fixture.name(way[1], "t"))
    check(status == 1 and "FIFO" in said, said)
    check(stat.S_ISFIFO(os.lstat(fixture.path("t/d/f")).st_mode) and os.path.exists(fixture.path("t/d/g")), "names")
    fixture.no_temps()


def target_directory_by_link(fixture, way):
    put(fixture.path("s/f"), b"1")
    os.makedirs(fixture.path("t/d"))
    os.symlink("d", fixture.path("t/l"))
    fixture.like_cp(way, ["s/f", "t/l"])


def target_file_by_link(fixture, way):
    """By a URL a link to a file is refused: its end cannot be found. Locally it is followed."""
    put(fixture.path("s/f"), b"new")
    put(fixture.path("t/d/real"), b"old")
    os.symlink("d/real", fixture.path("t/l"))
    status, said = fixture.cp(fixture.name(way[0], "s/f"), fixture.name(way[1], "t/l"))
    check(os.readlink(fixture.path("t/l")) == "d/real", "the link is gone")
    now = open(fixture.path("t/d/real")).read()
    check((status, now) == ((0, "new") if way[1] == "local" else (1, "old")), f"{status} {now} {said}")


def trailing_slash(fixture, way):
    put(fixture.path("s/f"), b"new")
    put(fixture.path("t/g"), b"old")
    put(fixture.path("s/d/f"), b"new")
    fixture.like_cp(way, ["s/f", "t/g/"])
    fixture.cp("-r", fixture.name(way[0], "s/d/"), fixture.name(way[1], "t/n/"))
    check(os.path.exists(fixture.path("t/n/f")), "no t/n/f")


def over_itself_dot(fixture, way):
    put(fixture.path("t/f"), b"1")
    status, said = fixture.cp("-r", fixture.name(way[0], "t/."), fixture.name(way[1], "t"))
    check(status == 1 and snapshot(fixture.path("t")).keys() == {"f"}, said)


def same_source_twice(fixture, way):
    """cp(1) warns and succeeds; we refuse the second, since it is two sources for one target."""
    put(fixture.path("s/f"), b"1")
    status, said = fixture.cp(fixture.name(way[0], "s/f"), fixture.name(way[0], "s/f"), fixture.name(way[1], "t"))
    check(status == 1 and "will not overwrite just-created" in said, said)
    check(digest(fixture.path("t/f")) == digest(fixture.path("s/f")), said, lost=True)


def no_such_directory(fixture, way):
    put(fixture.path("s/f"), b"1")
    fixture.like_cp(way, ["s/f", "t/missing/f"])
    fixture.like_cp(way, ["s/f", "t/missing/"])  # not a file of that name


def holes(fixture, way):
    """Where data and holes are, at all places; and what is allocated."""
    for name, parts, size in (("middle", ((0, 5000), (40 << 20, 5000)), None),
                              ("begin", ((30 << 20, 100),), None),
                              ("end", ((0, 100),), 50 << 20),
                              ("all", (), 60 << 20),
                              ("many", tuple((i << 18, 4096) for i in range(150)), 41 << 20)):
        put(fixture.path("s/h/" + name))
        with open(fixture.path("s/h/" + name), "r+b") as f:
            for off, n in parts:
                f.seek(off)
                f.write(noise(n))
            if size:
                f.truncate(size)
    status, said = fixture.cp("-r", "--verify", fixture.name(way[0], "s/h"), fixture.name(way[1], "t"))
    check(status == 0, said)
    for name in os.listdir(fixture.path("s/h")):
        a, b = os.stat(fixture.path("s/h/" + name)), os.stat(fixture.path("t/h/" + name))
        same = subprocess.run(["cmp", fixture.path("s/h/" + name), fixture.path("t/h/" + name)], check=False)
        check(same.returncode == 0 and a.st_size == b.st_size, f"{name} differs", lost=True)
        check(b.st_blocks <= a.st_blocks + 256, f"{name}: {b.st_blocks} blocks instead of {a.st_blocks}")


def growing(fixture, way):
    """What is there when the copy ends, or some moment before: a beginning of it, and whole lines."""
    put(fixture.path("s/log"))
    stop = threading.Event()

    def write():
        i = 0
        with open(fixture.path("s/log"), "ab") as f:
            while not stop.is_set():
                f.write(b"line %010d\n" % i * 50)
                f.flush()
                i += 1
                time.sleep(0.0002)  # or there would be no end to read
    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(5):
            status, said = fixture.cp(fixture.name(way[0], "s/log"), fixture.name(way[1], "t"))
            check(status == 0, said)
            with open(fixture.path("t/log"), "rb") as a, open(fixture.path("s/log"), "rb") as b:
                copy = a.read()
                check(b.read(len(copy)) == copy, "no beginning of the source", lost=True)
    finally:
        stop.set()
        writer.join()


def shrinking(fixture, way):
    """
    It may be cut at any moment: no error, and what is copied was read. It is cut where folios of
    the page cache begin, because the kernel fills the rest of one with zeroes, which a reader, or
    a pipe that holds its pages, sees.
    """
    data = noise(8 << 20)
    stop = threading.Event()
    put(fixture.path("s/f"), data)

    def cut():
        while not stop.is_set():
            os.truncate(fixture.path("s/f"), 2 << 20)
            time.sleep(0.001)
            with open(fixture.path("s/f"), "r+b") as f:
                f.write(data)
    cutter = threading.Thread(target=cut)
    cutter.start()
    try:
        for _ in range(8):
            status, said = fixture.cp(fixture.name(way[0], "s/f"), fixture.name(way[1], "t"))
            check(status == 0, said)
            with open(fixture.path("t/f"), "rb") as f:
                copy = f.read()
            check(len(copy) >= 2 << 20, f"{len(copy)} bytes", lost=True)
            check(copy == data[:len(copy)], "not what was read", lost=True)
    finally:
        stop.set()
        cutter.join()


def procfs(fixture, way):
    if way[0] == "local":
        names = ["/proc/filesystems", "/proc/devices", "/sys/kernel/mm/transparent_hugepage/enabled", "/proc/kallsyms"]
    else:
        names = [f"tcp://127.0.0.1:{fixture.port}/proc/{n}" for n in ("sys/kernel/hostname", "filesystems", "kallsyms", "devices", "version")]
    for name in names:
        real = name.replace(f"tcp://127.0.0.1:{fixture.port}/proc/", "/proc/")
        if not os.path.exists(real):
            continue
        status, said = fixture.cp(name, fixture.name(way[1], "t"))
        check(status == 0, f"{name}: {said}", lost=False)
        with open(real, "rb") as a, open(fixture.path("t/" + os.path.basename(real)), "rb") as b:
            check(status == 0 and a.read() == b.read(), f"{name}: {said}", lost=True)


def shorter_than_said(fixture, way):
    """--verify compares what was copied; a target that differs is no success."""
    put(fixture.path("s/f"), noise(1 << 20))
    status, said = fixture.cp("--verify", "--block", "4096", fixture.name(way[0], "s/f"), fixture.name(way[1], "t"))
    check(status == 0 and digest(fixture.path("t/f")) == digest(fixture.path("s/f")), said)


ALL = [new_file, into_directory, over_longer_and_shorter, whole_tree, tree_by_new_name, contents_of_tree, merging,
       two_trees_merge, block_multiples, odd_names, verified, modes, set_id, existing_keeps_mode,
       hard_link_is_broken, directory_over_file, file_over_directory, missing_source, several_into_file,
       directory_without_r, links_followed, links_dangling, links_looping, source_by_link, fifo_in_tree,
       fifo_in_target, target_directory_by_link, target_file_by_link, trailing_slash, over_itself_dot,
       same_source_twice, no_such_directory, holes, growing, shrinking, procfs, shorter_than_said]
SITUATIONS = [(f, list(WAYS)) for f in ALL] + [(thousands, ["up", "down"])]

# Where usrbio cp is meant to differ from cp(1); the situation that shows it.
DIFFERENCES = {
    "set_id": "special bits never come over, neither of files nor of directories",
    "existing_keeps_mode": "a target that is replaced keeps its nine permission bits and no special ones",
    "hard_link_is_broken": "a target is replaced by rename, so that other hard links keep the old file",
    "fifo_in_tree": "FIFOs, sockets and devices of a tree are not made anew: a line, status 1",
    "fifo_in_target": "a FIFO or device below the target is not written; only one that is named is",
    "links_followed": "-r copies what links lead to, as cp -rL; -a and -P copy links",
    "target_file_by_link": "a URL that is a link to a file is refused as a target",
    "same_source_twice": "one source named twice is refused the second time",
}
