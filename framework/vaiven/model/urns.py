"""Addresses. A URN is one address of a person: ``tel:+34600111222``, ``whatsapp:34600111222``, ``messenger:7001``.

The *home* is the address under which everything of one person is filed. A scheme whose addresses can have no second one
(a telephone number, a page-scoped id) is its own home; a WhatsApp person may show a phone today and a user id tomorrow,
so those addresses are bound to a home by the store (``Store.identify``).
"""

from functools import lru_cache
from hashlib import blake2b
from typing import NewType

import msgspec

Urn = NewType("Urn", str)

SELF_HOMED = frozenset({"tel", "short", "alpha", "messenger", "res", "channel"})
"""Schemes whose addresses are their own home."""


class Identity(msgspec.Struct, frozen=True, gc=False):
    """Every address one inbound event shows of its person, the stable one first (user id, else phone)."""

    stable: Urn
    others: tuple[Urn, ...] = ()


def urn(scheme: str, path: str) -> Urn:
    """Join a scheme and a path, as they are."""
    return Urn(f"{scheme}:{path}")


def scheme_of(address: str) -> str:
    return address.partition(":")[0]


def path_of(address: str) -> str:
    return address.partition(":")[2]


def is_home(address: str) -> bool:
    """Whether this address can have no second one, so that it is its own home and needs no look-up."""
    return address.partition(":")[0] in SELF_HOMED


def resource_home(bot: str, name: str, key: str) -> Urn:
    """The home of one of a bot's resources: of its tables of slots the one for a day, of its queues the one for support."""
    return urn("res", f"{bot}/{name}/{key}")


@lru_cache(maxsize=65536)
def partition_of(home: str, count: int) -> int:
    """The partition that this home belongs to: a fixed hash, 0 to ``count - 1``, equal in every process and version."""
    return int.from_bytes(blake2b(home.encode(), digest_size=8).digest(), "big") % count


def mask(address: str) -> str:
    """The address as a log may show it: the scheme, a keyless short digest, and the last two characters."""
    scheme, _, path = address.partition(":")
    return f"{scheme}:{blake2b(address.encode(), digest_size=4).hexdigest()}..{path[-2:]}"
