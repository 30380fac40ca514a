"""How values lie in Redis: msgpack. What scripts read is in arrays by place, what only Python reads has field names.

Codes are part of the schema: places in these lists never change, new words go to the end.
"""

import struct
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from vaiven.model.calls import OutboundCall, Told
from vaiven.model.contacts import ContactState
from vaiven.model.effects import Effect
from vaiven.model.events import Event
from vaiven.model.messages import MessageClass, OutboundMessage
from vaiven.model.outbox import ROWS_A_TURN, OutboxRow, RowState, Settlement
from vaiven.model.receipts import DeliveryReceipt, DeliveryStatus, parse_reference
from vaiven.model.turns import Consent, DeadLetter, Timer, Turn, TurnRecord
from vaiven.model.urns import Urn
from vaiven.stores import codec, rules

HEAD = 31
"""Bytes of a contact's value before its state (``scripts/lib_contacts.lua``)."""

BLOCK = 64
"""Turns in one hash of history: enough to share a key's cost, few enough to be read at once."""

LINE_MARK = b"l"
"""Behind the field of a row, that of its line (``scripts/lib_places.lua``)."""

LONGEST = 10_000
"""Characters that are kept of what a provider calls a message, and of a reason: a line has 65,535 bytes for each."""

PARKED_MS = 7 * 24 * 3_600_000
"""How long a receipt waits for a send that it could belong to, about as long as providers redeliver one."""

STATES = (
    RowState.QUEUED,
    RowState.CLAIMED,
    RowState.DIALED,
    RowState.RETRY,
    RowState.HELD,
    RowState.ACCEPTED,
    RowState.REJECTED,
    RowState.UNKNOWN,
    RowState.SUPPRESSED,
    RowState.EXPIRED,
)
CLASSES = (
    MessageClass.CONSENT,
    MessageClass.OTP,
    MessageClass.ALERT,
    MessageClass.REPLY,
    MessageClass.RECEIPT,
    MessageClass.NOTICE,
    MessageClass.REMINDER,
    MessageClass.MARKETING,
    MessageClass.PREMIUM,
)
DELIVERIES = (
    None,
    DeliveryStatus.UNKNOWN,
    DeliveryStatus.ACCEPTED,
    DeliveryStatus.QUEUED,
    DeliveryStatus.SENT,
    DeliveryStatus.FAILED,
    DeliveryStatus.DELIVERED,
    DeliveryStatus.READ,
)
"""In the order of the lattice, so that the higher code wins."""

STATE_CODES = {state: code for code, state in enumerate(STATES)}
CLASS_CODES = {kind: code for code, kind in enumerate(CLASSES)}
DELIVERY_CODES = {status: code for code, status in enumerate(DELIVERIES)}

encode = codec.encode

UNUSUAL = 0x7FFFFFFF
"""What a script for the usual case answers to what is not usual."""

_FIXED = struct.Struct(">BHHBI")
_OWN = 31
"""Bytes of a partition's marks (``scripts/lib_own.lua``), before its briefs."""
_ID, _BRIEF = 7, 24
_ONCE = struct.pack(">BHHB", STATE_CODES[RowState.DIALED], 1, 0, 0)
_NOTHING_YET = bytes(6 + 2 + 2)
"""How the line of any such row begins, dialed once; and how it ends: no instant of a retry, no provider's id, no reason."""
_LINK = 7
"""Bytes before a record, without the home that they may name: the number of the home's turn before, and how long the home is."""

_LANED = 32
"""Added to the state of a row that has an entry in its lane."""

_VERSIONS = struct.Struct(">II")
_REST = bytes(HEAD - _VERSIONS.size)


class _Made(msgspec.Struct, array_like=True, frozen=True, gc=False):
    channel: str
    home: Urn
    sender: str
    kind: int
    not_before_ms: int
    not_after_ms: int | None
    control: int
    created_ms: int
    to: Urn
    message: OutboundMessage
    call: OutboundCall | None = None
    tell: Told | None = None


class _Record(msgspec.Struct, array_like=True, frozen=True, gc=False):
    at_ms: int
    version: int
    previous: int
    effects: tuple[Effect, ...]
    after: ContactState | None
    flow: str
    facts: dict[str, int]
    event: Event


class _Letter(msgspec.Struct, array_like=True, frozen=True, gc=False):
    event: Event
    reason: str
    at_ms: int


_decode_made = msgspec.msgpack.Decoder(_Made).decode
_decode_record = msgspec.msgpack.Decoder(_Record).decode
_decode_letter = msgspec.msgpack.Decoder(_Letter).decode
decode_consent = msgspec.msgpack.Decoder(Consent).decode
decode_verdicts = msgspec.msgpack.Decoder(tuple[list[int], list[int]]).decode
decode_hashes = msgspec.msgpack.Decoder(list[str]).decode
decode_state = codec.decode_state
decode_event = codec.decode_event


