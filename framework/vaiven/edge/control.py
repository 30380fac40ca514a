"""A Unix socket beside the store's file: what other commands ask of the process that serves from it.

One JSON object a line, asked and answered: ``{"do": "drop", "partition": 0, "number": 7}``, ``{"ok": true}`` or ``{"error": …}``.
Only the same user gets through: the socket's mode is 0600, and the kernel tells who has connected.
"""

import asyncio
import json
import logging
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

from vaiven.model.errors import StoreUnavailable, VaivenError

log = logging.getLogger("vaiven.control")

LINE_BYTES = 1 << 24
"""A line may hold every flow of a bot."""
ASK_S = 10.0
_LONGEST_PATH = 100
"""A socket's path may have some hundred bytes, by system; longer ones are reached by way of their open folder."""

Act = Callable[[Mapping[str, Any]], Awaitable[Any]]


class NobodyServes(VaivenError):
    """No process answers at this socket."""


def beside(file: Path) -> Path:
    """The socket of the process that serves from this file."""
    return file.with_name(file.name + "-socket")


@asynccontextmanager
async def control(path: Path, acts: Mapping[str, Act]) -> AsyncIterator[None]:
    """Answer at this path, as long as the context lasts. What stands there already is a dead process's: we hold the file's lock.

    Where no socket can be made, that is logged, and all else goes on.
    """
    try:
        listening = _listen(path)
    except OSError as error:
        log.warning("no control socket: %s", error.strerror or type(error).__name__)
        yield
        return
    server = await asyncio.start_unix_server(
        lambda reader, writer: _serve(reader, writer, acts), sock=listening, limit=LINE_BYTES
    )
    try:
        yield
    finally:
        server.close()
        _unlink(path)


def _unlink(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _listen(path: Path) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX)
    try:
        _unlink(path)
        before = os.umask(0o177)
        try:
            with _reachable(path) as address:
                listening.bind(address)
        finally:
            os.umask(before)
        listening.listen(16)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, acts: Mapping[str, Act]) -> None:
    try:
        if not _is_us(writer.get_extra_info("socket")):
            return
        while line := await reader.readline():
            writer.write(json.dumps(await _answer(line, acts)).encode() + b"\n")
            await writer.drain()
    except (ValueError, ConnectionError):  # a line too long, or its end is gone
        return
    finally:
        writer.close()


async def _answer(line: bytes, acts: Mapping[str, Act]) -> dict[str, Any]:
    try:
        asked = json.loads(line)
        act = acts[asked["do"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {"error": "this is not understood here"}
    try:
        return {"ok": await act(asked)}
    except VaivenError as error:
        return {"error": str(error)}
    except (KeyError, TypeError, ValueError):
        return {"error": "something is missing in what was asked"}


def _is_us(connection: Any) -> bool:
    if not hasattr(socket, "SO_PEERCRED"):
        return True  # then the mode of the socket is all there is
    _, user, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    return user in (os.getuid(), 0)


async def ask(path: Path, do: str, **arguments: Any) -> Any:
    """Ask the process behind this socket.

    Raises:
        NobodyServes: there is none.
        StoreUnavailable: it could not do it, or did not answer in time.
    """
    try:
        async with asyncio.timeout(ASK_S):
            with _reachable(path) as address:
                reader, writer = await asyncio.open_unix_connection(address, limit=LINE_BYTES)
            try:
                writer.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
                line = await reader.readline()
            finally:
                writer.close()
    except TimeoutError as error:
        raise StoreUnavailable(f"{path}: the process that serves does not answer") from error
    except OSError as error:
        raise NobodyServes(f"{path}: nobody answers") from error
    if not line:
        raise NobodyServes(f"{path}: nobody answers")
    told = json.loads(line)
    if "error" in told:
        raise StoreUnavailable(told["error"])
    return told["ok"]


@contextmanager
def _reachable(path: Path) -> Iterator[str]:
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
