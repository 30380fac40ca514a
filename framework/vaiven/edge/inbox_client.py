"""The HTTP API as a program of ours asks it: one request at a time, acts under one key however often they are tried."""

import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from vaiven import __version__
from vaiven.model.errors import VaivenError

PATIENCE_S = 15.0
PAUSES_S = (0.5, 1.0, 2.0)
BLINKS_S = (0.1, 0.4)
LONGEST_ANSWER = 8 << 20
PAGE = 100
MOST_PAGES = 20
_LOCAL = ("localhost", "127.0.0.1", "::1")

Json = dict[str, Any]


class CannotAsk(VaivenError):
    """There is nobody to ask, or they do not know us; the text says what would be right."""


class Refusal(Exception):
    """The API refused, and did nothing. ``problem`` is its answer: ``code``, ``title``, ``detail``, perhaps ``holder``."""

    def __init__(self, problem: Json) -> None:
        super().__init__(str(problem.get("detail", "")))
        self.problem = problem

    @property
    def code(self) -> str:
        return str(self.problem.get("code", ""))


class _Stay(HTTPRedirectHandler):
    """A redirect would carry the token to somebody else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class Client:
    """The API at ``server`` (``https://…``, or ``http://`` on this machine), with an agent's token.

    Raises:
        CannotAsk: the address is none that a token may be sent to.
    """

    def __init__(self, server: str, token: str, pause: Callable[[float], None] = time.sleep) -> None:
        self.server = server.rstrip("/")
        try:
            parts = urlsplit(self.server)
            host = parts.hostname
        except ValueError:
            parts, host = urlsplit(""), None
        if not host or parts.scheme not in ("http", "https") or parts.query or parts.fragment or parts.username:
            raise CannotAsk(f"{server!r} is no address of a server. It is written as https://help.example")
        if parts.scheme == "http" and host not in _LOCAL:
            raise CannotAsk(f"{self.server} is not https: a token goes over plain http only to this machine")
        if not token or not (token.isascii() and token.isprintable()) or " " in token:
            raise CannotAsk("that is no token: it begins with vvn_ and has no spaces. `vaiven tokens create` makes one")
        self._token = token
        self._pause = pause
        proxies = [ProxyHandler({})] if parts.scheme == "http" else []
        self._opener = build_opener(_Stay(), *proxies)

    def read(self, path: str, **query: str | int | None) -> Json:
        """What stands at ``/v1`` + path. Raises CannotAsk, Refusal."""
        given = {name: value for name, value in query.items() if value not in (None, "")}
        return self._ask("GET", path + (f"?{urlencode(given)}" if given else ""), None, {})

    def pages(self, name: str, **query: str | int | None) -> Iterator[Json]:
        """Every entry of a list, page by page. Raises CannotAsk, Refusal."""
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            page = self.read(f"/{name}", **query, limit=PAGE, cursor=cursor)
            yield from page[name]
            cursor = page["next"]
            if cursor is None:
                return

    def of_address(self, address: str) -> list[Json]:
        """The conversations in the list of somebody with this address, with or without its scheme; else those that were closed.

        Raises CannotAsk, Refusal.
        """

        def listed(state: str | None = None) -> list[Json]:
            known = {one["id"]: one for one in self.pages("conversations", state=state)}
            return [one for one in known.values() if address in (one["person"], one["person"].partition(":")[2])]

        for pause_s in (0.0, *BLINKS_S):
            self._pause(pause_s)  # somebody who was taken or given back a moment ago may be in no list
            if found := listed():
                return found
        return listed("closed")

    def act(self, id: str, act: str, key: str, body: Json | None = None, version: int | None = None) -> Json:
        """Do it, once: while nobody can say what became of it, it is asked again under its key. Raises CannotAsk, Refusal."""
        headers = {"Idempotency-Key": key} | ({"If-Match": f'"{version}"'} if version is not None else {})
        path = f"/conversations/{quote(id, safe='')}/{act}"
        for pause_s in PAUSES_S:
            try:
                return self._ask("POST", path, body, headers)
            except _Passing:
                self._pause(pause_s)
        return self._ask("POST", path, body, headers)

    def _ask(self, method: str, path: str, body: Json | None, headers: Mapping[str, str]) -> Json:
        data = None if body is None else json.dumps(body).encode()
        asked = Request(f"{self.server}/v1{path}", data, method=method)  # noqa: S310 - http and https only
        asked.add_header("Authorization", f"Bearer {self._token}")
        asked.add_header("User-Agent", f"vaiven/{__version__}")
        for name, value in headers.items():
            asked.add_header(name, value)
        if data is not None:
            asked.add_header("Content-Type", "application/json")
        try:
            with self._opener.open(asked, timeout=PATIENCE_S) as response:
                status, raw = response.status, response.read(LONGEST_ANSWER)
        except HTTPError as error:
            with error:
                status, raw = error.code, error.read(LONGEST_ANSWER)
        except (URLError, OSError, HTTPException) as error:
            raise self._nobody(error) from error
        return self._answered(status, raw)

    def _answered(self, status: int, raw: bytes) -> Json:
        try:
            told = json.loads(raw)
        except ValueError:
            told = None
        if not isinstance(told, dict) or (status >= 300 and "code" not in told):
            raise CannotAsk(f"{self.server} answers, but not as vaiven does (status {status}): is it the right address?")
        if status == 401:
            raise CannotAsk(
                f"{self.server} does not take this token: it is wrong, or was revoked. `vaiven tokens create` makes one"
            )
        if status in (202, 429, 503):
            raise _Passing(f"{self.server}: {told.get('detail', 'it is stored, and its turn is still to come.')}")
        if status >= 300:
            raise Refusal(told)
        return told

    def _nobody(self, error: Exception) -> CannotAsk:
        reason = error.reason if isinstance(error, URLError) else error
        if isinstance(reason, ConnectionRefusedError):
            cure = "Start the bot with `vaiven run`, or say where it is: --server URL, or VAIVEN_SERVER"
            return CannotAsk(f"nobody serves at {self.server}. {cure}")
        if isinstance(reason, ssl.SSLError):
            return CannotAsk(f"{self.server} cannot be trusted: {reason.reason or type(reason).__name__}")
        why = reason.strerror if isinstance(reason, OSError) and reason.strerror else type(reason).__name__
        return _Passing(f"{self.server} does not answer: {why}")


class _Passing(CannotAsk):
    """It may go well the next time; an act may have been done, and the same key finds that out."""
