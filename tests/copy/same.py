"""
Compares two trees by lstat, readlink and the contents of files: types, modes, sizes, times of change
to the nanosecond, owners, link texts, holes, and which names are one file. Names are bytes.
usage: same.py [--without-special] A B    prints the differences; 1: there are some
"""
import os
import stat
import sys

HOLES = 64  # blocks of 512 bytes by which a file may be larger than its source


def kind(st):
    return stat.S_IFMT(st.st_mode)


def walk(top):
    """Every name below, and b'.' itself, with its attributes."""
    found = {b".": os.lstat(top)}
    todo = [b""]
    while todo:
        where = todo.pop()
        for name in os.listdir(os.path.join(top, where)):
            rel = os.path.join(where, name)
            found[rel] = os.lstat(os.path.join(top, rel))
            if stat.S_ISDIR(found[rel].st_mode):
                todo.append(rel)
    return found


def groups(found):
    """For each name of a file with several ones: all its names in this tree."""
    by_file = {}
    for rel, st in found.items():
        if not stat.S_ISDIR(st.st_mode):
            by_file.setdefault((st.st_dev, st.st_ino), []).append(rel)
    return {rel: tuple(sorted(names)) for names in by_file.values() for rel in names}


def contents(path):
    with open(path, "rb") as f:
        return f.read()


def compare_one(a, b, st, other):
    """What differs between two objects of one name."""
    if kind(st) != kind(other):
        return f"type {kind(st):o} / {kind(other):o}"
    if st.st_mtime_ns != other.st_mtime_ns:
        return f"mtime {st.st_mtime_ns} / {other.st_mtime_ns}"
    if (st.st_uid, st.st_gid) != (other.st_uid, other.st_gid):
        return f"owner {st.st_uid}:{st.st_gid} / {other.st_uid}:{other.st_gid}"
    if stat.S_ISLNK(st.st_mode):
        return None if os.readlink(a) == os.readlink(b) else f"link {os.readlink(a)} / {os.readlink(b)}"
    if (st.st_mode & 0o777) != (other.st_mode & 0o777):
        return f"mode {st.st_mode & 0o777:o} / {other.st_mode & 0o777:o}"
    if stat.S_ISREG(st.st_mode):
        if st.st_size != other.st_size:
            return f"size {st.st_size} / {other.st_size}"
        if contents(a) != contents(b):
            return "contents"
        if other.st_blocks > st.st_blocks + HOLES:
            return f"blocks {st.st_blocks} / {other.st_blocks}"
    return None


def differences(a, b, special=True):
    a, b = os.fsencode(a), os.fsencode(b)
    here, there = walk(a), walk(b)
    if not special:
        here = {n: st for n, st in here.items() if kind(st) in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)}
    found = [f"{n!r}: only in {a!r}" for n in sorted(here.keys() - there.keys())]
    found += [f"{n!r}: only in {b!r}" for n in sorted(there.keys() - here.keys())]
    names, others = groups(here), groups(there)
    for rel in sorted(here.keys() & there.keys()):
        what = compare_one(os.path.join(a, rel), os.path.join(b, rel), here[rel], there[rel])
        if what:
            found.append(f"{rel!r}: {what}")
        if names.get(rel) != others.get(rel) and not found:
            found.append(f"{rel!r}: names {names.get(rel)} / {others.get(rel)}")
    return found


def main():
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    found = differences(*arguments, special="--without-special" not in sys.argv)
    print("\n".join(found))
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
