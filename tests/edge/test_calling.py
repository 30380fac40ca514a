"""HTTP calls of flows, over real sockets to servers on this machine, with a resolver that lies as it is told."""

import asyncio
import gzip
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from aiohttp import web

from vaiven.edge.calling import HttpCaller, look_up
from vaiven.edge.reach import Reach
from vaiven.model.calls import MAX_ANSWER, HttpCall
from vaiven.runtime.call_outcomes import Answered, NoAnswer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Answers as it is told, and remembers what it was asked. ``connections`` counts those made to it."""

    def __init__(self) -> None:
        self.asked: list[web.Request] = []
        self.bodies: list[bytes] = []
        self.answers: dict[str, Handler] = {}
        self.connections = 0
        self.port = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        self.bodies.append(await request.read())
        answer = self.answers.get(request.path)
        return web.json_response({"path": request.path}) if answer is None else await answer(request)

    async def start(self, host: str = "127.0.0.1", port: int = 0, context: ssl.SSLContext | None = None) -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self.handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        made = runner.server
        assert made is not None

        def protocol():
            self.connections += 1
            return made()

        self.listener = await asyncio.get_running_loop().create_server(protocol, host, port, ssl=context)
        self.port = self.listener.sockets[0].getsockname()[1]
        return runner

    def says(self, path: str, status: int = 200, body: bytes = b"{}", **headers: str) -> None:
        async def answer(_: web.Request) -> web.Response:
            told = {name.replace("_", "-"): value for name, value in headers.items()}
            return web.Response(status=status, body=body, headers=told)

        self.answers[path] = answer

    def redirects(self, path: str, to: str, status: int = 302) -> None:
        self.says(path, status, b"", Location=to)


class Names:
    """A resolver: each host's addresses, the next answer each time it is asked; the last one stays."""

    def __init__(self) -> None:
        self.known: dict[str, list[Sequence[str]]] = {}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        answers = self.known.get(host)
        if not answers:
            raise OSError(f"no {host}")
        return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture
def names() -> Names:
    return Names()


@pytest.fixture
async def serving() -> AsyncIterator[Callable[..., Awaitable[Server]]]:
    started: list[tuple[Server, web.AppRunner]] = []

    async def start(**how) -> Server:
        server = Server()
        started.append((server, await server.start(**how)))
        return server

    yield start
    for server, runner in started:
        server.listener.close()
        await runner.cleanup()


@pytest.fixture
async def server(serving) -> Server:
    return await serving()


@pytest.fixture
async def calling(names: Names) -> AsyncIterator[Callable[..., HttpCaller]]:
    made: list[HttpCaller] = []

    def make(*allow: str, look_up=names, **more) -> HttpCaller:
        made.append(HttpCaller(Reach(allow), look_up, **more))
        return made[-1]

    yield make
    for caller in made:
        await caller.close()


async def test_a_get_brings_its_answer(server: Server, calling) -> None:
    caller = calling("127.0.0.1")
    answer = await caller.call(HttpCall("GET", f"http://127.0.0.1:{server.port}/slots?day=2026-11-27&x=%C3%A9"), None, 5)
    assert answer == Answered(200, b'{"path": "/slots"}')
    (asked,) = server.asked
    assert asked.raw_path == "/slots?day=2026-11-27&x=%C3%A9"
    assert asked.headers["Accept"] == "application/json"
    assert asked.headers["Accept-Encoding"] == "identity"
    assert not {"Cookie", "Idempotency-Key", "Content-Type"} & {*asked.headers}


async def test_a_post_brings_its_body_and_its_key(server: Server, calling) -> None:
    url = f"http://127.0.0.1:{server.port}/bookings"
    call = HttpCall("POST", url, (("X-Desk", "é 7"), ("authorization", "Bearer t")), b'{"n": 4}')
    answer = await calling("127.0.0.1").call(call, "s:7", 5)
    assert isinstance(answer, Answered)
    (asked,) = server.asked
    assert server.bodies == [b'{"n": 4}']
    assert (asked.headers["Idempotency-Key"], asked.headers["Content-Type"]) == ("s:7", "application/json")
    assert (asked.headers["X-Desk"], asked.headers["Authorization"]) == ("é 7", "Bearer t")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_every_method(server: Server, calling, method: str) -> None:
    await calling("127.0.0.1").call(HttpCall(method, f"http://127.0.0.1:{server.port}/"), None, 5)
    assert [asked.method for asked in server.asked] == [method]


