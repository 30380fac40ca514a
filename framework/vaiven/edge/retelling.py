"""What a replayed turn looks like, as data and to a person; personal values are masked unless asked for."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from vaiven.flow.document import Ask, FlowDocument
from vaiven.model.contacts import ContactState
from vaiven.model.effects import CancelTimer, Effect, Send, StartTimer
from vaiven.model.events import CallAnswered, Event, Happened, OptedOut, StartFlow, TimerDue
from vaiven.model.messages import InboundMessage
from vaiven.runtime.against import Example
from vaiven.runtime.replay import Replayed

HIDDEN = "•••"
_LONGEST = 200
"""Characters of a value that a person is shown; JSON has all of it."""
_PERSONAL = frozenset({"phone", "email", "location", "media"})
"""Answers of these types are personal whatever the flow declares."""


class Masker:
    """Hides what is personal: variables marked ``pii``, the answers saved into them, telephone numbers, e-mail addresses, places,
    files, names of profiles; wherever these values turn up again, too. What no known flow declares is hidden as well."""

    def __init__(self, off: bool = False) -> None:
        self.off = off
        self._plain: dict[str, frozenset[str]] = {}
        self._asked: dict[str, frozenset[str]] = {}
        self._vars: set[str] = set()
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def declare(self, shape: str, document: FlowDocument) -> None:
        """What this flow declares about its variables and answers."""
        personal = {name for name, variable in document.vars.items() if variable.pii}
        asked = {
            step.name
            for step in document.steps
            if isinstance(step.verb, Ask) and (step.verb.save in personal or step.verb.answer.kind in _PERSONAL)
        }
        self._plain[shape] = frozenset({*document.vars, *(step.name for step in document.steps)} - personal - asked)
        self._asked[shape] = frozenset(asked)
        self._vars |= {name for name, variable in document.vars.items() if not variable.pii}
        self._vars -= personal

    def learn(self, state: ContactState | None) -> None:
        """The personal values that stand in this state."""
        if self.off or state is None:
            return
        contact = state.contact
        found: list[Any] = [contact.name, *contact.addresses.values(), contact.home]
        found += [value for name, value in contact.vars.items() if name not in self._vars]
        for session in state.sessions.values():
            for frame in session.frames:
                plain = self._plain.get(frame.shape, frozenset())
                values = {**frame.answers, **frame.vars}
                found += [value for name, value in values.items() if name not in plain]
        new = {text for value in found for text in _texts(value) if text} - self._secrets
        if new:
            self._secrets |= new
            words = sorted(self._secrets, key=lambda word: (-len(word), word))
            self._pattern = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, words)) + r")(?!\w)", re.IGNORECASE)

    def text(self, text: str) -> str:
        """The text without what is personal."""
        return text if self.off or self._pattern is None else self._pattern.sub(HIDDEN, text)

    def deep(self, value: Any) -> Any:
        """The same of everything in a value."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {name: self.deep(each) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.deep(each) for each in value]
        return value

    def values(self, state: ContactState | None, channel: str) -> dict[str, Any]:
        """Variables and answers by name, the contact's first, then of each flow from the lowest up."""
        if state is None:
            return {}
        found = {name: value if self.off or name in self._vars else HIDDEN for name, value in state.contact.vars.items()}
        session = state.sessions.get(channel)
        for frame in session.frames if session is not None else ():
            plain = self._plain.get(frame.shape, frozenset())
            for name, value in {**frame.answers, **frame.vars}.items():
                found[name] = value if self.off or name in plain else HIDDEN
        return {name: self.deep(msgspec.to_builtins(value)) for name, value in found.items()}

    def came(self, event: Event, before: ContactState | None) -> str:
        """What an event is, in a line."""
        body = event.body
        match body:
            case InboundMessage():
                return self._message(body, before, event.channel)
            case TimerDue():
                return f"(timer {body.key.rpartition('/')[2]} fell due)"
            case CallAnswered():
                how = f"failed: {body.reason}" if body.reason else "answered"
                return f"(call of {body.step} {how}{f', status {body.status}' if body.status else ''})"
            case Happened():
                return f"({body.name} {self._json(body.data)})"
            case StartFlow():
                return f"(start of {body.flow} {self._json(body.vars)})"
            case OptedOut():
                return f"(the provider says that they opted out: {body.reason})"
        return f"({type(body).__name__})"

    def _json(self, value: Any) -> str:
        return HIDDEN if value and not self.off else msgspec.json.encode(value).decode()

    def _message(self, body: InboundMessage, before: ContactState | None, channel: str) -> str:
        session = before.sessions.get(channel) if before is not None else None
        personal = session is not None and (
            session.top.shape not in self._asked or session.top.step in self._asked[session.top.shape]
        )
        hide = personal and not self.off and body.choice is None and body.consent is None
        text = HIDDEN if hide and body.text else self.text(body.text)
        if body.choice is not None:
            text = f"[{self.text(body.choice.title) or body.choice.id}]"
        kind = "" if text and body.kind.value in ("text", "choice") else f"<{body.kind.value}>"
        return " ".join(filter(None, (kind, text)))


