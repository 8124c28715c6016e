"""Attributes, links and names that -a, -p and -P keep, sync, and what decides what is copied."""
import json
import os
import stat
import subprocess

import same
from fixture import WAYS, check, digest, noise, put

NS = 1_000_000_000


def root(function):
    function.root = True
    return function


def times(path, ns, link=False):
    os.utime(path, ns=(ns, ns), follow_symlinks=not link)


def everything(fixture, special=True):
    """A tree with everything in it that a tree may have."""
    top = fixture.path("s/all")
    put(top + "/sub/deep/file", noise(70000, 1), 0o640)
    put(top + "/large", noise(3 << 20, 2), 0o755)
    put(top + "/empty", b"", 0o600)
    put(top + "/unreadable-for-others", b"x", 0o400)
    put(os.fsencode(top) + b"/\xff\xfe\x9b", b"no utf-8")
    put(top + "/two\nlines \033[31m", b"odd")
    put(top + "/" + "n" * 255, b"long")
    put(top + "/read-only/inside", b"y", 0o444)
    os.makedirs(top + "/nothing")
    os.makedirs(top + "/sub/private", 0o700)
    os.link(top + "/large", top + "/sub/second name")
    os.link(top + "/large", top + "/sub/deep/third name")
    os.symlink("../large", top + "/sub/link")
    os.symlink("sub", top + "/to a directory")
    os.symlink("/no/such/place", top + "/dangling")
    os.symlink("itself", top + "/itself")
    os.link(top + "/dangling", top + "/dangling too", follow_symlinks=False)
    with open(top + "/holes", "wb") as f:
        f.write(b"a" * 4096)
        f.seek(30 << 20)
        f.write(b"b" * 4096)
        f.truncate(40 << 20)
    if special:
        os.mkfifo(top + "/fifo")
    if not os.geteuid():
        os.chown(top + "/empty", 1234, 4321)
        os.chown(top + "/nothing", 1234, 4321)
        os.chown(top + "/dangling", 1234, 4321, follow_symlinks=False)
    for n, name in enumerate(("large", "empty", "holes", "sub/deep/file", "sub/deep", "sub", "nothing")):
        times(f"{top}/{name}", 978307200 * NS + n * NS + 123456789 + n)
    times(top + "/dangling", 5 * NS + 7, link=True)
    times(top + "/read-only", NS + 1)
    os.chmod(top + "/read-only", 0o555)
    times(top, 86400 * NS + 999999999)
    return top


def summary(fixture, *args):
    """Run the tool with --json; its status, what it counted, and what it complained of."""
    done = subprocess.run([fixture.tool, *args, "--json"], capture_output=True, cwd=fixture.top, check=False, timeout=300)
    return done.returncode, json.loads(done.stdout or b"{}"), done.stderr.decode(errors="replace")


def equal(a, b, special=False):
    diff = same.differences(a, b, special=special)
    check(not diff, f"not equal: {diff[:4]}", lost=True)


def archive(fixture, way):
    top = everything(fixture, special=False)
    status, said = fixture.cp("-a", fixture.name(way[0], "s/all"), fixture.name(way[1], "t"))
    check(status == 0, said)
    equal(top, fixture.path("t/all"))
    status, said = fixture.cp("-a", fixture.name(way[0], "s/all/."), fixture.name(way[1], "t/all"))
    check(status == 0, said)  # over itself: nothing else comes of it
    equal(top, fixture.path("t/all"))
    fixture.no_temps()


def mirrored(fixture, way):
    """There and back; and the second time nothing moves, and the tool says so."""
    top = everything(fixture)
    source, target = fixture.name(way[0], "s/all"), fixture.name(way[1], "t/copy")
    status, said = fixture.run("sync", source, target)
    check(status == 0 and "left out: 1" in said, said)
    equal(top, fixture.path("t/copy"))
    status, counts, said = summary(fixture, "sync", source, target)
    moved = {k: v for k, v in counts.items() if v and k in ("files", "bytes", "links", "hard_links", "directories", "adjusted", "deleted", "ios")}
    check(status == 0 and not moved, f"{moved} {said}")
    done = subprocess.run([fixture.tool, "sync", source, target], capture_output=True, check=False)
    check(done.stdout.startswith(b"nothing to do: "), str(done.stdout))
    status, counts, said = summary(fixture, "sync", target, fixture.name(way[0], "s/back"))
    check(status == 0 and counts["hard_links"] == 3, f"{counts} {said}")
    equal(fixture.path("t/copy"), fixture.path("s/back"))
    fixture.no_temps()


