"""A client of a read-write export plants a mount for those who use its directory on the server."""
import contextlib
import errno
import os

from fixture import EVIL, ROOT, VICTIM, case

CONF = "3fs-virt/usrbio.conf"
EPERM = str(-errno.EPERM)


@contextlib.contextmanager
def over_tcp(fixture, data):
    with fixture.serving(data) as url:
        yield url


@contextlib.contextmanager
def over_loop(fixture, data):
    yield f"loop://{data}?"


def on_each_wire(name):
    """A case over tcp and one over loop."""
    def add(function):
        for wire, serve in (("tcp", over_tcp), ("loop", over_loop)):
            def played(fixture, serve=serve):
                data = fixture.dir("data")
                with serve(fixture, data) as url:
                    function(fixture, data, url)
            case(f"{name}-over-{wire}")(played)
        return function
    return add


def local(fixture):
    """What a client may bring along."""
    return fixture.file("planted", "tcp://127.0.0.1:1/evil\n")


def expect_none(fixture, data):
    """A local user of the exported directory, who owns some of it, is redirected nowhere."""
    for path in (data, data + "/sub"):
        if os.path.exists(path):
            mount, _ = fixture.mount_of(VICTIM, path)
            assert mount == "none", mount


@on_each_wire("plant-by-the-tool")
def by_tool(fixture, data, url):
    conf, seed = local(fixture), url + "/seed"
    assert fixture.tool(ROOT, "cp", conf, seed).returncode == 0
    assert fixture.tool(ROOT, "mkdir", url + "/sub").returncode == 0
    assert fixture.tool(ROOT, "mkdir", url + "/sub/dir").returncode == 0
    tree = fixture.dir("tree")
    fixture.dir("tree/3fs-virt")
    fixture.file("tree/" + CONF, "tcp://127.0.0.1:1/evil\n")
    for where in ("", "/sub", "/./", "/sub/..", "/sub/dir/..", "/sub/dir/../.."):
        fixture.refuses(ROOT, "mkdir", f"{url}{where}/3fs-virt")
        fixture.refuses(ROOT, "cp", conf, f"{url}{where}/3fs-virt")
        fixture.refuses(ROOT, "mv", seed, f"{url}{where}/3fs-virt")
        fixture.refuses(ROOT, "mv", url + "/sub/dir", f"{url}{where}/3fs-virt")
    fixture.refuses(ROOT, "cp", "-r", tree, url + "/copy")
    fixture.refuses(ROOT, "cp", "-r", tree + "/3fs-virt", url)
    fixture.refuses(ROOT, "mkdir", url + "/.usrbio")
    for folder, dirs, files in os.walk(data):
        assert "3fs-virt" not in dirs + files and "usrbio.conf" not in files, folder
    expect_none(fixture, data)


@on_each_wire("plant-by-calls")
def by_calls(fixture, data, url):
    assert fixture.tool(ROOT, "cp", local(fixture), url + "/seed").returncode == 0
    for call in (("make", url + "/3fs-virt"), ("makeat", url, "3fs-virt"),
                 ("makeat", url, ".usrbio"), ("link", url + "/seed", url + "/3fs-virt"),
                 ("link", url + "/seed", url + "/.usrbio"), ("make", url + "/3fs-VIRT")):
        said, _ = fixture.probe(ROOT, *call)
        assert said == EPERM, (call, said)
    assert os.listdir(data) == ["seed"]


@on_each_wire("change-what-root-has-attached")
def attached(fixture, data, url):
    """The administrator's own conf: it is read, and stays what it is."""
    assert fixture.tool(ROOT, "attach", url.rstrip("?"), data).returncode == 0
    before = open(f"{data}/{CONF}", encoding="ascii").read()
    fixture.dir("data/sub", VICTIM)
    fixture.link("../3fs-virt", "data/sub/way", VICTIM)
    fixture.link("../3fs-virt/new", "data/sub/new", VICTIM)
    assert fixture.tool(ROOT, "cp", local(fixture), url + "/seed").returncode == 0
    assert "usrbio.conf" in fixture.tool(ROOT, "ls", url + "/3fs-virt").stdout
    for way in ("/3fs-virt", "/./3fs-virt", "/sub/../3fs-virt", "/sub/way", "/3fs-virt/iovs/.."):
        conf = f"{url}{way}/usrbio.conf"
        for call in (("make", conf), ("make", f"{url}{way}/new"), ("shorten", conf), ("mode", conf),
                     ("link", conf, url + "/out"), ("link", url + "/seed", f"{url}{way}/new"),
                     ("makeat", url + way, "new"), ("makeat", url + way, "usrbio.conf")):
            said, _ = fixture.probe(ROOT, *call)
            assert said == EPERM, (call, said)
        for command in (("rm", conf), ("mv", conf, url + "/out"), ("mv", url + "/seed", conf),
                        ("rm", "-r", f"{url}{way}/iovs"), ("cp", local(fixture), conf)):
            fixture.refuses(ROOT, *command)
    said, _ = fixture.probe(ROOT, "make", url + "/sub/new")
    assert said == EPERM, said
    assert open(f"{data}/{CONF}", encoding="ascii").read() == before
    assert sorted(os.listdir(data + "/3fs-virt")) == ["iovs", "usrbio.conf"]
    assert os.stat(f"{data}/{CONF}").st_nlink == 1
    uid = ROOT if url.startswith("loop") else VICTIM
    fixture.believes(uid, data, data)


@on_each_wire("empty-an-export-that-is-attached")
def emptied(fixture, data, url):
    """rm -r of all that is there leaves what is the administrator's, and says so."""
    assert fixture.tool(ROOT, "attach", url.rstrip("?"), data).returncode == 0
    fixture.file("data/file", "x")
    fixture.refuses(ROOT, "rm", "-r", url + "/3fs-virt", words=("not permitted",))
    assert fixture.tool(ROOT, "rm", url + "/file").returncode == 0
    assert sorted(os.listdir(data + "/3fs-virt")) == ["iovs", "usrbio.conf"]


@case("a-local-user-of-a-shared-export")
def shared(fixture):
    """He may write there, and plant 3fs-virt himself; nobody else believes it."""
    data = fixture.dir("data", mode=0o1777)
    fixture.dir("data/3fs-virt", EVIL)
    fixture.file("data/" + CONF, "tcp://127.0.0.1:1/evil\n", EVIL)
    with fixture.serving(data) as url:
        fixture.ignores(VICTIM, data, "everybody")
        fixture.refuses(ROOT, "attach", url, data, words=("/etc/usrbio/mounts",))
        fixture.file("table", f"{data} {url}\n")
        fixture.file("data/file", "x", VICTIM)
        said, _ = fixture.probe(VICTIM, "reg", data + "/file", mounts=fixture.path("table"))
        assert said == "registered", said
