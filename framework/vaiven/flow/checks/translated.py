"""Translations: what they read is known, nothing is missing, and what they offer can be told apart."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from vaiven.flow.checks import answers, before, kinds, names, texts, words
from vaiven.flow.checks.known import NOTHING, Known
from vaiven.flow.checks.view import View
from vaiven.flow.document import FlowDocument, Translation, Use
from vaiven.flow.plurals import missing_forms
from vaiven.flow.problems import Problem
from vaiven.flow.templates import Template
from vaiven.flow.translations import in_language, untranslated

_OF_TEXTS = (
    names.names,
    names.ask_texts,
    kinds.kinds,
    before.read_before_given,
    texts.secrets,
    texts.secret_values,
    texts.hidden_characters,
)
"""Rules that read nothing but texts, where they stand."""
_OF_ANSWERS = (answers.same_choices, answers.same_when_cut, answers.numbers_as_words, words.legal_words, words.commands)
"""Rules for what people are offered and may write."""


def check_translation(
    document: FlowDocument,
    translation: Translation,
    uses: Sequence[Use],
    params: Mapping[str, Any] | None,
    known: Known = NOTHING,
) -> Iterator[Problem]:
    """What its texts read and hold, with places in its file."""
    own = replace(document, file=translation.file, source=translation.source, uses=tuple(uses), targets=())
    view = View(own, params, known=known)
    for rule in _OF_TEXTS:
        yield from rule(view)
    yield from plural_forms(view, translation.lang)


def plural_forms(view: View, lang: str) -> Iterator[Problem]:
    """Plurals have every form of the language: what ``other`` says instead is bad grammar."""
    for use in view.document.uses:
        if isinstance(use.piece, Template) and any(not isinstance(piece, str) and piece.worded for piece in use.piece.pieces):
            missing = missing_forms(use.piece.source, lang)
            if missing:
                told = f"a plural here lacks what '{lang}' needs: {', '.join(missing)}"
                yield view.warning("plural-form", use.at, told, "Add it, as one {# vote}.")


def check_translations(document: FlowDocument, params: Mapping[str, Any] | None, known: Known = NOTHING) -> Iterator[Problem]:
    """What the flow lacks in a language, and what of it cannot be told apart in one."""
    view = View(document, params, known=known)
    for missing in untranslated(document):
        file = PurePath(document.translations[missing.lang].file).name
        text = f"'{missing.key}' is not there in '{missing.lang}', so people who speak it get this"
        yield view.warning("untranslated", missing.at, text, f"Add it to {file}:  {missing.key}: …")
    already = {(problem.code, problem.text) for problem in _answers(view)}
    for lang in document.translations:
        spoken = View(in_language(document, lang), params, known=known)
        yield from (problem for problem in _answers(spoken) if (problem.code, problem.text) not in already)


def _answers(view: View) -> Iterable[Problem]:
    for rule in _OF_ANSWERS:
        yield from rule(view)