def read_state(home: Urn, value: bytes | None) -> ContactState:
    """A contact's state from its value; somebody of whom there is only a head, or nothing, is a fresh contact."""
    return codec.fresh(home) if value is None or len(value) == HEAD else decode_state(memoryview(value)[HEAD:])


class Line(NamedTuple):
    """What moves of a row, and where in its value what it was made with begins."""

    state: int
    attempt: int
    unknowns: int
    delivery: int
    dialed_ms: int
    before: int
    retry_ms: int
    provider_id: str
    reason: str
    end: int


def read_line(value: bytes) -> Line:
    """The line of a row, from its value or alone: the reverse of ``LINE`` in ``scripts/lib_rows.lua``."""
    number = int.from_bytes
    state, attempt, unknowns, delivery, _epoch = _FIXED.unpack_from(value)
    middle = 31 + number(value[29:31], "big")
    end = middle + 2 + number(value[middle : middle + 2], "big")
    return Line(
        state % _LANED,
        attempt,
        unknowns,
        delivery,
        number(value[10:16], "big"),
        number(value[16:23], "big"),
        number(value[23:29], "big"),
        value[31:middle].decode(),
        value[middle + 2 : end].decode(),
        end,
    )


def briefs(own: bytes | None) -> list[tuple[int, bytes]]:
    """Rows that usual turns dialed, with their lines, from a partition's marks (``scripts/lib_briefs.lua``)."""
    found: list[tuple[int, bytes]] = []
    for at in range(_OWN, len(own or b""), _BRIEF):
        assert own is not None
        told = at + _ID
        found.append((int.from_bytes(own[at:told], "big"), _ONCE + own[told : at + _BRIEF] + _NOTHING_YET))
    return found


def dialed_of(value: bytes) -> tuple[int, int]:
    """The send epoch under which a row was last dialed, and when, in ms."""
    return _FIXED.unpack_from(value)[4], int.from_bytes(value[10:16], "big")


def read_row(partition: int, id_: int, value: bytes) -> OutboxRow:
    """A row as it stands."""
    line = read_line(value)
    made = _decode_made(memoryview(value)[line.end :])
    return OutboxRow(
        partition=partition,
        row=id_,
        home=made.home,
        channel=made.channel,
        sender=made.sender,
        to=made.to,
        message=made.message,
        message_class=CLASSES[made.kind],
        created_ms=made.created_ms,
        not_before_ms=made.not_before_ms,
        not_after_ms=made.not_after_ms,
        control=made.control,
        state=STATES[line.state],
        attempt=line.attempt,
        unknowns=line.unknowns,
        retry_ms=line.retry_ms,
        provider_id=line.provider_id or None,
        reason=line.reason or None,
        delivery=DELIVERIES[line.delivery],
        call=made.call,
        tell=made.tell,
    )


def read_record(number: int, value: bytes) -> TurnRecord:
    told = _decode_record(memoryview(value)[_LINK + value[6] :])
    return TurnRecord(
        number, told.version, told.previous, told.at_ms, told.event, told.effects, told.after, told.flow, told.facts
    )


def read_letter(number: int, value: bytes) -> DeadLetter:
    letter = _decode_letter(value)
    return DeadLetter(number, letter.event, letter.reason, letter.at_ms)


