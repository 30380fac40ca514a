"""An embedded store's file, looked at without changing it and without taking its lock."""

import os
import re
import shutil
import sqlite3
import struct
import sys
import time
from contextlib import closing
from pathlib import Path

from vaiven.edge.doctor.facts import SqliteFacts

CHECK_S = 10.0
"""A check that takes longer is given up: it reads the whole file while a bot may be serving from it."""
MOUNTS = Path("/proc/self/mountinfo")
_STEPS = 10_000
"""Steps of SQLite's machine between two looks at the time."""


def look_at_sqlite(path: Path, check_s: float = CHECK_S) -> SqliteFacts:
    """The file at this path, or the place where it would be."""
    folder = path.absolute().parent
    there = next(each for each in (folder, *folder.parents) if each.exists())
    exists, error, journal, check = path.is_file(), "", "", None
    if exists:
        try:
            journal, check = _ask(path, check_s)
        except sqlite3.Error as wrong:
            error = str(wrong)
    return SqliteFacts(
        path=str(path),
        exists=exists,
        is_writable=os.access(path, os.W_OK),
        folder_is_writable=os.access(folder, os.W_OK | os.X_OK),
        size_bytes=path.stat().st_size if exists else 0,
        free_bytes=shutil.disk_usage(there).free,
        filesystem=_filesystem(there),
        journal=journal,
        check=check,
        served_by=_served_by(path.with_name(f"{path.name}-lock")),
        error=error,
    )


def _ask(path: Path, check_s: float) -> tuple[str, str | None]:
    """The journal mode, and what ``quick_check`` says, None if it did not come to its end."""
    ends = time.monotonic() + check_s
    with closing(sqlite3.connect(path, isolation_level=None, timeout=2.0)) as file:
        file.execute("PRAGMA query_only = ON")
        journal = str(file.execute("PRAGMA journal_mode").fetchone()[0])
        file.set_progress_handler(lambda: time.monotonic() > ends, _STEPS)
        try:
            return journal, str(file.execute("PRAGMA quick_check(1)").fetchone()[0])
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                return journal, None
            raise


def _filesystem(place: Path) -> str:
    """The type of the file system that holds this place; empty where the system does not tell."""
    try:
        lines = MOUNTS.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return ""
    best, found = -1, ""
    for line in lines:
        # By proc(5) the fifth field is the mount point, and the type follows the lone hyphen.
        before, _, after = line.partition(" - ")
        point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), before.split(" ")[4])
        if place.resolve().is_relative_to(point) and len(point) >= best:
            best, found = len(point), after.split(" ")[0]
    return found


def _served_by(lock: Path) -> int | None:
    """The process that holds the lock, 0 for nobody, None where the system cannot tell. Asking takes no lock."""
    if sys.platform != "linux":
        return None
    import fcntl

    if not lock.exists():
        return 0
    # struct flock, whole file; answered with the first lock that would stand in the way of this one.
    asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    try:
        with lock.open("rb") as file:
            kind, _, _, _, holder = struct.unpack("hhqqi4x", fcntl.fcntl(file, fcntl.F_GETLK, asked))
    except OSError:
        return None
    return 0 if kind == fcntl.F_UNLCK else int(holder)
