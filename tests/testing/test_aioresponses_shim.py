"""aioresponses under aiohttp 3.14."""

import aiohttp
import pytest
from aioresponses import aioresponses

from vaiven.testing.aioresponses_shim import mocked_responses, shim_is_needed

URL = "https://api.example/orders"


async def test_answers_come_back_under_this_aiohttp():
    with mocked_responses() as mocked:
        mocked.get(URL, payload={"id": 7}, headers={"X-Trace": "1"})
        mocked.post(URL, status=503, body="busy")
        async with aiohttp.ClientSession() as client:
            async with client.get(URL) as answer:
                assert (answer.status, answer.headers["X-Trace"], await answer.json()) == (200, "1", {"id": 7})
            async with client.post(URL, json={"n": 1}) as answer:
                assert (answer.status, await answer.text()) == (503, "busy")
        mocked.assert_any_call(URL, "POST", json={"n": 1})


async def test_exceptions_and_unknown_addresses_are_as_ever():
    with mocked_responses() as mocked:
        mocked.get(URL, exception=TimeoutError())
        async with aiohttp.ClientSession() as client:
            with pytest.raises(TimeoutError):
                await client.get(URL)
            with pytest.raises(aiohttp.ClientConnectionError):
                await client.get(URL)


async def test_the_shim_is_still_needed():
    """Fails when a release of aioresponses works with this aiohttp: then the shim can go."""
    with aioresponses() as mocked:
        mocked.get(URL, payload={})
        async with aiohttp.ClientSession() as client:
            try:
                await client.get(URL)
            except TypeError as error:
                assert "stream_writer" in str(error)  # noqa: PT017 - it must fail in just this way
            else:
                pytest.fail("aioresponses works with this aiohttp by itself now: remove vaiven.testing.aioresponses_shim")
    assert shim_is_needed()
