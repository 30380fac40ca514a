"""Every name in the file stands for something: steps that are gone to, variables, params, answers."""

from collections.abc import Iterator

from vaiven.flow.checks.view import View
from vaiven.flow.checks.words import word_at
from vaiven.flow.document import Ask, Handoff, Position, Use
from vaiven.flow.problems import Problem, closest, suggest
from vaiven.flow.templates import Template
from vaiven.flow.values import kind_of

BUILT_IN = {
    "params": None,
    "vars": None,
    "contact": None,
    "channel": (),
    "session": ("id", "visit"),
    "message": ("id", "kind", "text"),
    "input": (),
    "window": ("from", "to"),
    "now": (),
    "today": (),
}
"""Names that every flow has, with their fields: None for any."""
_ONLY_IN = {
    "choices": "the texts of an `ask`",
    "hint": "the texts of an `ask`",
    "result": "the routes of a `call` and of `when`; elsewhere a call's answer has the name of its step",
    "item": "`id` and `label` of choices with `each`",
    "queue": "a `handoff` or `relay`",
    "agent": "a `handoff` or `relay`",
}
TAKEN = frozenset(BUILT_IN) | frozenset(_ONLY_IN)
"""Names that no variable and no answer may have."""


def targets(view: View) -> Iterator[Problem]:
    """Every step that is gone to is there, and every variable that is written to is declared."""
    for target in view.document.targets:
        if target.variable:
            if target.name not in view.document.vars:
                cure = suggest(target.name, view.document.vars, "Variables")
                cure = cure or f"Declare it at the top: `vars: {{{target.name}: text}}`."
                yield view.problem("unknown-variable", target.at, f"the variable '{target.name}' is not declared", cure)
        elif target.name not in view.steps:
            cure = suggest(target.name, (*view.steps, *view.document.sections), "Steps")
            if target.key == "meanwhile":
                cure = f"{cure}\nIf it is to be said, write `meanwhile: {{say: ...}}`."
            yield view.problem("unknown-step", target.at, f"there is no step '{target.name}' in this flow", cure)


def names(view: View) -> Iterator[Problem]:
    """Every name in an expression or a text is a variable, an answer, or one of the language."""
    answers = view.answers
    for use in view.document.uses:
        for dotted in sorted(use.piece.names):
            yield from _name(view, use, dotted, answers)


def _name(view: View, use: Use, dotted: str, answers: dict[str, tuple[str, ...] | None]) -> Iterator[Problem]:
    top, *fields = dotted.split(".")
    at = view.place_of(use, dotted)
    if top in view.unread or top in use.local:
        return
    if top == "params":
        yield from _param(view, at, fields)
    elif top == "vars":
        yield from _field(view, at, top, fields, tuple(view.document.vars))
    elif top in BUILT_IN:
        yield from _field(view, at, top, fields, BUILT_IN[top])
    elif top in answers:
        yield from _field(view, at, top, fields, answers[top])
    elif top in view.document.vars:
        yield from _field(view, at, top, fields, ())
    elif top in _ONLY_IN:
        yield view.problem("unknown-name", at, f"'{top}' is only there in {_ONLY_IN[top]}")
    else:
        yield view.problem("unknown-name", at, f"'{top}' is not known here", _unknown_cure(view, top, answers))


def _unknown_cure(view: View, top: str, answers: dict[str, tuple[str, ...] | None]) -> str:
    if top in view.steps:
        return f"Step '{top}' leaves no answer: only `ask`, `tally`, `call` and a `wait` for an event do."
    known = [*view.document.vars, *answers, *BUILT_IN]
    return suggest(top, known, "Known") + f"\nA text in an expression stands in quotes of its own: \"'{top}'\"."


def _param(view: View, at: Position, fields: list[str]) -> Iterator[Problem]:
    if not fields:
        yield view.problem("unknown-name", at, "'params' is a group: name one of them", "For instance params.max_votes.")
        return
    known = {*view.document.params, *(view.params or {})}
    if fields[0] in known:
        return
    name = fields[0]
    if view.params is not None:
        cure = suggest(name, sorted(known), "Params") or f"Declare it in the flow, `params: {{{name}: ...}}`, or in the bot."
        yield view.problem("unknown-param", at, f"the param '{name}' is declared neither in the flow nor in the bot", cure)
    elif near := closest(name, known):
        text = f"the param '{name}' is not declared in the flow"
        yield view.warning("unknown-param", at, text, f"Unless the bot declares it: did you mean '{near}'?")


def _field(view: View, at: Position, top: str, fields: list[str], known: tuple[str, ...] | None) -> Iterator[Problem]:
    if not fields or known is None:
        return
    if len(fields) == 1 and fields[0] in known:
        return
    cure = suggest(fields[0], known, f"Fields of '{top}'") or f"Write {top}."
    yield view.problem("unknown-field", at, f"'{top}' has no field '{'.'.join(fields)}'", cure)


