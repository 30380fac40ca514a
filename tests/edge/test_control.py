"""The socket beside the store's file: who may ask, what is answered, what is left behind."""

import asyncio
import contextlib
import json
import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from vaiven.edge.control import LINE_BYTES, NobodyServes, ask, beside, control
from vaiven.model.errors import StoreUnavailable


async def double(asked: Any) -> int:
    return 2 * int(asked["number"])


async def fail(_: Any) -> None:
    raise StoreUnavailable("the disk is full")


ACTS = {"double": double, "fail": fail}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return beside(tmp_path / "votes.db")


async def test_what_is_asked_is_answered(path: Path) -> None:
    async with control(path, ACTS):
        assert [await ask(path, "double", number=n) for n in (1, 2)] == [2, 4]


async def test_only_the_same_user_gets_through(path: Path) -> None:
    async with control(path, ACTS):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


async def test_an_error_of_ours_is_told(path: Path) -> None:
    async with control(path, ACTS):
        with pytest.raises(StoreUnavailable, match="the disk is full"):
            await ask(path, "fail")


@pytest.mark.parametrize(
    "line",
    [b"{", b"[]", b'"do"', b"{}", b'{"do": "halt"}', b'{"do": ["double"]}', b'{"do": "double"}', b'{"do":"double","number":"x"}'],
)
async def test_what_is_not_understood_hurts_nobody(path: Path, line: bytes) -> None:
    async with control(path, ACTS):
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(line + b"\n")
        assert "error" in json.loads(await reader.readline())
        writer.write(b'{"do": "double", "number": 4}\n')
        assert json.loads(await reader.readline()) == {"ok": 8}
        writer.close()


async def test_a_line_without_end_is_cut_off(path: Path) -> None:
    async with control(path, ACTS):
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(b"x" * (LINE_BYTES + 1_000_000))
        with contextlib.suppress(ConnectionError):  # what it did not read of it is lost, and told so
            assert await reader.read() == b""
        writer.close()
        assert await ask(path, "double", number=1) == 2


async def test_nobody_serves_where_no_socket_is_or_one_was_left_by_the_dead(path: Path) -> None:
    with pytest.raises(NobodyServes):
        await ask(path, "double", number=1)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with pytest.raises(NobodyServes):
        await ask(path, "double", number=1)
    async with control(path, ACTS):
        assert await ask(path, "double", number=1) == 2
    assert path.name not in os.listdir(path.parent)


async def test_a_path_longer_than_a_socket_s_may_be(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    path = beside(folder / "votes.db")
    async with control(path, ACTS):
        assert await ask(path, "double", number=1) == 2


async def test_where_no_socket_can_be_made_all_else_goes_on(tmp_path: Path) -> None:
    async with control(tmp_path / "missing" / "socket", ACTS):
        pass
