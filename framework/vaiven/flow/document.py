"""A flow file as values: what was written, with where it was written. Made by ``parse``, proven by ``check``, run by ``compile``.

Every step name, word and bound is here as the author wrote it; nothing is resolved yet. ``Expression`` and ``Template``
are already compiled, so a misspelt one is found while parsing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vaiven.flow.expressions import Expression
from vaiven.flow.source import Position as Position
from vaiven.flow.templates import Template


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a ``say``: sent when ``condition`` holds or is absent."""

    text: Template
    condition: Expression | None
    at: Position


@dataclass(frozen=True, slots=True)
class Route:
    """Where to go next, if ``condition`` holds: ``set`` first, then ``say``, then ``go`` (None: stay in the step).

    ``quiet`` enters the target without asking its question.
    """

    at: Position
    go: str | None = None
    condition: Expression | None = None
    say: tuple[Part, ...] = ()
    set: tuple[tuple[str, Expression], ...] = ()
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Then:
    """What follows a step. ``routes``: the first that holds, else the next step in the file. ``outcomes``: by outcome name.

    ``otherwise`` are the routes of ``else`` in an outcome map.
    """

    routes: tuple[Route, ...] = ()
    outcomes: Mapping[str, tuple[Route, ...]] = field(default_factory=dict)
    otherwise: tuple[Route, ...] = ()
    at: Position | None = None


@dataclass(frozen=True, slots=True)
class ChoiceSpec:
    """One choice of an ``ask``, in file order: its position is its number, from 1."""

    id: str
    label: Template
    also: tuple[str, ...]
    at: Position
    go: str | None = None


@dataclass(frozen=True, slots=True)
class AnswerSpec:
    """What an ``ask`` takes: ``kind`` is ``choices``, ``text``, ``integer`` or ``confirm``.

    ``min`` and ``max`` are bounds of the number or of the text's length; ``pattern`` must match the whole text;
    ``fold`` is ``upper``, ``lower`` or None; ``media``: kinds of file that are an answer too.
    """

    kind: str
    at: Position
    choices: tuple[ChoiceSpec, ...] = ()
    min: Expression | None = None
    max: Expression | None = None
    pattern: str | None = None
    fold: str | None = None
    media: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Say:
    parts: tuple[Part, ...]
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """``retry`` None: absent, so the hint and the question once.

    ``otherwise``: the route of ``else``, None: the bot's error flow.
    """

    question: tuple[Part, ...]
    answer: AnswerSpec
    save: str | None = None
    hint: Template | None = None
    retry: tuple[Template, ...] | None = None
    otherwise: Route | None = None
    reject: Mapping[str, Route] = field(default_factory=dict)
    skip: Expression | None = None
    stale: str = "explain"
    interruptible: bool = True


@dataclass(frozen=True, slots=True)
class Tally:
    """``cap`` None: no cap."""

    poll: Template
    option: Template
    cap: Template | None = None


@dataclass(frozen=True, slots=True)
class Branch:
    """The first route that holds, those of the step's ``then`` last; none: the next step."""

    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class Set:
    values: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True, slots=True)
class End:
    """``text`` None: a silent end (written as ``""``)."""

    text: Template | None
    outcome: str


Verb = Say | Ask | Tally | Branch | Set | End


@dataclass(frozen=True, slots=True)
class After:
    """A timer of a step. ``idle`` restarts at each message. ``route.go`` None: say it and stay."""

    name: str
    """As written, for instance ``30m`` or ``idle 30m``: it names the timer."""
    delay_ms: int
    idle: bool
    route: Route


@dataclass(frozen=True, slots=True)
class Command:
    """Words that work wherever it covers: ``go``, or ``say`` with ``back`` (the text and the question again).

    ``go`` is a step; for a command of the bot it is a flow.
    """

    name: str
    words: tuple[str, ...]
    at: Position
    go: str | None = None
    say: tuple[Part, ...] = ()
    back: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One step. ``message_class`` is the word of ``class``; ``when`` maps external events to routes."""

    name: str
    at: Position
    verb: Verb
    then: Then | None = None
    after: tuple[After, ...] = ()
    when: Mapping[str, Route] = field(default_factory=dict)
    enter: tuple[Part, ...] = ()
    enter_set: tuple[tuple[str, Expression], ...] = ()
    commands: tuple[Command, ...] = ()
    message_class: str | None = None
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Start:
    """One way in. ``kind``: ``payload`` (words), ``keyword`` (words, rest), ``answer`` (step), ``fallback``."""

    kind: str
    at: Position
    words: tuple[str, ...] = ()
    rest: str | None = None
    step: str | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open: a start at ``opens`` is in, one at ``closes`` is late. None: no bound."""

    opens: Template | None
    closes: Template | None
    early: str | None
    late: str | None
    at: Position


@dataclass(frozen=True, slots=True)
class Variable:
    """``scope`` is ``session`` or ``contact`` (outlives the session); ``pii`` is masked wherever people look."""

    name: str
    at: Position
    type: str = "text"
    default: Any = None
    scope: str = "session"
    pii: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """Somewhere the file names a step, or with ``variable`` a variable that is written to.

    ``key`` is the key it stands under: ``then``, ``else``, ``rest``, ``save``, ``set``, ...
    """

    name: str
    at: Position
    key: str
    quiet: bool = False
    variable: bool = False


@dataclass(frozen=True, slots=True)
class Use:
    """An expression or a text, and where it stands: what the checks of names read.

    ``local`` are names that exist only here, such as ``choices`` and ``hint`` in an ``ask``.
    """

    piece: Expression | Template
    at: Position
    step: str | None = None
    local: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class FlowDocument:
    """``steps`` in file order. ``params`` are the flow's defaults, under the bot's.

    ``targets`` are all the places that name a step or write to a variable, ``uses`` all expressions and texts, both in
    file order: ``check`` reads them.
    """

    name: str
    file: str
    source: str
    version: int
    steps: tuple[Step, ...]
    starts: tuple[Start, ...] = ()
    lang: str | None = None
    title: str | None = None
    channels: tuple[str, ...] = ()
    window: Window | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    vars: Mapping[str, Variable] = field(default_factory=dict)
    commands: tuple[Command, ...] = ()
    default_after: tuple[After, ...] = ()
    default_retry: tuple[Template, ...] | None = None
    default_otherwise: Route | None = None
    targets: tuple["Target", ...] = ()
    uses: tuple["Use", ...] = ()
