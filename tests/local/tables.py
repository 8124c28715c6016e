"""Mount tables: those that USRBIO_MOUNTS names, and /etc/usrbio/mounts."""
import os

from fixture import EVIL, MS_BIND, ROOT, VICTIM, case, mount, private_mounts

URL = "tcp://127.0.0.1:1/evil"


def table(fixture, name, owner=ROOT, mode=0o644, url=URL):
    """A table that calls a directory of the case a mount; the directory."""
    data = fixture.path("data")
    if not os.path.isdir(data):
        fixture.dir("data")
    fixture.file(name, f"{data} {url}\n", owner, mode)
    return data


@case("tables-that-are-believed")
def believed(fixture):
    data = table(fixture, "roots")
    fixture.believes(VICTIM, data, data, mounts=fixture.path("roots"))
    table(fixture, "own", VICTIM)
    fixture.believes(VICTIM, data, data, mounts=fixture.path("own"))
    fixture.dir("sticky", mode=0o1777)
    table(fixture, "sticky/own", VICTIM)
    fixture.believes(VICTIM, data, data, mounts=fixture.path("sticky/own"))
    fixture.link(fixture.path("roots"), "link", ROOT)
    fixture.believes(VICTIM, data, data, mounts=fixture.path("link"))


@case("table-of-the-evil-one")
def foreign(fixture):
    data = table(fixture, "table", EVIL)
    fixture.ignores(VICTIM, data, "user 1702", mounts=fixture.path("table"))


@case("table-in-a-sticky-directory")
def sticky(fixture):
    fixture.dir("tmp", mode=0o1777)
    data = table(fixture, "tmp/mounts", EVIL)
    fixture.ignores(VICTIM, data, "its directory", "everybody", mounts=fixture.path("tmp/mounts"))


@case("table-is-a-hard-link-in-a-sticky-directory")
def hard_link(fixture):
    data = table(fixture, "log", VICTIM)
    fixture.dir("tmp", mode=0o1777)
    os.link(fixture.path("log"), fixture.path("tmp/mounts"))
    fixture.ignores(VICTIM, data, "everybody", mounts=fixture.path("tmp/mounts"))


@case("table-is-the-evil-ones-link")
def link(fixture):
    data = table(fixture, "roots")
    fixture.dir("home", EVIL)
    fixture.link(fixture.path("roots"), "home/mounts")
    fixture.ignores(VICTIM, data, "symbolic link", "user 1702", mounts=fixture.path("home/mounts"))
    fixture.link(fixture.base, "home/way")
    fixture.ignores(VICTIM, data, "symbolic link", mounts=fixture.path("home/way/roots"))


@case("table-is-procfs")
def procfs(fixture):
    fixture.dir("data")
    for name in ("/proc/self/environ", "/proc/self/cmdline", "/proc/sys/kernel/core_pattern"):
        fixture.ignores(VICTIM, fixture.path("data"), "kernel makes up", mounts=name)


@case("table-that-others-write")
def modes(fixture):
    for i, mode in enumerate((0o664, 0o666, 0o646)):
        data = table(fixture, f"t{i}", mode=mode)
        fixture.ignores(VICTIM, data, "it may be written", mounts=fixture.path(f"t{i}"))
    fixture.dir("open", mode=0o777)
    data = table(fixture, "open/table")
    fixture.ignores(VICTIM, data, "its directory may be written", mounts=fixture.path("open/table"))


@case("table-is-a-fifo")
def fifo(fixture):
    data = fixture.dir("data")
    os.mkfifo(fixture.path("table"), 0o644)
    fixture.ignores(VICTIM, data, "no regular file", mounts=fixture.path("table"))


@case("table-has-zero-bytes")
def zero_bytes(fixture):
    data = table(fixture, "table")
    fixture.file("table", f"{data} {URL}\0\n")
    fixture.ignores(VICTIM, data, "zero byte", mounts=fixture.path("table"))


@case("table-is-huge")
def huge(fixture):
    data = table(fixture, "table")
    os.truncate(fixture.path("table"), 1 << 40)
    fixture.ignores(VICTIM, data, "larger than", mounts=fixture.path("table"))


@case("table-names-a-directory-by-the-evil-ones-link")
def line_by_link(fixture):
    """What he can turn to the victim's files."""
    data = fixture.dir("data", VICTIM)
    fixture.dir("home", EVIL)
    fixture.link(data, "home/mount")
    fixture.file("table", f"{fixture.path('home/mount')} {URL}\n")
    fixture.ignores(VICTIM, data, "table:1", "symbolic link", mounts=fixture.path("table"))


@case("table-of-roots-says-loop")
def loop(fixture):
    data = table(fixture, "table", url=f"loop://{fixture.base}")
    fixture.ignores(VICTIM, data, "only a file of the user's own may use loop:", mounts=fixture.path("table"))
    fixture.believes(ROOT, data, data, mounts=fixture.path("table"))


@case("system-table")
def system(fixture):
    """With an /etc that only the program sees."""
    data = fixture.dir("data")
    served = fixture.dir("served")
    fixture.dir("etc")
    etc = fixture.dir("etc/usrbio")
    fixture.file("etc/usrbio/mounts", f"{data} {URL}\n{served} loop://{fixture.base}\n")

    def with_etc():
        private_mounts()
        mount(fixture.path("etc"), "/etc", "none", MS_BIND, "")

    fixture.believes(VICTIM, data, data, before=with_etc)
    fixture.ignores(VICTIM, served, "/etc/usrbio/mounts", "loop:", before=with_etc)
    os.chmod(etc, 0o777)
    fixture.ignores(VICTIM, data, "/etc/usrbio/mounts", "its directory", before=with_etc)
    os.chmod(etc, 0o755)
    os.chown(fixture.path("etc/usrbio/mounts"), EVIL, EVIL)
    fixture.ignores(VICTIM, data, "/etc/usrbio/mounts", "user 1702", before=with_etc)


@case("shared-directory-of-the-system-table")
def shared(fixture):
    """The way out for a directory that others write: it is a mount, whatever lies in it."""
    data = fixture.dir("data", mode=0o1777)
    fixture.dir("data/3fs-virt", EVIL)
    fixture.file("data/3fs-virt/usrbio.conf", "tcp://127.0.0.1:2/worse\n", EVIL)
    fixture.file("table", f"{data} {URL}\n")
    fixture.believes(VICTIM, data, data, mounts=fixture.path("table"))