@pytest.mark.parametrize(("status", "body"), [(404, b'{"error": "none"}'), (503, b""), (204, b""), (500, b"<html>")])
async def test_a_status_is_kept_with_its_body(server: Server, calling, status: int, body: bytes) -> None:
    server.says("/x", status, body)
    assert await calling("127.0.0.1").call(HttpCall("GET", f"http://127.0.0.1:{server.port}/x"), None, 5) == Answered(
        status, body
    )


@pytest.mark.parametrize(("told", "after_s"), [("7", 7.0), ("999999999", None), ("soon", None), ("99999999", 3600.0)])
async def test_a_pause_that_is_asked_for(server: Server, calling, told: str, after_s: float | None) -> None:
    server.says("/x", 429, b"", Retry_After=told)
    answer = await calling("127.0.0.1").call(HttpCall("GET", f"http://127.0.0.1:{server.port}/x"), None, 5)
    assert answer == Answered(429, b"", after_s)


# -- bounded -----------------------------------------------------------------------------------------------------------


async def test_a_long_answer_is_not_read_to_its_end(server: Server, calling) -> None:
    written = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while written < 1 << 30:
                await response.write(b"x" * 65536)
                written += 65536
        except ConnectionError:
            pass
        return response

    server.answers["/x"] = endless
    answer = await calling("127.0.0.1").call(HttpCall("GET", f"http://127.0.0.1:{server.port}/x"), None, 10)
    assert answer == Answered(200, b"", None, "too big")
    assert written < 64 << 20


async def test_the_longest_answer_that_is_kept(server: Server, calling) -> None:
    server.says("/fits", 200, b'"' + b"x" * (MAX_ANSWER - 2) + b'"')
    server.says("/over", 200, b'"' + b"x" * (MAX_ANSWER - 1) + b'"')
    caller = calling("127.0.0.1")
    fits = await caller.call(HttpCall("GET", f"http://127.0.0.1:{server.port}/fits"), None, 5)
    over = await caller.call(HttpCall("GET", f"http://127.0.0.1:{server.port}/over"), None, 5)
    assert [fits.flaw, over.flaw] == ["", "too big"]


async def test_a_packed_answer_is_not_unpacked(server: Server, calling) -> None:
    server.says("/x", 200, gzip.compress(b"0" * 10_000_000), Content_Encoding="gzip")
    answer = await calling("127.0.0.1").call(HttpCall("GET", f"http://127.0.0.1:{server.port}/x"), None, 5)
    assert answer == Answered(200, b"", None, "no json")


