"""The protocol's two ends: commands packed, and what a refusal means for whoever asked."""

from collections.abc import Callable
from typing import cast

from hiredis import pack_command

from vaiven.model.errors import StoreError, StoreUnavailable

Word = bytes | str | int

pack = cast("Callable[[tuple[Word, ...]], bytes]", pack_command)  # its own signature is that of a tuple of one
"""The bytes of a command."""

MORE = object()
"""What the parser gives when a reply is not there in full."""

_SERVER_STATE = ("LOADING", "READONLY", "CLUSTERDOWN", "MASTERDOWN", "OOM", "NOREPLICAS", "MISCONF", "BUSY", "UNBLOCKED")
_CLUSTER_STATE = ("MOVED", "ASK", "TRYAGAIN")
_NOT_LET_IN = ("NOAUTH", "WRONGPASS", "NOPERM")
_PASSING = frozenset((*_SERVER_STATE, *_CLUSTER_STATE, *_NOT_LET_IN))
"""The server's state, its network or its set-up: nothing that the command could have said better."""

_PASSING_TEXTS = ("ERR max number of clients", "ERR AUTH", "ERR invalid password", "ERR DB index")


class Refusal(Exception):
    """An error reply, as the parser makes it; never raised to a caller."""

    @property
    def text(self) -> str:
        """All of it, such as ``MOVED 3999 127.0.0.1:6381``."""
        return str(self)

    @property
    def code(self) -> str:
        """Its first word."""
        return self.text.partition(" ")[0]


class CommandRefused(StoreError):
    """The server understood a command and calls it wrong: a bug of ours, or a script that stopped half-way."""


def error_of(refusal: Refusal, server: str) -> StoreError:
    """What the caller gets for an error reply of this server: ``StoreUnavailable``, or ``CommandRefused`` for a bug."""
    if refusal.code in _PASSING or refusal.text.startswith(_PASSING_TEXTS):
        return StoreUnavailable(f"{server}: {refusal.text}")
    return CommandRefused(f"{server}: {refusal.text}")
