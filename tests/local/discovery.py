"""Directories that are to be taken for mounts: usrbio.conf where others could have put it."""
import os
import socket
import stat
import struct

from fixture import EVIL, ROOT, VICTIM, NotPlayed, case
import fuse

CONF = "/3fs-virt/usrbio.conf"
URL = "tcp://127.0.0.1:1/evil"


@case("controls-are-believed")
def controls(fixture):
    """So that the refusals below are known to be such."""
    roots, own = fixture.attached("roots"), fixture.attached("own", owner=VICTIM)
    loop = fixture.attached("loop", f"loop://{fixture.base}", VICTIM, 0o700)
    for uid, path in ((VICTIM, roots), (VICTIM, own), (VICTIM, loop), (ROOT, roots)):
        fixture.believes(uid, path, path)
    fixture.believes(EVIL, roots, roots)


@case("conf-in-a-sticky-directory")
def sticky(fixture):
    shared = fixture.dir("shared", mode=0o1777)
    fixture.dir("shared/3fs-virt", EVIL)
    fixture.file("shared" + CONF, URL, EVIL)
    fixture.file("shared/file", owner=VICTIM)
    fixture.ignores(VICTIM, shared + "/file", "directory", "everybody", "/etc/usrbio/mounts")
    fixture.ignores(ROOT, shared, "everybody")


@case("conf-of-root-in-a-sticky-directory")
def sticky_root(fixture):
    shared = fixture.attached("shared", mode=0o1777)
    fixture.ignores(VICTIM, shared, "everybody", "mode 1777")


@case("conf-in-the-evil-ones-home")
def home(fixture):
    fixture.ignores(VICTIM, fixture.attached("home", owner=EVIL), "user 1702")


@case("conf-of-another-user-in-a-good-directory")
def foreign(fixture):
    fixture.ignores(VICTIM, fixture.attached("dir", conf_owner=EVIL), "it belongs to user 1702")


@case("virt-of-another-user-in-a-good-directory")
def foreign_virt(fixture):
    path = fixture.attached("dir")
    os.chown(path + "/3fs-virt", EVIL, EVIL)
    fixture.ignores(VICTIM, path, "3fs-virt belongs to user 1702")


@case("conf-is-a-link-to-procfs")
def procfs(fixture):
    """The file that root "owns", with what the evil one wrote into it."""
    for i, target in enumerate(("/proc/sys/kernel/core_pattern", "/proc/self/environ", "/proc/1/comm")):
        fixture.dir(f"s{i}", mode=0o1777)
        fixture.dir(f"s{i}/3fs-virt", EVIL)
        fixture.link(target, f"s{i}" + CONF)
        fixture.ignores(VICTIM, fixture.path(f"s{i}"), "everybody")


@case("conf-is-a-link-in-a-good-directory")
def link_in_good(fixture):
    """Left from when it was not good yet."""
    path = fixture.attached("dir")
    os.unlink(path + CONF)
    fixture.link("/proc/sys/kernel/core_pattern", "dir" + CONF)
    fixture.ignores(VICTIM, path, "no regular file")


@case("conf-is-a-link-to-a-good-conf")
def link_to_good(fixture):
    good = fixture.attached("good")
    path = fixture.attached("dir", owner=EVIL)
    os.unlink(path + CONF)
    fixture.link(good + CONF, "dir" + CONF)
    fixture.ignores(VICTIM, path, "user 1702")


@case("conf-is-a-hard-link")
def hard_link(fixture):
    """To a file of root's, or the victim's, that the evil one has had written."""
    for i, owner in enumerate((ROOT, VICTIM)):
        log = fixture.file(f"log{i}", URL, owner)
        fixture.dir(f"s{i}", mode=0o1777)
        fixture.dir(f"s{i}/3fs-virt", EVIL)
        os.link(log, fixture.path(f"s{i}" + CONF))
        fixture.ignores(VICTIM, fixture.path(f"s{i}"), "everybody")


def odd_conf(fixture, make):
    """Something odd as conf where nobody else can have put it: no hang, no mount."""
    path = fixture.attached("dir")
    os.unlink(path + CONF)
    make(path + CONF)
    return path


@case("conf-is-a-fifo")
def fifo(fixture):
    path = odd_conf(fixture, lambda name: os.mkfifo(name, 0o644))
    fixture.ignores(VICTIM, path, "no regular file")


