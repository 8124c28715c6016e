"""Root attaches and detaches where somebody else has planted links."""
import os
import stat

from fixture import EVIL, ROOT, VICTIM, case

CONF = "/3fs-virt/usrbio.conf"


def mode_of(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


class Secret:
    """A folder of root's, with links and a file in it, that must stay as it is."""

    def __init__(self, fixture):
        self.path = fixture.dir("secret", mode=0o700)
        fixture.link("/nowhere", "secret/link", ROOT)
        fixture.file("secret/usrbio.conf", "keep\n")
        fixture.dir("secret/iovs", mode=0o700)
        fixture.link("/nowhere", "secret/iovs/link", ROOT)
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
def works(fixture):
    data = fixture.dir("data")
    assert fixture.tool(ROOT, "attach", url_of(data), data).returncode == 0
    assert mode_of(data + "/3fs-virt") == 0o755 and mode_of(data + CONF) == 0o644
    assert mode_of(data + "/3fs-virt/iovs") == 0o1777
    fixture.believes(ROOT, data, data)
    assert fixture.tool(ROOT, "attach", url_of(data), data).returncode == 0
    assert fixture.tool(ROOT, "detach", data).returncode == 0
    assert os.listdir(data) == []
    own = fixture.dir("own", VICTIM)
    assert fixture.tool(VICTIM, "attach", url_of(own), own).returncode == 0
    fixture.believes(VICTIM, own, own)
    assert fixture.tool(VICTIM, "detach", own).returncode == 0


@case("attach-in-a-directory-that-others-write")
def open_directory(fixture):
    for mode in (0o1777, 0o777, 0o775, 0o2775):
        data = fixture.dir(f"data{mode:o}", mode=mode)
        fixture.refuses(ROOT, "attach", url_of(data), data, words=("may be written", "/etc/usrbio/mounts"))
        assert os.listdir(data) == []


@case("attach-in-the-evil-ones-directory")
def evils(fixture):
    home = fixture.dir("home", EVIL)
    fixture.refuses(ROOT, "attach", url_of(home), home, words=("user 1702",))
    assert os.listdir(home) == []


@case("attach-with-iovs-planted-as-a-link")
def iovs_link(fixture):
    """iovs -> a secret folder, which used to become mode 1777."""
    secret = Secret(fixture)
    for i, (owner, virt) in enumerate(((ROOT, ROOT), (ROOT, EVIL), (EVIL, EVIL))):
        data = fixture.dir(f"data{i}", owner)
        fixture.dir(f"data{i}/3fs-virt", virt)
        fixture.link(secret.path, f"data{i}/3fs-virt/iovs")
        fixture.refuses(ROOT, "attach", url_of(data), data)
        secret.check()


@case("attach-with-iovs-of-the-evil-ones")
def iovs_foreign(fixture):
    data = fixture.dir("data")
    fixture.dir("data/3fs-virt")
    fixture.dir("data/3fs-virt/iovs", EVIL, 0o700)
    fixture.refuses(ROOT, "attach", url_of(data), data, words=("another user",))
    assert mode_of(data + "/3fs-virt/iovs") == 0o700


@case("attach-with-virt-planted-as-a-link")
def virt_link(fixture):
    secret = Secret(fixture)
    data = fixture.dir("data")
    fixture.link(secret.path, "data/3fs-virt")
    fixture.refuses(ROOT, "attach", url_of(data), data, words=("symbolic link",))
    secret.check()


@case("attach-with-virt-of-the-evil-ones")
def virt_foreign(fixture):
    data = fixture.dir("data")
    fixture.dir("data/3fs-virt", EVIL)
    fixture.refuses(ROOT, "attach", url_of(data), data, words=("another user",))
    assert os.listdir(data + "/3fs-virt") == []
    os.chown(data + "/3fs-virt", ROOT, ROOT)
    os.chmod(data + "/3fs-virt", 0o777)
    fixture.refuses(ROOT, "attach", url_of(data), data, words=("may be written",))
    assert os.listdir(data + "/3fs-virt") == []


@case("attach-with-the-conf-planted-as-a-link")
def conf_link(fixture):
    secret = Secret(fixture)
    data = fixture.dir("data")
    fixture.dir("data/3fs-virt")
    fixture.link(secret.path + "/usrbio.conf", "data" + CONF)
    assert fixture.tool(ROOT, "attach", url_of(data), data).returncode == 0
    assert stat.S_ISREG(os.lstat(data + CONF).st_mode), "in place of the link"
    secret.check()


@case("attach-by-the-evil-ones-link")
def way_link(fixture):
    secret = Secret(fixture)
    data = fixture.dir("data")
    fixture.dir("home", EVIL)
    fixture.link(data, "home/way")
    fixture.link(fixture.base, "home/base")
    for way in ("home/way", "home/way/.", "home/base/data"):
        fixture.refuses(ROOT, "attach", url_of(data), fixture.path(way), words=("symbolic link", "user 1702"))
    assert os.listdir(data) == []
    fixture.link(data, "roots", ROOT)
    assert fixture.tool(ROOT, "attach", url_of(data), fixture.path("roots")).returncode == 0
    secret.check()


@case("attach-of-another-directory-with-the-same-names")
def other(fixture):
    """The inode tells, and not what lies in it."""
    data, other_dir = fixture.dir("data"), fixture.dir("other")
    fixture.dir("data/3fs-virt")
    fixture.dir("other/3fs-virt")
    with fixture.serving(data) as url:
        fixture.refuses(ROOT, "attach", url, other_dir, words=("is not the directory",))
        assert os.listdir(other_dir + "/3fs-virt") == []
        assert fixture.tool(ROOT, "attach", url, data).returncode == 0
        fixture.believes(VICTIM, data, data)


@case("attach-while-links-are-swapped-in")
def attach_race(fixture):
    """In a directory that is the evil one's after all."""
    secret = Secret(fixture)
    home = fixture.dir("home", EVIL)

    def swap():
        os.mkdir(home + "/3fs-virt")
        os.symlink(secret.path, home + "/3fs-virt/iovs")
        os.rename(home + "/3fs-virt", home + "/x")
        os.symlink(secret.path, home + "/3fs-virt")
        os.unlink(home + "/3fs-virt")
        os.unlink(home + "/x/iovs")
        os.rmdir(home + "/x")

    with fixture.meanwhile(EVIL, swap):
        for _ in range(30):
            assert fixture.tool(ROOT, "attach", url_of(home), home).returncode == 1
    secret.check()


@case("detach-with-iovs-planted-as-a-link")
def detach_iovs(fixture):
    secret = Secret(fixture)
    for i, (owner, virt) in enumerate(((ROOT, ROOT), (EVIL, ROOT), (EVIL, EVIL))):
        data = fixture.attached(f"data{i}", owner=owner)
        os.chown(data + "/3fs-virt", virt, virt)
        os.rmdir(data + "/3fs-virt/iovs")
        fixture.link(secret.path, f"data{i}/3fs-virt/iovs")
        fixture.refuses(ROOT, "detach", data)
        assert os.path.exists(data + CONF), "nothing is removed"
        secret.check()


@case("detach-with-virt-planted-as-a-link")
def detach_virt(fixture):
    secret = Secret(fixture)
    good = fixture.attached("good")
    for i, target in enumerate((secret.path, good + "/3fs-virt")):
        data = fixture.dir(f"data{i}", EVIL)
        fixture.link(target, f"data{i}/3fs-virt")
        fixture.refuses(ROOT, "detach", data, words=("symbolic link",))
    secret.check()
    assert os.path.exists(good + CONF)


@case("detach-with-the-conf-planted")
def detach_conf(fixture):
    """What attach has not made is not for detach to remove."""
    secret = Secret(fixture)
    data = fixture.attached("data")
    os.unlink(data + CONF)
    fixture.link(secret.path + "/usrbio.conf", "data" + CONF)
    fixture.refuses(ROOT, "detach", data, words=("another user",))
    os.unlink(data + CONF)
    fixture.file("data" + CONF, "mine", EVIL)
    fixture.refuses(ROOT, "detach", data, words=("another user",))
    assert os.path.exists(data + CONF)
    secret.check()


@case("detach-of-virt-of-the-evil-ones")
def detach_foreign(fixture):
    home = fixture.attached("home", owner=EVIL)
    fixture.refuses(ROOT, "detach", home, words=("another user",))
    assert os.path.exists(home + CONF)


@case("detach-by-the-evil-ones-link")
def detach_way(fixture):
    data = fixture.attached("data")
    fixture.dir("home", EVIL)
    fixture.link(data, "home/way")
    fixture.refuses(ROOT, "detach", fixture.path("home/way"), words=("symbolic link",))
    assert os.path.exists(data + CONF)


@case("detach-while-links-are-swapped-in")
def detach_race(fixture):
    """3fs-virt is root's, and lies where the evil one may rename it."""
    secret = Secret(fixture)
    home = fixture.attached("home", owner=EVIL)
    for name in ("/3fs-virt", "/3fs-virt/iovs"):
        os.chown(home + name, ROOT, ROOT)

    def swap():
        os.rename(home + "/3fs-virt", home + "/x")
        os.symlink(secret.path, home + "/3fs-virt")
        os.unlink(home + "/3fs-virt")
        os.rename(home + "/x", home + "/3fs-virt")

    with fixture.meanwhile(EVIL, swap):
        for _ in range(30):
            fixture.tool(ROOT, "detach", home)
    secret.check()


@case("detach-keeps-what-it-has-not-made")
def detach_keeps(fixture):
    data = fixture.attached("data")
    fixture.file("data/3fs-virt/iovs/file", "keep", VICTIM)
    fixture.file("data/3fs-virt/other", "keep", VICTIM)
    fixture.link("/dev/shm/gone", "data/3fs-virt/iovs/link")
    fixture.refuses(ROOT, "detach", data)
    assert os.listdir(data + "/3fs-virt/iovs") == ["file"]
    assert os.path.exists(data + "/3fs-virt/other") and not os.path.exists(data + CONF)
