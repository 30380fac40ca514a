"""Holds what a test wants against what is so."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vaiven.flow.problems import suggest
from vaiven.flow.source import Position
from vaiven.model.effects import TallyOutcome
from vaiven.model.outbox import OutboxRow
from vaiven.testing.flowtests.script import Bot, Calls, Expect, Words
from vaiven.testing.flowtests.stage import Stage, fits


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Something is not as wanted. ``at`` None: the line itself."""

    text: str
    wanted: str | None = None
    real: str | None = None
    cure: str = ""
    at: Position | None = None


# ---- a message


def same(line: Bot, row: OutboxRow) -> list[Mismatch]:
    """What of a message is not as the line says."""
    message, found = row.message, []
    if line.text is not None and not line.text.fits(message.text):
        found.append(Mismatch(f"the bot said another text{_how(line.text)}", _plain(line.text), message.text))
    if line.buttons is not None and not _alike(line.buttons, [option.title for option in message.options]):
        real = ", ".join(option.title for option in message.options) or "no buttons"
        found.append(Mismatch("the message has other buttons", _listed(line.buttons) or "no buttons", real))
    if line.message_class is not None and line.message_class != row.message_class:
        found.append(Mismatch("the message is of another class", line.message_class, str(row.message_class)))
    if line.media is not None:
        files = [[file.mime, file.mime.partition("/")[0], file.url or "", file.name or ""] for file in message.media]
        right = len(files) == len(line.media) and all(
            any(map(want.fits, file)) for want, file in zip(line.media, files, strict=True)
        )
        if not right:
            real = ", ".join(f"{file[0]} {file[2]}" for file in files) or "no files"
            found.append(Mismatch("the message has other files", _listed(line.media) or "no files", real))
    if line.template is not None and (message.template is None or message.template.name != line.template):
        real = "no template" if message.template is None else message.template.name
        found.append(Mismatch("the message is another template", line.template, real))
    return found


def _alike(wanted: Sequence[Words], real: Sequence[str]) -> bool:
    return len(wanted) == len(real) and all(want.fits(one) for want, one in zip(wanted, real, strict=True))


def _listed(words: Sequence[Words]) -> str:
    return ", ".join(each.written for each in words)


def _how(words: Words) -> str:
    if words.pattern is not None:
        return ", in which the pattern is not found"
    return ", which does not contain this" if words.within is not None else ""


def _plain(words: Words) -> str:
    return words.within if words.within is not None else words.written


# ---- what is so


def expect(line: Expect, stage: Stage, params: Mapping[str, Any]) -> Mismatch | None:
    """The first thing that is not as wanted."""
    for key, wanted in line.wanted.items():
        if wanted is None:
            continue
        found = _CHECKS[key](stage, wanted, params)
        if found is not None:
            return Mismatch(found.text, found.wanted, found.real, found.cure, line.places[key])
    return None


def _end(stage: Stage, wanted: str, _: Mapping[str, Any]) -> Mismatch | None:
    session = stage.state.sessions.get(stage.channel)
    if session is not None:
        return Mismatch("the session has not ended", wanted, f"it waits at {session.top.flow}, step {session.top.step}")
    if stage.ended is None:
        return Mismatch("no session has ended", wanted, "none was ever open")
    return None if stage.ended == wanted else Mismatch("the session ended with another outcome", wanted, stage.ended or '""')


def _flow(stage: Stage, wanted: str, _: Mapping[str, Any]) -> Mismatch | None:
    session = stage.state.sessions.get(stage.channel)
    real = "none is open" if session is None else session.top.flow
    return None if real == wanted else Mismatch("the conversation is in another flow", wanted, real)


def _step(stage: Stage, wanted: str, _: Mapping[str, Any]) -> Mismatch | None:
    session = stage.state.sessions.get(stage.channel)
    real = "none: no session is open" if session is None else session.top.step
    return None if real == wanted else Mismatch("the session stands at another step", wanted, real)


def _vars(stage: Stage, wanted: Mapping[str, Any], _: Mapping[str, Any]) -> Mismatch | None:
    values = stage.values()
    for name, want in wanted.items():
        known, real = _named(values, name)
        if not known and want is not None:
            return Mismatch(f"there is no value '{name}'", f"{name}: {_written(want)}", "", suggest(name, values, "Values"))
        if not _equals(want, real):
            return Mismatch(f"'{name}' has another value", _written(want), _written(real))
    return None


