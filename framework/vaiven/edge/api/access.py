"""Who may ask, and how often: bearer tokens by their digests in the store, and a bucket for each that all processes share."""

from collections.abc import Mapping
from typing import Any

from vaiven.edge.api.problems import Refused
from vaiven.runtime.bot import Bot
from vaiven.runtime.tokens import Token, recognised, tokens_home

FRESH_MS = 1_000
"""So long after it was revoked a token may still be taken."""
RATE_PER_S = 20.0
BURST = 60
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="vaiven"'}


class Access:
    """The tokens of one bot."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._home = tokens_home(bot.flows.spec.name)
        self._known: Mapping[str, Any] = {}
        self._read_ms: int | None = None

    async def token(self, headers: Mapping[str, str], scope: str | None) -> Token:
        """Whose request this is, if they may do what needs this scope. Raises Refused, StoreUnavailable."""
        kind, _, bearer = headers.get("Authorization", "").partition(" ")
        found = None
        if kind.lower() == "bearer" and len(bearer) <= 200:
            found = recognised(await self._state(), bearer.strip())
        if found is None:
            raise Refused("unauthorized", headers=_CHALLENGE)
        if not await self._bot.store.draw(f"api/{found.id}", RATE_PER_S, BURST, 1, self._bot.clock()):
            raise Refused("too_many", headers={"Retry-After": "1"})
        if scope is not None and scope not in found.scopes:
            raise Refused("forbidden", scope)
        return found

    async def counts(self, token: Token) -> bool:
        """Whether it still does. Raises StoreUnavailable."""
        return token.id in (await self._state()).get("tokens", {})

    async def _state(self) -> Mapping[str, Any]:
        now_ms = self._bot.clock()
        if self._read_ms is None or abs(now_ms - self._read_ms) >= FRESH_MS:
            (state,) = await self._bot.store.load([self._home])
            self._known, self._read_ms = state.contact.vars.get("state", {}), now_ms
        return self._known
