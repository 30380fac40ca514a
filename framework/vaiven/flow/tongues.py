"""Something that is there in several languages, and which of them a person gets."""

import re
from collections.abc import Mapping
from typing import TypeVar

from vaiven.flow.grammar import ExpressionError

T = TypeVar("T")

LANGUAGE = "contact.lang"
"""The one field of the contact that a flow may write to."""
_TAG = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")

OWN = ""
"""The tag of no language: it gets ``own``."""
_REMEMBERED = 256
"""Tags that providers and people may bring are answered without looking twice, but not kept without end."""


class Tongues(dict[str, T]):
    """By BCP 47 tag, at one look-up. ``own`` is what people get whose language is not there.

    ``es-MX`` is answered by ``es`` where there is no ``es-MX``; ``es`` by nothing but ``es``.
    """

    __slots__ = ("own",)

    def __init__(self, own: T, others: Mapping[str, T]) -> None:
        super().__init__({plain_tag(lang): value for lang, value in others.items()})
        self.own = own

    def __missing__(self, lang: str) -> T:
        tag = plain_tag(lang)
        while tag and not dict.__contains__(self, tag):
            tag = tag.rpartition("-")[0]
        found = self[tag] if tag else self.own
        if len(self) < _REMEMBERED:
            self[lang] = found
        return found


def language_of(value: object) -> str:
    """The tag that a flow sets. Raises ExpressionError if it is none."""
    if isinstance(value, str) and _TAG.fullmatch(value):
        return value
    raise ExpressionError("a language is a tag such as es or pt-BR")


def plain_tag(lang: str) -> str:
    """A tag as we compare it: ``es_MX`` and ``es-mx`` are one."""
    return lang.replace("_", "-").lower()


def base(lang: str) -> str:
    """The language of a tag: ``pt`` of ``pt-BR``."""
    return plain_tag(lang).partition("-")[0]
