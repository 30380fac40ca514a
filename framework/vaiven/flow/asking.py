"""A question: how it is put, what is taken for an answer, and what follows when nothing is."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace as changed

from vaiven.flow.answers import Understood
from vaiven.flow.document import After, Ask, Step, TemplateSpec
from vaiven.flow.draft import TRAIL, Draft
from vaiven.flow.expressions import Expression, ExpressionError, holds
from vaiven.flow.offering import Choices, Offer, offers, options, placed, placeholder
from vaiven.flow.showing import filled
from vaiven.flow.taking import Parser, Taker, taker
from vaiven.flow.templates import Template
from vaiven.flow.texts import Saying, Text, failed_text
from vaiven.flow.waiting import WaitingNode
from vaiven.model.effects import Send
from vaiven.model.messages import InboundMessage, Layout


class AskNode(WaitingNode):
    """``reject`` are the bounds that have a route of their own."""

    asks = True

    def __init__(
        self,
        step: Step,
        verb: Ask,
        flow: str,
        retry: Sequence[Template] | None,
        after: Sequence[After],
        parsers: Mapping[str, Parser],
    ) -> None:
        super().__init__(step, after)
        self.reject: frozenset[str] = frozenset(verb.reject)
        self.stale = verb.stale
        self.interruptible = verb.interruptible
        each = verb.answer.each
        self.made_of = frozenset(name.partition(".")[0] for name in (each.names if each is not None else ()))
        self._save = verb.save
        self._skip: Expression | None = verb.skip
        self._question = Saying(verb.question, self.message_class)
        self._template = verb.template
        self._hint = Text(verb.hint) if verb.hint is not None else None
        self._retry = None if retry is None else tuple(Text(text) for text in retry)
        self._choices: Choices | None = offers(verb.answer)
        self._taker: Taker = taker(verb.answer, self._choices, parsers)
        # An answer that leaves no doubt, and one that takes some reading, of (draft, folded, raw).
        self.exact = self._taker.exact
        self.typed = self._taker.typed
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
        choices = self._choices
        if choices is not None and choices.made:
            listed = choices.make(draft)
            draft.wait_at(self)
            draft.listed = listed
        else:
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
        if self._template is not None:
            self._approve(draft, self._template, offer)

    def _approve(self, draft: Draft, spec: TemplateSpec, offer: Offer | None) -> None:
        """The question that has just been put bears its template. A payload that is a choice's id is a tap on that choice."""
        asked = draft.effects[-1] if draft.effects else None
        if not isinstance(asked, Send):
            return
        try:
            template = filled(spec, draft)
        except ExpressionError:
            draft.record("text_failed", f"{self._prefix}template")
            return
        if offer is not None:
            shown = options(f"{self._prefix}{draft.visit}:", offer)
            ids = {choice.id: option.id for choice, option in zip(offer.offered, shown, strict=True)}
            template = changed(template, payloads=tuple(ids.get(payload, payload) for payload in template.payloads))
            draft.asked = draft.visit
        draft.effects[-1] = changed(asked, template=template)

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

    def plain(self, draft: Draft, folded: str, raw: str) -> Understood | None:
        """The answer that starts a flow: certain, and of a kind that not every message is."""
        found = self._taker.plain(draft, folded, raw)
        return found if isinstance(found, Understood) else None

    def tapped(self, draft: Draft, option: str, raw: str, old: bool = False) -> Understood | None:
        """The choice of that id, if it is offered now. An ``old`` tap must mean what it showed."""
        offer = self.offer(draft)
        for choice in () if offer is None else offer.offered:
            if choice.id == option:
                if old and raw and self._choices is not None and self._choices.made and not choice.label.startswith(raw):
                    return None
                return self._taker.chosen(choice, raw)
        return None

    def received(self, message: InboundMessage) -> Understood | None:
        """A file or a place, where that is an answer."""
        return self._taker.received(message)

    def take(self, draft: Draft, answer: Understood) -> None:
        """Save an answer, before the machine hears of it."""
        saved: dict[str, Any] = {"value": answer.value, "raw": answer.raw}
        if answer.id is not None:
            saved["id"] = answer.id
        if answer.label is not None:
            saved["label"] = answer.label
        if answer.assumed:
            saved["assumed"] = list(answer.assumed)
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
            self._send(draft, draft.words.which, few, layout, always=True)


class Aside:
    """A command that says something and asks the question again, in one message. No visit, no try, no timer changes."""

    __slots__ = ("_node", "_said")

    def __init__(self, said: Saying, node: WaitingNode) -> None:
        self._said = said
        self._node = node

    def take(self, draft: Draft) -> None:
        draft.because = self._said.text(draft)
        self._node.put(draft)
