"""Prints one digest over everything that can be seen of the paths listed in a file (NUL-separated bytes)."""
import hashlib
import os
import stat
import sys

total = hashlib.sha256()
count = 0
with open(sys.argv[1], "rb") as listing:
    paths = [path for path in listing.read().split(b"\0") if path]
# Backwards: what is sent last is asked for first.
for path in reversed(paths):
    seen = os.lstat(path)
    line = [path, seen.st_mode, seen.st_uid, seen.st_gid]
    if not stat.S_ISDIR(seen.st_mode):
        line += [seen.st_mtime_ns, seen.st_nlink, seen.st_size]
    if stat.S_ISLNK(seen.st_mode):
        line.append(os.readlink(path))
    if stat.S_ISREG(seen.st_mode):
        content = hashlib.sha256()
        with open(path, "rb") as data:
            while block := data.read(1 << 20):
                content.update(block)
        line.append(content.hexdigest())
    total.update(repr(line).encode())
    count += 1
print("digest", count, total.hexdigest(), flush=True)
