"""A flow file as values: what was written, with where it was written. Made by ``parse``, proven by ``check``, run by ``compile``.

Every step name, word and bound is here as the author wrote it; only sections are unrolled. ``Expression`` and ``Template``
are already compiled, so a misspelt one is found while parsing. The verbs themselves are in ``verbs``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vaiven.flow.expressions import Expression
from vaiven.flow.source import Position as Position
from vaiven.flow.templates import Template
from vaiven.flow.verbs import ActionTarget as ActionTarget
from vaiven.flow.verbs import AnswerSpec as AnswerSpec
from vaiven.flow.verbs import Ask as Ask
from vaiven.flow.verbs import Branch as Branch
from vaiven.flow.verbs import Call as Call
from vaiven.flow.verbs import ChoiceSpec as ChoiceSpec
from vaiven.flow.verbs import End as End
from vaiven.flow.verbs import Group as Group
from vaiven.flow.verbs import Handoff as Handoff
from vaiven.flow.verbs import HttpTarget as HttpTarget
from vaiven.flow.verbs import MediaSpec as MediaSpec
from vaiven.flow.verbs import Part as Part
from vaiven.flow.verbs import Relay as Relay
from vaiven.flow.verbs import ResourceTarget as ResourceTarget
from vaiven.flow.verbs import Route as Route
from vaiven.flow.verbs import Run as Run
from vaiven.flow.verbs import Say as Say
from vaiven.flow.verbs import Set as Set
from vaiven.flow.verbs import Split as Split
from vaiven.flow.verbs import Tally as Tally
from vaiven.flow.verbs import TemplateSpec as TemplateSpec
from vaiven.flow.verbs import Then as Then
from vaiven.flow.verbs import Verb as Verb
from vaiven.flow.verbs import Wait as Wait


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

    ``go`` is a step; for a command of the bot it is a flow. ``run`` is a flow that goes on top and comes back to the question.
    """

    name: str
    words: tuple[str, ...]
    at: Position
    go: str | None = None
    say: tuple[Part, ...] = ()
    back: bool = False
    run: str | None = None


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
    exit: tuple[Part, ...] = ()
    exit_set: tuple[tuple[str, Expression], ...] = ()
    message_class: str | None = None
    keep: bool = False
    tags: tuple[str, ...] = ()
    section: str | None = None
    """The section it stands in, the outer one first, with a slash between."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a flow begins by itself: ``before_ms`` before the instant that ``of`` gives, or by a cron line (five fields), in the
    contact's zone; ``condition`` says for whom."""

    at: Position
    before_ms: int | None = None
    of: Expression | None = None
    cron: str | None = None
    condition: Expression | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """One way in. ``kind``: ``payload referral event api keyword answer intent fallback schedule``.

    ``words`` are the payloads, referral codes, event names, keywords or intents; ``go`` a step to begin at instead of the first.
    """

    kind: str
    at: Position
    words: tuple[str, ...] = ()
    rest: str | None = None
    step: str | None = None
    go: str | None = None
    schedule: Schedule | None = None


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
class Translation:
    """The texts of a flow in another language, by key (``pick.ask``), and more words that people may write. ``places``: where
    they stand in its file."""

    lang: str
    file: str
    source: str
    texts: Mapping[str, Template] = field(default_factory=dict)
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    places: Mapping[str, Position] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FlowDocument:
    """``steps`` in file order, those of sections unrolled, with what they share on each; ``sections`` maps a section to its first
    step, which is what its name has become wherever something goes to it. ``migrate`` maps steps of earlier versions to those
    where people go on. ``params`` are the flow's defaults, under the bot's. ``zone`` is the flow's own, an IANA name.

    ``translations`` are those that stand beside it, by language; what they say is in each text itself, too. ``source`` is the
    text of the file and theirs.

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
    zone: str | None = None
    title: str | None = None
    channels: tuple[str, ...] = ()
    window: Window | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    vars: Mapping[str, Variable] = field(default_factory=dict)
    commands: tuple[Command, ...] = ()
    default_after: tuple[After, ...] = ()
    default_retry: tuple[Template, ...] | None = None
    default_otherwise: Route | None = None
    migrate: Mapping[str, str] = field(default_factory=dict)
    sections: Mapping[str, str] = field(default_factory=dict)
    translations: Mapping[str, "Translation"] = field(default_factory=dict)
    targets: tuple["Target", ...] = ()
    uses: tuple["Use", ...] = ()
