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
def controls(bed):
    """So that the refusals below are known to be such."""
    roots, own = bed.attached("roots"), bed.attached("own", owner=VICTIM)
    loop = bed.attached("loop", f"loop://{bed.base}", VICTIM, 0o700)
    for uid, path in ((VICTIM, roots), (VICTIM, own), (VICTIM, loop), (ROOT, roots)):
        bed.believes(uid, path, path)
    bed.believes(EVIL, roots, roots)


@case("conf-in-a-sticky-directory")
def sticky(bed):
    shared = bed.dir("shared", mode=0o1777)
    bed.dir("shared/3fs-virt", EVIL)
    bed.file("shared" + CONF, URL, EVIL)
    bed.file("shared/file", owner=VICTIM)
    bed.ignores(VICTIM, shared + "/file", "directory", "everybody", "/etc/usrbio/mounts")
    bed.ignores(ROOT, shared, "everybody")


@case("conf-of-root-in-a-sticky-directory")
def sticky_root(bed):
    shared = bed.attached("shared", mode=0o1777)
    bed.ignores(VICTIM, shared, "everybody", "mode 1777")


@case("conf-in-the-evil-ones-home")
def home(bed):
    bed.ignores(VICTIM, bed.attached("home", owner=EVIL), "user 1702")


@case("conf-of-another-user-in-a-good-directory")
def foreign(bed):
    bed.ignores(VICTIM, bed.attached("dir", conf_owner=EVIL), "it belongs to user 1702")


@case("virt-of-another-user-in-a-good-directory")
def foreign_virt(bed):
    path = bed.attached("dir")
    os.chown(path + "/3fs-virt", EVIL, EVIL)
    bed.ignores(VICTIM, path, "3fs-virt belongs to user 1702")


@case("conf-is-a-link-to-procfs")
def procfs(bed):
    """The file that root "owns", with what the evil one wrote into it."""
    for i, target in enumerate(("/proc/sys/kernel/core_pattern", "/proc/self/environ", "/proc/1/comm")):
        bed.dir(f"s{i}", mode=0o1777)
        bed.dir(f"s{i}/3fs-virt", EVIL)
        bed.link(target, f"s{i}" + CONF)
        bed.ignores(VICTIM, bed.path(f"s{i}"), "everybody")


@case("conf-is-a-link-in-a-good-directory")
def link_in_good(bed):
    """Left from when it was not good yet."""
    path = bed.attached("dir")
    os.unlink(path + CONF)
    bed.link("/proc/sys/kernel/core_pattern", "dir" + CONF)
    bed.ignores(VICTIM, path, "no regular file")


@case("conf-is-a-link-to-a-good-conf")
def link_to_good(bed):
    good = bed.attached("good")
    path = bed.attached("dir", owner=EVIL)
    os.unlink(path + CONF)
    bed.link(good + CONF, "dir" + CONF)
    bed.ignores(VICTIM, path, "user 1702")


@case("conf-is-a-hard-link")
def hard_link(bed):
    """To a file of root's, or the victim's, that the evil one has had written."""
    for i, owner in enumerate((ROOT, VICTIM)):
        log = bed.file(f"log{i}", URL, owner)
        bed.dir(f"s{i}", mode=0o1777)
        bed.dir(f"s{i}/3fs-virt", EVIL)
        os.link(log, bed.path(f"s{i}" + CONF))
        bed.ignores(VICTIM, bed.path(f"s{i}"), "everybody")


def odd_conf(bed, make):
    """Something odd as conf where nobody else can have put it: no hang, no mount."""
    path = bed.attached("dir")
    os.unlink(path + CONF)
    make(path + CONF)
    return path


@case("conf-is-a-fifo")
def fifo(bed):
    path = odd_conf(bed, lambda name: os.mkfifo(name, 0o644))
    bed.ignores(VICTIM, path, "no regular file")


@case("conf-is-a-device")
def device(bed):
    path = odd_conf(bed, lambda name: os.mknod(name, stat.S_IFCHR | 0o644, os.makedev(1, 5)))
    bed.ignores(VICTIM, path, "no regular file")


