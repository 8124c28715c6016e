"""Links that killed programs have left in 3fs-virt/iovs."""
import os
import subprocess

from fixture import EVIL, ROOT, VICTIM, case


def iovs(fixture, owner=ROOT):
    fixture.attached("data", owner=owner)
    return fixture.path("data/3fs-virt/iovs")


def gone(fixture, name, owner):
    """A link whose object does not exist."""
    fixture.link(f"/dev/shm/usrbio-local-gone-{name}", f"data/3fs-virt/iovs/{name}", owner)


def use(fixture, uid):
    said, _ = fixture.probe(uid, "use", fixture.path("data"))
    assert said == "0", said


@case("own-dead-links-are-swept-at-the-first-use")
def own(fixture):
    names = iovs(fixture)
    for i in range(10):
        gone(fixture, f"v{i}", VICTIM)
    use(fixture, VICTIM)
    assert os.listdir(names) == []


@case("dead-links-of-others-stay")
def others(fixture):
    """Root's programs do not judge those of users either."""
    names = iovs(fixture)
    for owner in (VICTIM, EVIL, ROOT):
        gone(fixture, str(owner), owner)
    use(fixture, EVIL)
    assert sorted(os.listdir(names)) == [str(ROOT), str(VICTIM)]
    use(fixture, ROOT)
    assert os.listdir(names) == [str(VICTIM)]


@case("links-of-the-living-stay")
def living(fixture):
    """Memory whose name is gone and that is mapped, and memory that is there."""
    names = iovs(fixture)
    name = f"usrbio-local-{os.getpid()}"
    fixture.link(f"/dev/shm/{name}", "data/3fs-virt/iovs/mapped", VICTIM)
    there = f"/dev/shm/{name}-there"
    fixture.link(there, "data/3fs-virt/iovs/there", VICTIM)
    gone(fixture, "dead", VICTIM)
    with open(there, "wb"):
        pass
    holder = subprocess.Popen([fixture.bin + "/local_probe", "map", "/" + name], env=fixture.env,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              user=VICTIM, group=VICTIM, extra_groups=[], cwd="/")
    try:
        assert holder.stdout.readline() == "mapped\n"
        use(fixture, VICTIM)
        assert sorted(os.listdir(names)) == ["mapped", "there"]
    finally:
        holder.stdin.close()
        holder.wait()
        holder.stdout.close()
        os.unlink(there)
    use(fixture, VICTIM)
    assert os.listdir(names) == []


@case("only-links-to-shared-memory-are-swept")
def elsewhere(fixture):
    names = iovs(fixture)
    for i, target in enumerate(("/nowhere", "gone", "/dev/shm/../nowhere", "/dev/shm/sub/gone",
                                "/dev/shm/", "/dev/shm2/gone")):
        fixture.link(target, f"data/3fs-virt/iovs/{i}", VICTIM)
    fixture.file("data/3fs-virt/iovs/file", "x", VICTIM)
    fixture.dir("data/3fs-virt/iovs/dir", VICTIM)
    use(fixture, VICTIM)
    assert len(os.listdir(names)) == 8


@case("attach-sweeps-as-well")
def attach(fixture):
    data = fixture.dir("data")
    assert fixture.tool(ROOT, "attach", f"loop://{data}", data).returncode == 0
    for owner in (ROOT, VICTIM):
        gone(fixture, str(owner), owner)
    assert fixture.tool(ROOT, "attach", f"loop://{data}", data).returncode == 0
    assert os.listdir(data + "/3fs-virt/iovs") == [str(VICTIM)]


@case("iovs-is-a-link-to-a-folder-of-the-victims")
def planted(fixture):
    """Links of his that are no iovs' stay where they are."""
    names = iovs(fixture)
    os.rmdir(names)
    own_links = fixture.dir("links", VICTIM)
    fixture.link("/dev/shm/usrbio-local-gone", "links/own", VICTIM)
    fixture.link(own_links, "data/3fs-virt/iovs")
    use(fixture, VICTIM)
    assert os.listdir(own_links) == ["own"]
