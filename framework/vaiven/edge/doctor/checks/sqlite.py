"""The file of an embedded store.  Source: https://www.sqlite.org/wal.html (read 2026-11)."""

from collections.abc import Iterator

from vaiven.edge.doctor.facts import SqliteFacts
from vaiven.edge.doctor.findings import Code, Finding, fail, ok, warn

NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "beegfs", "virtiofs"})
FORGETFUL = frozenset({"tmpfs", "ramfs"})
FREE_BYTES = (100 << 20, 1 << 30)
"""Below these the disk fails, and is to mind."""


def check_sqlite(facts: SqliteFacts) -> Iterator[Finding]:
    """Whether the file is sound, and stands where it can stay."""
    yield from _place(facts)
    if not facts.exists:
        if not facts.folder_is_writable:
            told = f"{facts.path} is not there, and its folder cannot be written"
            yield fail(Code.SQLITE_FILE, told, "Make the folder, and give it to the user that serves.")
        return
    if facts.error:
        yield fail(Code.SQLITE_FILE, f"{facts.path}: {facts.error}", "Restore a backup, or name the right file.")
        return
    if facts.is_writable and facts.folder_is_writable:
        yield ok(Code.SQLITE_FILE, f"{facts.path}, {_size(facts.size_bytes)}, can be written by this user")
    else:
        told = f"{facts.path}, or its folder, cannot be written by this user"
        yield warn(Code.SQLITE_FILE, told, "If the service runs as this user: chown both to it.")
    if facts.journal != "wal":
        told = f"its journal mode is {facts.journal}, so readers stop the bot"
        yield fail(Code.SQLITE_WAL, told, "Stop the bot, and start it again: it sets WAL; then find out what unset it.")
    else:
        yield ok(Code.SQLITE_WAL, "journal mode wal")
    if facts.check is None:
        cure = "Stop the bot at a quiet time, then: sqlite3 FILE 'PRAGMA quick_check'"
        yield warn(Code.SQLITE_CHECK, "too large to check in passing", cure)
    elif facts.check == "ok":
        yield ok(Code.SQLITE_CHECK, "quick_check finds the file sound")
    else:
        told = f"quick_check: {facts.check}"
        yield fail(Code.SQLITE_CHECK, told, "Stop the bot, keep a copy, restore the last backup; then look at the disk.")
    if facts.served_by is None:
        yield warn(Code.SQLITE_SERVED, "who serves from it cannot be seen here", "Ask the service manager.")
    elif facts.served_by:
        yield ok(Code.SQLITE_SERVED, f"process {facts.served_by} serves from it")
    else:
        yield warn(Code.SQLITE_SERVED, "no process serves from it", "Start it: vaiven run.")


def _place(facts: SqliteFacts) -> Iterator[Finding]:
    if facts.filesystem in NETWORK:
        told = f"it lies on {facts.filesystem}, a network file system, on which WAL does not work"
        yield fail(Code.SQLITE_PLACE, told, "Move it to a local disk.")
    elif facts.filesystem in FORGETFUL:
        yield fail(Code.SQLITE_PLACE, f"it lies on {facts.filesystem}, which forgets at a restart", "Move it to a disk.")
    elif facts.filesystem == "overlay":
        told = "it lies in a container's own layer, which is gone with the container"
        yield warn(Code.SQLITE_PLACE, told, "Mount a volume, and put the file there.")
    elif facts.filesystem:
        yield ok(Code.SQLITE_PLACE, f"on a {facts.filesystem} of this machine")
    free = facts.free_bytes
    if free < FREE_BYTES[0]:
        yield fail(Code.SQLITE_DISK, f"{_size(free)} free", "Make room: without it webhooks are answered 503.")
    elif free < FREE_BYTES[1]:
        yield warn(Code.SQLITE_DISK, f"{_size(free)} free", "Make room before it runs out: webhooks would be answered 503.")
    else:
        yield ok(Code.SQLITE_DISK, f"{_size(free)} free")


def _size(count: int) -> str:
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count} B"
