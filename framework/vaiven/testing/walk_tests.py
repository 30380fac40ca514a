"""A fault that a walk found, as a test file: the way there, with what the bot says on it, up to where it goes wrong."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from vaiven.model.outbox import OutboxRow
from vaiven.testing.flowtests.bots import Cast
from vaiven.testing.flowtests.script import Person
from vaiven.testing.flowtests.writing import written
from vaiven.testing.walk import Fault, done

_TOLD = {
    "silence": "a message at a question gets no answer",
    "stuck": "nothing that was tried leads out of this step",
    "loop": "it comes to no end",
}


def told(fault: Fault) -> str:
    """What went wrong, in a line."""
    return f"{_TOLD.get(fault.what, fault.what)}, at {fault.where}" + (", after an odd answer of a call" if fault.odd else "")


def as_test(fault: Fault, cast: Cast, flow: str) -> str:
    """The test file: it holds as long as the fault is there. Its last line is where to say what should be so instead."""
    stage = cast.stage(Person(id=fault.origin.home), fault.origin.now_ms)
    lines: list[Mapping[str, Any]] = []
    for act in fault.acts:
        if act.mock:
            lines.append({"mock": {"*": act.mock}})
        lines.append(dict(act.line))
        stage.said = ()
        done(cast, stage, act)
        lines += _said(stage.said)
    lines += _ending(fault)
    clock = datetime.fromtimestamp(fault.origin.now_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    whole = {"test": flow, "clock": clock, "contact": {"id": fault.origin.home, "channel": stage.channel}, "talk": lines}
    return written(whole, told(fault))


def _said(rows: tuple[OutboxRow, ...]) -> Iterator[Mapping[str, Any]]:
    for row in rows:
        text = row.message.text
        if text[:1] in ("~", "/") or not text:
            yield {"bot": "/./"} if text else {"bot": {"class": str(row.message_class)}}
        else:
            yield {"bot": text}


def _ending(fault: Fault) -> Iterator[Mapping[str, Any]]:
    flow, _, step = fault.where.partition("/")
    if fault.what == "silence":
        yield {"bot": {"none": True}}
    elif fault.what == "stuck":
        yield {"expect": {"flow": flow, "step": step}}
    elif fault.what != "loop" and not fault.what.startswith("raised"):
        yield {"expect": {"recorded": [fault.what]}}
