"""Bearer tokens of the HTTP API: a resource that every bot has (``TOKENS``). A secret is shown once and kept only as its digest.

A token reads ``vvn_<id>_<secret>``. The secret has 256 random bits, so one SHA-256 keeps it as well as a slow hash would.
"""

import hmac
import secrets
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from vaiven.model.events import Event, Happened
from vaiven.model.urns import Urn, partition_of, resource_home
from vaiven.runtime.resources import Word
from vaiven.stores.contract import Store

TOKENS = "tokens"
CREATE = "create"
REVOKE = "revoke"
READ = "conversations:read"
WRITE = "conversations:write"
SCOPES = (READ, WRITE)
_PREFIX = "vvn_"


class Token(NamedTuple):
    """Who may do what. ``agent`` and ``name`` say who acts by it."""

    id: str
    agent: str
    name: str
    scopes: tuple[str, ...]
    created_ms: int = 0


def tokens_home(bot: str) -> Urn:
    return resource_home(bot, TOKENS, "all")


def make_token(agent: str, name: str, scopes: tuple[str, ...], now_ms: int) -> tuple[str, dict[str, Any]]:
    """A new token, to be shown once, and what ``CREATE`` tells the resource of it."""
    id_, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    kept = {"id": id_, "agent": agent, "name": name, "scopes": list(scopes), "created": now_ms, "digest": _digest(secret)}
    return f"{_PREFIX}{id_}_{secret}", kept


def listed(state: Mapping[str, Any]) -> list[Token]:
    """Every token that counts, oldest first."""
    return [_token(one) for one in sorted(state.get("tokens", {}).values(), key=lambda one: (one["created"], one["id"]))]


def recognised(state: Mapping[str, Any], bearer: str) -> Token | None:
    """The token that this is, if it counts."""
    id_, _, secret = bearer.removeprefix(_PREFIX).partition("_")
    kept = state.get("tokens", {}).get(id_)
    # Compared even where there is none, so that the time taken tells nothing of which ids there are.
    fits = hmac.compare_digest(_digest(secret), kept["digest"] if kept else _digest(""))
    return _token(kept) if kept and fits and bearer.startswith(_PREFIX) else None


def tokens(state: dict[str, Any], word: Word, _now_ms: int) -> tuple[dict[str, Any], list[Any]]:
    """Only the business may say something to it: what a flow or another home says changes nothing."""
    if word.sender is not None or word.asker is not None:
        return state, []
    kept = state.setdefault("tokens", {})
    match word.name:
        case "create":
            kept[word.data["id"]] = dict(word.data)
        case "revoke":
            kept.pop(word.data["id"], None)
    return state, []


async def change_token(store: Store, bot: str, name: str, data: Mapping[str, Any], now_ms: int) -> None:
    """Tell the resource, durably; it counts as soon as a process of the bot turns it. Raises StoreUnavailable."""
    home = tokens_home(bot)
    event_id = f"token:{name}:{data['id']}"
    await store.accept([Event(event_id, home, partition_of(home, store.partitions), "", now_ms, Happened(name, dict(data)))])


def _token(kept: Mapping[str, Any]) -> Token:
    return Token(kept["id"], kept["agent"], kept["name"], tuple(kept["scopes"]), kept["created"])


def _digest(secret: str) -> str:
    return sha256(secret.encode("utf-8", "replace")).hexdigest()
