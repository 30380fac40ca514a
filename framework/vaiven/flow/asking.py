"""A question: how it is put, what is taken for an answer, and what follows when nothing is."""

from collections.abc import Sequence
from typing import Any

from vaiven.flow.answers import Ambiguous, Outside, Understood, parse_confirm, parse_integer, parse_text
from vaiven.flow.document import After, AnswerSpec, Ask, Step
from vaiven.flow.draft import TRAIL, Draft
from vaiven.flow.expressions import Expression, ExpressionError, holds
from vaiven.flow.nodes import Node
from vaiven.flow.offering import Choices, Offer, options, placed, placeholder
from vaiven.flow.templates import Template
from vaiven.flow.texts import Saying, Text, failed_text
from vaiven.model.messages import InboundMessage, Layout, Media

Reading = Understood | Outside | Ambiguous | None


class AskNode(Node):
    """``command_events`` maps a folded word to the machine's event; ``after`` are its timers, armed at each visit."""

    waits = True

    def __init__(self, step: Step, verb: Ask, flow: str, retry: Sequence[Template] | None, after: Sequence[After]) -> None:
        super().__init__(step)
        self.after = tuple(after)
        self.idle = tuple(timer for timer in after if timer.idle)
        self.timer_events: dict[str, str] = {}
        self.command_events: dict[str, str] = {}
        self.reject: frozenset[str] = frozenset(verb.reject)
        self.stale = verb.stale
        self.interruptible = verb.interruptible
        self._answer: AnswerSpec = verb.answer
        self._save = verb.save
        self._skip: Expression | None = verb.skip
        self._question = Saying(verb.question, self.message_class)
        self._hint = Text(verb.hint) if verb.hint is not None else None
        self._retry = None if retry is None else tuple(Text(text) for text in retry)
        self._choices = Choices(verb.answer.choices) if verb.answer.choices else None
        self._prefix = f"{flow}/{step.name}/"
        texts = (*(self._retry or ()), *([self._hint] if self._hint is not None else ()))
        self._local = self._question.local or any(text.local for text in texts)

    # ---- entering and asking

    def act(self, draft: Draft) -> None:
        if draft.returning:
            draft.returning = False
            self._forget(draft)
        elif self._skip is not None and holds(self._skip, draft.scope):
            draft.outcome = None
            return
        draft.wait_at(self)
        if not draft.quiet:
            self.put(draft)

    def put(self, draft: Draft) -> None:
        """Ask the question, with what must come before it in the same message (``draft.because``)."""
        before, draft.because = draft.because, ""
        offer = self.offer(draft)
        layout = self._prepare(draft, offer)
        text = self._question.text(draft)
        self._send(draft, f"{before}\n{text}" if before else text, offer, layout, always=True)

    def offer(self, draft: Draft) -> Offer | None:
        return None if self._choices is None else self._choices.now(draft)

    def _prepare(self, draft: Draft, offer: Offer | None) -> Layout:
        """How the choices will be shown; the local names of the texts are set by it."""
        layout = Layout.TEXT if offer is None else draft.facts.capabilities.layout(offer.titles)
        if self._local:
            scope = draft.scope
            scope["choices"] = None if offer is None else placeholder(layout)
            scope["hint"] = self._hint_text(draft)
        return layout

    def _hint_text(self, draft: Draft) -> str:
        if self._hint is None:
            return ""
        try:
            return self._hint.render(draft)
        except ExpressionError:
            return failed_text(draft)

    def _send(self, draft: Draft, text: str, offer: Offer | None, layout: Layout, always: bool) -> None:
        if offer is None:
            draft.send(text, self.message_class)
            return
        text = placed(text, offer, layout, always)
        if layout is Layout.TEXT:
            draft.send(text, self.message_class)
        else:
            draft.asked = draft.visit
            draft.send(text, self.message_class, options(f"{self._prefix}{draft.visit}:", offer), layout)

    # ---- what is taken for an answer

    def exact(self, draft: Draft, folded: str, raw: str) -> Reading:
        """An answer that leaves no doubt: one of the choices, or yes or no."""
        if self._choices is not None:
            return self._choices.now(draft).prepared.exact(folded, raw)
        return parse_confirm(raw) if self._answer.kind == "confirm" else None

    def typed(self, draft: Draft, folded: str, raw: str) -> Reading:
        """A close spelling of one choice, or a value of the type that is asked for. Raises ExpressionError on a failing bound."""
        answer = self._answer
        if self._choices is not None:
            return self._choices.now(draft).prepared.close(folded, raw)
        if answer.kind == "integer":
            return parse_integer(raw, self._bound(draft, answer.min), self._bound(draft, answer.max))
        if answer.kind == "text":
            return parse_text(raw, self._bound(draft, answer.min), self._bound(draft, answer.max), answer.pattern, answer.fold)
        return None

    def plain(self, draft: Draft, folded: str, raw: str) -> Understood | None:
        """The answer that starts a flow: certain, and of a kind that not every message is."""
        found = self.typed(draft, folded, raw) if self._answer.kind == "integer" else self.exact(draft, folded, raw)
        return found if isinstance(found, Understood) else None

    def tapped(self, draft: Draft, option: str, raw: str) -> Understood | None:
        """The choice of that id, if it is offered now."""
        offer = self.offer(draft)
        for choice in () if offer is None else offer.offered:
            if choice.id == option:
                return Understood(choice.id, raw or choice.label, choice.id, choice.label)
        return None

    def media(self, message: InboundMessage) -> Understood | None:
        """A file, where this kind of file is an answer too."""
        kinds = {_kind_of(media) for media in message.media}
        if not kinds or not kinds <= set(self._answer.media):
            return None
        return Understood([{"mime": file.mime, "url": file.url, "ref": file.ref} for file in message.media], message.text)

    @staticmethod
    def _bound(draft: Draft, bound: Expression | None) -> int | None:
        value = None if bound is None else bound.evaluate(draft.scope)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ExpressionError(f"a bound is a number, not {value!r}")
        return int(value)

    def take(self, draft: Draft, answer: Understood) -> None:
        """Save an answer, before the machine hears of it."""
        saved: dict[str, Any] = {"value": answer.value, "raw": answer.raw}
        if answer.id is not None:
            saved["id"] = answer.id
        if answer.label is not None:
            saved["label"] = answer.label
        draft.put_answer(self.name, saved)
        if self._save is not None:
            draft.set_var(self._save, answer.value)
        draft.outcome = answer.id
        draft.trail = () if self.keep else (*draft.trail, self.name)[-TRAIL:]

    def _forget(self, draft: Draft) -> None:
        """BACK undoes the answer, and what it saved in the session."""
        draft.drop_answer(self.name)
        if self._save is not None:
            draft.vars.pop(self._save, None)

    # ---- when nothing is

    def has_tries(self, draft: Draft) -> bool:
        return draft.tries < (1 if self._retry is None else len(self._retry))

    def retry(self, draft: Draft) -> None:
        """One text a try; absent: the hint and the question, once. Choices as text only where it says so, buttons always."""
        offer = self.offer(draft)
        layout = self._prepare(draft, offer)
        before, draft.because = draft.because, ""
        if before:
            self._send(draft, before, offer, layout, always=False)
        elif self._retry is None:
            hint, question = self._hint_text(draft), self._question.text(draft)
            self._send(draft, f"{hint}\n{question}" if hint else question, offer, layout, always=True)
        else:
            try:
                text = self._retry[draft.tries].render(draft)
            except ExpressionError:
                text = failed_text(draft)
            self._send(draft, text, offer, layout, always=False)
        draft.tries += 1

    def which(self, draft: Draft) -> None:
        """Ask which of those that fit was meant. No try is used up."""
        offer = self.offer(draft)
        if offer is not None:
            few = offer.only(draft.offered)
            layout = draft.facts.capabilities.layout(few.titles)
            self._send(draft, draft.flows.spec.words.which, few, layout, always=True)


class Aside:
    """A command that says something and asks the question again, in one message. No visit, no try, no timer changes."""

    __slots__ = ("_node", "_said")

    def __init__(self, said: Saying, node: AskNode) -> None:
        self._said = said
        self._node = node

    def take(self, draft: Draft) -> None:
        draft.because = self._said.text(draft)
        self._node.put(draft)


def _kind_of(media: Media) -> str:
    family = media.mime.partition("/")[0]
    return family if family in ("image", "audio", "video") else "document"
