"""Texts as they run: static ones rendered once at load, and what becomes of one that fails."""

from collections.abc import Sequence
from dataclasses import replace

from vaiven.flow.document import Part
from vaiven.flow.draft import Draft
from vaiven.flow.expressions import Expression, ExpressionError, holds
from vaiven.flow.templates import Locale, Template
from vaiven.flow.tongues import Tongues
from vaiven.model.messages import MessageClass


class Text:
    """A template; ``static`` is its text where nothing in it can change. ``local``: it says ``{choices}`` or ``{hint}``.

    ``tongues`` is the same by language, None where it is in one only.
    """

    __slots__ = ("local", "static", "template", "tongues")

    def __init__(self, template: Template) -> None:
        self.template = template
        self.static: str | None = None
        self.local = not template.names.isdisjoint({"choices", "hint"})
        self.tongues: Tongues[Text] | None = None
        if template.others:
            others = {lang: Text(other) for lang, other in template.others.items()}
            self.tongues = Tongues(Text(replace(template, others=None)), others)
            self.local = self.local or any(text.local for text in others.values())
        elif not template.expressions:
            self.static = template.render({}, Locale())

    def render(self, draft: Draft) -> str:
        """Raises ExpressionError."""
        if self.static is not None:
            return self.static
        if self.tongues is not None:
            return self.tongues[draft.tongue].render(draft)
        return self.template.render(draft.scope, draft.locale)

    def fixed(self, lang: str) -> str | None:
        """Its text in a language, where nothing in that can change."""
        return self.static if self.tongues is None else self.tongues[lang].static


class Saying:
    """One message of parts, those whose condition holds, joined by a line break; ``apart``: each a message of its own."""

    __slots__ = ("_only", "apart", "local", "message_class", "parts", "static")

    def __init__(self, parts: Sequence[Part], message_class: MessageClass, apart: bool = False) -> None:
        self.parts: tuple[tuple[Text, Expression | None], ...] = tuple((Text(part.text), part.condition) for part in parts)
        self.message_class = message_class
        self.apart = apart
        self.local = any(text.local for text, _ in self.parts)
        fixed = [text.static for text, condition in self.parts if condition is None and text.static is not None]
        self.static = "\n".join(fixed) if len(fixed) == len(self.parts) else None
        self._only = self.parts[0][0] if len(self.parts) == 1 and self.parts[0][1] is None else None

    def texts(self, draft: Draft) -> list[str]:
        """Raises ExpressionError."""
        return [text.render(draft) for text, condition in self.parts if condition is None or holds(condition, draft.scope)]

    def text(self, draft: Draft) -> str:
        """All parts as one text, or the bot's error text, recorded, if one of them fails."""
        if self.static is not None:
            return self.static
        try:
            if self._only is not None:
                return self._only.render(draft)
            return "\n".join(filter(None, self.texts(draft)))
        except ExpressionError:
            return failed_text(draft)

    def messages(self, draft: Draft) -> list[str]:
        """What is sent, a text a message."""
        if not self.apart:
            return [self.text(draft)]
        try:
            return self.texts(draft)
        except ExpressionError:
            return [failed_text(draft)]

    def say(self, draft: Draft) -> None:
        if not self.apart:
            draft.send(self.text(draft), self.message_class)
            return
        for text in self.messages(draft):
            draft.send(text, self.message_class)


def failed_text(draft: Draft) -> str:
    """What is said in place of a text that could not be made; history tells where."""
    draft.record("text_failed", draft.where)
    return draft.words.error


def saying(parts: Sequence[Part], message_class: MessageClass, apart: bool = False) -> Saying | None:
    return Saying(parts, message_class, apart) if parts else None