@case("conf-is-a-socket")
def unix_socket(bed):
    def make(name):
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(name)
    bed.ignores(VICTIM, odd_conf(bed, make), "no regular file")


@case("conf-is-a-directory")
def directory(bed):
    bed.ignores(VICTIM, odd_conf(bed, os.mkdir), "no regular file")


@case("conf-is-huge")
def huge(bed):
    def make(name):
        with open(name, "wb") as file:
            file.write(URL.encode() + b"\n")
            file.truncate(1 << 40)
    bed.ignores(VICTIM, odd_conf(bed, make), "larger than")


@case("conf-has-zero-bytes")
def zero_bytes(bed):
    path = bed.attached("dir")
    bed.file("dir" + CONF, URL.encode() + b"\0\n")
    bed.ignores(VICTIM, path, "zero byte")


@case("conf-has-an-endless-line")
def endless(bed):
    path = bed.attached("dir")
    bed.file("dir" + CONF, "tcp://h/" + "x" * 60000)
    mount, said = bed.mount_of(VICTIM, path)
    assert mount == "none" and said.count("\n") <= 2, said
    bed.file("dir" + CONF, "x" * 70000)
    bed.ignores(VICTIM, path, "larger than")


@case("conf-is-swapped-while-it-is-read")
def swapped(bed):
    """Between a file of root's, links and files of the evil one's."""
    path = bed.attached("dir", owner=EVIL)
    good = bed.attached("good")
    bed.file("dir/3fs-virt/a", URL, EVIL)

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

    with bed.meanwhile(EVIL, swap):
        mount, _ = bed.mount_of(VICTIM, path, 2000)
    assert mount == "none", mount


@case("directory-is-swapped-while-it-is-looked-up")
def swapped_directory(bed):
    """A directory on the way becomes a link to an attached one, and back. Where the name leads may be
    either; the answer is one of both, and no third."""
    home = bed.dir("home", EVIL)
    bed.dir("home/way", EVIL)
    bed.dir("home/way/sub", EVIL)
    bed.attached("home/way/sub/x", owner=EVIL)
    good = bed.dir("good")
    bed.dir("good/sub")
    bed.attached("good/sub/x")

    def swap():
        os.rename(home + "/way", home + "/away")
        os.symlink(good, home + "/way")
        os.unlink(home + "/way")
        os.rename(home + "/away", home + "/way")

    with bed.meanwhile(EVIL, swap):
        for _ in range(20):
            mount, _ = bed.mount_of(VICTIM, home + "/way/sub/x", 100)
            assert mount in ("none", "mixed", good + "/sub/x"), mount


@case("virt-is-a-link")
def virt_link(bed):
    good = bed.attached("good")
    shared = bed.dir("shared", mode=0o755)
    bed.link(good + "/3fs-virt", "shared/3fs-virt")
    bed.ignores(VICTIM, shared, "3fs-virt is a symbolic link")


@case("directory-that-everybody-writes")
def everybody(bed):
    bed.ignores(VICTIM, bed.attached("dir", mode=0o777), "mode 0777", "chmod go-w")


@case("directory-that-its-group-writes")
def group(bed):
    bed.ignores(VICTIM, bed.attached("dir", mode=0o775), "its group", "chmod go-w")
    bed.ignores(VICTIM, bed.attached("own", owner=VICTIM, mode=0o2775), "its group")


@case("virt-that-others-write")
def virt_mode(bed):
    for i, mode in enumerate((0o775, 0o777, 0o1777, 0o757)):
        path = bed.attached(f"dir{i}")
        os.chmod(path + "/3fs-virt", mode)
        bed.ignores(VICTIM, path, "3fs-virt may be written")


@case("conf-that-others-write")
def conf_mode(bed):
    for i, mode in enumerate((0o664, 0o646, 0o666)):
        path = bed.attached(f"dir{i}")
        os.chmod(path + CONF, mode)
        bed.ignores(VICTIM, path, "it may be written")