async def test_a_server_that_does_not_answer(server: Server, calling) -> None:
    async def hang(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        raise AssertionError

    server.answers["/x"] = hang
    answer = await calling("127.0.0.1").call(HttpCall("POST", f"http://127.0.0.1:{server.port}/x", body=b"{}"), None, 0.2)
    assert answer == NoAnswer("timeout", sent=True)


async def test_a_server_that_drips(server: Server, calling) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(600):
            await response.write(b" ")
            await asyncio.sleep(0.05)
        return response

    server.answers["/x"] = drip
    answer = await calling("127.0.0.1").call(HttpCall("GET", f"http://127.0.0.1:{server.port}/x"), None, 0.3)
    assert answer == NoAnswer("timeout", sent=True)


async def test_nobody_listens(server: Server, calling) -> None:
    server.listener.close()
    answer = await calling("127.0.0.1").call(HttpCall("POST", f"http://127.0.0.1:{server.port}/x", body=b"{}"), None, 5)
    assert answer == NoAnswer("refused", sent=False)


async def test_a_name_that_nobody_knows(calling) -> None:
    answer = await calling("nowhere.example").call(HttpCall("GET", "http://nowhere.example/"), None, 5)
    assert answer == NoAnswer("refused", sent=False)


async def test_a_resolver_that_does_not_answer(calling) -> None:
    async def silent(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(60)
        return []

    answer = await calling(look_up=silent).call(HttpCall("GET", "https://api.example/"), None, 0.1)
    assert answer == NoAnswer("timeout", sent=False)


async def test_a_line_that_is_cut_after_the_request(server: Server, calling) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    server.answers["/x"] = cut
    answer = await calling("127.0.0.1").call(HttpCall("POST", f"http://127.0.0.1:{server.port}/x", body=b"{}"), None, 5)
    assert answer == NoAnswer("unknown", sent=True)


async def test_an_answer_that_is_no_http(calling, serving) -> None:
    async def rubbish(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-x\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(rubbish, "127.0.0.1", 0) as front:
        port = front.sockets[0].getsockname()[1]
        answer = await calling("127.0.0.1").call(HttpCall("POST", f"http://127.0.0.1:{port}/x", body=b"{}"), None, 5)
    assert isinstance(answer, NoAnswer)
    assert answer == NoAnswer("unknown", sent=True)


# -- guarded -----------------------------------------------------------------------------------------------------------

WAYS = (
    "127.0.0.1 127.0.0.2 127.1 127.0.1 2130706433 0x7f000001 0x7f.0.0.1 017700000001 0177.0.0.1 127.000.000.001 0 0.0.0.0 "
    "localhost LOCALHOST localhost. [::1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1] [0:0:0:0:0:ffff:127.0.0.1] [64:ff9b::7f00:1] "
    "[2002:7f00:1::] [::127.0.0.1] 127。0。0。1 １２７.0.0.1 ①②⑦.0.0.1 "
    "api.example@127.0.0.1 127.0.0.1%23.api.example 127.0.0.1%00.api.example api.example%40127.0.0.1"
)
"""How one can write this machine's own address, between spaces."""


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", WAYS.split())
async def test_no_way_of_writing_this_machine_reaches_it(server: Server, calling, scheme: str, host: str) -> None:
    caller = calling(look_up=look_up)
    answer = await caller.call(HttpCall("GET", f"{scheme}://{host}:{server.port}/x"), None, 5)
    assert isinstance(answer, NoAnswer)
    assert answer.reason in ("forbidden", "bad request", "refused")
    assert (server.asked, server.connections) == ([], 0)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_x",
        "ftp://api.example/",
        "//api.example/",
        "api.example/",
        "https:///x",
        "https://",
        "https://api.example:0/",
        "https://api.example:99999/",
        "https://api.example:x/",
        "https://user:pass@api.example/",
        "https://api.example\\@127.0.0.1/",
        "https://api.example/a b",
        "https://api.example/a\r\nHost: x",
        "https://api.example/\x00",
        "https://api.example/orders/../admin",
        "https://api.example/orders/%2e%2E/admin",
        "https://api.example/orders/..",
        "https://api.example/./x",
        "https://-api.example/",
        "https://" + "a" * 9000 + ".example/",
        "https://api.example/" + "a" * 9000,
        "",
    ],
)
async def test_what_is_no_address_to_call(calling, names: Names, url: str) -> None:
    assert await calling("api.example").call(HttpCall("GET", url), None, 5) == NoAnswer("bad request", sent=False)
    assert names.asked == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X", "a\r\nEvil: 1"),
        ("X", "a\nEvil: 1"),
        ("X", "\x00"),
        ("X\r\nEvil", "1"),
        ("X Y", "1"),
        ("", "1"),
        ("Host", "127.0.0.1"),
        ("Content-Length", "0"),
        ("transfer-encoding", "chunked"),
        ("Connection", "close"),
        ("Proxy-Authorization", "x"),
        ("idempotency-key", "mine"),
        ("X", "\ud800"),
        ("X", "a" * 20_000),
    ],
)
async def test_a_header_that_would_be_more_than_one(server: Server, calling, name: str, value: str) -> None:
    call = HttpCall("GET", f"http://127.0.0.1:{server.port}/x", ((name, value),))
    assert await calling("127.0.0.1").call(call, None, 5) == NoAnswer("bad request", sent=False)
    assert server.connections == 0


async def test_a_key_that_would_be_more_than_a_key(server: Server, calling) -> None:
    call = HttpCall("GET", f"http://127.0.0.1:{server.port}/x")
    assert await calling("127.0.0.1").call(call, "a\r\nEvil: 1", 5) == NoAnswer("bad request", sent=False)


