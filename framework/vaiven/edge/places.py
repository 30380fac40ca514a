"""A setting with the place where it was written, over layers: the bot's file, and what was given over it.

Every problem is collected, not just the first. ``{env: NAME}`` is a value that the environment holds.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from vaiven.flow.problems import Problem, suggest
from vaiven.flow.source import Mapping as Map
from vaiven.flow.source import Node, Scalar, Sequence, Source, scan, to_value

_PLAIN_KEY = re.compile(r"[a-z][a-z0-9_-]*\Z")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class Unknown:
    """The value of an environment variable that we do not look at: a file is checked without its environment."""


UNKNOWN = Unknown()
OPTIONS = "options"
"""The file name of what is given over a file."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One file that says it. ``key`` is None at the top."""

    source: Source
    key: Scalar | None
    node: Node


@dataclass(frozen=True, slots=True)
class Place:
    """One setting under its full name, ``channels.sms.token``. The last layer wins, but maps are merged key by key."""

    name: str
    layers: tuple[Layer, ...]

    @property
    def top(self) -> Layer:
        return self.layers[-1]

    @property
    def is_map(self) -> bool:
        return isinstance(self.top.node, Map)

    @property
    def is_env(self) -> bool:
        """Whether it reads ``{env: NAME}``."""
        return self.is_map and not _mergeable(self.top.node)

    @property
    def is_option(self) -> bool:
        """Whether it was given over the file."""
        return self.top.source.file == OPTIONS

    def children(self) -> dict[str, "Place"]:
        """What stands under it, by key, in the order first written; nothing if it is no map."""
        found: dict[str, tuple[Layer, ...]] = {}
        for layer in self.layers if self.is_map else ():
            if isinstance(layer.node, Map):
                for entry in layer.node.entries:
                    found[entry.key.raw] = (*found.get(entry.key.raw, ()), Layer(layer.source, entry.key, entry.value))
        return {key: Place(self.under(key), _since_last_value(layers)) for key, layers in found.items()}

    def under(self, key: str) -> str:
        """The full name of a key of this map."""
        return f"{self.name}.{key}" if self.name else key


