"""What a bot brings along in Python, in its ``actions.py``: actions that flows call, parsers of answers, resources,
recognisers of intents.

    from vaiven import action, parser, recogniser, resource

    @action("faq.answer")
    async def answer(question: str) -> dict: ...          # runs beside the turns; what it gives is JSON

    @parser("plate")
    def plate(text: str) -> str | None: ...               # pure; None: this is no answer

    @resource("slots")
    def slots(state, event, now): ...                     # pure; gives the new state and effects

    @recogniser("words")
    def intent(text: str, lang: str) -> str | None: ...   # pure; an intent that flows start by, None: none is known

    @checks_params
    def wrong(about): ...                                 # pure; what is wrong with the bot's ``params``

A decorated function stays what it was, so it can be tested as any other; it only bears what it was registered as.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

KEY = "idempotency_key"
"""An action with a parameter of this name gets the call's ``key`` by it, so that it can do a thing once only."""

KINDS = ("action", "parser", "resource", "recogniser")
_CHECK = "checks_params"
_MARK = "__vaiven__"
_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\Z")


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a function takes by name: ``required`` must be given, ``optional`` may; with ``anything``, whatever else, too."""

    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    anything: bool = False

    @property
    def names(self) -> frozenset[str]:
        return self.required | self.optional


@dataclass(frozen=True, slots=True)
class Action:
    """A registered action."""

    name: str
    function: Callable[..., Awaitable[Any]]
    takes_key: bool = False


NO_ACTIONS: Mapping[str, Action] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Registry:
    """What a bot's Python registers, each by its name."""

    actions: Mapping[str, Action] = field(default_factory=dict)
    parsers: Mapping[str, Callable[[str], Any]] = field(default_factory=dict)
    resources: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    recognisers: Mapping[str, Callable[[str, str], str | None]] = field(default_factory=dict)
    param_checks: tuple[Callable[[Any], Any], ...] = ()

    @property
    def recogniser(self) -> Callable[[str, str], str | None] | None:
        """All of them as one: the first that knows an intent, in the order of the file. None: there is none."""
        return self._recognise if self.recognisers else None

    def _recognise(self, text: str, lang: str) -> str | None:
        return next((found for recognise in self.recognisers.values() if (found := recognise(text, lang)) is not None), None)


NOTHING = Registry()


def action(name: str) -> Callable[[Function], Function]:
    """Register an async function as what ``call: <name>`` runs. It is given the call's ``with`` by name.

    What it gives must be JSON, at most 16 KiB (``model.calls.MAX_ANSWER``). If it raises, the call has failed.
    """
    return _registers("action", name)


def parser(name: str) -> Callable[[Function], Function]:
    """Register a pure function as the answer type ``as: {custom: <name>}``: text to value, None for what is no answer."""
    return _registers("parser", name)


def resource(name: str) -> Callable[[Function], Function]:
    """Register a function as the machine of the homes ``res:<bot>/<name>/<key>``. It must be pure."""
    return _registers("resource", name)


def recogniser(name: str) -> Callable[[Function], Function]:
    """Register a pure function that tells the intent of a text, in a language, by which flows start; None: none that it knows."""
    return _registers("recogniser", name)


def checks_params(function: Function) -> Function:
    """Register a pure function that tells what is wrong with the bot's ``params``, before the bot starts.

    It is given what a resource has as ``word.about`` (``params``, ``hours``, ``zone``, ``bot``), and gives, for each problem, a
    path and a text, or these and a cure: ``(("places", 0, "hourse"), "is not known", "Did you mean 'hours'?")``. A param that
    comes from the environment is None where the environment is not looked at, as in ``vaiven check``.
    """
    if inspect.iscoroutinefunction(function):
        raise TypeError("what checks params must be a plain function")
    setattr(function, _MARK, (*getattr(function, _MARK, ()), (_CHECK, "")))
    return function


def _registers(kind: str, name: str) -> Callable[[Function], Function]:
    if kind == "resource" and name == "queue":
        raise ValueError("no resource can be named 'queue': so are the homes of people who wait")
    if kind == "resource" and name == "tokens":
        raise ValueError("no resource can be named 'tokens': so is the home of the HTTP API's tokens")
    if not isinstance(name, str) or not _NAME.match(name):
        raise ValueError(f"{name!r} cannot be the name of what is registered: write it as in @{kind}('desk.ticket')")

    def register(function: Function) -> Function:
        is_async = inspect.iscoroutinefunction(function)
        if is_async is not (kind == "action"):
            raise TypeError(f"{kind} {name!r} must be {'an async' if kind == 'action' else 'a plain'} function")
        setattr(function, _MARK, (*getattr(function, _MARK, ()), (kind, name)))
        return function

    return register


def collect(values: Iterable[object]) -> Registry:
    """What these values, those of a module, were registered as.

    Raises:
        ValueError: two functions have one name.
    """
    found: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
    checks: list[Any] = []
    for value in values:
        for kind, name in getattr(value, _MARK, ()) if inspect.isfunction(value) else ():
            if kind == _CHECK:
                checks += [value] if value not in checks else []
            elif found[kind].setdefault(name, value) is not value:
                raise ValueError(f"two functions are registered as {kind} {name!r}")
    actions = {name: Action(name, function, _takes_key(function)) for name, function in found["action"].items()}
    return Registry(actions, found["parser"], found["resource"], found["recogniser"], tuple(checks))


def _takes_key(function: Callable[..., Any]) -> bool:
    return KEY in inspect.signature(function).parameters
