"""A client of a read-write export plants a mount for those who use its directory on the server."""
import contextlib
import errno
import os

from fixture import EVIL, ROOT, VICTIM, case

CONF = "3fs-virt/usrbio.conf"
EPERM = str(-errno.EPERM)


@contextlib.contextmanager
def over_tcp(bed, data):
    with bed.serving(data) as url:
        yield url


@contextlib.contextmanager
def over_loop(bed, data):
    yield f"loop://{data}?"


def on_each_wire(name):
    """A case over tcp and one over loop."""
    def add(function):
        for wire, serve in (("tcp", over_tcp), ("loop", over_loop)):
            def played(bed, serve=serve):
                data = bed.dir("data")
                with serve(bed, data) as url:
                    function(bed, data, url)
            case(f"{name}-over-{wire}")(played)
        return function
    return add


def local(bed):
    """What a client may bring along."""
    return bed.file("planted", "tcp://127.0.0.1:1/evil\n")


def expect_none(bed, data):
    """A local user of the exported directory, who owns some of it, is redirected nowhere."""
    for path in (data, data + "/sub"):
        if os.path.exists(path):
            mount, _ = bed.mount_of(VICTIM, path)
            assert mount == "none", mount


@on_each_wire("plant-by-the-tool")
def by_tool(bed, data, url):
    conf, seed = local(bed), url + "/seed"
    assert bed.tool(ROOT, "cp", conf, seed).returncode == 0
    assert bed.tool(ROOT, "mkdir", url + "/sub").returncode == 0
    assert bed.tool(ROOT, "mkdir", url + "/sub/dir").returncode == 0
    tree = bed.dir("tree")
    bed.dir("tree/3fs-virt")
    bed.file("tree/" + CONF, "tcp://127.0.0.1:1/evil\n")
    for where in ("", "/sub", "/./", "/sub/..", "/sub/dir/..", "/sub/dir/../.."):
        bed.refuses(ROOT, "mkdir", f"{url}{where}/3fs-virt")
        bed.refuses(ROOT, "cp", conf, f"{url}{where}/3fs-virt")
        bed.refuses(ROOT, "mv", seed, f"{url}{where}/3fs-virt")
        bed.refuses(ROOT, "mv", url + "/sub/dir", f"{url}{where}/3fs-virt")
    bed.refuses(ROOT, "cp", "-r", tree, url + "/copy")
    bed.refuses(ROOT, "cp", "-r", tree + "/3fs-virt", url)
    bed.refuses(ROOT, "mkdir", url + "/.usrbio")
    for folder, dirs, files in os.walk(data):
        assert "3fs-virt" not in dirs + files and "usrbio.conf" not in files, folder
    expect_none(bed, data)


@on_each_wire("plant-by-calls")
def by_calls(bed, data, url):
    assert bed.tool(ROOT, "cp", local(bed), url + "/seed").returncode == 0
    for call in (("make", url + "/3fs-virt"), ("makeat", url, "3fs-virt"),
                 ("makeat", url, ".usrbio"), ("link", url + "/seed", url + "/3fs-virt"),
                 ("link", url + "/seed", url + "/.usrbio"), ("make", url + "/3fs-VIRT")):
        said, _ = bed.probe(ROOT, *call)
        assert said == EPERM, (call, said)
    assert os.listdir(data) == ["seed"]


@on_each_wire("change-what-root-has-attached")
def attached(bed, data, url):
    """The administrator's own conf: it is read, and stays what it is."""
    assert bed.tool(ROOT, "attach", url.rstrip("?"), data).returncode == 0
    before = open(f"{data}/{CONF}", encoding="ascii").read()
    bed.dir("data/sub", VICTIM)
    bed.link("../3fs-virt", "data/sub/way", VICTIM)
    bed.link("../3fs-virt/new", "data/sub/new", VICTIM)
    assert bed.tool(ROOT, "cp", local(bed), url + "/seed").returncode == 0
    assert "usrbio.conf" in bed.tool(ROOT, "ls", url + "/3fs-virt").stdout
    for way in ("/3fs-virt", "/./3fs-virt", "/sub/../3fs-virt", "/sub/way", "/3fs-virt/iovs/.."):
        conf = f"{url}{way}/usrbio.conf"
        for call in (("make", conf), ("make", f"{url}{way}/new"), ("shorten", conf), ("mode", conf),
                     ("link", conf, url + "/out"), ("link", url + "/seed", f"{url}{way}/new"),
                     ("makeat", url + way, "new"), ("makeat", url + way, "usrbio.conf")):
            said, _ = bed.probe(ROOT, *call)
            assert said == EPERM, (call, said)
        for command in (("rm", conf), ("mv", conf, url + "/out"), ("mv", url + "/seed", conf),
                        ("rm", "-r", f"{url}{way}/iovs"), ("cp", local(bed), conf)):
            bed.refuses(ROOT, *command)
    said, _ = bed.probe(ROOT, "make", url + "/sub/new")
    assert said == EPERM, said
    assert open(f"{data}/{CONF}", encoding="ascii").read() == before
    assert sorted(os.listdir(data + "/3fs-virt")) == ["iovs", "usrbio.conf"]
    assert os.stat(f"{data}/{CONF}").st_nlink == 1
    uid = ROOT if url.startswith("loop") else VICTIM
    bed.believes(uid, data, data)


@on_each_wire("empty-an-export-that-is-attached")
def emptied(bed, data, url):
    """rm -r of all that is there leaves what is the administrator's, and says so."""
    assert bed.tool(ROOT, "attach", url.rstrip("?"), data).returncode == 0
    bed.file("data/file", "x")
    bed.refuses(ROOT, "rm", "-r", url + "/3fs-virt", words=("not permitted",))
    assert bed.tool(ROOT, "rm", url + "/file").returncode == 0
    assert sorted(os.listdir(data + "/3fs-virt")) == ["iovs", "usrbio.conf"]


@case("a-local-user-of-a-shared-export")
def shared(bed):
    """He may write there, and plant 3fs-virt himself; nobody else believes it."""
    data = bed.dir("data", mode=0o1777)
    bed.dir("data/3fs-virt", EVIL)
    bed.file("data/" + CONF, "tcp://127.0.0.1:1/evil\n", EVIL)
    with bed.serving(data) as url:
        bed.ignores(VICTIM, data, "everybody")
        bed.refuses(ROOT, "attach", url, data, words=("/etc/usrbio/mounts",))
        bed.file("table", f"{data} {url}\n")
        bed.file("data/file", "x", VICTIM)
        said, _ = bed.probe(VICTIM, "reg", data + "/file", mounts=bed.path("table"))
        assert said == "registered", said
