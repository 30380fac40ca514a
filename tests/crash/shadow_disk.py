"""Starts the command line over a disk that keeps only what was synced: ``shadow_disk.py FOLDER LEVEL -- run BOT --port N``.

SQLite writes its files as ever. Beside them, in FOLDER, copies are kept that get each write when SQLite has synced that file, and
not before: what a disk whose power is cut is sure to have. LEVEL is SQLite's ``synchronous``: FULL, as the software sets it, or
NORMAL, with which it would lose what was acknowledged.

SQLite offers its layer over the system, the VFS, to be replaced while it runs. Source: https://www.sqlite.org/vfs.html
"""

import _sqlite3
import ctypes
import functools
import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

MAIN_DB, WAL = 0x100, 0x80000
_Call = ctypes.c_void_p
_OPEN = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(ctypes.c_int)
)
_WRITE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64)
_TRUNCATE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int64)
_SYNC = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)


class _Vfs(ctypes.Structure):
    """The beginning of ``sqlite3_vfs``."""

    _fields_ = [
        ("version", ctypes.c_int),
        ("size", ctypes.c_int),
        ("longest", ctypes.c_int),
        ("next", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("data", ctypes.c_void_p),
        ("open", _Call),
    ]


class _Methods(ctypes.Structure):
    """``sqlite3_io_methods``, version 3."""

    _fields_ = [
        ("version", ctypes.c_int),
        *((name, _Call) for name in ("close", "read", "write", "truncate", "sync", "file_size", "lock", "unlock", "reserved")),
        *((name, _Call) for name in ("control", "sector", "device", "shm_map", "shm_lock", "shm_barrier", "shm_unmap")),
        *((name, _Call) for name in ("fetch", "unfetch")),
    ]


class Shadow:
    """What is synced of one file."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT)
        self._pending: list[tuple[int, bytes | None]] = []

    def write(self, at: int, data: bytes) -> None:
        self._pending.append((at, data))

    def truncate(self, size: int) -> None:
        self._pending.append((size, None))

    def sync(self) -> None:
        """All that was written until now is on the disk."""
        pending, self._pending = self._pending, []
        for at, data in pending:
            if data is None:
                os.ftruncate(self._file, at)
            else:
                os.pwrite(self._file, data, at)


class Disk:
    """Takes SQLite's default VFS over."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[int, Shadow] = {}
        self._methods: dict[int, _Methods] = {}
        self._kept: list[Any] = []
        """What SQLite has the addresses of."""
        library = ctypes.PyDLL(_sqlite3.__file__)
        library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
        self._vfs = library.sqlite3_vfs_find(None).contents
        self._theirs = self._vfs.open
        self._open = _OPEN(self._theirs)
        self._vfs.open = self._pointer(_OPEN(self._opened))

    def end(self) -> None:
        """Give the VFS back."""
        self._vfs.open = self._theirs

    def _pointer(self, function: Any) -> int | None:
        self._kept.append(function)
        return ctypes.cast(function, ctypes.c_void_p).value

    def _opened(self, vfs: int, name: int | None, file: int, flags: int, given: Any) -> int:
        # As a pointer: SQLite keeps it, and a copy of ours would be gone when it looks again.
        result = self._open(vfs, name, file, flags, given)
        if result == 0 and name and flags & (MAIN_DB | WAL):
            self._files[file] = Shadow(self._folder / Path(os.fsdecode(ctypes.string_at(name))).name)
            place = ctypes.cast(file, ctypes.POINTER(ctypes.c_void_p))
            place[0] = ctypes.addressof(self._over(place[0]))
        return int(result)

    def _over(self, methods: int) -> _Methods:
        """These methods, with those that change the file taken over."""
        if methods not in self._methods:
            theirs = _Methods.from_address(methods)
            ours = self._methods[methods] = _Methods.from_buffer_copy(theirs)
            write, truncate, sync = _WRITE(theirs.write), _TRUNCATE(theirs.truncate), _SYNC(theirs.sync)

            def wrote(file: int, data: int, size: int, at: int) -> int:
                return self._done(file, write(file, data, size, at), lambda to: to.write(at, ctypes.string_at(data, size)))

            def truncated(file: int, size: int) -> int:
                return self._done(file, truncate(file, size), lambda to: to.truncate(size))

            def synced(file: int, flags: int) -> int:
                return self._done(file, sync(file, flags), Shadow.sync)

            ours.write, ours.truncate = self._pointer(_WRITE(wrote)), self._pointer(_TRUNCATE(truncated))
            ours.sync = self._pointer(_SYNC(synced))
        return self._methods[methods]

    def _done(self, file: int, result: int, tell: Callable[[Shadow], None]) -> int:
        if result == 0:
            tell(self._files[file])
        return int(result)


class Hasty(sqlite3.Connection):
    """A connection that syncs only now and then, as SQLite does in WAL mode unless it is told better."""

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        return super().execute(sql.replace("synchronous = FULL", "synchronous = NORMAL"), *values)


def main() -> None:
    folder, level, _, *arguments = sys.argv[1:]
    sys.argv[1:] = arguments
    disk = Disk(Path(folder))
    if level == "NORMAL":
        sqlite3.connect = functools.partial(sqlite3.connect, factory=Hasty)
    from vaiven.edge.cli import main as serve

    serve()
    disk.end()


if __name__ == "__main__":
    main()
