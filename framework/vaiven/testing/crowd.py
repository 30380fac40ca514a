"""A crowd that is not real: viewers who vote by signed Twilio and WhatsApp webhooks, over HTTP, as the providers would post them.

    crowd = Crowd("http://127.0.0.1:8080", "https://bot.example", [TwilioLine(token="…")], rate_per_s=50, contacts=2000)
    await crowd.run(stop)
    crowd.stats.acked, crowd.stats.failed

The traffic is open-loop: it comes at its own rate, in waves, whether or not the server keeps up, and what could not be posted in
time is counted as skipped and not made up for later.
"""

import asyncio
import contextlib
import math
import random
import secrets
import time
from collections import Counter, deque
from collections.abc import Sequence

import aiohttp
import msgspec

from vaiven.testing import numbers, webhooks

KEPT_FREE = 100
"""The first hundred numbers of each range are left to people: phones on a page, tests."""

ACTS: tuple[tuple[str, ...], ...] = (("1", "anna", "luca"), ("2", "bea", "tom"), ("3", "cleo", "max"))
"""What votes for each option: its position first, then its names."""

NOISE = ("hello?", "who is this", "99", "🎉🎉", "I love this show", "vote for the one with the hat", "?", "no idea " * 30)

HABITS = {"vote": 880, "typo": 40, "bare": 20, "rules": 20, "noise": 30, "stop": 10}
"""How often people send what, per thousand."""

WAVE_S = 40.0
SWELL = 0.6
"""The rate swings by this share around its mean, once in ``WAVE_S``."""

TICK_S = 0.05
TIMEOUT_S = 10.0


class TwilioLine(msgspec.Struct, frozen=True, kw_only=True):
    """A Twilio number of the bot's: ``name`` is the channel's, as in ``/hooks/<name>``."""

    token: str
    name: str = "sms"
    number: str = "+12025550100"
    account: str = "AC00000000000000000000000000000001"


class WhatsAppLine(msgspec.Struct, frozen=True, kw_only=True):
    """A WhatsApp Cloud number of the bot's; ``secret`` is the app's."""

    secret: str
    name: str = "whatsapp"
    number: str = "+12025550100"
    phone_number_id: str = "290000000000002"
    waba: str = "190000000000001"


Line = TwilioLine | WhatsAppLine


class Viewer(msgspec.Struct, frozen=True):
    """One person: the line they write to, and the number they write from."""

    line: Line
    number: str


class Post(msgspec.Struct, frozen=True):
    """One webhook to be posted at ``path``; ``id`` is the provider's message id, ``kind`` one of ``HABITS`` or ``start``."""

    path: str
    webhook: webhooks.Webhook
    viewer: Viewer
    id: str
    kind: str
    text: str


class Stats:
    """What the crowd did and what it was told, honestly: nothing is taken back, late or lost is counted.

    ``posted`` requests were begun, ``acked`` answered with 2xx; ``statuses`` has the others by status, ``failed`` those
    without an answer by kind of failure; ``skipped`` were due and never begun, since every connection was busy. ``kinds``
    says what people sent.
    """

    def __init__(self) -> None:
        self.posted = 0
        self.acked = 0
        self.skipped = 0
        self.statuses: Counter[int] = Counter()
        self.failed: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self._ack_ms: deque[float] = deque(maxlen=10_000)

    def answered(self, status: int, ack_ms: float) -> None:
        """An answer came after ``ack_ms`` milliseconds."""
        if 200 <= status < 300:
            self.acked += 1
            self._ack_ms.append(ack_ms)
        else:
            self.statuses[status] += 1

    def ack_ms(self, share: float) -> float | None:
        """What ``share`` of the latest 10,000 acknowledged requests stayed within, in milliseconds; None before the first."""
        ranked = sorted(self._ack_ms)
        return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else None


class Viewers:
    """Who sends what next. The same seed gives the same people sending the same words in the same order.

    Message ids begin with ``run``, random unless given, so that a crowd that comes again is not taken for redelivered webhooks.
    """

    def __init__(
        self,
        public_url: str,
        lines: Sequence[Line],
        contacts: int,
        seed: int,
        *,
        acts: Sequence[Sequence[str]] = ACTS,
        run: str | None = None,
    ) -> None:
        self._public_url = public_url.rstrip("/")
        self._random = random.Random(seed)
        self._acts = acts
        self._favour = [1.0 / (place + 1) for place in range(len(acts))]
        self._run = run or secrets.token_hex(8)
        self._count = 0
        self._stopped: deque[Viewer] = deque()
        self.viewers = people(lines, contacts)

    def next(self, now_s: float) -> Post:
        """The next message of the crowd, sent at ``now_s`` (Unix time)."""
        viewer, kind = self._random.choice(self.viewers), self._random.choices(tuple(HABITS), tuple(HABITS.values()))[0]
        # Nearly everyone who stopped wants back in, sooner or later.
        if len(self._stopped) > 5 and self._random.random() < 0.05:
            viewer, kind = self._stopped.popleft(), "start"
        elif kind == "stop":
            self._stopped.append(viewer)
        return self.post(viewer, kind, self._words(kind), now_s)

    def post(self, viewer: Viewer, kind: str, text: str, now_s: float) -> Post:
        """``text`` as the webhook that ``viewer``'s provider makes of it."""
        self._count += 1
        line, number = viewer.line, f"{self._run}{self._count:016x}"
        path = f"/hooks/{line.name}"
        if isinstance(line, TwilioLine):
            sid, url = f"SM{number}", self._public_url + path
            webhook = webhooks.twilio_message(
                url, line.token, account=line.account, sid=sid, sender=viewer.number, to=line.number, text=text
            )
        else:
            sid = f"wamid.{number}"
            value = webhooks.whatsapp_text(sender=viewer.number, id=sid, text=text, at_s=int(now_s))
            webhook = webhooks.whatsapp(
                line.secret, waba=line.waba, phone_number_id=line.phone_number_id, number=line.number, values=[value]
            )
        return Post(path, webhook, viewer, sid, kind, text)

    def _words(self, kind: str) -> str:
        pick = self._random.choice
        if kind == "noise":
            return pick(NOISE)
        if kind not in ("vote", "typo"):
            return pick(
                {"bare": ("VOTE", "vote", "Vote?"), "rules": ("RULES", "rules"), "stop": ("STOP", "stop")}.get(kind, ("START",))
            )
        position, *names = self._random.choices(self._acts, self._favour)[0]
        name = pick(names) if names else position
        if kind == "typo":
            name = self._misspelt(name)
        forms = (position, position, name, name.title(), f"VOTE {position}", f"vote {name}", f"V {position}", f" {name}! ")
        return pick(forms if kind == "vote" else (name, f"vote {name}", f"vte {name}"))

    def _misspelt(self, word: str) -> str:
        at = self._random.randrange(len(word))
        return self._random.choice((word[:at] + word[at:][:1] * 2 + word[at + 1 :], word[:at] + word[at + 1 :] or word))


