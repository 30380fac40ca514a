"""What of a conversation must not be seen, and what stands in its place: the same for the same, letter for letter."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from vaiven.flow.answers import fold, legal_word, opt_in_word
from vaiven.flow.document import Ask, FlowDocument, Step
from vaiven.model.contacts import ContactState
from vaiven.model.messages import InboundMessage
from vaiven.model.turns import TurnRecord
from vaiven.model.urns import path_of

LONG_NUMBER = re.compile(r"\+?[0-9](?:[ ()./-]?[0-9]){6,}")
"""A number that may be a telephone's, a card's, an account's."""
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+(Z|[+-][0-9:]+)?)?|[0-9]{1,2}[./][0-9]{1,2}[./][0-9]{4}")
"""And what is none, though it is as long: a day, an instant."""
_SAMPLES = {"phone": "+12025550124", "email": "somebody@example.com", "date": "1 January 2000", "url": "https://example.com"}
"""What stands for an answer that its letters alone would not make one."""


class Mask:
    """What must not be seen, and what stands in its place."""

    """``records`` are in order, ``documents`` by shape. ``channel`` is whose conversation it is."""

    def __init__(self, records: Sequence[TurnRecord], documents: Mapping[str, FlowDocument], channel: str) -> None:
        self._typed: dict[int, str] = {}
        self._hidden: dict[str, str] = {}
        self._documents, self._channel = documents, channel
        self._personal = {name for each in documents.values() for name, variable in each.vars.items() if variable.pii}
        before: ContactState | None = None
        for record in records:
            self._learn(record, before)
            before = record.after
        self._order = sorted(self._hidden, key=len, reverse=True)

    def _learn(self, record: TurnRecord, before: ContactState | None) -> None:
        """Names, the values of personal variables as this turn left them, and what was typed where one takes it."""
        after, body = record.after, record.event.body
        if after is None:
            return
        for name in filter(None, (after.contact.name, getattr(body, "profile_name", None))):
            for part in (name, *name.split()):
                self._hide(part)
        for address in (after.contact.home, *after.contact.addresses.values()):
            self._hide(path_of(address).removeprefix("+"))
        for values in (after.contact.vars, *(frame.vars for session in after.sessions.values() for frame in session.frames)):
            for name in self._personal & set(values):
                self._hide(values[name])
        if isinstance(body, InboundMessage) and body.choice is None and body.text.strip():
            self._type(record.number, body.text, before, after)

    def _type(self, number: int, text: str, before: ContactState | None, after: ContactState) -> None:
        """Words for a question whose answer is personal. What is a command, and no answer, stays."""
        step, known = self._asked(before)
        if step is None or not isinstance(step.verb, Ask) or step.verb.save not in self._personal:
            return
        if fold(text) in known or legal_word(text, True) or opt_in_word(text):
            return
        session = after.sessions.get(self._channel)
        saved = [frame.answers.get(step.name) for frame in session.frames] if session is not None else []
        taken = any(isinstance(answer, Mapping) and answer.get("raw") == text for answer in saved)
        self._hide(text)
        self._typed[number] = (_SAMPLES.get(step.verb.answer.kind) if taken or session is None else None) or shape(text)

    def _asked(self, state: ContactState | None) -> tuple[Step | None, set[str]]:
        """The step at which the session stood, and the commands there."""
        session = state.sessions.get(self._channel) if state is not None else None
        document = self._documents.get(session.top.shape) if session is not None else None
        if session is None or document is None:
            return None, set()
        step = next((each for each in document.steps if each.name == session.top.step), None)
        commands = (*document.commands, *(step.commands if step is not None else ()))
        return step, {"back", *(fold(word) for command in commands for word in command.words)}

    def _hide(self, value: Any) -> None:
        if isinstance(value, str) and value.strip():
            self._hidden[value] = shape(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            self._hidden[str(value)] = shape(str(value))

    def typed(self, number: int) -> str:
        """What stands for the words of this turn, where they were a personal answer; else empty."""
        return self._typed.get(number, "")

    def text(self, text: str) -> str:
        for hidden in self._order:
            if hidden in text:
                text = re.sub(rf"(?<!\w){re.escape(hidden)}(?!\w)", self._hidden[hidden].replace("\\", r"\\"), text)
        return LONG_NUMBER.sub(lambda found: found[0] if _MOMENT.fullmatch(found[0]) else shape(found[0]), text)

    def value(self, value: Any) -> Any:
        """JSON with all its texts masked."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.value(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(each) for each in value]
        if isinstance(value, int | float) and not isinstance(value, bool) and str(value) in self._hidden:
            return 0
        return value


def shape(text: str) -> str:
    """Letters and digits by their kind: ``Ola 7`` is ``Xxx 0``."""
    return "".join("X" if each.isupper() else "x" if each.isalpha() else "0" if each.isdigit() else each for each in text)