@case("conf-is-a-device")
def device(fixture):
    path = odd_conf(fixture, lambda name: os.mknod(name, stat.S_IFCHR | 0o644, os.makedev(1, 5)))
    fixture.ignores(VICTIM, path, "no regular file")


@case("conf-is-a-socket")
def unix_socket(fixture):
    def make(name):
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(name)
    fixture.ignores(VICTIM, odd_conf(fixture, make), "no regular file")


@case("conf-is-a-directory")
def directory(fixture):
    fixture.ignores(VICTIM, odd_conf(fixture, os.mkdir), "no regular file")


@case("conf-is-huge")
def huge(fixture):
    def make(name):
        with open(name, "wb") as file:
            file.write(URL.encode() + b"\n")
            file.truncate(1 << 40)
    fixture.ignores(VICTIM, odd_conf(fixture, make), "larger than")


@case("conf-has-zero-bytes")
def zero_bytes(fixture):
    path = fixture.attached("dir")
    fixture.file("dir" + CONF, URL.encode() + b"\0\n")
    fixture.ignores(VICTIM, path, "zero byte")


@case("conf-has-an-endless-line")
def endless(fixture):
    path = fixture.attached("dir")
    fixture.file("dir" + CONF, "tcp://h/" + "x" * 60000)
    mount, said = fixture.mount_of(VICTIM, path)
    assert mount == "none" and said.count("\n") <= 2, said
    fixture.file("dir" + CONF, "x" * 70000)
    fixture.ignores(VICTIM, path, "larger than")


@case("conf-is-swapped-while-it-is-read")
def swapped(fixture):
    """Between a file of root's, links and files of the evil one's."""
    path = fixture.attached("dir", owner=EVIL)
    good = fixture.attached("good")
    fixture.file("dir/3fs-virt/a", URL, EVIL)

    def swap():
        for target in (good + CONF, "/proc/self/environ", path + "/3fs-virt/a"):
            os.symlink(target, path + "/3fs-virt/b")
            os.rename(path + "/3fs-virt/b", path + CONF)
        os.link(path + "/3fs-virt/a", path + "/3fs-virt/b")
        os.rename(path + "/3fs-virt/b", path + CONF)
        os.rename(path + "/3fs-virt", path + "/3")
        os.symlink(good + "/3fs-virt", path + "/3fs-virt")
        os.unlink(path + "/3fs-virt")
        os.rename(path + "/3", path + "/3fs-virt")

    with fixture.meanwhile(EVIL, swap):
        mount, _ = fixture.mount_of(VICTIM, path, 2000)
    assert mount == "none", mount


@case("directory-is-swapped-while-it-is-looked-up")
def swapped_directory(fixture):
    """A directory on the way becomes a link to an attached one, and back. Where the name leads may be
    either; the answer is one of both, and no third."""
    home = fixture.dir("home", EVIL)
    fixture.dir("home/way", EVIL)
    fixture.dir("home/way/sub", EVIL)
    fixture.attached("home/way/sub/x", owner=EVIL)
    good = fixture.dir("good")
    fixture.dir("good/sub")
    fixture.attached("good/sub/x")

    def swap():
        os.rename(home + "/way", home + "/away")
        os.symlink(good, home + "/way")
        os.unlink(home + "/way")
        os.rename(home + "/away", home + "/way")

    with fixture.meanwhile(EVIL, swap):
        for _ in range(20):
            mount, _ = fixture.mount_of(VICTIM, home + "/way/sub/x", 100)
            assert mount in ("none", "mixed", good + "/sub/x"), mount


@case("virt-is-a-link")
def virt_link(fixture):
    good = fixture.attached("good")
    shared = fixture.dir("shared", mode=0o755)
    fixture.link(good + "/3fs-virt", "shared/3fs-virt")
    fixture.ignores(VICTIM, shared, "3fs-virt is a symbolic link")


@case("directory-that-everybody-writes")
def everybody(fixture):
    fixture.ignores(VICTIM, fixture.attached("dir", mode=0o777), "mode 0777", "chmod go-w")


@case("directory-that-its-group-writes")
def group(fixture):
    fixture.ignores(VICTIM, fixture.attached("dir", mode=0o775), "its group", "chmod go-w")
    fixture.ignores(VICTIM, fixture.attached("own", owner=VICTIM, mode=0o2775), "its group")


@case("virt-that-others-write")
def virt_mode(fixture):
    for i, mode in enumerate((0o775, 0o777, 0o1777, 0o757)):
        path = fixture.attached(f"dir{i}")
        os.chmod(path + "/3fs-virt", mode)
        fixture.ignores(VICTIM, path, "3fs-virt may be written")