def _texts(value: Any) -> Iterator[str]:
    """Every text in a value. Words of one letter are in every text, so they hide nothing."""
    if isinstance(value, str):
        if len(value) > 1:
            yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, int | float) and not isinstance(value, bool) and abs(value) > 99:
        yield str(value)


def instant(at_ms: int) -> str:
    """An instant of history as it is told everywhere here."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def view(turn: int, replayed: Replayed, masker: Masker) -> dict[str, Any]:
    """A turn as data."""
    record, before = replayed.record, replayed.before
    channel, after = record.event.channel, record.after
    masker.learn(before)
    masker.learn(after)
    said = [effect for effect in record.effects if isinstance(effect, Send)]
    timers = [effect for effect in record.effects if isinstance(effect, StartTimer | CancelTimer)]
    others = [effect for effect in record.effects if not isinstance(effect, Send | StartTimer | CancelTimer)]
    return {
        "turn": turn,
        "number": record.number,
        "at": instant(record.at_ms),
        "channel": channel,
        "came": masker.came(record.event, before),
        "said": [
            {
                "text": masker.text(each.text),
                "class": str(each.message_class),
                **({"options": [masker.text(option.title) for option in each.options]} if each.options else {}),
                **({"media": [file.mime for file in each.media]} if each.media else {}),
                **({"template": each.template.name} if each.template is not None else {}),
            }
            for each in said
        ],
        "state": {"before": stack(before, channel), "after": stack(after, channel)},
        "vars": {"before": masker.values(before, channel), "after": masker.values(after, channel)},
        "timers": [_timer(each) for each in timers],
        "effects": [_short(each, masker) for each in others],
        "facts": record.facts,
        "flow": record.flow,
        "check": f"unchecked: {replayed.unchecked}" if replayed.unchecked else "differs" if replayed.differences else "same",
        "differences": [
            {"what": each.what, "recorded": _plain(each.recorded, masker), "replayed": _plain(each.replayed, masker)}
            for each in replayed.differences
        ],
    }


def stack(state: ContactState | None, channel: str) -> list[str] | None:
    """Where somebody stands: each open flow with its step, the top one last; None: it is not known."""
    if state is None:
        return None
    session = state.sessions.get(channel)
    return [] if session is None else [f"{frame.flow}/{frame.step}" for frame in session.frames]


def _timer(effect: StartTimer | CancelTimer) -> dict[str, Any]:
    if isinstance(effect, CancelTimer):
        return {"key": effect.key, "cancelled": True}
    return {"key": effect.key, "due": instant(effect.due_ms), "step": effect.step}


def _short(effect: Effect, masker: Masker) -> dict[str, Any]:
    """An effect as data, its words and values masked."""
    plain = msgspec.to_builtins(effect)
    if isinstance(plain, dict) and not masker.off:
        for key in ("request", "data", "shared"):
            if key in plain:
                plain[key] = _address_only(plain[key])
    found: dict[str, Any] = masker.deep(plain)
    return found


def _address_only(value: Any) -> Any:
    """Of a request what it goes to; what it carries may be anybody's."""
    if not isinstance(value, Mapping):
        return HIDDEN
    return {
        name: str(each).partition("?")[0] if name in ("url", "method", "name", "is") else HIDDEN for name, each in value.items()
    }


