"""Delivery receipts as providers post them: signed, and if so wished doubled, in the wrong order, or before their time."""

import asyncio
import time
from collections import Counter

import aiohttp
import msgspec

from vaiven.testing import webhooks, wire

WAITING = 10_000
"""Receipts that may wait to be posted; above it they are counted as dropped, so a dead bot costs no memory."""
POSTERS = 4


class Receipts(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of messages, and how it is told.

    ``public_url`` is the bot's public URL, which is what gets signed; ``url`` the one that it is reached by, where they differ.
    Twilio's go to the StatusCallback of each message, Meta's to ``whatsapp_path`` and ``messenger_path`` (None: not told).
    Each of ``statuses`` is told ``copies`` times, ``after_s`` seconds after the send; ``backwards``: the last one first;
    ``early``: the first one is posted, and answered, before the send call itself is answered.
    """

    public_url: str
    url: str | None = None
    whatsapp_path: str | None = None
    messenger_path: str | None = None
    statuses: tuple[str, ...] = ("sent", "delivered")
    after_s: float = 0.0
    copies: int = 1
    backwards: bool = False
    early: bool = False


class ReceiptSender:
    """Posts receipts from a bounded queue. ``answers`` counts what the bot said, by status, or the kind of failure."""

    def __init__(self, plan: Receipts | None, twilio_token: str, meta_secret: str) -> None:
        self.plan = plan
        self.answers: Counter[str] = Counter()
        self._twilio_token = twilio_token
        self._meta_secret = meta_secret
        self._queue: asyncio.Queue[tuple[float, str, webhooks.Webhook]] = asyncio.Queue(WAITING)
        self._posters: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None

    async def sent(self, asked: wire.Request, id: str, account: str) -> None:
        """A message went out: tell what the plan wants told, now or later."""
        plan = self.plan
        if plan is None:
            return
        made = [self._webhook(plan, asked, id, account, status) for status in plan.statuses]
        told = [webhook for webhook in made if webhook is not None for _ in range(plan.copies)]
        if plan.backwards:
            told.reverse()
        if told and plan.early:
            await self._post(*told.pop(0))
        due = time.monotonic() + plan.after_s
        for url, webhook in told:
            if self._queue.full():
                self.answers["dropped"] += 1
            else:
                self._queue.put_nowait((due, url, webhook))
        if told and not self._posters:
            self._posters = [asyncio.create_task(self._drain()) for _ in range(POSTERS)]

    async def settled(self) -> None:
        """Return once everything that was to be told has been told."""
        await self._queue.join()

    async def close(self) -> None:
        """Stop telling; what waits is forgotten."""
        for poster in self._posters:
            poster.cancel()
        await asyncio.gather(*self._posters, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _webhook(
        self, plan: Receipts, asked: wire.Request, id: str, account: str, status: str
    ) -> tuple[str, webhooks.Webhook] | None:
        now_s = time.time()
        if asked.channel == wire.TWILIO:
            if asked.callback is None:
                return None
            told = webhooks.twilio_status(
                asked.callback, self._twilio_token, account=account, sid=id, status=status, sender=asked.sender, to=asked.to
            )
            return self._reach(plan, asked.callback), told
        if asked.channel == wire.WHATSAPP and plan.whatsapp_path is not None:
            value = webhooks.whatsapp_status(id=id, to=asked.to, status=status, at_s=int(now_s), reference=asked.reference)
            told = webhooks.whatsapp(
                self._meta_secret, waba="100", phone_number_id=asked.sender, number=asked.sender, values=[value]
            )
            return self._reach(plan, plan.public_url + plan.whatsapp_path), told
        if asked.channel == wire.MESSENGER and plan.messenger_path is not None and status in ("delivered", "read"):
            at_ms = int(now_s * 1000)
            event = webhooks.messenger_delivery(sender=asked.to, page=asked.sender, mids=[id], at_ms=at_ms)
            if status == "read":
                event = webhooks.messenger_read(sender=asked.to, page=asked.sender, at_ms=at_ms)
            told = webhooks.messenger(self._meta_secret, page=asked.sender, events=[event], at_ms=at_ms)
            return self._reach(plan, plan.public_url + plan.messenger_path), told
        return None

    @staticmethod
    def _reach(plan: Receipts, url: str) -> str:
        if plan.url is not None and url.startswith(plan.public_url):
            return plan.url + url[len(plan.public_url) :]
        return url

    async def _drain(self) -> None:
        while True:
            due, url, webhook = await self._queue.get()
            try:
                if (wait_s := due - time.monotonic()) > 0:
                    await asyncio.sleep(wait_s)
                await self._post(url, webhook)
            finally:
                self._queue.task_done()

    async def _post(self, url: str, webhook: webhooks.Webhook) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        try:
            async with self._session.post(url, data=webhook.body, headers=dict(webhook.headers)) as answer:
                await answer.read()
                self.answers[str(answer.status)] += 1
        except (aiohttp.ClientError, TimeoutError) as error:
            self.answers[type(error).__name__] += 1
