"""What the bot's own Python finds wrong with its ``params``, told at the place where each was written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from vaiven.edge.actions import actions_file, checks_params, failure, run_registered
from vaiven.edge.places import Layer, Place, Reader
from vaiven.flow.source import Sequence
from vaiven.model.errors import SettingsError
from vaiven.runtime.resources import About


def check_params(reader: Reader, root: Place, bot_file: Path, about: About) -> None:
    """Ask every function that ``@checks_params`` registers, and tell what each finds as problems of the settings.

    ``root`` is the whole file. ``actions.py`` is run only if it speaks of ``checks_params``.
    """
    if not checks_params(bot_file):
        return
    registry, problem = run_registered(bot_file)
    if problem is not None:
        reader.problems.append(problem)
    for check in registry.param_checks:
        try:
            found = _found(check, about)
        except SettingsError as error:
            reader.problems.append(failure(actions_file(bot_file), error.__cause__ or error))
            continue
        for path, text, cure in found:
            place = _at(root, ("params", *path))
            reader.say(place, "wrong-setting", f"'{_name(path)}' {text}", cure, at_key=True)


def _found(check: Callable[[About], Any], about: About) -> list[tuple[tuple[str | int, ...], str, str]]:
    """What this function finds. It is the bot's own code: however it breaks, that is a problem like any other."""
    try:
        return [_sorted(each) for each in check(about) or ()]
    except Exception as error:
        raise SettingsError([str(error)]) from error


def _sorted(found: Any) -> tuple[tuple[str | int, ...], str, str]:
    """What a function has found: its path, text and cure."""
    path, text, *more = found
    if not isinstance(path, list | tuple) or not isinstance(text, str) or len(more) > 1:
        raise TypeError(f"what checks params gives (path, text) or (path, text, cure), and not {found!r}")
    return tuple(path), text, str(more[0]) if more else ""


def _at(place: Place, path: tuple[str | int, ...]) -> Place:
    """The setting that this path names, or the last on the way to it that there is."""
    for part in path:
        node = place.top.node
        children = {} if place.is_env else place.children()
        if isinstance(part, str) and part in children:
            place = children[part]
        elif isinstance(part, int) and isinstance(node, Sequence) and 0 <= part < len(node.items):
            place = Place(f"{place.name}[{part}]", (Layer(place.top.source, None, node.items[part]),))
        else:
            break
    return place


def _name(path: tuple[str | int, ...]) -> str:
    return "params" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
