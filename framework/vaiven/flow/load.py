"""The texts of flow files to documents, with every problem in and between them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from vaiven.flow.checks import NOTHING, Known, check, check_names, check_set
from vaiven.flow.document import FlowDocument
from vaiven.flow.parse import parse_all
from vaiven.flow.problems import Problem, in_file_order
from vaiven.flow.source import scan

_NAME = re.compile(r"^flow:[ \t]*[\"']?([\w-]+)", re.MULTILINE)
"""The name of a flow, also of one that cannot be read otherwise."""


def load_flow(
    text: str, file: str, params: Mapping[str, Any] | None = None, known: Known = NOTHING
) -> tuple[FlowDocument | None, list[Problem]]:
    """One flow: its document, None if it has an error, and every problem of it in file order.

    ``params`` are the bot's; None: the bot is not known. ``known`` is what else is known of it.
    """
    source, problems = scan(text, file)
    if source is None:
        return None, problems
    parsed = parse_all(source)
    problems = [*problems, *parsed.problems]
    document = parsed.document
    if document is not None:
        broken = any(problem.is_error for problem in problems)
        problems += check_names(document, params, parsed.unread) if broken else check(document, params, known)
    if any(problem.is_error for problem in problems):
        document = None
    return document, in_file_order(problems)


def load_flows(
    files: Sequence[tuple[str, str]],
    params: Mapping[str, Any] | None = None,
    known: Known = NOTHING,
    *,
    complete: bool = True,
) -> tuple[list[FlowDocument], list[Problem]]:
    """The flows of a bot, from (file name, text) pairs that were already read.

    The documents are those without an error, and none of them may be run if any problem ``is_error``. Problems come in the
    order of file names and lines, those between the flows among them. ``params`` and ``known`` as in ``load_flow``. ``complete``:
    these are all flows that the bot has, so one that is missing is a problem.
    """
    documents: list[FlowDocument] = []
    problems: list[Problem] = []
    for file, text in sorted(files):
        document, found = load_flow(text, file, params, known)
        problems += found
        if document is not None:
            documents.append(document)
    named = [first.group(1) for _, text in files if (first := _NAME.search(text))] if complete else None
    problems += check_set(documents, named, params)
    return documents, in_file_order(problems)