def taken_names(view: View) -> Iterator[Problem]:
    """No answer and no variable hides a name of the language, or each other."""
    for step in view.document.steps:
        if step.name not in view.answers:
            continue
        if step.name in TAKEN:
            text = f"'{step.name}' is a name of the language, so this step's answer could not be read"
            yield view.problem("taken-name", step.at, text, "Give the step another name.")
        elif variable := view.document.vars.get(step.name):
            text = f"the variable '{step.name}' and the answer of step '{step.name}' have one name"
            yield view.problem("taken-name", variable.at, text, "Rename one; `save:` puts an answer into a variable.")
    for variable in view.document.vars.values():
        if variable.name in TAKEN:
            text = f"'{variable.name}' is a name of the language and cannot be a variable"
            yield view.problem("taken-name", variable.at, text, "Give it another name.")


def kinds_of_params(view: View) -> Iterator[Problem]:
    """A param that is compared or reckoned with is, in the bot, what it is in the flow: ``max_votes: "2"`` is no number."""
    for name, default in view.document.params.items():
        given = (view.params or {}).get(name)
        if given is None or default is None or kind_of(given) == kind_of(default):
            continue
        use = next((use for use in view.document.uses if _reckons(use, f"params.{name}")), None)
        if use is not None:
            text = (
                f"the bot gives the param '{name}' as {kind_of(given)}, {given!r}, and the flow reckons with a {kind_of(default)}"
            )
            cure = f"Write it in the bot as the flow does: `{name}: {default}`."
            yield view.problem("wrong-param", view.place_of(use, f"params.{name}"), text, cure)


def _reckons(use: Use, name: str) -> bool:
    """Whether this does more with the name than to print it."""
    pieces = use.piece.expressions if isinstance(use.piece, Template) else ((0, use.piece),)
    return any(name in piece.names and piece.source.strip() != name for _, piece in pieces)


def ask_texts(view: View) -> Iterator[Problem]:
    """``{choices}`` and ``{hint}`` have something to print."""
    for use in view.document.uses:
        ask = view.steps[use.step].verb if use.step in view.steps else None
        if not isinstance(ask, Ask) or not use.local:
            continue
        if "choices" in use.piece.names and ask.answer.kind not in ("choices", "many_of"):
            text = f"step '{use.step}' has no choices to print"
            yield view.problem("nothing-to-print", view.place_of(use, "choices"), text, "Remove {choices}.")
        if "hint" in use.piece.names and ask.hint is None:
            text = f"step '{use.step}' has no hint, so {{hint}} prints nothing"
            yield view.warning("nothing-to-print", view.place_of(use, "hint"), text, "Add `hint:` to the step, or remove {hint}.")


def _read(view: View) -> frozenset[str]:
    """The first words of all names that are read."""
    return frozenset(dotted.partition(".")[0] for use in view.document.uses for dotted in use.piece.names)


def unused_variables(view: View) -> Iterator[Problem]:
    """Every variable is read, or at least written to for others to read."""
    read = _read(view) | {dotted.removeprefix("vars.") for use in view.document.uses for dotted in use.piece.names}
    written = {target.name for target in view.document.targets if target.variable}
    shared = {name for step in view.document.steps if isinstance(step.verb, Handoff) for name in step.verb.share}
    for variable in view.document.vars.values():
        if variable.name in read | shared or "vars" in {name for use in view.document.uses for name in use.piece.names}:
            continue
        if variable.name not in written:
            text = f"the variable '{variable.name}' is never used"
            yield view.warning("unused-variable", variable.at, text, "Remove it, or read or set it somewhere.")
        elif variable.scope == "session":
            text = f"the variable '{variable.name}' is set and never read"
            cure = "Remove it, or read it; `scope: contact` keeps it for other flows."
            yield view.problem("unused-variable", variable.at, text, cure, severity="hint")


def unused_params(view: View) -> Iterator[Problem]:
    """Every param that the flow declares is read in it."""
    read = {dotted for use in view.document.uses for dotted in use.piece.names}
    for name in view.document.params:
        if f"params.{name}" not in read and not any(each.startswith(f"params.{name}.") for each in read):
            text = f"the param '{name}' is never used in this flow"
            at = word_at(view, view.key_at("params"), name)
            yield view.problem(
                "unused-param", at, text, "Remove it; the bot's own params need no default here.", severity="warning"
            )


def unused_answers(view: View) -> Iterator[Problem]:
    """What people choose leads somewhere, is kept, or is read."""
    read = _read(view)
    shared = {name for step in view.document.steps if isinstance(step.verb, Handoff) for name in step.verb.share}
    for step, ask in view.asks():
        chosen = ask.answer.choices
        if len(chosen) > 1 and not ask.save and step.name not in read | shared and not any(choice.go for choice in chosen):
            text = f"what people choose at step '{step.name}' changes nothing: it leads nowhere of its own and nothing reads it"
            yield view.problem("unused-answer", step.at, text, "Give the choices a `go`, or read the answer.", severity="hint")
