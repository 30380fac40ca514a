"""Calls to providers: over connections of our own where httptools is installed; else, and by proxies, by aiohttp's client."""

import asyncio
import logging
import select
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from vaiven.channels.contract import ProviderRequest, ProviderResponse
from vaiven.runtime.transport import Answer, NoResponse, Transport

log = logging.getLogger("vaiven.http")

TIMEOUT_S = 15.0
CONNECT_TIMEOUT_S = 5.0
RESPONSE_LIMIT_BYTES = 256 * 1024
"""More than any provider answers to a send; what is beyond is not read."""


def make_transport(connections: int) -> Transport:
    """The best transport that this machine has, for so many calls at a time. Needs a running event loop."""
    if find_spec("httptools") is None or not hasattr(select, "poll"):  # Windows has none
        return AiohttpTransport(connections)
    from vaiven.edge.http_pool import PooledTransport

    straight = PooledTransport(connections)
    return ByProxy(straight, AiohttpTransport(connections)) if getproxies() else straight


class AiohttpTransport:
    """Calls by aiohttp's client: always there, and knows the proxies that the environment names (not of ``all_proxy``)."""

    def __init__(self, connections: int) -> None:
        import aiohttp

        self._aiohttp = aiohttp
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections),
            # A connection and the answer have a time each: of one for both nobody could tell whether the request had gone.
            timeout=aiohttp.ClientTimeout(2 * TIMEOUT_S, connect=TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S, sock_read=TIMEOUT_S),
            auto_decompress=True,
            trust_env=True,
        )
        self._calls: set[asyncio.Task[None]] = set()

    def send(self, request: ProviderRequest, done: Callable[[Answer], None]) -> None:
        task = asyncio.get_running_loop().create_task(self._call(request, done))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def close(self) -> None:
        for task in self._calls:
            task.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        await self._session.close()

    async def _call(self, request: ProviderRequest, done: Callable[[Answer], None]) -> None:
        answer: Answer
        try:
            async with self._session.request(
                request.method, request.url, headers=list(request.headers), data=request.body, allow_redirects=False
            ) as response:
                body = b""
                while len(body) < RESPONSE_LIMIT_BYTES and (piece := await response.content.readany()):
                    body += piece
                headers = {name.lower(): value for name, value in response.headers.items()}
                answer = ProviderResponse(response.status, headers, body)
        except (self._aiohttp.ClientConnectorError, self._aiohttp.InvalidURL) as error:
            answer = NoResponse(False, f"no connection: {type(error).__name__}")
        except (self._aiohttp.ClientError, TimeoutError, OSError) as error:
            answer = NoResponse(not isinstance(error, self._aiohttp.ConnectionTimeoutError), type(error).__name__)
        except asyncio.CancelledError:
            done(NoResponse(True, "cancelled"))
            raise
        except Exception as error:
            # Whatever it was, the row must be settled: nobody knows how far the call had come.
            log.exception("a call failed: %s", type(error).__name__)
            answer = NoResponse(True, type(error).__name__)
        done(answer)


class ByProxy:
    """Calls that the environment (``https_proxy``, ``http_proxy``, ``no_proxy``) sends through a proxy go by one transport, the
    others by another."""

    def __init__(self, straight: Transport, proxied: Transport) -> None:
        self._straight = straight
        self._proxied = proxied

    def send(self, request: ProviderRequest, done: Callable[[Answer], None]) -> None:
        (self._proxied if _goes_by_proxy(request.url) else self._straight).send(request, done)

    async def close(self) -> None:
        await self._straight.close()
        await self._proxied.close()


@lru_cache(maxsize=512)
def _goes_by_proxy(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in getproxies() and not proxy_bypass(parts.netloc)
    except ValueError:  # no address at all: whoever calls says so
        return False


class InProcess:
    """Answers requests to ``scheme://`` by a pure function, without a socket; passes the rest on."""

    def __init__(self, scheme: str, answer: Callable[[ProviderRequest], ProviderResponse], outer: Transport) -> None:
        self._prefix = f"{scheme}://"
        self._answer = answer
        self._outer = outer

    def send(self, request: ProviderRequest, done: Callable[[Answer], None]) -> None:
        if request.url.startswith(self._prefix):
            asyncio.get_running_loop().call_soon(done, self._answer(request))
        else:
            self._outer.send(request, done)

    async def close(self) -> None:
        await self._outer.close()