def _since_last_value(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """The layers that still count: a value, which an ``{env: NAME}`` is too, hides all under it and is hidden by all above it."""
    for index in range(len(layers) - 1, 0, -1):
        if not (_mergeable(layers[index].node) and _mergeable(layers[index - 1].node)):
            return layers[index:]
    return layers


def _mergeable(node: Node) -> bool:
    return isinstance(node, Map) and node.get("env") is None


class Reader:
    """Reads values off places. ``environ`` None: the environment is not looked at, and its values are ``UNKNOWN``."""

    def __init__(self, environ: Mapping[str, str] | None) -> None:
        self.environ = environ
        self.problems: list[Problem] = []
        self._hidden: set[str] = set()

    def say(self, place: Place, code: str, text: str, cure: str = "", *, at_key: bool = False) -> None:
        """A problem with this setting, shown at its value, or at its key."""
        source, node = place.top.source, place.top.node
        shown: Node = place.top.key if at_key and place.top.key is not None else node
        self.problems.append(source.problem(code, shown.at, text, cure, width=source.width(shown)))

    def missing(self, place: Place, key: str, cure: str) -> None:
        """A key that must stand in this map and does not."""
        told = f"'{place.under(key)}' is missing"
        self.say(Place(place.name, place.layers[:1]), "missing-setting", told, cure, at_key=True)

    def children(self, place: Place, known: Iterable[str] | None = None) -> dict[str, Place]:
        """What stands under this map. A problem for a key that is not ``known``, and one if this is no map."""
        what = f"'{place.name}'" if place.name else "the file"
        if not place.is_map:
            self.say(place, "wrong-setting", f"{what} must be a map of `key: value`")
            return {}
        children = place.children()
        if known is None:
            return children
        keys = tuple(known)
        for key, child in children.items():
            if key not in keys:
                self.say(child, "unknown-setting", f"{what} has no setting '{key}'", suggest(key, keys, "Settings"), at_key=True)
        return {key: child for key, child in children.items() if key in keys}

    def value(self, place: Place) -> Any:
        """The setting as a plain value. ``UNKNOWN`` where the environment has to say it and cannot, or is not asked."""
        if not place.is_env:
            return self._plain(place)
        name = place.children()["env"]
        variable = to_value(name.top.node)
        if len(place.children()) > 1 or not isinstance(variable, str) or not _ENV_NAME.match(variable):
            self.say(place, "wrong-setting", f"'{place.name}' must name one environment variable", "Write {env: NAME}.")
            return UNKNOWN
        if self.environ is None:
            return UNKNOWN
        value = self.environ.get(variable, "")
        if not value.strip():
            state = "is empty" if variable in self.environ else "is not set"
            cure = f"Set it before the start: export {variable}=..."
            self.say(
                place, "missing-variable", f"'{place.name}' comes from the environment variable {variable}, which {state}", cure
            )
            return UNKNOWN
        return value

    def variables(self, place: Place) -> list[str]:
        """The environment variables that this setting, or the list that it is, comes from."""
        return [name for node in _named_by(place.top.node) if isinstance(name := to_value(node), str)]

    def shown(self, place: Place, value: object) -> str:
        """The value as a problem may tell it: what the environment holds is named, and never shown."""
        variables = self.variables(place)
        return f"what {' or '.join(variables)} holds" if variables else f"'{value}'"

    def _plain(self, place: Place) -> Any:
        node = place.top.node
        if isinstance(node, Sequence):
            items = [
                Place(f"{place.name}[{index}]", (Layer(place.top.source, None, item),)) for index, item in enumerate(node.items)
            ]
            return [self.value(item) for item in items]
        return {key: self.value(child) for key, child in place.children().items()} if place.is_map else to_value(node)

    def text(self, place: Place, example: str) -> str | None:
        """The setting as text that is not empty; else a problem that shows the example, and None."""
        value = self.value(place)
        if isinstance(value, str) and value.strip():
            return value
        if value is not UNKNOWN:
            self.say(place, "wrong-setting", f"'{place.name}' must be a text", f"For example: {example}")
        return None

    def hide(self, place: Place) -> None:
        """This setting is a secret: no problem may show a line on which it stands."""
        for layer in place.layers:
            self._hidden.update(node.raw for node in _scalars(layer.node))

    def holds_literal(self, place: Place) -> bool:
        """Whether a value stands here as it is, and not by the name of an environment variable."""
        return bool(_scalars(place.top.node))

    def told(self) -> list[Problem]:
        """Every problem, without lines that have a secret in them."""
        return [self._without_secrets(problem) for problem in self.problems]

    def _without_secrets(self, problem: Problem) -> Problem:
        if not any(secret in problem.snippet for secret in self._hidden):
            return problem
        return Problem(
            problem.code, problem.file, problem.line, problem.column, problem.text, problem.cure, severity=problem.severity
        )


def _named_by(node: Node) -> list[Node]:
    """What stands after ``env:`` at this node, or in the list at it."""
    nodes = node.items if isinstance(node, Sequence) else (node,)
    return [named for each in nodes if isinstance(each, Map) and (named := each.get("env")) is not None]


def _scalars(node: Node) -> list[Scalar]:
    """The values at this node, or in the list at it, that are not empty."""
    nodes = node.items if isinstance(node, Sequence) else (node,)
    return [each for each in nodes if isinstance(each, Scalar) and each.raw and each.value is not None]


def given(overrides: Mapping[str, Any]) -> tuple[Source | None, list[Problem]]:
    """What was given over a file, as a source of its own with one value a line, so that a problem can show it."""
    return scan("\n".join(_lines(overrides, 0)), OPTIONS) if overrides else (None, [])


def _lines(values: Mapping[str, Any], depth: int) -> Iterable[str]:
    for key, value in values.items():
        name = f"{'  ' * depth}{key if _PLAIN_KEY.match(key) else json.dumps(key, ensure_ascii=False)}:"
        if isinstance(value, Mapping) and value:
            yield name
            yield from _lines(value, depth + 1)
        else:
            yield f"{name} {json.dumps(value, ensure_ascii=False)}"
