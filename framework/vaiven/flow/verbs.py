"""What the steps of a flow do, as values: texts, routes, answers and the verbs themselves, as they were written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vaiven.flow.expressions import Expression
from vaiven.flow.source import Position
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
    """One choice of an ``ask``, in file order: its position is its number, from 1. ``others``: more words, by language."""

    id: str
    label: Template
    also: tuple[str, ...]
    at: Position
    go: str | None = None
    others: Mapping[str, tuple[str, ...]] | None = None


@dataclass(frozen=True, slots=True)
class AnswerSpec:
    """What an ``ask`` takes: ``kind`` is ``choices`` (``one_of`` is another word for it), ``many_of``, ``text integer number date
    time datetime phone email url location media confirm`` or ``custom`` (``parser``: the registered one).

    ``min`` and ``max`` are bounds of the number or of the text's length; ``pattern`` must match the whole text;
    ``fold`` is ``upper``, ``lower`` or None; ``media``: kinds of file that are an answer too.
    ``each``: choices made at run time, one for each ``item`` of a list, by ``each_id`` and ``each_label``. ``prefer`` is
    ``future`` or ``past``, for dates that fit both.
    """

    kind: str
    at: Position
    choices: tuple[ChoiceSpec, ...] = ()
    min: Expression | None = None
    max: Expression | None = None
    pattern: str | None = None
    fold: str | None = None
    media: tuple[str, ...] = ()
    each: Expression | None = None
    each_id: Template | None = None
    each_label: Template | None = None
    prefer: str | None = None
    parser: str | None = None


@dataclass(frozen=True, slots=True)
class MediaSpec:
    """A file to send. ``kind`` is ``image video audio document sticker``; ``url`` gives an absolute https address."""

    kind: str
    url: Template
    at: Position
    name: Template | None = None


@dataclass(frozen=True, slots=True)
class TemplateSpec:
    """A message that the provider approved beforehand: its name there, what fills its blanks, payloads of its buttons."""

    name: str
    at: Position
    lang: str | None = None
    values: tuple[Template, ...] = ()
    payloads: tuple[Template, ...] = ()


@dataclass(frozen=True, slots=True)
class Say:
    """``media`` goes with the last part. ``template`` goes instead of the text where the channel has templates."""

    parts: tuple[Part, ...]
    apart: bool = False
    media: tuple[MediaSpec, ...] = ()
    template: TemplateSpec | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """``retry`` None: absent, so the hint and the question once.

    ``otherwise``: the route of ``else``, None: the bot's error flow. ``template`` goes instead of the question where the channel
    has templates, and its time for anything else is over.
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
    template: TemplateSpec | None = None


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


@dataclass(frozen=True, slots=True)
class Group:
    """A JSON object or list of a call, as written: its leaves are templates or plain values."""

    items: tuple[tuple[str | None, "Template | Group | Any"], ...]
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """``method`` in capitals. Values in ``url`` are percent-encoded; ``query``, ``headers`` and ``json`` as written."""

    method: str
    url: Template
    query: tuple[tuple[str, Template], ...] = ()
    headers: tuple[tuple[str, Template], ...] = ()
    json: "Group | Template | None" = None


@dataclass(frozen=True, slots=True)
class ActionTarget:
    """A registered action and what it is given by ``with``."""

    name: str
    arguments: tuple[tuple[str, "Template | Group | Any"], ...] = ()


@dataclass(frozen=True, slots=True)
class ResourceTarget:
    """A resource: ``do`` is the word it is told, ``of`` the key of the one that is meant, ``arguments`` the word's data."""

    name: str
    of: Template
    do: str
    arguments: tuple[tuple[str, "Template | Group | Any"], ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """``meanwhile``: what is said to, or where goes, who writes while it runs; None: their message is held.

    ``fail`` None: the error transition.
    """

    target: HttpTarget | ActionTarget | ResourceTarget
    key: Template | None = None
    timeout_ms: int = 10_000
    retries: int = 0
    meanwhile: Route | None = None
    fail: Route | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """Weights by outcome, in file order."""

    weights: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Run:
    """A subflow; ``arguments`` set its variables. Its outcome is the step's."""

    flow: str
    at: Position
    arguments: tuple[tuple[str, Template], ...] = ()


@dataclass(frozen=True, slots=True)
class Handoff:
    queue: str
    skills: Template | None = None
    share: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Relay:
    queue: str


@dataclass(frozen=True, slots=True)
class Wait:
    """One of three: a time, an instant or a day and time as a text, an event by its name."""

    delay_ms: int | None = None
    until: Template | None = None
    event: str | None = None


Verb = Say | Ask | Tally | Branch | Set | End | Call | Split | Run | Handoff | Relay | Wait
