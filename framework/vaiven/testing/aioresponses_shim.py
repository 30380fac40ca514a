"""Makes aioresponses work with aiohttp 3.14, whose responses want to know the writer that sent the request.

    with mocked_responses() as mocked:
        mocked.post("https://api.example/orders", payload={"id": 7})

aioresponses 0.7.9 builds a ``ClientResponse`` without ``stream_writer`` and fails with a TypeError. Once a release of it
passes one, ``shim_is_needed`` says False and ``aioresponses.aioresponses`` can be used as it is.
"""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import ClientResponse
from aioresponses import aioresponses
from aioresponses.core import RequestMatch


class _Sent:
    """The writer of a request that is wholly sent: a response asks it for nothing but how much that was."""

    output_size = 0


def shim_is_needed() -> bool:
    """Whether this aiohttp wants a ``stream_writer`` that this aioresponses does not know of."""
    wants = "stream_writer" in inspect.signature(ClientResponse.__init__).parameters
    return wants and "stream_writer" not in inspect.getsource(RequestMatch)


class _Response(ClientResponse):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("stream_writer", _Sent())
        super().__init__(*args, **kwargs)


class MockedResponses(aioresponses):
    """``aioresponses`` whose answers aiohttp 3.14 can build. A ``response_class`` that is given is left alone."""

    def add(self, *args: Any, **kwargs: Any) -> None:
        """As ``aioresponses.add``; ``get``, ``post`` and the others come through here."""
        if shim_is_needed() and kwargs.get("response_class") is None:
            kwargs["response_class"] = _Response
        super().add(*args, **kwargs)


@contextmanager
def mocked_responses(**kwargs: Any) -> Iterator[MockedResponses]:
    """Answer the requests of every aiohttp client session from here; the keywords are those of ``aioresponses``."""
    mocked = MockedResponses(**kwargs)
    with mocked:
        yield mocked