async def test_a_name_of_a_private_address_is_forbidden_and_told_once(server: Server, calling, names: Names, caplog) -> None:
    names.known["api.example"] = [["127.0.0.1"]]
    caller = calling()
    for _ in range(3):
        answer = await caller.call(HttpCall("GET", f"https://api.example:{server.port}/x?who=Ola"), None, 5)
        assert answer == NoAnswer("forbidden", sent=False)
    assert server.connections == 0
    assert [record.getMessage() for record in caplog.records if record.name == "vaiven.calls"] == [
        "calls may not go to api.example: name it in calls.allow of bot.yaml if they are to"
    ]


async def test_one_private_address_among_public_ones_is_forbidden(calling, names: Names) -> None:
    names.known["api.example"] = [["8.8.8.8", "169.254.169.254"]]
    assert await calling().call(HttpCall("GET", "https://api.example/x"), None, 5) == NoAnswer("forbidden", sent=False)


async def test_plain_http_only_where_it_is_allowed(calling, names: Names) -> None:
    names.known["api.example"] = [["8.8.8.8"]]
    assert await calling().call(HttpCall("GET", "http://api.example/x"), None, 5) == NoAnswer("forbidden", sent=False)


async def test_a_name_that_is_answered_otherwise_in_between(serving, calling, names: Names) -> None:
    """Rebinding: what was checked is what is connected to, and each connection is checked anew."""
    outside = await serving(host="127.0.0.2")
    inside = await serving(host="127.0.0.1", port=outside.port)
    names.known["api.example"] = [["127.0.0.2"], ["127.0.0.1"]]
    caller = calling("127.0.0.2")
    url = f"http://api.example:{outside.port}/x"
    assert isinstance(await caller.call(HttpCall("POST", url, body=b"{}"), None, 5), Answered)
    assert names.asked == ["api.example"]
    assert outside.asked[0].headers["Host"] == f"api.example:{outside.port}"
    assert await caller.call(HttpCall("POST", url, body=b"{}"), None, 5) == NoAnswer("forbidden", sent=False)
    assert (len(outside.asked), inside.connections) == (1, 0)


async def test_nothing_is_taken_from_the_environment(server: Server, calling, monkeypatch, serving) -> None:
    proxy = await serving()
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    await calling("127.0.0.1").call(HttpCall("GET", f"http://127.0.0.1:{server.port}/x"), None, 5)
    assert (len(server.asked), proxy.connections) == (1, 0)


async def test_no_cookie_is_kept(server: Server, calling) -> None:
    server.says("/x", 200, b"{}", Set_Cookie="a=b; Path=/")
    caller = calling("127.0.0.1", "localhost")
    for _ in range(2):
        await caller.call(HttpCall("GET", f"http://127.0.0.1:{server.port}/x"), None, 5)
    assert "Cookie" not in server.asked[1].headers


async def test_gets_share_a_connection_and_others_have_their_own(server: Server, calling) -> None:
    caller = calling("127.0.0.1")
    for _ in range(3):
        await caller.call(HttpCall("GET", f"http://127.0.0.1:{server.port}/x"), None, 5)
    assert server.connections == 1
    for _ in range(3):
        await caller.call(HttpCall("POST", f"http://127.0.0.1:{server.port}/x", body=b"{}"), None, 5)
    assert server.connections == 4


# -- redirects ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_get_follows(server: Server, calling, status: int) -> None:
    server.redirects("/a", "/b?x=1", status)
    call = HttpCall("GET", f"http://127.0.0.1:{server.port}/a", (("X-Desk", "7"),))
    assert await calling("127.0.0.1").call(call, None, 5) == Answered(200, b'{"path": "/b"}')
    assert server.asked[1].headers["X-Desk"] == "7"