def field_of(id_: int) -> tuple[bytes, bytes]:
    """Where what a row was made with lies: the key's name within its partition, and its field. ``LINE_MARK`` behind that is the
    field of its line, once it is final.
    """
    number, index = divmod(id_, ROWS_A_TURN)
    return b"h:%d" % (number // BLOCK), bytes((number % BLOCK, index))


def dialed(row: OutboxRow) -> OutboxRow:
    """A row of a turn's own as its commit dialed it."""
    return replace(row, state=RowState.DIALED, attempt=1)


# -- what scripts are asked ------------------------------------------------------------------------------------------------
# Lua's msgpack knows no bytes, so encoded values go beside the question, and it names them by their place: 1, 2, …; 0 is none.

Blobs = list[bytes]


def _put(blobs: Blobs, value: bytes) -> int:
    blobs.append(value)
    return len(blobs)


class _Names(dict[int, str]):
    """Partitions as scripts take them: by name, since Lua writes numbers slowly."""

    def __missing__(self, partition: int) -> str:
        self[partition] = name = str(partition)
        return name


names = _Names()


def events(told: Iterable[Event]) -> tuple[list[str], Blobs]:
    """Events as ``accept.lua`` reads them: their partitions, and each encoded."""
    partitions, blobs = [], []
    for event in told:
        partitions.append(names[event.partition])
        blobs.append(encode(event))
    return partitions, blobs


def kept(turn: Turn) -> bytes:
    """The value of a contact that this turn leaves. Of the head before its state only version and controller are right here."""
    assert turn.state is not None
    return _VERSIONS.pack(turn.base + 1, turn.state.contact.control) + _REST + encode(turn.state)


def turn(turn: Turn, blobs: Blobs) -> tuple[Any, ...]:
    """A turn as ``commit.lua`` reads it."""
    event, state, told = turn.event, turn.state, turn.record
    rows: list[str | int] = []
    for row in turn.rows:
        rows += str(row.row), _put(blobs, made(row))
    tallies: list[str] = []
    for tally in turn.tallies:
        tallies += tally.poll, f"{tally.option}\0{tally.outcome}"
    rare = turn.cancelled or turn.timers or turn.consents or turn.receipt is not None or turn.buried is not None
    return (
        names[event.partition],
        turn.epoch,
        turn.number,
        event.home,
        turn.base,
        0 if state is None else state.contact.control,
        0 if state is None else _put(blobs, kept(turn)),
        -1 if told is None else told.at_ms,
        0 if told is None else _put(blobs, record(told)),
        rows,
        tallies,
        _extras(turn, blobs) if rare else None,
        f"0-{turn.number}",
        f"h:{turn.number // BLOCK}",
        rules.tells(turn),
    )


def made(row: OutboxRow) -> bytes:
    """What a row was made with."""
    times = (row.not_before_ms, row.not_after_ms)
    kind = CLASS_CODES[row.message_class]
    errand = () if row.call is None and row.tell is None else (row.call, row.tell)
    return encode((row.channel, row.home, row.sender, kind, *times, row.control, row.created_ms, row.to, row.message, *errand))


def record(told: TurnRecord) -> bytes:
    """With what its home's turn before it very likely is: the script puts it right where a receipt came between."""
    link = told.previous.to_bytes(6, "big") + b"\0"
    return link + encode((told.at_ms, told.version, told.previous, told.effects, told.after, told.flow, told.facts, told.event))


def _extras(turn: Turn, blobs: Blobs) -> tuple[Any, ...]:
    event = turn.event
    buried = None
    if turn.buried is not None:
        at_ms = event.at_ms if turn.record is None else turn.record.at_ms
        buried = (at_ms, _put(blobs, encode((event, turn.buried, at_ms))))
    return (
        turn.cancelled,
        [(f"{timer.home}\0{timer.key}", timer.due_ms, _put(blobs, _timer(timer))) for timer in turn.timers],
        [(told.home, told.sender, told.opted_out, _put(blobs, encode(told))) for told in turn.consents],
        False if turn.receipt is None else _receipt(event, turn.receipt),
        False if buried is None else buried,
    )


def _timer(timer: Timer) -> bytes:
    return encode((timer.channel, timer.session, timer.step, timer.visit))


def _receipt(event: Event, receipt: DeliveryReceipt) -> tuple[Any, ...]:
    row = -1
    if receipt.reference is not None:
        partition, id_ = parse_reference(receipt.reference) or (-1, -2)
        row = id_ if partition == event.partition and id_ < 1 << 53 else -2
    return (
        DELIVERY_CODES[receipt.status],
        row,
        -1 if receipt.watermark_ms is None else receipt.watermark_ms,
        brief(receipt.provider_id),
        brief(receipt.error or receipt.word),
        event.channel,
    )


def brief(text: str | None) -> str:
    """As much of it as a line takes; none is empty."""
    return "" if text is None else text[:LONGEST]


def settlement(told: Settlement, blobs: Blobs) -> tuple[Any, ...]:
    """A settlement as ``settle.lua`` reads it."""
    event = told.event
    return (
        names[told.partition],
        told.epoch,
        str(told.row),
        told.attempt,
        STATE_CODES[told.state],
        brief(told.provider_id),
        brief(told.reason),
        told.retry_ms,
        0 if event is None else _put(blobs, encode(event)),
        names[told.partition if event is None else event.partition],
    )


def rank(row: OutboxRow) -> tuple[int, int, int, int]:
    """The order in which rows go."""
    return (*rules.rank(row.message_class, row.created_ms, row.not_before_ms), row.partition, row.row)


# -- chains ----------------------------------------------------------------------------------------------------------------


def before_of(value: bytes) -> int:
    """The number of a home's turn before this one, as its record tells it."""
    return int.from_bytes(value[:6], "big")


def row_before(value: bytes) -> int:
    """The id of a home's row before this one."""
    return read_line(value).before


def id_of(block: int, field: bytes) -> int:
    """The row that lies there: ``field_of`` the other way."""
    return (block * BLOCK + field[0]) * ROWS_A_TURN + field[1]
