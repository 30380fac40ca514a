"""The choices of a question, as they go out: buttons, a list, or numbered lines under the text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vaiven.flow.answers import Offered, Prepared, prepare
from vaiven.flow.document import AnswerSpec, ChoiceSpec
from vaiven.flow.draft import Draft
from vaiven.flow.expressions import Expression, ExpressionError
from vaiven.flow.requests import text_of
from vaiven.flow.templates import Template
from vaiven.flow.texts import Text
from vaiven.flow.tongues import OWN, Tongues
from vaiven.model.messages import Layout, Option

MAX_OFFERED = 99
"""Choices that are made at run time; more are left out, and history tells."""

# Stand-ins for ``{choices}`` while a text is rendered, so that the blanks around it can be put right afterwards.
_LINES = "\x00"
_NOTHING = "\x01"
_AROUND_LINES = re.compile(rf"[ \n]*{_LINES}[ \n]*")
_AROUND_NOTHING = re.compile(rf"[ \n]*{_NOTHING}[ \n]*")


@dataclass(frozen=True, slots=True)
class Offer:
    """Choices as offered now."""

    offered: tuple[Offered, ...]
    prepared: Prepared
    titles: tuple[str, ...]
    numbered: str

    @classmethod
    def of(cls, offered: Sequence[Offered]) -> "Offer":
        titles = tuple(choice.label for choice in offered)
        lines = "\n".join(f"{number} {title}" for number, title in enumerate(titles, 1))
        return cls(tuple(offered), prepare(offered), titles, lines)

    def only(self, ids: Sequence[str]) -> "Offer":
        """Some of them, under the numbers that they have in the whole list."""
        kept = [(number, choice) for number, choice in enumerate(self.offered, 1) if choice.id in ids]
        lines = "\n".join(f"{number} {choice.label}" for number, choice in kept)
        return Offer(tuple(choice for _, choice in kept), self.prepared, tuple(choice.label for _, choice in kept), lines)


class Choices:
    """The choices of a step. Labels in which nothing changes are prepared once.

    ``made``: they are made at run time, by ``make``, and stay as they are for the visit.
    """

    __slots__ = ("_labels", "_only", "_specs", "_static", "_words")

    made = False

    def __init__(self, specs: Sequence[ChoiceSpec]) -> None:
        self._specs = tuple(specs)
        self._labels = tuple(Text(spec.label) for spec in specs)
        langs = {lang for spec in specs for lang in (*(spec.label.others or ()), *(spec.others or ()))}
        own = tuple(spec.also for spec in specs)
        words = {lang: tuple((*spec.also, *(spec.others or {}).get(lang, ())) for spec in specs) for lang in langs}
        self._words = Tongues(own, words)
        self._static: Tongues[Offer | None] = Tongues(self._fixed(OWN), {lang: self._fixed(lang) for lang in langs})
        self._only = None if langs else self._static.own

    def _fixed(self, lang: str) -> Offer | None:
        labels = [label for text in self._labels if (label := text.fixed(lang)) is not None]
        return self._offer(labels, lang) if len(labels) == len(self._labels) else None

    def now(self, draft: Draft) -> Offer:
        """Raises ExpressionError if a label does."""
        if self._only is not None:
            return self._only
        tongue = draft.tongue
        return self._static[tongue] or self._offer([label.render(draft) for label in self._labels], tongue)

    def make(self, draft: Draft) -> tuple[tuple[str, str], ...]:
        """Ids and labels of a new visit. Raises ExpressionError."""
        return tuple((choice.id, choice.label) for choice in self.now(draft).offered)

    def _offer(self, labels: Sequence[str], lang: str) -> Offer:
        named = zip(self._specs, labels, self._words[lang], strict=True)
        return Offer.of([Offered(spec.id, label, also) for spec, label, also in named])


class MadeChoices(Choices):
    """A choice for each item of a list. Without an id of its own a choice is known by its label."""

    __slots__ = ("_each", "_id", "_label")

    made = True

    def __init__(self, each: Expression, id: Template | None, label: Template) -> None:
        super().__init__(())
        self._each = each
        self._id = id
        self._label = Text(label)

    def now(self, draft: Draft) -> Offer:
        """Those of the visit; in a flow that is not open yet those that there would be."""
        return Offer.of([Offered(name, label) for name, label in draft.listed or self.make(draft)])

    def make(self, draft: Draft) -> tuple[tuple[str, str], ...]:
        items = self._each.evaluate(draft.scope)
        if not isinstance(items, list | tuple):
            raise ExpressionError("choices are made from a list", 0, "as slots.slots")
        found: dict[str, str] = {}
        scope, left_out = draft.scope, len(items) > MAX_OFFERED
        try:
            for item in items[:MAX_OFFERED]:
                scope["item"] = item
                label = self._label.render(draft)
                name = label if self._id is None else text_of(self._id, scope)
                if label.strip() and name.strip():
                    found.setdefault(name, label)
                else:
                    left_out = True
        finally:
            scope.pop("item", None)
        if left_out:
            draft.record("choices_left_out", draft.where)
        if not found:
            raise ExpressionError("there is nothing to choose from", 0, "go elsewhere where size(...) == 0")
        return tuple(found.items())


def offers(answer: AnswerSpec) -> Choices | None:
    """The choices of an answer; None: it has none."""
    if answer.each is not None and answer.each_label is not None:
        return MadeChoices(answer.each, answer.each_id, answer.each_label)
    return Choices(answer.choices) if answer.choices else None


def placeholder(layout: Layout) -> str:
    """What ``{choices}`` renders as, until ``placed`` puts it right."""
    return _LINES if layout is Layout.TEXT else _NOTHING


def placed(text: str, offer: Offer, layout: Layout, always: bool) -> str:
    """The text with its choices: in place of ``{choices}``, else under it if ``always``; nowhere where they are buttons."""
    if layout is not Layout.TEXT:
        return _AROUND_NOTHING.sub(" ", text).strip() if _NOTHING in text else text
    if _LINES in text:
        return _AROUND_LINES.sub(lambda _: f"\n{offer.numbered}\n", text).strip()
    return f"{text}\n{offer.numbered}" if always else text


def options(prefix: str, offer: Offer) -> tuple[Option, ...]:
    return tuple(Option(prefix + choice.id, choice.label) for choice in offer.offered)