@case("conf-that-others-write")
def conf_mode(fixture):
    for i, mode in enumerate((0o664, 0o646, 0o666)):
        path = fixture.attached(f"dir{i}")
        os.chmod(path + CONF, mode)
        fixture.ignores(VICTIM, path, "it may be written")


def acl(*entries):
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


@case("acl-lets-the-evil-one-write")
def acls(fixture):
    nobody = 0xffffffff
    evil_writes = acl((1, 7, nobody), (2, 7, EVIL), (4, 5, nobody), (16, 7, nobody), (32, 5, nobody))
    for i, name in enumerate(("", "/3fs-virt", CONF)):
        path = fixture.attached(f"dir{i}")
        try:
            os.setxattr(path + name, "system.posix_acl_access", evil_writes)
        except OSError as err:
            raise NotPlayed("no ACLs here") from err
        fixture.ignores(VICTIM, path, "may be written by its group")


@case("fuse-of-the-evil-one")
def evils_fuse(fixture):
    """It says that everything is root's."""
    view = fixture.dir("view")
    with fuse.mounted(view, EVIL):
        assert os.stat(view + CONF).st_uid == ROOT
        fixture.ignores(VICTIM, view, "FUSE", "user 1702")
        fixture.ignores(ROOT, view, "FUSE", "user 1702")


@case("fuse-of-root-and-ones-own")
def good_fuse(fixture):
    for i, (owner, uid) in enumerate(((ROOT, VICTIM), (VICTIM, VICTIM), (ROOT, ROOT))):
        view = fixture.dir(f"view{i}")
        with fuse.mounted(view, owner):
            fixture.believes(uid, view, view)


@case("loop-from-roots-conf")
def loop_of_root(fixture):
    """What is served would be served with the victim's rights."""
    path = fixture.attached("dir", f"loop://{fixture.base}")
    fixture.ignores(VICTIM, path, "only a file of the user's own may use loop:")
    fixture.believes(ROOT, path, path)


@case("loop-from-a-users-conf-to-root")
def loop_to_root(fixture):
    fixture.ignores(ROOT, fixture.attached("dir", f"loop://{fixture.base}", VICTIM), "user 1701")


@case("loop-that-is-spelled-otherwise")
def loop_escaped(fixture):
    path = fixture.attached("dir", "l\\157op\\072//" + fixture.base)
    fixture.ignores(VICTIM, path, "loop:")


@case("an-ignored-conf-hides-no-good-one")
def outer(fixture):
    """Below a directory of root's, one where everybody writes: its files stay on the outer mount."""
    path = fixture.attached("dir")
    fixture.dir("dir/scratch", mode=0o1777)
    fixture.dir("dir/scratch/3fs-virt", EVIL)
    fixture.file("dir/scratch" + CONF, URL, EVIL)
    fixture.believes(VICTIM, path + "/scratch", path)


@case("set-uid-program-of-roots")
def set_uid(fixture):
    """Run by the evil one, it believes neither his table nor his directories."""
    program = setid_probe(fixture)
    os.chmod(program, 0o4755)
    home = fixture.attached("home", owner=EVIL)
    table = fixture.file("table", f"{fixture.base} {URL}\n", EVIL)
    fixture.ignores(EVIL, home, "user 1702", instead=program, mounts=table)
    roots = fixture.attached("roots")
    fixture.believes(EVIL, roots, roots, instead=program, mounts=table)


@case("program-with-capabilities")
def capabilities(fixture):
    """Run by the evil one, its user is the evil one, and its rights are not."""
    program = setid_probe(fixture)
    magic_and_effective, dac_override = 0x02000001, 1 << 1
    os.setxattr(program, "security.capability",
                struct.pack("<5I", magic_and_effective, dac_override, 0, 0, 0))
    home = fixture.attached("home", owner=EVIL)
    fixture.ignores(EVIL, home, "user 1702", instead=program)
    fixture.believes(EVIL, home, home)


def setid_probe(fixture):
    """The probe where the loader finds its library without being told: in a folder of the build."""
    program = fixture.path("program")
    with open(os.path.join(fixture.build, "tests/local/local_probe"), "rb") as source:
        data = source.read()
    with open(program, "wb") as target:
        target.write(data)
    os.chmod(program, 0o755)
    result = fixture.run(VICTIM, None, "mount", "/", instead=program)
    if result.returncode:
        raise NotPlayed("the build's folder is closed to other users")
    return program
