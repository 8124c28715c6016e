"""Mount tables: those that USRBIO_MOUNTS names, and /etc/usrbio/mounts."""
import os

from fixture import EVIL, MS_BIND, ROOT, VICTIM, case, mount, private_mounts

URL = "tcp://127.0.0.1:1/evil"


def table(bed, name, owner=ROOT, mode=0o644, url=URL):
    """A table that calls a directory of the case a mount; the directory."""
    data = bed.path("data")
    if not os.path.isdir(data):
        bed.dir("data")
    bed.file(name, f"{data} {url}\n", owner, mode)
    return data


@case("tables-that-are-believed")
def believed(bed):
    data = table(bed, "roots")
    bed.believes(VICTIM, data, data, mounts=bed.path("roots"))
    table(bed, "own", VICTIM)
    bed.believes(VICTIM, data, data, mounts=bed.path("own"))
    bed.dir("sticky", mode=0o1777)
    table(bed, "sticky/own", VICTIM)
    bed.believes(VICTIM, data, data, mounts=bed.path("sticky/own"))
    bed.link(bed.path("roots"), "link", ROOT)
    bed.believes(VICTIM, data, data, mounts=bed.path("link"))


@case("table-of-the-evil-one")
def foreign(bed):
    data = table(bed, "table", EVIL)
    bed.ignores(VICTIM, data, "user 1702", mounts=bed.path("table"))


@case("table-in-a-sticky-directory")
def sticky(bed):
    bed.dir("tmp", mode=0o1777)
    data = table(bed, "tmp/mounts", EVIL)
    bed.ignores(VICTIM, data, "its directory", "everybody", mounts=bed.path("tmp/mounts"))


@case("table-is-a-hard-link-in-a-sticky-directory")
def hard_link(bed):
    data = table(bed, "log", VICTIM)
    bed.dir("tmp", mode=0o1777)
    os.link(bed.path("log"), bed.path("tmp/mounts"))
    bed.ignores(VICTIM, data, "everybody", mounts=bed.path("tmp/mounts"))


@case("table-is-the-evil-ones-link")
def link(bed):
    data = table(bed, "roots")
    bed.dir("home", EVIL)
    bed.link(bed.path("roots"), "home/mounts")
    bed.ignores(VICTIM, data, "symbolic link", "user 1702", mounts=bed.path("home/mounts"))
    bed.link(bed.base, "home/way")
    bed.ignores(VICTIM, data, "symbolic link", mounts=bed.path("home/way/roots"))


@case("table-is-procfs")
def procfs(bed):
    bed.dir("data")
    for name in ("/proc/self/environ", "/proc/self/cmdline", "/proc/sys/kernel/core_pattern"):
        bed.ignores(VICTIM, bed.path("data"), "kernel makes up", mounts=name)


@case("table-that-others-write")
def modes(bed):
    for i, mode in enumerate((0o664, 0o666, 0o646)):
        data = table(bed, f"t{i}", mode=mode)
        bed.ignores(VICTIM, data, "it may be written", mounts=bed.path(f"t{i}"))
    bed.dir("open", mode=0o777)
    data = table(bed, "open/table")
    bed.ignores(VICTIM, data, "its directory may be written", mounts=bed.path("open/table"))


@case("table-is-a-fifo")
def fifo(bed):
    data = bed.dir("data")
    os.mkfifo(bed.path("table"), 0o644)
    bed.ignores(VICTIM, data, "no regular file", mounts=bed.path("table"))


@case("table-has-zero-bytes")
def zero_bytes(bed):
    data = table(bed, "table")
    bed.file("table", f"{data} {URL}\0\n")
    bed.ignores(VICTIM, data, "zero byte", mounts=bed.path("table"))


@case("table-is-huge")
def huge(bed):
    data = table(bed, "table")
    os.truncate(bed.path("table"), 1 << 40)
    bed.ignores(VICTIM, data, "larger than", mounts=bed.path("table"))


@case("table-names-a-directory-by-the-evil-ones-link")
def line_by_link(bed):
    """What he can turn to the victim's files."""
    data = bed.dir("data", VICTIM)
    bed.dir("home", EVIL)
    bed.link(data, "home/mount")
    bed.file("table", f"{bed.path('home/mount')} {URL}\n")
    bed.ignores(VICTIM, data, "table:1", "symbolic link", mounts=bed.path("table"))


@case("table-of-roots-says-loop")
def loop(bed):
    data = table(bed, "table", url=f"loop://{bed.base}")
    bed.ignores(VICTIM, data, "only a file of the user's own may use loop:", mounts=bed.path("table"))
    bed.believes(ROOT, data, data, mounts=bed.path("table"))


@case("system-table")
def system(bed):
    """With an /etc that only the program sees."""
    data = bed.dir("data")
    served = bed.dir("served")
    bed.dir("etc")
    etc = bed.dir("etc/usrbio")
    bed.file("etc/usrbio/mounts", f"{data} {URL}\n{served} loop://{bed.base}\n")

    def with_etc():
        private_mounts()
        mount(bed.path("etc"), "/etc", "none", MS_BIND, "")

    bed.believes(VICTIM, data, data, before=with_etc)
    bed.ignores(VICTIM, served, "/etc/usrbio/mounts", "loop:", before=with_etc)
    os.chmod(etc, 0o777)
    bed.ignores(VICTIM, data, "/etc/usrbio/mounts", "its directory", before=with_etc)
    os.chmod(etc, 0o755)
    os.chown(bed.path("etc/usrbio/mounts"), EVIL, EVIL)
    bed.ignores(VICTIM, data, "/etc/usrbio/mounts", "user 1702", before=with_etc)


@case("shared-directory-of-the-system-table")
def shared(bed):
    """The way out for a directory that others write: it is a mount, whatever lies in it."""
    data = bed.dir("data", mode=0o1777)
    bed.dir("data/3fs-virt", EVIL)
    bed.file("data/3fs-virt/usrbio.conf", "tcp://127.0.0.1:2/worse\n", EVIL)
    bed.file("table", f"{data} {URL}\n")
    bed.believes(VICTIM, data, data, mounts=bed.path("table"))
