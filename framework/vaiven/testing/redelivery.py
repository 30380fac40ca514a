"""Webhooks posted as a provider that redelivers does: again and again until they are acknowledged, and sometimes twice.

What was told to the client is remembered, so that a test can hold the bot to it (``vaiven.testing.judge``).
"""

import asyncio
import time
from collections import Counter, defaultdict

import aiohttp

from vaiven.model.urns import Urn
from vaiven.testing.webhooks import Webhook

PAUSE_S = 0.05
LONGEST_S = 60.0
"""A bot that is down longer is taken for dead."""


class Redelivery:
    """Posts to ``urls``, one after the other; the list may be changed on the way, as a balancer's is.

    ``told``: by home, each message in the order first posted, and whether it was acknowledged. ``refused`` counts answers
    and errors that were no 200. ``posted`` counts posts by message; ``acks`` all 200s.
    """

    def __init__(self, session: aiohttp.ClientSession, *urls: str, longest_s: float = LONGEST_S) -> None:
        self.urls = [*urls]
        self.longest_s = longest_s
        self.told: dict[Urn, dict[str, bool]] = defaultdict(dict)
        self.posted: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.retry_after: Counter[str | None] = Counter()
        self.acks = 0
        self._session = session
        self._turn = 0
        self._under_way: set[asyncio.Future[None]] = set()
        self._progress = asyncio.Condition()

    async def deliver(
        self, home: Urn, id: str, webhook: Webhook, copies: int = 1, at_once: bool = False, patience: int | None = None
    ) -> bool:
        """Post a message, ``copies`` times in all, one after the other or all ``at_once``; tell whether it was acknowledged.

        Each copy is posted until it is; with ``patience``, only so often.

        Raises:
            TimeoutError: it was refused for ``longest_s``.
        """
        self.told[home].setdefault(id, False)
        posts = [self._insist(home, id, webhook, patience) for _ in range(copies)]
        if at_once:
            return any(await asyncio.gather(*posts))
        return any([await post for post in posts])

    async def post(self, id: str, webhook: Webhook) -> str:
        """Post once; give the status, or the name of what went wrong."""
        ended = asyncio.get_running_loop().create_future()
        self._under_way.add(ended)
        try:
            return await self._post(id, webhook)
        finally:
            self._under_way.discard(ended)
            ended.set_result(None)

    async def _post(self, id: str, webhook: Webhook) -> str:
        self.posted[id] += 1
        self._turn += 1
        url = self.urls[self._turn % len(self.urls)]
        try:
            async with self._session.post(url, data=webhook.body, headers=dict(webhook.headers)) as answer:
                if answer.status == 503:
                    self.retry_after[answer.headers.get("Retry-After")] += 1
                result = str(answer.status)
        except (aiohttp.ClientError, ConnectionError) as error:
            result = type(error).__name__
        if result != "200":
            self.refused[result] += 1
            return result
        async with self._progress:
            self.acks += 1
            self._progress.notify_all()
        return result

    async def reached(self, acks: int) -> None:
        """Return once so many posts have been acknowledged."""
        async with self._progress:
            await self._progress.wait_for(lambda: self.acks >= acks)

    async def answered(self) -> None:
        """Return once every post that is under way now has been answered, or refused.

        Answers that come from then on are to posts that began after this was called. So who takes a server away, and lets nobody
        reach its successor before this has returned, can tell what either of them acknowledged.
        """
        await asyncio.gather(*self._under_way)

    async def _insist(self, home: Urn, id: str, webhook: Webhook, patience: int | None) -> bool:
        tries, until_s = 0, time.monotonic() + self.longest_s
        while await self.post(id, webhook) != "200":
            tries += 1
            if patience is not None and tries >= patience:
                return False
            if time.monotonic() > until_s:
                raise TimeoutError(f"{id} was not acknowledged within {self.longest_s:.0f} s: {dict(self.refused)}")
            await asyncio.sleep(PAUSE_S)
        self.told[home][id] = True
        return True