def people(lines: Sequence[Line], contacts: int) -> list[Viewer]:
    """``contacts`` viewers spread evenly over the lines, each with a number of its own that belongs to nobody.

    Raises:
        ValueError: no line, or more people than there are fictitious numbers.
    """
    if not lines:
        raise ValueError("a crowd needs at least one line to write to")
    british, american = iter(range(KEPT_FREE, numbers.BRITISH_MOBILE)), iter(range(KEPT_FREE, numbers.NORTH_AMERICAN))
    found = []
    for index in range(contacts):
        line = lines[index % len(lines)]
        mobile = next(british, None) if isinstance(line, WhatsAppLine) else None
        area = next(american, None) if mobile is None else None
        if mobile is None and area is None:
            raise ValueError(f"there are numbers for {index} people, not for {contacts}")
        found.append(Viewer(line, numbers.british_mobile(mobile) if mobile is not None else numbers.north_american(area or 0)))
    return found


def due(elapsed_s: float, rate_per_s: float) -> float:
    """How many messages have come by ``elapsed_s``: ``rate_per_s`` on the whole, in waves that begin on the way up."""
    turn = 2 * math.pi / WAVE_S
    return rate_per_s * (elapsed_s + SWELL * (1 - math.cos(turn * elapsed_s)) / turn)


class Crowd:
    """Viewers who post to the server at ``url``, which the outside knows as ``public_url``.

    ``rate_per_s`` is the mean over a wave; ``contacts`` how many different people; ``twice`` the share of webhooks that the
    provider delivers a second time, at the same moment; ``connections`` how many requests are under way at most.
    """

    def __init__(
        self,
        url: str,
        public_url: str,
        channels: Sequence[Line],
        rate_per_s: float = 20.0,
        contacts: int = 1000,
        seed: int = 0,
        *,
        acts: Sequence[Sequence[str]] = ACTS,
        twice: float = 0.0,
        connections: int = 16,
    ) -> None:
        self.stats = Stats()
        self._url = url.rstrip("/")
        self._viewers = Viewers(public_url, channels, contacts, seed, acts=acts)
        self._rate_per_s = rate_per_s
        self._twice = twice
        self._connections = connections
        self._random = random.Random(seed)
        self._queue: asyncio.Queue[Post] = asyncio.Queue(connections * 4)

    async def run(self, stop: asyncio.Event) -> None:
        """Send until ``stop`` is set; what is under way then is finished."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        connector = aiohttp.TCPConnector(limit=self._connections)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            posters = [asyncio.create_task(self._drain(session)) for _ in range(self._connections)]
            try:
                await self._plan(stop)
                await self._queue.join()
            finally:
                for poster in posters:
                    poster.cancel()
                await asyncio.gather(*posters, return_exceptions=True)

    async def _plan(self, stop: asyncio.Event) -> None:
        began, planned = time.monotonic(), 0
        while not stop.is_set():
            target = int(due(time.monotonic() - began, self._rate_per_s))
            for _ in range(target - planned):
                self._offer()
            planned = target
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await stop.wait()

    def _offer(self) -> None:
        copies = 2 if self._random.random() < self._twice else 1
        if self._queue.qsize() + copies > self._queue.maxsize:
            self.stats.skipped += 1
            return
        post = self._viewers.next(time.time())
        self.stats.kinds[post.kind] += 1
        for _ in range(copies):
            self._queue.put_nowait(post)

    async def _drain(self, session: aiohttp.ClientSession) -> None:
        while True:
            post = await self._queue.get()
            try:
                await self._send(session, post)
            finally:
                self._queue.task_done()

    async def _send(self, session: aiohttp.ClientSession, post: Post) -> None:
        self.stats.posted += 1
        began = time.perf_counter()
        try:
            async with session.post(self._url + post.path, data=post.webhook.body, headers=dict(post.webhook.headers)) as answer:
                await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            self.stats.failed[type(error).__name__] += 1
        else:
            self.stats.answered(answer.status, (time.perf_counter() - began) * 1000)
