"""Ways in: what starts a flow is heard by it, and by it alone."""

from collections.abc import Iterator, Sequence

from vaiven.flow.answers import fold
from vaiven.flow.checks.view import View
from vaiven.flow.checks.words import spellings, word_at
from vaiven.flow.document import Ask, FlowDocument, Position, Start
from vaiven.flow.problems import Problem

_STARTING = ("choices", "integer", "confirm")
_NAMED = {"payload": "payload", "referral": "referral", "event": "event", "intent": "intent"}
"""Starts by a word of another program, compared as it is."""


def start_steps(view: View) -> Iterator[Problem]:
    """``rest`` and ``answer`` name questions; ``answer`` one whose answers are not just any text."""
    for start in view.document.starts:
        if start.rest in view.steps and start.rest not in view.unread and not isinstance(view.steps[start.rest].verb, Ask):
            text = f"step '{start.rest}' asks nothing, so the words after the keyword answer nothing"
            yield view.problem("bad-start", word_at(view, start.at, start.rest), text, "`rest` names an `ask`.")
        if start.step in view.steps and start.step not in view.unread:
            verb = view.steps[start.step].verb
            if not isinstance(verb, Ask) or verb.answer.kind not in _STARTING:
                text = f"no exact answer to step '{start.step}' can start the flow"
                cure = "`answer` names an `ask` with `choices`, `as: integer` or `as: confirm`."
                yield view.problem("bad-start", word_at(view, start.at, start.step), text, cure)


def keywords(view: View) -> Iterator[Problem]:
    """A keyword is one word, since it is matched as the first word of a message."""
    for start in view.document.starts:
        for word in start.words if start.kind == "keyword" else ():
            if " " in fold(word):
                first = fold(word).split(" ")[0]
                cure = f"Take the first, '{first}': what follows it is ignored, or goes to the step that `rest` names."
                yield view.problem(
                    "keyword-words", word_at(view, start.at, word), f"the keyword '{word}' is more than one word", cure
                )


def own_clashes(view: View) -> Iterator[Problem]:
    """No two ways into one flow take the same."""
    owners: dict[tuple[str, str], Start] = {}
    for start in view.document.starts:
        for key, shown in _heard(view.document, start, answers=False):
            owner = owners.setdefault(key, start)
            if owner is not start:
                text = f"{shown} starts this flow already at line {owner.at.line}"
                at = word_at(view, start.at, _written(shown)) if key[1] else start.at
                yield view.problem("same-start", at, text, "Remove one of the two.")


def set_clashes(documents: Sequence[FlowDocument]) -> Iterator[Problem]:
    """No two flows of a bot have one name, or are started by the same on the same channel."""
    names: dict[str, FlowDocument] = {}
    owners: dict[tuple[str, str], list[tuple[FlowDocument, Position]]] = {}
    for document in documents:
        view = View(document, None)
        first = names.setdefault(document.name, document)
        if first is not document:
            text = f"the flow '{document.name}' is already in {first.file}"
            yield view.problem("same-flow", word_at(view, Position(1, 1), document.name), text, "Give one of them another name.")
            continue
        for start in document.starts:
            yield from _clashes_with_others(view, start, owners)


def _clashes_with_others(
    view: View, start: Start, owners: dict[tuple[str, str], list[tuple[FlowDocument, Position]]]
) -> Iterator[Problem]:
    told: set[str] = set()
    for key, shown in _heard(view.document, start, answers=True):
        others = owners.setdefault(key, [])
        other = next((one for one in others if one[0] is not view.document and _share_a_channel(one[0], view.document)), None)
        others.append((view.document, start.at))
        if other is not None and other[0].name not in told:
            told.add(other[0].name)
            at = start.at if key[0] in ("answer", "fallback") else word_at(view, start.at, _written(shown))
            where = f"{other[0].file}:{other[1].line}"
            text = f"{shown} starts two flows: '{other[0].name}' ({where}) and this one"
            cure = "Take it out of one of them, or let them serve different `channels`."
            yield view.problem("same-start", at, text, cure, width=1 if at == start.at else 0)


def hidden_starts(documents: Sequence[FlowDocument]) -> Iterator[Problem]:
    """No answer that starts a flow begins with a keyword of another one, which is tried before."""
    keywords = {
        key[1]: document
        for document in documents
        for start in document.starts
        for key, _ in _heard(document, start, answers=False)
        if key[0] == "keyword"
    }
    for document in documents:
        view = View(document, None)
        for start in document.starts if keywords else ():
            for (kind, word), shown in _heard(document, start, answers=True):
                owner = keywords.get(word.split(" ")[0]) if kind == "answer" and word else None
                if owner is not None and owner is not document and _share_a_channel(owner, document):
                    keyword = word.split(" ")[0]
                    text = f"{shown} never starts this flow: '{keyword}' is a keyword of '{owner.name}', tried before it"
                    yield view.warning("hidden-start", start.at, text, "Take another keyword there, or another label here.")
                    break


def _written(shown: str) -> str:
    """The word as it stands in the file."""
    return shown.partition("'")[2].rpartition("'")[0]


def _share_a_channel(one: FlowDocument, other: FlowDocument) -> bool:
    return not one.channels or not other.channels or not set(one.channels).isdisjoint(other.channels)


def _heard(document: FlowDocument, start: Start, answers: bool) -> Iterator[tuple[tuple[str, str], str]]:
    """What a start listens to, as a key to compare and as words to show."""
    if start.kind == "keyword":
        yield from ((("keyword", fold(word)), f"the keyword '{word}'") for word in start.words)
    elif start.kind in _NAMED:
        yield from (((start.kind, word), f"the {_NAMED[start.kind]} '{word}'") for word in start.words)
    elif start.kind == "fallback":
        yield ("fallback", ""), "`fallback`"
    elif start.kind != "answer":
        return
    elif not answers:
        yield ("answer", start.step or ""), f"an answer to '{start.step}'"
    else:
        yield from _answers(document, start)


def _answers(document: FlowDocument, start: Start) -> Iterator[tuple[tuple[str, str], str]]:
    """The exact answers that start a flow, as far as the file tells. An integer is heard as all small numbers."""
    verb = next((step.verb for step in document.steps if step.name == start.step), None)
    if not isinstance(verb, Ask):
        return
    if verb.answer.kind == "confirm":
        yield ("answer", "yes"), "the answer 'yes'"
        return
    if verb.answer.kind == "integer":
        yield from ((("answer", str(number)), f"the answer '{number}'") for number in range(100))
        return
    for position, choice in enumerate(verb.answer.choices, 1):
        for word in (*spellings(choice), str(position)):
            yield ("answer", fold(word)), f"the answer '{word}'"