def changed(fixture, way):
    """Whatever becomes of the source, the next sync makes the target equal, and moves only that."""
    top = everything(fixture, special=False)
    source, target = fixture.name(way[0], "s/all"), fixture.name(way[1], "t/copy")
    check(fixture.run("sync", "-q", source, target) == (0, ""), "first")
    put(top + "/large", b"other data, and shorter")  # all its names
    os.unlink(top + "/empty")
    os.rename(top + "/holes", top + "/sub/moved")
    subprocess.run(["rm", "-rf", top + "/sub/deep"], check=True)
    put(top + "/sub/deep", b"a file in the place of a directory")
    os.unlink(top + "/dangling too")
    put(top + "/dangling too/file", b"a directory in the place of a link")
    os.unlink(top + "/sub/link")
    os.symlink("elsewhere", top + "/sub/link")
    os.chmod(top + "/unreadable-for-others", 0o644)
    put(fixture.path("t/copy/extra/deeper/file"), b"not in the source")
    os.symlink("/etc", fixture.path("t/copy/extra/etc"))
    os.mkfifo(fixture.path("t/copy/extra/fifo"))
    put(fixture.path("t/copy/sub/extra"), b"not in the source")
    status, counts, said = summary(fixture, "sync", source, target)
    check(status == 0, said)
    equal(top, fixture.path("t/copy"))
    check(counts["deleted"] >= 4 and counts["files"] == 4, str(counts))
    check(os.path.exists("/etc/passwd"), "a link was followed", lost=True)
    fixture.no_temps()


def same_size_and_time(fixture, way):
    """Only --checksum sees it, and moves only what differs."""
    for name in ("a", "b"):
        put(fixture.path("s/d/" + name), noise(200000, 5))
        times(fixture.path("s/d/" + name), NS)
    source, target = fixture.name(way[0], "s/d"), fixture.name(way[1], "t/d")
    check(fixture.run("sync", "-q", source, target) == (0, ""), "first")
    with open(fixture.path("s/d/a"), "r+b") as f:
        f.seek(150000)
        f.write(b"!")
    times(fixture.path("s/d/a"), NS)
    status, counts, said = summary(fixture, "sync", source, target)
    check(status == 0 and not counts["files"], said)
    status, counts, said = summary(fixture, "sync", "--checksum", source, target)
    check(status == 0 and counts["files"] == 1 and counts["kept"] == 1, f"{counts} {said}")
    equal(fixture.path("s/d"), fixture.path("t/d"))
    times(fixture.path("s/d/b"), 2 * NS)
    status, counts, said = summary(fixture, "sync", "--checksum", source, target)
    check(status == 0 and not counts["files"] and counts["adjusted"] == 1, f"{counts} {said}")
    equal(fixture.path("s/d"), fixture.path("t/d"))


def excluded(fixture, way):
    for name in ("keep", "x.log", "sub/y.log", "sub/cache/f", "cache", "build/f", "sub/build/f"):
        put(fixture.path("s/d/" + name), b"1")
    for name in ("old", "z.log", "sub/cache/mine", "build/mine"):
        put(fixture.path("t/d/" + name), b"2")
    status, said = fixture.run("sync", "-q", "--exclude", "*.log", "--exclude", "cache/", "--exclude", "/build",
                               fixture.name(way[0], "s/d"), fixture.name(way[1], "t/d"))
    check(status == 0, said)
    found = {os.path.relpath(os.path.join(w, n), fixture.path("t/d")) for w, _, f in os.walk(fixture.path("t/d")) for n in f}
    check(found == {"keep", "z.log", "sub/cache/mine", "cache", "build/mine", "sub/build/f"}, str(found))
    status, said = fixture.cp("-r", "--exclude", "s*b", fixture.name(way[0], "s/d"), fixture.name(way[1], "t/e"))
    check(status == 0 and not os.path.exists(fixture.path("t/e/sub")) and os.path.exists(fixture.path("t/e/keep")), said)


@root
def nothing_deleted_after_an_error(fixture, way):
    """What cannot be copied may be what a name in the target belongs to."""
    put(fixture.path("s/d/f"), b"1")
    put(fixture.path("s/d/secret"), b"1", 0)
    put(fixture.path("t/d/old"), b"2")
    os.chmod(fixture.path("t/d"), 0o777)
    status, said = fixture.run("sync", "-q", fixture.name(way[0], "s/d"), fixture.name(way[1], "t/d"), uid=65534)
    check(status == 1 and "nothing was deleted" in said, said)
    check(os.path.exists(fixture.path("t/d/old")) and os.path.exists(fixture.path("t/d/f")), "names", lost=True)


def no_delete(fixture, way):
    put(fixture.path("s/d/f"), b"1")
    put(fixture.path("t/d/old"), b"2")
    status, said = fixture.run("sync", "-q", "--no-delete", fixture.name(way[0], "s/d"), fixture.name(way[1], "t/d"))
    check(status == 0 and sorted(os.listdir(fixture.path("t/d"))) == ["f", "old"], said)


def wrong_arguments(fixture, way):
    put(fixture.path("s/f"), b"1")
    put(fixture.path("s/d/sub/f"), b"1")
    put(fixture.path("t/f"), b"2")
    for source, target in (("s/f", "t"), ("s/missing", "t"), ("s/d", "t/f"), ("s/d", "s/d"), ("s/d", "s/d/sub"), ("s/d/sub", "s/d/sub/new")):
        status, said = fixture.run("sync", "-q", fixture.name(way[0], source), fixture.name(way[1], target))
        check(status == 1 and said, f"{source} {target}: {status} {said}")
    check(os.listdir(fixture.path("t")) == ["f"] and os.listdir(fixture.path("s/d/sub")) == ["f"], "names", lost=True)
    check(os.listdir(fixture.path("s/d")) == ["sub"], "names", lost=True)