def acl(*entries):
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


@case("acl-lets-the-evil-one-write")
def acls(bed):
    nobody = 0xffffffff
    evil_writes = acl((1, 7, nobody), (2, 7, EVIL), (4, 5, nobody), (16, 7, nobody), (32, 5, nobody))
    for i, name in enumerate(("", "/3fs-virt", CONF)):
        path = bed.attached(f"dir{i}")
        try:
            os.setxattr(path + name, "system.posix_acl_access", evil_writes)
        except OSError as err:
            raise NotPlayed("no ACLs here") from err
        bed.ignores(VICTIM, path, "may be written by its group")


@case("fuse-of-the-evil-one")
def evils_fuse(bed):
    """It says that everything is root's."""
    view = bed.dir("view")
    with fuse.mounted(view, EVIL):
        assert os.stat(view + CONF).st_uid == ROOT
        bed.ignores(VICTIM, view, "FUSE", "user 1702")
        bed.ignores(ROOT, view, "FUSE", "user 1702")


@case("fuse-of-root-and-ones-own")
def good_fuse(bed):
    for i, (owner, uid) in enumerate(((ROOT, VICTIM), (VICTIM, VICTIM), (ROOT, ROOT))):
        view = bed.dir(f"view{i}")
        with fuse.mounted(view, owner):
            bed.believes(uid, view, view)


@case("loop-from-roots-conf")
def loop_of_root(bed):
    """What is served would be served with the victim's rights."""
    path = bed.attached("dir", f"loop://{bed.base}")
    bed.ignores(VICTIM, path, "only a file of the user's own may use loop:")
    bed.believes(ROOT, path, path)


@case("loop-from-a-users-conf-to-root")
def loop_to_root(bed):
    bed.ignores(ROOT, bed.attached("dir", f"loop://{bed.base}", VICTIM), "user 1701")


@case("loop-that-is-spelled-otherwise")
def loop_escaped(bed):
    path = bed.attached("dir", "l\\157op\\072//" + bed.base)
    bed.ignores(VICTIM, path, "loop:")


@case("an-ignored-conf-hides-no-good-one")
def outer(bed):
    """Below a directory of root's, one where everybody writes: its files stay on the outer mount."""
    path = bed.attached("dir")
    bed.dir("dir/scratch", mode=0o1777)
    bed.dir("dir/scratch/3fs-virt", EVIL)
    bed.file("dir/scratch" + CONF, URL, EVIL)
    bed.believes(VICTIM, path + "/scratch", path)


@case("set-uid-program-of-roots")
def set_uid(bed):
    """Run by the evil one, it believes neither his table nor his directories."""
    program = setid_probe(bed)
    os.chmod(program, 0o4755)
    home = bed.attached("home", owner=EVIL)
    table = bed.file("table", f"{bed.base} {URL}\n", EVIL)
    bed.ignores(EVIL, home, "user 1702", instead=program, mounts=table)
    roots = bed.attached("roots")
    bed.believes(EVIL, roots, roots, instead=program, mounts=table)


@case("program-with-capabilities")
def capabilities(bed):
    """Run by the evil one, its user is the evil one, and its rights are not."""
    program = setid_probe(bed)
    magic_and_effective, dac_override = 0x02000001, 1 << 1
    os.setxattr(program, "security.capability",
                struct.pack("<5I", magic_and_effective, dac_override, 0, 0, 0))
    home = bed.attached("home", owner=EVIL)
    bed.ignores(EVIL, home, "user 1702", instead=program)
    bed.believes(EVIL, home, home)


def setid_probe(bed):
    """The probe where the loader finds its library without being told: in a folder of the build."""
    program = bed.path("program")
    with open(os.path.join(bed.build, "tests/local/local_probe"), "rb") as source:
        data = source.read()
    with open(program, "wb") as target:
        target.write(data)
    os.chmod(program, 0o755)
    result = bed.run(VICTIM, None, "mount", "/", instead=program)
    if result.returncode:
        raise NotPlayed("the build's folder is closed to other users")
    return program