def _named(values: Mapping[str, Any], name: str) -> tuple[bool, Any]:
    """The value of that name, or of a field of it: ``book.code``."""
    at: Any = values
    for part in name.split("."):
        if not isinstance(at, Mapping) or part not in at:
            return False, None
        at = at[part]
    return True, at


def _equals(want: Any, real: Any) -> bool:
    if isinstance(real, Mapping) and "raw" in real and "value" in real and not isinstance(want, Mapping):
        return any(_equals(want, real.get(key)) for key in ("value", "id", "label"))
    if isinstance(want, Words):
        return real is not None and not isinstance(real, bool | Mapping | list) and want.fits(str(real))
    if isinstance(want, bool) or isinstance(real, bool):
        return want is real
    return bool(want == real)


def _written(value: Any) -> str:
    if isinstance(value, Words):
        return value.written
    if isinstance(value, Mapping) and "raw" in value and "value" in value:
        return str(value.get("id") or value["value"])
    return "null" if value is None else str(value)


def _calls(stage: Stage, wanted: Sequence[Calls], params: Mapping[str, Any]) -> Mismatch | None:
    if not wanted and stage.attempts:
        return Mismatch("calls were made", "none", _made(stage))
    for each in wanted:
        name = each.name
        for key, value in params.items():
            name = name.replace(f"{{params.{key}}}", str(value))
        count = sum(fits(name, made) or fits(name, made.partition("?")[0]) for made in stage.attempts)
        if count != each.times if each.times is not None else not count:
            return Mismatch(f"{each.name} was called {count} time{'' if count == 1 else 's'}", each.written, _made(stage))
    return None


def _made(stage: Stage) -> str:
    return "\n".join(f"{name} x{count}" for name, count in Counter(stage.attempts).items()) or "none"


def _later(stage: Stage, wanted: int, _: Mapping[str, Any]) -> Mismatch | None:
    real = stage.ever()
    return None if real == wanted else Mismatch("another number of messages would follow by itself", str(wanted), str(real))


def _votes(stage: Stage, wanted: Mapping[str, Any], _: Mapping[str, Any]) -> Mismatch | None:
    counted = [tally for tally in stage.tallies if tally.outcome is TallyOutcome.COUNTED]
    return _tallied("votes", wanted, [(tally.poll, tally.option) for tally in counted])


def _rejected(stage: Stage, wanted: Mapping[str, Any], _: Mapping[str, Any]) -> Mismatch | None:
    rejected = [tally for tally in stage.tallies if tally.outcome is not TallyOutcome.COUNTED]
    return _tallied("rejected votes", wanted, [(tally.poll, tally.outcome.value) for tally in rejected])


def _tallied(what: str, wanted: Mapping[str, Any], real: Sequence[tuple[str, str]]) -> Mismatch | None:
    for poll, want in wanted.items():
        counts = Counter(name for each, name in real if each == poll)
        if isinstance(want, Mapping):
            if {name: count for name, count in want.items() if count} != dict(counts):
                return Mismatch(f"{what} in '{poll}' are others", _counted(want), _counted(counts))
        elif counts.total() != want:
            return Mismatch(f"{what} in '{poll}' are another number", str(want), f"{counts.total()}: {_counted(counts)}")
    return None


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


def _sessions(stage: Stage, wanted: int, _: Mapping[str, Any]) -> Mismatch | None:
    real = len(stage.state.sessions)
    return None if real == wanted else Mismatch("another number of sessions is open", str(wanted), str(real))


def _opted_out(stage: Stage, wanted: bool, _: Mapping[str, Any]) -> Mismatch | None:
    told = {True: "opted out", False: "not opted out"}
    return None if stage.opted_out is wanted else Mismatch("consent is another", told[wanted], told[stage.opted_out])


def _recorded(stage: Stage, wanted: Sequence[str], _: Mapping[str, Any]) -> Mismatch | None:
    real = [record.what for record in stage.recorded]
    missing = next((word for word in wanted if word not in real), None)
    return None if missing is None else Mismatch(f"'{missing}' was not recorded", missing, ", ".join(real) or "nothing was")


_CHECKS: dict[str, Callable[[Stage, Any, Mapping[str, Any]], Mismatch | None]] = {
    "end": _end,
    "flow": _flow,
    "step": _step,
    "state": _step,
    "vars": _vars,
    "calls": _calls,
    "later_messages": _later,
    "votes": _votes,
    "rejected": _rejected,
    "sessions": _sessions,
    "opted_out": _opted_out,
    "recorded": _recorded,
}
