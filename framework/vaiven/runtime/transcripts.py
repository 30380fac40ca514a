"""A conversation as people of the business read it: every turn of history, with what became of each message. Pure."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from vaiven.model.effects import Control, Recorded, Send
from vaiven.model.events import Happened
from vaiven.model.messages import InboundMessage, Location, Media, OutboundMessage
from vaiven.model.outbox import ROWS_A_TURN, OutboxRow
from vaiven.model.turns import TurnRecord
from vaiven.runtime.desk import NOTED, REFUSAL, SAYS, is_act


class File(msgspec.Struct):
    """A file: by its address, or by the name under which its provider keeps it. What a person calls it is only a text."""

    type: str = ""
    url: str | None = None
    ref: str | None = None
    name: str | None = None


class Item(msgspec.Struct):
    """One line of a transcript. ``by``: person, bot, agent, note or event. ``number`` is its turn's; ``at`` ms since the epoch.

    ``outcome`` is what became of a message of ours: a state of its row, or what its receipt told; ``why`` a short code.
    ``event`` is what happened: ``agent.joined``, a refusal as ``refused:taken``, ``control:bot``.
    """

    number: int
    at: int
    by: str
    text: str = ""
    agent: str = ""
    name: str = ""
    event: str = ""
    media: list[File] = []
    options: list[str] = []
    template: str = ""
    location: tuple[float, float] | None = None
    outcome: str = ""
    why: str = ""


def items(record: TurnRecord, channel: str, rows: Mapping[int, Sequence[OutboxRow]]) -> list[Item]:
    """What one turn shows on this channel, in order. ``rows`` are the messages of each turn that are still kept."""
    event, body = record.event, record.event.body
    if event.channel != channel:
        return []
    agent = name = ""
    shown: list[Item] = []
    if isinstance(body, InboundMessage):
        shown.append(_heard(record, body))
    elif isinstance(body, Happened):
        if is_act(event):
            agent, name = str(body.data.get("agent", "")), str(body.data.get("name", ""))
        if refused := [each for each in record.effects if isinstance(each, Recorded) and each.what == REFUSAL]:
            # It was not done, so it is not told as if it was.
            told = (f"refused:{each.detail}" for each in refused)
            return [Item(record.number, record.at_ms, "event", agent=agent, name=name, event=each) for each in told]
        if body.name == NOTED:
            shown.append(Item(record.number, record.at_ms, "note", str(body.data.get("text", "")), agent, name))
        elif body.name != SAYS:
            shown.append(Item(record.number, record.at_ms, "event", agent=agent, name=name, event=body.name))
    by_agent = isinstance(body, Happened) and body.name == SAYS and is_act(event)
    kept = rows.get(record.number)
    if kept:
        shown += [_said(record, row.message, row, by_agent, agent, name) for row in kept]
    else:
        # Rows too old to be kept: history still has the words, not what became of them.
        shown += [_told(record, effect, by_agent, agent, name) for effect in record.effects if isinstance(effect, Send)]
    for effect in record.effects:
        if isinstance(effect, Control):
            shown.append(Item(record.number, record.at_ms, "event", event=f"control:{effect.by}"))
    return shown


def by_turn(rows: Iterable[OutboxRow], channel: str) -> dict[int, list[OutboxRow]]:
    """A home's messages on this channel by the number of the turn that said them, in order."""
    found: dict[int, list[OutboxRow]] = {}
    for row in rows:
        if row.channel == channel:
            found.setdefault(row.row // ROWS_A_TURN, []).append(row)
    return found


def _heard(record: TurnRecord, message: InboundMessage) -> Item:
    text = message.text or (message.choice.title or message.choice.id if message.choice else "")
    return Item(record.number, record.event.at_ms, "person", text, media=_files(message.media), location=_place(message.location))


def _said(record: TurnRecord, message: OutboundMessage, row: OutboxRow, by_agent: bool, agent: str, name: str) -> Item:
    item = _told(record, Send(message.text, options=message.options, media=message.media, template=message.template), by_agent)
    item.agent, item.name = agent if by_agent else "", name if by_agent else ""
    item.outcome = str(row.delivery or row.state)
    item.why = row.reason or ""
    return item


def _told(record: TurnRecord, send: Send, by_agent: bool, agent: str = "", name: str = "") -> Item:
    return Item(
        record.number,
        record.at_ms,
        "agent" if by_agent else "bot",
        send.text,
        agent if by_agent else "",
        name if by_agent else "",
        media=_files(send.media),
        options=[option.title for option in send.options],
        template=send.template.name if send.template is not None else "",
    )


def _files(media: Sequence[Media]) -> list[File]:
    """Only addresses of the web are told as such: whoever shows one must not be made to run it."""
    return [
        File(one.mime, one.url if (one.url or "").startswith(("https://", "http://")) else None, one.ref, one.name)
        for one in media
    ]


def _place(location: Location | None) -> tuple[float, float] | None:
    return None if location is None else (location.latitude, location.longitude)
