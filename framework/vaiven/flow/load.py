"""The texts of flow files to documents, with every problem in and between them."""

from collections.abc import Mapping, Sequence
from typing import Any

from vaiven.flow.checks import check, check_names, check_set
from vaiven.flow.document import FlowDocument
from vaiven.flow.parse import parse_all
from vaiven.flow.problems import Problem, in_file_order
from vaiven.flow.source import scan


def load_flow(text: str, file: str, params: Mapping[str, Any] | None = None) -> tuple[FlowDocument | None, list[Problem]]:
    """One flow: its document, None if it has an error, and every problem of it in file order.

    ``params`` are the bot's; None: the bot is not known.
    """
    source, problems = scan(text, file)
    if source is None:
        return None, problems
    parsed = parse_all(source)
    problems = [*problems, *parsed.problems]
    document = parsed.document
    if document is not None:
        broken = any(problem.is_error for problem in problems)
        problems += check_names(document, params, parsed.unread) if broken else check(document, params)
    if any(problem.is_error for problem in problems):
        document = None
    return document, in_file_order(problems)


def load_flows(
    files: Sequence[tuple[str, str]], params: Mapping[str, Any] | None = None
) -> tuple[list[FlowDocument], list[Problem]]:
    """The flows of a bot, from (file name, text) pairs that were already read.

    The documents are those without an error, and none of them may be run if any problem ``is_error``. Problems come in the
    order of file names and lines, those between the flows among them. ``params`` as in ``load_flow``.
    """
    documents: list[FlowDocument] = []
    problems: list[Problem] = []
    for file, text in sorted(files):
        document, found = load_flow(text, file, params)
        problems += found
        if document is not None:
            documents.append(document)
    problems += check_set(documents)
    return documents, in_file_order(problems)