def _plain(value: Any, masker: Masker) -> Any:
    plain = masker.deep(msgspec.to_builtins(value, str_keys=True))
    return plain if masker.off or isinstance(plain, str | list) else _quiet(plain)


def _quiet(value: Any) -> Any:
    """A state with its variables and answers hidden: only where they stand can matter to who may not see them."""
    if isinstance(value, dict):
        return {name: HIDDEN if name in ("vars", "answers", "held") and each else _quiet(each) for name, each in value.items()}
    return [_quiet(each) for each in value] if isinstance(value, list) else value


def shown(what: str, example: Example, masker: Masker) -> tuple[Any, Any]:
    """What was and what would be in one turn, as data; of values only those that are not the same."""
    for state in (example.before, example.old, example.new):
        masker.learn(state)
    if what == "vars":
        was, now = masker.values(example.old, example.channel), masker.values(example.new, example.channel)
        names = [name for name in dict.fromkeys((*was, *now)) if was.get(name) != now.get(name)]
        return {name: was.get(name) for name in names}, {name: now.get(name) for name in names}
    if what == "call":
        return [_asked(each, masker) for each in example.was], [_asked(each, masker) for each in example.now]
    return _plain(example.was, masker), _plain(example.now, masker)


def _asked(call: Any, masker: Masker) -> Any:
    if isinstance(call, tuple):
        step, request = call
        plain = msgspec.to_builtins(request)
        return [step, masker.deep(plain if masker.off else _address_only(plain))]
    return _short(call, masker)


def picture(found: Mapping[str, Any]) -> str:
    """A turn as a person reads it."""
    lines = [f"#{found['turn']}  {found['at']}  {found['channel']}", f"  < {found['came']}"]
    for said in found["said"]:
        first, *rest = (said["text"] or f"<{', '.join(said.get('media', ['template']))}>").split("\n")
        lines += [f"  > {first}", *(f"    {line}" for line in rest), *(f"    [{title}]" for title in said.get("options", ()))]
    before, after = found["state"]["before"], found["state"]["after"]
    rows = [("state", _change(_standing(before), _standing(after)))]
    was, now = found["vars"]["before"], found["vars"]["after"]
    for name in dict.fromkeys((*was, *now)):
        if was.get(name) != now.get(name):
            rows.append(("value", f"{name}: {_change(_value(was, name), _value(now, name))}"))
    kept = [name for name in now if was.get(name) == now[name]]
    rows += [("kept", ", ".join(kept))] if kept else []
    for timer in found["timers"]:
        rows.append(("timer", f"{timer['key']}: " + ("cancelled" if timer.get("cancelled") else f"due {timer['due']}")))
    rows += [("fact", f"{name} = {value}") for name, value in found["facts"].items()]
    rows += [("did", _did(effect)) for effect in found["effects"]]
    told = "the same when decided again" + (f" by version {found['flow']}" if found["flow"] else "")
    rows.append(("check", told if found["check"] == "same" else found["check"]))
    for each in found["differences"]:
        rows.append(("", f"{each['what']}: recorded {_json(each['recorded'])}"))
        rows.append(("", f"{' ' * len(each['what'])}  replayed {_json(each['replayed'])}"))
    return "\n".join([*lines, *(f"  {head:<6} {text}" for head, text in rows)])


def _did(effect: Mapping[str, Any]) -> str:
    more = " ".join(f"{name}={_json(value)}" for name, value in effect.items() if name != "do")
    return f"{effect.get('do', '')} {more}".strip()


def _standing(frames: Iterable[str] | None) -> str:
    return "?" if frames is None else " > ".join(frames) or "–"


def _value(values: Mapping[str, Any], name: str) -> str:
    text = _json(values[name]) if name in values else "–"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _json(value: Any) -> str:
    return msgspec.json.encode(value, order="sorted").decode() if not isinstance(value, str) else value


def _change(was: str, now: str) -> str:
    return was if was == now else f"{was} → {now}"
