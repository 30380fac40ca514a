"""The texts of flow files to documents, with every problem in and between them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from vaiven.flow.checks import NOTHING, Known, check, check_names, check_set
from vaiven.flow.checks.translated import check_translation, check_translations, plural_forms
from vaiven.flow.checks.view import View
from vaiven.flow.document import FlowDocument, Translation, Use
from vaiven.flow.parse import parse_all
from vaiven.flow.problems import Problem, in_file_order
from vaiven.flow.source import scan
from vaiven.flow.translations import attached, language_of_file, parted, read_translation, stem_of

_NAME = re.compile(r"^flow:[ \t]*[\"']?([\w-]+)", re.MULTILINE)
"""The name of a flow, also of one that cannot be read otherwise."""

Texts = Sequence[tuple[str, str]]
"""File names and what stands in them."""


def load_flow(
    text: str, file: str, params: Mapping[str, Any] | None = None, known: Known = NOTHING, translations: Texts = ()
) -> tuple[FlowDocument | None, list[Problem]]:
    """One flow: its document, None if it or a translation has an error, and every problem in file order.

    ``text`` is that of its file, or the ``source`` of a document, in which its translations are. ``params`` are the bot's; None:
    the bot is not known. ``known`` is what else is known of it. ``translations`` are files beside it.
    """
    text, inside = parted(text, file)
    source, problems = scan(text, file)
    if source is None:
        return None, problems
    parsed = parse_all(source)
    problems = [*problems, *parsed.problems]
    document = parsed.document
    if document is not None:
        broken = any(problem.is_error for problem in problems)
        problems += check_names(document, params, parsed.unread) if broken else check(document, params, known)
        problems += plural_forms(View(document, params), document.lang) if document.lang else ()
        if (inside or translations) and not any(problem.is_error for problem in problems):
            document, found = _translated(document, [*inside, *translations], params, known)
            problems += found
    if any(problem.is_error for problem in problems):
        document = None
    return document, in_file_order(problems)


def _translated(
    document: FlowDocument, files: Texts, params: Mapping[str, Any] | None, known: Known
) -> tuple[FlowDocument, list[Problem]]:
    problems: list[Problem] = []
    translations: list[Translation] = []
    uses: list[Use] = []
    for file, text in files:
        translation, used, found = read_translation(text, file, document)
        problems += found
        if translation is not None:
            problems += check_translation(document, translation, used, params, known)
            translations.append(translation)
            uses += used
    whole = attached(document, translations, uses)
    return whole, [*problems, *check_translations(whole, params, known)]


def load_flows(
    files: Texts,
    params: Mapping[str, Any] | None = None,
    known: Known = NOTHING,
    *,
    complete: bool = True,
) -> tuple[list[FlowDocument], list[Problem]]:
    """The flows of a bot, from (file name, text) pairs that were already read: flow files and the translations beside them.

    The documents are those without an error, and none of them may be run if any problem ``is_error``. Problems come in the
    order of file names and lines, those between the flows among them. ``params`` and ``known`` as in ``load_flow``. ``complete``:
    these are all flows that the bot has, so one that is missing is a problem.
    """
    documents: list[FlowDocument] = []
    problems: list[Problem] = []
    flows, beside = _sorted(files)
    for file, text in flows:
        document, found = load_flow(text, file, params, known, beside.pop(stem_of(file), ()))
        problems += found
        if document is not None:
            documents.append(document)
    for stem, alone in beside.items():
        for file, _ in alone:
            told = f"this is a translation, and beside it there is no {stem.rpartition('/')[2]}.flow.yaml"
            cure = "Give it the name of its flow's file."
            problems.append(Problem("no-flow-beside", file, 0, 0, told, cure, severity="warning"))
    named = [first.group(1) for _, text in flows if (first := _NAME.search(text))] if complete else None
    problems += check_set(documents, named, params)
    return documents, in_file_order(problems)


def _sorted(files: Texts) -> tuple[list[tuple[str, str]], dict[str, list[tuple[str, str]]]]:
    """Flow files, and translations by what they have in common with theirs, each in the order of names."""
    flows: list[tuple[str, str]] = []
    beside: dict[str, list[tuple[str, str]]] = {}
    for file, text in sorted(files):
        if language_of_file(file) is None:
            flows.append((file, text))
        else:
            beside.setdefault(stem_of(file), []).append((file, text))
    return flows, beside
