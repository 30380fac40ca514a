"""The profiles as a URL and a word ask for them: what a server must be for it, and what is said if it is not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from vaiven.model.errors import SettingsError, StoreMismatch, StoreUnavailable
from vaiven.stores import open_store
from vaiven.stores.contract import Store
from vaiven.stores.registry import public
from vaiven.testing import servers
from vaiven.testing.builders import make_event
from vaiven.testing.servers import Server


@asynccontextmanager
async def opened(url: str, profile: str) -> AsyncIterator[Store]:
    store = open_store(url, profile=profile)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def test_fast_is_content_with_the_servers_word(redis_server: Server) -> None:
    async with opened(redis_server.url, "redis-fast") as store:
        assert await store.accept([make_event()]) == [1]
    assert redis_server.calls("wait") + redis_server.calls("waitaof") == 0


async def test_strict_waits_for_a_replica_and_says_what_to_do_where_there_is_none(own_server: Server) -> None:
    with pytest.raises(StoreUnavailable, match=r"0 of 1 replicas' disks: .*replicas that follow.*\?replicas=0 in the"):
        async with opened(own_server.url, "redis-strict"):
            pass


async def test_strict_with_no_replicas_is_an_explicit_choice(own_server: Server) -> None:
    async with opened(f"{own_server.url}?replicas=0", "redis-strict") as store:
        waits = own_server.calls("waitaof")
        assert await store.accept([make_event()]) == [1]
        assert own_server.calls("waitaof") > waits


async def test_strict_waits_for_as_many_replicas_as_are_asked_for() -> None:
    with servers.primary_and_replica() as (primary, _):
        async with opened(primary.url, "redis-strict") as store:
            await store.accept([make_event()])
        with pytest.raises(StoreUnavailable, match="1 of 2 replicas' disks"):
            async with opened(f"{primary.url}?replicas=2", "redis-strict"):
                pass


async def test_strict_needs_a_file(redis_server: Server) -> None:
    with servers.server() as forgetful, pytest.raises(StoreMismatch, match="set appendonly yes"):
        async with opened(forgetful.url, "redis-strict"):
            pass


def test_replicas_are_of_strict_alone() -> None:
    with pytest.raises(SettingsError, match="for the profile redis-strict"):
        open_store("redis://127.0.0.1:1?replicas=1", profile="redis-fast")


@pytest.mark.parametrize(
    "url",
    [
        "redis://ann:tulip%40x@127.0.0.1:1",
        "redis://ann:tulip/x@y@127.0.0.1:1",
        "rediss+cluster://:tulip@127.0.0.1:1,127.0.0.1:2",
        "reddis://ann:tulip@127.0.0.1:1",
    ],
)
async def test_no_error_shows_a_password(url: str) -> None:
    assert public(url) == f"{url.partition(':')[0]}://{url.rpartition('@')[2]}"
    with pytest.raises((SettingsError, StoreUnavailable)) as found:
        await asyncio.wait_for(open_store(url).open(), 10)
    assert "tulip" not in str(found.value)


def test_a_file_may_have_an_at_in_its_name() -> None:
    assert public("sqlite:////var/lib/a@b.db") == "sqlite:////var/lib/a@b.db"
