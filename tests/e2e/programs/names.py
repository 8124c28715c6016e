"""Compare the JSON of `usrbio ls --json [-l]` (standard input) with a directory: names.py DIRECTORY."""
import json
import os
import sys

text = sys.stdin.buffer.read().decode()  # of strict UTF-8
folder = os.fsencode(sys.argv[1])
there = set(os.listdir(folder))
seen = set()
for entry in json.loads(text):
    hexa = entry.get("name_hex")
    name = bytes.fromhex(hexa) if hexa else entry["name"].encode()
    assert (hexa is None) == (entry["name"].encode() == name), entry
    assert name not in seen, entry
    seen.add(name)
    path = bytes.fromhex(entry["path_hex"]) if "path_hex" in entry else entry["path"].encode()
    assert path.endswith(b"/" + name), entry
    if "size" in entry:
        st = os.lstat(os.path.join(folder, name))
        assert entry["size"] == st.st_size and entry["ino"] == st.st_ino, entry
        assert int(entry["mode"], 8) == st.st_mode & 0o7777, entry
        assert entry["mtime_ns"] == st.st_mtime_ns, entry
assert seen == there, seen ^ there
for c in text:
    code = ord(c)
    assert code >= 32 or c == "\n", code
    assert not 0x7F <= code <= 0x9F and not 0x202A <= code <= 0x202E and not 0x2066 <= code <= 0x2069, code
