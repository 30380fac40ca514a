"""The bot's ``actions.py``: run when the bot starts; only read when its flows are checked, unless it checks params itself."""

import ast
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from traceback import extract_tb
from types import ModuleType

from vaiven.edge.paths import ACTIONS
from vaiven.flow.problems import Problem, in_file_order
from vaiven.model.errors import SettingsError
from vaiven.runtime.registry import KEY, KINDS, NOTHING, Parameters, Registry, collect

_loads = count(1)


@dataclass(frozen=True, slots=True)
class Registered:
    """The names that an ``actions.py`` registers, as they stand in it; ``actions`` with what each takes."""

    actions: Mapping[str, Parameters] = field(default_factory=dict)
    parsers: frozenset[str] = frozenset()
    resources: frozenset[str] = frozenset()
    recognisers: frozenset[str] = frozenset()


def actions_file(bot_file: Path) -> Path:
    """Where the Python of this bot stands, if it has some: beside its ``bot.yaml``."""
    return bot_file.parent / ACTIONS


def load_registry(bot_file: Path) -> Registry:
    """Run the bot's ``actions.py`` and give what it registers; nothing where there is none.

    Raises:
        SettingsError: it cannot be run; the problem says where it stopped.
    """
    file = actions_file(bot_file)
    if not file.exists():
        return NOTHING
    try:
        return collect(vars(_run(file)).values())
    except (Exception, SystemExit) as error:
        raise SettingsError([str(failure(file, error))]) from error


def run_registered(bot_file: Path) -> tuple[Registry, Problem | None]:
    """What the bot's ``actions.py`` registers when it is run; or nothing, and where it stopped."""
    try:
        return load_registry(bot_file), None
    except SettingsError as error:
        return NOTHING, failure(actions_file(bot_file), error.__cause__ or error)


def checks_params(bot_file: Path) -> bool:
    """Whether the bot's ``actions.py`` speaks of checking params, so that it must be run to know what is wrong with them."""
    try:
        return b"checks_params" in actions_file(bot_file).read_bytes()
    except OSError:
        return False


def _run(file: Path) -> ModuleType:
    # A name of its own: two bots in one process must not take each other's for theirs.
    spec = importlib.util.spec_from_file_location(f"vaiven_actions_{next(_loads)}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    folder = str(file.parent.resolve())
    sys.modules[spec.name] = module
    if folder not in sys.path:
        sys.path.append(folder)  # at the end: a helper beside it is found, and hides nothing that is installed
    spec.loader.exec_module(module)
    return module


def failure(file: Path, error: BaseException) -> Problem:
    """Where in this ``actions.py`` it stopped, and why."""
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return _no_python(file, error)
    lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == str(file)]
    line = lines[-1] if lines and lines[-1] else 0
    cure = ""
    if isinstance(error, ModuleNotFoundError) and error.name:
        cure = f"Install what '{error.name}' comes with where vaiven runs, or put {error.name}.py beside this file."
    told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return Problem("bad-actions", str(file), line, 1 if line else 0, told, cure, snippet=_line(file, line))


def _line(file: Path, line: int) -> str:
    try:
        return file.read_text("utf-8").splitlines()[line - 1] if line else ""
    except (OSError, UnicodeDecodeError, IndexError):
        return ""


def _no_python(file: Path, error: SyntaxError) -> Problem:
    line, snippet = error.lineno or 0, (error.text or "").rstrip("\n")
    return Problem("bad-actions", str(file), line, error.offset or 1, f"this is no Python: {error.msg}", snippet=snippet)


# -- reading without running -----------------------------------------------------------------------------------------------


def read_registered(bot_file: Path) -> tuple[Registered, list[Problem]]:
    """The names that the bot's ``actions.py`` registers, and what is wrong with how it does. Nothing of it is run.

    Only what is written as ``@action("name")``, with a literal name, is seen.
    """
    file = actions_file(bot_file)
    try:
        text = file.read_text("utf-8")
        tree = ast.parse(text, str(file))
    except FileNotFoundError:
        return Registered(), []
    except SyntaxError as error:
        return Registered(), [_no_python(file, error)]
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        return Registered(), [Problem("bad-actions", str(file), 0, 0, f"the file cannot be read: {type(error).__name__}")]
    return _Reading(file, text).read(tree)


class _Reading:
    """One look through a file."""

    def __init__(self, file: Path, text: str) -> None:
        self._file, self._lines = str(file), text.splitlines()
        self._problems: list[Problem] = []
        self._found: dict[str, dict[str, Parameters]] = {kind: {} for kind in KINDS}
        self._names: dict[str, str] = {}

    def read(self, tree: ast.Module) -> tuple[Registered, list[Problem]]:
        self._names = dict(_imported(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for decorator in node.decorator_list:
                    self._decorated(node, decorator)
        found = self._found
        told = Registered(found["action"], *(frozenset(found[kind]) for kind in KINDS[1:]))
        return told, in_file_order(self._problems)

    def _decorated(self, node: ast.FunctionDef | ast.AsyncFunctionDef, decorator: ast.expr) -> None:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        kind = self._kind(called)
        if kind is None:
            return
        name = decorator.args[0] if isinstance(decorator, ast.Call) and len(decorator.args) == 1 else None
        if not isinstance(name, ast.Constant) or not isinstance(name.value, str):
            self._say(decorator, f"@{kind} takes the name that flows use, as a text", f'For example: @{kind}("{node.name}")')
            return
        if isinstance(node, ast.AsyncFunctionDef) is not (kind == "action"):
            wanted = f"async def {node.name}" if kind == "action" else f"def {node.name}"
            self._say(node, f"{kind} '{name.value}' must be {'an async' if kind == 'action' else 'a plain'} function", wanted)
        if name.value in self._found[kind]:
            self._say(name, f"two functions are registered as {kind} '{name.value}'")
        self._found[kind][name.value] = _parameters(node.args)

    def _kind(self, called: ast.expr) -> str | None:
        """What a decorator registers, by the name that it was imported under."""
        if isinstance(called, ast.Name):
            return self._names.get(called.id)
        if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
            return called.attr if self._names.get(called.value.id) == "vaiven" and called.attr in KINDS else None
        return None

    def _say(self, node: ast.expr | ast.stmt, text: str, cure: str = "") -> None:
        line = node.lineno
        snippet = self._lines[line - 1] if line <= len(self._lines) else ""
        self._problems.append(Problem("bad-actions", self._file, line, node.col_offset + 1, text, cure, snippet=snippet))


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Names in this file under which ``vaiven``, or one of its decorators, goes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "vaiven" and not node.level:
            yield from ((one.asname or one.name, one.name) for one in node.names if one.name in KINDS)
        elif isinstance(node, ast.Import):
            yield from ((one.asname or one.name, "vaiven") for one in node.names if one.name == "vaiven")


def _parameters(given: ast.arguments) -> Parameters:
    positional = given.args
    needed = {one.arg for one in positional[: len(positional) - len(given.defaults)]}
    needed |= {one.arg for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True) if default is None}
    every = {one.arg for one in (*positional, *given.kwonlyargs)}
    # The call's key is not given by the flow.
    return Parameters(frozenset(needed - {KEY}), frozenset(every - needed - {KEY}), given.kwarg is not None)
