"""How the sender reaches a provider. The edge brings the sockets; tests bring a list."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from vaiven.channels.contract import ProviderRequest, ProviderResponse


class NoResponse(msgspec.Struct, frozen=True, gc=False):
    """The call ended without an answer. ``sent`` False: certainly nothing reached the provider (refused, DNS, TLS)."""

    sent: bool
    reason: str


Answer = ProviderResponse | NoResponse


class Transport(Protocol):
    """Makes calls. ``done`` is called once for each ``send``, on the event loop, and never before ``send`` has returned."""

    def send(self, request: ProviderRequest, done: Callable[[Answer], None]) -> None:
        """Start the call."""

    async def close(self) -> None:
        """End calls under way (their ``done`` gets NoResponse) and let go of connections."""