@pytest.mark.parametrize(("status", "method"), [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")])
async def test_a_post_follows(server: Server, calling, status: int, method: str) -> None:
    server.redirects("/a", "/b", status)
    call = HttpCall("POST", f"http://127.0.0.1:{server.port}/a", body=b'{"n": 1}')
    assert isinstance(await calling("127.0.0.1").call(call, "k", 5), Answered)
    assert [(asked.method, asked.headers["Idempotency-Key"]) for asked in server.asked] == [("POST", "k"), (method, "k")]
    assert server.bodies[1] == (b'{"n": 1}' if method == "POST" else b"")


async def test_three_redirects_and_no_more(server: Server, calling) -> None:
    for at in range(5):
        server.redirects(f"/{at}", f"/{at + 1}")
    answer = await calling("127.0.0.1").call(HttpCall("GET", f"http://127.0.0.1:{server.port}/2"), None, 5)
    assert answer == Answered(200, b'{"path": "/5"}')
    assert await calling("127.0.0.1").call(HttpCall("GET", f"http://127.0.0.1:{server.port}/0"), None, 5) == Answered(302, b"")
    assert [asked.path for asked in server.asked[4:]] == ["/0", "/1", "/2", "/3"]


@pytest.mark.parametrize(
    "to",
    [
        "http://127.0.0.1:{inside}/x",
        "http://[::ffff:127.0.0.1]:{inside}/x",
        "//127.0.0.1:{inside}/x",
        "http://inside.example:{inside}/x",
        "https://inside.example:{inside}/x",
        "file:///etc/passwd",
        "http://169.254.169.254/latest",
        "http://user@127.0.0.2:{outside}/x",
        "http://2130706433:{inside}/",
    ],
)
async def test_a_redirect_to_where_calls_may_not_go(serving, calling, names: Names, to: str) -> None:
    outside = await serving(host="127.0.0.2")
    inside = await serving(host="127.0.0.1")
    names.known["inside.example"] = [["127.0.0.1"]]
    outside.redirects("/a", to.format(inside=inside.port, outside=outside.port))
    answer = await calling("127.0.0.2").call(HttpCall("GET", f"http://127.0.0.2:{outside.port}/a"), None, 5)
    assert answer in (NoAnswer("forbidden", sent=True), Answered(302, b""))
    assert (len(outside.asked), inside.connections) == (1, 0)


async def test_a_redirect_from_outside_does_not_reach_what_is_allowed_inside(serving, calling, names: Names) -> None:
    outside, inside = await serving(host="127.0.0.2"), await serving(host="127.0.0.1")
    names.known["desk.internal"] = [["127.0.0.1"]]
    outside.redirects("/a", f"http://desk.internal:{inside.port}/delete")
    caller = calling("127.0.0.2", "desk.internal", "127.0.0.1")
    assert await caller.call(HttpCall("GET", f"http://desk.internal:{inside.port}/x"), None, 5) == Answered(
        200, b'{"path": "/x"}'
    )
    answer = await caller.call(HttpCall("GET", f"http://127.0.0.2:{outside.port}/a"), None, 5)
    assert answer == NoAnswer("forbidden", sent=True)
    assert [asked.path for asked in inside.asked] == ["/x"]


# -- TLS ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def certified(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server named api.example shows, and what trusts it."""

    def certify() -> None:
        subject = ("-subj", "/CN=api.example", "-addext", "subjectAltName=DNS:api.example")
        command = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
        files = ("-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "cert"))
        subprocess.run([*command, *files, *subject], check=True, capture_output=True)

    await asyncio.to_thread(certify)
    shows = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    shows.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    return shows, ssl.create_default_context(cafile=str(tmp_path / "cert"))


async def test_the_host_stays_the_name_that_was_called(serving, calling, names: Names, certified) -> None:
    shows, trust = certified
    told: list[str | None] = []
    shows.sni_callback = lambda _socket, name, _context: told.append(name)
    server = await serving(context=shows)
    names.known["api.example"] = names.known["other.example"] = [["127.0.0.1"]]
    caller = calling("127.0.0.1", trust=trust)
    answer = await caller.call(HttpCall("GET", f"https://api.example:{server.port}/x"), None, 5)
    assert answer == Answered(200, b'{"path": "/x"}')
    assert (server.asked[0].headers["Host"], told) == (f"api.example:{server.port}", ["api.example"])
    for host in ("other.example", "127.0.0.1"):
        answer = await caller.call(HttpCall("POST", f"https://{host}:{server.port}/x", body=b"{}"), None, 5)
        assert answer == NoAnswer("refused", sent=False)
    assert len(server.asked) == 1


async def test_a_certificate_that_nobody_trusts(serving, calling, names: Names, certified) -> None:
    server = await serving(context=certified[0])
    names.known["api.example"] = [["127.0.0.1"]]
    answer = await calling("127.0.0.1").call(HttpCall("GET", f"https://api.example:{server.port}/x"), None, 5)
    assert answer == NoAnswer("refused", sent=False)
    assert server.asked == []
