"""Links that killed programs have left in 3fs-virt/iovs."""
import os
import subprocess

from fixture import EVIL, ROOT, VICTIM, case


def iovs(bed, owner=ROOT):
    bed.attached("data", owner=owner)
    return bed.path("data/3fs-virt/iovs")


def gone(bed, name, owner):
    """A link whose object does not exist."""
    bed.link(f"/dev/shm/usrbio-local-gone-{name}", f"data/3fs-virt/iovs/{name}", owner)


def use(bed, uid):
    said, _ = bed.probe(uid, "use", bed.path("data"))
    assert said == "0", said


@case("own-dead-links-are-swept-at-the-first-use")
def own(bed):
    names = iovs(bed)
    for i in range(10):
        gone(bed, f"v{i}", VICTIM)
    use(bed, VICTIM)
    assert os.listdir(names) == []


@case("dead-links-of-others-stay")
def others(bed):
    """Root's programs do not judge those of users either."""
    names = iovs(bed)
    for owner in (VICTIM, EVIL, ROOT):
        gone(bed, str(owner), owner)
    use(bed, EVIL)
    assert sorted(os.listdir(names)) == [str(ROOT), str(VICTIM)]
    use(bed, ROOT)
    assert os.listdir(names) == [str(VICTIM)]


@case("links-of-the-living-stay")
def living(bed):
    """Memory whose name is gone and that is mapped, and memory that is there."""
    names = iovs(bed)
    name = f"usrbio-local-{os.getpid()}"
    bed.link(f"/dev/shm/{name}", "data/3fs-virt/iovs/mapped", VICTIM)
    there = f"/dev/shm/{name}-there"
    bed.link(there, "data/3fs-virt/iovs/there", VICTIM)
    gone(bed, "dead", VICTIM)
    with open(there, "wb"):
        pass
    holder = subprocess.Popen([bed.bin + "/local_probe", "map", "/" + name], env=bed.env,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              user=VICTIM, group=VICTIM, extra_groups=[], cwd="/")
    try:
        assert holder.stdout.readline() == "mapped\n"
        use(bed, VICTIM)
        assert sorted(os.listdir(names)) == ["mapped", "there"]
    finally:
        holder.stdin.close()
        holder.wait()
        holder.stdout.close()
        os.unlink(there)
    use(bed, VICTIM)
    assert os.listdir(names) == []


@case("only-links-to-shared-memory-are-swept")
def elsewhere(bed):
    names = iovs(bed)
    for i, target in enumerate(("/nowhere", "gone", "/dev/shm/../nowhere", "/dev/shm/sub/gone",
                                "/dev/shm/", "/dev/shm2/gone")):
        bed.link(target, f"data/3fs-virt/iovs/{i}", VICTIM)
    bed.file("data/3fs-virt/iovs/file", "x", VICTIM)
    bed.dir("data/3fs-virt/iovs/dir", VICTIM)
    use(bed, VICTIM)
    assert len(os.listdir(names)) == 8


@case("attach-sweeps-as-well")
def attach(bed):
    data = bed.dir("data")
    assert bed.tool(ROOT, "attach", f"loop://{data}", data).returncode == 0
    for owner in (ROOT, VICTIM):
        gone(bed, str(owner), owner)
    assert bed.tool(ROOT, "attach", f"loop://{data}", data).returncode == 0
    assert os.listdir(data + "/3fs-virt/iovs") == [str(VICTIM)]


@case("iovs-is-a-link-to-a-folder-of-the-victims")
def planted(bed):
    """Links of his that are no iovs' stay where they are."""
    names = iovs(bed)
    os.rmdir(names)
    own_links = bed.dir("links", VICTIM)
    bed.link("/dev/shm/usrbio-local-gone", "links/own", VICTIM)
    bed.link(own_links, "data/3fs-virt/iovs")
    use(bed, VICTIM)
    assert os.listdir(own_links) == ["own"]
