"""Root attaches and detaches where somebody else has planted links."""
import os
import stat

from fixture import EVIL, ROOT, VICTIM, case

CONF = "/3fs-virt/usrbio.conf"


def mode_of(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


class Secret:
    """A folder of root's, with links and a file in it, that must stay as it is."""

    def __init__(self, bed):
        self.path = bed.dir("secret", mode=0o700)
        bed.link("/nowhere", "secret/link", ROOT)
        bed.file("secret/usrbio.conf", "keep\n")
        bed.dir("secret/iovs", mode=0o700)
        bed.link("/nowhere", "secret/iovs/link", ROOT)
        self.before = self.look()

    def look(self):
        seen = {}
        for folder, dirs, files in os.walk(self.path):
            for name in dirs + files + ["."]:
                path = os.path.join(folder, name)
                st = os.lstat(path)
                seen[path] = (st.st_ino, st.st_mode, st.st_uid, st.st_size, st.st_nlink)
        return seen

    def check(self):
        assert self.look() == self.before, self.look()


def url_of(path):
    return f"loop://{path}"


@case("attach-and-detach-work")
def works(bed):
    data = bed.dir("data")
    assert bed.tool(ROOT, "attach", url_of(data), data).returncode == 0
    assert mode_of(data + "/3fs-virt") == 0o755 and mode_of(data + CONF) == 0o644
    assert mode_of(data + "/3fs-virt/iovs") == 0o1777
    bed.believes(ROOT, data, data)
    assert bed.tool(ROOT, "attach", url_of(data), data).returncode == 0
    assert bed.tool(ROOT, "detach", data).returncode == 0
    assert os.listdir(data) == []
    own = bed.dir("own", VICTIM)
    assert bed.tool(VICTIM, "attach", url_of(own), own).returncode == 0
    bed.believes(VICTIM, own, own)
    assert bed.tool(VICTIM, "detach", own).returncode == 0


@case("attach-in-a-directory-that-others-write")
def open_directory(bed):
    for mode in (0o1777, 0o777, 0o775, 0o2775):
        data = bed.dir(f"data{mode:o}", mode=mode)
        bed.refuses(ROOT, "attach", url_of(data), data, words=("may be written", "/etc/usrbio/mounts"))
        assert os.listdir(data) == []


@case("attach-in-the-evil-ones-directory")
def evils(bed):
    home = bed.dir("home", EVIL)
    bed.refuses(ROOT, "attach", url_of(home), home, words=("user 1702",))
    assert os.listdir(home) == []


@case("attach-with-iovs-planted-as-a-link")
def iovs_link(bed):
    """iovs -> a secret folder, which used to become mode 1777."""
    secret = Secret(bed)
    for i, (owner, virt) in enumerate(((ROOT, ROOT), (ROOT, EVIL), (EVIL, EVIL))):
        data = bed.dir(f"data{i}", owner)
        bed.dir(f"data{i}/3fs-virt", virt)
        bed.link(secret.path, f"data{i}/3fs-virt/iovs")
        bed.refuses(ROOT, "attach", url_of(data), data)
        secret.check()


@case("attach-with-iovs-of-the-evil-ones")
def iovs_foreign(bed):
    data = bed.dir("data")
    bed.dir("data/3fs-virt")
    bed.dir("data/3fs-virt/iovs", EVIL, 0o700)
    bed.refuses(ROOT, "attach", url_of(data), data, words=("another user",))
    assert mode_of(data + "/3fs-virt/iovs") == 0o700


@case("attach-with-virt-planted-as-a-link")
def virt_link(bed):
    secret = Secret(bed)
    data = bed.dir("data")
    bed.link(secret.path, "data/3fs-virt")
    bed.refuses(ROOT, "attach", url_of(data), data, words=("symbolic link",))
    secret.check()


@case("attach-with-virt-of-the-evil-ones")
def virt_foreign(bed):
    data = bed.dir("data")
    bed.dir("data/3fs-virt", EVIL)
    bed.refuses(ROOT, "attach", url_of(data), data, words=("another user",))
    assert os.listdir(data + "/3fs-virt") == []
    os.chown(data + "/3fs-virt", ROOT, ROOT)
    os.chmod(data + "/3fs-virt", 0o777)
    bed.refuses(ROOT, "attach", url_of(data), data, words=("may be written",))
    assert os.listdir(data + "/3fs-virt") == []


@case("attach-with-the-conf-planted-as-a-link")
def conf_link(bed):
    secret = Secret(bed)
    data = bed.dir("data")
    bed.dir("data/3fs-virt")
    bed.link(secret.path + "/usrbio.conf", "data" + CONF)
    assert bed.tool(ROOT, "attach", url_of(data), data).returncode == 0
    assert stat.S_ISREG(os.lstat(data + CONF).st_mode), "in place of the link"
    secret.check()


@case("attach-by-the-evil-ones-link")
def way_link(bed):
    secret = Secret(bed)
    data = bed.dir("data")
    bed.dir("home", EVIL)
    bed.link(data, "home/way")
    bed.link(bed.base, "home/base")
    for way in ("home/way", "home/way/.", "home/base/data"):
        bed.refuses(ROOT, "attach", url_of(data), bed.path(way), words=("symbolic link", "user 1702"))
    assert os.listdir(data) == []
    bed.link(data, "roots", ROOT)
    assert bed.tool(ROOT, "attach", url_of(data), bed.path("roots")).returncode == 0
    secret.check()


@case("attach-of-another-directory-with-the-same-names")
def other(bed):
    """The inode tells, and not what lies in it."""
    data, other_dir = bed.dir("data"), bed.dir("other")
    bed.dir("data/3fs-virt")
    bed.dir("other/3fs-virt")
    with bed.serving(data) as url:
        bed.refuses(ROOT, "attach", url, other_dir, words=("is not the directory",))
        assert os.listdir(other_dir + "/3fs-virt") == []
        assert bed.tool(ROOT, "attach", url, data).returncode == 0
        bed.believes(VICTIM, data, data)


@case("attach-while-links-are-swapped-in")
def attach_race(bed):
    """In a directory that is the evil one's after all."""
    secret = Secret(bed)
    home = bed.dir("home", EVIL)

    def swap():
        os.mkdir(home + "/3fs-virt")
        os.symlink(secret.path, home + "/3fs-virt/iovs")
        os.rename(home + "/3fs-virt", home + "/x")
        os.symlink(secret.path, home + "/3fs-virt")
        os.unlink(home + "/3fs-virt")
        os.unlink(home + "/x/iovs")
        os.rmdir(home + "/x")

    with bed.meanwhile(EVIL, swap):
        for _ in range(30):
            assert bed.tool(ROOT, "attach", url_of(home), home).returncode == 1
    secret.check()


@case("detach-with-iovs-planted-as-a-link")
def detach_iovs(bed):
    secret = Secret(bed)
    for i, (owner, virt) in enumerate(((ROOT, ROOT), (EVIL, ROOT), (EVIL, EVIL))):
        data = bed.attached(f"data{i}", owner=owner)
        os.chown(data + "/3fs-virt", virt, virt)
        os.rmdir(data + "/3fs-virt/iovs")
        bed.link(secret.path, f"data{i}/3fs-virt/iovs")
        bed.refuses(ROOT, "detach", data)
        assert os.path.exists(data + CONF), "nothing is removed"
        secret.check()


@case("detach-with-virt-planted-as-a-link")
def detach_virt(bed):
    secret = Secret(bed)
    good = bed.attached("good")
    for i, target in enumerate((secret.path, good + "/3fs-virt")):
        data = bed.dir(f"data{i}", EVIL)
        bed.link(target, f"data{i}/3fs-virt")
        bed.refuses(ROOT, "detach", data, words=("symbolic link",))
    secret.check()
    assert os.path.exists(good + CONF)


@case("detach-with-the-conf-planted")
def detach_conf(bed):
    """What attach has not made is not for detach to remove."""
    secret = Secret(bed)
    data = bed.attached("data")
    os.unlink(data + CONF)
    bed.link(secret.path + "/usrbio.conf", "data" + CONF)
    bed.refuses(ROOT, "detach", data, words=("another user",))
    os.unlink(data + CONF)
    bed.file("data" + CONF, "mine", EVIL)
    bed.refuses(ROOT, "detach", data, words=("another user",))
    assert os.path.exists(data + CONF)
    secret.check()


@case("detach-of-virt-of-the-evil-ones")
def detach_foreign(bed):
    home = bed.attached("home", owner=EVIL)
    bed.refuses(ROOT, "detach", home, words=("another user",))
    assert os.path.exists(home + CONF)


@case("detach-by-the-evil-ones-link")
def detach_way(bed):
    data = bed.attached("data")
    bed.dir("home", EVIL)
    bed.link(data, "home/way")
    bed.refuses(ROOT, "detach", bed.path("home/way"), words=("symbolic link",))
    assert os.path.exists(data + CONF)


@case("detach-while-links-are-swapped-in")
def detach_race(bed):
    """3fs-virt is root's, and lies where the evil one may rename it."""
    secret = Secret(bed)
    home = bed.attached("home", owner=EVIL)
    for name in ("/3fs-virt", "/3fs-virt/iovs"):
        os.chown(home + name, ROOT, ROOT)

    def swap():
        os.rename(home + "/3fs-virt", home + "/x")
        os.symlink(secret.path, home + "/3fs-virt")
        os.unlink(home + "/3fs-virt")
        os.rename(home + "/x", home + "/3fs-virt")

    with bed.meanwhile(EVIL, swap):
        for _ in range(30):
            bed.tool(ROOT, "detach", home)
    secret.check()


@case("detach-keeps-what-it-has-not-made")
def detach_keeps(bed):
    data = bed.attached("data")
    bed.file("data/3fs-virt/iovs/file", "keep", VICTIM)
    bed.file("data/3fs-virt/other", "keep", VICTIM)
    bed.link("/dev/shm/gone", "data/3fs-virt/iovs/link")
    bed.refuses(ROOT, "detach", data)
    assert os.listdir(data + "/3fs-virt/iovs") == ["file"]
    assert os.path.exists(data + "/3fs-virt/other") and not os.path.exists(data + CONF)