def newer_and_existing(fixture, way):
    for name, source, target in (("newer", 200, 100), ("older", 100, 200), ("new", 100, None)):
        put(fixture.path("s/" + name), b"source")
        times(fixture.path("s/" + name), source * NS)
        if target:
            put(fixture.path("t/" + name), b"target")
            times(fixture.path("t/" + name), target * NS)
    sources = [fixture.name(way[0], "s/" + n) for n in ("newer", "older", "new")]

    def there():
        return [open(fixture.path("t/" + n)).read() if os.path.exists(fixture.path("t/" + n)) else None for n in ("newer", "older", "new")]
    check(fixture.cp("-n", *sources, fixture.name(way[1], "t")) == (0, "") and there() == ["target", "target", "source"], str(there()))
    check(fixture.cp("-u", *sources, fixture.name(way[1], "t")) == (0, "") and there() == ["source", "target", "source"], str(there()))
    check(fixture.cp(*sources, fixture.name(way[1], "t")) == (0, "") and there() == ["source"] * 3, str(there()))


def names_of_kept_files(fixture, way):
    """An existing target that is kept is not what other names of the source are linked to."""
    put(fixture.path("s/d/a"), b"source")
    os.link(fixture.path("s/d/a"), fixture.path("s/d/b"))
    put(fixture.path("t/d/a"), b"target")
    status, said = fixture.cp("-a", "-n", fixture.name(way[0], "s/d"), fixture.name(way[1], "t"))
    check(status == 0, said)
    check(open(fixture.path("t/d/a")).read() == "target" and open(fixture.path("t/d/b")).read() == "source", "contents", lost=True)


def links_as_links(fixture, way):
    put(fixture.path("s/d/f"), b"1")
    os.symlink("f", fixture.path("s/d/l"))
    os.symlink("d", fixture.path("s/top"))
    check(fixture.cp("-r", "-P", fixture.name(way[0], "s/d"), fixture.name(way[0], "s/top"), fixture.name(way[1], "t")) == (0, ""), "cp")
    check(os.readlink(fixture.path("t/d/l")) == "f" and os.readlink(fixture.path("t/top")) == "d", "texts")
    check(fixture.cp("-P", fixture.name(way[0], "s/d/l"), fixture.name(way[1], "t/new")) == (0, ""), "by name")
    check(os.readlink(fixture.path("t/new")) == "f", "text")
    check(fixture.cp("-a", "-L", fixture.name(way[0], "s/d/l"), fixture.name(way[1], "t/file")) == (0, ""), "-a -L")
    check(stat.S_ISREG(os.lstat(fixture.path("t/file")).st_mode), "a link")


def preserved(fixture, way):
    put(fixture.path("s/f"), b"1", 0o666)
    times(fixture.path("s/f"), 12345 * NS + 6789)
    put(fixture.path("t/f"), b"old", 0o600)
    check(fixture.cp("-p", fixture.name(way[0], "s/f"), fixture.name(way[1], "t"), umask=0o077) == (0, ""), "cp")
    st = os.stat(fixture.path("t/f"))
    check(stat.S_IMODE(st.st_mode) == 0o666 and st.st_mtime_ns == 12345 * NS + 6789, str(st))


def standard_streams(fixture, way):
    data = noise(5 << 20)
    put(fixture.path("s/f"), data)
    done = subprocess.run([fixture.tool, "cp", "-", fixture.name(way[1], "t/f")], input=data, capture_output=True, check=False)
    check(done.returncode == 0 and digest(fixture.path("t/f")) == digest(fixture.path("s/f")), str(done.stderr), lost=True)
    done = subprocess.run([fixture.tool, "cp", fixture.name(way[0], "s/f"), "-"], capture_output=True, check=False)
    check(done.returncode == 0 and done.stdout == data, str(done.stderr), lost=True)
    for args, status in ((["-", fixture.name(way[1], "t")], 1), (["-", "-r", fixture.name(way[1], "t/x")], 2),
                         (["-", fixture.name(way[0], "s/f"), fixture.name(way[1], "t")], 2)):
        done = subprocess.run([fixture.tool, "cp", *args], input=b"x", capture_output=True, check=False)
        check(done.returncode == status, f"{args}: {done.returncode} {done.stderr}")
    check(os.listdir(fixture.path("t")) == ["f"], "names")


ALL = [archive, mirrored, changed, same_size_and_time, excluded, no_delete, wrong_arguments,
       newer_and_existing, names_of_kept_files, links_as_links, preserved, standard_streams]
SITUATIONS = [(f, list(WAYS)) for f in ALL] + [(nothing_deleted_after_an_error, ["up", "local"])]
