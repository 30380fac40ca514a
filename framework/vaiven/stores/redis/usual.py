"""Usual turns and settlements as their scripts read them: by fixed places, which costs a script half of what msgpack does.

What is not usual has no such form. Codes and places are no part of the schema: nothing of this is stored.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence

from vaiven.model.outbox import ROWS_A_TURN, RowState, Settlement
from vaiven.model.turns import Turn
from vaiven.stores.redis import packing
from vaiven.stores.redis.packing import BLOCK, HEAD, LINE_MARK, STATE_CODES, Blobs, brief, encode

VALUES = 3
"""Values of a turn, beside what is asked: the contact's, the record, and what the row was made with (empty: no row)."""

_TURN = struct.Struct(">BIIIQQBBB7sIHIB")
_SETTLED = struct.Struct(">BIQB7sBBcBI")
_ENDS = struct.Struct(">HIH")
_VERSIONS = struct.Struct(">II")
_END_OF_HEAD = bytes(HEAD - _VERSIONS.size - 6 - 7 - 7)
_NO_ROW = bytes(7)
_LOW = 0xFFFFFFFF
_USUAL = frozenset({RowState.ACCEPTED, RowState.REJECTED})


class UsualTurns:
    """Turns for ``quick.lua`` and ``arrive.lua`` (``lib_usual.lua``), at most 128 partitions; keys begin with ``prefixes``.

    Keys are written out here, since a script makes, hashes and collects a string of each step by which it puts one together.
    """

    __slots__ = ("_places", "_prefixes", "_told", "_values")

    def __init__(self, prefixes: Mapping[int, str]) -> None:
        self._prefixes = prefixes
        # Partitions by the order in which they are first named, from one on.
        self._places: dict[int, int] = {}
        self._told: list[bytes] = []
        self._values: Blobs = []

    def add(self, turn: Turn, send: int) -> bool:
        """Take this turn, to dial its row under this epoch (0: must not). False: it is not usual, and not taken."""
        event, state, record, tallies = turn.event, turn.state, turn.record, turn.tallies
        if (
            state is None
            or record is None
            or len(turn.rows) > 1
            or len(tallies) > 1
            or turn.timers
            or turn.cancelled
            or turn.consents
            or turn.receipt is not None
            or turn.buried is not None
        ):
            return False
        partition, number, control, at_ms = event.partition, turn.number, state.contact.control, record.at_ms
        count, made, row_id, packed_row = number.to_bytes(6, "big"), b"", 0, _NO_ROW
        prefix, counted, tally_key, nuls = self._prefixes[partition], "", "", 3
        if turn.rows:
            row = turn.rows[0]
            late = row.not_before_ms > at_ms or (row.not_after_ms is not None and row.not_after_ms <= at_ms)
            if not send or late or control > row.control or row.home != event.home or row.partition != partition:
                return False
            row_id = row.row
            made, packed_row = packing.made(row), row_id.to_bytes(7, "big")
        if tallies:
            tally = tallies[0]
            counted, tally_key, nuls = f"{tally.option}\0{tally.outcome}", f"{prefix}tally:{tally.poll}", 4
        text = f"{counted}{prefix}h:{number // BLOCK}\0{prefix}c:{event.home}\0{tally_key}\0"
        size = len(counted) if counted.isascii() else len(counted.encode())
        if text.count("\0") != nuls or size > 255:
            return False
        base = turn.base
        places, field = self._places, number % BLOCK
        fixed = _TURN.pack(
            places.setdefault(partition, len(places) + 1),
            turn.epoch,
            send,
            base,
            number,
            record.previous,
            field,
            field,
            row_id % ROWS_A_TURN,
            packed_row,
            send,
            at_ms >> 32,
            at_ms & _LOW,
            size,
        )
        self._told.append(fixed + text.encode())
        # The head that this turn most often leaves, so that the script need not write over it.
        head = _VERSIONS.pack(base + 1, control) + count + packed_row * 2 + _END_OF_HEAD
        self._values += (head + encode(state), packing.record(record), made)
        return True

    def __len__(self) -> int:
        return len(self._told)

    def asked(self) -> tuple[list[str], Blobs]:
        """The keys of their partitions' marks; then what is told of each, and its values."""
        return _marks(self._places, self._prefixes), [b"".join(self._told), *self._values]

    def state_at(self, index: int) -> bytes:
        """The contact's value that this turn leaves."""
        return self._values[index * VALUES]


def settlements(told: Sequence[Settlement], prefixes: Mapping[int, str]) -> tuple[list[int], tuple[list[str], Blobs]]:
    """Which of these are usual, by place; and those for ``settled.lua``."""
    places, packed, found = dict[int, int](), list[bytes](), list[int]()
    for at, one in enumerate(told):
        if one.event is not None or one.attempt != 1 or one.state not in _USUAL:
            continue
        row_id = one.row
        number, index = divmod(row_id, ROWS_A_TURN)
        provider_id, reason = brief(one.provider_id).encode(), brief(one.reason).encode()
        retry_ms = one.retry_ms
        fixed = _SETTLED.pack(
            places.setdefault(one.partition, len(places) + 1),
            one.epoch,
            number,
            STATE_CODES[one.state],
            row_id.to_bytes(7, "big"),
            number % BLOCK,
            index,
            LINE_MARK,
            len(provider_id) > 0,
            _ENDS.size + len(provider_id) + 2 + len(reason),
        )
        ends = _ENDS.pack(retry_ms >> 32, retry_ms & _LOW, len(provider_id))
        block = f"{prefixes[one.partition]}h:{number // BLOCK}\0".encode()
        packed.append(b"".join((fixed, ends, provider_id, len(reason).to_bytes(2, "big"), reason, block)))
        found.append(at)
    return found, (_marks(places, prefixes), [b"".join(packed)])


def _marks(partitions: Iterable[int], prefixes: Mapping[int, str]) -> list[str]:
    return [f"{prefixes[partition]}own" for partition in partitions]
